//! Emotion, urgency, trouble and plain requests read from words.
//!
//! The models give scores; this gives what a rule author can point at: the very words. Everything
//! is data in `lexicon.toml`, compiled in. Matching is over normalised text, the longest phrase at
//! each place wins, so that 不着急 hides 着急. What phrases and models together mean is for
//! [`crate::triage`] to say.

use super::normalize::Normalized;
use aho_corasick::{AhoCorasick, MatchKind};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::Range;
use utoipa::ToSchema;

/// Marks that show impatience when they repeat, "还不发货!!".
const REPEATED_MARKS: [&str; 3] = ["!!", "?!", "!?"];
/// Highest urgency, by definition of the scale in API.md.
pub const MAX_URGENCY: u8 = 3;
/// Weights of strong, plain and weak phrases of an emotion: of some 20,000 labelled messages with a
/// strong phrase, three in four have the emotion, with a plain one half (2026-11-21).
const EMOTION_WEIGHTS: [f32; 3] = [0.9, 0.6, 0.3];

/// What the customer seems to feel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EmotionLabel {
    /// Reproach, insult, sarcasm, threat: calm first, then solve.
    Angry,
    /// Worry, distress, pressed for time.
    Anxious,
    /// Let down, regret, gives up.
    Disappointed,
    /// Thanks for help received, praise, joy, relief.
    Pleased,
    /// A plain question, request or statement; courtesy alone.
    Calm,
    /// Another feeling: surprise, confusion, embarrassment, amusement.
    Other,
}

/// How many emotions there are.
pub const N_EMOTIONS: usize = EmotionLabel::ALL.len();

impl EmotionLabel {
    /// All of them; of equal probability the earlier one, which needs more care, is given.
    pub const ALL: [Self; 6] =
        [Self::Angry, Self::Anxious, Self::Disappointed, Self::Pleased, Self::Calm, Self::Other];

    /// The name used in JSON, as the rule fact `emotion` and as a model's label.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Angry => "angry",
            Self::Anxious => "anxious",
            Self::Disappointed => "disappointed",
            Self::Pleased => "pleased",
            Self::Calm => "calm",
            Self::Other => "other",
        }
    }
}

/// What makes a matter harder than its intent says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// Tried, promised or refused before: 第三次了, 还是不行, 上次说.
    RepeatedFailure,
    /// A quarrel about facts, conduct or money: 虚假宣传, 不认账, 赔偿.
    Dispute,
    /// Law, authorities, expert opinions: 律师, 12315, 检测报告.
    Legal,
    /// Danger to or harm of persons: 漏电, 过敏, 住院.
    Danger,
    /// Account, money or identity stolen: 盗刷, 冒用, 验证码告诉.
    Theft,
    /// Damage, loss, a wrong item, a fault as laymen tell it: 碎了, 发错, 不制冷.
    Damage,
    /// A fault as technicians tell it: 报错, 固件, 断电重启.
    Fault,
}

/// A phrase of the text that said something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Evidence {
    /// As typed.
    #[schema(example = "急死了")]
    pub text: String,
    /// First character in the text as sent, counted from 0.
    pub start: usize,
    /// One past the last.
    pub end: usize,
}

impl Evidence {
    fn new(sent: &str, normalized: &Normalized, bytes: Range<usize>) -> Self {
        let range = normalized.original(bytes);
        Self { text: sent[range.bytes_in(sent)].to_owned(), start: range.start, end: range.end }
    }
}

/// What the words of one message say.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// How strongly each emotion shows, in [0, 1], by its place in [`EmotionLabel::ALL`].
    pub emotions: [f32; N_EMOTIONS],
    /// The phrases that show them, in order of the text.
    pub emotion_phrases: Vec<(EmotionLabel, Evidence)>,
    /// 2 wanted soon, 3 now, as the words say; 0 where they say neither.
    pub urgency: u8,
    /// The phrases of that level.
    pub urgency_phrases: Vec<Evidence>,
    /// Marks repeat: !! or ?!.
    pub impatient_marks: bool,
    /// The words say that there is no hurry, 不急; they weigh as plain words of calm.
    pub no_hurry: bool,
    /// What makes the matter harder, each phrase once.
    pub troubles: Vec<Trouble>,
    /// Matters named, of those in the list.
    pub n_matters: usize,
    /// The customer complains, or threatens to.
    pub complains: bool,
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

