//! Which article answers a turn, for this customer on this channel.

use super::Desk;
use super::understand::Understood;
use crate::kb::{Found, Hit, KbError, KnowledgeBase, Query};
use crate::model::{ModelError, Outcome};
use crate::triage::TriageError;
use crate::triage::catalogue::Role;
use crate::triage::reply::AnswerArticle;
use jiff::Timestamp;
use jiff::civil::Date;

/// Ranked intents of an unsure message that an article may settle by naming one of them.
const SETTLED_WITHIN: usize = 2;

/// Who asks, and where.
pub(super) struct Asker<'a> {
    /// The words as sent.
    pub(super) text: &'a str,
    pub(super) channel: &'a str,
    pub(super) tags: &'a [String],
    pub(super) now: Timestamp,
}

/// What the knowledge base has for a turn.
#[derive(Default)]
pub(super) struct Findings {
    /// The article that answers it.
    pub(super) answer: Option<FoundAnswer>,
    /// Whether it answers one of the likeliest intents.
    pub(super) settles: bool,
}

/// The article that answers a turn.
pub(super) struct FoundAnswer {
    pub(super) article: AnswerArticle,
    /// Its first paragraph: what the bot sends.
    pub(super) summary: String,
    /// Intents it answers.
    intents: Vec<String>,
}

/// What is searched for; owned, since it is searched for on another thread.
struct Question {
    text: String,
    intents: Vec<(String, f32)>,
    out_of_scope: f32,
    channel: String,
    tags: Vec<String>,
    as_of: Date,
    /// Score from which an article is good enough to be given.
    threshold: f32,
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
        let role = self.triage.intents.role(&classification.intent.label);
        if role != Role::Matter || classification.outcome == Outcome::Reject {
            return Ok(Findings::default());
        }
        let question = self.question(understood, asker);
        let kb = self.kb.clone();
        // Searching takes well under a millisecond, yet it is computing: not for async threads.
        let answer = tokio::task::spawn_blocking(move || question.ask(&kb));
        let answer = answer.await.map_err(|_| ModelError::Stopped)??;
        let mut likely = classification.intents.iter().take(SETTLED_WITHIN);
        let settles = answer
            .as_ref()
            .is_some_and(|answer| likely.any(|intent| answer.intents.contains(&intent.label)));
        Ok(Findings { answer, settles })
    }

    fn question(&self, understood: &Understood, asker: &Asker<'_>) -> Question {
        let classification = &understood.classification;
        let intents = classification.intents.iter();
        let zone = self.triage.rules().time_zone().clone();
        Question {
            text: asker.text.to_owned(),
            intents: intents.map(|intent| (intent.label.clone(), intent.score)).collect(),
            out_of_scope: classification.out_of_scope,
            channel: asker.channel.to_owned(),
            tags: asker.tags.to_vec(),
            as_of: asker.now.to_zoned(zone).date(),
            threshold: match understood.is_certain() {
                true => self.settings.answer_threshold,
                false => self.settings.answer_threshold_unsure,
            },
        }
    }
}

impl Question {
    fn ask(&self, kb: &KnowledgeBase) -> Result<Option<FoundAnswer>, KbError> {
        let intents: Vec<_> =
            self.intents.iter().map(|(label, score)| (&**label, *score)).collect();
        let query = Query {
            intents: &intents,
            out_of_scope: Some(self.out_of_scope),
            channel: Some(&self.channel),
            tags: &self.tags,
            limit: 1,
            ..Query::new(&self.text, self.as_of)
        };
        let Found { hits, generation } = kb.search(&query)?;
        let best = hits.into_iter().next().filter(|hit| hit.score >= self.threshold);
        Ok(best.map(|hit| FoundAnswer::new(hit, generation)))
    }
}

impl FoundAnswer {
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
            },
        }
    }
}
