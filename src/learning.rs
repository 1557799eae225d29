//! What the knowledge base should learn next: questions it has no good answer for, and customers'
//! words that its articles lack. Everything is a proposal for an editor.
//!
//! Pure: works on what the store kept, reads no clock and changes nothing.

use crate::kb::advice::{Pairs, dice, pairs};
use crate::kb::article::Article;
use crate::store::learning::{Feedback, Unanswered, Verdict};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use utoipa::ToSchema;

/// Share of character pairs (Dice) from which two questions are of one group: rewordings of one
/// question in the articles' variants that share a word order reach it, questions of neighbouring
/// articles seldom do. Lower than for duplicates of articles, where a false alarm costs more.
const SAME_GROUP: f32 = 0.5;
/// Share below which a question that an article answered is worded unlike all of its own.
const FAR: f32 = 0.5;
/// Score from which a question without a good answer is close to its nearest article: half of the
/// score from which the default settings give it.
const CLOSE: f64 = 0.05;
/// Questions shown of a group.
const MAX_EXAMPLES: usize = 5;

/// Questions that ask much the same and had no good answer.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct QuestionGroup {
    /// How often it was asked.
    #[schema(example = 12)]
    pub count: usize,
    /// The wording asked most often, masked.
    #[schema(example = "手环能测血压吗")]
    pub example: String,
    /// Its other wordings, the most frequent first, five at most.
    #[schema(example = json!(["手环3可以测血压不"]))]
    pub others: Vec<String>,
    /// Its most frequent intent, where one was understood.
    #[schema(example = "product.info")]
    pub intent: Option<String>,
    /// The article that came nearest.
    #[schema(example = "band3-heart-sleep")]
    pub nearest_article: Option<String>,
    /// The best score it reached, 0 to 1.
    #[schema(example = 0.07)]
    pub nearest_score: Option<f64>,
}

/// A wording that an article should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct VariantSuggestion {
    /// The article.
    #[schema(example = "refund-arrival-time")]
    pub article_id: String,
    /// The question as customers put it, masked.
    #[schema(example = "钱咋还没回我卡里")]
    pub question: String,
    /// How often.
    #[schema(example = 3)]
    pub count: usize,
    /// Why.
    pub reason: SuggestionReason,
}

/// Why a wording is suggested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SuggestionReason {
    /// The article was given and helped, though none of its questions is worded like it.
    Helped,
    /// The article came nearest, and was not near enough to be given.
    Unanswered,
}

/// One wording with what is known of it.
struct Wording<'a> {
    text: &'a str,
    pairs: Pairs,
    asked: Vec<&'a Unanswered>,
}

/// Gathers questions that ask much the same, the most frequent group first (ties by example).
///
/// Wordings are taken from the most frequent to the rarest; each joins the group whose first wording
/// it shares most pairs with, or starts its own. Of a chain of ever more distant questions the ends
/// therefore never meet. Groups are found through the pairs they begin with: 10,000 different
/// questions take well under a second.
#[must_use]
pub fn group(questions: &[Unanswered]) -> Vec<QuestionGroup> {
    let mut by_text: BTreeMap<&str, Vec<&Unanswered>> = BTreeMap::new();
    for question in questions {
        by_text.entry(question.query.trim()).or_default().push(question);
    }
    let mut wordings: Vec<Wording<'_>> = by_text
        .into_iter()
        .map(|(text, asked)| Wording { text, pairs: pairs(text), asked })
        .collect();
    wordings.sort_by(|a, b| b.asked.len().cmp(&a.asked.len()).then(a.text.cmp(b.text)));
    let mut groups: Vec<Vec<Wording<'_>>> = Vec::new();
    let mut begun_with: HashMap<(char, char), Vec<usize>> = HashMap::new();
    for wording in wordings {
        match closest(&groups, &begun_with, &wording.pairs) {
            Some(group) => groups[group].push(wording),
            None => {
                for pair in &wording.pairs {
                    begun_with.entry(*pair).or_default().push(groups.len());
                }
                groups.push(vec![wording]);
            }
        }
    }
    let mut groups: Vec<QuestionGroup> =
        groups.iter().map(|group| QuestionGroup::new(group)).collect();
    groups.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.example.cmp(&b.example)));
    groups
}