impl Reading {
    /// The phrases that show `label`.
    #[must_use]
    pub fn evidence(&self, label: EmotionLabel) -> Vec<Evidence> {
        let of_label = self.emotion_phrases.iter().filter(|(shown, _)| *shown == label);
        of_label.map(|(_, evidence)| evidence.clone()).collect()
    }
}

/// The compiled word lists. Immutable; share it through an `Arc`.
pub struct Lexicon {
    /// `None`: the phrase hides others.
    emotions: Matcher<Option<(EmotionLabel, f32)>>,
    urgency: Matcher<Hurry>,
    troubles: Matcher<Option<Trouble>>,
    /// The number of the matter.
    matters: Matcher<usize>,
    complaint: Cue,
    human: Cue,
    did_not_help: Cue,
    solved: Cue,
    out_of_scope: Cue,
}

/// What a phrase says of urgency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hurry {
    Level(u8),
    /// There is none.
    No,
    /// The phrase only hides others.
    Hides,
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
        let EmotionFile { angry, anxious, disappointed, pleased, other, none } = file.emotion;
        let emotions = [
            (Some(EmotionLabel::Angry), angry),
            (Some(EmotionLabel::Anxious), anxious),
            (Some(EmotionLabel::Disappointed), disappointed),
            (Some(EmotionLabel::Pleased), pleased),
            (Some(EmotionLabel::Other), other),
            (None, Strengths { strong: none, ..Strengths::default() }),
        ];
        let emotions = emotions.into_iter().flat_map(|(label, strengths)| {
            let lists = [strengths.strong, strengths.plain, strengths.weak];
            lists.into_iter().zip(EMOTION_WEIGHTS).flat_map(move |(phrases, weight)| {
                valued(phrases, label.map(|label| (label, weight)))
            })
        });
        let UrgencyFile { now, soon, no_hurry, none } = file.urgency;
        let urgency = [
            (now, Hurry::Level(MAX_URGENCY)),
            (soon, Hurry::Level(2)),
            (no_hurry, Hurry::No),
            (none, Hurry::Hides),
        ];
        let troubles = [
            (file.trouble.repeated_failure, Some(Trouble::RepeatedFailure)),
            (file.trouble.dispute, Some(Trouble::Dispute)),
            (file.trouble.legal, Some(Trouble::Legal)),
            (file.trouble.danger, Some(Trouble::Danger)),
            (file.trouble.theft, Some(Trouble::Theft)),
            (file.trouble.damage, Some(Trouble::Damage)),
            (file.trouble.fault, Some(Trouble::Fault)),
            (file.trouble.except, None),
        ];
        let matters = file.matter.into_values().enumerate();
        Self {
            emotions: Matcher::new(emotions),
            urgency: Matcher::new(
                urgency.into_iter().flat_map(|(list, hurry)| valued(list, hurry)),
            ),
            troubles: Matcher::new(
                troubles.into_iter().flat_map(|(list, kind)| valued(list, kind)),
            ),
            matters: Matcher::new(matters.flat_map(|(number, list)| valued(list, number))),
            complaint: Cue::new(file.cue.complaint),
            human: Cue::new(file.cue.human),
            did_not_help: Cue::new(file.cue.did_not_help),
            solved: Cue::new(file.cue.solved),
            out_of_scope: Cue::new(file.cue.out_of_scope),
        }
    }

    /// Reads one text: as sent, and normalised.
    #[must_use]
    pub fn read(&self, sent: &str, normalized: &Normalized) -> Reading {
        let text = normalized.text();
        let (urgency, urgency_phrases, no_hurry) = self.urgency(sent, normalized);
        let mut emotions = [0.0_f32; N_EMOTIONS];
        let mut emotion_phrases = Vec::new();
        for (bytes, value) in self.emotions.find(text) {
            if let Some((label, weight)) = *value {
                let sum = &mut emotions[label as usize];
                *sum = (*sum + weight).min(1.0);
                emotion_phrases.push((label, Evidence::new(sent, normalized, bytes)));
            }
        }
        if no_hurry {
            emotions[EmotionLabel::Calm as usize] = EMOTION_WEIGHTS[1];
        }
        let mut matters: Vec<usize> = self.matters.find(text).map(|(_, number)| *number).collect();
        matters.sort_unstable();
        matters.dedup();
        Reading {
            emotions,
            emotion_phrases,
            urgency,
            urgency_phrases,
            impatient_marks: REPEATED_MARKS.iter().any(|marks| text.contains(marks)),
            no_hurry,
            troubles: self.troubles.find(text).filter_map(|(_, trouble)| *trouble).collect(),
            n_matters: matters.len(),
            complains: self.complaint.is_in(text),
            asks_for_human: self.human.says(text),
            did_not_help: self.did_not_help.is_in(text),
            did_not_help_first: self.did_not_help.opens(text),
            solved: self.solved.is_in(text),
            out_of_scope: self.out_of_scope.is_in(text),
        }
    }

    /// The highest level, its phrases, and whether some phrase says that there is no hurry.
    fn urgency(&self, sent: &str, normalized: &Normalized) -> (u8, Vec<Evidence>, bool) {
        let (mut highest, mut phrases, mut no_hurry) = (0, Vec::new(), false);
        for (bytes, hurry) in self.urgency.find(normalized.text()) {
            match *hurry {
                Hurry::Level(level) if level >= highest => {
                    if level > highest {
                        phrases.clear();
                    }
                    highest = level;
                    let bytes = with_number(normalized.text(), bytes);
                    phrases.push(Evidence::new(sent, normalized, bytes));
                }
                Hurry::No => no_hurry = true,
                Hurry::Level(_) | Hurry::Hides => {}
            }
        }
        (highest, phrases, no_hurry)
    }
}

