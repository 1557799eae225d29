//! Facts in, decision out; with a trace where one is asked for.
//!
//! One description of how each section chooses serves both ways: [`decide`] feeds it the matching
//! rows as the index finds them, [`explain`] those that remain after testing every row.

use super::condition::Evaluator;
use super::decision::{Decision, Due, PriorityScore, Sla};
use super::fact::{FactValue, Facts, View};
use super::group::{self, SkillGroup};
use super::rule::{Clock, Failure, Reply, Route, Row, Rows, SlaTerms, Term};
use super::rule_set::RuleSet;
use super::schema::Fact;
use super::trace::{
    FailedCondition, GroupStep, HitPolicy, RowResult, RowTrace, SectionKind, SectionTrace, Trace,
};
use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};
use std::cmp::Ordering;

/// Tag of a decision whose wanted group is closed.
const AFTER_HOURS: &str = "after_hours";

pub(crate) fn decide(rule_set: &RuleSet, facts: &Facts, now: Timestamp) -> Decision {
    let local = rule_set.zone.to_datetime(now);
    let view = View::new(facts, &rule_set.free_facts, local);
    let evaluator = Evaluator::new(&view, &rule_set.env);
    let picks = Picks::choose(rule_set, &evaluator, &mut None);
    assemble(rule_set, &picks, now, local, |_, _| {})
}

pub(crate) fn explain(rule_set: &RuleSet, facts: &Facts, now: Timestamp) -> (Decision, Trace) {
    let local = rule_set.zone.to_datetime(now);
    let view = View::new(facts, &rule_set.free_facts, local);
    let evaluator = Evaluator::new(&view, &rule_set.env);
    let mut sections = Some(Vec::new());
    let picks = Picks::choose(rule_set, &evaluator, &mut sections);
    let mut groups = Vec::new();
    let decision = assemble(rule_set, &picks, now, local, |group, open| {
        groups.push(GroupStep { id: group.id.clone(), open });
    });
    let trace = Trace {
        rule_set: rule_set.id.clone(),
        facts: view.to_json(),
        sections: sections.unwrap_or_default(),
        groups,
    };
    (decision, trace)
}

/// The rows that contribute to one decision.
struct Picks<'s> {
    route: &'s Row<Route>,
    handoff: Option<&'s Row<bool>>,
    impact: &'s Row<u8>,
    urgency: &'s Row<u8>,
    value: &'s Row<u8>,
    sla: SlaPick<'s>,
    replies: Vec<&'s Row<Reply>>,
}

struct SlaPick<'s> {
    first_reply: (&'s Row<SlaTerms>, Term),
    resolve: (&'s Row<SlaTerms>, Term),
}

impl<'s> SlaPick<'s> {
    /// The contributing rows in the order of the file, one where both deadlines are its own.
    fn rows(&self) -> [Option<&'s Row<SlaTerms>>; 2] {
        let (first_reply, resolve) = (self.first_reply.0, self.resolve.0);
        match first_reply.position.cmp(&resolve.position) {
            Ordering::Less => [Some(first_reply), Some(resolve)],
            Ordering::Equal => [Some(first_reply), None],
            Ordering::Greater => [Some(resolve), Some(first_reply)],
        }
    }
}

/// Sections of the trace so far, where there is to be one.
type Sections = Option<Vec<SectionTrace>>;

impl<'s> Picks<'s> {
    fn choose(
        rule_set: &'s RuleSet,
        evaluator: &'s Evaluator<'_>,
        trace: &mut Sections,
    ) -> Picks<'s> {
        let sections = &rule_set.sections;
        Picks {
            route: first(SectionKind::Route, &sections.route, evaluator, trace),
            handoff: sections
                .handoff
                .as_ref()
                .map(|rows| first(SectionKind::Handoff, rows, evaluator, trace)),
            impact: first(SectionKind::Impact, &sections.impact, evaluator, trace),
            urgency: first(SectionKind::Urgency, &sections.urgency, evaluator, trace),
            value: first(SectionKind::Value, &sections.value, evaluator, trace),
            sla: sla(rule_set, evaluator, trace),
            replies: section(
                SectionKind::Reply,
                &sections.reply,
                evaluator,
                trace,
                |matching| matching.collect::<Vec<_>>(),
                |rows| rows.iter().map(|row| &*row.id).collect(),
            ),
        }
    }

    /// Ids of the contributing rows, section by section.
    fn ids(&self) -> Vec<String> {
        let mut ids = Vec::with_capacity(8 + self.replies.len());
        ids.push(&self.route.id);
        ids.extend(self.handoff.map(|row| &row.id));
        ids.extend([&self.impact.id, &self.urgency.id, &self.value.id]);
        ids.extend(self.sla.rows().into_iter().flatten().map(|row| &row.id));
        ids.extend(self.replies.iter().map(|row| &row.id));
        ids.into_iter().map(|id| id.to_string()).collect()
    }
}

