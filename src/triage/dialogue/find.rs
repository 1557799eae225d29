//! Which article answers a turn, for this customer on this channel.

use super::Desk;
use super::follow_up;
use super::understand::Understood;
use crate::conversation::state::Answered;
use crate::kb::{Found, Hit, KbError, KnowledgeBase, Query};
use crate::model::{ModelError, Outcome};
use crate::triage::TriageError;
use crate::triage::catalogue::Role;
use crate::triage::reply::AnswerArticle;
use jiff::Timestamp;
use jiff::civil::Date;

/// Ranked intents of an unsure message that an article may settle by naming one of them.
const SETTLED_WITHIN: usize = 2;
/// How far, in log-odds of its score, a linked article may stay behind the best of all and is still
/// taken: most where the message is elliptical. Of 0 to 2 and 1 to 6 the values that answer most
/// follow-ups of the odd rows of eval-data/follow_ups.jsonl and take no other subject for one more
/// (2026-11-22).
const MARGIN: f32 = 1.0;
const ELLIPTICAL_MARGIN: f32 = 3.0;

/// Who asks, and where.
pub(super) struct Asker<'a> {
    /// The words as sent.
    pub(super) text: &'a str,
    pub(super) channel: &'a str,
    pub(super) tags: &'a [String],
    /// What was answered last.
    pub(super) last: Option<&'a Answered>,
    pub(super) now: Timestamp,
}

/// What the knowledge base has for a turn.
#[derive(Default)]
pub(super) struct Findings {
    /// The article that answers it.
    pub(super) answer: Option<FoundAnswer>,
    /// Whether it answers one of the likeliest intents.
    pub(super) settles: bool,
    /// The best article and its score, good enough or not.
    pub(super) nearest: Option<(String, f32)>,
}

/// The article that answers a turn.
pub(super) struct FoundAnswer {
    pub(super) article: AnswerArticle,
    /// Its first paragraph: what the bot sends.
    pub(super) summary: String,
    /// Intents it answers.
    pub(super) intents: Vec<String>,
}

/// What is searched for; owned, since it is searched for on another thread.
struct Question {
    text: String,
    intents: Vec<(String, f32)>,
    out_of_scope: f32,
    channel: String,
    tags: Vec<String>,
    as_of: Date,
    /// Whether the message is searched for alone: it has a matter of its own.
    has_matter: bool,
    /// Score from which an article is good enough to be given.
    threshold: f32,
    /// The same for what follows an answer: its subject is certain.
    follow_threshold: f32,
    /// What it may follow.
    context: Option<Context>,
}

/// What was answered last.
struct Context {
    article_id: String,
    words: Vec<String>,
    /// Whether the message says too little alone.
    is_elliptical: bool,
}

impl Desk {
    /// The best article if it is good enough to be given.
    ///
    /// # Errors
    /// What the knowledge base answers.
    pub(super) async fn find(
        &self,
        understood: &Understood,
        asker: &Asker<'_>,
    ) -> Result<Findings, TriageError> {
        let classification = &understood.classification;
        let question = self.question(understood, asker);
        if !question.has_matter && question.context.is_none() {
            return Ok(Findings::default());
        }
        let kb = self.kb.clone();
        // Searching takes well under a millisecond, yet it is computing: not for async threads.
        let found = tokio::task::spawn_blocking(move || question.ask(&kb));
        let (answer, nearest) = found.await.map_err(|_| ModelError::Stopped)??;
        let mut likely = classification.intents.iter().take(SETTLED_WITHIN);
        let settles = answer
            .as_ref()
            .is_some_and(|answer| likely.any(|intent| answer.intents.contains(&intent.label)));
        Ok(Findings { answer, settles, nearest })
    }

    fn question(&self, understood: &Understood, asker: &Asker<'_>) -> Question {
        let classification = &understood.classification;
        let intents = classification.intents.iter();
        let role = self.triage.intents.role(&classification.intent.label);
        let last = asker.last.filter(|_| self.settings.conversation.follow_ups);
        let context = last.filter(|_| self.may_follow(understood)).map(|last| Context {
            article_id: last.article_id.clone(),
            words: last.words.clone(),
            is_elliptical: follow_up::is_elliptical(
                self.triage.text.normalizer.normalize(&understood.masked).text(),
                &understood.question_words,
            ),
        });
        Question {
            text: asker.text.to_owned(),
            intents: intents.map(|intent| (intent.label.clone(), intent.score)).collect(),
            out_of_scope: classification.out_of_scope,
            channel: asker.channel.to_owned(),
            tags: asker.tags.to_vec(),
            as_of: self.triage.today(asker.now),
            threshold: match understood.is_certain() {
                true => self.settings.answer_threshold,
                false => self.settings.answer_threshold_unsure,
            },
            follow_threshold: self.settings.answer_threshold,
            has_matter: role == Role::Matter && classification.outcome != Outcome::Reject,
            context,
        }
    }
}

/// The id of the best article, good enough or not, and its score.
type Nearest = (String, f32);

