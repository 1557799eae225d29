//! The degraded fallback: phrases counted against a small built-in table.
//!
//! It answers while no ONNX model can be loaded. Its scores are deliberately low: one phrase asks
//! the customer back, only an unmistakable one is acted on.

use std::sync::Arc;

use serde::Deserialize;

use super::{
    classifier::{Classifier, Scores, Utterance},
    error::ModelError,
    label::{LabelId, LabelSet},
};

/// Compiled in, so that the fallback cannot be missing.
const TABLE: &str = include_str!("keyword.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tables {
    intent: Table,
    sentiment: Table,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    /// The label a text without any phrase gets.
    default: String,
    /// Its weight. A label with phrases of weight `w` scores about `w / (w + base + all floors)`.
    base: f32,
    /// What every label gets without a phrase; keeps the scores low.
    floor: f32,
    labels: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    label: String,
    /// Weight 1: the label is likely.
    #[serde(default)]
    likely: Vec<String>,
    /// Weight 3: the label is all but certain.
    #[serde(default)]
    sure: Vec<String>,
}

/// Counts phrases; see the [module](self). Immutable apart from the trait's `&mut`.
#[derive(Debug, Clone)]
pub struct KeywordClassifier {
    id: &'static str,
    labels: Arc<LabelSet>,
    default: LabelId,
    base: f32,
    floor: f32,
    phrases: Arc<[(String, LabelId, f32)]>,
}

impl KeywordClassifier {
    /// The fallback for intents, over the labels of the default model.
    ///
    /// # Errors
    /// [`ModelError::BadKeywords`], which a test rules out for the table we ship.
    pub fn intent() -> Result<KeywordClassifier, ModelError> {
        KeywordClassifier::new("intent-keyword@built-in", |tables| tables.intent)
    }

    /// The fallback for sentiment: negative, neutral, positive.
    ///
    /// # Errors
    /// As [`intent`](KeywordClassifier::intent).
    pub fn sentiment() -> Result<KeywordClassifier, ModelError> {
        KeywordClassifier::new("sentiment-keyword@built-in", |tables| tables.sentiment)
    }

    fn new(
        id: &'static str,
        pick: impl FnOnce(Tables) -> Table,
    ) -> Result<KeywordClassifier, ModelError> {
        let bad = |message: String| ModelError::BadKeywords { message };
        let table = pick(toml::from_str(TABLE).map_err(|error| bad(error.message().to_owned()))?);
        let labels = LabelSet::new(table.labels.iter().map(|row| row.label.as_str()))?;
        let default = labels.id(&table.default);
        let default = default.ok_or_else(|| bad(format!("no label {:?}", table.default)))?;
        let mut phrases = Vec::new();
        for ((label, _), row) in labels.iter().zip(table.labels) {
            phrases.extend(row.likely.into_iter().map(|phrase| (phrase, label, 1.0)));
            phrases.extend(row.sure.into_iter().map(|phrase| (phrase, label, 3.0)));
        }
        let (base, floor) = (table.base, table.floor);
        Ok(KeywordClassifier {
            id,
            labels: Arc::new(labels),
            default,
            base,
            floor,
            phrases: phrases.into(),
        })
    }

    fn score(&self, text: &str) -> Scores {
        let text = text.to_lowercase();
        let mut weights = vec![self.floor; self.labels.len()];
        weights[self.default.index()] += self.base;
        for (phrase, label, weight) in self.phrases.iter() {
            if text.contains(phrase.as_str()) {
                weights[label.index()] += weight;
            }
        }
        Scores::from_weights(weights)
    }
}

impl Classifier for KeywordClassifier {
    fn id(&self) -> &str {
        self.id
    }

    fn labels(&self) -> &Arc<LabelSet> {
        &self.labels
    }

    fn classify(&mut self, utterances: &[Utterance<'_>]) -> Result<Vec<Scores>, ModelError> {
        Ok(utterances.iter().map(|utterance| self.score(utterance.normalized)).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::{
        intent::{IntentPolicy, Outcome, Thresholds},
        sentiment::SentimentPolicy,
        tests::check_contract,
    };

    fn top(classifier: &mut KeywordClassifier, text: &str) -> (String, f32) {
        let scores = classifier.classify(&[Utterance { raw: text, normalized: text }]).unwrap();
        let top = scores[0].top();
        (classifier.labels().name(top.label).to_string(), top.score)
    }

    #[test]
    fn keeps_the_contract() {
        check_contract(&mut KeywordClassifier::intent().unwrap());
        check_contract(&mut KeywordClassifier::sentiment().unwrap());
    }

    #[test]
    fn common_messages_get_the_right_intent() {
        let mut classifier = KeywordClassifier::intent().unwrap();
        for (text, expected) in [
            ("转人工", "chat.human"),
            ("我的快递到哪了", "shipping.track"),
            ("怎么还不发货", "shipping.dispatch"),
            ("物流好几天没更新了", "shipping.delay"),
            ("我要退货", "aftersale.return"),
            ("退款什么时候到账", "refund.status"),
            ("申请退款", "refund.request"),
            ("可以开发票吗", "invoice"),
            ("有优惠券吗", "promotion.coupon"),
            ("我要投诉你们", "complaint.service"),
            ("少发了一件", "aftersale.wrong_missing"),
            ("收到就是坏的，质量太差", "aftersale.quality"),
            ("帮我改一下地址", "order.modify"),
            ("取消订单", "order.cancel"),
            ("谢谢", "chat.closing"),
            ("你好", "chat.greeting"),
            ("忘记密码了登录不上", "account.login"),
            ("今天天气怎么样", "oos"),
        ] {
            assert_eq!(top(&mut classifier, text).0, expected, "{text}");
        }
    }

    #[test]
    fn only_unmistakable_phrases_are_acted_on() {
        let mut classifier = KeywordClassifier::intent().unwrap();
        let oos = classifier.labels().id("oos");
        let policy = IntentPolicy::with(Thresholds::default(), oos);
        let mut outcome = |text| {
            let utterance = [Utterance { raw: text, normalized: text }];
            policy.read(&classifier.classify(&utterance).unwrap()[0], 3).outcome
        };
        assert_eq!(outcome("转人工"), Outcome::Accept);
        assert_eq!(outcome("快递"), Outcome::Clarify);
        assert_eq!(outcome("嗯哼"), Outcome::Reject);
    }

    #[test]
    fn plain_words_tell_the_sentiment() {
        let mut classifier = KeywordClassifier::sentiment().unwrap();
        SentimentPolicy::from_labels(classifier.labels(), &BTreeMap::new()).unwrap();
        for (text, expected) in [
            ("太差劲了，骗人", "negative"),
            ("都三天了还没到！！", "negative"),
            ("这个多少钱", "neutral"),
            ("非常满意，谢谢你", "positive"),
        ] {
            let (label, score) = top(&mut classifier, text);
            assert_eq!(label, expected, "{text}");
            assert!(score < 0.9, "{text}: {score}");
        }
    }
}
