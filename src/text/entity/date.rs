//! Dates and times, absolute and relative, resolved against an explicit `now`.
//!
//! Values are ISO 8601 on the clocks of `now`: a day `2026-11-20`, a minute `2026-11-20T20:00`, a
//! month `2026-10`, a year `2025`; an interval `start/end` of days (both counted) or minutes (the
//! end not counted). Where the year is not said it is the one that lies nearest; weeks begin on
//! Monday; hours from 1 to 6 without 上午 and the like are afternoon. Durations (三天没动, 7天内)
//! are no dates.

mod words;

use super::{EntityKind, Found, numeral};
use jiff::civil::{Date, DateTime, Weekday};
use jiff::{Span, ToSpan};
use std::ops::Range;
use words::{AFTER_DECIMAL, FESTIVALS, LUNAR, LUNAR_NAMES, PARTS, RELATIVE_DAYS, SHORT_DAYS};

/// A time that a text names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    Day(Date),
    Days(Date, Date),
    Month(Date),
    Year(i16),
    Minute(DateTime),
    Minutes(DateTime, DateTime),
}

/// All times named in `text`.
pub(super) fn find(text: &str, now: DateTime, found: &mut Vec<Found>) {
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let hit = may_begin(c).then(|| Reader { text, now }.read(at)).flatten();
        at = match hit {
            Some((when, bytes)) => {
                let end = bytes.end;
                found.push(Found { kind: EntityKind::Date, bytes, value: when.iso() });
                end
            }
            None => at + c.len_utf8(),
        };
    }
}

fn may_begin(c: char) -> bool {
    c.is_ascii_digit()
        || "昨今明后前大上下这本周星礼去双国元五六中端圣春平年月晚早凌傍夜半劳儿教情妇三万过当一二两七八九四十清午〇零".contains(c)
}

impl When {
    fn iso(self) -> String {
        let minute = |at: DateTime| at.strftime("%Y-%m-%dT%H:%M").to_string();
        match self {
            Self::Day(day) => day.to_string(),
            Self::Days(first, last) => format!("{first}/{last}"),
            Self::Month(first) => first.strftime("%Y-%m").to_string(),
            Self::Year(year) => year.to_string(),
            Self::Minute(at) => minute(at),
            Self::Minutes(from, to) => format!("{}/{}", minute(from), minute(to)),
        }
    }
}

struct Reader<'t> {
    text: &'t str,
    now: DateTime,
}

/// What was read of a day, and where it ends, in bytes.
type Read<T> = Option<(T, usize)>;

