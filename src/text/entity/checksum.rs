//! Check digits and plausible parts of numbers that name a person.

use std::ops::Range;

/// Regions in the first two digits of an identity card (GB/T 2260).
const REGIONS: [Range<u32>; 7] = [11..16, 21..24, 31..38, 41..47, 50..55, 61..66, 71..72];

/// An 18-character number with region, birth date and check character right (GB 11643-1999).
pub(super) fn is_id_card(value: &str) -> bool {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    const CHECKS: &[u8; 11] = b"10x98765432";
    let bytes = value.as_bytes();
    if bytes.len() != 18 || !bytes[..17].iter().all(u8::is_ascii_digit) {
        return false;
    }
    let sum: u32 =
        bytes.iter().zip(WEIGHTS).map(|(byte, weight)| u32::from(byte - b'0') * weight).sum();
    is_region(value)
        && (1900..2100).contains(&number(value, 6..10))
        && is_month_day(value, 10)
        && bytes[17] == CHECKS[(sum % 11) as usize]
}

/// A 15-digit number of the first generation: region and birth date, no check digit.
pub(super) fn is_old_id_card(digits: &str) -> bool {
    digits.len() == 15
        && is_region(digits)
        && is_month_day(digits, 8)
        && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Checksum of ISO/IEC 7812-1.
pub(super) fn is_luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(i, byte)| {
            let digit = u32::from(byte - b'0');
            match (i % 2, digit * 2) {
                (0, _) => digit,
                (_, doubled) if doubled > 9 => doubled - 9,
                (_, doubled) => doubled,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

fn is_region(value: &str) -> bool {
    REGIONS.iter().any(|range| range.contains(&number(value, 0..2)))
}

fn is_month_day(value: &str, at: usize) -> bool {
    (1..=12).contains(&number(value, at..at + 2))
        && (1..=31).contains(&number(value, at + 2..at + 4))
}

fn number(value: &str, range: Range<usize>) -> u32 {
    value[range].parse().unwrap_or(0)
}
