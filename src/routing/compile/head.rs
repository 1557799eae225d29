//! The head of a rule file: names, zone, thresholds, free facts.

use crate::routing::document::{Faults, Table, Text, text};
use crate::routing::fault::RuleFaultCode;
use crate::routing::hint::did_you_mean;
use crate::routing::rule_set::Thresholds;
use crate::routing::schema::{BuiltIn, FactType};
use jiff::tz::{Offset, TimeZone};
use std::collections::BTreeMap;

/// What the head says; `None` where it is faulty.
pub(super) struct Head {
    pub(super) name: Option<String>,
    pub(super) version: Option<String>,
    pub(super) zone: Option<TimeZone>,
    pub(super) thresholds: Option<Thresholds>,
    pub(super) free_facts: BTreeMap<String, FactType>,
}

pub(super) fn read(root: Table<'_>, faults: &mut Faults<'_>) -> Head {
    Head {
        name: name(root, "name", faults),
        version: name(root, "version", faults),
        zone: root.required_text("timezone", faults).and_then(|text| zone(&text, faults)),
        thresholds: thresholds(root, faults),
        free_facts: free_facts(root, faults),
    }
}

/// A part of `name@version`, which must be readable as one word.
fn name(root: Table<'_>, key: &str, faults: &mut Faults<'_>) -> Option<String> {
    let text = root.required_text(key, faults)?;
    let bad = |c: char| c == '@' || c.is_whitespace() || c.is_control();
    if text.value.contains(bad) {
        let message = format!("`{key}` may have neither `@` nor blanks");
        faults.at(text.offset(), RuleFaultCode::BadValue, message);
        return None;
    }
    Some(text.value.to_owned())
}

fn zone(text: &Text<'_>, faults: &mut Faults<'_>) -> Option<TimeZone> {
    if let Ok(zone) = TimeZone::get(text.value) {
        return Some(zone);
    }
    // China has had one zone without summer time since 1992: its shops need no zone database.
    if text.value == "Asia/Shanghai" {
        return Some(TimeZone::fixed(Offset::constant(8)));
    }
    let message = format!("unknown time zone `{}`, or no zone database on this host", text.value);
    faults.at(text.offset(), RuleFaultCode::BadValue, message);
    None
}

fn thresholds(root: Table<'_>, faults: &mut Faults<'_>) -> Option<Thresholds> {
    let Some(table) = root.table("priority", faults) else {
        return Some(Thresholds::default());
    };
    table.refuse_unknown(&["p0", "p1", "p2"], faults);
    let mut read = |key: &str, default: u8| match table.int(key, faults) {
        None if table.has(key) => None,
        None => Some(default),
        Some((number, offset)) => {
            let sum = u8::try_from(number).ok().filter(|sum| (3..=16).contains(sum));
            if sum.is_none() {
                let message = format!("`{key}` is a sum of three scores: 3 to 15, or 16 for never");
                faults.at(offset, RuleFaultCode::BadValue, message);
            }
            sum
        }
    };
    let default = Thresholds::default();
    let (p0, p1, p2) = (read("p0", default.p0), read("p1", default.p1), read("p2", default.p2));
    let thresholds = Thresholds { p0: p0?, p1: p1?, p2: p2? };
    if thresholds.p0 < thresholds.p1 || thresholds.p1 < thresholds.p2 {
        let message = "thresholds must fall from `p0` to `p2`";
        faults.at(table.offset, RuleFaultCode::BadValue, message);
        return None;
    }
    Some(thresholds)
}

fn free_facts(root: Table<'_>, faults: &mut Faults<'_>) -> BTreeMap<String, FactType> {
    let mut declared = BTreeMap::new();
    let Some(table) = root.table("facts", faults) else { return declared };
    for (name, offset, value) in table.iter() {
        if let Err(message) = check_name(name) {
            faults.at(offset, RuleFaultCode::BadValue, message);
        }
        let Some(type_name) = text(value, faults) else { continue };
        match FactType::named(type_name.value) {
            Some(fact_type) => {
                declared.insert(name.to_owned(), fact_type);
            }
            None => {
                let names = ["string", "int", "double", "bool", "list"];
                let hint = did_you_mean(type_name.value, names.into_iter());
                let message = format!(
                    "unknown type `{}`{hint}; the types: {}",
                    type_name.value,
                    names.join(", ")
                );
                faults.at(type_name.offset(), RuleFaultCode::BadValue, message);
                // Declared all the same: the rows that name it are not at fault.
                declared.insert(name.to_owned(), FactType::String);
            }
        }
    }
    declared
}

fn check_name(name: &str) -> Result<(), String> {
    let is_word = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    if !is_word {
        return Err(format!("`{name}` is no name for a fact: write it like `annual_spend`"));
    }
    if BuiltIn::named(name).is_some() {
        return Err(format!("`{name}` is built in; write it without `customer.`"));
    }
    // The names that CEL keeps for itself.
    if ["in", "as", "if", "for", "let", "var", "null", "true", "false"].contains(&name) {
        return Err(format!("`{name}` is a word of the condition language"));
    }
    Ok(())
}
