//! The skill groups of a rule file and their calendars.

use crate::routing::calendar::{Calendar, Hours, parse_dates, parse_days, parse_time};
use crate::routing::decision::Alternative;
use crate::routing::document::{Faults, Table, Text};
use crate::routing::fault::RuleFaultCode;
use crate::routing::group::SkillGroup;
use crate::routing::hint::did_you_mean;
use std::collections::HashMap;

const KEYS: &[&str] = &[
    "id",
    "name",
    "description",
    "hours",
    "calendar",
    "closed",
    "fallback",
    "alternatives",
    "skills",
];

/// The skill groups, with their place by id.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    /// In the order of the file.
    pub(crate) list: Vec<SkillGroup>,
    /// Place in `list` by id.
    pub(crate) by_id: HashMap<String, usize>,
}

impl Groups {
    /// Place of the group that `id` names; faults an unknown one.
    pub(super) fn find(&self, id: &Text<'_>, faults: &mut Faults<'_>) -> Option<usize> {
        let found = self.by_id.get(id.value).copied();
        if found.is_none() {
            let hint = did_you_mean(id.value, self.by_id.keys().map(String::as_str));
            let message = format!("unknown skill group `{}`{hint}", id.value);
            faults.at(id.offset(), RuleFaultCode::UnknownGroup, message);
        }
        found
    }
}

pub(super) fn read(root: Table<'_>, faults: &mut Faults<'_>) -> Groups {
    let shared = shared_calendar(root, faults);
    let tables = root.tables("skill_group", faults);
    if tables.is_empty() {
        faults.at(0, RuleFaultCode::MissingKey, "no [[skill_group]]");
    }
    let mut groups = Groups::default();
    let mut sources = Vec::new();
    for table in tables {
        if let Some(group) = group(table, &shared, &groups, faults) {
            groups.by_id.entry(group.id.clone()).or_insert(groups.list.len());
            groups.list.push(group);
            sources.push(table);
        }
    }
    // Groups may name each other in any order, so references are read when all are known.
    for (place, table) in sources.into_iter().enumerate() {
        faults.row = Some(groups.list[place].id.clone());
        references(place, table, &mut groups, faults);
    }
    faults.row = None;
    refuse_cycles(&groups, root, faults);
    groups
}

/// Holidays and make-up working days that all groups share.
fn shared_calendar(root: Table<'_>, faults: &mut Faults<'_>) -> Calendar {
    let mut calendar = Calendar::default();
    let Some(table) = root.table("calendar", faults) else { return calendar };
    table.refuse_unknown(&["closed", "workdays"], faults);
    calendar.closed = dates(table, "closed", faults);
    let workdays = dates(table, "workdays", faults);
    calendar.workdays = workdays.iter().map(|days| *days.start()).collect();
    if workdays.iter().any(|days| days.start() != days.end()) {
        let message = "`workdays` are single dates";
        faults.at(table.offset_of("workdays"), RuleFaultCode::BadHours, message);
    }
    calendar
}

fn dates(
    table: Table<'_>,
    key: &str,
    faults: &mut Faults<'_>,
) -> Vec<std::ops::RangeInclusive<jiff::civil::Date>> {
    let mut found = Vec::new();
    for text in table.texts(key, faults) {
        match parse_dates(text.value) {
            Ok(days) => found.push(days),
            Err(message) => faults.at(text.offset(), RuleFaultCode::BadHours, message),
        }
    }
    found
}

fn group(
    table: Table<'_>,
    shared: &Calendar,
    groups: &Groups,
    faults: &mut Faults<'_>,
) -> Option<SkillGroup> {
    let id = table.required_text("id", faults);
    faults.row = id.as_ref().map(|id| id.value.to_owned());
    table.refuse_unknown(KEYS, faults);
    if let Some(id) = &id {
        check_id(id, groups, faults);
    }
    let name = table.required_text("name", faults);
    let description = table.text("description", faults);
    let (calendar, hours) = hours(table, shared, faults);
    let skills = table.texts("skills", faults);
    faults.row = None;
    Some(SkillGroup {
        id: id?.value.to_owned(),
        // A nameless group is a fault already; keeping it lets the rows that name it be checked.
        name: name.map_or_else(String::new, |name| name.value.to_owned()),
        description: description.map_or_else(String::new, |text| text.value.to_owned()),
        hours,
        fallback: None,
        alternatives: Vec::new(),
        skills: skills.into_iter().map(|skill| skill.value.to_owned()).collect(),
        position: faults.position(table.offset),
        calendar,
        fallback_idx: None,
    })
}

fn check_id(id: &Text<'_>, groups: &Groups, faults: &mut Faults<'_>) {
    if !id.value.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-')) {
        let message = "ids have small letters, digits, `_` and `-`";
        faults.at(id.offset(), RuleFaultCode::BadValue, message);
    }
    if let Some(place) = groups.by_id.get(id.value) {
        let (line, _) = groups.list[*place].position;
        let message = format!("skill group `{}` is in line {line} already", id.value);
        faults.at(id.offset(), RuleFaultCode::DuplicateId, message);
    }
}

