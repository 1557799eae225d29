//! Leads conversations: each turn is understood, judged by the state machine and stored at once.
//!
//! A change is made from the conversation as read and stored only if nobody changed it meanwhile;
//! otherwise it is made again from the newer one. So parallel turns line up, and a retry of a turn
//! finds the first one's reply. `understand` says what a turn means, `find` which article answers it,
//! `say` what the bot says.

mod find;
mod follow_up;
mod learn;
mod say;
mod understand;

use super::classification::Degraded;
use super::complexity::History;
use super::customer::Customer;
use super::packet::packet;
use super::reply::{ConversationView, HandoffPacket, TurnReply, TurnView};
use super::{Situation, Triage, TriageError};
use crate::config::{ConversationConfig, Messages};
use crate::conversation::record::{Change, ConversationRecord, HandoffRecord, TurnRecord};
use crate::conversation::state::{self, Limits, Phase, State};
use crate::conversation::{Action, ConversationId, HandoffReason, TurnId, TurnOutcome};
use crate::kb::KnowledgeBase;
use crate::store::learning::Unanswered;
use crate::store::{Store, StoreError};
use crate::telemetry::HANDOFFS;
use crate::text::entity;
use find::{Asker, Findings};
use jiff::Timestamp;
use learn::gap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Mutex;
use understand::Understood;

/// Times a change is made again after another node's came first; more means that something is wrong.
const MAX_ATTEMPTS: usize = 64;
/// Lanes: enough that two busy conversations seldom share one.
const N_LANES: usize = 256;

/// Leads conversations. Share it through an `Arc`.
pub struct Desk {
    triage: Arc<Triage>,
    kb: Arc<KnowledgeBase>,
    store: Arc<dyn Store>,
    settings: DeskSettings,
    /// Changes of one conversation made on this node wait here for each other instead of colliding
    /// in the store again and again; the store alone keeps them right.
    lanes: [Mutex<()>; N_LANES],
}

/// The settings a [`Desk`] needs.
#[derive(Debug, Clone)]
pub struct DeskSettings {
    /// Strikes and choices.
    pub conversation: ConversationConfig,
    /// What the bot says by itself.
    pub messages: Messages,
    /// Score from which an article is given as the answer, where the intent is certain.
    pub answer_threshold: f32,
    /// The same where it is not.
    pub answer_threshold_unsure: f32,
}

/// One turn as it comes in.
#[derive(Debug, Clone)]
pub struct TurnInput {
    /// The client's id of it.
    pub turn_id: TurnId,
    /// The customer's words.
    pub text: String,
    /// The channel; absent: the conversation's last one.
    pub channel: Option<String>,
    /// The customer; absent: as told before.
    pub customer: Option<Customer>,
}

/// A turn judged and not stored yet.
struct Judged {
    reply: TurnReply,
    change: Change,
    /// The question, where there was no good answer.
    gap: Option<Unanswered>,
}

/// A change of a conversation that is no turn.
enum Edit<'a> {
    /// A report about an earlier turn.
    Report { turn_id: &'a TurnId, outcome: TurnOutcome, reason: Option<String> },
    /// The end.
    Close { resolved: bool, rating: Option<u8> },
    /// Back to the bot.
    Return,
}

impl Desk {
    /// Joins the parts.
    #[must_use]
    pub fn new(
        triage: Arc<Triage>,
        kb: Arc<KnowledgeBase>,
        store: Arc<dyn Store>,
        settings: DeskSettings,
    ) -> Self {
        let lanes = std::array::from_fn(|_| Mutex::new(()));
        Self { triage, kb, store, settings, lanes }
    }

    /// Takes one turn of the customer.
    ///
    /// # Errors
    /// [`TriageError::TurnReused`] for another text under a known turn id;
    /// [`TriageError::Contended`] and what text path, models and store answer. Nothing is stored
    /// then, and the same turn can be sent again.
    pub async fn turn(
        &self,
        id: &ConversationId,
        input: TurnInput,
        now: Timestamp,
        deadline: Instant,
    ) -> Result<TurnReply, TriageError> {
        let read = self.triage.text.read(&input.text, now)?;
        let masked = entity::mask(&input.text, &read.entities);
        if let Some(reply) = self.replay(id, &input.turn_id, &masked).await? {
            return Ok(reply);
        }
        let subject = format!("{id}/{}", input.turn_id);
        let understood =
            self.understand(&input.text, read, masked, now, deadline, &subject).await?;
        let _lane = self.lane(id).lock().await;
        for _ in 0..MAX_ATTEMPTS {
            let Judged { reply, change, gap } = self.judge(id, &input, &understood, now).await?;
            match self.commit(change).await {
                Ok(()) => {
                    if let Some(gap) = gap {
                        self.learn_from_gap(gap).await;
                    }
                    return Ok(reply);
                }
                Err(TriageError::Store(StoreError::Conflict)) => {}
                Err(error) => return Err(error),
            }
            if let Some(reply) = self.replay(id, &input.turn_id, &understood.masked).await? {
                return Ok(reply);
            }
        }
        Err(TriageError::Contended { id: id.to_string() })
    }

