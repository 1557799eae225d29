//! The life cycle of articles: pure functions from what is stored and what an editor does to the
//! change that a store writes.
//!
//! Versions are immutable: each save makes a new one, numbered one above the latest, in `draft`;
//! afterwards only its status moves. Reviews and approvals concern the latest version. An earlier
//! published version stays published when a higher one is: search serves the highest that is valid
//! on the day asked for ([`served_version`](super::article::served_version)), so that answers of
//! the past can be found again. Scheduled publication and expiry are `valid_from` and
//! `valid_until` for the same reason: nothing has to happen at midnight.
//!
//! Invariants: no I/O, no clock. A change made from a revision that is no longer the current one is
//! refused. What was never published is never served, and what was served is never rewritten.

use super::article::{Article, Status};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::fmt;
use utoipa::ToSchema;

#[cfg(test)]
pub(crate) mod testing;

/// Longest name of an actor, in characters; sign-in systems give names and addresses.
pub const MAX_ACTOR_CHARS: usize = 64;
/// Longest comment, in characters: some paragraphs, no second article.
pub const MAX_COMMENT_CHARS: usize = 1000;

/// Who does something: a name of 1 to 64 characters, none of them control characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, example = "林晓")]
pub struct Actor(String);

/// A name that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a name has 1 to {MAX_ACTOR_CHARS} visible characters; this one has {chars}")]
pub struct BadActor {
    /// Its length.
    pub chars: usize,
}

impl Actor {
    /// The name as given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Actor {
    type Error = BadActor;

    fn try_from(name: String) -> Result<Self, BadActor> {
        let name = name.trim();
        let chars = name.chars().count();
        if (1..=MAX_ACTOR_CHARS).contains(&chars) && !name.chars().any(char::is_control) {
            Ok(Self(name.to_owned()))
        } else {
            Err(BadActor { chars })
        }
    }
}

impl From<Actor> for String {
    fn from(actor: Actor) -> Self {
        actor.0
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An article as a store has it, without the contents of its versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ArticleRecord {
    /// The article's id.
    pub id: String,
    /// Raised by one with each change; the compare-and-set compares it. 0: not stored yet.
    pub revision: u64,
    /// Its versions, lowest number first.
    pub versions: Vec<VersionHead>,
    /// When its first version was saved.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// A version without its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct VersionHead {
    /// Its number, from 1.
    pub version: u32,
    /// Where it stands.
    pub status: Status,
    /// Who saved it.
    pub author: Actor,
    /// Who submitted it last.
    pub submitted_by: Option<Actor>,
    /// The publication that brought it to readers.
    pub published_in: Option<u64>,
    /// The publication that took it from readers.
    pub archived_in: Option<u64>,
    /// When it was saved.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When its status last changed.
    #[schema(value_type = String, format = DateTime)]
    pub changed_at: Timestamp,
}

impl ArticleRecord {
    /// An article that is not stored yet.
    #[must_use]
    pub fn new(id: impl Into<String>, at: Timestamp) -> Self {
        let versions = Vec::new();
        Self { id: id.into(), revision: 0, versions, created_at: at, updated_at: at }
    }

    /// The version with the highest number.
    #[must_use]
    pub fn latest(&self) -> Option<&VersionHead> {
        self.versions.last()
    }
}

/// What an editor does to an article.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// Saves this content as a new draft; `id`, `version` and `status` in it do not count.
    Save(Box<Article>),
    /// Takes in versions with the numbers and statuses they have; `id` in them does not count.
    Import(Vec<Article>),
    /// Asks for approval of the latest version.
    Submit,
    /// Takes the request back.
    Withdraw,
    /// Finds the latest version right.
    Approve,
    /// Sends it back to its author; the comment says why.
    Reject,
    /// Brings the latest version to readers on its valid days.
    Publish,
    /// Takes the whole article from readers, drafts included.
    Archive,
}

/// The word for an [`Edit`], as kept in the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = EditAction)]
pub enum Action {
    /// A new draft was saved.
    Save,
    /// Versions were taken in.
    Import,
    /// Approval was asked for.
    Submit,
    /// The request was taken back.
    Withdraw,
    /// The version was found right.
    Approve,
    /// The version was sent back.
    Reject,
    /// The version was brought to readers.
    Publish,
    /// The article was taken from readers.
    Archive,
}

impl Edit {
    /// The word for it.
    #[must_use]
    pub fn action(&self) -> Action {
        match self {
            Self::Save(_) => Action::Save,
            Self::Import(_) => Action::Import,
            Self::Submit => Action::Submit,
            Self::Withdraw => Action::Withdraw,
            Self::Approve => Action::Approve,
            Self::Reject => Action::Reject,
            Self::Publish => Action::Publish,
            Self::Archive => Action::Archive,
        }
    }
}

/// Who edits, when, and what they had before them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct By {
    /// Who.
    pub actor: Actor,
    /// When.
    pub at: Timestamp,
    /// The article's revision that they saw; 0 for a new article.
    pub revision: u64,
    /// Why, in their words.
    pub comment: Option<String>,
}

