use super::*;
use crate::eval::{
    Options,
    baseline::{self, Baseline, Drop, Measured},
    bootstrap::Bootstrap,
    compare,
    dataset::{Format, LabelledSet},
    intent::{self, IntentReport, Prediction},
};
use std::convert::Infallible;

const NASTY: &str = "<script>alert('x')</script>&\"";

/// Six rows of three labels, one of them nasty; the first `n_wrong` rows are taken for oos.
fn report(n_wrong: usize) -> IntentReport {
    let rows = ["shipping.delay", "shipping.delay", "shipping.delay", "oos", "oos", NASTY];
    let lines: Vec<String> = rows
        .iter()
        .map(|label| {
            serde_json::json!({"text": "机密", "intent": label, "style": "plain"}).to_string()
        })
        .collect();
    let set = LabelledSet::parse("set.jsonl", &lines.join("\n"), Format::JsonLines, "intent", &[])
        .unwrap();
    let mut n = 0;
    let predict = |_: &[&str]| {
        let label = if n < n_wrong { "oos" } else { rows[n] };
        n += 1;
        let outcome = Some("accept".to_owned());
        Ok::<_, Infallible>(vec![Prediction {
            label: label.into(),
            score: 0.8,
            outcome,
            ..Prediction::default()
        }])
    };
    let options = Options {
        bootstrap: Bootstrap { resamples: 50, threads: 1, ..Bootstrap::default() },
        progress: false,
        model: Some(NASTY.into()),
        names: [("shipping.delay".to_owned(), "物流延误".to_owned())].into(),
        ..Options::default()
    };
    intent::evaluate(&set, predict, &options).unwrap()
}

/// Columns a terminal gives the line: two for each Chinese character.
fn columns(line: &str) -> usize {
    line.chars().map(|c| if ('\u{4e00}'..='\u{9fff}').contains(&c) { 2 } else { 1 }).sum()
}

#[test]
fn columns_stay_in_line_beside_chinese() {
    let text = tables::intent(&report(2));
    let rows: Vec<&str> = text
        .lines()
        .skip_while(|line| !line.contains("label (*"))
        .take_while(|line| !line.is_empty())
        .filter(|line| line.contains("0."))
        .collect();
    assert!(rows.iter().any(|row| row.contains("物流延误 shipping.delay")), "{text}");
    assert!(rows.windows(2).all(|pair| columns(pair[0]) == columns(pair[1])), "{text}");
    assert!(!text.contains("机密"));
}

#[test]
fn the_page_is_whole_and_everything_is_escaped() {
    let page = html(&report(2));
    assert!(!page.contains("<script") && !page.contains("alert('"), "{page}");
    assert!(page.contains("&lt;script&gt;") && page.contains("物流延误"));
    assert!(!page.contains("http") && !page.contains("机密"));
    for tag in ["table", "svg", "div", "h2", "tr", "style", "text"] {
        let opened =
            page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
        assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{tag}");
    }
    assert!(page.contains("class='wrong'") && page.contains("class='bar few'"));
}

#[test]
fn comparisons_and_drops_read_well() {
    let comparison = compare::compare(&report(3), &report(1), &Bootstrap::default()).unwrap();
    assert_eq!((comparison.mcnemar.only_a, comparison.mcnemar.only_b), (0, 2));
    let text = tables::comparison(&comparison);
    assert!(
        text.contains("only A right 0, only B right 2") && text.contains("p = 0.5000"),
        "{text}"
    );
    let drop = Drop {
        suite: "intent".into(),
        metric: "accuracy".into(),
        baseline: 0.9,
        measured: Some(0.8),
        tolerance: 0.01,
    };
    let text = tables::drops(&[drop]);
    assert!(text.contains("intent accuracy") && text.contains("-0.1000"), "{text}");
    assert!(tables::drops(&[]).starts_with("no figure fell"));
}

#[test]
fn json_is_read_as_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.json");
    let report = report(1);
    write_json(&path, &report).unwrap();
    assert_eq!(read_json::<IntentReport>(&path).unwrap(), report);
    assert!(read_json::<crate::eval::retrieval::RetrievalReport>(&path).is_err());
    assert!(write(&folder.path().join("no/such"), "").is_err());
}

#[test]
fn a_worse_model_falls_below_what_was_recorded() {
    let mut recorded = Baseline::default();
    recorded.record("intent", &Measured::from(&report(0)));
    let fallen = |n_wrong| {
        let measured = [("intent".to_owned(), Measured::from(&report(n_wrong)))].into();
        baseline::compare(&recorded, &measured)
    };
    assert_eq!(fallen(0), []);
    let metrics: Vec<String> = fallen(2).into_iter().map(|drop| drop.metric).collect();
    for metric in ["accuracy", "macro_f1", "f1 shipping.delay"] {
        assert!(metrics.iter().any(|m| m == metric), "{metric} among {metrics:?}");
    }
}
