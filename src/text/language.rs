//! Tells the language of a message from its script.
//!
//! Enough to send a cross-border customer to somebody who reads the language; no model.

/// The language of `text` as an ISO 639-1 code, `und` where there are no letters.
///
/// Chinese wins over kana only where there is no kana, since Japanese mixes both. Latin letters
/// count as English: the shop's other Latin-script customers are not told apart.
#[must_use]
pub fn detect(text: &str) -> &'static str {
    let (mut han, mut kana, mut hangul, mut cyrillic, mut arabic, mut thai, mut latin) =
        (0, 0, 0, 0, 0, 0, 0);
    for c in text.chars() {
        match c {
            '\u{3400}'..='\u{9fff}' => han += 1,
            '\u{3041}'..='\u{3096}' | '\u{30a1}'..='\u{30fa}' => kana += 1,
            '\u{ac00}'..='\u{d7af}' => hangul += 1,
            '\u{400}'..='\u{4ff}' => cyrillic += 1,
            '\u{600}'..='\u{6ff}' => arabic += 1,
            '\u{e00}'..='\u{e7f}' => thai += 1,
            _ if c.is_ascii_alphabetic() => latin += 1,
            _ => {}
        }
    }
    let scripts = [("ja", kana), ("ko", hangul), ("ru", cyrillic), ("ar", arabic), ("th", thai)];
    match scripts.into_iter().max_by_key(|&(_, n)| n) {
        Some((code, n)) if n > 1 && n * 3 > han => code,
        _ if han > 0 => "zh",
        _ if latin > 0 => "en",
        _ => "und",
    }
}

#[cfg(test)]
mod tests {
    use super::detect;

    #[test]
    fn tells_languages_by_script() {
        let table = [
            ("我的快递到哪了", "zh"),
            ("請問 iPhone 有貨嗎", "zh"),
            ("where is my parcel", "en"),
            ("荷物はどこですか", "ja"),
            ("배송 언제 와요", "ko"),
            ("где мой заказ", "ru"),
            ("好の", "zh"),
            ("12345", "und"),
            ("", "und"),
        ];
        for (text, expected) in table {
            assert_eq!(detect(text), expected, "{text}");
        }
    }
}
