//! The module as a whole, over tiny models with known answers.
//!
//! `tests/fixtures/bert-tiny*` are BERT-like with reference logits; `tests/fixtures/models` holds
//! models with one odd property each. A missing ONNX Runtime fails these tests with the sentence
//! that says what to run.

mod cascade;
mod loading;
mod odd;
mod pool;

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use super::*;

/// The contract in [`Classifier`]'s docs; every implementation goes through it.
pub(super) fn check_contract(classifier: &mut dyn Classifier) {
    let long = "物流一直不更新，我要退款。".repeat(300);
    let texts =
        ["", "退款什么时候到", "\u{0}\u{7}\u{feff}", &long, "Where is it? 🙃", "你好", "你好"];
    let utterances = utterances(&texts);
    assert!(classifier.classify(&[]).unwrap().is_empty());

    let together = classifier.classify(&utterances).unwrap();
    assert_eq!(together.len(), texts.len());
    for (text_idx, scores) in together.iter().enumerate() {
        assert_eq!(scores.as_slice().len(), classifier.labels().len());
        assert!((scores.as_slice().iter().sum::<f32>() - 1.0).abs() < 1e-4);
        let alone = classifier.classify(&utterances[text_idx..=text_idx]).unwrap();
        assert_near(scores.as_slice(), alone[0].as_slice(), 1e-5);
    }
    let (name, model) = classifier.id().split_once('@').expect("an id is name@model");
    assert!(!name.is_empty() && !model.is_empty());
}

fn utterances<'a>(texts: &[&'a str]) -> Vec<Utterance<'a>> {
    texts.iter().map(|text| Utterance { raw: text, normalized: text }).collect()
}

#[track_caller]
fn assert_near(left: &[f32], right: &[f32], tolerance: f32) {
    assert_eq!(left.len(), right.len());
    for (a, b) in left.iter().zip(right) {
        assert!(
            (a - b).abs() <= tolerance,
            "{left:?} and {right:?} differ by more than {tolerance}"
        );
    }
}

fn fixture(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    assert!(path.exists(), "the fixture {} is missing", path.display());
    path
}

/// A copy of bert-tiny whose files a test may change.
fn bundle_copy() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for name in ["model.onnx", "tokenizer.json", "config.json"] {
        fs::copy(fixture("bert-tiny").join(name), dir.path().join(name)).unwrap();
    }
    dir
}

/// bert-tiny's tokenizer and labels around one of the odd models.
fn odd_bundle(model: &str) -> TempDir {
    let dir = bundle_copy();
    let model = fixture("models").join(model).with_extension("onnx");
    fs::copy(model, dir.path().join("model.onnx")).unwrap();
    dir
}

fn open(dir: &Path) -> Result<OnnxClassifier, ModelError> {
    OnnxClassifier::new(&Bundle::load(dir)?, OnnxSettings::default())
}

#[derive(serde::Deserialize)]
struct Expected {
    text: String,
    input_ids: Vec<i64>,
    logits: Vec<f32>,
}

fn expected(name: &str) -> Vec<Expected> {
    let json = fs::read(fixture(name).join("expected.json")).unwrap();
    serde_json::from_slice(&json).unwrap()
}

#[test]
fn reference_scores_are_reproduced() {
    for name in ["bert-tiny", "bert-tiny-token-types"] {
        let bundle = Bundle::load(&fixture(name)).unwrap();
        let mut classifier = OnnxClassifier::new(&bundle, OnnxSettings::default()).unwrap();
        assert!(classifier.runs_batches());
        for expected in expected(name) {
            let mut tokens = encode::TokenBuf::default();
            bundle.encoder().push(&expected.text, &mut tokens).unwrap();
            assert_eq!(tokens.ids(0), expected.input_ids, "{}", expected.text);
            let scores = classifier.classify(&utterances(&[&expected.text])).unwrap();
            let reference = Scores::from_logits(&expected.logits, 1.0).unwrap();
            assert_near(scores[0].as_slice(), reference.as_slice(), 1e-4);
        }
    }
}

#[test]
fn onnx_classifiers_keep_the_contract() {
    check_contract(&mut open(&fixture("bert-tiny")).unwrap());
    check_contract(&mut open(&fixture("bert-tiny-token-types")).unwrap());
    for model in ["int32", "no-mask", "dynamic-quant", "fixed"] {
        check_contract(&mut open(odd_bundle(model).path()).unwrap());
    }
}

/// Many lengths in many runs come back in the order given.
#[test]
fn order_survives_grouping_by_length() {
    let bundle = Bundle::load(&fixture("bert-tiny")).unwrap();
    let mut one_by_one = OnnxClassifier::new(&bundle, OnnxSettings { token_budget: 1 }).unwrap();
    let texts: Vec<String> = (0..40)
        .map(|i| "我要退款快递到哪了".chars().cycle().take((i * 17) % 70).collect())
        .collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let singly = one_by_one.classify(&utterances(&texts)).unwrap();
    for token_budget in [1, 64, 300, 100_000] {
        let mut classifier = OnnxClassifier::new(&bundle, OnnxSettings { token_budget }).unwrap();
        let grouped = classifier.classify(&utterances(&texts)).unwrap();
        for (left, right) in singly.iter().zip(&grouped) {
            assert_near(left.as_slice(), right.as_slice(), 1e-5);
        }
    }
}

/// The manifest's temperature, label names and choice of text all reach the scores.
#[test]
fn the_manifest_is_obeyed() {
    let dir = bundle_copy();
    let write = |text: &str| fs::write(dir.path().join("fenzhen.toml"), text).unwrap();
    let utterance = Utterance { raw: "你好", normalized: "退款什么时候到" };
    let reference = &expected("bert-tiny")[1].logits;
    assert_eq!(expected("bert-tiny")[1].text, utterance.normalized);

    write(
        "name = \"tiny\"\ntask = \"intent\"\nnormalize = true\ntemperature = 2.5\n[labels]\noos = \"other\"",
    );
    let mut classifier = open(dir.path()).unwrap();
    let scores = classifier.classify(&[utterance]).unwrap();
    assert_near(
        scores[0].as_slice(),
        Scores::from_logits(reference, 2.5).unwrap().as_slice(),
        1e-4,
    );
    assert_eq!(classifier.labels().id("other"), Some(LabelId(3)));
    assert!(classifier.id().starts_with("tiny@") && classifier.id().len() == 13);

    // Without `normalize` the text as sent is read.
    write("name = \"tiny\"");
    let raw = open(dir.path()).unwrap().classify(&[utterance]).unwrap();
    let hello = Scores::from_logits(&expected("bert-tiny")[2].logits, 1.0).unwrap();
    assert_near(raw[0].as_slice(), hello.as_slice(), 1e-4);
}

/// Both ends of an overlong text count, its middle does not.
#[test]
fn overlong_texts_are_cut_in_the_middle() {
    let mut classifier = open(&fixture("bert-tiny")).unwrap();
    let (head, tail) = ("快递到哪里了".repeat(10), "我要退款".repeat(10));
    let text = |middle: &str| format!("{head}{middle}{tail}");
    let texts = [text("你好"), text("谢谢你们的商品"), text("")];
    let scores = classifier.classify(&utterances(&texts.each_ref().map(String::as_str))).unwrap();
    assert_near(scores[0].as_slice(), scores[1].as_slice(), 1e-5);
    assert_near(scores[0].as_slice(), scores[2].as_slice(), 1e-5);
}