/// The calendar and its words.
fn hours(table: Table<'_>, shared: &Calendar, faults: &mut Faults<'_>) -> (Hours, Vec<String>) {
    if !table.has("hours") {
        faults.at(table.offset, RuleFaultCode::MissingKey, "`hours` is missing");
        return (Hours::Always, Vec::new());
    }
    if table.is_text("hours") {
        let text = table.text("hours", faults);
        if let Some(text) = text.filter(|text| text.value != "always") {
            let message = "`hours` is \"always\" or a list of { days, from, to }";
            faults.at(text.offset(), RuleFaultCode::BadHours, message);
        }
        return (Hours::Always, vec!["always".to_owned()]);
    }
    let follows_shared = table.bool("calendar", faults).unwrap_or(true);
    let mut calendar = if follows_shared { shared.clone() } else { Calendar::default() };
    calendar.closed.extend(dates(table, "closed", faults));
    let mut words = Vec::new();
    for entry in table.tables("hours", faults) {
        words.extend(shift(entry, &mut calendar, faults));
    }
    if calendar.is_empty() && words.is_empty() {
        let message = "the group never opens";
        faults.at(table.offset_of("hours"), RuleFaultCode::BadHours, message);
    }
    (Hours::Shifts(Box::new(calendar)), words)
}

fn shift(table: Table<'_>, calendar: &mut Calendar, faults: &mut Faults<'_>) -> Option<String> {
    table.refuse_unknown(&["days", "from", "to"], faults);
    let days = table.required_text("days", faults);
    let from = table.required_text("from", faults);
    let to = table.required_text("to", faults);
    let mut read = |text: &Text<'_>| {
        let fault = |message| faults.at(text.offset(), RuleFaultCode::BadHours, message);
        parse_time(text.value).map_err(fault).ok()
    };
    let times = (from.as_ref().and_then(&mut read), to.as_ref().and_then(&mut read));
    let (days, from, to) = (days?, from?, to?);
    let words = format!("{} {}-{}", days.value, from.value, to.value);
    match parse_days(days.value) {
        Err(message) => faults.at(days.offset(), RuleFaultCode::BadHours, message),
        Ok(weekdays) => {
            if let (Some(from), Some(to)) = times
                && let Err(message) = calendar.add(weekdays, from, to)
            {
                faults.at(table.offset, RuleFaultCode::BadHours, message);
            }
        }
    }
    Some(words)
}

fn references(place: usize, table: Table<'_>, groups: &mut Groups, faults: &mut Faults<'_>) {
    let fallback = table.text("fallback", faults);
    let fallback_idx = fallback.as_ref().and_then(|id| groups.find(id, faults));
    let alternatives = alternatives(table, groups, faults).unwrap_or_default();
    let group = &mut groups.list[place];
    group.fallback = fallback.map(|id| id.value.to_owned());
    group.fallback_idx = fallback_idx;
    group.alternatives = alternatives;
}

/// `alternatives = [{ id, after_seconds }]`, soonest first; `None` where the key is missing.
pub(super) fn alternatives(
    table: Table<'_>,
    groups: &Groups,
    faults: &mut Faults<'_>,
) -> Option<Vec<Alternative>> {
    if !table.has("alternatives") {
        return None;
    }
    let mut found: Vec<Alternative> = Vec::new();
    for entry in table.tables("alternatives", faults) {
        entry.refuse_unknown(&["id", "after_seconds"], faults);
        let id = entry.required_text("id", faults);
        let known = id.as_ref().and_then(|id| groups.find(id, faults));
        if !entry.has("after_seconds") {
            faults.at(entry.offset, RuleFaultCode::MissingKey, "`after_seconds` is missing");
        }
        let Some((seconds, offset)) = entry.int("after_seconds", faults) else { continue };
        let Ok(after_seconds) = u32::try_from(seconds) else {
            faults.at(offset, RuleFaultCode::BadValue, "`after_seconds` is 0 to a few days");
            continue;
        };
        if found.last().is_some_and(|before| before.after_seconds > after_seconds) {
            let message = "alternatives stand in the order of their waiting time";
            faults.at(offset, RuleFaultCode::BadValue, message);
        }
        if let (Some(id), Some(_)) = (id, known) {
            found.push(Alternative { id: id.value.to_owned(), after_seconds });
        }
    }
    Some(found)
}

/// Faults each circle of fallbacks once, at the group of the circle that stands first.
fn refuse_cycles(groups: &Groups, root: Table<'_>, faults: &mut Faults<'_>) {
    let tables = root.tables("skill_group", &mut Faults::new(""));
    for start in 0..groups.list.len() {
        let mut path = vec![start];
        while let Some(next) = groups.list[path[path.len() - 1]].fallback_idx {
            if next == start {
                let is_first = path.iter().all(|place| *place >= start);
                let ids = path.iter().chain([&start]).map(|place| &*groups.list[*place].id);
                let message =
                    format!("fallbacks run in a circle: {}", ids.collect::<Vec<_>>().join(" → "));
                let id = &groups.list[start].id;
                let own = |table: &&Table<'_>| {
                    faults.position(table.offset) == groups.list[start].position
                };
                let offset = tables.iter().find(own).map_or(0, |t| t.offset_of("fallback"));
                if is_first {
                    faults.row = Some(id.clone());
                    faults.at(offset, RuleFaultCode::FallbackCycle, message);
                    faults.row = None;
                }
                break;
            }
            if path.contains(&next) {
                break;
            }
            path.push(next);
        }
    }
}