impl Reader<'_> {
    /// The time that begins at byte `at`.
    fn read(&self, at: usize) -> Option<(When, Range<usize>)> {
        // Inside a longer number, version or code nothing begins.
        let before = self.text[..at].chars().next_back();
        let first = self.text[at..].chars().next()?;
        if first.is_ascii_digit()
            && before.is_some_and(|c| c.is_ascii_alphanumeric() || "./-:¥$第*~月".contains(c))
        {
            return None;
        }
        if numeral::digit(first).is_some()
            && before.is_some_and(|c| {
                numeral::digit(c).is_some() || c == '第' || numeral::unit(c).is_some()
            })
        {
            return None;
        }
        if let Some((when, end)) = self.ago(at) {
            return Some((when, at..end));
        }
        if let Some((when, day_end)) = self.day(at) {
            let When::Day(day) = when else {
                return Some((when, at..day_end));
            };
            let time_at = day_end + spaces(&self.text[day_end..]);
            return match self.time(time_at, day) {
                Some((when, end)) => Some((when, at..end)),
                None => Some((when, at..day_end)),
            };
        }
        let (when, end) = self.time(at, self.now.date())?;
        Some((when, at..end))
    }

    fn rest(&self, at: usize) -> &str {
        &self.text[at..]
    }

    fn today(&self) -> Date {
        self.now.date()
    }

    /// 3天前, 两小时后, 半个月前.
    fn ago(&self, at: usize) -> Read<When> {
        let rest = self.rest(at);
        let (half, number, len) = match rest.strip_prefix('半') {
            Some(_) => (true, 0, '半'.len_utf8()),
            None => {
                let (number, len) = numeral::integer(rest)?;
                (false, i32::try_from(number).ok()?, len)
            }
        };
        let mut end = at + len;
        end += strip(self.rest(end), &["个", "多"]);
        let units = ["天", "小时", "钟头", "分钟", "周", "星期", "礼拜", "月", "年"];
        let unit = units.into_iter().find(|unit| self.rest(end).starts_with(unit))?;
        end += unit.len();
        end += strip(self.rest(end), &["之", "以"]);
        let sign = match self.rest(end).chars().next()? {
            '前' => -1,
            '后' => 1,
            _ => return None,
        };
        end += '前'.len_utf8();
        let n = number * sign;
        let minutes = |n: i32| self.now.checked_add(n.minutes()).ok().map(When::Minute);
        let day = |span: Span| self.today().checked_add(span).ok().map(When::Day);
        let when = match (unit, half) {
            ("分钟", false) => minutes(n),
            ("小时" | "钟头", false) => minutes(n.checked_mul(60)?),
            ("小时" | "钟头", true) => minutes(30 * sign),
            ("天", false) => day(n.days()),
            ("周" | "星期" | "礼拜", false) => day(n.weeks()),
            ("月", false) => day(n.months()),
            ("月", true) => day((15 * sign).days()),
            ("年", false) => day(n.years()),
            ("年", true) => day((6 * sign).months()),
            _ => None,
        }?;
        Some((when, end))
    }

    fn day(&self, at: usize) -> Read<When> {
        self.full_date(at)
            .or_else(|| self.year_and_more(at))
            .or_else(|| self.relative_day(at))
            .or_else(|| self.week(at))
            .or_else(|| self.month(at))
            .or_else(|| self.festival(at, None))
            .or_else(|| self.month_and_day(at, None))
            .or_else(|| self.decimal_date(at))
            .or_else(|| self.day_of_month(at, self.today()))
    }

    /// 2026年11月18日, 2026-11-18, 二〇二六年十一月二十日, 2026年12月.
    fn full_date(&self, at: usize) -> Read<When> {
        let (year, len) = numeral::integer(self.rest(at))?;
        let year = i16::try_from(year).ok().filter(|year| (1990..=2099).contains(year))?;
        let mut end = at + len;
        let mark = self.rest(end).chars().next().filter(|c| matches!(c, '年' | '-' | '.' | '/'))?;
        end += mark.len_utf8();
        if mark == '年' {
            return match self.month_and_day(end, Some(year)) {
                Some(found) => Some(found),
                None => Some((When::Year(year), end)),
            };
        }
        let (month, len) = two_digits(self.rest(end))?;
        end += len;
        let mark = self.rest(end).strip_prefix(mark)?.len();
        let (day, len) = two_digits(&self.text[self.text.len() - mark..])?;
        end = self.text.len() - mark + len;
        let day = Date::new(year, month, day).ok()?;
        end += strip(self.rest(end), &["日", "号"]);
        self.ends_number(end).then_some((When::Day(day), end))
    }

    /// 去年, 去年双十一, 今年6月.
    fn year_and_more(&self, at: usize) -> Read<When> {
        let years =
            [("去年", -1), ("前年", -2), ("今年", 0), ("明年", 1), ("年底", 0), ("年初", 0)];
        let (word, offset) = years.into_iter().find(|(word, _)| self.rest(at).starts_with(word))?;
        let year = self.now.year() + offset;
        let end = at + word.len();
        match word {
            "年底" => return Some((When::Day(Date::new(year, 12, 31).ok()?), end)),
            "年初" => return Some((When::Day(Date::new(year, 1, 1).ok()?), end)),
            _ => {}
        }
        self.festival(end, Some(year))
            .or_else(|| self.month_and_day(end, Some(year)))
            .or(Some((When::Year(year), end)))
    }

    fn relative_day(&self, at: usize) -> Read<When> {
        let rest = self.rest(at);
        let long = RELATIVE_DAYS.iter().find(|(word, _)| rest.starts_with(word));
        let (offset, len) = match long {
            Some((word, offset)) => (*offset, word.len()),
            None => {
                let (word, offset) = SHORT_DAYS.iter().find(|(word, _)| rest.starts_with(word))?;
                let has_part =
                    ["早", "晚", "夜"].iter().any(|part| rest[word.len()..].starts_with(part));
                (has_part.then_some(*offset)?, word.len())
            }
        };
        let day = self.today().checked_add(offset.days()).ok()?;
        Some((When::Day(day), at + len))
    }

    /// 上周五, 这个周末, 星期天, 下周.
    fn week(&self, at: usize) -> Read<When> {
        let prefixes = [("上上", -2), ("下下", 2), ("上", -1), ("下", 1), ("这", 0), ("本", 0)];
        let prefix = prefixes.into_iter().find(|(word, _)| self.rest(at).starts_with(word));
        let (mut end, offset) = prefix.map_or((at, 0), |(word, offset)| (at + word.len(), offset));
        end += strip(self.rest(end), &["个"]);
        let name =
            ["周", "星期", "礼拜"].into_iter().find(|word| self.rest(end).starts_with(word))?;
        end += name.len();
        let monday = self.monday().checked_add(offset.weeks()).ok()?;
        let on = |n_days: i32| monday.checked_add(n_days.days()).ok();
        let next = self.rest(end).chars().next();
        let days = match next {
            Some('末') => return Some((When::Days(on(5)?, on(6)?), end + '末'.len_utf8())),
            Some('日' | '天') => Some(6),
            Some(c) if c.is_ascii_digit() || !matches!(c, '零' | '〇' | '两') => {
                numeral::digit(c).filter(|n| (1..=6).contains(n)).map(|n| n - 1)
            }
            _ => None,
        };
        match (days, next) {
            (Some(days), Some(c)) => {
                Some((When::Day(on(i32::try_from(days).ok()?)?), end + c.len_utf8()))
            }
            // A week itself needs its 上 or 下: 周 alone is a surname, a circumference …
            _ => prefix.and_then(|_| Some((When::Days(monday, on(6)?), end))),
        }
    }

    fn monday(&self) -> Date {
        let back = i32::from(self.today().weekday().since(Weekday::Monday));
        self.today().checked_sub(back.days()).unwrap_or(self.today())
    }

    /// 上个月, 下月3号, 这个月底, 月初.
    fn month(&self, at: usize) -> Read<When> {
        let prefixes = [("上上", -2), ("上", -1), ("下", 1), ("这", 0), ("本", 0), ("当", 0)];
        let prefix = prefixes.into_iter().find(|(word, _)| self.rest(at).starts_with(word));
        let (mut end, offset) = prefix.map_or((at, 0), |(word, offset)| (at + word.len(), offset));
        if prefix.is_some() {
            end += strip(self.rest(end), &["个"]);
        }
        end += self.rest(end).strip_prefix('月').map(|_| '月'.len_utf8())?;
        end += strip(self.rest(end), &["份"]);
        let first = self.today().first_of_month().checked_add(offset.months()).ok()?;
        part_of_month(first, self.rest(end))
            .map(|(when, len)| (when, end + len))
            .or_else(|| prefix.and(self.day_of_month(end, first)))
            .or_else(|| prefix.map(|_| (When::Month(first), end)))
    }

    fn festival(&self, at: usize, year: Option<i16>) -> Read<When> {
        let rest = self.rest(at);
        if let Some((name, month, day)) = FESTIVALS.iter().find(|(name, ..)| rest.starts_with(name))
        {
            let end = at + name.len();
            let end = end + strip(self.rest(end), &["节"]);
            let is_other = match *name {
                "618" | "双11" | "双12" => !self.ends_number(end),
                // 五一 also begins a number, 六一八 a longer name.
                _ => self.rest(end).starts_with(|c: char| {
                    !c.is_ascii() && (numeral::digit(c).is_some() || numeral::unit(c).is_some())
                }),
            };
            let is_amount = self.rest(end).starts_with(['元', '块', '件', '个']);
            let day = match year {
                Some(year) => Date::new(year, *month, *day).ok()?,
                None => self.nearest(*month, *day)?,
            };
            return (!is_other && !is_amount).then_some((When::Day(day), end));
        }
        let (name, which) = LUNAR_NAMES.iter().find(|(name, _)| rest.starts_with(name))?;
        let days = LUNAR.iter().map(|days| days[*which]);
        let day = match year {
            Some(year) => days.into_iter().find(|day| day.year() == year)?,
            None => days.min_by_key(|day| self.distance(*day))?,
        };
        Some((When::Day(day), at + name.len()))
    }

    /// 11月20号, 十一月八日, 6月底, 10月份; `year` where it was said before.
    fn month_and_day(&self, at: usize, year: Option<i16>) -> Read<When> {
        let (month, len) = small(self.rest(at))?;
        let mut end = at + len;
        end += self.rest(end).strip_prefix('月').map(|_| '月'.len_utf8())?;
        end += strip(self.rest(end), &["份"]);
        let first = match year {
            Some(year) => Date::new(year, month, 1).ok()?,
            None => self.nearest(month, 1)?,
        };
        if let Some((when, len)) = part_of_month(first, self.rest(end)) {
            return Some((when, end + len));
        }
        let Some((day, len)) = small(self.rest(end)) else {
            return Some((When::Month(first), end));
        };
        let after = end + len;
        let after_mark = after + strip(self.rest(after), &["日", "号"]);
        let day = match year {
            Some(year) => Date::new(year, month, day).ok(),
            None => self.nearest(month, day),
        };
        Some((When::Day(day?), after_mark))
    }

    /// 11.11, 06-15, 6/15: cautious, since prices and versions look the same.
    fn decimal_date(&self, at: usize) -> Read<When> {
        let (month, len) = two_digits(self.rest(at))?;
        let mut end = at + len;
        let mark = self.rest(end).chars().next().filter(|c| matches!(c, '.' | '-' | '/'))?;
        end += mark.len_utf8();
        let (day, len) = two_digits(self.rest(end))?;
        end += len;
        let day = self.nearest(month, day)?;
        let after = end + strip(self.rest(end), &["日", "号"]);
        let next = self.rest(after).chars().next();
        // 06-15, with its zero, is nothing else.
        let is_padded = mark == '-' && self.rest(at).starts_with('0') && end - at == 5;
        let is_said = is_padded || after > end || next.is_some_and(|c| AFTER_DECIMAL.contains(c));
        (is_said && self.ends_number(after)).then_some((When::Day(day), after))
    }

    /// 三号, 15号 of the month that begins with `first`.
    fn day_of_month(&self, at: usize, first: Date) -> Read<When> {
        let (day, len) = small(self.rest(at))?;
        let end = at + len;
        let mark = self.rest(end).chars().next().filter(|c| matches!(c, '号' | '日'))?;
        let end = end + mark.len_utf8();
        let other = [
            "楼", "店", "线", "院", "链", "仓", "门", "柜", "电", "色", "床", "机", "客", "码",
            "上门", "车", "口", "房", "会",
        ];
        let is_other = other.iter().any(|word| self.rest(end).starts_with(word));
        let date = Date::new(first.year(), first.month(), day).ok()?;
        (!is_other).then_some((When::Day(date), end))
    }

    /// 晚上8点半, 14:20, 下午: a minute or a part of `day`.
    fn time(&self, at: usize, day: Date) -> Read<When> {
        let rest = self.rest(at);
        let part = PARTS.iter().find(|(name, ..)| rest.starts_with(name));
        // One character is too little without a day: 早 is also "good morning".
        let is_alone = at == 0
            || !self.text[..at].ends_with([
                '昨', '今', '明', '前', ' ', '天', '号', '日', '五', '六', '一', '二', '三', '四',
            ]);
        let part = part.filter(|(name, ..)| name.chars().count() > 1 || !is_alone);
        let end = part.map_or(at, |(name, ..)| at + name.len());
        let clock_at = end + spaces(self.rest(end));
        if let Some((hour, minute, end)) = self.clock(clock_at) {
            let hour = match part {
                Some((.., true)) if hour < 12 => hour + 12,
                Some(&("中午", ..)) if hour < 3 => hour + 12,
                None if (1..=6).contains(&hour)
                    && !self.rest(clock_at).starts_with('0')
                    && !self.rest(clock_at)[..end - clock_at].contains(':') =>
                {
                    hour + 12
                }
                _ => hour,
            };
            let midnight = day.to_datetime(jiff::civil::Time::midnight());
            let at =
                midnight.checked_add((i32::from(hour) * 60 + i32::from(minute)).minutes()).ok()?;
            return Some((When::Minute(at), end));
        }
        let (_, from, to, _) = part?;
        let midnight = day.to_datetime(jiff::civil::Time::midnight());
        let hour = |n: i8| midnight.checked_add(i32::from(n).hours()).ok();
        Some((When::Minutes(hour(*from)?, hour(*to)?), end))
    }

    /// Hour, minute and end of 8点半, 十点二十, 14:20.
    fn clock(&self, at: usize) -> Option<(i8, i8, usize)> {
        let (hour, len) = small_to(self.rest(at), 24)?;
        let mut end = at + len;
        if let Some(rest) = self.rest(end).strip_prefix(':') {
            let digits = rest.get(..2).filter(|d| d.bytes().all(|byte| byte.is_ascii_digit()))?;
            let minute: i8 = digits.parse().ok().filter(|minute| *minute < 60)?;
            end += 3;
            if self.rest(end).starts_with(':') && two_digits(&self.rest(end)[1..]).is_some() {
                end += 3;
            }
            end += strip(self.rest(end), &["分"]);
            return self.ends_number(end).then_some((hour, minute, end));
        }
        end += ["点钟", "点", "时"]
            .iter()
            .find(|word| self.rest(end).starts_with(**word))
            .map(|word| word.len())?;
        // 3点建议 counts points, 便宜一点 is a little.
        let is_points = self.rest(end).starts_with(['建', '意', '要', '原', '理', '九', '五']);
        let is_little = self.text[at..end] == *"一点" && !self.rest(end).starts_with(['半', '钟']);
        let has_part = PARTS.iter().any(|(name, ..)| self.text[..at].ends_with(name));
        if (is_points && self.rest(end).contains('元')) || (is_little && !has_part) {
            return None;
        }
        for (word, minute) in [("半", 30), ("一刻", 15), ("三刻", 45), ("钟", 0), ("整", 0)]
        {
            if self.rest(end).starts_with(word) {
                return Some((hour, minute, end + word.len()));
            }
        }
        match small_to(self.rest(end), 59) {
            Some((minute, len))
                if !self.rest(end + len).starts_with(['点', '号', '天', '个', '块', '元']) =>
            {
                let end = end + len;
                Some((hour, minute, end + strip(self.rest(end), &["分"])))
            }
            _ => Some((hour, 0, end)),
        }
    }

    /// Whether no digit, letter or decimal goes on at `end`.
    fn ends_number(&self, end: usize) -> bool {
        let mut rest = self.rest(end).chars();
        match rest.next() {
            Some('.' | '-' | '/' | ':') => !rest.next().is_some_and(|c| c.is_ascii_digit()),
            next => !next
                .is_some_and(|c| c.is_ascii_alphanumeric() || c == '%' || c == '元' || c == '块'),
        }
    }

    /// The date that lies nearest to today.
    fn nearest(&self, month: i8, day: i8) -> Option<Date> {
        let year = self.now.year();
        let dates =
            [year - 1, year, year + 1].into_iter().filter_map(|y| Date::new(y, month, day).ok());
        dates.min_by_key(|day| self.distance(*day))
    }

    fn distance(&self, day: Date) -> i32 {
        self.today().until(day).map_or(i32::MAX, |span| span.get_days().abs())
    }
}

