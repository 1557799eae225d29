//! Emotion and urgency out of models, words and sentiment. Pure.
//!
//! Emotion is a log-linear pool: `log p = (1 - g) log m + g log s + a w`, normalised, where `m` is
//! the emotion model's probability, `s` what the sentiment model leads one to expect
//! (`EMOTION_GIVEN_SENTIMENT`), `w` in [0, 1] the weight of the emotion's words, and `g` and `a`
//! are [`FeelingConfig`]. Without a model `m` is `s`. Urgency is the model's expectation, raised by
//! words and marks.
//!
//! Invariants: a phrase that says how soon is never overruled, nor is a missing model an error.

use super::classification::Emotion;
use crate::config::FeelingConfig;
use crate::model::SentimentScores;
use crate::text::lexicon::{EmotionLabel, MAX_URGENCY, N_EMOTIONS, Reading};

/// Probability of each emotion, in order of [`EmotionLabel::ALL`], where the sentiment is negative,
/// neutral or positive: shares among 15,276 labelled customer messages, one added to each count
/// (2026-11-21).
const EMOTION_GIVEN_SENTIMENT: [[f32; N_EMOTIONS]; 3] = [
    [0.2188, 0.0762, 0.4354, 0.0004, 0.2193, 0.0499],
    [0.0001, 0.0375, 0.0070, 0.0008, 0.9300, 0.0246],
    [0.0090, 0.0180, 0.0090, 0.8559, 0.0631, 0.0450],
];
/// Least probability that a model gives an emotion here, so that words can overrule a model that is
/// certain and wrong.
const FLOOR: f32 = 1e-4;
/// What a question or a plea holds. An out-of-scope message with one of them is a fragment of a
/// matter more often than talk: of those labelled, five in six have urgency 1 or more (2026-11-21).
const ASKING: [&str; 8] = ["?", "吗", "怎么", "什么", "多久", "帮", "能不能", "可不可以"];

/// The emotion of a message; `model` holds its probabilities where there is a model.
#[must_use]
pub fn emotion(
    model: Option<[f32; N_EMOTIONS]>,
    words: &Reading,
    sentiment: SentimentScores,
    config: &FeelingConfig,
) -> Emotion {
    let sentiment = [sentiment.negative, sentiment.neutral, sentiment.positive];
    let mut logits = [0.0_f32; N_EMOTIONS];
    for (idx, logit) in logits.iter_mut().enumerate() {
        let by_sentiment =
            EMOTION_GIVEN_SENTIMENT.iter().zip(sentiment).map(|(row, p)| row[idx] * p);
        let expected = by_sentiment.sum::<f32>().max(FLOOR).ln();
        *logit = match model {
            Some(model) => {
                let share = config.sentiment_weight;
                (1.0 - share) * model[idx].max(FLOOR).ln()
                    + share * expected
                    + config.words_weight_beside_model * words.emotions[idx]
            }
            None => expected + config.words_weight * words.emotions[idx],
        };
    }
    let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f32 = logits.iter().map(|logit| (logit - max).exp()).sum();
    // Strictly greater: of equal ones the one that needs more care.
    let best =
        (1..N_EMOTIONS).fold(0, |best, idx| if logits[idx] > logits[best] { idx } else { best });
    let label = EmotionLabel::ALL[best];
    Emotion { label, score: 1.0 / sum, evidence: words.evidence(label) }
}

/// How soon somebody must act, 0 to [`MAX_URGENCY`]; `model` holds the probabilities of the levels
/// where there is a model, `is_matter` says whether there is anything to act on by the intent,
/// `normalized` is the text.
#[must_use]
pub fn urgency(
    model: Option<[f32; 4]>,
    words: &Reading,
    emotion: EmotionLabel,
    is_matter: bool,
    normalized: &str,
) -> u8 {
    if words.no_hurry && words.urgency < MAX_URGENCY {
        return 0;
    }
    let base = match model {
        Some(levels) => expectation(levels),
        None if emotion == EmotionLabel::Pleased => 0,
        None => {
            let asks = ASKING.iter().any(|word| normalized.contains(word)) && !words.out_of_scope;
            u8::from(is_matter || asks)
        }
    };
    // Marks alone are impatience, not a deadline; beside joy and surprise not even that.
    let amused = matches!(emotion, EmotionLabel::Pleased | EmotionLabel::Other);
    let by_marks = if words.impatient_marks && base > 0 && !amused { 2 } else { 0 };
    base.max(by_marks).max(words.urgency)
}

