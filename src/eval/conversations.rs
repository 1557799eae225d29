//! Playing scripted conversations against whatever drives them.
//!
//! A script goes on after a mismatch: later steps often show what the first one broke.

mod check;

use super::{
    DataInfo, Interval,
    bootstrap::wilson,
    dataset::{Outcome, Script, ScriptSet, Step, StepKind},
    error::BoxError,
    metrics, progress,
};
use check::mismatch;
use serde::{Deserialize, Serialize};

/// What came of a step; a field that does not apply stays empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reply {
    /// `answer`, `clarify`, `transfer` or `silent`.
    pub action: Option<String>,
    /// Strikes counted.
    pub strikes: Option<u32>,
    /// Label of the intent.
    pub intent: Option<String>,
    /// Id of the article given.
    pub article: Option<String>,
    /// Whether the turn is answered as a follow-up of an earlier one.
    pub follow_up: bool,
    /// Target team.
    pub skill_group: Option<String>,
    /// `P0` … `P3`.
    pub priority: Option<String>,
    /// Why it was handed off.
    pub reason: Option<String>,
    /// Every reason given, codes not sentences.
    pub reasons: Vec<String>,
}

/// Something that holds conversations. Calls of one script come in order and before those of the
/// next; the caller blocks where the engine is asynchronous. Each script is a new conversation,
/// which `say` with `turn` 1 begins.
pub trait Driver {
    /// What a call may fail with; a failure fails the step, not the run.
    type Error: Into<BoxError>;

    /// The customer writes `text`, their `turn`th message counted from 1.
    ///
    /// # Errors
    /// Whatever keeps the engine from replying.
    fn say(&mut self, script: &Script, turn: usize, text: &str) -> Result<Reply, Self::Error>;

    /// The outcome of an earlier turn is reported.
    ///
    /// # Errors
    /// As [`Driver::say`].
    fn report(
        &mut self,
        script: &Script,
        turn: usize,
        outcome: Outcome,
    ) -> Result<Reply, Self::Error>;

    /// The conversation is closed.
    ///
    /// # Errors
    /// As [`Driver::say`].
    fn close(&mut self, script: &Script, resolved: bool) -> Result<Reply, Self::Error>;
}

/// How many scripts went as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConversationReport {
    /// Which scripts.
    pub data: DataInfo,
    /// Scripts.
    pub n: usize,
    /// Scripts without a mismatch.
    pub n_passed: usize,
    /// Their share.
    pub passed: f64,
    /// Wilson.
    pub passed_ci95: Interval,
    /// Steps of all scripts.
    pub n_steps: usize,
    /// Steps without a mismatch.
    pub n_steps_passed: usize,
    /// One entry a script, in their order.
    pub scripts: Vec<ScriptResult>,
}

/// How one script went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScriptResult {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Whether every step went as expected.
    pub passed: bool,
    /// Steps played.
    pub n_steps: usize,
    /// At most one a step: the first field that differs.
    pub mismatches: Vec<Mismatch>,
}

/// Where a step went otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mismatch {
    /// Step, counted from 1.
    pub step: usize,
    /// The field of `expect`; `error` where the call failed.
    pub field: String,
    /// What the script wants; several accepted values are joined with ` | `.
    pub expected: String,
    /// What came.
    pub got: String,
}

/// Plays every script. `on` shows progress on standard error where that is a terminal.
pub fn run(set: &ScriptSet, driver: &mut impl Driver, on: bool) -> ConversationReport {
    let bar = progress::bar(set.scripts.len(), on);
    let mut scripts = Vec::with_capacity(set.scripts.len());
    for script in &set.scripts {
        scripts.push(play(script, driver));
        bar.inc(1);
    }
    bar.finish_and_clear();
    let n_passed = scripts.iter().filter(|script| script.passed).count();
    let n_steps = scripts.iter().map(|script| script.n_steps).sum();
    let n_mismatches: usize = scripts.iter().map(|script| script.mismatches.len()).sum();
    ConversationReport {
        data: set.info.clone(),
        n: scripts.len(),
        n_passed,
        passed: metrics::ratio(n_passed, scripts.len()),
        passed_ci95: wilson(n_passed, scripts.len()),
        n_steps,
        n_steps_passed: n_steps - n_mismatches,
        scripts,
    }
}

fn play(script: &Script, driver: &mut impl Driver) -> ScriptResult {
    let (mut turn, mut mismatches) = (0, Vec::new());
    for (step, number) in script.steps.iter().zip(1..) {
        turn += usize::from(matches!(step.kind, StepKind::Say(_)));
        mismatches.extend(take(script, step, turn, driver).map(|m| Mismatch { step: number, ..m }));
    }
    ScriptResult {
        id: script.id.clone(),
        title: script.title.clone(),
        passed: mismatches.is_empty(),
        n_steps: script.steps.len(),
        mismatches,
    }
}

fn take(script: &Script, step: &Step, turn: usize, driver: &mut impl Driver) -> Option<Mismatch> {
    let reply = match &step.kind {
        StepKind::Say(text) => driver.say(script, turn, text),
        StepKind::Report { turn, outcome } => driver.report(script, *turn, *outcome),
        StepKind::Close { resolved } => driver.close(script, *resolved),
    };
    match reply {
        Ok(reply) => mismatch(&step.expect, &reply),
        Err(error) => Some(Mismatch {
            step: 0,
            field: "error".into(),
            expected: "a reply".into(),
            got: error.into().to_string(),
        }),
    }
}

#[cfg(test)]
mod tests;
