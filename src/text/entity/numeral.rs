//! Whole numbers as people write them: 12, 十二, 二〇二六, 一百五, 三万.

/// The value of a digit, Chinese or not.
pub(super) fn digit(c: char) -> Option<u32> {
    let value = match c {
        '0'..='9' => c as u32 - '0' as u32,
        '零' | '〇' | '○' => 0,
        '一' | '壹' | '幺' => 1,
        '二' | '贰' | '两' => 2,
        '三' | '叁' => 3,
        '四' | '肆' => 4,
        '五' | '伍' => 5,
        '六' | '陆' => 6,
        '七' | '柒' => 7,
        '八' | '捌' => 8,
        '九' | '玖' => 9,
        _ => return None,
    };
    Some(value)
}

/// What a Chinese unit multiplies by.
pub(super) fn unit(c: char) -> Option<u32> {
    match c {
        '十' => Some(10),
        '百' => Some(100),
        '千' => Some(1000),
        '万' => Some(10_000),
        _ => None,
    }
}

/// The number that `text` begins with and its length in bytes: ASCII digits (at most nine) or
/// Chinese numerals, positional (二〇二六) or with units (一百五十); a digit after 百, 千 or 万
/// counts a tenth of that unit (一百五 is 150).
pub(super) fn integer(text: &str) -> Option<(u32, usize)> {
    let n_ascii = text.bytes().take_while(u8::is_ascii_digit).count();
    if n_ascii > 0 {
        let value = if n_ascii <= 9 { text[..n_ascii].parse().ok() } else { None };
        return value.map(|value| (value, n_ascii));
    }
    let (mut total, mut section, mut last_unit) = (0_u32, 0_u32, 1_u32);
    let mut pending: Option<u32> = None;
    let (mut len, mut n_digits, mut after_zero) = (0, 0_u32, false);
    for c in text.chars() {
        if let Some(value) = digit(c).filter(|_| !c.is_ascii()) {
            n_digits += 1;
            pending = Some(match pending {
                Some(before) if last_unit == 1 && n_digits <= 8 => before * 10 + value,
                Some(0) | None => value,
                Some(_) => return None,
            });
            after_zero |= value == 0;
        } else if let Some(unit) = unit(c) {
            if unit == 10_000 {
                total = (section + pending.unwrap_or(0)).checked_mul(unit)?;
                section = 0;
            } else {
                section += pending.unwrap_or(1).checked_mul(unit)?;
            }
            (pending, last_unit, after_zero) = (None, unit, false);
        } else {
            break;
        }
        len += c.len_utf8();
    }
    let rest = match pending {
        Some(value) if last_unit >= 100 && !after_zero && value < 10 => value * last_unit / 10,
        Some(value) => value,
        None => 0,
    };
    (len > 0).then_some((total + section + rest, len))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_numbers_in_every_notation() {
        let table = [
            ("12天", 12),
            ("十二", 12),
            ("二十一号", 21),
            ("二〇二六年", 2026),
            ("一百五", 150),
            ("一百五十块", 150),
            ("一百零五", 105),
            ("两千八", 2800),
            ("一千二百", 1200),
            ("一万", 10_000),
            ("三万五千", 35_000),
            ("六百八十", 680),
        ];
        for (text, expected) in table {
            assert_eq!(integer(text).map(|(value, _)| value), Some(expected), "{text}");
        }
        assert_eq!(integer("天"), None);
        assert_eq!(integer("1234567890"), None);
        assert_eq!(integer("十二月"), Some((12, "十二".len())));
    }
}
