//! What is known about one turn when the rules look at it.

use super::schema::{BuiltIn, Fact, FactType};
use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// Everything the rules may look at, gathered by the caller from models, customer and channel.
///
/// Absent fields take the values of [`Facts::default`]: a calm adult nobody knows anything about,
/// on an unknown channel, whose intent was not recognised.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Facts {
    /// Label of the best intent; `oos` where none was recognised.
    #[schema(example = "shipping.delay")]
    pub intent: String,
    /// Calibrated probability of that intent, 0 to 1.
    #[schema(example = 0.93)]
    pub intent_score: f64,
    /// Distance between the best and the second intent, 0 to 1.
    #[schema(example = 0.81)]
    pub margin: f64,
    /// What the classifier advises: `accept`, `clarify` or `reject`.
    #[schema(example = "accept")]
    pub outcome: String,
    /// Probability that the utterance is none of our business, 0 to 1.
    #[schema(example = 0.01)]
    pub out_of_scope: f64,
    /// `positive`, `neutral` or `negative`.
    #[schema(example = "negative")]
    pub sentiment: String,
    /// Probability of that sentiment, 0 to 1.
    #[schema(example = 0.88)]
    pub sentiment_score: f64,
    /// What the customer feels: `angry`, `anxious`, `disappointed`, `pleased`, `calm` or `other`.
    #[schema(example = "anxious")]
    pub emotion: String,
    /// How soon somebody must act: 0 nothing to act on, 1 the ordinary matter, 2 soon (尽快), 3 now
    /// (马上, 漏电).
    #[schema(example = 2)]
    pub urgency: i64,
    /// `standard` (a bot can answer), `human` or `expert`.
    #[schema(example = "standard")]
    pub complexity: String,
    /// Language of the utterance as an ISO 639-1 code, `und` for none or an unknown one.
    #[schema(example = "zh")]
    pub language: String,
    /// Types of the entities found, such as `order_number` or `phone`.
    #[schema(example = json!(["order_number"]))]
    pub entities: Vec<String>,
    /// Tags of the customer, in the shop's own words.
    #[schema(example = json!(["高价值用户", "elderly"]))]
    pub tags: Vec<String>,
    /// Level in the member programme: 0 none, 1 银卡, 2 金卡, 3 钻石.
    #[schema(example = 3)]
    pub vip_level: i64,
    /// Value by annual spend: `top` (20 %), `middle` (50 %), `rest` (30 %) or `unknown`.
    #[schema(example = "top")]
    pub value_tier: String,
    /// `new`, `active`, `dormant`, `churned` or `unknown`.
    #[schema(example = "active")]
    pub lifecycle: String,
    /// Where the customer speaks: `web`, `app`, `mini_program`, `phone`, `official_account`,
    /// `social`, `community`, `email`, `marketplace`, `video` or `unknown`.
    #[schema(example = "app")]
    pub channel: String,
    /// Bot turns in a row that did not solve the matter.
    #[schema(example = 1)]
    pub strikes: i64,
    /// Whether the customer asked for a person.
    #[schema(example = false)]
    pub human_requested: bool,
    /// Whether the customer complains or threatens to, by intent or words (投诉, 12315, 曝光).
    #[schema(example = false)]
    pub complaint: bool,
    /// Free facts of the shop, declared under `[facts]` in the rule file and read as `customer.x`.
    #[schema(value_type = Object, example = json!({"region": "新疆", "annual_spend": 26800.0}))]
    pub customer: serde_json::Map<String, serde_json::Value>,
}

impl Default for Facts {
    fn default() -> Self {
        Self {
            intent: "oos".into(),
            intent_score: 0.0,
            margin: 0.0,
            outcome: "accept".into(),
            out_of_scope: 0.0,
            sentiment: "neutral".into(),
            sentiment_score: 0.0,
            emotion: "calm".into(),
            urgency: 0,
            complexity: "standard".into(),
            language: "zh".into(),
            entities: Vec::new(),
            tags: Vec::new(),
            vip_level: 0,
            value_tier: "unknown".into(),
            lifecycle: "unknown".into(),
            channel: "unknown".into(),
            strikes: 0,
            human_requested: false,
            complaint: false,
            customer: serde_json::Map::new(),
        }
    }
}

/// Facts as the conditions see them: with the local time derived from the turn's instant.
#[derive(Debug)]
pub(crate) struct View<'f> {
    facts: &'f Facts,
    declared: &'f BTreeMap<String, FactType>,
    local: DateTime,
    date: OnceLock<String>,
}