/// The settings the life cycle needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Only approved versions are published.
    pub require_review: bool,
    /// The approver is neither the author nor the submitter.
    pub two_person: bool,
}

/// One change of an article, stored as a whole or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The article.
    pub article_id: String,
    /// The revision it was made from; the store compares it and raises it by one.
    pub revision: u64,
    /// New versions; the actor of the event is their author.
    pub created: Vec<Article>,
    /// Versions whose status changes.
    pub moves: Vec<Move>,
    /// The highest version after the change.
    pub latest: u32,
    /// Its status after the change.
    pub latest_status: Status,
    /// The highest published version after the change.
    pub published: Option<u32>,
    /// The entry in the article's history.
    pub event: Event,
}

/// A version changes its status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Move {
    /// The version.
    pub version: u32,
    /// Its status before.
    pub from: Status,
    /// Its status after.
    pub to: Status,
}

/// What happened to an article, kept for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Event {
    /// Its number in the article's history, from 1: the revision that the change led to.
    pub seq: u64,
    /// The article.
    pub article_id: String,
    /// The version concerned; the latest one where several were.
    pub version: u32,
    /// What was done.
    pub action: Action,
    /// Who did it.
    pub actor: Actor,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Why.
    pub comment: Option<String>,
}

impl Change {
    /// Whether readers may get other answers after it: it takes the next publication number.
    #[must_use]
    pub fn touches_readers(&self) -> bool {
        let published = Status::Published;
        self.created.iter().any(|article| article.status == published)
            || self.moves.iter().any(|m| m.from == published || m.to == published)
    }
}

/// Why an edit is refused. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// Somebody else changed the article meanwhile: show both and let the editor decide.
    #[error("the article was changed meanwhile: its revision is {current}; read it again")]
    Stale {
        /// The revision now.
        current: u64,
    },
    /// There is no version to do that to.
    #[error("the article has no versions: save one first")]
    NoVersion,
    /// The latest version's status does not allow it.
    #[error(
        "version {version} is {}, which `{}` does not start from: read it again",
        word(status),
        word(action)
    )]
    NotAllowed {
        /// The latest version.
        version: u32,
        /// Its status.
        status: Status,
        /// What was tried.
        action: Action,
    },
    /// The approver wrote or submitted the version.
    #[error("{actor} wrote or submitted version {version}: somebody else has to approve it")]
    SamePerson {
        /// The approver.
        actor: Actor,
        /// The version.
        version: u32,
    },
    /// A rejection says why.
    #[error("`comment` is missing: say what the author has to change")]
    CommentMissing,
    /// The comment is too long.
    #[error("`comment` has {chars} characters, {MAX_COMMENT_CHARS} are allowed: shorten it")]
    CommentTooLong {
        /// Its length.
        chars: usize,
    },
    /// An imported version has the number 0.
    #[error("`version` must be at least 1")]
    VersionZero,
    /// An imported version exists already.
    #[error("version {version} of \"{id}\" exists already: give it another number")]
    VersionExists {
        /// The article.
        id: String,
        /// The number.
        version: u32,
    },
}

/// A status or an action as it is written elsewhere.
fn word(value: &impl fmt::Debug) -> String {
    format!("{value:?}").to_lowercase()
}

/// What may be done to the latest version as it stands; saving always may. Whether the two-person
/// rule stops somebody is told when they try.
#[must_use]
pub fn allowed(record: &ArticleRecord, policy: Policy) -> Vec<Action> {
    let steps =
        [Action::Submit, Action::Withdraw, Action::Approve, Action::Reject, Action::Publish];
    let latest = record.latest();
    let may = |action: &Action| latest.is_some_and(|v| next(v.status, *action, policy).is_some());
    let mut allowed: Vec<_> = steps.into_iter().filter(may).collect();
    if record.versions.iter().any(|head| head.status != Status::Archived) {
        allowed.push(Action::Archive);
    }
    allowed
}

