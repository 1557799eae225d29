//! Leads conversations: each turn is understood, judged by the state machine and stored at once.
//!
//! A change is made from the conversation as read and stored only if nobody changed it meanwhile;
//! otherwise it is made again from the newer one. So parallel turns line up, and a retry of a turn
//! finds the first one's reply.

use super::catalogue::Role;
use super::classification::{Classification, Degraded};
use super::customer::Customer;
use super::reply::{
    Answer, AnswerArticle, Choice, ConversationView, HandoffPacket, Line, Speaker, TriedArticle,
    TurnIntent, TurnReply, TurnSentiment, TurnView,
};
use super::{ClassifyOptions, Read, Situation, Triage, TriageError};
use crate::config::{ConversationConfig, Messages};
use crate::conversation::record::{Change, ConversationRecord, HandoffRecord, TurnRecord};
use crate::conversation::state::{self, Heard, Limits, State, Step};
use crate::conversation::{
    Action, ConversationId, HandoffReason, StrikeReason, TurnId, TurnOutcome,
};
use crate::kb::{Hit, KnowledgeBase, Query};
use crate::model::Outcome;
use crate::routing::Decision;
use crate::store::{Store, StoreError};
use crate::text::entity;
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Instant;

/// Times a change is made again after another came first. Twenty writers at once need at most
/// twenty; more means that something is wrong.
const MAX_ATTEMPTS: usize = 64;
/// Ranked intents kept with a turn.
const TOP_K: usize = 5;
/// Words that carry no question; beside them two questions are compared.
const EMPTY_WORDS: [&str; 40] = [
    "怎么",
    "怎样",
    "如何",
    "什么",
    "哪里",
    "哪",
    "请问",
    "一下",
    "可以",
    "能",
    "能不能",
    "可不可以",
    "我",
    "我们",
    "你",
    "你们",
    "您",
    "的",
    "了",
    "吗",
    "呢",
    "呀",
    "啊",
    "吧",
    "啦",
    "是",
    "有",
    "在",
    "要",
    "想",
    "就",
    "都",
    "也",
    "还",
    "那",
    "这",
    "个",
    "我要",
    "我想",
    "办",
];
/// Score from which an article answers a message whose words name a far-off topic: the drink maker
/// that is no recipe. Articles that share only filling words stay below 0.5 on eval-data.
const ANSWERS_FAR_OFF_FROM: f32 = 0.5;
/// Ranked intents of an unsure message that an article may settle by naming one of them.
const SETTLED_WITHIN: usize = 2;

/// Leads conversations. Share it through an `Arc`.
pub struct Desk {
    triage: Arc<Triage>,
    kb: Arc<KnowledgeBase>,
    store: Arc<dyn Store>,
    settings: DeskSettings,
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

/// A change of a conversation that is no turn.
enum Edit<'a> {
    /// A report about an earlier turn.
    Report { turn_id: &'a TurnId, outcome: TurnOutcome, reason: Option<String> },
    /// The end.
    Close { resolved: bool, rating: Option<u8> },
    /// Back to the bot.
    Return,
}

/// A turn understood, before the conversation is looked at.
struct Understood {
    masked: String,
    words: Words,
    question_words: Vec<String>,
    classification: Classification,
    hit: Option<FoundAnswer>,
    hit_settles: bool,
}

/// The article that answers a turn.
struct FoundAnswer {
    article: AnswerArticle,
    /// Its first paragraph: what the bot sends.
    summary: String,
    /// Intents it answers.
    intents: Vec<String>,
}

/// What the words of the turn say about the dialogue.
struct Words {
    did_not_help: bool,
    did_not_help_first: bool,
    solved: bool,
    out_of_scope: bool,
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
        Self { triage, kb, store, settings }
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
        let read = self.triage.text.read(&input.text)?;
        let masked = entity::mask(&input.text, &read.entities);
        if let Some(reply) = self.replay(id, &input.turn_id, &masked).await? {
            return Ok(reply);
        }
        let understood = self.understand(&input.text, read, masked, now, deadline).await?;
        for _ in 0..MAX_ATTEMPTS {
            let (reply, change) = self.judge(id, &input, &understood, now).await?;
            match self.store.commit(change).await {
                Ok(()) => return Ok(reply),
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
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
        self.change(id, &Edit::Report { turn_id, outcome, reason }, now).await
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
            turns: turns.iter().map(turn_view).collect::<Result<_, _>>()?,
            handoff: handoff.map(|handoff| serde_json::from_str(&handoff.packet)).transpose()?,
            resolved: conversation.resolved,
            rating: conversation.rating,
            created_at: conversation.created_at,
            updated_at: conversation.updated_at,
        })
    }

