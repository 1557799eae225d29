//! Carriers, and what is wrong with a parcel's content: part and symptom, negation heard.

use super::words::{Fault, split};
use super::{EntityKind, Found};
use aho_corasick::{AhoCorasick, MatchKind};
use std::collections::{BTreeMap, HashSet};

/// Most filling words between a part and its symptom: 屏幕上面有好几道划痕 has three.
const MAX_FILLERS: usize = 3;
/// Longest part, filler and negation of `words.toml` in characters.
const MAX_WORD_CHARS: usize = 5;

/// Phrases with a value each; the longest at each place wins.
struct Phrases {
    automaton: AhoCorasick,
    values: Vec<String>,
}

impl Phrases {
    fn new(lists: &BTreeMap<String, String>) -> Self {
        let (phrases, values): (Vec<&str>, Vec<String>) = lists
            .iter()
            .flat_map(|(value, list)| split(list).map(move |phrase| (phrase, value.clone())))
            .unzip();
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(phrases)
            .expect("some hundred short phrases fit an automaton");
        Self { automaton, values }
    }
}

/// Finds carriers; a value of "" marks phrases that only look like one.
pub(super) struct CarrierFinder(Phrases);

impl CarrierFinder {
    pub(super) fn new(carriers: &BTreeMap<String, String>) -> Self {
        Self(Phrases::new(carriers))
    }

    pub(super) fn find(&self, text: &str, found: &mut Vec<Found>) {
        for m in self.0.automaton.find_iter(text) {
            let value = &self.0.values[m.pattern().as_usize()];
            let is_letter = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
            let is_latin = text[m.range()].starts_with(|c: char| c.is_ascii());
            let is_part = is_latin
                && (is_letter(text[..m.start()].chars().next_back())
                    || is_letter(text[m.end()..].chars().next()));
            if value.is_empty() || is_part {
                continue;
            }
            found.push(Found { kind: EntityKind::Carrier, bytes: m.range(), value: value.clone() });
        }
    }
}

/// Finds faults.
pub(super) struct FaultFinder {
    symptoms: Phrases,
    parts: HashSet<String>,
    fillers: HashSet<String>,
    negations: HashSet<String>,
}

impl FaultFinder {
    pub(super) fn new(fault: &Fault) -> Self {
        let owned = |list: &str| split(list).map(str::to_owned).collect();
        Self {
            symptoms: Phrases::new(&fault.symptoms),
            parts: owned(&fault.parts),
            fillers: owned(&fault.fillers),
            negations: owned(&fault.negations),
        }
    }

    pub(super) fn find(&self, text: &str, found: &mut Vec<Found>) {
        for m in self.symptoms.automaton.find_iter(text) {
            let symptom = &self.symptoms.values[m.pattern().as_usize()];
            let is_asked = is_asked(&text[m.end()..], &text[m.range()]);
            if symptom.is_empty() || is_asked || is_of_other_matter(symptom, text) {
                continue;
            }
            let Some(start) = self.start(text, m.start()) else { continue };
            let value = format!("{}{symptom}", start.part);
            found.push(Found { kind: EntityKind::Fault, bytes: start.at..m.end(), value });
        }
    }

    /// Where a fault begins whose symptom begins at `symptom`; `None` where it is denied.
    fn start<'t>(&self, text: &'t str, symptom: usize) -> Option<Start<'t>> {
        let mut at = symptom;
        for _ in 0..=MAX_FILLERS {
            let before = &text[..at];
            if ends_with_any(before, &self.negations).is_some() {
                return None;
            }
            if let Some(part) = ends_with_any(before, &self.parts) {
                let at = at - part.len();
                let is_denied = ends_with_any(&text[..at], &self.negations).is_some();
                return (!is_denied).then_some(Start { at, part });
            }
            match ends_with_any(before, &self.fillers) {
                Some(filler) => at -= filler.len(),
                None => break,
            }
        }
        Some(Start { at: symptom, part: "" })
    }
}

struct Start<'t> {
    at: usize,
    part: &'t str,
}

/// 掉色吗 asks whether it will; 碎了吗 asks about what is.
fn is_asked(after: &str, symptom: &str) -> bool {
    after.starts_with(['吗', '不', '么']) && !symptom.ends_with('了')
}

/// 用不了 and 没反应 are said of vouchers, couriers and hotlines too.
fn is_of_other_matter(symptom: &str, text: &str) -> bool {
    const OTHERS: [&str; 12] =
        ["券", "卷", "红包", "积分", "优惠", "满减", "支付", "白条", "e卡", "物流", "快递", "客服"];
    matches!(symptom, "无法使用" | "失灵") && OTHERS.iter().any(|other| text.contains(other))
}

/// The longest of `words` that `text` ends with.
fn ends_with_any<'t>(text: &'t str, words: &HashSet<String>) -> Option<&'t str> {
    let starts = text.char_indices().rev().take(MAX_WORD_CHARS).map(|(start, _)| &text[start..]);
    starts.filter(|tail| words.contains(*tail)).last()
}
