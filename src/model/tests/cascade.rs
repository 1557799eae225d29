//! Two classifiers in a row.

use std::sync::Arc;

use super::*;
use crate::model::cascade::CascadeTable;

/// Answers every text with the same logits, or fails on texts with 坏.
struct Fixed {
    labels: Arc<LabelSet>,
    logits: Vec<f32>,
}

impl Classifier for Fixed {
    fn id(&self) -> &str {
        "fixed@00000000"
    }

    fn labels(&self) -> &Arc<LabelSet> {
        &self.labels
    }

    fn classify(&mut self, utterances: &[Utterance<'_>]) -> Result<Vec<Scores>, ModelError> {
        let score = |utterance: &Utterance<'_>| match utterance.raw.contains('坏') {
            true => Err(ModelError::NotFinite { label_idx: 0, value: f32::NAN }),
            false => Scores::from_logits(&self.logits, 1.0),
        };
        utterances.iter().map(score).collect()
    }
}

fn tiny() -> Box<dyn Classifier> {
    Box::new(open(&fixture("bert-tiny")).unwrap())
}

fn fixed(labels: &[&str], logits: &[f32]) -> Box<dyn Classifier> {
    let labels = Arc::new(LabelSet::new(labels.iter().copied()).unwrap());
    Box::new(Fixed { labels, logits: logits.to_vec() })
}

/// Over the labels of bert-tiny, sure of the second.
fn fixed_like_tiny() -> Box<dyn Classifier> {
    let labels = tiny().labels().clone();
    Box::new(Fixed { labels, logits: vec![0.0, 5.0, 0.0, 0.0] })
}

/// A bound that splits the sample texts of bert-tiny: the median of its best scores.
fn splitting_bound(texts: &[&str]) -> f32 {
    let scores = tiny().classify(&utterances(texts)).unwrap();
    let mut best: Vec<f32> = scores.iter().map(|scores| scores.top().score).collect();
    best.sort_by(f32::total_cmp);
    best[best.len() / 2]
}

fn combining(combine: Combine) -> CascadeTable {
    CascadeTable { combine, ..CascadeTable::default() }
}

const TEXTS: [&str; 4] = ["退款什么时候到", "你好", "快递到哪了", "谢谢"];

#[test]
fn cascades_keep_the_contract() {
    for below in [0.0, splitting_bound(&TEXTS), 1.0] {
        for combine in [Combine::Replace, Combine::Average] {
            let accurate = Box::new(open(odd_bundle("int32").path()).unwrap());
            check_contract(
                &mut CascadeClassifier::new(tiny(), accurate, below, &combining(combine)).unwrap(),
            );
        }
    }
}

#[test]
fn only_unsure_texts_go_on() {
    let below = splitting_bound(&TEXTS);
    let fast = tiny().classify(&utterances(&TEXTS)).unwrap();
    let check = |below, combine, expected: fn(&Scores) -> [f32; 4]| {
        let mut cascade =
            CascadeClassifier::new(tiny(), fixed_like_tiny(), below, &combining(combine)).unwrap();
        let scores = cascade.classify(&utterances(&TEXTS)).unwrap();
        for (fast, found) in fast.iter().zip(&scores) {
            let goes_on = below >= 1.0 || fast.top().score < below;
            assert_eq!(found.by_accurate(), goes_on);
            let expected = if goes_on { &expected(fast)[..] } else { fast.as_slice() };
            assert_near(found.as_slice(), expected, 1e-6);
        }
        scores.iter().filter(|scores| scores.by_accurate()).count()
    };
    // softmax(0, 5, 0, 0).
    const SURE: [f32; 4] = [0.006_604_4, 0.980_186_7, 0.006_604_4, 0.006_604_4];
    let mean = |fast: &Scores| {
        let roots: [f32; 4] = std::array::from_fn(|i| (fast.as_slice()[i] * SURE[i]).sqrt());
        let total: f32 = roots.iter().sum();
        roots.map(|root| root / total)
    };
    assert_eq!(check(0.0, Combine::Replace, |_| SURE), 0);
    assert_eq!(check(below, Combine::Replace, |_| SURE), 2);
    assert_eq!(check(below, Combine::Average, mean), 2);
    assert_eq!(check(1.0, Combine::Replace, |_| SURE), 4);
}

