//! The sections of a rule file and their rows.

use super::groups::{Groups, alternatives};
use crate::routing::condition::Condition;
use crate::routing::document::{Faults, Table, Text};
use crate::routing::fault::RuleFaultCode;
use crate::routing::hint::did_you_mean;
use crate::routing::intent::{Intents, Pattern};
use crate::routing::rule::{Clock, Ordered, Reply, Route, Row, Section, SlaTerms, Term};
use crate::routing::rule_set::{Promise, Sections};
use crate::routing::schema::Schema;
use crate::routing::trace::SectionKind;
use std::collections::HashMap;

/// Longest promise; a longer one is a slip of the unit.
const MAX_TERM_S: i64 = 90 * 24 * 3600;

pub(super) fn read(
    root: Table<'_>,
    schema: &Schema<'_>,
    groups: &Groups,
    faults: &mut Faults<'_>,
) -> Option<Sections> {
    let mut reader = Reader { root, schema, ids: HashMap::new() };
    let score = |table: Table<'_>, faults: &mut Faults<'_>| score(table, faults);
    let route = reader.section(
        SectionKind::Route,
        &["skill_group", "handoff", "alternatives"],
        faults,
        |table, faults| route(table, groups, faults),
    );
    let handoff = reader.section(SectionKind::Handoff, &["handoff"], faults, handoff);
    let impact = reader.section(SectionKind::Impact, &["score"], faults, score);
    let urgency = reader.section(SectionKind::Urgency, &["score"], faults, score);
    let value = reader.section(SectionKind::Value, &["score"], faults, score);
    let sla_keys = ["first_reply", "resolve", "clock"];
    let sla = reader.section(SectionKind::Sla, &sla_keys, faults, sla);
    let reply = reader.section(SectionKind::Reply, &["tags", "reply_hints"], faults, reply);
    let has_handoff = root.has(SectionKind::Handoff.as_str());
    let route = reader.ordered(route, SectionKind::Route, faults);
    let handoff = has_handoff.then(|| reader.ordered(handoff, SectionKind::Handoff, faults));
    let impact = reader.ordered(impact, SectionKind::Impact, faults);
    let urgency = reader.ordered(urgency, SectionKind::Urgency, faults);
    let value = reader.ordered(value, SectionKind::Value, faults);
    let sla = reader.ordered(sla, SectionKind::Sla, faults);
    let promise = sla.as_ref().and_then(|sla| promise(&sla.default, root, faults));
    let reply = reply.into_iter().map(Draft::finish).collect::<Option<Vec<_>>>();
    Some(Sections {
        route: route?,
        handoff: match handoff {
            Some(handoff) => Some(handoff?),
            None => None,
        },
        impact: impact?,
        urgency: urgency?,
        value: value?,
        sla: sla?,
        promise: promise?,
        reply: Section::new(reply?, schema.known_intents.unwrap_or_default()),
    })
}

/// A row read as far as its faults allow.
struct Draft<T> {
    id: Option<Box<str>>,
    description: Box<str>,
    offset: usize,
    position: (usize, usize),
    intents: Intents,
    when: Vec<Condition>,
    /// Neither an intent column nor conditions were written.
    is_default: bool,
    then: Option<T>,
}

impl<T> Draft<T> {
    fn finish(self) -> Option<Row<T>> {
        Some(Row {
            id: self.id?,
            description: self.description,
            position: self.position,
            intents: self.intents,
            when: self.when.into(),
            then: self.then?,
        })
    }
}

struct Reader<'a> {
    root: Table<'a>,
    schema: &'a Schema<'a>,
    /// Line of every row id.
    ids: HashMap<&'a str, usize>,
}

