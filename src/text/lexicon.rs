//! Emotion, urgency and plain requests read from words.
//!
//! The models give intent and sentiment; this gives what a rule author can point at: the very
//! words. Everything is data in `lexicon.toml`, compiled in. Matching is over normalised text, the
//! longest phrase at each place wins, so that 不着急 hides 着急.

use aho_corasick::{AhoCorasick, MatchKind};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Marks that raise urgency by one when they repeat, "还不发货!!".
const REPEATED_MARKS: [&str; 3] = ["!!", "?!", "!?"];
/// Highest urgency, by definition of the scale in API.md.
pub const MAX_URGENCY: u8 = 3;

/// What the customer seems to feel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EmotionLabel {
    /// Reproach, insult, threat: calm first, then solve.
    Angry,
    /// Worry or hurry.
    Anxious,
    /// Let down, gives up.
    Disappointed,
    /// Praise, joy, gratitude.
    Pleased,
    /// None of these.
    Calm,
}

impl EmotionLabel {
    /// The name used in JSON and as the rule fact `emotion`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Angry => "angry",
            Self::Anxious => "anxious",
            Self::Disappointed => "disappointed",
            Self::Pleased => "pleased",
            Self::Calm => "calm",
        }
    }
}

/// What the words of one message say.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The strongest emotion.
    pub emotion: EmotionLabel,
    /// Its strength in [0, 1]; for `Calm` one minus the strongest other.
    pub emotion_score: f32,
    /// 0 can wait … 3 now.
    pub urgency: u8,
    /// The customer asks for a person, or (`false`) declines one or only mentions one; `None` where
    /// the words say neither.
    pub asks_for_human: Option<bool>,
    /// The customer says that the last answer did not help.
    pub did_not_help: bool,
    /// And says so before anything else.
    pub did_not_help_first: bool,
    /// The customer says that the matter is solved.
    pub solved: bool,
    /// The words name a topic far from any shop.
    pub out_of_scope: bool,
}

/// The compiled word lists. Immutable; share it through an `Arc`.
pub struct Lexicon {
    emotions: Matcher<(EmotionLabel, f32)>,
    urgency: Matcher<u8>,
    human: Cue,
    did_not_help: Cue,
    solved: Cue,
    out_of_scope: Cue,
}

impl Lexicon {
    /// Compiles the word lists.
    ///
    /// # Panics
    /// Never in practice: the lists are compiled in and parsed by the tests too.
    #[must_use]
    pub fn new() -> Self {
        let file: LexiconFile = toml::from_str(include_str!("lexicon.toml"))
            .expect("the compiled-in lexicon has the form of LexiconFile");
        let emotions = [
            (EmotionLabel::Angry, file.emotion.angry),
            (EmotionLabel::Anxious, file.emotion.anxious),
            (EmotionLabel::Disappointed, file.emotion.disappointed),
            (EmotionLabel::Pleased, file.emotion.pleased),
            (EmotionLabel::Calm, file.emotion.none),
        ];
        let emotions = emotions.into_iter().flat_map(|(label, phrases)| {
            phrases.into_iter().map(move |(phrase, weight)| (phrase, (label, weight)))
        });
        let urgency = file.urgency.into_iter().chain(file.urgency_none);
        Self {
            emotions: Matcher::new(emotions.collect()),
            urgency: Matcher::new(urgency.collect()),
            human: Cue::new(file.cue.human),
            did_not_help: Cue::new(file.cue.did_not_help),
            solved: Cue::new(file.cue.solved),
            out_of_scope: Cue::new(file.cue.out_of_scope),
        }
    }

    /// Reads one normalised text.
    #[must_use]
    pub fn read(&self, normalized: &str) -> Reading {
        let (emotion, emotion_score) = self.emotion(normalized);
        Reading {
            emotion,
            emotion_score,
            urgency: self.urgency(normalized),
            asks_for_human: self.human.says(normalized),
            did_not_help: self.did_not_help.is_in(normalized),
            did_not_help_first: self.did_not_help.opens(normalized),
            solved: self.solved.is_in(normalized),
            out_of_scope: self.out_of_scope.is_in(normalized),
        }
    }

    fn emotion(&self, text: &str) -> (EmotionLabel, f32) {
        let mut sums = [0.0_f32; 4];
        for &(label, weight) in self.emotions.find(text) {
            if let Some(sum) = sums.get_mut(label as usize) {
                *sum = (*sum + weight).min(1.0);
            }
        }
        let labels = [
            EmotionLabel::Angry,
            EmotionLabel::Anxious,
            EmotionLabel::Disappointed,
            EmotionLabel::Pleased,
        ];
        // Strictly greater: of equal strengths the one that needs more care wins.
        let best = labels.into_iter().zip(sums).fold((EmotionLabel::Calm, 0.0), |best, next| {
            if next.1 > best.1 { next } else { best }
        });
        if best.1 == 0.0 { (EmotionLabel::Calm, 1.0) } else { best }
    }

    fn urgency(&self, text: &str) -> u8 {
        let words = self.urgency.find(text).copied().max().unwrap_or(0);
        let marks = u8::from(REPEATED_MARKS.iter().any(|marks| text.contains(marks)));
        (words + marks).min(MAX_URGENCY)
    }
}

