//! What the service knows of each intent beside the model: its Chinese name, how hard it is and
//! what it means in a dialogue. Data in `config/intents.toml`.

use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use utoipa::ToSchema;

/// How hard a matter is (requirement U6).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Complexity {
    /// A standard question: an answer or a look-up that a bot can give settles it.
    #[default]
    Standard,
    /// Somebody must look into the case: damage, a wrong item, a dispute, failed attempts.
    #[serde(alias = "person")] // as data sets call it
    Human,
    /// Needs an expert: technical diagnosis, safety, a legal threat, a large claim, theft.
    Expert,
}

impl Complexity {
    /// The name used in JSON and as the rule fact `complexity`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Human => "human",
            Self::Expert => "expert",
        }
    }
}

/// What an intent means in a dialogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A matter to be answered.
    #[default]
    Matter,
    /// A greeting: neither a strike nor a reset.
    Greeting,
    /// Thanks or a goodbye, likewise.
    Thanks,
    /// A confirmation, likewise.
    Confirmation,
    /// Talk without a matter, likewise.
    Smalltalk,
    /// The last answer did not help.
    Deny,
    /// Asks for a person.
    Human,
    /// None of the known intents.
    OutOfScope,
}

/// One intent.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    #[serde(default)]
    complexity: Complexity,
    #[serde(default)]
    role: Role,
}

/// All intents by label. A label that is missing has its label as name, complexity `standard` and
/// the role of a matter.
#[derive(Debug, Clone)]
pub struct IntentCatalogue(HashMap<String, Entry>);

impl IntentCatalogue {
    /// Reads `config/intents.toml`.
    ///
    /// # Errors
    /// What is wrong with the file, with line and column.
    pub fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text).map(Self)
    }

    /// The Chinese name of `label`.
    #[must_use]
    pub fn name<'a>(&'a self, label: &'a str) -> &'a str {
        self.0.get(label).map_or(label, |entry| &entry.name)
    }

    /// How hard a matter of this intent is.
    #[must_use]
    pub fn complexity(&self, label: &str) -> Complexity {
        self.0.get(label).map(|entry| entry.complexity).unwrap_or_default()
    }

    /// What `label` means in a dialogue.
    #[must_use]
    pub fn role(&self, label: &str) -> Role {
        self.0.get(label).map(|entry| entry.role).unwrap_or_default()
    }

    /// Labels of `known` that the file does not name.
    #[must_use]
    pub fn missing<'a>(&self, known: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
        known.filter(|label| !self.0.contains_key(*label)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_shipped_file_and_has_defaults() {
        let catalogue = IntentCatalogue::parse(include_str!("../../config/intents.toml")).unwrap();
        assert_eq!(catalogue.0.len(), 51);
        assert_eq!(catalogue.name("shipping.delay"), "物流延误");
        assert_eq!(catalogue.role("chat.human"), Role::Human);
        assert_eq!(catalogue.complexity("complaint.service"), Complexity::Human);
        assert_eq!(catalogue.name("label_of_others"), "label_of_others");
        assert_eq!(catalogue.role("label_of_others"), Role::Matter);
        assert_eq!(catalogue.missing(["oos", "x"].into_iter()), ["x"]);
    }
}
