use super::*;
use crate::eval::{bootstrap::Bootstrap, dataset::Format};
use std::convert::Infallible;

fn options() -> Options {
    Options {
        bootstrap: Bootstrap { resamples: 200, threads: 2, ..Bootstrap::default() },
        progress: false,
        ..Options::default()
    }
}

fn set() -> LabelledSet {
    let rows = [
        ("快递到哪了", "shipping.track", "plain"),
        ("還沒到嗎", "shipping.delay", "traditional"),
        ("退款多久", "refund.status", "plain"),
        ("今天股市如何", "oos", "plain"),
    ];
    let lines: Vec<String> = rows
        .iter()
        .map(|(text, intent, style)| {
            serde_json::json!({"text": text, "intent": intent, "style": style}).to_string()
        })
        .collect();
    LabelledSet::parse("set", &lines.join("\n"), Format::JsonLines, "intent", &[]).unwrap()
}

/// Right on all but 還沒到嗎, which it takes for shipping.track.
fn answer(text: &str) -> Prediction {
    let (label, score, out_of_scope, outcome) = match text {
        "退款多久" => ("refund.status", 0.9, 0.05, "accept"),
        "今天股市如何" => ("oos", 0.6, 0.7, "reject"),
        _ => ("shipping.track", 0.8, 0.1, "accept"),
    };
    Prediction {
        label: label.into(),
        score,
        ranked: vec![(label.into(), score), ("shipping.delay".into(), 1.0 - score)],
        out_of_scope,
        outcome: Some(outcome.into()),
        by_accurate: score < 0.7,
        latency: Duration::from_micros(640),
    }
}

fn report() -> IntentReport {
    let predict = |texts: &[&str]| Ok::<_, Infallible>(texts.iter().map(|t| answer(t)).collect());
    evaluate(&set(), predict, &options()).unwrap()
}

#[test]
fn figures_by_hand() {
    let report = report();
    assert_eq!((report.n, report.accuracy, report.top3_accuracy), (4, 0.75, 1.0));
    // F1: track 2/3, delay 0, refund 1, oos 1.
    assert!((report.macro_f1 - (2.0 / 3.0 + 2.0) / 4.0).abs() < 1e-12);
    assert_eq!(report.confusion["shipping.delay"]["shipping.track"], 1);
    let worst = &report.worst_confusions[0];
    assert_eq!((worst.truth.as_str(), worst.n, worst.share), ("shipping.delay", 1, 1.0));
    let oos = report.out_of_scope.as_ref().unwrap();
    assert_eq!((oos.recall, oos.precision, oos.detection.auroc), (1.0, 1.0, Some(1.0)));
    assert_eq!((oos.recall_rejected, oos.precision_rejected), (Some(1.0), Some(1.0)));
    assert_eq!(report.outcomes["accept"].accuracy, 2.0 / 3.0);
    assert_eq!(report.slices["style"]["traditional"].accuracy, 0.0);
    assert_eq!(report.latency_us.p99, 640);
    let [low, high] = report.accuracy_ci95;
    assert!(low <= 0.75 && 0.75 <= high && low < high);
}

#[test]
fn json_has_the_names_of_the_interface_and_no_text() {
    let report = report();
    let json = serde_json::to_value(&report).unwrap();
    for name in ["n", "accuracy", "macro_f1", "ece", "per_label", "confusion", "rows", "data"] {
        assert!(json.get(name).is_some(), "{name}");
    }
    assert_eq!(json["accuracy_ci95"].as_array().unwrap().len(), 2);
    assert_eq!(json["latency_us"]["p50"], 640);
    assert_eq!(json["out_of_scope"]["auroc"], 1.0);
    assert!(!json.to_string().contains("退款多久"));
    assert_eq!(serde_json::from_value::<IntentReport>(json).unwrap(), report);
}

#[test]
fn a_cascade_tells_what_went_on() {
    assert_eq!(report().cascade, None);
    let predict = |texts: &[&str]| Ok::<_, Infallible>(texts.iter().map(|t| answer(t)).collect());
    let options = Options { cascade_below: Some(0.7), ..options() };
    let report = evaluate(&set(), predict, &options).unwrap();
    assert_eq!(report.cascade, Some(CascadeShare { below: 0.7, n: 1, share: 0.25 }));
}

#[test]
fn unknown_labels_are_listed_and_wrong() {
    let options = Options {
        known_labels: Some(vec!["shipping.track".into(), "refund.status".into(), "oos".into()]),
        ..options()
    };
    let predict = |texts: &[&str]| Ok::<_, Infallible>(texts.iter().map(|t| answer(t)).collect());
    let report = evaluate(&set(), predict, &options).unwrap();
    assert_eq!(report.unknown_labels["shipping.delay"], 1);
}

#[test]
fn batches_do_not_change_the_figures() {
    let predict = |texts: &[&str]| Ok::<_, Infallible>(texts.iter().map(|t| answer(t)).collect());
    let batched = evaluate(&set(), predict, &Options { batch: 3, ..options() }).unwrap();
    assert_eq!(batched, report());
}

#[test]
fn bad_answers_are_refused() {
    let run = |answers: fn(&[&str]) -> Result<Vec<Prediction>, String>| {
        evaluate(&set(), answers, &options()).unwrap_err().to_string()
    };
    assert_eq!(run(|_| Err("no session".into())), "row 0: no session");
    assert_eq!(run(|_| Ok(vec![])), "0 predictions for 1 texts");
    let scored = |score| Prediction { label: "a".into(), score, ..Prediction::default() };
    assert!(
        run(|_| Ok(vec![Prediction { score: f64::NAN, ..Prediction::default() }])).contains("NaN")
    );
    assert!(checked(3, scored(1.2)).is_err());
    assert_eq!(checked(3, scored(1.0 + 1e-7)).unwrap().score, 1.0);
}

#[test]
fn a_perfect_model_has_an_interval_below_one() {
    let set = set();
    let truths: std::collections::BTreeMap<_, _> =
        set.rows.iter().map(|row| (row.text.clone(), row.truth.clone())).collect();
    let predict = |texts: &[&str]| {
        let one = |t: &&str| Prediction {
            label: truths[*t].clone(),
            score: 1.0,
            ..Prediction::default()
        };
        Ok::<_, Infallible>(texts.iter().map(one).collect())
    };
    let report = evaluate(&set, predict, &options()).unwrap();
    assert_eq!((report.accuracy, report.macro_f1, report.ece, report.brier), (1.0, 1.0, 0.0, 0.0));
    assert!(report.accuracy_ci95[0] < 0.6 && report.accuracy_ci95[1] == 1.0);
}

#[test]
fn rows_are_given_with_all_their_fields() {
    let line = r#"{"text":"在吗","skill_group":"vip","customer":{"vip_level":3}}"#;
    let set = LabelledSet::parse("set", line, Format::JsonLines, "skill_group", &[]).unwrap();
    let predict = |rows: &[LabelledRow]| {
        let level = rows[0].fields["customer"]["vip_level"].as_u64();
        let label = if level == Some(3) { "vip" } else { "general" };
        Ok::<_, Infallible>(vec![Prediction { label: label.into(), ..Prediction::default() }])
    };
    assert_eq!(evaluate_rows(&set, predict, &options()).unwrap().accuracy, 1.0);
}
