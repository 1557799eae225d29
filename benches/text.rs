//! The text path: normalise, entities, keywords, words of emotion, segment, at 16, 32 and 64 characters.
//!
//! Measured: one call on one thread with warm caches and tables loaded, the allocations of the
//! result included. Left out: loading the tables (once a process), masking, anything with a model.

mod support;
#[path = "support/texts.rs"]
mod texts;

use anyhow::{Context, ensure};
use fenzhen::text::entity::{EntityFinder, Products};
use fenzhen::text::keyword::KeywordFinder;
use fenzhen::text::lexicon::{EmotionLabel, Lexicon};
use fenzhen::text::normalize::Normalizer;
use fenzhen::text::segment::Dictionary;
use jiff::civil::date;
use std::hint::black_box;
use support::{Bench, measure};
use texts::TEXTS;

/// What no keyboard-clean sample has: traditional characters, full width, a number and an address.
const MESSY: &str = "請問訂單１２３４５６７８９０１２怎麼還沒發貨？？？電話１３８００１３８０００，\
                     地址杭州市西湖區文三路100號3幢２單元，急😡😡😡";

fn main() -> anyhow::Result<()> {
    let words =
        std::fs::read_to_string("config/dictionary.txt").context("config/dictionary.txt")?;
    let dictionary = Dictionary::new(&words)?;
    let products = std::fs::read_to_string("config/products.txt").context("config/products.txt")?;
    let finder = EntityFinder::new(Products::parse(&products)?);
    let (normalizer, lexicon, keywords) = (Normalizer::new(), Lexicon::new(), KeywordFinder::new());
    let now = date(2026, 11, 21).at(14, 30, 0, 0);

    let normalized = normalizer.normalize(MESSY);
    ensure!(normalized.text().starts_with("请问订单123456789012怎么还没发货??"));
    let kinds: Vec<_> =
        finder.find(MESSY, &normalized, now).iter().map(|entity| entity.kind.as_str()).collect();
    ensure!(kinds.contains(&"phone"), "{kinds:?}");
    ensure!(lexicon.read(normalized.text()).emotion == EmotionLabel::Angry);

    let mut bench = Bench::from_args();
    let samples = TEXTS.map(|(chars, text)| (format!("{chars} characters"), text));
    for (name, text) in samples.into_iter().chain([("messy".to_owned(), MESSY)]) {
        let normalized = normalizer.normalize(text);
        let segments = dictionary.cut(normalized.text());
        let joined: String = segments.iter().map(|segment| segment.text).collect();
        ensure!(joined == normalized.text(), "the words of {name} do not tile it");
        measure(&mut bench, &format!("normalise, {name}"), || {
            normalizer.normalize(black_box(text))
        });
        measure(&mut bench, &format!("entities, {name}"), || {
            finder.find(black_box(text), &normalized, now)
        });
        measure(&mut bench, &format!("keywords, {name}"), || {
            keywords.find(black_box(text), &normalized, &[], &dictionary)
        });
        measure(&mut bench, &format!("emotion and urgency, {name}"), || {
            lexicon.read(black_box(normalized.text()))
        });
        measure(&mut bench, &format!("segment, {name}"), || {
            dictionary.cut(black_box(normalized.text()))
        });
    }
    bench.finish();
    Ok(())
}
