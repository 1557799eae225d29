//! Reads an article out of a table of values, whatever format they were written in.
//!
//! The tree is walked by hand rather than through serde: serde stops at the first fault, and an
//! editor wants to hear of all of them, each with its place.

use super::{
    Action, Article, Attachment, Category, Kind, Media, MediaKind, Problem, Shape, Status,
    TargetedAnswer,
};
use jiff::civil::Date;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Keys with their values.
pub(crate) type Table = BTreeMap<String, Node>;

/// A value with the line or row it stands on.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) line: usize,
    pub(crate) value: Value,
}

/// A value as it was written.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Text(String),
    Count(u32),
    Date(Date),
    List(Vec<Node>),
    Table(Table),
    /// Anything no field of an article is made of, such as a truth value.
    Other,
}

/// An article with the lines its keys stand on.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) article: Article,
    pub(crate) lines: HashMap<&'static str, usize>,
}

/// Takes every key of an article out of `table`, which starts on `line`.
///
/// # Errors
/// All faults, ordered by line.
pub(crate) fn read_article(table: Table, line: usize) -> Result<Read, Vec<(usize, Problem)>> {
    let mut fields = Fields::new(table, "", line);
    let article = fields.article();
    fields.refuse_unknown_keys();
    let told: HashSet<&str> = fields.faults.iter().filter_map(|(_, p)| p.key()).collect();
    let all = article.problems().into_iter();
    // What a stand-in for a faulty value breaks was told already.
    let new = all.filter(|problem| problem.key().is_none_or(|key| !told.contains(key)));
    let new: Vec<_> = new.map(|problem| (fields.line_of(&problem), problem)).collect();
    let Fields { mut faults, lines, .. } = fields;
    faults.extend(new);
    if faults.is_empty() {
        return Ok(Read { article, lines });
    }
    faults.sort_by_key(|(line, _)| *line);
    Err(faults)
}

/// A table whose keys are taken out one by one, with the faults found on the way.
struct Fields {
    table: Table,
    /// Prefix of key names in messages, for tables inside.
    prefix: &'static str,
    /// Where the table itself starts, for missing keys.
    line: usize,
    lines: HashMap<&'static str, usize>,
    faults: Vec<(usize, Problem)>,
}

impl Fields {
    fn new(table: Table, prefix: &'static str, line: usize) -> Self {
        Self { table, prefix, line, lines: HashMap::new(), faults: Vec::new() }
    }

    /// Faulty values are replaced by those of [`Article::blank`].
    fn article(&mut self) -> Article {
        let blank = Article::blank();
        Article {
            id: self.text("id"),
            version: self.count("version"),
            status: self.word("status", &STATUSES).unwrap_or(blank.status),
            kind: self.word("kind", &KINDS).unwrap_or(blank.kind),
            category: Category(self.text("category")),
            question: self.text("question"),
            variants: self.texts("variants"),
            intents: self.texts("intents"),
            valid_from: self.date("valid_from", true).unwrap_or(blank.valid_from),
            valid_until: self.date("valid_until", false),
            updated: self.date("updated", true).unwrap_or(blank.updated),
            owner: self.optional_text("owner"),
            review_by: self.date("review_by", false),
            tags: self.texts("tags"),
            links: self.texts("links"),
            see_also: self.texts("see_also"),
            replaces: self.texts("replaces"),
            depends_on: self.texts("depends_on"),
            media: self.tables("media", "media.", |fields| {
                let kind = fields.word("kind", &MEDIA_KINDS);
                let (url, alt) = (fields.text("url"), fields.text("alt"));
                kind.map(|kind| Media { kind, url, alt })
            }),
            attachments: self.tables("attachments", "attachments.", |fields| {
                Some(Attachment { name: fields.text("name"), url: fields.text("url") })
            }),
            actions: self.tables("actions", "actions.", |fields| {
                let (id, label) = (fields.text("id"), fields.text("label"));
                Some(Action { id, label, params: fields.text_table("params") })
            }),
            answers: self.tables("answers", "answers.", |fields| {
                let (channels, tags) = (fields.texts("channels"), fields.texts("tags"));
                Some(TargetedAnswer { channels, tags, body: fields.text("body") })
            }),
            body: self.text("body"),
        }
        .tidy()
    }

    /// A required text that is not blank.
    fn text(&mut self, key: &'static str) -> String {
        let Some(node) = self.take(key, true) else { return String::new() };
        let Value::Text(text) = node.value else {
            self.wrong_type(key, Shape::Text, node.line);
            return String::new();
        };
        if text.trim().is_empty() {
            self.fault(node.line, Problem::Empty(self.name(key)));
        }
        text
    }

    fn optional_text(&mut self, key: &'static str) -> Option<String> {
        let node = self.take(key, false)?;
        let Value::Text(text) = node.value else {
            self.wrong_type(key, Shape::Text, node.line);
            return None;
        };
        Some(text)
    }

    fn count(&mut self, key: &'static str) -> u32 {
        let Some(node) = self.take(key, true) else { return 1 };
        match node.value {
            Value::Count(count) if count >= 1 => count,
            _ => {
                self.wrong_type(key, Shape::Count, node.line);
                1
            }
        }
    }

