//! A rule file that passed all checks, ready to decide.

use super::compile::{CompileOptions, compile};
use super::decision::{Decision, Priority};
use super::evaluate;
use super::fact::Facts;
use super::fault::{RuleError, RuleWarning};
use super::group::SkillGroup;
use super::lint;
use super::rule::{Ordered, Reply, Route, Row, Rows, Section, SlaTerms, Term};
use super::schema::{Fact, FactType};
use super::trace::{SectionKind, Trace};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// An immutable rule set: parsed, type-checked and indexed once, then shared between threads.
///
/// Reloading means building another one and swapping the `Arc` that holds it.
pub struct RuleSet {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) zone: TimeZone,
    pub(crate) thresholds: Thresholds,
    pub(crate) free_facts: BTreeMap<String, FactType>,
    pub(crate) groups: super::compile::Groups,
    pub(crate) sections: Sections,
    pub(crate) warnings: Vec<RuleWarning>,
    pub(crate) env: Arc<cel::Env>,
}

/// The sections of a rule file.
#[derive(Debug)]
pub(crate) struct Sections {
    /// Names the skill group.
    pub(crate) route: Ordered<Route>,
    /// Says whether a person takes over; no row means no.
    pub(crate) handoff: Option<Ordered<bool>>,
    /// 影响范围.
    pub(crate) impact: Ordered<u8>,
    /// 紧急程度.
    pub(crate) urgency: Ordered<u8>,
    /// 用户价值.
    pub(crate) value: Ordered<u8>,
    /// Deadlines.
    pub(crate) sla: Ordered<SlaTerms>,
    /// The deadlines of the default row of `sla`.
    pub(crate) promise: Promise,
    /// Tags and hints.
    pub(crate) reply: Section<Reply>,
}

/// Both deadlines.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Promise {
    /// To the first reply.
    pub(crate) first_reply: Term,
    /// To the solution.
    pub(crate) resolve: Term,
}

/// Least sums of the three scores for P0, P1 and P2 (requirement R4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Thresholds {
    pub(crate) p0: u8,
    pub(crate) p1: u8,
    pub(crate) p2: u8,
}

impl Default for Thresholds {
    /// The source's own: at least 9 高, 7–8 中, 5–6 低, below 5 待观察.
    fn default() -> Self {
        Self { p0: 9, p1: 7, p2: 5 }
    }
}

impl Thresholds {
    /// Priority of a sum of scores.
    pub(crate) fn priority(self, total: u8) -> Priority {
        match total {
            _ if total >= self.p0 => Priority::P0,
            _ if total >= self.p1 => Priority::P1,
            _ if total >= self.p2 => Priority::P2,
            _ => Priority::P3,
        }
    }
}

/// One row as lists of rules show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct RowInfo {
    /// Section the row stands in.
    pub section: SectionKind,
    /// Its id, unique in the file.
    #[schema(example = "shipping-to-logistics")]
    pub id: String,
    /// What it is for.
    #[schema(example = "Parcels under way go to the logistics group")]
    pub description: String,
    /// Its line in the rule file, from 1.
    #[schema(example = 118)]
    pub line: usize,
    /// Its conditions as written, the intent column first; none for a default row.
    #[schema(example = json!(["intent in [\"shipping.*\"]", "vip_level >= 3"]))]
    pub conditions: Vec<String>,
    /// Names of the facts it looks at.
    #[schema(example = json!(["intent", "vip_level"]))]
    pub facts: Vec<String>,
}

impl RuleSet {
    /// Compiles a rule file.
    ///
    /// # Errors
    /// [`RuleError::Faulty`] with every fault found; keep serving the set you have.
    pub fn parse(text: &str, options: &CompileOptions<'_>) -> Result<Self, RuleError> {
        compile(text, options)
    }

    /// `name@version`.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Name of the rule set.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Version of the rule set.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The same rules under another version, for a store that numbers what it publishes.
    #[must_use]
    pub fn with_version(mut self, version: &str) -> Self {
        version.clone_into(&mut self.version);
        self.id = format!("{}@{version}", self.name);
        self
    }

    /// Zone that hours, dates and deadlines are meant in.
    #[must_use]
    pub fn time_zone(&self) -> &TimeZone {
        &self.zone
    }

    /// Doubts that did not keep the file from compiling.
    #[must_use]
    pub fn warnings(&self) -> &[RuleWarning] {
        &self.warnings
    }

    /// The skill groups in the order of the file.
    #[must_use]
    pub fn groups(&self) -> &[SkillGroup] {
        &self.groups.list
    }

    /// A skill group by id.
    #[must_use]
    pub fn group(&self, id: &str) -> Option<&SkillGroup> {
        self.groups.by_id.get(id).map(|place| &self.groups.list[*place])
    }

