//! `/v1/kb/articles`: the articles of the editors, drafts included.

use super::super::Shared;
use super::super::error::{ApiError, ErrorBody};
use super::super::extract::{Body, Params, invalid_field};
use super::editor::Editor;
use super::today;
use crate::kb::article::{
    Action, Article, Attachment, Category, Kind, Media, Status, TargetedAnswer,
};
use crate::kb::editorial::{self, Actor};
use crate::library::Opened;
use crate::store::articles::{ArticleFilter, ArticleSummary, Cursor, Page};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Articles given where the request does not say.
const DEFAULT_LIMIT: u32 = 50;
/// Most articles given at once.
const MAX_LIMIT: u32 = 200;

/// A version as editors see it.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct VersionView {
    #[serde(flatten)]
    article: Article,
    /// The article's revision: the next change is based on it.
    #[schema(example = 4)]
    revision: u64,
    /// Who saved the version.
    #[schema(value_type = String, example = "林晓")]
    author: Actor,
    /// Who submitted it last.
    #[schema(value_type = Option<String>, example = "林晓")]
    submitted_by: Option<Actor>,
    /// The publication that brought it to readers.
    #[schema(example = 118)]
    published_in: Option<u64>,
    /// The publication that took it from readers.
    #[schema(example = 131)]
    archived_in: Option<u64>,
    /// When it was saved.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When its status last changed.
    #[schema(value_type = String, format = DateTime)]
    changed_at: Timestamp,
    /// What may be done to the article now; saving always may.
    allowed: Vec<editorial::Action>,
}

impl From<Opened> for VersionView {
    fn from(Opened { revision, version, allowed }: Opened) -> Self {
        let head = version.head;
        Self {
            article: version.article,
            revision,
            author: head.author,
            submitted_by: head.submitted_by,
            published_in: head.published_in,
            archived_in: head.archived_in,
            created_at: head.created_at,
            changed_at: head.changed_at,
            allowed,
        }
    }
}

impl VersionView {
    /// With the revision as `ETag`.
    pub(super) fn response(self, status: StatusCode) -> Response {
        let tag = format!("\"{}\"", self.revision);
        (status, [(header::ETAG, tag)], Json(self)).into_response()
    }
}

