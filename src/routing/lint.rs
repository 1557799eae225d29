//! Doubts about a rule set that compiles: rows that never match, groups nobody reaches.

use super::calendar::Hours;
use super::fault::{RuleWarning, RuleWarningCode};
use super::rule::{Ordered, Route, Row, SlaTerms};
use super::rule_set::RuleSet;

/// Label of what is none of our intents, by the taxonomy.
const OUT_OF_SCOPE: &str = "oos";

/// All warnings in the order of the file; `known_intents` are the labels of the intent model.
pub(crate) fn warnings(rule_set: &RuleSet, known_intents: &[String]) -> Vec<RuleWarning> {
    let sections = &rule_set.sections;
    let mut warnings = Vec::new();
    shadowed(&sections.route, &mut warnings, |_, _| true);
    if let Some(handoff) = &sections.handoff {
        shadowed(handoff, &mut warnings, |_, _| true);
    }
    for scores in [&sections.impact, &sections.urgency, &sections.value] {
        shadowed(scores, &mut warnings, |_, _| true);
    }
    shadowed(&sections.sla, &mut warnings, |early, late| {
        early.first_reply.is_some() >= late.first_reply.is_some()
            && early.resolve.is_some() >= late.resolve.is_some()
    });
    inverted(&sections.sla, &mut warnings);
    uncovered(&sections.route, known_intents, &mut warnings);
    unused_groups(rule_set, &mut warnings);
    closing_chains(rule_set, &mut warnings);
    warnings.sort_by_key(|warning| (warning.line, warning.column));
    warnings
}

/// Rows that an earlier one beats on every turn; `replaces` compares their outputs.
fn shadowed<T>(
    rows: &Ordered<T>,
    warnings: &mut Vec<RuleWarning>,
    replaces: impl Fn(&T, &T) -> bool,
) {
    let rows = rows.section.rows();
    for (place, row) in rows.iter().enumerate() {
        let covers = |early: &&Row<T>| is_wider(early, row) && replaces(&early.then, &row.then);
        if let Some(early) = rows[..place].iter().find(covers) {
            let message = format!(
                "never matches: row `{}` in line {} takes every turn it would",
                early.id, early.position.0
            );
            warnings.push(at_row(row, RuleWarningCode::ShadowedRow, message));
        }
    }
}

/// Whether `early` matches wherever `late` does, as far as the texts of their conditions tell.
fn is_wider<T>(early: &Row<T>, late: &Row<T>) -> bool {
    early.intents.covers(&late.intents)
        && early.when.iter().all(|condition| {
            condition.is_always_true()
                || late.when.iter().any(|other| other.source().trim() == condition.source().trim())
        })
}

/// Known intents that only the default row takes; out of scope is what it is there for.
fn uncovered(rows: &Ordered<Route>, known: &[String], warnings: &mut Vec<RuleWarning>) {
    let is_named = |label: &str| {
        let named = |row: &Row<Route>| !row.intents.is_any() && row.intents.admits(label);
        rows.section.rows().iter().any(named)
    };
    let labels: Vec<&str> = known.iter().map(String::as_str).collect();
    let left: Vec<_> =
        labels.into_iter().filter(|label| *label != OUT_OF_SCOPE && !is_named(label)).collect();
    if !left.is_empty() {
        let message = format!("takes intents that no row names: {}", left.join(", "));
        warnings.push(at_row(&rows.default, RuleWarningCode::UncoveredIntents, message));
    }
}

fn inverted(rows: &Ordered<SlaTerms>, warnings: &mut Vec<RuleWarning>) {
    for row in rows.section.rows().iter().chain([&rows.default]) {
        if let (Some(first), Some(resolve)) = (row.then.first_reply, row.then.resolve)
            && resolve.seconds < first.seconds
        {
            let message = "promises the solution before the first reply".to_owned();
            warnings.push(at_row(row, RuleWarningCode::SlaInverted, message));
        }
    }
}

fn unused_groups(rule_set: &RuleSet, warnings: &mut Vec<RuleWarning>) {
    let groups = &rule_set.groups;
    let mut used = vec![false; groups.list.len()];
    let route = &rule_set.sections.route;
    for row in route.section.rows().iter().chain([&route.default]) {
        used[row.then.group] = true;
        for alternative in row.then.alternatives.iter().flatten() {
            used.iter_mut()
                .zip(&groups.list)
                .filter(|(_, group)| group.id == alternative.id)
                .for_each(|(used, _)| *used = true);
        }
    }
    // What a used group passes its turns on to is used as well, however long the way.
    for _ in 0..groups.list.len() {
        for place in 0..groups.list.len() {
            if !used[place] {
                continue;
            }
            let group = &groups.list[place];
            let ids = group.alternatives.iter().map(|alternative| &alternative.id);
            for id in ids.chain(&group.fallback) {
                if let Some(other) = groups.by_id.get(id) {
                    used[*other] = true;
                }
            }
        }
    }
    for (group, _) in groups.list.iter().zip(used).filter(|(_, used)| !used) {
        let message = "no row, fallback or alternative leads to this group".to_owned();
        warnings.push(at_group(group, RuleWarningCode::UnusedGroup, message));
    }
}

fn closing_chains(rule_set: &RuleSet, warnings: &mut Vec<RuleWarning>) {
    let groups = &rule_set.groups.list;
    for group in groups {
        let chain = std::iter::successors(Some(group), |g| g.fallback_idx.map(|i| &groups[i]));
        if chain.take(groups.len()).all(|group| group.calendar != Hours::Always) {
            let message =
                "can be closed with all its fallbacks; let the chain end in an \"always\" group";
            warnings.push(at_group(group, RuleWarningCode::ChainCanClose, message.to_owned()));
        }
    }
}

fn at_row<T>(row: &Row<T>, code: RuleWarningCode, message: String) -> RuleWarning {
    let (line, column) = row.position;
    RuleWarning { line, column, row: Some(row.id.to_string()), code, message }
}

fn at_group(
    group: &super::group::SkillGroup,
    code: RuleWarningCode,
    message: String,
) -> RuleWarning {
    let (line, column) = group.position;
    RuleWarning { line, column, row: Some(group.id.clone()), code, message }
}