/// The range with the number before it: 三天了 for 天了, 十分钟后 for 分钟后.
fn with_number(text: &str, bytes: Range<usize>) -> Range<usize> {
    let is_number = |c: char| c.is_ascii_digit() || "一二两三四五六七八九十几半好多".contains(c);
    text[..bytes.start].trim_end_matches(is_number).len()..bytes.end
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
    fn new(phrases: impl IntoIterator<Item = (String, T)>) -> Self {
        let (phrases, values): (Vec<_>, Vec<_>) = phrases.into_iter().unzip();
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(phrases)
            .expect("some thousand short phrases fit an automaton");
        Self { automaton, values }
    }

    fn find(&self, text: &str) -> impl Iterator<Item = (Range<usize>, &T)> {
        self.automaton.find_iter(text).map(|m| (m.range(), &self.values[m.pattern().as_usize()]))
    }
}

/// Each phrase with the same value.
fn valued<T: Copy>(phrases: Vec<String>, value: T) -> impl Iterator<Item = (String, T)> {
    phrases.into_iter().map(move |phrase| (phrase, value))
}

/// A plain request: phrases that show it, longer ones that hide those, and whole messages.
struct Cue {
    matcher: Matcher<bool>,
    whole: Vec<String>,
}

impl Cue {
    fn new(file: CueFile) -> Self {
        let phrases = valued(file.phrases, true).chain(valued(file.except, false));
        Self { matcher: Matcher::new(phrases), whole: file.whole }
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
        self.matcher.find(text).map(|(_, shows)| *shows).max()
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
    urgency: UrgencyFile,
    trouble: TroubleFile,
    /// Name of a matter and its words.
    matter: BTreeMap<String, Vec<String>>,
    cue: CuesFile,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EmotionFile {
    angry: Strengths,
    anxious: Strengths,
    disappointed: Strengths,
    pleased: Strengths,
    other: Strengths,
    none: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Strengths {
    strong: Vec<String>,
    plain: Vec<String>,
    weak: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UrgencyFile {
    now: Vec<String>,
    soon: Vec<String>,
    no_hurry: Vec<String>,
    none: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TroubleFile {
    repeated_failure: Vec<String>,
    dispute: Vec<String>,
    legal: Vec<String>,
    danger: Vec<String>,
    theft: Vec<String>,
    damage: Vec<String>,
    fault: Vec<String>,
    except: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CuesFile {
    complaint: CueFile,
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
    use crate::text::normalize::Normalizer;
    use std::sync::LazyLock;

    fn read(text: &str) -> Reading {
        static TOOLS: LazyLock<(Lexicon, Normalizer)> = LazyLock::new(Default::default);
        TOOLS.0.read(text, &TOOLS.1.normalize(text))
    }

    #[test]
    fn weighs_emotions_and_shows_where() {
        let table = [
            ("凭什么扣我钱，骗子", &["凭什么", "骗子"][..], EmotionLabel::Angry),
            ("急死了，會不會丟了", &["急死", "會不會丟"], EmotionLabel::Anxious),
            ("太失望了，再也不来了", &["失望", "再也不"], EmotionLabel::Disappointed),
            ("客服态度好，点赞👍", &["态度好", "点赞", "👍"], EmotionLabel::Pleased),
            ("哈哈哈真的假的", &["哈哈", "真的假的"], EmotionLabel::Other),
            ("不着急，垃圾袋怎么卖", &[], EmotionLabel::Anxious),
            ("不满意可以退吗", &[], EmotionLabel::Disappointed),
        ];
        for (text, phrases, label) in table {
            let reading = read(text);
            let evidence = reading.evidence(label);
            let found: Vec<&str> = evidence.iter().map(|e| e.text.as_str()).collect();
            assert_eq!(found, phrases, "{text}");
            for Evidence { text: phrase, start, end } in evidence {
                assert_eq!(text.chars().skip(start).take(end - start).collect::<String>(), phrase);
            }
            assert!(reading.emotions.iter().all(|weight| (0.0..=1.0).contains(weight)));
            assert_eq!(reading.emotions[label as usize] > 0.0, !phrases.is_empty(), "{text}");
        }
    }

    #[test]
    fn hears_urgency_and_what_only_looks_like_it() {
        let table = [
            ("马上给我退款", 3),
            ("充电器漏电", 3),
            ("卡被盗刷了", 3),
            ("涂了脸过敏", 3),
            ("已经三天了，麻烦尽快", 2),
            ("很急，窗帘着火了", 3),
            ("马上到货吗", 0),
            ("漏电保护器多少钱", 0),
            ("过敏体质能用吗", 0),
            ("什么材质", 0),
        ];
        for (text, level) in table {
            assert_eq!(read(text).urgency, level, "{text}");
        }
        assert_eq!(read("很急，窗帘着火了").urgency_phrases.len(), 1);
        assert_eq!(read("都等三天了").urgency_phrases[0].text, "三天了");
        assert!(read("不着急，慢慢来").no_hurry);
        assert!(read("不着急，慢慢来").emotions[EmotionLabel::Calm as usize] > 0.0);
        assert!(!read("着急").no_hurry);
        assert!(read("还不发货！！").impatient_marks);
    }

    #[test]
    fn names_troubles_matters_and_complaints() {
        let table = [
            ("第三次了还是不行", &[Trouble::RepeatedFailure, Trouble::RepeatedFailure][..]),
            ("我要找律师", &[Trouble::Legal]),
            ("空调报错，断电重启也没用", &[Trouble::Fault, Trouble::Fault]),
            ("杯子碎了", &[Trouble::Damage]),
            ("碎花裙多少钱", &[]),
            ("律师函打印机有吗", &[]),
        ];
        for (text, troubles) in table {
            assert_eq!(read(text).troubles, troubles, "{text}");
        }
        assert_eq!(read("退款到哪了，另外发票要重开，积分也没到").n_matters, 3);
        assert!(read("再不处理我打12315了").complains);
        assert!(!read("投诉入口在哪").complains);
    }

    #[test]
    fn reads_plain_requests() {
        let human = ["转人工", "给我找个真人", "人工!", "zrg", "我要人工客服"];
        let not_human = ["不用转人工", "空调安装人工费多少", "这是人工智能吗", "怎么退货"];
        let asks = |text: &&str| read(text).asks_for_human;
        assert!(human.iter().all(|text| asks(text) == Some(true)));
        assert!(not_human.iter().all(|text| asks(text) != Some(true)));
        let declines = ["不用转人工了", "我不是要人工", "你是人工吗", "人工智能是什么"];
        assert!(declines.iter().all(|text| asks(text) == Some(false)));
        let failed = ["没用", "还是不行啊", "答非所问", "不是这个意思", "不是"];
        let not_failed = ["优惠券没用过", "发来的尺寸不对", "怎么还没发货"];
        assert!(failed.iter().all(|text| read(text).did_not_help));
        assert!(not_failed.iter().all(|text| !read(text).did_not_help));
        assert!(read("没用,还是没到账").did_not_help_first);
        assert!(!read("试了半天没用").did_not_help_first);
        assert!(read("明天会下雨吗").out_of_scope);
        assert!(!read("雨伞什么时候发货").out_of_scope);
        assert!(read("好的解决了谢谢").solved);
        assert!(!read("解决了吗").solved);
    }
}