impl<'a> Reader<'a> {
    fn section<T>(
        &mut self,
        kind: SectionKind,
        outputs: &[&str],
        faults: &mut Faults<'_>,
        mut then: impl FnMut(Table<'a>, &mut Faults<'_>) -> Option<T>,
    ) -> Vec<Draft<T>> {
        let keys = [&["id", "description", "intent", "when"], outputs].concat();
        let tables = self.root.tables(kind.as_str(), faults);
        let mut drafts = Vec::with_capacity(tables.len());
        for table in tables {
            let id = table.required_text("id", faults);
            faults.row = id.as_ref().map(|id| id.value.to_owned());
            if let Some(id) = &id {
                self.check_id(id, faults);
            }
            table.refuse_unknown(&keys, faults);
            let description = table.text("description", faults).map_or("", |text| text.value);
            let (patterns, conditions) =
                (table.texts("intent", faults), table.texts("when", faults));
            drafts.push(Draft {
                id: id.map(|id| id.value.into()),
                description: description.into(),
                offset: table.offset,
                position: faults.position(table.offset),
                is_default: table.is_blank("intent") && table.is_blank("when"),
                intents: self.intents(&patterns, faults),
                when: self.conditions(&conditions, faults),
                then: then(table, faults),
            });
            faults.row = None;
        }
        drafts
    }

    fn check_id(&mut self, id: &Text<'a>, faults: &mut Faults<'_>) {
        let is_kebab = id.value.split('-').all(|part| {
            !part.is_empty() && part.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9'))
        });
        if !is_kebab {
            let message = "ids are words of small letters and digits joined by `-`";
            faults.at(id.offset(), RuleFaultCode::BadValue, message);
        }
        let line = faults.position(id.offset()).0;
        if let Some(first) = self.ids.insert(id.value, line) {
            let message = format!("`{}` is the id of the row in line {first} already", id.value);
            faults.at(id.offset(), RuleFaultCode::DuplicateId, message);
        }
    }

