//! Why a decision came out as it did: every row, and the first condition it failed.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The explanation of one decision (requirement R5).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Trace {
    /// The rule set that decided, as `name@version`.
    #[schema(example = "shanque-default@2026.11.1")]
    pub rule_set: String,
    /// The facts as evaluated, with `hour`, `weekday` and `date` in the rule set's time zone.
    #[schema(value_type = Object, example = json!({"intent": "shipping.delay", "sentiment": "negative", "hour": 10}))]
    pub facts: Map<String, Value>,
    /// The sections in the order of evaluation.
    pub sections: Vec<SectionTrace>,
    /// The groups asked: the wanted one first, then its fallbacks until one was open.
    pub groups: Vec<GroupStep>,
}

/// What happened in one section.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SectionTrace {
    /// Name of the section in the rule file.
    pub section: SectionKind,
    /// How it chooses among its matching rows.
    pub hit_policy: HitPolicy,
    /// Ids of the rows that contributed.
    #[schema(example = json!(["shipping-to-logistics"]))]
    pub matched: Vec<String>,
    /// All rows in their order.
    pub rows: Vec<RowTrace>,
}

/// What happened to one row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RowTrace {
    /// Id of the row.
    #[schema(example = "vip-to-vip-group")]
    pub id: String,
    /// Its place in the section, from 0.
    #[schema(example = 3)]
    pub index: usize,
    /// Its line in the rule file, from 1.
    #[schema(example = 118)]
    pub line: usize,
    /// What came of it.
    pub result: RowResult,
    /// For a row that was not reached: whether it would have matched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = true)]
    pub would_match: Option<bool>,
    /// For a row that contributed: its conditions as written; none for a default row.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(example = json!(["intent in [\"shipping.*\"]"]))]
    pub conditions: Vec<String>,
    /// For a row that contributed: the facts it looked at.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[schema(value_type = Object, example = json!({"intent": "shipping.delay"}))]
    pub facts: Map<String, Value>,
    /// The first condition that did not hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<FailedCondition>,
}

/// A condition that did not hold, with what it looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FailedCondition {
    /// The condition as the rule file has it; the intent column as `intent in [...]`.
    #[schema(example = "vip_level >= 3 || \"vip\" in tags")]
    pub condition: String,
    /// The facts it names with their values; a free fact that was not given is `null`.
    #[schema(value_type = Object, example = json!({"vip_level": 1, "tags": ["elderly"]}))]
    pub facts: Map<String, Value>,
    /// Why it could not be decided, where that is the reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "customer.region is not given")]
    pub error: Option<String>,
}

/// What came of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RowResult {
    /// It contributed to the decision.
    Matched,
    /// One of its conditions did not hold.
    PassedOver,
    /// The section had its answer already.
    NotReached,
}

/// Sections of a rule file, in the order of evaluation.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum SectionKind {
    /// Names the skill group.
    Route,
    /// Says whether a person takes over now.
    Handoff,
    /// 影响范围 of the priority.
    Impact,
    /// 紧急程度 of the priority.
    Urgency,
    /// 用户价值 of the priority.
    Value,
    /// Deadlines.
    Sla,
    /// Tags and reply hints.
    Reply,
}

/// How a section chooses among its matching rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HitPolicy {
    /// The first one.
    First,
    /// Each output from the first row that gives it.
    FirstPerOutput,
    /// All of them.
    Collect,
}

/// One group asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct GroupStep {
    /// Id of the skill group.
    #[schema(example = "logistics")]
    pub id: String,
    /// Whether it was open.
    #[schema(example = false)]
    pub open: bool,
}

impl SectionKind {
    /// Name in the rule file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            SectionKind::Route => "route",
            SectionKind::Handoff => "handoff",
            SectionKind::Impact => "impact",
            SectionKind::Urgency => "urgency",
            SectionKind::Value => "value",
            SectionKind::Sla => "sla",
            SectionKind::Reply => "reply",
        }
    }

    /// How the section chooses.
    #[must_use]
    pub fn hit_policy(self) -> HitPolicy {
        match self {
            SectionKind::Sla => HitPolicy::FirstPerOutput,
            SectionKind::Reply => HitPolicy::Collect,
            _ => HitPolicy::First,
        }
    }
}

impl std::fmt::Display for SectionKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
