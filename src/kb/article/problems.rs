//! What can be wrong with an article by itself, however it came here, and its tidy form.

use super::{Article, Category, Problem, Shape};
use std::collections::BTreeMap;

/// Most that an article may hold; every limit is checked for files, rows and calls alike. They
/// are far above what the shop's own articles use: they keep one faulty import from filling the
/// index, not editors from writing.
pub mod limits {
    /// Characters of the id.
    pub const ID_CHARS: usize = 100;
    /// Characters of the standard question, and of a variant.
    pub const QUESTION_CHARS: usize = 200;
    /// Characters of a body, and of an answer for some.
    pub const BODY_CHARS: usize = 20_000;
    /// Characters of any other text: names, labels, tags, ids, addresses.
    pub const TEXT_CHARS: usize = 500;
    /// Variants of a question.
    pub const N_VARIANTS: usize = 50;
    /// Items of any other list.
    pub const N_ITEMS: usize = 20;
}

impl Article {
    /// The same article as it is when read back from any format: texts without blanks around
    /// them, line breaks of one kind, no second copy of an item in a list.
    #[must_use]
    pub fn tidy(mut self) -> Self {
        for text in [&mut self.id, &mut self.question] {
            *text = text.trim().to_owned();
        }
        self.owner = self.owner.map(|owner| owner.trim().to_owned()).filter(|o| !o.is_empty());
        for list in [
            &mut self.variants,
            &mut self.intents,
            &mut self.tags,
            &mut self.links,
            &mut self.see_also,
            &mut self.replaces,
            &mut self.depends_on,
        ] {
            tidy_list(list);
        }
        for media in &mut self.media {
            media.url = media.url.trim().to_owned();
            media.alt = media.alt.trim().to_owned();
        }
        for attachment in &mut self.attachments {
            attachment.name = attachment.name.trim().to_owned();
            attachment.url = attachment.url.trim().to_owned();
        }
        for action in &mut self.actions {
            action.id = action.id.trim().to_owned();
            action.label = action.label.trim().to_owned();
            let params = std::mem::take(&mut action.params).into_iter();
            let trimmed = params.map(|(name, value)| (name.trim().into(), value.trim().into()));
            action.params = trimmed.collect::<BTreeMap<String, String>>();
        }
        for answer in &mut self.answers {
            tidy_list(&mut answer.channels);
            tidy_list(&mut answer.tags);
            answer.body = tidy_text(&answer.body);
        }
        self.body = tidy_text(&self.body);
        self
    }

    /// Everything that is wrong with it, in the order of its fields; empty where it may be stored.
    /// Whether the ids it names exist is for those who know the others.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let mut check = Check::default();
        check.line("id", &self.id, limits::ID_CHARS);
        let safe = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        check.that(self.id.chars().all(safe), || Problem::BadId(self.id.clone()));
        check.that(self.version >= 1, || Problem::WrongType {
            key: "version".into(),
            expected: Shape::Count,
        });
        let path = self.category.as_str();
        check.that(Category::parse(path).is_some(), || Problem::BadCategory(path.to_owned()));
        check.line("category", path, limits::TEXT_CHARS);
        check.line("question", &self.question, limits::QUESTION_CHARS);
        check.lines("variants", &self.variants, limits::N_VARIANTS, limits::QUESTION_CHARS);
        check.items("intents", &self.intents);
        check.items("tags", &self.tags);
        if let Some(owner) = &self.owner {
            check.line("owner", owner, limits::TEXT_CHARS);
        }
        if let Some(until) = self.valid_until.filter(|until| *until < self.valid_from) {
            check.problems.push(Problem::DatesReversed { from: self.valid_from, until });
        }
        for (key, ids) in self.references() {
            check.items(key, ids);
        }
        check.items("depends_on", &self.depends_on);
        for text in &self.depends_on {
            check.that(is_dependency(text), || Problem::BadDependency(text.clone()));
        }
        self.check_parts(&mut check);
        check.text("body", &self.body);
        check.problems
    }

    fn check_parts(&self, check: &mut Check) {
        check.count("media", self.media.len(), limits::N_ITEMS);
        for media in &self.media {
            check.line("media.url", &media.url, limits::TEXT_CHARS);
            check.line("media.alt", &media.alt, limits::TEXT_CHARS);
        }
        check.count("attachments", self.attachments.len(), limits::N_ITEMS);
        for attachment in &self.attachments {
            check.line("attachments.name", &attachment.name, limits::TEXT_CHARS);
            check.line("attachments.url", &attachment.url, limits::TEXT_CHARS);
        }
        check.count("actions", self.actions.len(), limits::N_ITEMS);
        for action in &self.actions {
            check.line("actions.label", &action.label, limits::TEXT_CHARS);
            let sound = is_action_id(&action.id) && action.id.len() <= limits::ID_CHARS;
            check.that(sound, || Problem::BadActionId(action.id.clone()));
            check.count("actions.params", action.params.len(), limits::N_ITEMS);
            for text in action.params.iter().flat_map(|(name, value)| [name, value]) {
                check.line("actions.params", text, limits::TEXT_CHARS);
            }
        }
        check.count("answers", self.answers.len(), limits::N_ITEMS);
        for answer in &self.answers {
            check.items("answers.channels", &answer.channels);
            check.items("answers.tags", &answer.tags);
            let targeted = !answer.channels.is_empty() || !answer.tags.is_empty();
            check.that(targeted, || Problem::Untargeted);
            check.text("answers.body", &answer.body);
        }
    }
}