    /// Takes a report about an earlier turn.
    ///
    /// # Errors
    /// [`TriageError::NoTurn`], [`TriageError::Contended`], and what the store answers.
    pub async fn outcome(
        &self,
        id: &ConversationId,
        turn_id: &TurnId,
        outcome: TurnOutcome,
        reason: Option<String>,
        now: Timestamp,
    ) -> Result<ConversationView, TriageError> {
        let reason = reason.map(|reason| self.triage.text.mask(&reason));
        let view = self.change(id, &Edit::Report { turn_id, outcome, reason }, now).await?;
        self.learn_from_report(id, turn_id, outcome, now).await;
        Ok(view)
    }

    /// Ends a conversation.
    ///
    /// # Errors
    /// [`TriageError::NoConversation`], [`TriageError::Contended`], and what the store answers.
    pub async fn close(
        &self,
        id: &ConversationId,
        resolved: bool,
        rating: Option<u8>,
        now: Timestamp,
    ) -> Result<ConversationView, TriageError> {
        self.change(id, &Edit::Close { resolved, rating }, now).await
    }

    /// Gives a conversation back to the bot.
    ///
    /// # Errors
    /// [`TriageError::NoConversation`], [`TriageError::Contended`], and what the store answers.
    pub async fn return_to_bot(
        &self,
        id: &ConversationId,
        now: Timestamp,
    ) -> Result<ConversationView, TriageError> {
        self.change(id, &Edit::Return, now).await
    }

    /// The conversation from outside.
    ///
    /// # Errors
    /// [`TriageError::NoConversation`], and what the store answers.
    pub async fn view(&self, id: &ConversationId) -> Result<ConversationView, TriageError> {
        let conversation = self.existing(id).await?;
        let turns = self.store.turns(id).await?;
        let handoff = self.store.last_handoff(id).await?;
        Ok(ConversationView {
            id: id.to_string(),
            state: conversation.state.phase,
            episode: conversation.state.episode,
            strikes: conversation.state.strikes(),
            max_strikes: self.settings.conversation.max_strikes,
            reasons: conversation.state.reasons,
            channel: conversation.channel,
            customer: serde_json::from_str(&conversation.customer)?,
            turns: turns.iter().map(TurnView::try_from).collect::<Result<_, _>>()?,
            handoff: handoff.map(|handoff| serde_json::from_str(&handoff.packet)).transpose()?,
            resolved: conversation.resolved,
            rating: conversation.rating,
            created_at: conversation.created_at,
            updated_at: conversation.updated_at,
        })
    }

    /// What a conversation knows beside a message; nothing of an unknown one.
    ///
    /// # Errors
    /// What the store answers.
    pub async fn history(&self, id: &ConversationId) -> Result<History, TriageError> {
        let Some(conversation) = self.store.conversation(id).await? else {
            return Ok(History::default());
        };
        let handoffs = self.handoffs(&conversation).await?;
        Ok(History { strikes: conversation.state.strikes(), handoffs })
    }

    /// Earlier hand-overs of a conversation, as far as they matter: none or one.
    async fn handoffs(&self, conversation: &ConversationRecord) -> Result<u32, TriageError> {
        let State { phase, episode, .. } = conversation.state;
        if episode == 1 && phase == Phase::Bot {
            return Ok(0);
        }
        Ok(u32::from(self.store.last_handoff(&conversation.id).await?.is_some()))
    }