/// 底, 初, 中 after a month that begins with `first`.
fn part_of_month(first: Date, rest: &str) -> Read<When> {
    let day = match rest.chars().next()? {
        '底' | '末' => first.last_of_month(),
        '初' => first,
        '中' if !rest.starts_with("中秋") => first.checked_add(14.days()).ok()?,
        _ => return None,
    };
    Some((When::Day(day), '底'.len_utf8()))
}

/// A number of one or two digits, or Chinese numerals up to 31.
fn small(text: &str) -> Option<(i8, usize)> {
    small_to(text, 31)
}

fn small_to(text: &str, max: i8) -> Option<(i8, usize)> {
    let (number, len) = numeral::integer(text)?;
    let number = i8::try_from(number).ok().filter(|number| *number <= max)?;
    Some((number, len))
}

/// One or two ASCII digits that no third follows.
fn two_digits(text: &str) -> Option<(i8, usize)> {
    let len = text.bytes().take_while(u8::is_ascii_digit).count();
    if (1..=2).contains(&len) { text[..len].parse().ok().map(|n| (n, len)) } else { None }
}

/// Length of the first of `words` that `text` begins with, 0 where none.
fn strip(text: &str, words: &[&str]) -> usize {
    words.iter().find(|word| text.starts_with(**word)).map_or(0, |word| word.len())
}

fn spaces(text: &str) -> usize {
    text.len() - text.trim_start_matches(' ').len()
}