/// The content of an article. What only the service writes (`version`, `status`, `author`, …) is let
/// pass and does not count, so that what was read can be changed and sent back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct ContentRequest {
    /// The revision that was read; may be sent as `If-Match` instead. Not for a new article.
    #[schema(example = 4)]
    revision: Option<u64>,
    /// What was changed and why, for the history; at most 1000 characters.
    #[schema(example = "按新规把 7 天改为 15 天")]
    comment: Option<String>,
    /// Name of a new article: lower-case letters, digits and hyphens. Absent: derived from the
    /// question. In a change it must be the article's own.
    #[schema(example = "return-seven-days")]
    id: Option<String>,
    /// What sort of knowledge it is.
    #[serde(default = "faq")]
    kind: Kind,
    /// Path of category names: 产品, 服务 or 售后 and one to three levels below.
    #[schema(value_type = String, example = "售后/退货/七天无理由")]
    category: Category,
    /// The standard question, at most 200 characters.
    #[schema(example = "支持七天无理由退货吗？")]
    question: String,
    /// The same question in customers' words.
    #[serde(default)]
    #[schema(example = json!(["不想要了能退吗", "几天之内能退货"]))]
    variants: Vec<String>,
    /// Intents whose turns this article often answers.
    #[serde(default)]
    #[schema(example = json!(["aftersale.return"]))]
    intents: Vec<String>,
    /// First day it may be served; today where absent.
    #[schema(value_type = Option<String>, format = Date, example = "2026-07-01")]
    valid_from: Option<Date>,
    /// Last day it may be served, inclusive; open where absent.
    #[schema(value_type = Option<String>, format = Date, example = "2026-12-31")]
    valid_until: Option<Date>,
    /// Who answers for it.
    #[schema(example = "售后组 林晓")]
    owner: Option<String>,
    /// Day by which somebody must have looked at it again.
    #[schema(value_type = Option<String>, format = Date, example = "2027-01-01")]
    review_by: Option<Date>,
    /// Free words to filter a search by.
    #[serde(default)]
    #[schema(example = json!(["大促", "运费"]))]
    tags: Vec<String>,
    /// Ids of articles that often come next.
    #[serde(default)]
    #[schema(example = json!(["return-how-to"]))]
    links: Vec<String>,
    /// Ids of articles on neighbouring matters.
    #[serde(default)]
    #[schema(example = json!(["exchange-how-to"]))]
    see_also: Vec<String>,
    /// Ids of articles that this one takes the place of.
    #[serde(default)]
    #[schema(example = json!(["return-five-days"]))]
    replaces: Vec<String>,
    /// Products and policies it relies on.
    #[serde(default)]
    #[schema(example = json!(["policy:return-7d"]))]
    depends_on: Vec<String>,
    /// Pictures and films of the answer.
    #[serde(default)]
    media: Vec<Media>,
    /// Files of the answer.
    #[serde(default)]
    attachments: Vec<Attachment>,
    /// What the customer can have done at once.
    #[serde(default)]
    actions: Vec<Action>,
    /// Answers for some channels or customers.
    #[serde(default)]
    answers: Vec<TargetedAnswer>,
    /// The answer as Markdown, at most 20,000 characters.
    #[schema(example = "支持的。从签收起 7 天内，商品完好，就可以申请无理由退货。")]
    body: String,
    #[serde(default, rename = "version")]
    #[schema(ignore)]
    _version: IgnoredAny,
    #[serde(default, rename = "status")]
    #[schema(ignore)]
    _status: IgnoredAny,
    #[serde(default, rename = "updated")]
    #[schema(ignore)]
    _updated: IgnoredAny,
    #[serde(default, rename = "author")]
    #[schema(ignore)]
    _author: IgnoredAny,
    #[serde(default, rename = "submitted_by")]
    #[schema(ignore)]
    _submitted_by: IgnoredAny,
    #[serde(default, rename = "published_in")]
    #[schema(ignore)]
    _published_in: IgnoredAny,
    #[serde(default, rename = "archived_in")]
    #[schema(ignore)]
    _archived_in: IgnoredAny,
    #[serde(default, rename = "created_at")]
    #[schema(ignore)]
    _created_at: IgnoredAny,
    #[serde(default, rename = "changed_at")]
    #[schema(ignore)]
    _changed_at: IgnoredAny,
    #[serde(default, rename = "allowed")]
    #[schema(ignore)]
    _allowed: IgnoredAny,
}

fn faq() -> Kind {
    Kind::Faq
}

impl ContentRequest {
    fn into_article(self, id: String, today: Date) -> Article {
        Article {
            id,
            kind: self.kind,
            category: self.category,
            question: self.question,
            variants: self.variants,
            intents: self.intents,
            valid_from: self.valid_from.unwrap_or(today),
            valid_until: self.valid_until,
            updated: today,
            owner: self.owner,
            review_by: self.review_by,
            tags: self.tags,
            links: self.links,
            see_also: self.see_also,
            replaces: self.replaces,
            depends_on: self.depends_on,
            media: self.media,
            attachments: self.attachments,
            actions: self.actions,
            answers: self.answers,
            body: self.body,
            ..Article::blank()
        }
    }
}