fn first<'s, T>(
    kind: SectionKind,
    rows: &'s super::rule::Ordered<T>,
    evaluator: &'s Evaluator<'_>,
    trace: &mut Sections,
) -> &'s Row<T> {
    section(
        kind,
        rows,
        evaluator,
        trace,
        |matching| matching.next().unwrap_or(&rows.default),
        |row| vec![&*row.id],
    )
}

/// Each deadline from the first matching row that gives it.
fn sla<'s>(
    rule_set: &'s RuleSet,
    evaluator: &'s Evaluator<'_>,
    trace: &mut Sections,
) -> SlaPick<'s> {
    let (rows, promise) = (&rule_set.sections.sla, rule_set.sections.promise);
    let pick = |matching: &mut dyn Iterator<Item = &'s Row<SlaTerms>>| {
        let (mut first_reply, mut resolve) = (None, None);
        for row in matching {
            first_reply = first_reply.or(row.then.first_reply.map(|term| (row, term)));
            resolve = resolve.or(row.then.resolve.map(|term| (row, term)));
            if first_reply.is_some() && resolve.is_some() {
                break;
            }
        }
        SlaPick {
            first_reply: first_reply.unwrap_or((&rows.default, promise.first_reply)),
            resolve: resolve.unwrap_or((&rows.default, promise.resolve)),
        }
    };
    let ids = |pick: &SlaPick<'s>| pick.rows().into_iter().flatten().map(|row| &*row.id).collect();
    section(SectionKind::Sla, rows, evaluator, trace, pick, ids)
}