    /// Reads, changes and stores until nobody came between.
    async fn change(
        &self,
        id: &ConversationId,
        edit: &Edit<'_>,
        now: Timestamp,
    ) -> Result<ConversationView, TriageError> {
        let _lane = self.lane(id).lock().await;
        for _ in 0..MAX_ATTEMPTS {
            let change = self.edited(id, edit, now).await?;
            match self.commit(change).await {
                Ok(()) => return self.view(id).await,
                Err(TriageError::Store(StoreError::Conflict)) => {}
                Err(error) => return Err(error),
            }
        }
        Err(TriageError::Contended { id: id.to_string() })
    }

    /// Stores a change. A hand-off is counted here, where it happens: once, however often its turn
    /// is sent, and also where a report causes it.
    async fn commit(&self, change: Change) -> Result<(), TriageError> {
        let handoff = change.handoff.as_ref();
        let handoff: Option<HandoffPacket> =
            handoff.map(|handoff| serde_json::from_str(&handoff.packet)).transpose()?;
        self.store.commit(change).await?;
        if let Some(HandoffPacket { id, conversation_id, reason, skill_group, .. }) = handoff {
            let labels = [("reason", format!("{reason:?}")), ("skill_group", skill_group.id)];
            metrics::counter!(HANDOFFS, &labels).increment(1);
            tracing::info!(conversation_id, handoff_id = id, ?reason, "handed off");
        }
        Ok(())
    }

    /// The conversation as it stands with the edit made.
    async fn edited(
        &self,
        id: &ConversationId,
        edit: &Edit<'_>,
        now: Timestamp,
    ) -> Result<Change, TriageError> {
        let mut conversation = self.existing(id).await?;
        conversation.updated_at = now;
        let (mut turn, mut handoff) = (None, None);
        match edit {
            Edit::Report { turn_id, outcome, reason } => {
                let no_turn =
                    || TriageError::NoTurn { id: id.to_string(), turn_id: turn_id.to_string() };
                let mut about = self.store.turn(id, turn_id).await?.ok_or_else(no_turn)?;
                let reported =
                    state::report(&conversation.state, about.mark(), *outcome, self.limits());
                about.strike = reported.mark.strike;
                about.outcome = reported.mark.outcome;
                about.outcome_reason.clone_from(reason);
                turn = Some(about);
                conversation.state = reported.state;
                if let Some(reason) = reported.handoff {
                    handoff = Some(self.late_handoff(&conversation, reason, now).await?);
                }
            }
            Edit::Close { resolved, rating } => {
                conversation.state = state::close(&conversation.state);
                conversation.resolved = Some(*resolved);
                conversation.rating = rating.or(conversation.rating);
            }
            Edit::Return => conversation.state = state::return_to_bot(&conversation.state),
        }
        Ok(Change { conversation, turn, handoff })
    }

    /// The lane of a conversation; others may share it.
    fn lane(&self, id: &ConversationId) -> &Mutex<()> {
        let mut hasher = DefaultHasher::new();
        id.hash(&mut hasher);
        #[expect(clippy::cast_possible_truncation, reason = "any bits of a hash will do")]
        let lane = hasher.finish() as usize % N_LANES;
        &self.lanes[lane]
    }

    async fn existing(&self, id: &ConversationId) -> Result<ConversationRecord, TriageError> {
        let missing = || TriageError::NoConversation { id: id.to_string() };
        self.store.conversation(id).await?.ok_or_else(missing)
    }

    /// The reply that the turn got when it came first.
    async fn replay(
        &self,
        id: &ConversationId,
        turn_id: &TurnId,
        masked: &str,
    ) -> Result<Option<TurnReply>, TriageError> {
        match self.store.turn(id, turn_id).await? {
            None => Ok(None),
            Some(turn) if turn.text == masked => Ok(Some(serde_json::from_str(&turn.reply)?)),
            Some(_) => {
                Err(TriageError::TurnReused { id: id.to_string(), turn_id: turn_id.to_string() })
            }
        }
    }

