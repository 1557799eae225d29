//! What the rules decided about one turn.

use jiff::Timestamp;
use jiff::tz::Offset;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// Where a turn goes, how soon, and what the agent or bot should keep in mind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Decision {
    /// Team that takes the turn.
    pub skill_group: GroupRef,
    /// Team the rules wanted, where it is closed and another one takes over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wanted_group: Option<GroupRef>,
    /// Urgency, `P0` highest.
    pub priority: Priority,
    /// What the priority was computed from.
    pub priority_score: PriorityScore,
    /// When the customer must have heard from us.
    pub sla: Sla,
    /// Marks for the agent's desktop and for reports, without duplicates.
    #[schema(example = json!(["soothe_first", "vip"]))]
    pub tags: Vec<String>,
    /// Sentences and reminders for the reply, in the order of the rules, without duplicates.
    #[schema(example = json!(["非常抱歉让您久等了，我马上为您催促物流，2小时内给您回复进展。"]))]
    pub reply_hints: Vec<String>,
    /// Whether a person must take over now.
    #[schema(example = false)]
    pub handoff: bool,
    /// Teams that may take the turn if it waits too long, soonest first.
    pub alternatives: Vec<Alternative>,
    /// The rule set that decided, as `name@version`.
    #[schema(example = "shanque-default@2026.11.1")]
    pub rule_set: String,
    /// Ids of the rows that contributed, section by section.
    #[schema(example = json!(["shipping-to-logistics", "impact-negative", "sla-default"]))]
    pub matched: Vec<String>,
}

/// A skill group, named for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct GroupRef {
    /// Id in the rule file.
    #[schema(example = "logistics")]
    pub id: String,
    /// Name shown to people.
    #[schema(example = "物流组")]
    pub name: String,
}

/// Urgency of a turn (requirement R4).
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
pub enum Priority {
    /// 高: at once.
    P0,
    /// 中.
    P1,
    /// 低.
    P2,
    /// 待观察: watch.
    P3,
}

/// The three scores, each 1 to 5, and their sum (requirement R4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PriorityScore {
    /// 影响范围: 1 single users to 5 all or core users.
    #[schema(example = 2, minimum = 1, maximum = 5)]
    pub impact: u8,
    /// 紧急程度: 1 can wait to 5 hits core business or raises public anger.
    #[schema(example = 4, minimum = 1, maximum = 5)]
    pub urgency: u8,
    /// 用户价值: 1 rare need to 5 frequent need or high-value user.
    #[schema(example = 2, minimum = 1, maximum = 5)]
    pub value: u8,
    /// Sum of the three, 3 to 15.
    #[schema(example = 8, minimum = 3, maximum = 15)]
    pub total: u8,
}

/// Deadlines (requirement T4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Sla {
    /// The customer has had an answer by then.
    #[schema(value_type = String, format = DateTime, example = "2026-11-18T10:00:30+08:00")]
    pub first_reply_due: Due,
    /// The matter is solved by then; never before the first reply.
    #[schema(value_type = String, format = DateTime, example = "2026-11-18T12:00:00+08:00")]
    pub resolve_due: Due,
}

/// A team that may take over after some waiting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Alternative {
    /// Id of the skill group.
    #[schema(example = "general")]
    pub id: String,
    /// Waiting time after which it may be asked.
    #[schema(example = 60)]
    pub after_seconds: u32,
}

/// An instant written with the local offset, as RFC 3339 does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// The instant.
    pub at: Timestamp,
    /// Offset it is written with.
    pub offset: Offset,
}

impl fmt::Display for Due {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.at.display_with_offset(self.offset).fmt(f)
    }
}

impl std::str::FromStr for Due {
    type Err = jiff::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let at = text.parse()?;
        let pieces = jiff::fmt::temporal::Pieces::parse(text)?;
        Ok(Self { at, offset: pieces.to_numeric_offset().unwrap_or(Offset::UTC) })
    }
}

impl Serialize for Due {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Due {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Priority {
    /// Name as in the JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Priority::P0 => "P0",
            Priority::P1 => "P1",
            Priority::P2 => "P2",
            Priority::P3 => "P3",
        }
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn due_times_keep_their_offset() {
        let check = |text: &str, expected: &str| {
            let due: Due = serde_json::from_value(text.into()).unwrap();
            assert_eq!(serde_json::to_value(due).unwrap(), expected, "{text}");
        };
        check("2026-11-18T10:00:30+08:00", "2026-11-18T10:00:30+08:00");
        check("2026-11-18T02:00:30Z", "2026-11-18T02:00:30+00:00");
        assert!(serde_json::from_value::<Due>("tomorrow".into()).is_err());
    }
}
