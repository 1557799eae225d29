//! Plain text out of the small part of Markdown that articles use: headings, lists, emphasis,
//! links, code. Anything else passes through as it is.

/// `markdown` without its marks, one line for each line that is not blank.
pub(crate) fn plain_text(markdown: &str) -> String {
    let lines = markdown.lines().map(|line| plain_line(line.trim()));
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

/// The first paragraph as plain text in one line: what a bot can send alone.
pub(crate) fn first_paragraph(markdown: &str) -> String {
    let lines = markdown.trim().lines().take_while(|line| !line.trim().is_empty());
    lines.map(|line| plain_line(line.trim())).collect()
}

fn plain_line(line: &str) -> String {
    let line = strip_block_mark(line);
    let mut plain = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        if let Some((text, after)) = link(rest) {
            plain.push_str(text);
            rest = after;
        } else {
            let after = &rest[c.len_utf8()..];
            if !matches!(c, '*' | '`') {
                plain.push(c);
            }
            rest = after;
        }
    }
    plain.trim().to_owned()
}

/// Drops what marks a line as heading, quotation or list item.
fn strip_block_mark(line: &str) -> &str {
    let line = line.trim_start_matches(['#', '>']).trim_start();
    if let Some(item) = ["- ", "* ", "+ "].iter().find_map(|mark| line.strip_prefix(mark)) {
        return item.trim_start();
    }
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    match line[digits..].strip_prefix(". ") {
        Some(item) if digits > 0 => item.trim_start(),
        _ => line,
    }
}

/// The text of a link or picture that `rest` starts with, and what follows it.
fn link(rest: &str) -> Option<(&str, &str)> {
    let inner = rest.strip_prefix('!').unwrap_or(rest).strip_prefix('[')?;
    let (text, after) = inner.split_once("](")?;
    let (_, after) = after.split_once(')')?;
    (!text.contains(['[', ']'])).then_some((text, after))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(markdown: &str, expected: &str) {
        assert_eq!(plain_text(markdown), expected);
    }

    #[test]
    fn drops_marks_and_keeps_words() {
        check("支持的。\n\n- 7 天内\n- **运费**由您承担", "支持的。\n7 天内\n运费由您承担");
        check("## 步骤\n1. 打开 App\n2. 点`申请`", "步骤\n打开 App\n点申请");
        check("见[退货说明](return-how-to.md)。", "见退货说明。");
        check("![入口](media/a.png)", "入口");
        check("[未完", "[未完");
        check("3.5 毫米", "3.5 毫米");
        check("", "");
    }

    #[test]
    fn the_first_paragraph_is_one_line() {
        assert_eq!(first_paragraph("\n支持的，\n7 天内。\n\n- 其他"), "支持的，7 天内。");
        assert_eq!(first_paragraph(""), "");
    }

    proptest! {
        #[test]
        fn any_text_passes(markdown in "[\\PC\\n]{0,60}|[\\[\\]()!*`#0-9. a\\n-]{0,30}") {
            let plain = plain_text(&markdown);
            prop_assert!(plain.len() <= markdown.len());
        }
    }
}