    /// Reads, changes and stores until nobody came between.
    async fn change(
        &self,
        id: &ConversationId,
        edit: &Edit<'_>,
        now: Timestamp,
    ) -> Result<ConversationView, TriageError> {
        for _ in 0..MAX_ATTEMPTS {
            let change = self.edited(id, edit, now).await?;
            match self.store.commit(change).await {
                Ok(()) => return self.view(id).await,
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(TriageError::Contended { id: id.to_string() })
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

    async fn understand(
        &self,
        text: &str,
        read: Read,
        masked: String,
        now: Timestamp,
        deadline: Instant,
    ) -> Result<Understood, TriageError> {
        let question_words = self.question_words(&masked);
        let words = Words {
            did_not_help: read.words.did_not_help,
            did_not_help_first: read.words.did_not_help_first,
            solved: read.words.solved,
            out_of_scope: read.words.out_of_scope,
        };
        let options = ClassifyOptions { top_k: TOP_K, explain: false, deadline };
        let started = Instant::now();
        let mut classification = self.triage.classify_read(text, read, options, started).await?;
        let role = self.triage.intents.role(&classification.intent.label);
        let mut hit = None;
        if role == Role::Matter && classification.outcome != Outcome::Reject {
            let is_certain = classification.outcome == Outcome::Accept && !words.out_of_scope;
            let intent = is_certain.then(|| classification.intent.label.clone());
            match self.search(text, intent, now).await {
                Ok(found) => hit = found,
                Err(error) => {
                    tracing::error!(%error, "the knowledge base failed, the bot has no answers");
                    classification.degraded.push(Degraded::KnowledgeBase);
                }
            }
        }
        let entities = std::mem::take(&mut classification.entities);
        classification.entities = entities.into_iter().map(entity::Entity::masked).collect();
        let mut likely = classification.intents.iter().take(SETTLED_WITHIN);
        let hit_settles = hit.as_ref().is_some_and(|hit: &FoundAnswer| {
            likely.any(|intent| hit.intents.contains(&intent.label))
        });
        Ok(Understood { masked, words, question_words, classification, hit, hit_settles })
    }

    /// The words that carry a question, each once.
    fn question_words(&self, masked: &str) -> Vec<String> {
        let text = &self.triage.text;
        let normalized = text.normalizer.normalize(masked);
        let mut words: Vec<String> = Vec::new();
        for segment in text.dictionary.cut_for_search(normalized.text()) {
            let carries = segment.text.chars().all(char::is_alphanumeric)
                && !EMPTY_WORDS.contains(&segment.text);
            if carries && !words.iter().any(|word| word == segment.text) {
                words.push(segment.text.to_owned());
            }
        }
        words
    }

    /// The best article if it is good enough to be given; `intent` where it is certain.
    async fn search(
        &self,
        text: &str,
        intent: Option<String>,
        now: Timestamp,
    ) -> Result<Option<FoundAnswer>, TriageError> {
        let kb = self.kb.clone();
        let text = text.to_owned();
        let threshold = match intent {
            Some(_) => self.settings.answer_threshold,
            None => self.settings.answer_threshold_unsure,
        };
        let as_of = now.to_zoned(self.triage.rules().time_zone().clone()).date();
        // Searching takes well under a millisecond, yet it is computing: not for async threads.
        let found = tokio::task::spawn_blocking(move || {
            let query = Query { intent: intent.as_deref(), limit: 1, ..Query::new(&text, as_of) };
            kb.search(&query)
        });
        let found = found.await.map_err(|_| crate::model::ModelError::Stopped)??;
        let generation = found.generation;
        let best = found.hits.into_iter().next();
        let best = best.filter(|hit| hit.score >= threshold);
        Ok(best.map(|mut hit| FoundAnswer {
            summary: std::mem::take(&mut hit.summary),
            intents: std::mem::take(&mut hit.intents),
            article: answer_article(hit, generation),
        }))
    }

    /// Makes the change that a turn is, from the conversation as it stands.
    async fn judge(
        &self,
        id: &ConversationId,
        input: &TurnInput,
        understood: &Understood,
        now: Timestamp,
    ) -> Result<(TurnReply, Change), TriageError> {
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

        let heard = self.heard(&conversation.state, understood);
        let mut step = state::hear(&conversation.state, heard, self.limits());
        let situation = Situation {
            customer: &customer,
            channel: &conversation.channel,
            strikes: step.state.strikes(),
            now,
        };
        let (decision, _) = self.triage.decide(&understood.classification, situation, false);
        if decision.handoff {
            step = state::hand_over_by_rule(step);
        }
        let seq = conversation.state.n_turns;
        conversation.state = step.state.clone();

        let answer = self.answer(heard, &step, understood, &decision);
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
            classification: understood.classification.clone(),
        };
        turn.reply = serde_json::to_string(&reply)?;
        let handoff = match step.handoff {
            Some(reason) => {
                let mut turns = self.store.turns(id).await?;
                turns.push(turn.clone());
                let packet = packet(&conversation, reason, &reply.decision, &turns, now)?;
                let record = record_of(&packet)?;
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
        Ok((reply, Change { conversation, turn: Some(turn), handoff }))
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
        record_of(&packet(conversation, reason, &decision, &turns, now)?)
    }

    /// What the turn says, strongest reading first.
    fn heard<'a>(&self, state: &State, understood: &'a Understood) -> Heard<'a> {
        let Understood { words, question_words, classification, hit, hit_settles, .. } = understood;
        let label = classification.intent.label.as_str();
        let role = self.triage.intents.role(label);
        let matter = Heard::Matter {
            intent: label,
            article_id: hit.as_ref().map(|hit| hit.article.article_id.as_str()),
            words: question_words,
        };
        let is_known_matter = role == Role::Matter && classification.outcome == Outcome::Accept;
        // "还是不行" about the matter just answered did not help; about another it is new, unless it
        // is what the customer says first.
        let is_other_matter = is_known_matter && state.last_answered_intent() != Some(label);
        if classification.human_requested {
            return Heard::HumanRequested;
        }
        if words.solved && !is_known_matter && !words.did_not_help {
            return Heard::Solved;
        }
        let is_about_answer = words.did_not_help_first || !is_other_matter;
        if words.did_not_help && state.n_turns > 0 && is_about_answer {
            return Heard::DidNotHelp;
        }
        // Far-off topics that the model takes for one of ours; a good article says otherwise.
        let is_ours = |hit: &FoundAnswer| hit.article.score >= ANSWERS_FAR_OFF_FROM;
        if words.out_of_scope && !hit.as_ref().is_some_and(is_ours) {
            return Heard::OutOfScope;
        }
        match (classification.outcome, role) {
            (Outcome::Reject, Role::OutOfScope) => Heard::OutOfScope,
            (Outcome::Reject, _) => Heard::Unsure,
            (_, Role::Deny) => Heard::DidNotHelp,
            (_, Role::Greeting | Role::Thanks | Role::Confirmation | Role::Smalltalk) => {
                Heard::Courtesy
            }
            (Outcome::Accept, _) => matter,
            (Outcome::Clarify, _) if hit.is_some() && *hit_settles => matter,
            (Outcome::Clarify, _) => Heard::Ambiguous,
        }
    }

    /// What the bot says.
    fn answer(
        &self,
        heard: Heard<'_>,
        step: &Step,
        understood: &Understood,
        decision: &Decision,
    ) -> Option<Answer> {
        let messages = &self.settings.messages;
        let own = |text: &str| Answer { text: text.to_owned(), article: None, choices: Vec::new() };
        let intents = &self.triage.intents;
        let label = understood.classification.intent.label.as_str();
        Some(match (step.action, heard) {
            (Action::Silent, _) => return None,
            (Action::Transfer, _) => {
                own(&messages.transfer.replace("{group}", &decision.skill_group.name))
            }
            (Action::Answer, Heard::Solved) => own(&messages.solved),
            (Action::Answer, Heard::Courtesy) => own(match intents.role(label) {
                Role::Greeting => &messages.greeting,
                Role::Thanks => &messages.thanks,
                Role::Smalltalk => &messages.smalltalk,
                _ => &messages.confirmed,
            }),
            (Action::Answer, _) => {
                let hit = understood.hit.as_ref();
                let mut text = hit.map(|hit| hit.summary.clone()).unwrap_or_default();
                if step.strike == Some(StrikeReason::SameMatter) {
                    text.push('\n');
                    text.push_str(&messages.repeated);
                }
                let article = hit.map(|hit| hit.article.clone());
                Answer { text, article, choices: Vec::new() }
            }
            (Action::Clarify, Heard::Ambiguous) => {
                let choices = self.choices(&understood.classification);
                let names: Vec<&str> = choices.iter().map(|choice| choice.name.as_str()).collect();
                let text = messages.clarify.replace("{choices}", &names.join("、"));
                Answer { choices, ..own(&text) }
            }
            (Action::Clarify, Heard::DidNotHelp) => own(&messages.did_not_help),
            (Action::Clarify, Heard::OutOfScope) => own(&messages.out_of_scope),
            (Action::Clarify, Heard::Matter { .. }) => {
                own(&messages.no_answer.replace("{intent}", intents.name(label)))
            }
            (Action::Clarify, _) => own(&messages.not_understood),
        })
    }

    /// Matters to choose from, best first.
    fn choices(&self, classification: &Classification) -> Vec<Choice> {
        let matters = classification
            .intents
            .iter()
            .filter(|intent| self.triage.intents.role(&intent.label) == Role::Matter);
        matters
            .take(self.settings.conversation.clarify_choices)
            .map(|intent| Choice { label: intent.label.clone(), name: intent.name.clone() })
            .collect()
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

fn answer_article(hit: Hit, generation: u64) -> AnswerArticle {
    AnswerArticle {
        article_id: hit.article_id,
        version: hit.version,
        title: hit.title,
        score: hit.score,
        body: hit.answer,
        media: hit.media,
        links: hit.links,
        generation,
    }
}

fn record_of(packet: &HandoffPacket) -> Result<HandoffRecord, TriageError> {
    Ok(HandoffRecord { episode: packet.episode, packet: serde_json::to_string(packet)? })
}

/// Everything the receiving agent needs; `turns` are all turns so far, oldest first.
fn packet(
    conversation: &ConversationRecord,
    reason: HandoffReason,
    decision: &Decision,
    turns: &[TurnRecord],
    now: Timestamp,
) -> Result<HandoffPacket, TriageError> {
    let mut packet = HandoffPacket {
        id: uuid::Uuid::now_v7().to_string(),
        conversation_id: conversation.id.to_string(),
        episode: conversation.state.episode,
        reason,
        strike_reasons: conversation.state.reasons.clone(),
        created_at: now,
        skill_group: decision.skill_group.clone(),
        priority: decision.priority,
        sla: decision.sla,
        tags: decision.tags.clone(),
        reply_hints: decision.reply_hints.clone(),
        customer: serde_json::from_str(&conversation.customer)?,
        channel: conversation.channel.clone(),
        history: Vec::new(),
        intents: Vec::new(),
        sentiments: Vec::new(),
        entities: Vec::new(),
        articles_tried: Vec::new(),
    };
    for turn in turns {
        let reply: TurnReply = serde_json::from_str(&turn.reply)?;
        let turn_id = turn.turn_id.to_string();
        let mut line = |role, text| {
            packet.history.push(Line { role, text, turn_id: turn_id.clone(), at: turn.at });
        };
        line(Speaker::Customer, turn.text.clone());
        if let Some(answer) = reply.answer {
            line(Speaker::Bot, answer.text);
            packet.articles_tried.extend(answer.article.map(|article| TriedArticle {
                article_id: article.article_id,
                version: article.version,
                title: article.title,
                turn_id: turn_id.clone(),
            }));
        }
        let Classification { intent, sentiment, emotion, entities, .. } = reply.classification;
        packet.intents.push(TurnIntent { turn_id: turn_id.clone(), intent });
        packet.sentiments.push(TurnSentiment {
            turn_id,
            label: sentiment.label,
            score: sentiment.score,
            emotion,
        });
        packet.entities.extend(entities);
    }
    keep_first(&mut packet.articles_tried, |article| (article.article_id.clone(), article.version));
    keep_first(&mut packet.entities, |entity| (entity.kind, entity.value.clone()));
    Ok(packet)
}

/// Keeps the first of the items with the same key.
fn keep_first<T, K: Eq + std::hash::Hash>(items: &mut Vec<T>, key: impl Fn(&T) -> K) {
    let mut seen = std::collections::HashSet::new();
    items.retain(|item| seen.insert(key(item)));
}

fn turn_view(turn: &TurnRecord) -> Result<TurnView, TriageError> {
    let reply: TurnReply = serde_json::from_str(&turn.reply)?;
    let article = reply.answer.as_ref().and_then(|answer| answer.article.as_ref());
    Ok(TurnView {
        turn_id: turn.turn_id.to_string(),
        seq: turn.seq,
        episode: turn.episode,
        at: turn.at,
        text: turn.text.clone(),
        intent: reply.classification.intent.label.clone(),
        sentiment: reply.classification.sentiment.label,
        action: reply.action,
        article_id: article.map(|article| article.article_id.clone()),
        answer: reply.answer.map(|answer| answer.text),
        strike: turn.strike,
        outcome: turn.outcome,
        outcome_reason: turn.outcome_reason.clone(),
    })
}