    fn date(&mut self, key: &'static str, required: bool) -> Option<Date> {
        let node = self.take(key, required)?;
        match node.value {
            Value::Date(date) => return Some(date),
            Value::Text(text) if text.parse::<Date>().is_ok() => {
                self.wrong_type(key, Shape::BareDate, node.line);
            }
            _ => self.wrong_type(key, Shape::Date, node.line),
        }
        None
    }

    /// A required word out of a list.
    fn word<T: Copy>(&mut self, key: &'static str, allowed: &[(&str, T)]) -> Option<T> {
        let line = self.table.get(key).map_or(self.line, |node| node.line);
        let text = self.text(key);
        let found = allowed.iter().find(|(word, _)| *word == text.trim());
        if found.is_none() && !text.trim().is_empty() {
            let words: Vec<&str> = allowed.iter().map(|(word, _)| *word).collect();
            let (key, allowed) = (self.name(key), words.join(", "));
            self.fault(line, Problem::UnknownValue { key, value: text, allowed });
        }
        found.map(|(_, value)| *value)
    }

    /// An optional list of texts, none of them blank; absent means empty.
    fn texts(&mut self, key: &'static str) -> Vec<String> {
        let Some(node) = self.take(key, false) else { return Vec::new() };
        let Value::List(items) = node.value else {
            self.wrong_type(key, Shape::Texts, node.line);
            return Vec::new();
        };
        let mut texts = Vec::new();
        for item in items {
            match item.value {
                Value::Text(text) if text.trim().is_empty() => {
                    self.fault(item.line, Problem::Empty(self.name(key)));
                }
                Value::Text(text) => texts.push(text),
                _ => self.wrong_type(key, Shape::Texts, item.line),
            }
        }
        texts
    }

    fn text_table(&mut self, key: &'static str) -> BTreeMap<String, String> {
        let Some(node) = self.take(key, false) else { return BTreeMap::new() };
        let Value::Table(table) = node.value else {
            self.wrong_type(key, Shape::TextTable, node.line);
            return BTreeMap::new();
        };
        let mut texts = BTreeMap::new();
        for (name, node) in table {
            match node.value {
                Value::Text(text) => {
                    texts.insert(name, text);
                }
                _ => self.wrong_type(key, Shape::TextTable, node.line),
            }
        }
        texts
    }

    /// An optional list of tables, each read by `read`; absent means empty.
    fn tables<T>(
        &mut self,
        key: &'static str,
        prefix: &'static str,
        read: impl Fn(&mut Self) -> Option<T>,
    ) -> Vec<T> {
        let Some(node) = self.take(key, false) else { return Vec::new() };
        let Value::List(items) = node.value else {
            self.wrong_type(key, Shape::Tables, node.line);
            return Vec::new();
        };
        let mut values = Vec::new();
        for item in items {
            let Value::Table(table) = item.value else {
                self.wrong_type(key, Shape::Tables, item.line);
                continue;
            };
            let mut fields = Self::new(table, prefix, item.line);
            values.extend(read(&mut fields));
            fields.refuse_unknown_keys();
            self.faults.append(&mut fields.faults);
        }
        values
    }

    fn take(&mut self, key: &'static str, required: bool) -> Option<Node> {
        let node = self.table.remove(key);
        match &node {
            Some(node) => {
                self.lines.insert(key, node.line);
            }
            None if required => {
                self.fault(self.line, Problem::MissingKey(self.name(key)));
            }
            None => {}
        }
        node
    }

    fn refuse_unknown_keys(&mut self) {
        for (key, node) in std::mem::take(&mut self.table) {
            self.fault(node.line, Problem::UnknownKey(self.name(&key)));
        }
    }

    fn wrong_type(&mut self, key: &str, expected: Shape, line: usize) {
        self.fault(line, Problem::WrongType { key: self.name(key), expected });
    }

    /// Tells of a fault; once where item after item has the same.
    fn fault(&mut self, line: usize, problem: Problem) {
        let fault = (line, problem);
        if self.faults.last() != Some(&fault) {
            self.faults.push(fault);
        }
    }

    fn name(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    /// The line of the key, or of the table that holds it, that a problem is about.
    fn line_of(&self, problem: &Problem) -> usize {
        let key = problem.key().and_then(|key| key.split('.').next());
        key.and_then(|key| self.lines.get(key)).copied().unwrap_or(self.line)
    }
}

const STATUSES: [(&str, Status); 5] = [
    ("draft", Status::Draft),
    ("review", Status::Review),
    ("approved", Status::Approved),
    ("published", Status::Published),
    ("archived", Status::Archived),
];

const KINDS: [(&str, Kind); 6] = [
    ("product_fact", Kind::ProductFact),
    ("trade_rule", Kind::TradeRule),
    ("service_policy", Kind::ServicePolicy),
    ("faq", Kind::Faq),
    ("process", Kind::Process),
    ("case", Kind::Case),
];

const MEDIA_KINDS: [(&str, MediaKind); 2] =
    [("image", MediaKind::Image), ("video", MediaKind::Video)];