    /// Whether a skill group works at this time; an unknown one never does.
    #[must_use]
    pub fn is_open(&self, id: &str, now: Timestamp) -> bool {
        let local = self.zone.to_datetime(now);
        self.group(id).is_some_and(|group| group.calendar.is_open(local))
    }

    /// Now where the group works, otherwise its next opening; `None` where it has none in a year.
    #[must_use]
    pub fn next_open(&self, id: &str, now: Timestamp) -> Option<Timestamp> {
        let opening = self.group(id)?.calendar.next_open(self.zone.to_datetime(now))?;
        self.zone.to_timestamp(opening).ok()
    }

    /// The free facts that the file declares.
    pub fn free_facts(&self) -> impl Iterator<Item = (&str, FactType)> {
        self.free_facts.iter().map(|(name, fact_type)| (name.as_str(), *fact_type))
    }

    /// Decides one turn.
    ///
    /// Total: any facts and any time give a decision. Costs a few microseconds.
    #[must_use]
    pub fn decide(&self, facts: &Facts, now: Timestamp) -> Decision {
        evaluate::decide(self, facts, now)
    }

    /// Decides one turn as [`decide`](Self::decide) does, and says why.
    ///
    /// Evaluates every row, so it costs in proportion to the file.
    #[must_use]
    pub fn explain(&self, facts: &Facts, now: Timestamp) -> (Decision, Trace) {
        evaluate::explain(self, facts, now)
    }

    /// Every row, section by section.
    #[must_use]
    pub fn rows(&self) -> Vec<RowInfo> {
        let sections = &self.sections;
        let mut rows = infos(SectionKind::Route, &sections.route);
        rows.extend(sections.handoff.iter().flat_map(|rows| infos(SectionKind::Handoff, rows)));
        rows.extend(infos(SectionKind::Impact, &sections.impact));
        rows.extend(infos(SectionKind::Urgency, &sections.urgency));
        rows.extend(infos(SectionKind::Value, &sections.value));
        rows.extend(infos(SectionKind::Sla, &sections.sla));
        rows.extend(infos(SectionKind::Reply, &sections.reply));
        rows
    }

    pub(crate) fn linted(mut self, known_intents: &[String]) -> Self {
        self.warnings = lint::warnings(&self, known_intents);
        self
    }
}

fn infos<T>(section: SectionKind, rows: &impl Rows<T>) -> Vec<RowInfo> {
    rows.all().map(|row| info(section, row)).collect()
}

fn info<T>(section: SectionKind, row: &Row<T>) -> RowInfo {
    RowInfo {
        section,
        id: row.id.to_string(),
        description: row.description.to_string(),
        line: row.position.0,
        conditions: row.conditions(),
        facts: row.facts().iter().map(Fact::path).collect(),
    }
}

impl fmt::Debug for RuleSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RuleSet")
            .field("id", &self.id)
            .field("n_groups", &self.groups.list.len())
            .field("n_rows", &self.rows().len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_those_of_the_source() {
        let check = |total, expected| {
            assert_eq!(Thresholds::default().priority(total), expected, "{total}");
        };
        check(15, Priority::P0);
        check(9, Priority::P0);
        check(8, Priority::P1);
        check(7, Priority::P1);
        check(6, Priority::P2);
        check(5, Priority::P2);
        check(4, Priority::P3);
        check(3, Priority::P3);
    }

    #[test]
    fn a_rule_set_can_be_shared_and_renumbered() {
        fn assert_shared<T: Send + Sync + 'static>(_: &T) {}
        let text = include_str!("../../tests/fixtures/rules/minimal.toml");
        let rule_set = RuleSet::parse(text, &CompileOptions::default()).unwrap();
        assert_shared(&rule_set);
        assert_eq!(rule_set.id(), "minimal@1");
        assert_eq!(rule_set.with_version("1.7").id(), "minimal@1.7");
    }

    #[test]
    fn openings_are_told_as_instants() {
        let text = include_str!("../../tests/fixtures/rules/minimal.toml");
        let rule_set = RuleSet::parse(text, &CompileOptions::default()).unwrap();
        let lunch = "2026-11-18T12:30:00+08:00".parse().unwrap();
        assert!(!rule_set.is_open("logistics", lunch));
        let opening = rule_set.next_open("logistics", lunch);
        assert_eq!(opening, "2026-11-18T13:00:00+08:00".parse().ok());
        assert_eq!(rule_set.next_open("general", lunch), Some(lunch));
        assert_eq!(rule_set.next_open("nobody", lunch), None);
    }

    #[test]
    fn rows_are_listed_with_their_conditions() {
        let text = include_str!("../../tests/fixtures/rules/minimal.toml");
        let rows = RuleSet::parse(text, &CompileOptions::default()).unwrap().rows();
        assert_eq!(rows.len(), 12);
        assert_eq!(rows[0].conditions, ["intent in [\"shipping.*\"]"]);
        assert_eq!((rows[5].line, &rows[5].facts[..]), (42, &["customer.region".to_owned()][..]));
    }
}
