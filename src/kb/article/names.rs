//! What editors call the keys and words of an article in Chinese.

/// Keys with their Chinese names; the first is shown, all are understood as column names.
const KEYS: [(&str, &[&str]); 23] = [
    ("id", &["编号", "文章编号"]),
    ("version", &["版本", "版本号"]),
    ("status", &["状态"]),
    ("kind", &["类型", "知识类型"]),
    ("category", &["分类", "类目"]),
    ("question", &["标准问题", "标准问", "问题", "标题"]),
    ("variants", &["相似问法", "相似问题", "相似问"]),
    ("intents", &["意图"]),
    ("tags", &["标签"]),
    ("owner", &["负责人"]),
    ("valid_from", &["生效日期", "生效时间"]),
    ("valid_until", &["失效日期", "失效时间"]),
    ("updated", &["更新日期", "更新时间"]),
    ("review_by", &["复核日期", "复审日期"]),
    ("links", &["后续文章", "关联文章"]),
    ("see_also", &["相关文章", "参见"]),
    ("replaces", &["取代文章", "替代文章"]),
    ("depends_on", &["依赖", "依赖项"]),
    ("media", &["图片视频", "媒体"]),
    ("attachments", &["附件"]),
    ("actions", &["操作", "自助操作"]),
    ("answers", &["专用答案", "分渠道答案"]),
    ("body", &["答案", "正文", "回答", "内容"]),
];

/// Words of status and kind with what editors write for them; the first is shown.
const WORDS: [(&str, &[&str]); 11] = [
    ("draft", &["草稿"]),
    ("review", &["待审核", "审核中"]),
    ("approved", &["待发布", "已审核"]),
    ("published", &["已发布", "发布"]),
    ("archived", &["已归档", "归档"]),
    ("product_fact", &["产品信息"]),
    ("trade_rule", &["交易规则"]),
    ("service_policy", &["服务政策"]),
    ("faq", &["常见问题"]),
    ("process", &["流程文档"]),
    ("case", &["案例"]),
];

/// All keys in the order of columns.
pub(crate) fn keys() -> impl Iterator<Item = &'static str> {
    KEYS.iter().map(|(key, _)| *key)
}

/// The Chinese name of a key; of `answers.body` the name of `answers` with what follows. A key
/// without one stays as it is.
#[must_use]
pub fn chinese_name(key: &str) -> String {
    let (first, rest) = key.split_at(key.find('.').unwrap_or(key.len()));
    format!("{}{rest}", chinese(&KEYS, first).unwrap_or(first))
}

/// The Chinese name of a word of status or kind.
#[must_use]
pub fn chinese_word(word: &str) -> Option<&'static str> {
    chinese(&WORDS, word)
}

/// The key meant by a column name in English or Chinese; case, spaces and a star that marks what
/// is required are let pass.
pub(crate) fn english_key(name: &str) -> Option<&'static str> {
    let name = name.trim().trim_matches(['*', '＊']).trim().to_lowercase().replace([' ', '-'], "_");
    english(&KEYS, &name)
}

/// The word meant by a Chinese one; other words stay as they are.
pub(crate) fn english_word(word: &str) -> &str {
    english(&WORDS, word.trim()).unwrap_or(word)
}

type Names = [(&'static str, &'static [&'static str])];

fn chinese(names: &Names, english: &str) -> Option<&'static str> {
    names.iter().find(|(name, _)| *name == english).map(|(_, chinese)| chinese[0])
}

fn english(names: &Names, written: &str) -> Option<&'static str> {
    let meant = |(name, chinese): &&(&str, &[&str])| *name == written || chinese.contains(&written);
    names.iter().find(meant).map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn knows_names_in_both_languages() {
        for (written, key) in [
            ("valid_from", Some("valid_from")),
            ("Valid From", Some("valid_from")),
            (" 标准问题* ", Some("question")),
            ("备注", None),
        ] {
            assert_eq!(english_key(written), key, "{written}");
        }
        assert_eq!(english_word("已发布"), "published");
        assert_eq!(english_word("live"), "live");
        assert_eq!(chinese_name("answers.body"), "专用答案.body");
        assert_eq!(chinese_name("备注"), "备注");
        assert_eq!(chinese_word("faq"), Some("常见问题"));
    }

    #[test]
    fn no_name_means_two_things() {
        for names in [&KEYS[..], &WORDS[..]] {
            let mut seen = HashSet::new();
            let all = names.iter().flat_map(|(key, names)| names.iter().chain([key]));
            assert!(all.copied().all(|name| seen.insert(name)));
        }
    }
}