/// The change that `edit` makes of `record`.
///
/// # Errors
/// [`EditError`]: what forbids it; nothing is changed then.
pub fn apply(
    record: &ArticleRecord,
    edit: Edit,
    by: By,
    policy: Policy,
) -> Result<Change, EditError> {
    if by.revision != record.revision {
        return Err(EditError::Stale { current: record.revision });
    }
    let action = edit.action();
    let comment = comment_of(action, by.comment)?;
    let (created, moves) = match edit {
        Edit::Save(article) => save(record, *article),
        Edit::Import(articles) => (import(record, articles)?, Vec::new()),
        Edit::Archive => (Vec::new(), archive(record)?),
        _ => (Vec::new(), vec![advance(record, action, &by.actor, policy)?]),
    };
    let statuses = statuses_after(record, &created, &moves);
    let published = statuses.iter().rev().find(|(_, status)| *status == Status::Published);
    let &(latest, latest_status) = statuses.last().ok_or(EditError::NoVersion)?;
    let event = Event {
        seq: record.revision + 1,
        article_id: record.id.clone(),
        version: latest,
        action,
        actor: by.actor,
        at: by.at,
        comment,
    };
    Ok(Change {
        article_id: record.id.clone(),
        revision: record.revision,
        published: published.map(|(version, _)| *version),
        created,
        moves,
        latest,
        latest_status,
        event,
    })
}

fn comment_of(action: Action, comment: Option<String>) -> Result<Option<String>, EditError> {
    let comment = comment.filter(|comment| !comment.trim().is_empty());
    match comment.as_ref().map(|comment| comment.chars().count()) {
        None if action == Action::Reject => Err(EditError::CommentMissing),
        Some(chars) if chars > MAX_COMMENT_CHARS => Err(EditError::CommentTooLong { chars }),
        _ => Ok(comment),
    }
}

/// A new draft; an unpublished version before it was never served and is put away.
fn save(record: &ArticleRecord, article: Article) -> (Vec<Article>, Vec<Move>) {
    let version = record.latest().map_or(1, |latest| latest.version + 1);
    let draft = Article { id: record.id.clone(), version, status: Status::Draft, ..article };
    let moves = to_archive(record, |status| status != Status::Published);
    (vec![draft], moves)
}

fn import(record: &ArticleRecord, articles: Vec<Article>) -> Result<Vec<Article>, EditError> {
    let mut numbers: HashSet<u32> = record.versions.iter().map(|head| head.version).collect();
    for article in &articles {
        let version = article.version;
        if version == 0 {
            return Err(EditError::VersionZero);
        }
        if !numbers.insert(version) {
            return Err(EditError::VersionExists { id: record.id.clone(), version });
        }
    }
    let named = articles.into_iter().map(|article| Article { id: record.id.clone(), ..article });
    Ok(named.collect())
}

fn archive(record: &ArticleRecord) -> Result<Vec<Move>, EditError> {
    let latest = record.latest().ok_or(EditError::NoVersion)?;
    let moves = to_archive(record, |_| true);
    if moves.is_empty() {
        let (version, status) = (latest.version, latest.status);
        return Err(EditError::NotAllowed { version, status, action: Action::Archive });
    }
    Ok(moves)
}

fn to_archive(record: &ArticleRecord, chosen: impl Fn(Status) -> bool) -> Vec<Move> {
    let open = record.versions.iter().filter(|head| head.status != Status::Archived);
    open.filter(|head| chosen(head.status))
        .map(|head| Move { version: head.version, from: head.status, to: Status::Archived })
        .collect()
}

/// Moves the latest version on.
fn advance(
    record: &ArticleRecord,
    action: Action,
    actor: &Actor,
    policy: Policy,
) -> Result<Move, EditError> {
    let latest = record.latest().ok_or(EditError::NoVersion)?;
    let (version, from) = (latest.version, latest.status);
    let to = next(from, action, policy).ok_or(EditError::NotAllowed {
        version,
        status: from,
        action,
    })?;
    let had_a_hand = latest.author == *actor || latest.submitted_by.as_ref() == Some(actor);
    if action == Action::Approve && policy.two_person && had_a_hand {
        return Err(EditError::SamePerson { actor: actor.clone(), version });
    }
    Ok(Move { version, from, to })
}

/// The status that `action` leads to, `None` where it is not allowed.
fn next(status: Status, action: Action, policy: Policy) -> Option<Status> {
    match (status, action) {
        (Status::Draft, Action::Submit) => Some(Status::Review),
        (Status::Review, Action::Withdraw | Action::Reject) => Some(Status::Draft),
        (Status::Review, Action::Approve) => Some(Status::Approved),
        (Status::Approved, Action::Publish) => Some(Status::Published),
        (Status::Draft, Action::Publish) if !policy.require_review => Some(Status::Published),
        _ => None,
    }
}

/// Numbers and statuses of all versions after a change, lowest number first.
fn statuses_after(
    record: &ArticleRecord,
    created: &[Article],
    moves: &[Move],
) -> Vec<(u32, Status)> {
    let moved = |head: &VersionHead| {
        let to = moves.iter().find(|m| m.version == head.version).map(|m| m.to);
        (head.version, to.unwrap_or(head.status))
    };
    let mut statuses: Vec<_> = record.versions.iter().map(moved).collect();
    statuses.extend(created.iter().map(|article| (article.version, article.status)));
    statuses.sort_unstable_by_key(|(version, _)| *version);
    statuses
}

#[cfg(test)]
mod tests;
