//! The finders of the text path on their labelled sets, with recorded floors.

use fenzhen::eval::Options;
use fenzhen::eval::dataset::{Span, SpanRow, SpanSet};
use fenzhen::eval::spans::{SpanReport, evaluate};
use fenzhen::text::entity::{Entity, EntityFinder, Products};
use fenzhen::text::keyword::KeywordFinder;
use fenzhen::text::normalize::Normalizer;
use fenzhen::text::segment::Dictionary;
use fenzhen::triage::CHINESE_TIME;
use std::path::Path;
use std::sync::LazyLock;

static NORMALIZER: LazyLock<Normalizer> = LazyLock::new(Normalizer::new);
static FINDER: LazyLock<EntityFinder> = LazyLock::new(|| {
    let products = std::fs::read_to_string("config/products.txt").unwrap();
    EntityFinder::new(Products::parse(&products).unwrap())
});

fn entities(row: &SpanRow) -> Vec<Entity> {
    let now = CHINESE_TIME.to_datetime(row.now.unwrap_or_default());
    FINDER.find(&row.text, &NORMALIZER.normalize(&row.text), now)
}

fn span(entity: Entity) -> Span {
    let label = entity.kind.as_str().to_owned();
    Span { label, start: entity.start, end: entity.end, value: Some(entity.value) }
}

fn measure(file: &str, masking: bool, find: impl FnMut(&SpanRow) -> Vec<Span>) -> SpanReport {
    let set = SpanSet::load(&Path::new("eval-data").join(file)).unwrap();
    evaluate(&set, find, masking, &Options { progress: false, ..Options::default() })
}

fn ids(
    report: &SpanReport,
    wrong: impl Fn(&fenzhen::eval::spans::SpanResult) -> bool,
) -> Vec<&str> {
    report.rows.iter().filter(|row| wrong(row)).map(|row| row.id.as_str()).collect()
}

#[test]
fn masking_leaks_nothing_and_hides_little_else() {
    let personal = |entity: &Entity| entity.kind.is_personal();
    let find = |row: &SpanRow| entities(row).into_iter().filter(personal).map(span).collect();
    let report = measure("masking.jsonl", true, find);
    let masking = report.masking.as_ref().unwrap();
    assert!(masking.n_personal >= 500 && masking.n_other >= 500);
    assert_eq!(ids(&report, |row| row.leaked), [""; 0]);
    assert_eq!(ids(&report, |row| row.overmasked), [""; 0]);
    assert!(report.all.f1 >= 0.99, "{:.4}", report.all.f1);
}

#[test]
fn masked_text_holds_no_labelled_span() {
    let set = SpanSet::load(Path::new("eval-data/masking.jsonl")).unwrap();
    for row in &set.rows {
        let masked = FINDER.mask(&row.text, &NORMALIZER.normalize(&row.text));
        assert_eq!(masked == row.text, row.spans.is_empty(), "{}", row.id);
    }
}

#[test]
fn entities_keep_their_floor() {
    let report =
        measure("entities.jsonl", false, |row| entities(row).into_iter().map(span).collect());
    assert!(report.all.f1 >= 0.97, "{:.4}", report.all.f1);
    assert!(report.all.value_accuracy >= Some(0.97), "{:?}", report.all.value_accuracy);
}

#[test]
fn keywords_keep_their_floor() {
    let words = std::fs::read_to_string("config/dictionary.txt").unwrap();
    let (finder, dictionary) = (KeywordFinder::new(), Dictionary::new(&words).unwrap());
    let find = |row: &SpanRow| {
        let normalized = NORMALIZER.normalize(&row.text);
        let keywords = finder.find(&row.text, &normalized, &entities(row), &dictionary);
        let span = |keyword: fenzhen::text::keyword::Keyword| Span {
            label: keyword.polarity.as_str().to_owned(),
            start: keyword.start,
            end: keyword.end,
            value: Some(keyword.phrase),
        };
        keywords.into_iter().map(span).collect()
    };
    let report = measure("keywords.jsonl", false, find);
    assert!(report.all.f1 >= 0.9, "{:.4}", report.all.f1);
}
