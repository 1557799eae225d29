//! The words of dates and times, with what they mean.

use jiff::civil::{Date, date};

/// Festivals on fixed days: name, month, day.
pub(super) const FESTIVALS: [(&str, i8, i8); 20] = [
    ("双十一", 11, 11),
    ("双11", 11, 11),
    ("双十二", 12, 12),
    ("双12", 12, 12),
    ("六一八", 6, 18),
    ("618", 6, 18),
    ("元旦", 1, 1),
    ("情人节", 2, 14),
    ("妇女节", 3, 8),
    ("三八节", 3, 8),
    ("五一", 5, 1),
    ("劳动节", 5, 1),
    ("六一", 6, 1),
    ("儿童节", 6, 1),
    ("教师节", 9, 10),
    ("国庆", 10, 1),
    ("十一黄金周", 10, 1),
    ("圣诞", 12, 25),
    ("平安夜", 12, 24),
    ("万圣节", 10, 31),
];
/// Festivals of the lunar calendar in the years from 2024: Spring Festival, Dragon Boat,
/// Mid-Autumn (checked against the Python package lunardate 0.3.0, 2026-11-22).
pub(super) const LUNAR: [[Date; 3]; 7] = [
    [date(2024, 2, 10), date(2024, 6, 10), date(2024, 9, 17)],
    [date(2025, 1, 29), date(2025, 5, 31), date(2025, 10, 6)],
    [date(2026, 2, 17), date(2026, 6, 19), date(2026, 9, 25)],
    [date(2027, 2, 6), date(2027, 6, 9), date(2027, 9, 15)],
    [date(2028, 1, 26), date(2028, 5, 28), date(2028, 10, 3)],
    [date(2029, 2, 13), date(2029, 6, 16), date(2029, 9, 22)],
    [date(2030, 2, 3), date(2030, 6, 5), date(2030, 9, 12)],
];
pub(super) const LUNAR_NAMES: [(&str, usize); 7] = [
    ("春节", 0),
    ("大年初一", 0),
    ("过年", 0),
    ("端午节", 1),
    ("端午", 1),
    ("中秋节", 2),
    ("中秋", 2),
];
pub(super) const RELATIVE_DAYS: [(&str, i32); 15] = [
    ("大前天", -3),
    ("大后天", 3),
    ("前天", -2),
    ("前日", -2),
    ("昨天", -1),
    ("昨日", -1),
    ("昨儿", -1),
    ("今天", 0),
    ("今日", 0),
    ("今儿", 0),
    ("明天", 1),
    ("明日", 1),
    ("明儿", 1),
    ("后天", 2),
    ("后日", 2),
];
/// 昨晚: the day is said with the part of it.
pub(super) const SHORT_DAYS: [(&str, i32); 4] = [("前", -2), ("昨", -1), ("今", 0), ("明", 1)];
/// Parts of a day: name, hours from and to, whether a clock hour below 12 belongs to the afternoon.
pub(super) const PARTS: [(&str, i8, i8, bool); 20] = [
    ("凌晨", 0, 6, false),
    ("半夜", 0, 6, false),
    ("一大早", 6, 12, false),
    ("大清早", 6, 12, false),
    ("早上", 6, 12, false),
    ("早晨", 6, 12, false),
    ("清晨", 6, 12, false),
    ("清早", 6, 12, false),
    ("一早", 6, 12, false),
    ("上午", 6, 12, false),
    ("中午", 11, 13, false),
    ("午后", 12, 18, true),
    ("下午", 12, 18, true),
    ("傍晚", 17, 19, true),
    ("晚上", 18, 24, true),
    ("夜里", 18, 24, true),
    ("晚间", 18, 24, true),
    ("夜晚", 18, 24, true),
    ("早", 6, 12, false),
    ("晚", 18, 24, true),
];
/// Decimals that are dates only where one of these follows: 11.11买的.
pub(super) const AFTER_DECIMAL: &str = "买号日下拍付到之发收前后凌晚早上下订促活的抢预当那";
