//! Postal addresses down to a street, estate or door.
//!
//! A run of characters that may stand in an address is cut at words that announce one; a piece
//! counts where it holds a street or estate with a number, and begins at a place or after such a
//! word. It ends with its last number or building.

use super::words::{Places, split};
use super::{EntityKind, Found, regex};
use aho_corasick::{AhoCorasick, MatchKind};
use regex::Regex;
use std::ops::Range;

/// Shortest and longest piece looked at, in bytes: 莲花路6号 and about 60 characters.
const MIN_BYTES: usize = 12;
const MAX_BYTES: usize = 200;

pub(super) struct AddressFinder {
    run: Regex,
    announcement: Regex,
    place: AhoCorasick,
    district: Regex,
    street_with_number: Regex,
    building: Regex,
    landmark: Regex,
    unit: Regex,
    lead_in: Regex,
}

impl AddressFinder {
    pub(super) fn new(places: &Places) -> Self {
        let places = split(&places.provinces).chain(split(&places.cities));
        let street = "路|街|大道|道|巷|弄|胡同|里|街道|村|庄|屯|镇|乡|大厦|大楼|广场|公寓|写字楼|商场|\
                      小区|花园|家园|苑|园|城|府|湾|庭|院|[一二三四五六七八九十]区|新村|社区|校区|园区|工业园|\
                      产业园|创意园|大学|学校|中学|宿舍|楼|天街";
        let number = "[0-9a-z一二三四五六七八九十]{1,5}(?:-[0-9a-z]{1,5}){0,3}";
        let door = "号楼|号院|号|弄|栋|幢|座|单元|室|舍|组|楼|层|户|门牌|排|f|期";
        Self {
            run: regex(r"[\p{Han}0-9a-z#·-]+"),
            announcement: regex(concat!(
                r"(?:收货|收件|寄件|取件|新|旧|老家|默认)?地址(?:是|为|在|改成|改为|换成|换到|[:\s])*|住址[:是]?|门牌是?|",
                r"寄到|寄往|发到|送到|送去|送货到|改到|换到|改成|改为|换成|搬到|搬去|住在|现在住|家在|家住|我住|我在|人在|而不是|不是|改送|",
                r"转寄|收货人|收件人|地址填|用"
            )),
            place: AhoCorasick::builder()
                .match_kind(MatchKind::LeftmostLongest)
                .build(places)
                .expect("some hundred place names fit an automaton"),
            district: regex(r"^[\p{Han}]{2,4}(?:市|区|县|旗|镇|街道)[\p{Han}0-9]"),
            street_with_number: regex(&format!(
                r"(?:{street})[\p{{Han}}]{{0,8}}?(?:{number}(?:{door})|[0-9]{{1,3}}(?:-[0-9]{{1,5}}){{1,3}}|#[0-9])"
            )),
            building: regex(r"[0-9]{1,4}(?:号楼|号院|栋|幢|座|单元)[\p{Han}0-9a-z]{0,6}[0-9]"),
            landmark: regex(
                r"(?:区|县|市|镇)[\p{Han}]{2,12}(?:路|街|大道|小区|花园|苑|村|大厦|广场|公寓|校区|大学)",
            ),
            unit: regex(&format!(
                "{number}(?:{door})[东南西北]?(?:[东南西北](?:单元|户|门|座|区))*\
                 (?:[0-9]{{2,5}}(?:-[0-9]{{1,4}})*(?:{door})?)*|\
                 [0-9]{{1,3}}(?:-[0-9]{{1,5}}){{1,3}}室?|[东西南北](?:户|单元)|\
                 [\\p{{Han}}a-z][0-9]{{3,4}}(?:室|房)?收?$"
            )),
            lead_in: regex(
                r"^(?:麻烦|请|帮我|帮忙|直接|我家|家里|公司|学校|我|就|还是|应该|是|在|到|寄|发|送|往|去|至|从|为|把|这个|给|上门|放|住|开|,|:|\s)+",
            ),
        }
    }

    pub(super) fn find(&self, text: &str, found: &mut Vec<Found>) {
        for run in self.run.find_iter(text).filter(|run| run.len() >= MIN_BYTES) {
            let mut start = run.start();
            for word in self.announcement.find_iter(run.as_str()) {
                self.piece(text, start..run.start() + word.start(), found);
                start = run.start() + word.end();
            }
            self.piece(text, start..run.end(), found);
        }
    }

    fn piece(&self, text: &str, bytes: Range<usize>, found: &mut Vec<Found>) {
        let piece = &text[bytes.clone()];
        if piece.len() < MIN_BYTES || piece.len() > MAX_BYTES {
            return;
        }
        let has_number = self.street_with_number.is_match(piece) || self.building.is_match(piece);
        let place = self.place.find(piece).map(|m| m.start());
        // Without a place Chinese numerals may be dates and prices: 一路十号出发.
        let has_number =
            has_number && (place.is_some() || piece.bytes().any(|byte| byte.is_ascii_digit()));
        let has_landmark = place.is_some() && self.landmark.is_match(piece);
        if !has_number && !has_landmark {
            return;
        }
        let lead_in = self.lead_in.find(piece).map_or(0, |m| m.end());
        let start = match place {
            // Roads are named after cities: 上海路 in 遵义, 中山北路 anywhere.
            Some(place) if !is_road(&piece[place..]) => place,
            _ => lead_in,
        };
        let piece = &piece[start..];
        let start = bytes.start + start;
        let last =
            self.unit.find_iter(piece).last().map(|m| match piece[m.end()..].chars().next() {
                // 258号楼下 is 258号, downstairs.
                // A room that only the end of the address tells from other numbers.
                _ if m.as_str().ends_with('收') => m.end() - '收'.len_utf8(),
                Some('下') if m.as_str().ends_with("号楼") => m.end() - '楼'.len_utf8(),
                _ => m.end(),
            });
        let end =
            if has_number { last } else { self.landmark.find_iter(piece).last().map(|m| m.end()) };
        if let Some(end) = end.filter(|&end| end >= MIN_BYTES || self.district.is_match(piece)) {
            let bytes = start..start + end;
            let value = text[bytes.clone()].to_owned();
            found.push(Found { kind: EntityKind::Address, bytes, value });
        }
    }
}

/// Whether the place's name is that of a road here.
fn is_road(from_place: &str) -> bool {
    let mut chars = from_place.chars().skip(2);
    match chars.next() {
        Some('路' | '街') => true,
        Some('东' | '西' | '南' | '北' | '中') => {
            matches!(chars.next(), Some('路' | '街' | '大'))
        }
        _ => false,
    }
}
