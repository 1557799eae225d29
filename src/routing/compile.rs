//! From the text of a rule file to a [`RuleSet`], or to all its faults.
//!
//! Three passes over the document: the head (names, zone, thresholds, free facts), the skill
//! groups, and the rows, which refer to both.

mod groups;
mod head;
mod rows;

pub(crate) use groups::Groups;

use super::document::{Faults, Table};
use super::fault::{RuleError, RuleFaultCode};
use super::rule_set::RuleSet;
use super::schema::Schema;
use std::sync::Arc;
use toml::de::DeTable;

/// What a rule file is checked against besides itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct CompileOptions<'a> {
    /// Labels that the intent model can give. An intent pattern or literal that fits none of them
    /// is a fault; `None` accepts any.
    pub known_intents: Option<&'a [String]>,
}

/// Keys of the file's top level.
const KEYS: &[&str] = &[
    "name",
    "version",
    "timezone",
    "facts",
    "priority",
    "calendar",
    "skill_group",
    "route",
    "handoff",
    "impact",
    "urgency",
    "value",
    "sla",
    "reply",
];

/// Compiles a rule file.
pub(crate) fn compile(text: &str, options: &CompileOptions<'_>) -> Result<RuleSet, RuleError> {
    let mut faults = Faults::new(text);
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let offset = error.span().map_or(0, |span| span.start);
        faults.at(offset, RuleFaultCode::Syntax, error.message());
    }
    // What the parser recovered would only yield faults that nobody made.
    let rule_set = if faults.is_empty() {
        let root = Table::new(document.get_ref(), 0);
        compile_document(root, options, &mut faults)
    } else {
        None
    };
    match rule_set {
        Some(rule_set) if faults.is_empty() => {
            Ok(rule_set.linted(options.known_intents.unwrap_or_default()))
        }
        _ => Err(RuleError::Faulty(faults.into_sorted())),
    }
}

fn compile_document(
    root: Table<'_>,
    options: &CompileOptions<'_>,
    faults: &mut Faults<'_>,
) -> Option<RuleSet> {
    root.refuse_unknown(KEYS, faults);
    let head = head::read(root, faults);
    let groups = groups::read(root, faults);
    let schema = Schema { free: head.free_facts, known_intents: options.known_intents };
    let sections = rows::read(root, &schema, &groups, faults);
    // Everything was read before anything is given up: that is what collects all faults.
    let (name, version) = (head.name?, head.version?);
    Some(RuleSet {
        id: format!("{name}@{version}"),
        name,
        version,
        zone: head.zone?,
        thresholds: head.thresholds?,
        free_facts: schema.free,
        groups,
        sections: sections?,
        warnings: Vec::new(),
        env: Arc::new(cel::Env::stdlib()),
    })
}

#[cfg(test)]
mod tests;
