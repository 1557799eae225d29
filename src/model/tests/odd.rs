//! Models with one odd property each, from `tests/fixtures/models`.

use super::*;

#[test]
fn odd_but_usable_models_run() {
    let run = |model: &str| {
        let mut classifier = open(odd_bundle(model).path()).unwrap();
        let scores = classifier.classify(&utterances(&["你好", "退款什么时候到", "你好"])).unwrap();
        assert_eq!(scores[0], scores[2]);
        assert_ne!(scores[0], scores[1]);
        (classifier.runs_batches(), scores)
    };
    let (batches, int32) = run("int32");
    assert!(batches);
    let (batches, fixed) = run("fixed");
    assert!(!batches);
    // The same table and the same mean, so the same scores, while the text fits eight tokens.
    assert_near(int32[0].as_slice(), fixed[0].as_slice(), 1e-5);
}

/// Their scores would depend on who else asks at the same moment.
#[test]
fn models_that_change_in_company_run_one_text_at_a_time() {
    for model in ["no-mask", "dynamic-quant"] {
        assert!(!open(odd_bundle(model).path()).unwrap().runs_batches(), "{model}");
    }
}

#[test]
fn models_of_another_kind_are_refused() {
    for (model, expected) in [
        ("position-ids", "it needs an input named position_ids"),
        ("half", "its output logits is float16, but float32 was expected"),
        ("per-token", "its output logits is shaped [-1, -1, 4], but [batch, labels] was expected"),
    ] {
        let error = open(odd_bundle(model).path()).unwrap_err();
        assert!(matches!(error, ModelError::UnsupportedModel { .. }), "{model}: {error}");
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn a_score_that_is_no_number_is_an_error() {
    let mut classifier = open(odd_bundle("nan").path()).unwrap();
    let error = classifier.classify(&utterances(&["你好", "谢谢"])).unwrap_err();
    assert!(matches!(error, ModelError::NotFinite { label_idx: 0, .. }), "{error}");
    // The classifier stays usable.
    assert_eq!(classifier.classify(&utterances(&["你好"])).unwrap().len(), 1);
}
