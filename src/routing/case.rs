//! Rule cases: turns with the decision they should get, written as TOML beside the rules.
//!
//! ```toml
//! [[case]]
//! name = "A VIP complains of a late parcel"
//! now = "2026-11-18T10:00:00+08:00"
//! facts = { intent = "shipping.delay", sentiment = "negative", vip_level = 3 }
//! expect = { group = "vip", priority = ["P0", "P1"], matched = ["vip-to-vip-group"] }
//! ```

use super::decision::{Decision, Priority};
use super::fact::Facts;
use super::rule_set::RuleSet;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A file of cases.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseFile {
    /// The cases in the order of the file.
    #[serde(default, rename = "case")]
    pub cases: Vec<Case>,
}

/// One turn and what should become of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What the case shows.
    pub name: String,
    /// When the turn arrives, RFC 3339.
    pub now: Timestamp,
    /// Facts that differ from [`Facts::default`].
    #[serde(default)]
    pub facts: Facts,
    /// What is expected; what is not named is not checked.
    pub expect: Expectation,
}

/// What a case expects of its decision.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Expectation {
    /// Id of the skill group.
    pub group: Option<String>,
    /// Id of the group that was wanted but is closed.
    pub wanted_group: Option<String>,
    /// Acceptable priorities.
    pub priority: Vec<Priority>,
    /// Sum of the three scores.
    pub total: Option<u8>,
    /// Whether a person takes over.
    pub handoff: Option<bool>,
    /// Seconds from `now` to the first reply.
    pub first_reply_seconds: Option<i64>,
    /// Seconds from `now` to the solution.
    pub resolve_seconds: Option<i64>,
    /// Tags that must be there.
    pub tags: Vec<String>,
    /// Parts of reply hints that must be there.
    pub hints: Vec<String>,
    /// Ids of rows that must contribute.
    pub matched: Vec<String>,
    /// Ids of rows that must not.
    pub not_matched: Vec<String>,
}

/// What came of a file of cases.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct CaseReport {
    /// The rule set tried, as `name@version`.
    #[schema(example = "shanque-default@2026.11.1")]
    pub rule_set: String,
    /// Number of cases.
    #[schema(example = 30)]
    pub n_cases: usize,
    /// Number of cases that did not come out as expected.
    #[schema(example = 0)]
    pub n_failed: usize,
    /// The cases in their order.
    pub results: Vec<CaseResult>,
    /// Ids of rows that contributed to no case.
    #[schema(example = json!(["invoice-to-payment"]))]
    pub untried_rows: Vec<String>,
}

/// What came of one case.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct CaseResult {
    /// What the case shows.
    #[schema(example = "A VIP complains of a late parcel")]
    pub name: String,
    /// Each way in which the decision differs; none for a passed case.
    #[schema(example = json!(["group: expected vip, got logistics"]))]
    pub differences: Vec<String>,
    /// The decision.
    pub decision: Decision,
}

impl CaseResult {
    /// Whether the decision came out as expected.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.differences.is_empty()
    }
}

impl CaseFile {
    /// Reads a file of cases.
    ///
    /// # Errors
    /// With line and column where it is not TOML, lacks a field or has an unknown one.
    pub fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    /// Decides every case and compares.
    #[must_use]
    pub fn run(&self, rule_set: &RuleSet) -> CaseReport {
        let results: Vec<_> = self.cases.iter().map(|case| case.run(rule_set)).collect();
        let tried: BTreeSet<&str> =
            results.iter().flat_map(|r| &r.decision.matched).map(String::as_str).collect();
        let rows = rule_set.rows().into_iter().map(|row| row.id);
        CaseReport {
            rule_set: rule_set.id().to_owned(),
            n_cases: results.len(),
            n_failed: results.iter().filter(|result| !result.passed()).count(),
            untried_rows: rows.filter(|id| !tried.contains(id.as_str())).collect(),
            results,
        }
    }
}

impl Case {
    /// Decides the case and compares.
    #[must_use]
    pub fn run(&self, rule_set: &RuleSet) -> CaseResult {
        let decision = rule_set.decide(&self.facts, self.now);
        let differences = self.expect.differences(&decision, self.now);
        CaseResult { name: self.name.clone(), differences, decision }
    }
}

