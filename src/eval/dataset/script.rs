//! Scripted conversations with what is expected of each step.

use super::{open, read::json_lines};
use crate::eval::{DataInfo, EvalError};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{collections::BTreeSet, path::Path};

/// One conversation, played step by step.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// Unique in the set.
    pub id: String,
    /// What it is about, for the reader of the report.
    #[serde(default)]
    pub title: String,
    /// Facts about the customer as `POST /v1/route` takes them; null where none.
    #[serde(default)]
    pub customer: Value,
    /// Channel, e.g. `app`.
    #[serde(default)]
    pub channel: Option<String>,
    /// At least one.
    pub steps: Vec<Step>,
}

/// One thing done to the conversation, and what must come of it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "RawStep")]
pub struct Step {
    /// What is done.
    pub kind: StepKind,
    /// What must come of it; empty: nothing is checked.
    pub expect: Expect,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepKind {
    /// The customer writes (`"say"`).
    Say(String),
    /// The outcome of an earlier turn is reported (`"report"`, with `"turn"`).
    Report {
        /// The turn meant, counted from 1 over the `say` steps.
        turn: usize,
        /// How it went.
        outcome: Outcome,
    },
    /// The conversation is closed (`"close"`: whether it is resolved).
    Close {
        /// As the closing person says.
        resolved: bool,
    },
}

/// How a turn went, as reported later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The answer helped.
    Resolved,
    /// It did not.
    Unresolved,
}

/// What a reply must be; fields not given are not checked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// `answer`, `clarify`, `transfer` or `silent`.
    pub action: Option<OneOrMore>,
    /// Strikes counted after the step.
    pub strikes: Option<u32>,
    /// Label of the intent.
    pub intent: Option<OneOrMore>,
    /// Why it was handed off.
    pub reason: Option<OneOrMore>,
    /// Id of the article given.
    pub article: Option<OneOrMore>,
    /// Whether the turn is answered as a follow-up of an earlier one.
    pub follow_up: Option<bool>,
    /// Target team.
    pub skill_group: Option<OneOrMore>,
    /// `P0` … `P3`.
    pub priority: Option<OneOrMore>,
    /// Each of these must be among the reply's reasons.
    #[serde(default)]
    pub reasons_include: Vec<String>,
}

/// One accepted value or several: `"answer"`, `["answer", "clarify"]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum OneOrMore {
    /// Exactly this.
    One(String),
    /// Any of these.
    More(Vec<String>),
}

impl OneOrMore {
    /// The values accepted.
    #[must_use]
    pub fn accepted(&self) -> &[String] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::More(values) => values,
        }
    }
}

/// The conversations of one file.
#[derive(Debug, Clone, PartialEq)]
pub struct ScriptSet {
    /// Name and number.
    pub info: DataInfo,
    /// At least one.
    pub scripts: Vec<Script>,
}

impl ScriptSet {
    /// Reads one script a line.
    ///
    /// # Errors
    /// The file is unreadable or empty; a line has an unknown key, lacks one, has no step, repeats
    /// an id, or reports a turn that was not said yet.
    pub fn load(path: &Path) -> Result<Self, EvalError> {
        let (name, content) = open(path)?;
        Self::parse(&name, &content)
    }

    /// The same from a string.
    ///
    /// # Errors
    /// As [`ScriptSet::load`].
    pub fn parse(name: &str, content: &str) -> Result<Self, EvalError> {
        let mut seen = BTreeSet::new();
        let mut scripts = Vec::new();
        for (line, script) in json_lines::<Script>(name, content)? {
            check_turns(name, line, &script)?;
            if !seen.insert(script.id.clone()) {
                return Err(EvalError::DuplicateId { data: name.to_owned(), line, id: script.id });
            }
            scripts.push(script);
        }
        let info = DataInfo { name: name.to_owned(), n: scripts.len(), only: Vec::new() };
        Ok(Self { info, scripts })
    }
}

/// A report must be about a turn already said.
fn check_turns(name: &str, line: usize, script: &Script) -> Result<(), EvalError> {
    let fault = |step, fault| Err(EvalError::Step { data: name.to_owned(), line, step, fault });
    if script.steps.is_empty() {
        return fault(0, "the script has no steps");
    }
    let mut n_said = 0;
    for (step, number) in script.steps.iter().zip(1..) {
        match &step.kind {
            StepKind::Say(text) if text.trim().is_empty() => {
                return fault(number, "`say` is empty");
            }
            StepKind::Say(_) => n_said += 1,
            StepKind::Report { turn, .. } if *turn == 0 || *turn > n_said => {
                return fault(number, "`turn` is none of the turns said so far (first is 1)");
            }
            StepKind::Report { .. } | StepKind::Close { .. } => {}
        }
    }
    Ok(())
}

/// The keys of a step as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStep {
    say: Option<String>,
    report: Option<Outcome>,
    turn: Option<usize>,
    close: Option<bool>,
    #[serde(default)]
    expect: Expect,
}

impl TryFrom<RawStep> for Step {
    type Error = &'static str;

    fn try_from(raw: RawStep) -> Result<Self, Self::Error> {
        let kind = match (raw.say, raw.report, raw.turn, raw.close) {
            (Some(text), None, None, None) => StepKind::Say(text),
            (None, Some(outcome), Some(turn), None) => StepKind::Report { turn, outcome },
            (None, None, None, Some(resolved)) => StepKind::Close { resolved },
            _ => return Err("a step has either `say`, or `report` with `turn`, or `close`"),
        };
        Ok(Self { kind, expect: raw.expect })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_three_kinds_of_steps() {
        let line =
            r#"{"id":"c1","title":"三次未解决","customer":{"vip_level":2},"channel":"app","steps":[
            {"say":"我的快递呢","expect":{"action":["answer","clarify"],"strikes":0}},
            {"report":"unresolved","turn":1,"expect":{"strikes":1}},
            {"close":true}]}"#
                .replace('\n', "");
        let set = ScriptSet::parse("talks", &line).unwrap();
        let steps = &set.scripts[0].steps;
        assert_eq!(steps[0].expect.action.as_ref().unwrap().accepted(), ["answer", "clarify"]);
        assert_eq!(steps[1].kind, StepKind::Report { turn: 1, outcome: Outcome::Unresolved });
        assert_eq!(steps[2].kind, StepKind::Close { resolved: true });
        assert_eq!(steps[2].expect, Expect::default());
    }

    #[test]
    fn faults_name_the_line() {
        let cases = [
            (r#"{"id":"c","steps":[{"say":"a"}],"titel":"x"}"#, "unknown field `titel`"),
            (r#"{"id":"c","steps":[{"say":"a","expects":{}}]}"#, "unknown field `expects`"),
            (r#"{"id":"c","steps":[{"say":"a","expect":{"strike":1}}]}"#, "unknown field `strike`"),
            (r#"{"id":"c","steps":[{"say":"a","close":true}]}"#, "a step has either"),
            (r#"{"id":"c","steps":[{"report":"resolved","turn":1}]}"#, "step 1: `turn` is none"),
            (r#"{"id":"c","steps":[{"report":"done","turn":1}]}"#, "unknown variant `done`"),
            (r#"{"id":"c","steps":[{"say":" "}]}"#, "step 1: `say` is empty"),
            (r#"{"id":"c","steps":[]}"#, "no steps"),
        ];
        for (line, message) in cases {
            let error = ScriptSet::parse("talks", &format!("\n{line}")).unwrap_err().to_string();
            assert!(error.starts_with("talks:2: ") && error.contains(message), "{line}: {error}");
        }
    }
}