fn tidy_list(list: &mut Vec<String>) {
    let mut tidy: Vec<String> = Vec::with_capacity(list.len());
    for item in list.iter().map(|item| item.trim()).filter(|item| !item.is_empty()) {
        if !tidy.iter().any(|seen| seen == item) {
            tidy.push(item.to_owned());
        }
    }
    *list = tidy;
}

/// A text of several lines with `\n` between them and no blanks around it.
fn tidy_text(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n").trim().to_owned()
}

/// Lower-case words joined by single dots or underscores.
fn is_action_id(id: &str) -> bool {
    let is_word = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_lowercase())
            && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
    };
    id.split(['.', '_']).all(is_word)
}

/// `kind:name`, both of lower-case letters, digits and hyphens.
fn is_dependency(text: &str) -> bool {
    let is_name = |name: &str| {
        let sound = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        !name.is_empty() && name.chars().all(sound)
    };
    text.split_once(':').is_some_and(|(kind, name)| is_name(kind) && is_name(name))
}

/// The problems found so far.
#[derive(Default)]
struct Check {
    problems: Vec<Problem>,
}

impl Check {
    fn that(&mut self, sound: bool, problem: impl FnOnce() -> Problem) {
        if sound {
            return;
        }
        let problem = problem();
        // Once where item after item has the same.
        if self.problems.last() != Some(&problem) {
            self.problems.push(problem);
        }
    }

    /// A text that is one line.
    fn line(&mut self, key: &str, text: &str, max: usize) {
        self.length(key, text, max);
        self.that(!text.chars().any(is_bad), || Problem::BadCharacter(key.to_owned()));
    }

    /// A text of several lines.
    fn text(&mut self, key: &str, text: &str) {
        self.length(key, text, limits::BODY_CHARS);
        let bad = |c| is_bad(c) && c != '\n' && c != '\t';
        self.that(!text.chars().any(bad), || Problem::BadCharacter(key.to_owned()));
    }

    fn length(&mut self, key: &str, text: &str, max: usize) {
        let chars = text.chars().count();
        self.that(!text.trim().is_empty(), || Problem::Empty(key.to_owned()));
        self.that(chars <= max, || Problem::TooLong { key: key.to_owned(), chars, max });
    }

    fn lines(&mut self, key: &str, texts: &[String], max_items: usize, max_chars: usize) {
        self.count(key, texts.len(), max_items);
        for text in texts {
            self.line(key, text, max_chars);
        }
    }

    fn items(&mut self, key: &str, texts: &[String]) {
        self.lines(key, texts, limits::N_ITEMS, limits::TEXT_CHARS);
    }

    fn count(&mut self, key: &str, n: usize, max: usize) {
        self.that(n <= max, || Problem::TooMany { key: key.to_owned(), n, max });
    }
}

/// Characters that no one-line text holds: those that control, and the two that XML (and with it
/// XLSX) cannot write.
fn is_bad(c: char) -> bool {
    c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kb::article::{Action, TargetedAnswer};

    fn sound() -> Article {
        Article {
            id: "return".into(),
            category: Category::parse("售后/退货").unwrap(),
            question: "能退吗？".into(),
            body: "能。".into(),
            ..Article::blank()
        }
    }

    fn check(change: impl FnOnce(&mut Article), expected: &[&str]) {
        let mut article = sound();
        change(&mut article);
        let problems = article.problems();
        let codes: Vec<_> = problems.iter().map(Problem::code).collect();
        assert_eq!(codes, expected, "{problems:?}");
        for problem in problems {
            assert!(!problem.message_zh().is_empty() && !problem.to_string().is_empty());
        }
    }

    #[test]
    fn names_what_breaks_a_limit_or_a_form() {
        check(|_| {}, &[]);
        check(|a| a.question = "问".repeat(201), &["too_long"]);
        check(|a| a.body = "答".repeat(20_000), &[]);
        check(|a| a.body = "答".repeat(20_001), &["too_long"]);
        check(|a| a.variants = vec!["问".into(); 51], &["too_many_items"]);
        check(|a| a.tags = vec!["甲\n乙".into()], &["bad_character"]);
        check(|a| a.body = "甲\n\t乙\u{7}".into(), &["bad_character"]);
        check(|a| a.id = "A b".into(), &["bad_id"]);
        check(|a| a.id.clear(), &["empty"]);
        check(|a| a.version = 0, &["wrong_type"]);
        check(|a| a.depends_on = vec!["policy:return-7d".into(), "T1".into()], &["bad_dependency"]);
        let action =
            |id: &str| Action { id: id.into(), label: "查".into(), params: BTreeMap::new() };
        for (id, codes) in [
            ("order.lookup", &[][..]),
            ("return_apply.v2", &[]),
            ("Order", &["bad_action_id"]),
            ("a..b", &["bad_action_id"]),
            ("", &["bad_action_id"]),
        ] {
            check(|a| a.actions = vec![action(id)], codes);
        }
        let answer = TargetedAnswer { channels: vec![], tags: vec![], body: " ".into() };
        check(|a| a.answers = vec![answer], &["untargeted_answer", "empty"]);
    }

    #[test]
    fn tidies_blanks_line_ends_and_repeats() {
        let untidy = Article {
            question: " 能退吗？ ".into(),
            tags: vec![" 甲".into(), "甲".into(), " ".into()],
            owner: Some(" ".into()),
            body: "\r\n能。\r\n不能。\r再说".into(),
            ..sound()
        };
        let tidy = untidy.tidy();
        assert_eq!((tidy.question.as_str(), tidy.owner.as_ref()), ("能退吗？", None));
        assert_eq!(tidy.tags, ["甲"]);
        assert_eq!(tidy.body, "能。\n不能。\n再说");
        assert_eq!(tidy.clone().tidy(), tidy);
    }
}
