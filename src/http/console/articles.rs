//! Lists: all articles with filters, those that wait for somebody, the tree of categories.

use super::super::Shared;
use super::super::kb::articles::{parse_cursor, write_cursor};
use super::super::kb::today;
use super::form::kinds;
use super::page::{Frame, Label, PageError, local, page, value_of};
use crate::kb::article::Status;
use crate::kb::editorial::Actor;
use crate::store::articles::{ArticleFilter, ArticleSummary, Page};
use askama::Template;
use axum::Extension;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

/// Articles on a page.
const PAGE: u32 = 50;
/// Articles shown of each queue; who has more waiting works it off from the top.
const QUEUE: u32 = 200;

/// The filters as the form sends them: nothing chosen is an empty text.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ListParams {
    status: String,
    category: String,
    kind: String,
    owner: String,
    q: String,
    overdue: String,
    cursor: String,
}

/// An article in a list.
pub(super) struct Row {
    id: String,
    question: String,
    status: Label,
    is_served: bool,
    kind: Label,
    category: String,
    owner: String,
    review_by: String,
    is_overdue: bool,
    updated_at: String,
}

#[derive(Template)]
#[template(path = "console/kb/articles.html")]
struct ListPage {
    frame: Frame,
    params: ListParams,
    statuses: [Label; 5],
    kinds: [Label; 6],
    rows: Vec<Row>,
    total: u64,
    /// Address of the next part.
    next: String,
}

/// All articles that pass the filters.
pub(super) async fn list(
    State(shared): State<Shared>,
    Extension(actor): Extension<Actor>,
    Query(params): Query<ListParams>,
) -> Result<Response, PageError> {
    let given = |text: &String| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let filter = ArticleFilter {
        status: value_of(&params.status),
        published: None,
        kind: value_of(&params.kind),
        category: given(&params.category),
        owner: given(&params.owner),
        text: given(&params.q),
        review_before: (!params.overdue.is_empty()).then(|| today(&shared)),
    };
    let page_wanted = Page { after: parse_cursor(&params.cursor), limit: PAGE };
    let list = shared.app.library.list(&filter, &page_wanted).await?;
    let next = list.next.as_ref().map(|cursor| address(&params, &write_cursor(cursor)));
    let statuses =
        [Status::Draft, Status::Review, Status::Approved, Status::Published, Status::Archived];
    let template = ListPage {
        frame: Frame::new(&actor, "articles"),
        params,
        statuses: statuses.map(Label::of),
        kinds: kinds(),
        rows: list.articles.into_iter().map(|article| row(&shared, article)).collect(),
        total: list.total,
        next: next.unwrap_or_default(),
    };
    Ok(page(StatusCode::OK, &template))
}

/// The same filters from `cursor` on.
fn address(params: &ListParams, cursor: &str) -> String {
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    let pairs = [
        ("status", &*params.status),
        ("category", &params.category),
        ("kind", &params.kind),
        ("owner", &params.owner),
        ("q", &params.q),
        ("overdue", &params.overdue),
        ("cursor", cursor),
    ];
    let given = pairs.into_iter().filter(|(_, value)| !value.is_empty());
    let encoded: Vec<_> = given
        .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)))
        .collect();
    format!("/console/kb?{}", encoded.join("&"))
}

fn row(shared: &Shared, article: ArticleSummary) -> Row {
    let today = today(shared);
    let is_archived = article.status == Status::Archived;
    Row {
        status: Label::of(article.status),
        is_served: article.published.is_some(),
        kind: Label::of(article.kind),
        is_overdue: !is_archived && article.review_by.is_some_and(|day| day < today),
        review_by: article.review_by.map(|day| day.to_string()).unwrap_or_default(),
        owner: article.owner.unwrap_or_default(),
        updated_at: local(shared, article.updated_at),
        id: article.id,
        question: article.question,
        category: article.category,
    }
}

#[derive(Template)]
#[template(path = "console/kb/review.html")]
struct ReviewPage {
    frame: Frame,
    queues: [Queue; 2],
    overdue: Queue,
}

/// Articles that wait for the same thing.
struct Queue {
    title: &'static str,
    rows: Vec<Row>,
    total: u64,
}

/// Articles that wait for a review or for publication, and reviews that are overdue.
pub(super) async fn review(
    State(shared): State<Shared>,
    Extension(actor): Extension<Actor>,
) -> Result<Response, PageError> {
    let of_status = |status| ArticleFilter { status: Some(status), ..ArticleFilter::default() };
    let overdue = ArticleFilter { review_before: Some(today(&shared)), ..ArticleFilter::default() };
    let template = ReviewPage {
        frame: Frame::new(&actor, "review"),
        queues: [
            queue(&shared, "待审核", of_status(Status::Review)).await?,
            queue(&shared, "待发布", of_status(Status::Approved)).await?,
        ],
        overdue: queue(&shared, "复核已到期", overdue).await?,
    };
    Ok(page(StatusCode::OK, &template))
}

async fn queue(
    shared: &Shared,
    title: &'static str,
    filter: ArticleFilter,
) -> Result<Queue, PageError> {
    let list = shared.app.library.list(&filter, &Page { after: None, limit: QUEUE }).await?;
    let rows = list.articles.into_iter().map(|article| row(shared, article)).collect();
    Ok(Queue { title, rows, total: list.total })
}

/// A category in the tree.
struct Node {
    depth: usize,
    name: String,
    path: String,
    /// Articles in it and below.
    count: u64,
}

#[derive(Template)]
#[template(path = "console/kb/categories.html")]
struct CategoriesPage {
    frame: Frame,
    nodes: Vec<Node>,
}

/// The tree of categories in use.
pub(super) async fn categories(
    State(shared): State<Shared>,
    Extension(actor): Extension<Actor>,
) -> Result<Response, PageError> {
    let nodes = tree(&shared.app.library.categories().await?);
    let template = CategoriesPage { frame: Frame::new(&actor, "categories"), nodes };
    Ok(page(StatusCode::OK, &template))
}

/// All categories and those above them, each before what is below it.
fn tree(counts: &[(String, u64)]) -> Vec<Node> {
    // By names, not by paths: 售后/退货 goes before 售后/退货/运费 and that before 售后/退货运费.
    let mut nodes = std::collections::BTreeMap::<Vec<&str>, u64>::new();
    for (path, count) in counts {
        let names: Vec<&str> = path.split('/').collect();
        for n_names in 1..=names.len() {
            *nodes.entry(names[..n_names].to_vec()).or_default() += count;
        }
    }
    nodes
        .into_iter()
        .map(|(names, count)| Node {
            depth: names.len(),
            name: names.last().copied().unwrap_or_default().to_owned(),
            path: names.join("/"),
            count,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_category_counts_what_is_below_it() {
        let counts =
            [("售后/退货", 2), ("售后/退货/运费", 3), ("售后/退货运费", 1), ("服务/发票", 4)];
        let nodes = tree(&counts.map(|(path, count)| (path.to_owned(), count)));
        let told: Vec<_> = nodes.iter().map(|n| (n.depth, n.path.as_str(), n.count)).collect();
        assert_eq!(
            told,
            [
                (1, "售后", 6),
                (2, "售后/退货", 5),
                (3, "售后/退货/运费", 3),
                (2, "售后/退货运费", 1),
                (1, "服务", 4),
                (2, "服务/发票", 4),
            ]
        );
    }
}