impl<'f> View<'f> {
    /// `declared` are the free facts of the rule set, `local` is the turn's instant on its clocks.
    pub(crate) fn new(
        facts: &'f Facts,
        declared: &'f BTreeMap<String, FactType>,
        local: DateTime,
    ) -> Self {
        Self { facts, declared, local, date: OnceLock::new() }
    }

    pub(crate) fn intent(&self) -> &'f str {
        &self.facts.intent
    }

    /// Value of a fact; only free facts can fail.
    pub(crate) fn get<'v>(&'v self, fact: &'v Fact) -> Result<FactValue<'v>, FactError> {
        match fact {
            Fact::BuiltIn(built_in) => Ok(self.built_in(*built_in)),
            Fact::Free { name, fact_type } => self.free(name, *fact_type),
        }
    }

    pub(crate) fn built_in(&self, built_in: BuiltIn) -> FactValue<'_> {
        let facts = self.facts;
        match built_in {
            BuiltIn::Intent => FactValue::Str(&facts.intent),
            BuiltIn::IntentScore => FactValue::Double(facts.intent_score),
            BuiltIn::Margin => FactValue::Double(facts.margin),
            BuiltIn::Outcome => FactValue::Str(&facts.outcome),
            BuiltIn::OutOfScope => FactValue::Double(facts.out_of_scope),
            BuiltIn::Sentiment => FactValue::Str(&facts.sentiment),
            BuiltIn::SentimentScore => FactValue::Double(facts.sentiment_score),
            BuiltIn::Emotion => FactValue::Str(&facts.emotion),
            BuiltIn::Urgency => FactValue::Int(facts.urgency),
            BuiltIn::Complexity => FactValue::Str(&facts.complexity),
            BuiltIn::Language => FactValue::Str(&facts.language),
            BuiltIn::Entities => FactValue::List(Texts::Own(&facts.entities)),
            BuiltIn::Tags => FactValue::List(Texts::Own(&facts.tags)),
            BuiltIn::VipLevel => FactValue::Int(facts.vip_level),
            BuiltIn::ValueTier => FactValue::Str(&facts.value_tier),
            BuiltIn::Lifecycle => FactValue::Str(&facts.lifecycle),
            BuiltIn::Channel => FactValue::Str(&facts.channel),
            BuiltIn::Strikes => FactValue::Int(facts.strikes),
            BuiltIn::HumanRequested => FactValue::Bool(facts.human_requested),
            BuiltIn::Complaint => FactValue::Bool(facts.complaint),
            BuiltIn::Hour => FactValue::Int(self.local.hour().into()),
            BuiltIn::Weekday => FactValue::Int(self.local.weekday().to_monday_one_offset().into()),
            BuiltIn::Date => {
                FactValue::Str(self.date.get_or_init(|| self.local.date().to_string()))
            }
        }
    }

    fn free(&self, name: &str, fact_type: FactType) -> Result<FactValue<'_>, FactError> {
        use serde_json::Value;
        let value = match self.facts.customer.get(name) {
            None | Some(Value::Null) => return Err(FactError::Missing { name: name.into() }),
            Some(value) => value,
        };
        let typed = match (fact_type, value) {
            (FactType::String, Value::String(text)) => Some(FactValue::Str(text)),
            (FactType::Int, Value::Number(number)) => number.as_i64().map(FactValue::Int),
            (FactType::Double, Value::Number(number)) => number.as_f64().map(FactValue::Double),
            (FactType::Bool, Value::Bool(truth)) => Some(FactValue::Bool(*truth)),
            (FactType::List, Value::Array(items)) if items.iter().all(Value::is_string) => {
                Some(FactValue::List(Texts::Json(items)))
            }
            _ => None,
        };
        typed.ok_or_else(|| FactError::WrongType { name: name.into(), fact_type })
    }

    /// The declared free facts that have a usable value.
    pub(crate) fn given(&self) -> impl Iterator<Item = (&str, FactValue<'_>)> {
        self.declared.iter().filter_map(|(name, fact_type)| {
            self.free(name, *fact_type).ok().map(|value| (name.as_str(), value))
        })
    }

    /// The facts and what was derived from the time, as the trace shows them.
    pub(crate) fn to_json(&self) -> serde_json::Map<String, serde_json::Value> {
        let mut map = match serde_json::to_value(self.facts) {
            Ok(serde_json::Value::Object(map)) => map,
            _ => serde_json::Map::new(),
        };
        for built_in in [BuiltIn::Hour, BuiltIn::Weekday, BuiltIn::Date] {
            map.insert(built_in.name().into(), self.built_in(built_in).to_json());
        }
        map
    }
}