impl Default for Lexicon {
    fn default() -> Self {
        Self::new()
    }
}

/// Phrases with a value each; the longest phrase at each place wins.
struct Matcher<T> {
    automaton: AhoCorasick,
    values: Vec<T>,
}

impl<T> Matcher<T> {
    fn new(phrases: Vec<(String, T)>) -> Self {
        let (phrases, values): (Vec<_>, Vec<_>) = phrases.into_iter().unzip();
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(phrases)
            .expect("a few hundred short phrases fit an automaton");
        Self { automaton, values }
    }

    fn find(&self, text: &str) -> impl Iterator<Item = &T> {
        self.automaton.find_iter(text).map(|m| &self.values[m.pattern().as_usize()])
    }
}

/// A plain request: phrases that show it, longer ones that hide those, and whole messages.
struct Cue {
    matcher: Matcher<bool>,
    whole: Vec<String>,
}

impl Cue {
    fn new(file: CueFile) -> Self {
        let shows = file.phrases.into_iter().map(|phrase| (phrase, true));
        let hides = file.except.into_iter().map(|phrase| (phrase, false));
        Self { matcher: Matcher::new(shows.chain(hides).collect()), whole: file.whole }
    }

    fn is_in(&self, text: &str) -> bool {
        self.says(text) == Some(true)
    }

    /// Whether the text shows the request, or only phrases that hide it.
    fn says(&self, text: &str) -> Option<bool> {
        let bare = text.trim_matches(|c: char| !c.is_alphanumeric());
        if self.whole.iter().any(|whole| whole == bare) {
            return Some(true);
        }
        self.matcher.find(text).copied().max()
    }

    /// Whether the text begins with such a phrase.
    fn opens(&self, text: &str) -> bool {
        let first = self.matcher.automaton.find(text);
        first.is_some_and(|m| m.start() == 0 && self.matcher.values[m.pattern().as_usize()])
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LexiconFile {
    emotion: EmotionFile,
    urgency: BTreeMap<String, u8>,
    urgency_none: BTreeMap<String, u8>,
    cue: CuesFile,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EmotionFile {
    angry: BTreeMap<String, f32>,
    anxious: BTreeMap<String, f32>,
    disappointed: BTreeMap<String, f32>,
    pleased: BTreeMap<String, f32>,
    none: BTreeMap<String, f32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CuesFile {
    human: CueFile,
    did_not_help: CueFile,
    solved: CueFile,
    out_of_scope: CueFile,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CueFile {
    phrases: Vec<String>,
    except: Vec<String>,
    whole: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_emotion_and_urgency() {
        let table = [
            ("我的快递三天没动了,到底还送不送!", EmotionLabel::Angry, 2),
            ("我很着急,马上要用", EmotionLabel::Anxious, 2),
            ("不着急,慢慢来", EmotionLabel::Calm, 0),
            ("太失望了,再也不来了", EmotionLabel::Disappointed, 0),
            ("客服态度好,点赞", EmotionLabel::Pleased, 0),
            ("怎么还不发货!!", EmotionLabel::Calm, 1),
            ("充电器冒烟了!!", EmotionLabel::Calm, 3),
            ("垃圾袋怎么卖", EmotionLabel::Calm, 0),
        ];
        let lexicon = Lexicon::new();
        for (text, emotion, urgency) in table {
            let reading = lexicon.read(text);
            assert_eq!((reading.emotion, reading.urgency), (emotion, urgency), "{text}");
            assert!((0.0..=1.0).contains(&reading.emotion_score));
        }
    }

    #[test]
    fn reads_plain_requests() {
        let lexicon = Lexicon::new();
        let human = ["转人工", "给我找个真人", "人工!", "zrg", "我要人工客服"];
        let not_human = ["不用转人工", "空调安装人工费多少", "这是人工智能吗", "怎么退货"];
        let asks = |text: &&str| lexicon.read(text).asks_for_human;
        assert!(human.iter().all(|text| asks(text) == Some(true)));
        assert!(not_human.iter().all(|text| asks(text) != Some(true)));
        let declines = ["不用转人工了", "我不是要人工", "你是人工吗", "人工智能是什么"];
        assert!(declines.iter().all(|text| asks(text) == Some(false)));
        let failed = ["没用", "还是不行啊", "答非所问", "不是这个意思", "不是"];
        let not_failed = ["优惠券没用过", "发来的尺寸不对", "怎么还没发货"];
        assert!(failed.iter().all(|text| lexicon.read(text).did_not_help));
        assert!(not_failed.iter().all(|text| !lexicon.read(text).did_not_help));
        assert!(lexicon.read("没用,还是没到账").did_not_help_first);
        assert!(!lexicon.read("试了半天没用").did_not_help_first);
        assert!(lexicon.read("明天会下雨吗").out_of_scope);
        assert!(!lexicon.read("雨伞什么时候发货").out_of_scope);
        assert!(lexicon.read("好的解决了谢谢").solved);
        assert!(!lexicon.read("解决了吗").solved);
    }
}