impl Expectation {
    fn differences(&self, decision: &Decision, now: Timestamp) -> Vec<String> {
        let mut found = Vec::new();
        let mut compare = |what: &str, expected: Option<String>, got: String| {
            if let Some(expected) = expected.filter(|expected| *expected != got) {
                found.push(format!("{what}: expected {expected}, got {got}"));
            }
        };
        let wanted = decision.wanted_group.as_ref().map_or("none", |group| &group.id);
        compare("group", self.group.clone(), decision.skill_group.id.clone());
        compare("wanted_group", self.wanted_group.clone(), wanted.to_owned());
        compare("total", self.total.map(text), text(decision.priority_score.total));
        compare("handoff", self.handoff.map(text), text(decision.handoff));
        let sla = decision.sla;
        let seconds = |due: super::Due| due.at.as_second() - now.as_second();
        compare(
            "first_reply_seconds",
            self.first_reply_seconds.map(text),
            text(seconds(sla.first_reply_due)),
        );
        compare("resolve_seconds", self.resolve_seconds.map(text), text(seconds(sla.resolve_due)));
        if !self.priority.is_empty() && !self.priority.contains(&decision.priority) {
            let expected = self.priority.iter().map(ToString::to_string).collect::<Vec<_>>();
            let got = decision.priority;
            found.push(format!("priority: expected {}, got {got}", expected.join(" or ")));
        }
        missing("tags", &self.tags, &decision.tags, &mut found);
        missing("matched", &self.matched, &decision.matched, &mut found);
        let is_there = |part: &String| decision.reply_hints.iter().any(|hint| hint.contains(part));
        for part in self.hints.iter().filter(|part| !is_there(part)) {
            found.push(format!("hints: expected {part}, got [{}]", decision.reply_hints.join("|")));
        }
        for id in self.not_matched.iter().filter(|id| decision.matched.contains(id)) {
            found.push(format!("matched: {id} should not contribute"));
        }
        found
    }
}

fn text(value: impl ToString) -> String {
    value.to_string()
}

fn missing(what: &str, expected: &[String], got: &[String], found: &mut Vec<String>) {
    for item in expected.iter().filter(|item| !got.contains(item)) {
        found.push(format!("{what}: expected {item}, got [{}]", got.join(", ")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::CompileOptions;

    const SHIPPED: &str = include_str!("../../config/rules.toml");
    const CASES: &str = include_str!("../../tests/fixtures/rules/cases.toml");

    fn shipped() -> RuleSet {
        RuleSet::parse(SHIPPED, &CompileOptions::default()).unwrap()
    }

    #[test]
    fn the_shipped_rules_pass_their_cases() {
        let report = CaseFile::parse(CASES).unwrap().run(&shipped());
        let failed = report.results.iter().filter(|result| !result.passed());
        let failed: Vec<_> =
            failed.map(|r| format!("{}\n    {}", r.name, r.differences.join("\n    "))).collect();
        assert_eq!(report.n_failed, 0, "\n{}", failed.join("\n"));
        assert!(report.n_cases >= 25);
    }

    #[test]
    fn every_shipped_row_is_tried_by_a_case() {
        let report = CaseFile::parse(CASES).unwrap().run(&shipped());
        assert_eq!(report.untried_rows, [""; 0]);
    }

    #[test]
    fn differences_name_what_was_expected() {
        let case = r#"
            [[case]]
            name = "wrong in every way"
            now = "2026-11-18T10:30:00+08:00"
            facts = { intent = "shipping.track" }
            [case.expect]
            group = "vip"
            wanted_group = "dispute"
            priority = ["P0", "P1"]
            total = 15
            handoff = true
            first_reply_seconds = 15
            resolve_seconds = 1
            tags = ["vip"]
            hints = ["您的专属"]
            matched = ["vip-to-vip-group"]
            not_matched = ["shipping-to-logistics"]
        "#;
        let report = CaseFile::parse(case).unwrap().run(&shipped());
        assert_eq!((report.n_cases, report.n_failed), (1, 1));
        let starts: Vec<_> = report.results[0]
            .differences
            .iter()
            .map(|d| d.split(", got").next().unwrap())
            .collect();
        assert_eq!(
            starts,
            [
                "group: expected vip",
                "wanted_group: expected dispute",
                "total: expected 15",
                "handoff: expected true",
                "first_reply_seconds: expected 15",
                "resolve_seconds: expected 1",
                "priority: expected P0 or P1",
                "tags: expected vip",
                "matched: expected vip-to-vip-group",
                "hints: expected 您的专属",
                "matched: shipping-to-logistics should not contribute",
            ]
        );
    }

    #[test]
    fn misspelt_cases_are_refused_with_their_place() {
        let case = "[[case]]\nname = \"x\"\nnow = \"2026-11-18T10:30:00+08:00\"\n\
                    facts = { intnt = \"invoice\" }\nexpect = {}\n";
        let error = CaseFile::parse(case).unwrap_err().to_string();
        assert!(error.contains("line 4, column 11"), "{error}");
        assert!(error.contains("unknown field `intnt`"), "{error}");
    }
}
