//! What the caller tells about the customer.

use crate::routing::Facts;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// Facts about the customer, as far as the shop tells them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Customer {
    /// The shop's id of the customer; never a name or a phone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "u-20931")]
    pub id: Option<String>,
    /// Tags such as `vip`, `高价值用户`, `投诉敏感用户`, `elderly`.
    #[serde(default)]
    #[schema(example = json!(["vip"]))]
    pub tags: Vec<String>,
    /// Level in the member programme, 0 none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 3)]
    pub vip_level: Option<i64>,
    /// `top`, `middle`, `rest` by annual spend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "top")]
    pub value_tier: Option<String>,
    /// `new`, `active`, `dormant`, `churned`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "active")]
    pub lifecycle: Option<String>,
    /// Any further facts; rules read those that the rule file declares.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub facts: Map<String, Value>,
}

impl Customer {
    /// The same without free facts, which may hold personal data: what may be stored.
    #[must_use]
    pub fn storable(&self) -> Self {
        Self { facts: Map::new(), ..self.clone() }
    }

    /// Copies what is known into the facts for the rules.
    pub(super) fn fill(&self, facts: &mut Facts) {
        facts.tags.clone_from(&self.tags);
        facts.customer.clone_from(&self.facts);
        if let Some(vip_level) = self.vip_level {
            facts.vip_level = vip_level;
        }
        if let Some(value_tier) = &self.value_tier {
            facts.value_tier.clone_from(value_tier);
        }
        if let Some(lifecycle) = &self.lifecycle {
            facts.lifecycle.clone_from(lifecycle);
        }
    }
}