/// The mean level, rounded half up.
fn expectation(levels: [f32; 4]) -> u8 {
    let mean = levels[1] + 2.0 * levels[2] + 3.0 * levels[3];
    match mean {
        mean if mean < 0.5 => 0,
        mean if mean < 1.5 => 1,
        mean if mean < 2.5 => 2,
        _ => MAX_URGENCY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::lexicon::Lexicon;
    use crate::text::normalize::Normalizer;
    use proptest::prelude::*;
    use std::sync::LazyLock;

    const NEGATIVE: SentimentScores =
        SentimentScores { negative: 0.9, neutral: 0.08, positive: 0.02 };
    const NEUTRAL: SentimentScores =
        SentimentScores { negative: 0.05, neutral: 0.94, positive: 0.01 };
    const POSITIVE: SentimentScores =
        SentimentScores { negative: 0.01, neutral: 0.09, positive: 0.9 };
    const CONFIG: FeelingConfig =
        FeelingConfig { words_weight: 6.0, words_weight_beside_model: 2.0, sentiment_weight: 0.2 };

    fn read(text: &str) -> Reading {
        static TOOLS: LazyLock<(Lexicon, Normalizer)> = LazyLock::new(Default::default);
        TOOLS.0.read(text, &TOOLS.1.normalize(text))
    }

    /// A model that is `p` certain of `label`.
    fn model(label: EmotionLabel, p: f32) -> Option<[f32; N_EMOTIONS]> {
        let mut scores = [(1.0 - p) / 5.0; N_EMOTIONS];
        scores[label as usize] = p;
        Some(scores)
    }

    #[test]
    fn words_and_sentiment_tell_the_emotion_without_a_model() {
        use EmotionLabel::*;
        let table = [
            ("凭什么不给退，骗子", NEGATIVE, Angry),
            ("急死了，等着用", NEUTRAL, Anxious),
            ("收到碎了一个", NEUTRAL, Calm),
            ("唉，质量太差了", NEGATIVE, Disappointed),
            ("修好了，非常感谢", POSITIVE, Pleased),
            ("啊？真的假的", NEUTRAL, Other),
            ("不急，垃圾袋怎么卖", NEUTRAL, Calm),
            ("不急，慢慢来", NEGATIVE, Calm),
        ];
        for (text, sentiment, expected) in table {
            let emotion = emotion(None, &read(text), sentiment, &CONFIG);
            assert_eq!(emotion.label, expected, "{text}");
            assert!((0.0..=1.0).contains(&emotion.score), "{text}");
        }
    }

    #[test]
    fn a_model_and_words_that_differ_are_weighed() {
        let sure = model(EmotionLabel::Angry, 0.97);
        let emotion_of = |model, text, sentiment| emotion(model, &read(text), sentiment, &CONFIG);
        let sarcasm = emotion_of(sure, "谢谢你们啊，让我白跑一趟", NEGATIVE);
        assert_eq!((sarcasm.label, sarcasm.evidence.len()), (EmotionLabel::Angry, 0));
        let unsure = model(EmotionLabel::Calm, 0.4);
        let angry = emotion_of(unsure, "骗子", NEGATIVE);
        assert_eq!(angry.label, EmotionLabel::Angry);
        assert_eq!(angry.evidence[0].text, "骗子");
    }

    #[test]
    fn urgency_is_raised_by_words_and_marks_and_never_lowered_below_them() {
        let calm = EmotionLabel::Calm;
        let level = |model, text| urgency(model, &read(text), calm, true, text);
        let low = Some([0.1, 0.9, 0.0, 0.0]);
        assert_eq!(level(None, "这款是什么材质"), 1);
        assert_eq!(level(low, "插座漏电"), 3);
        assert_eq!(level(low, "请尽快处理"), 2);
        assert_eq!(level(low, "怎么还不发货!!"), 2);
        assert_eq!(level(Some([0.0, 0.0, 0.2, 0.8]), "帮我看看"), 3);
        assert_eq!(level(Some([0.0, 0.4, 0.6, 0.0]), "不急"), 0);
        assert_eq!(level(None, "不急，但是已经冒烟了"), 3);
        assert_eq!(urgency(None, &read("谢谢"), calm, false, "谢谢"), 0);
        assert_eq!(urgency(None, &read("太好了!!"), EmotionLabel::Pleased, true, "太好了!!"), 0);
        assert_eq!(urgency(None, &read("多久处理"), calm, false, "多久处理"), 1);
    }

    proptest! {
        #[test]
        fn scores_are_probabilities(
            scores in prop::array::uniform6(0.0f32..=1.0),
            negative in 0.0f32..=1.0,
            text in "[气死急谢!哈哈失望]{0,12}",
        ) {
            let sentiment =
                SentimentScores { negative, neutral: 1.0 - negative, positive: 0.0 };
            let Emotion { score, .. } = emotion(Some(scores), &read(&text), sentiment, &CONFIG);
            prop_assert!(score > 0.0 && score <= 1.0);
        }
    }
}
