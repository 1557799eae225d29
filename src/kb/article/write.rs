//! Writes an article as the file that reads back the same.

use super::front_matter::FENCE;
use super::{Article, MediaKind};
use jiff::civil::Date;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};

/// The article as Markdown with front matter. Reading gives back the same article where it is
/// tidy ([`Article::tidy`]) and has no [`Article::problems`].
#[must_use]
pub fn to_markdown(article: &Article) -> String {
    let mut file = Lines(format!("{FENCE}\n"));
    file.text("id", &article.id);
    file.bare("version", article.version);
    file.bare("status", quoted(&article.status));
    file.bare("kind", quoted(&article.kind));
    file.text("category", article.category.as_str());
    file.text("question", &article.question);
    file.texts("variants", &article.variants);
    file.texts("intents", &article.intents);
    file.texts("tags", &article.tags);
    if let Some(owner) = &article.owner {
        file.text("owner", owner);
    }
    file.date("valid_from", Some(article.valid_from));
    file.date("valid_until", article.valid_until);
    file.date("updated", Some(article.updated));
    file.date("review_by", article.review_by);
    for (key, ids) in article.references() {
        file.texts(key, ids);
    }
    file.texts("depends_on", &article.depends_on);
    write_parts(article, &mut file);
    format!("{}{FENCE}\n\n{}\n", file.0, article.body)
}

fn write_parts(article: &Article, file: &mut Lines) {
    for media in &article.media {
        file.table("media");
        file.text("kind", if media.kind == MediaKind::Image { "image" } else { "video" });
        file.text("url", &media.url);
        file.text("alt", &media.alt);
    }
    for attachment in &article.attachments {
        file.table("attachments");
        file.text("name", &attachment.name);
        file.text("url", &attachment.url);
    }
    for action in &article.actions {
        file.table("actions");
        file.text("id", &action.id);
        file.text("label", &action.label);
        file.text_table("params", &action.params);
    }
    for answer in &article.answers {
        file.table("answers");
        file.texts("channels", &answer.channels);
        file.texts("tags", &answer.tags);
        file.block("body", &answer.body);
    }
}

/// Lines of TOML; writing to a String does not fail.
struct Lines(String);

impl Lines {
    fn bare(&mut self, key: &str, value: impl Display) {
        let _ = writeln!(self.0, "{key} = {value}");
    }

    fn text(&mut self, key: &str, text: &str) {
        self.bare(key, quoted(&text));
    }

    fn texts(&mut self, key: &str, texts: &[String]) {
        if !texts.is_empty() {
            let texts: Vec<String> = texts.iter().map(quoted).collect();
            self.bare(key, format_args!("[{}]", texts.join(", ")));
        }
    }

    fn date(&mut self, key: &str, date: Option<Date>) {
        if let Some(date) = date {
            self.bare(key, date);
        }
    }

    fn table(&mut self, key: &str) {
        let _ = writeln!(self.0, "\n[[{key}]]");
    }

    fn text_table(&mut self, key: &str, texts: &BTreeMap<String, String>) {
        if !texts.is_empty() {
            let pair = |(name, text)| format!("{} = {}", quoted(name), quoted(text));
            let pairs: Vec<String> = texts.iter().map(pair).collect();
            self.bare(key, format_args!("{{ {} }}", pairs.join(", ")));
        }
    }

    /// A text of several lines as an editor likes to see it, where nothing in it ends it too early.
    fn block(&mut self, key: &str, text: &str) {
        let fenced = text.lines().any(|line| line.trim_end() == FENCE);
        if !text.contains('\n') || fenced || text.contains('\'') {
            return self.text(key, text);
        }
        self.bare(key, format_args!("\'\'\'\n{text}\n\'\'\'"));
    }
}

/// A text in quotes. JSON's escapes are a part of TOML's; characters that only TOML wants escaped
/// are none of an article's.
fn quoted(text: &(impl Serialize + ?Sized)) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use crate::kb::article::{parse_article, to_markdown};
    use crate::kb::testing::any_article;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn reads_back_the_same(article in any_article()) {
            let file = to_markdown(&article);
            prop_assert_eq!(&parse_article(&file).expect(&file).article, &article, "{}", file);
            let windows = parse_article(&file.replace('\n', "\r\n"));
            prop_assert_eq!(&windows.expect("with CRLF").article, &article);
        }
    }
}
