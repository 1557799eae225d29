//! Working hours: several shifts a day, public holidays and make-up working days.
//!
//! All times are on the local clocks of the rule set's zone, to the second.

use jiff::civil::{Date, DateTime, Weekday};
use std::ops::RangeInclusive;

/// Search no further than this for an opening: longer closures are mistakes.
const MAX_CLOSED_DAYS: usize = 400;

const DAY_S: u32 = 24 * 3600;

/// When a skill group works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Hours {
    /// Round the clock, on every day.
    Always,
    /// In shifts.
    Shifts(Box<Calendar>),
}

/// Shifts by weekday, and the days that differ.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Calendar {
    /// Shifts of Monday to Sunday, ordered, not overlapping.
    pub(crate) week: [Vec<Shift>; 7],
    /// Days without work, whatever their weekday.
    pub(crate) closed: Vec<RangeInclusive<Date>>,
    /// Days of 调休 that work like a Monday; they beat `closed`.
    pub(crate) workdays: Vec<Date>,
}

/// Seconds of a day, from the first to before the last; a day has 86,400.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Shift {
    /// First second of work.
    pub(crate) from: u32,
    /// First second after work.
    pub(crate) to: u32,
}

impl Hours {
    /// Whether work goes on at this time.
    pub(crate) fn is_open(&self, at: DateTime) -> bool {
        match self {
            Hours::Always => true,
            Hours::Shifts(calendar) => calendar.is_open(at),
        }
    }

    /// This time where work goes on, otherwise the next opening.
    pub(crate) fn next_open(&self, at: DateTime) -> Option<DateTime> {
        self.advance(at, 0)
    }

    /// The time at which so much working time has passed; `None` where it never will.
    pub(crate) fn advance(&self, from: DateTime, seconds: u32) -> Option<DateTime> {
        match self {
            Hours::Always => from.checked_add(jiff::SignedDuration::from_secs(seconds.into())).ok(),
            Hours::Shifts(calendar) => calendar.advance(from, seconds),
        }
    }
}

impl Calendar {
    fn shifts_on(&self, date: Date) -> &[Shift] {
        if self.workdays.contains(&date) {
            return &self.week[0];
        }
        if self.closed.iter().any(|days| days.contains(&date)) {
            return &[];
        }
        &self.week[weekday_idx(date.weekday())]
    }

    fn is_open(&self, at: DateTime) -> bool {
        let second = second_of_day(at);
        self.shifts_on(at.date()).iter().any(|shift| shift.from <= second && second < shift.to)
    }

    fn advance(&self, from: DateTime, mut seconds: u32) -> Option<DateTime> {
        let mut date = from.date();
        let mut second = second_of_day(from);
        let mut n_closed_days = 0;
        while n_closed_days < MAX_CLOSED_DAYS {
            let shifts = self.shifts_on(date);
            n_closed_days = if shifts.is_empty() { n_closed_days + 1 } else { 0 };
            for shift in shifts.iter().filter(|shift| second < shift.to) {
                let start = second.max(shift.from);
                if start + seconds < shift.to || (start + seconds == shift.to && seconds > 0) {
                    return at_second(date, start + seconds);
                }
                seconds -= shift.to - start;
            }
            date = date.tomorrow().ok()?;
            second = 0;
        }
        None
    }
}

fn weekday_idx(weekday: Weekday) -> usize {
    usize::from(weekday.to_monday_zero_offset().unsigned_abs())
}

fn second_of_day(at: DateTime) -> u32 {
    let field = |value: i8| u32::from(value.unsigned_abs());
    field(at.hour()) * 3600 + field(at.minute()) * 60 + field(at.second())
}

fn at_second(date: Date, second: u32) -> Option<DateTime> {
    let midnight = date.at(0, 0, 0, 0);
    midnight.checked_add(jiff::SignedDuration::from_secs(second.into())).ok()
}