/// A fact's value, borrowed from the facts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum FactValue<'v> {
    /// Text.
    Str(&'v str),
    /// Whole number.
    Int(i64),
    /// Number.
    Double(f64),
    /// Truth value.
    Bool(bool),
    /// List of texts.
    List(Texts<'v>),
}

/// A list of texts, from a typed field or from JSON.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Texts<'v> {
    /// From a typed field.
    Own(&'v [String]),
    /// From a free fact; every item is a string.
    Json(&'v [serde_json::Value]),
}

impl<'v> Texts<'v> {
    pub(crate) fn contains(self, wanted: &str) -> bool {
        match self {
            Texts::Own(texts) => texts.iter().any(|text| text == wanted),
            Texts::Json(items) => items.iter().any(|item| item == wanted),
        }
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = &'v str> {
        let (own, json) = match self {
            Texts::Own(texts) => (texts, &[][..]),
            Texts::Json(items) => (&[][..], items),
        };
        own.iter().map(String::as_str).chain(json.iter().filter_map(|item| item.as_str()))
    }
}

impl FactValue<'_> {
    pub(crate) fn to_json(self) -> serde_json::Value {
        match self {
            FactValue::Str(text) => text.into(),
            FactValue::Int(number) => number.into(),
            FactValue::Double(number) => number.into(),
            FactValue::Bool(truth) => truth.into(),
            FactValue::List(texts) => texts.iter().collect(),
        }
    }
}

/// Why a free fact has no usable value; the condition that needs it is false.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FactError {
    /// The caller did not give it.
    #[error("customer.{name} is not given")]
    Missing {
        /// Name without `customer.`.
        name: String,
    },
    /// The caller gave something else than the rule file declares.
    #[error("customer.{name} is not of the declared type {fact_type}")]
    WrongType {
        /// Name without `customer.`.
        name: String,
        /// The declared type.
        fact_type: FactType,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn facts() -> Facts {
        serde_json::from_value(serde_json::json!({
            "intent": "shipping.delay",
            "tags": ["vip"],
            "customer": {"region": "新疆", "spend": 3, "children": ["a", 1], "note": null},
        }))
        .unwrap()
    }

    #[test]
    fn time_is_derived_in_local_terms() {
        let (facts, declared) = (facts(), BTreeMap::new());
        let view = View::new(&facts, &declared, date(2026, 11, 22).at(23, 5, 0, 0));
        let check = |built_in, expected| assert_eq!(view.built_in(built_in), expected);
        check(BuiltIn::Hour, FactValue::Int(23));
        check(BuiltIn::Weekday, FactValue::Int(7));
        check(BuiltIn::Date, FactValue::Str("2026-11-22"));
        assert_eq!(view.to_json()["weekday"], 7);
        assert_eq!(view.to_json()["intent"], "shipping.delay");
    }

    #[test]
    fn free_facts_are_typed_or_absent() {
        let (facts, declared) = (facts(), BTreeMap::new());
        let view = View::new(&facts, &declared, date(2026, 11, 22).at(9, 0, 0, 0));
        let check = |name: &str, fact_type, expected: Result<FactValue<'_>, &str>| {
            let fact = Fact::Free { name: name.into(), fact_type };
            let found = view.get(&fact).map_err(|error| error.to_string());
            assert_eq!(found, expected.map_err(str::to_owned), "{name}");
        };
        check("region", FactType::String, Ok(FactValue::Str("新疆")));
        check("spend", FactType::Int, Ok(FactValue::Int(3)));
        check("spend", FactType::Double, Ok(FactValue::Double(3.0)));
        check("spend", FactType::Bool, Err("customer.spend is not of the declared type bool"));
        check(
            "children",
            FactType::List,
            Err("customer.children is not of the declared type list"),
        );
        check("note", FactType::String, Err("customer.note is not given"));
        check("other", FactType::String, Err("customer.other is not given"));
    }

    #[test]
    fn a_misspelt_fact_is_refused_not_ignored() {
        let error = serde_json::from_str::<Facts>(r#"{"intnet": "invoice"}"#).unwrap_err();
        assert!(error.to_string().contains("unknown field `intnet`"), "{error}");
    }
}
