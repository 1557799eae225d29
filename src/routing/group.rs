//! Skill groups, and who takes over when one is closed.

use super::calendar::Hours;
use super::decision::{Alternative, GroupRef};
use jiff::civil::DateTime;
use serde::Serialize;

/// A team of agents with one field of work (requirement T8).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct SkillGroup {
    /// Id in the rule file.
    #[schema(example = "logistics")]
    pub id: String,
    /// Name shown to people.
    #[schema(example = "物流组")]
    pub name: String,
    /// What it is for.
    #[schema(example = "Parcels under way: where they are, late, lost, damaged")]
    pub description: String,
    /// Working hours in words, as the rule file gives them.
    #[schema(example = json!(["mon-fri 08:00-12:00", "mon-fri 13:00-21:00"]))]
    pub hours: Vec<String>,
    /// Group that takes over while this one is closed.
    #[schema(example = "general")]
    pub fallback: Option<String>,
    /// Groups that may take a turn that waits too long, where its row names none.
    pub alternatives: Vec<Alternative>,
    /// What its members can do.
    #[schema(example = json!(["物流查询", "丢件理赔"]))]
    pub skills: Vec<String>,
    /// Line and column in the rule file, from 1.
    #[serde(skip)]
    #[schema(ignore)]
    pub(crate) position: (usize, usize),
    /// When it works.
    #[serde(skip)]
    #[schema(ignore)]
    pub(crate) calendar: Hours,
    /// Index of the fallback.
    #[serde(skip)]
    #[schema(ignore)]
    pub(crate) fallback_idx: Option<usize>,
}

impl SkillGroup {
    /// Id and name, as a decision shows them.
    #[must_use]
    pub fn to_ref(&self) -> GroupRef {
        GroupRef { id: self.id.clone(), name: self.name.clone() }
    }
}

/// Follows fallbacks from `wanted` to the first open group, or to the last of the chain.
///
/// Every group asked is reported to `seen`. Ends because `compile` refuses cycles.
pub(crate) fn resolve(
    groups: &[SkillGroup],
    wanted: usize,
    local: DateTime,
    mut seen: impl FnMut(&SkillGroup, bool),
) -> usize {
    let mut idx = wanted;
    // A bound beside the refused cycles, so that a mistake there costs no thread.
    for _ in 0..groups.len() {
        let group = &groups[idx];
        let open = group.calendar.is_open(local);
        seen(group, open);
        match group.fallback_idx {
            Some(next) if !open => idx = next,
            _ => break,
        }
    }
    idx
}