/// Weekdays (Monday first) that a text like `mon-fri`, `sat,sun` or `daily` names.
pub(crate) fn parse_days(text: &str) -> Result<[bool; 7], String> {
    let mut days = [false; 7];
    if text.trim() == "daily" {
        return Ok([true; 7]);
    }
    for part in text.split(',').map(str::trim) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (parse_day(first)?, parse_day(last)?);
        let mut day = first;
        loop {
            days[day] = true;
            if day == last {
                break;
            }
            day = (day + 1) % 7;
        }
    }
    Ok(days)
}

fn parse_day(text: &str) -> Result<usize, String> {
    ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
        .iter()
        .position(|name| *name == text.trim())
        .ok_or_else(|| format!("`{text}` is no day; write `mon` … `sun`, `mon-fri` or `daily`"))
}

/// Second of the day of a time like `08:30`; the end of the day is `24:00`.
pub(crate) fn parse_time(text: &str) -> Result<u32, String> {
    let wrong = || format!("`{text}` is no time; write it like `08:30`, midnight as `24:00`");
    let (hour, minute) = text.split_once(':').ok_or_else(wrong)?;
    let field = |digits: &str| -> Option<u32> {
        let is_pair = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit());
        is_pair.then(|| digits.parse().ok()).flatten()
    };
    let (hour, minute) = field(hour).zip(field(minute)).ok_or_else(wrong)?;
    let second = hour * 3600 + minute * 60;
    if minute < 60 && second <= DAY_S { Ok(second) } else { Err(wrong()) }
}

/// Days that a text like `2026-10-01` or `2026-10-01..2026-10-07` (ends included) names.
pub(crate) fn parse_dates(text: &str) -> Result<RangeInclusive<Date>, String> {
    let parse = |date: &str| {
        date.trim().parse::<Date>().map_err(|_| {
            format!("`{text}` is no date; write `2026-10-01` or `2026-10-01..2026-10-07`")
        })
    };
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    let (first, last) = (parse(first)?, parse(last)?);
    if first <= last { Ok(first..=last) } else { Err(format!("`{text}` ends before it begins")) }
}

impl Calendar {
    /// Adds one shift on several weekdays; one that passes midnight ends on the following days.
    pub(crate) fn add(&mut self, days: [bool; 7], from: u32, to: u32) -> Result<(), String> {
        if from == to || from == DAY_S {
            return Err("a shift of no length".into());
        }
        for day in (0..7).filter(|day| days[*day]) {
            if from < to {
                self.insert(day, Shift { from, to })?;
            } else {
                self.insert(day, Shift { from, to: DAY_S })?;
                if to > 0 {
                    self.insert((day + 1) % 7, Shift { from: 0, to })?;
                }
            }
        }
        Ok(())
    }

    fn insert(&mut self, day: usize, shift: Shift) -> Result<(), String> {
        let shifts = &mut self.week[day];
        if shifts.iter().any(|other| shift.from < other.to && other.from < shift.to) {
            return Err("overlaps another shift of the same day".into());
        }
        shifts.push(shift);
        shifts.sort_unstable();
        Ok(())
    }

