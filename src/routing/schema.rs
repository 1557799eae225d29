//! The facts that conditions may name, with their types and values.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// Type of a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FactType {
    /// Text.
    String,
    /// Whole number.
    Int,
    /// Number with a fraction.
    Double,
    /// True or false.
    Bool,
    /// List of texts.
    List,
}

impl FactType {
    /// The type that a rule file calls `name` under `[facts]`.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "string" => FactType::String,
            "int" => FactType::Int,
            "double" => FactType::Double,
            "bool" => FactType::Bool,
            "list" => FactType::List,
            _ => return None,
        })
    }
}

impl fmt::Display for FactType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FactType::String => "string",
            FactType::Int => "int",
            FactType::Double => "double",
            FactType::Bool => "bool",
            FactType::List => "list",
        })
    }
}

/// A fact that every rule file knows, for editors that offer completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FactDef {
    /// Name in conditions.
    #[schema(example = "sentiment")]
    pub name: &'static str,
    /// Its type.
    pub fact_type: FactType,
    /// All its values, where they are a closed set; otherwise empty.
    #[schema(example = json!(["positive", "neutral", "negative"]))]
    pub values: &'static [&'static str],
}

/// The facts that every rule file knows, in the order of [`Facts`](super::Facts).
pub fn built_in_facts() -> impl Iterator<Item = FactDef> {
    TABLE.iter().map(|(_, def)| *def)
}

/// Names a fact that always has a value: the field of `Facts` of that name, or what is derived
/// from the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum BuiltIn {
    Intent,
    IntentScore,
    Margin,
    Outcome,
    OutOfScope,
    Sentiment,
    SentimentScore,
    Emotion,
    Urgency,
    Complexity,
    Language,
    Entities,
    Tags,
    VipLevel,
    ValueTier,
    Lifecycle,
    Channel,
    Strikes,
    HumanRequested,
    Complaint,
    Hour,
    Weekday,
    Date,
}

impl BuiltIn {
    pub(crate) fn named(name: &str) -> Option<Self> {
        TABLE.iter().find(|(_, def)| def.name == name).map(|(built_in, _)| *built_in)
    }

    pub(crate) fn def(self) -> FactDef {
        // The table is in the order of the enum, which `the_table_is_in_order` checks.
        TABLE[self as usize].1
    }

    pub(crate) fn name(self) -> &'static str {
        self.def().name
    }
}

const fn def(name: &'static str, fact_type: FactType) -> FactDef {
    FactDef { name, fact_type, values: &[] }
}

const fn one_of(name: &'static str, values: &'static [&'static str]) -> FactDef {
    FactDef { name, fact_type: FactType::String, values }
}

const TABLE: [(BuiltIn, FactDef); 23] = [
    (BuiltIn::Intent, def("intent", FactType::String)),
    (BuiltIn::IntentScore, def("intent_score", FactType::Double)),
    (BuiltIn::Margin, def("margin", FactType::Double)),
    (BuiltIn::Outcome, one_of("outcome", &["accept", "clarify", "reject"])),
    (BuiltIn::OutOfScope, def("out_of_scope", FactType::Double)),
    (BuiltIn::Sentiment, one_of("sentiment", &["positive", "neutral", "negative"])),
    (BuiltIn::SentimentScore, def("sentiment_score", FactType::Double)),
    (
        BuiltIn::Emotion,
        one_of("emotion", &["angry", "anxious", "disappointed", "pleased", "calm", "other"]),
    ),
    (BuiltIn::Urgency, def("urgency", FactType::Int)),
    (BuiltIn::Complexity, one_of("complexity", &["standard", "human", "expert"])),
    (BuiltIn::Language, def("language", FactType::String)),
    (BuiltIn::Entities, def("entities", FactType::List)),
    (BuiltIn::Tags, def("tags", FactType::List)),
    (BuiltIn::VipLevel, def("vip_level", FactType::Int)),
    (BuiltIn::ValueTier, one_of("value_tier", &["top", "middle", "rest", "unknown"])),
    (BuiltIn::Lifecycle, one_of("lifecycle", &["new", "active", "dormant", "churned", "unknown"])),
    (BuiltIn::Channel, one_of("channel", CHANNELS)),
    (BuiltIn::Strikes, def("strikes", FactType::Int)),
    (BuiltIn::HumanRequested, def("human_requested", FactType::Bool)),
    (BuiltIn::Complaint, def("complaint", FactType::Bool)),
    (BuiltIn::Hour, def("hour", FactType::Int)),
    (BuiltIn::Weekday, def("weekday", FactType::Int)),
    (BuiltIn::Date, def("date", FactType::String)),
];

/// Every channel a customer can speak on (requirement C5).
const CHANNELS: &[&str] = &[
    "web",
    "app",
    "mini_program",
    "phone",
    "official_account",
    "social",
    "community",
    "email",
    "marketplace",
    "video",
    "unknown",
];

/// A fact that a condition refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fact {
    /// Always has a value.
    BuiltIn(BuiltIn),
    /// `customer.name`, declared by the rule file; may be missing.
    Free {
        /// Name without `customer.`.
        name: Box<str>,
        /// The declared type.
        fact_type: FactType,
    },
}

impl Fact {
    /// Name as conditions write it.
    pub(crate) fn path(&self) -> String {
        match self {
            Fact::BuiltIn(built_in) => built_in.name().to_owned(),
            Fact::Free { name, .. } => format!("{FREE_FACTS}.{name}"),
        }
    }

    pub(crate) fn fact_type(&self) -> FactType {
        match self {
            Fact::BuiltIn(built_in) => built_in.def().fact_type,
            Fact::Free { fact_type, .. } => *fact_type,
        }
    }
}

/// Root of the free facts in conditions.
pub(crate) const FREE_FACTS: &str = "customer";

/// What conditions of one rule file may refer to.
#[derive(Debug, Default)]
pub(crate) struct Schema<'o> {
    /// Free facts by name.
    pub(crate) free: BTreeMap<String, FactType>,
    /// Labels that the models can give; `None` accepts any.
    pub(crate) known_intents: Option<&'o [String]>,
}

impl Schema<'_> {
    /// The free fact `customer.name`, where it is declared.
    pub(crate) fn free(&self, name: &str) -> Option<Fact> {
        let fact_type = *self.free.get(name)?;
        Some(Fact::Free { name: name.into(), fact_type })
    }

    /// Whether some turn can have this intent.
    pub(crate) fn knows_intent(&self, intent: &str) -> bool {
        self.known_intents.is_none_or(|known| known.iter().any(|label| label == intent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::Facts;

    #[test]
    fn the_table_is_in_order() {
        for (i, (built_in, def)) in TABLE.iter().enumerate() {
            assert_eq!(*built_in as usize, i, "{}", def.name);
        }
    }

    #[test]
    fn every_field_of_the_facts_can_be_named() {
        let serde_json::Value::Object(fields) = serde_json::to_value(Facts::default()).unwrap()
        else {
            panic!("facts are an object")
        };
        for name in fields.keys().filter(|name| *name != FREE_FACTS) {
            assert!(BuiltIn::named(name).is_some(), "{name}");
        }
    }

    #[test]
    fn the_defaults_are_values_of_their_sets() {
        let facts = serde_json::to_value(Facts::default()).unwrap();
        for def in built_in_facts().filter(|def| !def.values.is_empty()) {
            let value = facts[def.name].as_str().unwrap();
            assert!(def.values.contains(&value), "{} = {value}", def.name);
        }
    }
}