#[test]
fn a_mean_has_weights_and_a_temperature() {
    let half = [0.0, 0.0];
    let sure = [0.0, 3.0_f32.ln()];
    let check = |accurate_share, temperature, expected: [f32; 2]| {
        let table = CascadeTable { accurate_share, temperature, ..combining(Combine::Average) };
        let (fast, accurate) = (fixed(&["a", "b"], &half), fixed(&["a", "b"], &sure));
        let mut cascade = CascadeClassifier::new(fast, accurate, 1.0, &table).unwrap();
        let scores = cascade.classify(&utterances(&["你好"])).unwrap();
        assert_near(scores[0].as_slice(), &expected, 1e-6);
    };
    let root = 3.0_f32.sqrt();
    check(0.5, 1.0, [1.0 / (1.0 + root), root / (1.0 + root)]);
    check(0.0, 1.0, [0.5, 0.5]);
    check(1.0, 1.0, [0.25, 0.75]);
    check(1.0, 0.5, [0.1, 0.9]);
}

#[test]
fn at_one_even_a_certain_text_goes_on() {
    let (labels, logits) = (["a", "b"], [100.0, 0.0]);
    let mut cascade = CascadeClassifier::new(
        fixed(&labels, &logits),
        fixed(&labels, &[0.0, 1.0]),
        1.0,
        &CascadeTable::default(),
    )
    .unwrap();
    let scores = cascade.classify(&utterances(&["你好"])).unwrap();
    assert_eq!((scores[0].top().label, scores[0].by_accurate()), (LabelId(1), true));
}

#[test]
fn a_text_that_the_accurate_model_fails_on_keeps_its_fast_scores() {
    let texts = ["你好", "坏", "谢谢"];
    let fast = tiny().classify(&utterances(&texts)).unwrap();
    let mut cascade =
        CascadeClassifier::new(tiny(), fixed_like_tiny(), 1.0, &CascadeTable::default()).unwrap();
    let scores = cascade.classify(&utterances(&texts)).unwrap();
    let by_accurate: Vec<bool> = scores.iter().map(Scores::by_accurate).collect();
    assert_eq!(by_accurate, [true, false, true]);
    assert_eq!(scores[1], fast[1]);
    // A text that the fast one fails on is an error of the whole call.
    let mut cascade =
        CascadeClassifier::new(fixed_like_tiny(), tiny(), 1.0, &CascadeTable::default()).unwrap();
    assert!(cascade.classify(&utterances(&texts)).is_err());
}

#[test]
fn other_labels_are_refused_by_name() {
    let message = |fast: &[&str], accurate: &[&str]| {
        let logits = vec![0.0; 3];
        CascadeClassifier::new(
            fixed(fast, &logits),
            fixed(accurate, &logits),
            0.9,
            &CascadeTable::default(),
        )
        .err()
        .unwrap()
        .to_string()
    };
    let found = message(&["a", "b", "oos"], &["a", "c", "oos"]);
    assert!(found.ends_with("only the first has b; only the second has c"), "{found}");
    let found = message(&["a", "b", "oos"], &["b", "a", "oos"]);
    assert!(found.ends_with("the same labels in another order"), "{found}");
}

#[test]
fn bundles_form_a_cascade() {
    let accurate = odd_bundle("int32");
    let write = |text: &str| fs::write(accurate.path().join("fenzhen.toml"), text).unwrap();
    let load = |accurate: Option<&Path>| {
        IntentBundles::load(&fixture("bert-tiny"), accurate, 0.9).unwrap()
    };
    let table = "name = \"big\"\nthresholds = { accept = 0.6, clarify = 0.4 }\n";
    write(table);
    let bundles = load(Some(accurate.path()));
    let classifier = bundles.classifier(OnnxSettings::default()).unwrap();
    assert_eq!(bundles.id(), classifier.id());
    assert!(bundles.id().starts_with("bert-tiny@") && bundles.id().contains("+big@"));
    assert_eq!(bundles.policy().unwrap().thresholds(), Thresholds { accept: 0.6, clarify: 0.4 });

    write(&format!(
        "{table}[cascade]\nthresholds = {{ accept = 0.55, clarify = 0.2 }}\nreject_above = 0.8"
    ));
    let policy = load(Some(accurate.path())).policy().unwrap();
    assert_eq!(policy.thresholds(), Thresholds { accept: 0.55, clarify: 0.2 });
    assert_eq!(policy.reject_above, Some(0.8));
    // Alone it is what it was.
    let alone = IntentPolicy::new(&Bundle::load(accurate.path()).unwrap()).unwrap();
    assert_eq!((alone.thresholds().accept, alone.reject_above), (0.6, None));
    assert_eq!(load(None).id(), Bundle::load(&fixture("bert-tiny")).unwrap().id());

    let nowhere = Path::new("/nowhere");
    let error = IntentBundles::load(nowhere, Some(nowhere), 0.9).unwrap_err();
    assert!(matches!(&error, ModelError::BadBundle { faults, .. } if faults.len() == 2), "{error}");
}