    /// Whether no weekday has a shift.
    pub(crate) fn is_empty(&self) -> bool {
        self.week.iter().all(Vec::is_empty)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::{date, datetime};
    use proptest::prelude::*;

    /// Two shifts on working days, one on Saturday, National Day closed, 10 October worked.
    fn office() -> Hours {
        let mut calendar = Calendar::default();
        let mut add = |days: &str, from: &str, to: &str| {
            let days = parse_days(days).unwrap();
            calendar.add(days, parse_time(from).unwrap(), parse_time(to).unwrap()).unwrap();
        };
        add("mon-fri", "08:00", "12:00");
        add("mon-fri", "13:30", "18:00");
        add("sat", "22:00", "02:00");
        calendar.closed = vec![parse_dates("2026-10-01..2026-10-07").unwrap()];
        calendar.workdays = vec![date(2026, 10, 10)];
        Hours::Shifts(Box::new(calendar))
    }

    fn at(text: &str) -> DateTime {
        text.parse().unwrap()
    }

    #[test]
    fn hours_know_shifts_holidays_and_working_saturdays() {
        let check = |time: &str, expected: &str| {
            let (hours, time) = (office(), at(time));
            assert_eq!(hours.next_open(time), Some(at(expected)), "{time}");
            assert_eq!(hours.is_open(time), time == at(expected), "{time}");
        };
        check("2026-11-18T09:00:00", "2026-11-18T09:00:00");
        check("2026-11-18T12:00:00", "2026-11-18T13:30:00");
        check("2026-11-18T18:00:00", "2026-11-19T08:00:00");
        check("2026-11-20T18:30:00", "2026-11-21T22:00:00");
        check("2026-11-22T01:59:59", "2026-11-22T01:59:59");
        check("2026-11-22T02:00:00", "2026-11-23T08:00:00");
        check("2026-10-01T09:00:00", "2026-10-08T08:00:00");
        check("2026-10-09T18:00:00", "2026-10-10T08:00:00");
        check("2026-10-10T14:00:00", "2026-10-10T14:00:00");
    }

    #[test]
    fn clocks_stop_outside_working_hours() {
        let check = |from: &str, minutes: u32, expected: &str| {
            assert_eq!(office().advance(at(from), minutes * 60), Some(at(expected)), "{from}");
        };
        check("2026-11-18T09:00:00", 30, "2026-11-18T09:30:00");
        check("2026-11-18T11:30:00", 30, "2026-11-18T12:00:00");
        check("2026-11-18T11:30:00", 60, "2026-11-18T14:00:00");
        check("2026-11-18T12:15:00", 10, "2026-11-18T13:40:00");
        check("2026-11-18T17:00:00", 120, "2026-11-19T09:00:00");
        check("2026-11-21T23:30:00", 60, "2026-11-22T00:30:00");
        check("2026-09-30T17:00:00", 90, "2026-10-08T08:30:00");
    }

    #[test]
    fn what_never_opens_has_no_opening() {
        let closed = Hours::Shifts(Box::default());
        assert_eq!(closed.next_open(datetime(2026, 11, 18, 9, 0, 0, 0)), None);
        assert_eq!(Hours::Always.advance(DateTime::MAX, 1), None);
    }

    #[test]
    fn texts_are_read_strictly() {
        let check = |text: &str, expected: Option<[u8; 7]>| {
            let days = parse_days(text).ok().map(|days| days.map(u8::from));
            assert_eq!(days, expected, "{text}");
        };
        check("mon-fri", Some([1, 1, 1, 1, 1, 0, 0]));
        check("sat-mon", Some([1, 0, 0, 0, 0, 1, 1]));
        check("tue, sun", Some([0, 1, 0, 0, 0, 0, 1]));
        check("daily", Some([1; 7]));
        check("", None);
        check("monday", None);
        assert_eq!(parse_time("24:00"), Ok(86_400));
        assert_eq!(parse_time("00:05"), Ok(300));
        for wrong in ["24:01", "8:00", "08:60", "08", "-1:00", "+8:00", "08:00:00"] {
            assert!(parse_time(wrong).is_err(), "{wrong}");
        }
        for wrong in ["2026-02-30", "2026-10-07..2026-10-01", "10-01", ""] {
            assert!(parse_dates(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn shifts_may_not_overlap() {
        let mut calendar = Calendar::default();
        calendar.add([true; 7], 8 * 3600, 12 * 3600).unwrap();
        assert!(calendar.add([true; 7], 11 * 3600, 13 * 3600).is_err());
        assert!(calendar.add([true; 7], 22 * 3600, 9 * 3600).is_err());
        assert!(calendar.add([true; 7], 5, 5).is_err());
    }

    proptest! {
        #[test]
        fn advancing_twice_is_advancing_once(
            start in 0..3_000_000i64, first in 1..100_000u32, second in 1..100_000u32,
        ) {
            let from = at("2026-09-20T00:00:00") + jiff::SignedDuration::from_secs(start);
            let hours = office();
            let split = hours.advance(from, first).and_then(|mid| hours.advance(mid, second));
            prop_assert_eq!(split, hours.advance(from, first + second));
        }
    }
}