    /// Makes the change that a turn is, from the conversation as it stands.
    async fn judge(
        &self,
        id: &ConversationId,
        input: &TurnInput,
        understood: &Understood,
        now: Timestamp,
    ) -> Result<Judged, TriageError> {
        let mut conversation = match self.store.conversation(id).await? {
            Some(conversation) => conversation,
            None => new_conversation(id, now),
        };
        if let Some(channel) = &input.channel {
            conversation.channel.clone_from(channel);
        }
        let stored: Customer = serde_json::from_str(&conversation.customer)?;
        let customer = input.customer.clone().unwrap_or(stored);
        conversation.customer = serde_json::to_string(&customer.storable())?;
        conversation.updated_at = now;

        let mut classification = understood.classification.clone();
        let asker = Asker {
            text: &input.text,
            channel: &conversation.channel,
            tags: &customer.tags,
            last: conversation.state.last_answer(),
            now,
        };
        let findings = self.find(understood, &asker).await.unwrap_or_else(|error| {
            tracing::error!(%error, "the knowledge base failed, the bot has no answers");
            classification.degraded.push(Degraded::KnowledgeBase);
            Findings::default()
        });
        let heard = self.heard(&conversation.state, understood, &findings);
        let mut step = state::hear(&conversation.state, heard, self.limits());
        let situation = Situation {
            customer: &customer,
            channel: &conversation.channel,
            strikes: step.state.strikes(),
            now,
        };
        let handoffs = self.handoffs(&conversation).await?;
        classification.consider(History { strikes: step.state.strikes(), handoffs });
        let (decision, _) = self.triage.decide(&classification, situation, false);
        if decision.handoff {
            step = state::hand_over_by_rule(step);
        }
        // A turn that a person has is not the knowledge base's.
        let gap = (step.action != Action::Silent)
            .then(|| gap(id, &input.turn_id, heard, understood, &findings, now))
            .flatten();
        let seq = conversation.state.n_turns;

        let answer =
            self.answer(heard, &step, &classification, findings.answer.as_ref(), &decision);
        conversation.state = step.state.clone();
        let mut turn = TurnRecord {
            turn_id: input.turn_id.clone(),
            seq,
            episode: step.state.episode,
            at: now,
            text: understood.masked.clone(),
            strike: step.strike,
            outcome: None,
            outcome_reason: None,
            reply: String::new(),
        };
        let mut reply = TurnReply {
            conversation_id: id.to_string(),
            turn_id: input.turn_id.to_string(),
            action: step.action,
            strikes: step.state.strikes(),
            max_strikes: self.settings.conversation.max_strikes,
            reasons: step.state.reasons.clone(),
            answer,
            handoff: None,
            decision,
            classification,
        };
        let handoff = match step.handoff {
            Some(reason) => {
                // The packet reads this turn as it reads the stored ones.
                turn.reply = serde_json::to_string(&reply)?;
                let mut turns = self.store.turns(id).await?;
                turns.push(turn.clone());
                let packet = packet(&conversation, reason, &reply.decision, &turns, now)?;
                let record = HandoffRecord::try_from(&packet)?;
                reply.handoff = Some(packet);
                Some(record)
            }
            // A report handed over before; this turn is the first to hear of it.
            None if step.action == Action::Transfer => {
                let last = self.store.last_handoff(id).await?;
                reply.handoff =
                    last.map(|handoff| serde_json::from_str(&handoff.packet)).transpose()?;
                None
            }
            None => None,
        };
        turn.reply = serde_json::to_string(&reply)?;
        Ok(Judged { reply, change: Change { conversation, turn: Some(turn), handoff }, gap })
    }

    /// The hand-off that a report causes; the decision is made on the last turn.
    async fn late_handoff(
        &self,
        conversation: &ConversationRecord,
        reason: HandoffReason,
        now: Timestamp,
    ) -> Result<HandoffRecord, TriageError> {
        let turns = self.store.turns(&conversation.id).await?;
        let last: TurnReply = match turns.last() {
            Some(turn) => serde_json::from_str(&turn.reply)?,
            None => return Err(TriageError::NoConversation { id: conversation.id.to_string() }),
        };
        let customer: Customer = serde_json::from_str(&conversation.customer)?;
        let situation = Situation {
            customer: &customer,
            channel: &conversation.channel,
            strikes: conversation.state.strikes(),
            now,
        };
        let (decision, _) = self.triage.decide(&last.classification, situation, false);
        HandoffRecord::try_from(&packet(conversation, reason, &decision, &turns, now)?)
    }

    fn limits(&self) -> Limits {
        Limits {
            max_strikes: self.settings.conversation.max_strikes,
            silence_resolves: self.settings.conversation.silence_resolves,
        }
    }
}

fn new_conversation(id: &ConversationId, now: Timestamp) -> ConversationRecord {
    ConversationRecord {
        id: id.clone(),
        version: 0,
        state: State::new(),
        customer: r#"{"tags":[]}"#.to_owned(),
        channel: "unknown".to_owned(),
        resolved: None,
        rating: None,
        created_at: now,
        updated_at: now,
    }
}
