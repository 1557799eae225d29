//! What a reply lacks of what is expected.

use super::{Mismatch, Reply};
use crate::eval::dataset::{Expect, OneOrMore};

/// The first field that differs, in the order a reader would look; its step is left 0.
pub(super) fn mismatch(expect: &Expect, reply: &Reply) -> Option<Mismatch> {
    one_of("action", expect.action.as_ref(), reply.action.as_deref())
        .or_else(|| strikes(expect.strikes?, reply.strikes))
        .or_else(|| one_of("intent", expect.intent.as_ref(), reply.intent.as_deref()))
        .or_else(|| one_of("article", expect.article.as_ref(), reply.article.as_deref()))
        .or_else(|| follow_up(expect.follow_up?, reply.follow_up))
        .or_else(|| one_of("reason", expect.reason.as_ref(), reply.reason.as_deref()))
        .or_else(|| {
            one_of("skill_group", expect.skill_group.as_ref(), reply.skill_group.as_deref())
        })
        .or_else(|| one_of("priority", expect.priority.as_ref(), reply.priority.as_deref()))
        .or_else(|| reasons(&expect.reasons_include, &reply.reasons))
}

fn one_of(field: &str, expected: Option<&OneOrMore>, got: Option<&str>) -> Option<Mismatch> {
    let accepted = expected?.accepted();
    if got.is_some_and(|got| accepted.iter().any(|value| value == got)) {
        return None;
    }
    Some(differs(field, accepted.join(" | "), got.unwrap_or("nothing").to_owned()))
}

fn strikes(expected: u32, got: Option<u32>) -> Option<Mismatch> {
    let shown = got.map_or_else(|| "nothing".to_owned(), |n| n.to_string());
    (got != Some(expected)).then(|| differs("strikes", expected.to_string(), shown))
}

fn follow_up(expected: bool, got: bool) -> Option<Mismatch> {
    (got != expected).then(|| differs("follow_up", expected.to_string(), got.to_string()))
}

fn reasons(expected: &[String], got: &[String]) -> Option<Mismatch> {
    let missing = expected.iter().find(|reason| !got.contains(reason))?;
    Some(differs("reasons_include", missing.clone(), format!("[{}]", got.join(", "))))
}

fn differs(field: &str, expected: String, got: String) -> Mismatch {
    Mismatch { step: 0, field: field.to_owned(), expected, got }
}
