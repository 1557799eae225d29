//! Plays scripted conversations against the conversation engine itself.

use fenzhen::app::App;
use fenzhen::conversation::state::Phase;
use fenzhen::conversation::{ClientId, TurnOutcome};
use fenzhen::eval::conversations::{Driver, Reply};
use fenzhen::eval::dataset::{Outcome, Script};
use fenzhen::triage::customer::Customer;
use fenzhen::triage::dialogue::TurnInput;
use fenzhen::triage::reply::{ConversationView, TurnReply};
use jiff::Timestamp;
use serde::Serialize;
use std::time::Instant;
use tokio::runtime::Runtime;

/// A driver over the desk of one app.
pub(super) struct DeskDriver<'a> {
    app: &'a App,
    runtime: &'a Runtime,
}

impl<'a> DeskDriver<'a> {
    pub(super) fn new(app: &'a App, runtime: &'a Runtime) -> Self {
        Self { app, runtime }
    }
}

impl Driver for DeskDriver<'_> {
    type Error = anyhow::Error;

    fn say(&mut self, script: &Script, turn: usize, text: &str) -> anyhow::Result<Reply> {
        let customer: Option<Customer> = match &script.customer {
            serde_json::Value::Null => None,
            customer => Some(serde_json::from_value(customer.clone())?),
        };
        let input = TurnInput {
            turn_id: turn_id(turn)?,
            text: text.to_owned(),
            channel: script.channel.clone(),
            customer,
        };
        let deadline = Instant::now() + super::super::classify::PATIENCE;
        let id = id(&script.id)?;
        let reply = self.app.desk.turn(&id, input, Timestamp::now(), deadline);
        Ok(of_turn(self.runtime.block_on(reply)?))
    }

    fn report(&mut self, script: &Script, turn: usize, outcome: Outcome) -> anyhow::Result<Reply> {
        let outcome = match outcome {
            Outcome::Resolved => TurnOutcome::Resolved,
            Outcome::Unresolved => TurnOutcome::Unresolved,
        };
        let (id, turn) = (id(&script.id)?, turn_id(turn)?);
        let view = self.app.desk.outcome(&id, &turn, outcome, None, Timestamp::now());
        Ok(of_view(self.runtime.block_on(view)?))
    }

    fn close(&mut self, script: &Script, resolved: bool) -> anyhow::Result<Reply> {
        let id = id(&script.id)?;
        let view = self.app.desk.close(&id, resolved, None, Timestamp::now());
        Ok(of_view(self.runtime.block_on(view)?))
    }
}

fn id(id: &str) -> anyhow::Result<ClientId> {
    Ok(ClientId::try_from(id.to_owned())?)
}

fn turn_id(turn: usize) -> anyhow::Result<ClientId> {
    id(&format!("t{turn}"))
}

fn of_turn(reply: TurnReply) -> Reply {
    let article = reply.answer.and_then(|answer| answer.article);
    Reply {
        action: Some(code(reply.action)),
        strikes: Some(reply.strikes.into()),
        intent: Some(reply.classification.intent.label),
        follow_up: article.as_ref().is_some_and(|article| article.follow_up_of.is_some()),
        article: article.map(|article| article.article_id),
        skill_group: Some(reply.decision.skill_group.id),
        priority: Some(reply.decision.priority.to_string()),
        reason: reply.handoff.map(|handoff| code(handoff.reason)),
        reasons: reply.reasons.into_iter().map(code).collect(),
    }
}

fn of_view(view: ConversationView) -> Reply {
    let handed_off = view.state == Phase::HandedOff;
    Reply {
        strikes: Some(view.strikes.into()),
        reason: view.handoff.filter(|_| handed_off).map(|handoff| code(handoff.reason)),
        reasons: view.reasons.into_iter().map(code).collect(),
        ..Reply::default()
    }
}

/// The name of a unit variant in JSON.
fn code(value: impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(code)) => code,
        _ => String::new(),
    }
}