/// Save the first draft of a new article.
#[utoipa::path(post, path = "/v1/kb/articles", tag = "knowledge base",
    params(("X-Actor" = String, Header, example = "林晓")), request_body = ContentRequest,
    responses((status = CREATED, body = VersionView), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub(in crate::http) async fn create(
    State(shared): State<Shared>,
    editor: Editor,
    Body(request): Body<ContentRequest>,
) -> Result<Response, ApiError> {
    let by = editor.by(Some(0), request.comment.clone())?;
    let id = request.id.clone().unwrap_or_default();
    let article = request.into_article(id, today(&shared));
    let opened = shared.app.library.create(article, by).await?;
    Ok(VersionView::from(opened).response(StatusCode::CREATED))
}

/// Save another draft of an article; 409 where somebody else changed it meanwhile.
#[utoipa::path(put, path = "/v1/kb/articles/{id}", tag = "knowledge base",
    params(("id" = String, Path, example = "return-seven-days"), ("X-Actor" = String, Header, example = "林晓"),
        ("If-Match" = Option<String>, Header, description = "The revision, where the body has none")),
    request_body = ContentRequest,
    responses((status = OK, body = VersionView), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub(in crate::http) async fn save(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    editor: Editor,
    Body(request): Body<ContentRequest>,
) -> Result<Response, ApiError> {
    if request.id.as_ref().is_some_and(|given| *given != id) {
        return Err(invalid_field("id", format!("this is the article {id}, ids do not change")));
    }
    let by = editor.by(request.revision, request.comment.clone())?;
    let article = request.into_article(id.clone(), today(&shared));
    let opened = shared.app.library.save(&id, article, by).await?;
    Ok(VersionView::from(opened).response(StatusCode::OK))
}

/// Which articles to list; all that is given must hold.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct ListParams {
    /// Status of the latest version.
    status: Option<Status>,
    /// A category; those below it count too.
    #[param(example = "售后/退货")]
    category: Option<String>,
    /// Kind of the latest version.
    kind: Option<Kind>,
    /// Who answers for it, whole.
    #[param(example = "售后组 林晓")]
    owner: Option<String>,
    /// A part of the standard question or of the id.
    #[param(example = "退货")]
    q: Option<String>,
    /// Only articles whose review was due before today.
    #[serde(default)]
    overdue: bool,
    /// `next` of the part before.
    cursor: Option<String>,
    /// Articles wanted, 1 to 200.
    #[param(default = 50, minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// A part of the list of articles.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct ListView {
    /// The articles, latest change first.
    articles: Vec<ArticleSummary>,
    /// How many there are in all parts together.
    #[schema(example = 212)]
    total: u64,
    /// Give it as `cursor` for the next part; null at the end.
    #[schema(example = "1790000000000-return-seven-days")]
    next: Option<String>,
}

/// List articles by their latest version, drafts included.
#[utoipa::path(get, path = "/v1/kb/articles", tag = "knowledge base", params(ListParams),
    responses((status = OK, body = ListView), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub(in crate::http) async fn list(
    State(shared): State<Shared>,
    Params(params): Params<ListParams>,
) -> Result<Json<ListView>, ApiError> {
    let limit = params.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(invalid_field("limit", format!("{limit} lies outside 1 to {MAX_LIMIT}")));
    }
    let bad = || invalid_field("cursor", "give `next` of the part before as it was");
    let after = params.cursor.map(|cursor| parse_cursor(&cursor).ok_or_else(bad)).transpose()?;
    let filter = ArticleFilter {
        status: params.status,
        published: None,
        kind: params.kind,
        category: params.category,
        owner: params.owner,
        text: params.q,
        review_before: params.overdue.then(|| today(&shared)),
    };
    let list = shared.app.library.list(&filter, &Page { after, limit }).await?;
    let next = list.next.as_ref().map(write_cursor);
    Ok(Json(ListView { articles: list.articles, total: list.total, next }))
}

/// A cursor as one word: milliseconds and id.
pub(in crate::http) fn write_cursor(Cursor { updated_at, id }: &Cursor) -> String {
    format!("{}-{id}", updated_at.as_millisecond())
}

/// The cursor that [`write_cursor`] wrote.
pub(in crate::http) fn parse_cursor(cursor: &str) -> Option<Cursor> {
    let (millisecond, id) = cursor.split_once('-')?;
    let updated_at = Timestamp::from_millisecond(millisecond.parse().ok()?).ok()?;
    Some(Cursor { updated_at, id: id.to_owned() })
}