    fn intents(&self, patterns: &[Text<'_>], faults: &mut Faults<'_>) -> Intents {
        let mut found = Vec::with_capacity(patterns.len());
        for text in patterns {
            let Some(pattern) = Pattern::parse(text.value) else {
                let message = format!("`{}` is no intent; write `a.b` or `a.*`", text.value);
                faults.at(text.offset(), RuleFaultCode::BadValue, message);
                continue;
            };
            if let Some(known) = self.schema.known_intents
                && !known.iter().any(|label| pattern.admits(label))
            {
                let hint = did_you_mean(text.value, known.iter().map(String::as_str));
                let message = format!("no known intent fits `{}`{hint}", text.value);
                faults.at(text.offset(), RuleFaultCode::UnknownIntent, message);
            }
            found.push(pattern);
        }
        Intents(found.into())
    }

    fn conditions(&self, texts: &[Text<'_>], faults: &mut Faults<'_>) -> Vec<Condition> {
        let mut conditions = Vec::with_capacity(texts.len());
        for text in texts {
            match Condition::compile(text.value, self.schema) {
                Ok(condition) => conditions.push(condition),
                Err(flaws) => {
                    for flaw in flaws {
                        faults.in_text(text, flaw.offset, flaw.code, flaw.message);
                    }
                }
            }
        }
        conditions
    }

    /// Splits off the default row and faults what is missing or stands behind it.
    fn ordered<T>(
        &self,
        mut drafts: Vec<Draft<T>>,
        kind: SectionKind,
        faults: &mut Faults<'_>,
    ) -> Option<Ordered<T>> {
        let Some(place) = drafts.iter().position(|draft| draft.is_default) else {
            let offset = drafts.last().map_or(0, |draft| draft.offset);
            let message =
                format!("[[{kind}]] needs a last row without `intent` and `when`: its default");
            faults.at(offset, RuleFaultCode::MissingDefault, message);
            return None;
        };
        for draft in drafts.drain(place + 1..) {
            faults.row = draft.id.map(String::from);
            let message = format!("never reached: the default row of [[{kind}]] stands before it");
            faults.at(draft.offset, RuleFaultCode::UnreachableRow, message);
            faults.row = None;
        }
        let default = drafts.pop().and_then(Draft::finish);
        let rows = drafts.into_iter().map(Draft::finish).collect::<Option<Vec<_>>>();
        let section = Section::new(rows?, self.schema.known_intents.unwrap_or_default());
        Some(Ordered { section, default: default? })
    }
}

fn route(table: Table<'_>, groups: &Groups, faults: &mut Faults<'_>) -> Option<Route> {
    let group = table.required_text("skill_group", faults);
    let group = group.and_then(|id| groups.find(&id, faults));
    let handoff = table.bool("handoff", faults).unwrap_or(false);
    let alternatives = alternatives(table, groups, faults);
    Some(Route { group: group?, handoff, alternatives })
}

fn handoff(table: Table<'_>, faults: &mut Faults<'_>) -> Option<bool> {
    if !table.has("handoff") {
        faults.at(table.offset, RuleFaultCode::MissingKey, "`handoff` is missing");
    }
    table.bool("handoff", faults)
}

fn score(table: Table<'_>, faults: &mut Faults<'_>) -> Option<u8> {
    if !table.has("score") {
        faults.at(table.offset, RuleFaultCode::MissingKey, "`score` is missing");
    }
    let (number, offset) = table.int("score", faults)?;
    let score = u8::try_from(number).ok().filter(|score| (1..=5).contains(score));
    if score.is_none() {
        faults.at(offset, RuleFaultCode::BadValue, "a score is 1 to 5");
    }
    score
}

fn sla(table: Table<'_>, faults: &mut Faults<'_>) -> Option<SlaTerms> {
    let clock = match table.text("clock", faults) {
        None => Clock::Always,
        Some(text) => match text.value {
            "always" => Clock::Always,
            "hours" => Clock::Hours,
            other => {
                let message = format!("`clock` is \"always\" or \"hours\", not \"{other}\"");
                faults.at(text.offset(), RuleFaultCode::BadValue, message);
                Clock::Always
            }
        },
    };
    let mut term = |key: &str| {
        let text = table.text(key, faults)?;
        let seconds = text.value.parse::<jiff::SignedDuration>().map(|span| span.as_secs());
        match seconds {
            Ok(seconds @ 1..=MAX_TERM_S) => {
                u32::try_from(seconds).ok().map(|seconds| Term { seconds, clock })
            }
            _ => {
                let message = format!("`{}` is no time; write \"30s\", \"2h 30m\"", text.value);
                faults.at(text.offset(), RuleFaultCode::BadValue, message);
                None
            }
        }
    };
    let terms = SlaTerms { first_reply: term("first_reply"), resolve: term("resolve") };
    if !table.has("first_reply") && !table.has("resolve") {
        let message = "the row gives neither `first_reply` nor `resolve`";
        faults.at(table.offset, RuleFaultCode::MissingKey, message);
    }
    Some(terms)
}

/// What the default row promises; it must give both.
fn promise(row: &Row<SlaTerms>, root: Table<'_>, faults: &mut Faults<'_>) -> Option<Promise> {
    let terms = row.then.first_reply.zip(row.then.resolve);
    let tables = root.tables(SectionKind::Sla.as_str(), &mut Faults::new(""));
    let own = |table: &&Table<'_>| faults.position(table.offset) == row.position;
    let table = tables.iter().find(own).copied();
    if let Some(table) = table.filter(|t| !(t.has("first_reply") && t.has("resolve"))) {
        faults.row = Some(row.id.to_string());
        let message = "the default row of [[sla]] gives both `first_reply` and `resolve`";
        faults.at(table.offset, RuleFaultCode::MissingKey, message);
        faults.row = None;
    }
    terms.map(|(first_reply, resolve)| Promise { first_reply, resolve })
}

fn reply(table: Table<'_>, faults: &mut Faults<'_>) -> Option<Reply> {
    let owned = |texts: Vec<Text<'_>>| texts.iter().map(|text| text.value.to_owned()).collect();
    let reply = Reply {
        tags: owned(table.texts("tags", faults)),
        hints: owned(table.texts("reply_hints", faults)),
    };
    if !table.has("tags") && !table.has("reply_hints") {
        let message = "the row gives neither `tags` nor `reply_hints`";
        faults.at(table.offset, RuleFaultCode::MissingKey, message);
    }
    Some(reply)
}