impl Question {
    /// The answer, and the best article with its score whether good enough or not.
    fn ask(&self, kb: &KnowledgeBase) -> Result<(Option<FoundAnswer>, Option<Nearest>), KbError> {
        let alone = self.search(kb, &self.text, None, 1)?;
        let generation = alone.generation;
        let alone = alone.hits.into_iter().next();
        let nearest = alone.as_ref().map(|hit| (hit.article_id.clone(), hit.score));
        if let Some(context) = &self.context
            && let Some(answer) = self.follow(kb, context, alone.as_ref(), generation)?
        {
            return Ok((Some(answer), nearest));
        }
        let good = alone.filter(|hit| self.has_matter && hit.score >= self.threshold);
        Ok((good.map(|hit| FoundAnswer::new(hit, generation)), nearest))
    }

    /// The article that answers the message as a question that follows an answer, if it is one.
    ///
    /// Candidates are the articles linked to the one given before. They are ranked by what the message
    /// says alone and by what it says together with the words before; how well the message fits alone
    /// decides whether it follows at all, since with the words before even a question about the weather
    /// fits. Searching everything with the words before finds mostly the article given before.
    fn follow(
        &self,
        kb: &KnowledgeBase,
        context: &Context,
        alone: Option<&Hit>,
        generation: u64,
    ) -> Result<Option<FoundAnswer>, KbError> {
        let last = context.article_id.as_str();
        if !self.has_matter && !context.is_elliptical {
            return Ok(None);
        }
        let is_good = |hit: &&Hit| hit.score >= self.follow_threshold;
        if let Some(hit) = alone.filter(|hit| hit.article_id == last && context.is_elliptical) {
            let answer = Some(hit).filter(is_good).cloned();
            return Ok(answer.map(|hit| FoundAnswer::following(hit, generation, last)));
        }
        let Some(article) = kb.article(last, self.as_of) else { return Ok(None) };
        let linked: Vec<&str> = article
            .references()
            .iter()
            .flat_map(|(_, ids)| ids.iter())
            .map(String::as_str)
            .collect();
        let joined = format!("{} {}", context.words.join(" "), self.text);
        let with_words = self.search(kb, &joined, Some(&linked), linked.len())?;
        let Found { hits, generation } =
            self.search(kb, &self.text, Some(&linked), linked.len())?;
        let joined_score = |hit: &Hit| {
            let same = with_words.hits.iter().find(|other| other.article_id == hit.article_id);
            same.map_or(0.0, |other| other.score)
        };
        let rank = |hit: &Hit| log_odds(hit.score) + log_odds(joined_score(hit));
        let best = hits.iter().max_by(|a, b| rank(a).total_cmp(&rank(b)));
        // What says too little alone is good enough with the words before.
        let best = best.filter(|hit| match context.is_elliptical {
            true => joined_score(hit) >= self.follow_threshold,
            false => is_good(hit),
        });
        let margin = if context.is_elliptical { ELLIPTICAL_MARGIN } else { MARGIN };
        let least = alone.map_or(f32::NEG_INFINITY, |hit| log_odds(hit.score) - margin);
        let follows = best.filter(|hit| log_odds(hit.score) >= least);
        Ok(follows.map(|hit| FoundAnswer::following(hit.clone(), generation, last)))
    }

    fn search(
        &self,
        kb: &KnowledgeBase,
        text: &str,
        among: Option<&[&str]>,
        limit: usize,
    ) -> Result<Found, KbError> {
        let intents: Vec<_> =
            self.intents.iter().map(|(label, score)| (&**label, *score)).collect();
        // What follows an answer says too little alone for its intent to be read.
        let (intents, out_of_scope): (&[_], _) = match among {
            None => (&intents, Some(self.out_of_scope)),
            Some(_) => (&[], None),
        };
        kb.search(&Query {
            intents,
            out_of_scope,
            among,
            channel: Some(&self.channel),
            tags: &self.tags,
            limit,
            ..Query::new(text, self.as_of)
        })
    }
}

/// Logit of a score, finite also at its ends.
fn log_odds(score: f32) -> f32 {
    let score = score.clamp(1e-6, 1.0 - 1e-6);
    (score / (1.0 - score)).ln()
}

impl FoundAnswer {
    /// The answer to a message that follows the article `last`. Where the same article answers again,
    /// the sentence closest to the message is said instead of the beginning again.
    fn following(mut hit: Hit, generation: u64, last: &str) -> Self {
        if hit.article_id == last {
            hit.summary = std::mem::take(&mut hit.snippet);
        }
        let mut answer = Self::new(hit, generation);
        answer.article.follow_up_of = Some(last.to_owned());
        answer
    }

    fn new(hit: Hit, generation: u64) -> Self {
        Self {
            summary: hit.summary,
            intents: hit.intents,
            article: AnswerArticle {
                article_id: hit.article_id,
                version: hit.version,
                title: hit.title,
                score: hit.score,
                body: hit.answer,
                blocks: hit.blocks,
                actions: hit.actions,
                media: hit.media,
                links: hit.links,
                generation,
                follow_up_of: None,
            },
        }
    }
}
