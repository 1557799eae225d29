//! What changed between two versions of an article, field by field and line by line.

use crate::kb::article::Article;
use serde::Serialize;
use serde_json::{Map, Value};
use similar::{ChangeTag, TextDiff};
use utoipa::ToSchema;

/// Fields in the order they are shown; others follow by name.
const ORDER: [&str; 19] = [
    "question",
    "variants",
    "body",
    "answers",
    "kind",
    "category",
    "intents",
    "tags",
    "owner",
    "valid_from",
    "valid_until",
    "review_by",
    "links",
    "see_also",
    "replaces",
    "depends_on",
    "media",
    "attachments",
    "actions",
];
/// Fields that every version has of its own.
const NOT_CONTENT: [&str; 4] = ["id", "version", "status", "updated"];

/// The difference between two versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Diff {
    /// The article.
    #[schema(example = "return-seven-days")]
    pub id: String,
    /// The version compared with.
    #[schema(example = 1)]
    pub from: u32,
    /// The version compared.
    #[schema(example = 2)]
    pub to: u32,
    /// The fields that differ.
    pub fields: Vec<FieldDiff>,
}

/// One field that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldDiff {
    /// Its name.
    #[schema(example = "body")]
    pub field: String,
    /// Its lines in both versions; a list has an item a line, what is more than a text stands as
    /// JSON.
    pub lines: Vec<DiffLine>,
}

/// One line of a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DiffLine {
    /// What happened to it.
    pub change: LineChange,
    /// The line without its end.
    #[schema(example = "从签收起 15 天内可以申请。")]
    pub text: String,
}

/// What happened to a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LineChange {
    /// It is in both versions.
    Same,
    /// It is in the older one alone.
    Removed,
    /// It is in the newer one alone.
    Added,
}

impl Diff {
    /// The difference from `old` to `new`.
    #[must_use]
    pub fn between(old: &Article, new: &Article) -> Self {
        let (from, to) = (fields_of(old), fields_of(new));
        let mut names: Vec<&String> = from.keys().chain(to.keys()).collect();
        names.sort_unstable();
        names.dedup();
        names
            .sort_by_key(|name| ORDER.iter().position(|field| field == name).unwrap_or(usize::MAX));
        let texts = |name: &String| (text_of(from.get(name)), text_of(to.get(name)));
        let fields = names
            .into_iter()
            .filter(|name| !NOT_CONTENT.contains(&name.as_str()))
            .map(|name| (name, texts(name)))
            .filter(|(_, (old, new))| old != new)
            .map(|(name, (old, new))| FieldDiff { field: name.clone(), lines: lines(&old, &new) })
            .collect();
        Self { id: new.id.clone(), from: old.version, to: new.version, fields }
    }
}

fn fields_of(article: &Article) -> Map<String, Value> {
    match serde_json::to_value(article) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

/// A field's value as lines.
fn text_of(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => {
            items.iter().map(|item| text_of(Some(item))).collect::<Vec<_>>().join("\n")
        }
        Some(other) => other.to_string(),
    }
}

fn lines(old: &str, new: &str) -> Vec<DiffLine> {
    let diff = TextDiff::from_lines(old, new);
    diff.iter_all_changes()
        .map(|line| DiffLine {
            change: match line.tag() {
                ChangeTag::Equal => LineChange::Same,
                ChangeTag::Delete => LineChange::Removed,
                ChangeTag::Insert => LineChange::Added,
            },
            text: line.value().trim_end_matches(['\n', '\r']).to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kb::article::Article;
    use proptest::prelude::*;

    #[test]
    fn tells_lines_of_changed_fields_in_the_order_of_the_form() {
        let old = Article {
            body: "支持的。\n7 天内。\n运费自理。".into(), ..Article::blank()
        };
        let new = Article {
            version: 2,
            body: "支持的。\n15 天内。\n运费自理。".into(),
            variants: vec!["能退吗".into()],
            owner: Some("林晓".into()),
            ..Article::blank()
        };
        let diff = Diff::between(&old, &new);
        let shown: Vec<_> = diff
            .fields
            .iter()
            .flat_map(|field| {
                field.lines.iter().map(|line| {
                    let mark = match line.change {
                        LineChange::Same => ' ',
                        LineChange::Removed => '-',
                        LineChange::Added => '+',
                    };
                    format!("{} {mark}{}", field.field, line.text)
                })
            })
            .collect();
        assert_eq!(
            shown,
            [
                "variants +能退吗",
                "body  支持的。",
                "body -7 天内。",
                "body +15 天内。",
                "body  运费自理。",
                "owner +林晓",
            ]
        );
        assert!(Diff::between(&new, &Article { version: 3, ..new.clone() }).fields.is_empty());
    }

    proptest! {
        /// Both texts can be put together again from the lines.
        #[test]
        fn loses_no_line(old in "[a-c\n]{0,12}", new in "[a-c\n]{0,12}") {
            let lines = lines(&old, &new);
            let side = |left_out| {
                let kept = lines.iter().filter(|line| line.change != left_out);
                kept.map(|line| line.text.as_str()).collect::<Vec<_>>()
            };
            prop_assert_eq!(side(LineChange::Added), old.lines().collect::<Vec<_>>());
            prop_assert_eq!(side(LineChange::Removed), new.lines().collect::<Vec<_>>());
        }
    }
}