/// The group whose first wording shares most with `asked`, if it shares enough; of equals the first.
fn closest(
    groups: &[Vec<Wording<'_>>],
    begun_with: &HashMap<(char, char), Vec<usize>>,
    asked: &Pairs,
) -> Option<usize> {
    let mut n_common: HashMap<usize, usize> = HashMap::new();
    for group in asked.iter().filter_map(|pair| begun_with.get(pair)).flatten() {
        *n_common.entry(*group).or_default() += 1;
    }
    let share = |group: usize, n_common: usize| {
        2.0 * n_common as f32 / (asked.len() + groups[group][0].pairs.len()) as f32
    };
    let near = n_common.into_iter().map(|(group, n)| (group, share(group, n)));
    let best = near.max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)));
    best.filter(|(_, share)| *share >= SAME_GROUP).map(|(group, _)| group)
}

impl QuestionGroup {
    fn new(wordings: &[Wording<'_>]) -> Self {
        let asked = || wordings.iter().flat_map(|wording| wording.asked.iter());
        let mut by_intent: BTreeMap<&str, usize> = BTreeMap::new();
        for intent in asked().filter_map(|question| question.intent.as_deref()) {
            *by_intent.entry(intent).or_default() += 1;
        }
        let intent = by_intent.into_iter().max_by_key(|(_, n)| *n);
        let nearest = asked()
            .filter_map(|question| Some((question.top_article.as_ref()?, question.score?)))
            .max_by(|a, b| a.1.total_cmp(&b.1).then_with(|| b.0.cmp(a.0)));
        let others = wordings[1..].iter().take(MAX_EXAMPLES);
        Self {
            count: asked().count(),
            example: wordings[0].text.to_owned(),
            others: others.map(|wording| wording.text.to_owned()).collect(),
            intent: intent.map(|(intent, _)| intent.to_owned()),
            nearest_article: nearest.map(|(article, _)| article.clone()),
            nearest_score: nearest.map(|(_, score)| score),
        }
    }
}

/// Wordings that articles should know: those an article helped with that are unlike its own, and
/// groups without a good answer that came close to one. The most frequent first (ties by article
/// and question).
#[must_use]
pub fn suggest_variants(
    articles: &[Article],
    feedback: &[Feedback],
    groups: &[QuestionGroup],
) -> Vec<VariantSuggestion> {
    let of_id: HashMap<&str, &Article> =
        articles.iter().map(|article| (article.id.as_str(), article)).collect();
    let is_far = |id: &str, question: &str| {
        let asked = pairs(question);
        let is_unlike = |known: &str| dice(&pairs(known), &asked) < FAR;
        of_id.get(id).is_some_and(|article| article.questions().all(is_unlike))
    };
    let mut suggestions: Vec<VariantSuggestion> = helped(feedback)
        .into_iter()
        .filter(|((id, question), _)| is_far(id, question))
        .map(|((id, question), count)| VariantSuggestion {
            article_id: id.to_owned(),
            question: question.to_owned(),
            count,
            reason: SuggestionReason::Helped,
        })
        .collect();
    for group in groups {
        if let Some(id) = &group.nearest_article
            && group.nearest_score.is_some_and(|score| score >= CLOSE)
            && is_far(id, &group.example)
        {
            suggestions.push(VariantSuggestion {
                article_id: id.clone(),
                question: group.example.clone(),
                count: group.count,
                reason: SuggestionReason::Unanswered,
            });
        }
    }
    suggestions.sort_by(|a, b| {
        let key = |s: &VariantSuggestion| (s.article_id.clone(), s.question.clone(), s.reason);
        b.count.cmp(&a.count).then_with(|| key(a).cmp(&key(b)))
    });
    suggestions
}

/// How much oftener an article helped with a question than not, where it did.
fn helped(feedback: &[Feedback]) -> BTreeMap<(&str, &str), usize> {
    let mut balance: BTreeMap<(&str, &str), isize> = BTreeMap::new();
    for feedback in feedback {
        let vote = match feedback.verdict {
            Verdict::Helped => 1,
            Verdict::NotHelped => -1,
            Verdict::Clicked => continue,
        };
        *balance.entry((&feedback.article_id, feedback.query.trim())).or_default() += vote;
    }
    let positive = |(key, balance): (_, isize)| Some((key, usize::try_from(balance).ok()?));
    balance.into_iter().filter_map(positive).filter(|(_, balance)| *balance > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use proptest::prelude::*;

    fn question(text: &str) -> Unanswered {
        Unanswered {
            conversation_id: None,
            reference: None,
            query: text.to_owned(),
            intent: None,
            top_article: None,
            score: None,
            at: Timestamp::UNIX_EPOCH,
        }
    }

    fn check(texts: &[&str], expected: &[(usize, &str)]) {
        let questions: Vec<Unanswered> = texts.iter().map(|text| question(text)).collect();
        let groups = group(&questions);
        let found: Vec<_> = groups.iter().map(|g| (g.count, g.example.as_str())).collect();
        assert_eq!(found, expected, "{texts:?}");
    }

    #[test]
    fn gathers_what_asks_the_same() {
        check(&[], &[]);
        check(
            &["手环能测血压吗", "手环3能测血压吗?", "手环能测血压吗", "有没有学生优惠"],
            &[(3, "手环能测血压吗"), (1, "有没有学生优惠")],
        );
        check(&["嗯", "嗯", "？"], &[(2, "嗯"), (1, "？")]);
    }

    #[test]
    fn a_group_tells_intent_and_nearest_article() {
        let near = |text: &str, intent: &str, article: &str, score| Unanswered {
            intent: Some(intent.to_owned()),
            top_article: Some(article.to_owned()),
            score: Some(score),
            ..question(text)
        };
        let groups = group(&[
            near("手环能测血压吗", "product.info", "a", 0.02),
            near("手环能测血压不", "product.info", "b", 0.08),
            near("手环能测血压吗", "product.usage", "a", 0.01),
        ]);
        assert_eq!(groups.len(), 1);
        assert_eq!(groups[0].others, ["手环能测血压不"]);
        assert_eq!(groups[0].intent.as_deref(), Some("product.info"));
        assert_eq!(groups[0].nearest_article.as_deref(), Some("b"));
        assert_eq!(groups[0].nearest_score, Some(0.08));
    }

    #[test]
    fn suggests_wordings_that_an_article_lacks() {
        let article = Article {
            id: "refund-arrival-time".into(),
            question: "退款多久到账？".into(),
            variants: vec!["退款几天到".into()],
            ..Article::blank()
        };
        let feedback = |query: &str, verdict| Feedback {
            article_id: "refund-arrival-time".into(),
            version: 1,
            generation: 1,
            conversation_id: None,
            reference: None,
            query: query.into(),
            verdict,
            at: Timestamp::UNIX_EPOCH,
        };
        let feedback = [
            feedback("钱咋还没回我卡里", Verdict::Helped),
            feedback("钱咋还没回我卡里", Verdict::Helped),
            feedback("钱咋还没回我卡里", Verdict::Clicked),
            feedback("退款多久能到账", Verdict::Helped),
            feedback("什么时候还我钱", Verdict::Helped),
            feedback("什么时候还我钱", Verdict::NotHelped),
        ];
        let group = |example: &str, article: &str, score| QuestionGroup {
            count: 7,
            example: example.into(),
            others: Vec::new(),
            intent: None,
            nearest_article: Some(article.into()),
            nearest_score: Some(score),
        };
        let groups = [
            group("银行卡里一直没动静", "refund-arrival-time", 0.06),
            group("能加盟吗", "refund-arrival-time", 0.01),
            group("卡里没动静", "gone", 0.09),
        ];
        let suggestions = suggest_variants(&[article], &feedback, &groups);
        let found: Vec<_> =
            suggestions.iter().map(|s| (s.count, s.question.as_str(), s.reason)).collect();
        let expected = [
            (7, "银行卡里一直没动静", SuggestionReason::Unanswered),
            (2, "钱咋还没回我卡里", SuggestionReason::Helped),
        ];
        assert_eq!(found, expected);
    }

    proptest! {
        #[test]
        fn no_question_is_lost_and_order_does_not_matter(
            texts in prop::collection::vec("[甲乙丙丁]{0,6}", 0..30),
        ) {
            let mut questions: Vec<Unanswered> = texts.iter().map(|text| question(text)).collect();
            let groups = group(&questions);
            prop_assert_eq!(groups.iter().map(|g| g.count).sum::<usize>(), texts.len());
            questions.reverse();
            prop_assert_eq!(group(&questions), groups);
        }
    }
}
