//! Rows and sections as they serve: checked, compiled, indexed.

use super::condition::{Condition, EvalError, Evaluator};
use super::decision::Alternative;
use super::intent::{IntentIndex, Intents};
use super::schema::{BuiltIn, Fact};

/// One row of a section with its outputs.
#[derive(Debug)]
pub(crate) struct Row<T> {
    /// Unique in the file.
    pub(crate) id: Box<str>,
    /// What it is for.
    pub(crate) description: Box<str>,
    /// Line and column in the file, from 1.
    pub(crate) position: (usize, usize),
    /// The intent column.
    pub(crate) intents: Intents,
    /// All of them must hold.
    pub(crate) when: Box<[Condition]>,
    /// Outputs.
    pub(crate) then: T,
}

/// The first condition of a row that did not hold.
#[derive(Debug)]
pub(crate) enum Failure<'r> {
    /// The intent column.
    Intent(&'r Intents),
    /// One of `when`, with the reason where it could not be decided.
    Condition(&'r Condition, Option<EvalError>),
}

impl<T> Row<T> {
    /// Whether all conditions hold, the intent column apart.
    fn holds(&self, evaluator: &Evaluator<'_>) -> bool {
        self.when.iter().all(|condition| condition.holds(evaluator) == Ok(true))
    }

    /// The conditions as written, the intent column first; none for a default row.
    pub(crate) fn conditions(&self) -> Vec<String> {
        let column = (!self.intents.is_any()).then(|| self.intents.condition());
        let when = self.when.iter().map(|condition| condition.source().to_owned());
        column.into_iter().chain(when).collect()
    }

    /// The facts it looks at, each once.
    pub(crate) fn facts(&self) -> Vec<Fact> {
        let column = (!self.intents.is_any()).then_some(Fact::BuiltIn(BuiltIn::Intent));
        let mut facts: Vec<Fact> = column.into_iter().collect();
        for fact in self.when.iter().flat_map(|condition| condition.facts()) {
            if !facts.contains(fact) {
                facts.push(fact.clone());
            }
        }
        facts
    }

    /// What keeps the row from matching, the intent column first.
    pub(crate) fn failure(&self, evaluator: &Evaluator<'_>) -> Option<Failure<'_>> {
        if !self.intents.admits(evaluator.view().intent()) {
            return Some(Failure::Intent(&self.intents));
        }
        self.when.iter().find_map(|condition| match condition.holds(evaluator) {
            Ok(true) => None,
            Ok(false) => Some(Failure::Condition(condition, None)),
            Err(error) => Some(Failure::Condition(condition, Some(error))),
        })
    }
}

/// Rows in order, found by intent.
#[derive(Debug)]
pub(crate) struct Section<T> {
    rows: Vec<Row<T>>,
    index: IntentIndex,
}

impl<T> Section<T> {
    pub(crate) fn new(rows: Vec<Row<T>>, known_intents: &[String]) -> Self {
        let index = IntentIndex::build(rows.iter().map(|row| &row.intents), known_intents);
        Self { rows, index }
    }

    /// All rows in order.
    pub(crate) fn rows(&self) -> &[Row<T>] {
        &self.rows
    }

    /// The rows that match, in order, each evaluated when asked for.
    fn matching<'s>(&'s self, evaluator: &'s Evaluator<'_>) -> impl Iterator<Item = &'s Row<T>> {
        let intent = evaluator.view().intent();
        let (places, sure) = self.index.candidates(intent);
        places
            .iter()
            .map(|place| &self.rows[*place as usize])
            .filter(move |row| (sure || row.intents.admits(intent)) && row.holds(evaluator))
    }
}

/// A section as the evaluation sees it: with a default row behind the others, or without.
pub(crate) trait Rows<T> {
    /// All rows in order, the default row last.
    fn all<'s>(&'s self) -> impl Iterator<Item = &'s Row<T>>
    where
        T: 's;

    /// The rows that match, in order, each evaluated when asked for.
    fn matching<'s>(&'s self, evaluator: &'s Evaluator<'_>) -> impl Iterator<Item = &'s Row<T>>
    where
        T: 's;
}

impl<T> Rows<T> for Section<T> {
    fn all<'s>(&'s self) -> impl Iterator<Item = &'s Row<T>>
    where
        T: 's,
    {
        self.rows.iter()
    }

    fn matching<'s>(&'s self, evaluator: &'s Evaluator<'_>) -> impl Iterator<Item = &'s Row<T>>
    where
        T: 's,
    {
        Section::matching(self, evaluator)
    }
}

/// A section that always has an answer: its default row matches every turn.
#[derive(Debug)]
pub(crate) struct Ordered<T> {
    /// The rows before the default row.
    pub(crate) section: Section<T>,
    /// The default row.
    pub(crate) default: Row<T>,
}

impl<T> Rows<T> for Ordered<T> {
    fn all<'s>(&'s self) -> impl Iterator<Item = &'s Row<T>>
    where
        T: 's,
    {
        self.section.rows.iter().chain(std::iter::once(&self.default))
    }

    fn matching<'s>(&'s self, evaluator: &'s Evaluator<'_>) -> impl Iterator<Item = &'s Row<T>>
    where
        T: 's,
    {
        self.section.matching(evaluator).chain(std::iter::once(&self.default))
    }
}

/// Outputs of `[[route]]`.
#[derive(Debug)]
pub(crate) struct Route {
    /// Index of the skill group.
    pub(crate) group: usize,
    /// A person takes over at once.
    pub(crate) handoff: bool,
    /// Instead of the group's own alternatives.
    pub(crate) alternatives: Option<Vec<Alternative>>,
}

/// Outputs of `[[sla]]`; the default row gives both.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SlaTerms {
    /// Time to the first reply.
    pub(crate) first_reply: Option<Term>,
    /// Time to the solution.
    pub(crate) resolve: Option<Term>,
}

/// A promised time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Term {
    /// How long.
    pub(crate) seconds: u32,
    /// On which clock.
    pub(crate) clock: Clock,
}

/// Which time counts towards a deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clock {
    /// All time.
    Always,
    /// Working hours of the skill group.
    Hours,
}

/// Outputs of `[[reply]]`.
#[derive(Debug)]
pub(crate) struct Reply {
    /// Marks for the agent's desktop.
    pub(crate) tags: Vec<String>,
    /// Sentences and reminders for the reply.
    pub(crate) hints: Vec<String>,
}