/// Lets `choose` take from the matching rows of a section, and traces that where asked for.
fn section<'s, T: 's, P>(
    kind: SectionKind,
    rows: &'s impl Rows<T>,
    evaluator: &'s Evaluator<'_>,
    trace: &mut Sections,
    choose: impl FnOnce(&mut dyn Iterator<Item = &'s Row<T>>) -> P,
    ids: impl FnOnce(&P) -> Vec<&'s str>,
) -> P {
    let Some(sections) = trace else { return choose(&mut rows.matching(evaluator)) };
    let tested: Vec<_> = rows.all().map(|row| (row, row.failure(evaluator))).collect();
    let matching = tested.iter().filter(|(_, failure)| failure.is_none());
    let picked = choose(&mut matching.map(|(row, _)| *row));
    sections.push(section_trace(kind, &tested, &ids(&picked), evaluator));
    picked
}

fn section_trace<T>(
    kind: SectionKind,
    tested: &[(&Row<T>, Option<Failure<'_>>)],
    picked: &[&str],
    evaluator: &Evaluator<'_>,
) -> SectionTrace {
    let is_picked = |row: &Row<T>| picked.contains(&&*row.id);
    let n_reached = match kind.hit_policy() {
        HitPolicy::Collect => tested.len(),
        _ => tested.iter().rposition(|(row, _)| is_picked(row)).map_or(0, |last| last + 1),
    };
    let rows = tested.iter().enumerate().map(|(index, (row, failure))| {
        let result = match failure {
            None if is_picked(row) => RowResult::Matched,
            Some(_) if index < n_reached => RowResult::PassedOver,
            _ => RowResult::NotReached,
        };
        let would_match = (result == RowResult::NotReached).then_some(failure.is_none());
        let failed = failure.as_ref().map(|failure| failed_condition(failure, evaluator));
        let (mut conditions, mut facts) = (Vec::new(), Map::new());
        if result == RowResult::Matched {
            conditions = row.conditions();
            let named = row.facts();
            facts = values(named.iter(), evaluator);
        }
        let (id, line) = (row.id.to_string(), row.position.0);
        RowTrace { id, index, line, result, would_match, conditions, facts, failed }
    });
    let matched = tested.iter().filter(|(row, _)| is_picked(row));
    SectionTrace {
        section: kind,
        hit_policy: kind.hit_policy(),
        matched: matched.map(|(row, _)| row.id.to_string()).collect(),
        rows: rows.collect(),
    }
}

fn failed_condition(failure: &Failure<'_>, evaluator: &Evaluator<'_>) -> FailedCondition {
    let view = evaluator.view();
    match failure {
        Failure::Intent(intents) => FailedCondition {
            condition: intents.condition(),
            facts: [("intent".to_owned(), view.intent().into())].into_iter().collect(),
            error: None,
        },
        Failure::Condition(condition, error) => FailedCondition {
            condition: condition.source().to_owned(),
            facts: values(condition.facts().iter(), evaluator),
            error: error.as_ref().map(ToString::to_string),
        },
    }
}

/// Facts with their values; a free fact without a usable one is null.
fn values<'f>(
    facts: impl Iterator<Item = &'f Fact>,
    evaluator: &Evaluator<'_>,
) -> Map<String, Value> {
    let value = |fact: &Fact| evaluator.view().get(fact).map_or(Value::Null, FactValue::to_json);
    facts.map(|fact| (fact.path(), value(fact))).collect()
}

fn assemble(
    rule_set: &RuleSet,
    picks: &Picks<'_>,
    now: Timestamp,
    local: DateTime,
    seen: impl FnMut(&SkillGroup, bool),
) -> Decision {
    let groups = &rule_set.groups.list;
    let wanted = picks.route.then.group;
    let place = group::resolve(groups, wanted, local, seen);
    let group = &groups[place];
    let is_after_hours = place != wanted || !group.calendar.is_open(local);
    let (mut tags, mut reply_hints) = (Vec::new(), Vec::new());
    for reply in &picks.replies {
        add_new(&mut tags, reply.then.tags.iter());
        add_new(&mut reply_hints, reply.then.hints.iter());
    }
    if is_after_hours {
        add_new(&mut tags, [AFTER_HOURS.to_owned()].iter());
    }
    let mut alternatives =
        picks.route.then.alternatives.as_ref().unwrap_or(&group.alternatives).clone();
    alternatives.retain(|alternative| alternative.id != group.id);
    let priority_score = score(picks);
    Decision {
        skill_group: group.to_ref(),
        wanted_group: (place != wanted).then(|| groups[wanted].to_ref()),
        priority: rule_set.thresholds.priority(priority_score.total),
        priority_score,
        sla: deadlines(rule_set, &picks.sla, group, now, local),
        tags,
        reply_hints,
        handoff: picks.route.then.handoff || picks.handoff.is_some_and(|row| row.then),
        alternatives,
        rule_set: rule_set.id.clone(),
        matched: picks.ids(),
    }
}

fn score(picks: &Picks<'_>) -> PriorityScore {
    let (impact, urgency, value) = (picks.impact.then, picks.urgency.then, picks.value.then);
    PriorityScore { impact, urgency, value, total: impact + urgency + value }
}

fn add_new<'t>(list: &mut Vec<String>, more: impl Iterator<Item = &'t String>) {
    for text in more {
        if !list.contains(text) {
            list.push(text.clone());
        }
    }
}

fn deadlines(
    rule_set: &RuleSet,
    pick: &SlaPick<'_>,
    group: &SkillGroup,
    now: Timestamp,
    local: DateTime,
) -> Sla {
    let due = |term: Term| {
        let elapsed = || now.checked_add(SignedDuration::from_secs(term.seconds.into())).ok();
        let at = match term.clock {
            Clock::Always => elapsed(),
            // A group that never opens again cannot keep working hours: all time counts.
            Clock::Hours => working_time(rule_set, group, local, term.seconds).or_else(elapsed),
        };
        to_due(rule_set, at.unwrap_or(now))
    };
    let (first_reply, resolve) = (due(pick.first_reply.1), due(pick.resolve.1));
    // The two may come from different rows; nothing is solved before it is answered.
    let resolve = if resolve.at < first_reply.at { first_reply } else { resolve };
    Sla { first_reply_due: first_reply, resolve_due: resolve }
}

fn working_time(
    rule_set: &RuleSet,
    group: &SkillGroup,
    local: DateTime,
    seconds: u32,
) -> Option<Timestamp> {
    rule_set.zone.to_timestamp(group.calendar.advance(local, seconds)?).ok()
}

/// Whole seconds: a promise to the customer has no milliseconds.
fn to_due(rule_set: &RuleSet, at: Timestamp) -> Due {
    let at = Timestamp::from_second(at.as_second()).unwrap_or(at);
    Due { at, offset: rule_set.zone.to_offset(at) }
}

#[cfg(test)]
mod tests;
