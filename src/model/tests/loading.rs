//! Folders that are not, or not quite, bundles.

use super::*;

/// The error of a bundle copy after `damage`; from its files or from its graph.
fn error_after(damage: impl FnOnce(&Path)) -> ModelError {
    let dir = bundle_copy();
    damage(dir.path());
    open(dir.path()).expect_err("a damaged bundle must not load")
}

fn edit(dir: &Path, file: &str, from: &str, to: &str) {
    let text = fs::read_to_string(dir.join(file)).unwrap();
    assert!(text.contains(from), "{file} has no {from}");
    fs::write(dir.join(file), text.replace(from, to)).unwrap();
}

#[test]
fn an_exported_folder_is_named_after_itself() {
    let bundle = Bundle::load(&fixture("bert-tiny")).unwrap();
    let (name, hash) = bundle.id().split_once('@').unwrap();
    assert_eq!(name, "bert-tiny");
    assert!(hash.len() == 8 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_eq!(bundle.labels().names().len(), 4);
    assert_eq!(bundle.oos(), bundle.labels().id("oos"));
    assert_eq!(bundle.encoder().max_tokens(), 64);
    assert_eq!((bundle.temperature(), bundle.normalize()), (1.0, false));
    let policy = IntentPolicy::new(&bundle).unwrap();
    assert_eq!((policy.accept, policy.clarify), (0.5, 0.3));
}

#[test]
fn missing_files_are_named() {
    for file in ["model.onnx", "tokenizer.json", "config.json"] {
        let error = error_after(|dir| fs::remove_file(dir.join(file)).unwrap());
        assert!(
            matches!(&error, ModelError::MissingFile { path } if path.ends_with(file)),
            "{error}"
        );
    }
    let error = Bundle::load(Path::new("/nowhere/bundle")).unwrap_err();
    assert_eq!(error.to_string(), "/nowhere/bundle is missing");
}

#[test]
fn all_faults_are_listed_at_once() {
    let error = error_after(|dir| {
        fs::remove_file(dir.join("model.onnx")).unwrap();
        fs::write(dir.join("config.json"), "{}").unwrap();
        fs::write(dir.join("fenzhen.toml"), "name = \"a\"\ntemperature = 0\nmax_tokens = 1")
            .unwrap();
    });
    let ModelError::BadBundle { faults, .. } = &error else { panic!("{error}") };
    assert_eq!(faults.len(), 4, "{error}");
}

#[test]
fn corrupt_models_are_refused() {
    let model = fs::read(fixture("bert-tiny/model.onnx")).unwrap();
    let cases: [(&str, &[u8]); 4] = [
        ("empty", b""),
        ("text", b"version https://git-lfs.github.com/spec/v1\n"),
        ("truncated", &model[..model.len() / 2]),
        ("zeros", &[0; 4096]),
    ];
    for (name, bytes) in cases {
        let error = error_after(|dir| fs::write(dir.join("model.onnx"), bytes).unwrap());
        // An empty file is a valid empty message to the parser, so it may fail for want of inputs.
        let is_refused =
            matches!(error, ModelError::BadModel { .. } | ModelError::UnsupportedModel { .. });
        assert!(is_refused, "{name}: {error:?}");
    }
}

#[test]
fn corrupt_tokenizers_are_refused() {
    for text in ["", "{}", "{\"version\": \"1.0\"", "[]"] {
        let error = error_after(|dir| fs::write(dir.join("tokenizer.json"), text).unwrap());
        assert!(matches!(error, ModelError::BadTokenizer { .. }), "{text}: {error}");
    }
    // Parses, but has no unknown token and fails on nearly every text.
    let error = error_after(|dir| {
        edit(dir, "tokenizer.json", "\"unk_token\": \"[UNK]\"", "\"unk_token\": \"[NONE]\"");
    });
    assert!(matches!(error, ModelError::BadTokenizer { .. }), "{error}");
}

#[test]
fn unreadable_configs_are_refused() {
    for text in
        ["", "[]", "{\"id2label\": [\"a\"]}", "{\"id2label\": {\"0\": \"a\", \"1\": \"a\"}}"]
    {
        let error = error_after(|dir| fs::write(dir.join("config.json"), text).unwrap());
        let is_refused = matches!(error, ModelError::BadConfig { .. } | ModelError::BadLabels(_));
        assert!(is_refused, "{text}: {error}");
    }
}

#[test]
fn another_label_count_than_the_output_width_is_refused() {
    let error = error_after(|dir| {
        edit(dir, "config.json", "\"num_labels\": 4", "\"num_labels\": 5");
        edit(dir, "config.json", "\"3\": \"oos\"", "\"3\": \"oos\", \"4\": \"invoice\"");
    });
    assert!(matches!(error, ModelError::LabelCount { labels: 5, width: 4 }), "{error}");
}

#[test]
fn changed_files_are_refused() {
    let manifest = |hash: &str| format!("name = \"a\"\n[sha256]\n\"config.json\" = \"{hash}\"");
    let wrong = manifest(&"0".repeat(64));
    let error = error_after(|dir| fs::write(dir.join("fenzhen.toml"), &wrong).unwrap());
    let ModelError::HashMismatch { actual, .. } = &error else { panic!("{error}") };

    let dir = bundle_copy();
    fs::write(dir.path().join("fenzhen.toml"), manifest(&actual.to_uppercase())).unwrap();
    Bundle::load(dir.path()).unwrap();
}

#[test]
fn what_the_manifest_says_must_fit_the_model() {
    for (text, expected) in [
        ("name = \"a\"\noos_label = \"none\"", "there is no such label"),
        ("name = \"a\"\nmax_tokens = 65", "the model has 64 positions"),
        ("name = \"a\"\n[labels]\nLABEL_0 = \"negative\"", "the model has no label \"LABEL_0\""),
        ("name = \"a\"\n[sha256]\n\"gone\" = \"", "line 3"),
    ] {
        let error = error_after(|dir| fs::write(dir.join("fenzhen.toml"), text).unwrap());
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn a_bundle_for_another_task_is_refused() {
    let dir = bundle_copy();
    fs::write(dir.path().join("fenzhen.toml"), "name = \"a\"\ntask = \"sentiment\"").unwrap();
    let bundle = Bundle::load(dir.path()).unwrap();
    let message = IntentPolicy::new(&bundle).unwrap_err().to_string();
    assert!(message.ends_with("task = sentiment, but intent was wanted"), "{message}");
    // And as a sentiment bundle it fails for its labels.
    let error = SentimentPolicy::new(&bundle).unwrap_err();
    assert!(matches!(error, ModelError::UnknownSentiment { .. }), "{error}");
}

#[test]
fn inspecting_tells_what_a_bundle_holds() {
    let report = Bundle::inspect(&fixture("bert-tiny-token-types"));
    assert!(report.sound, "{:?}", report.problems);
    let names: Vec<&str> = report.inputs.iter().map(|input| input.name.as_str()).collect();
    assert_eq!(names, ["input_ids", "attention_mask", "token_type_ids"]);
    assert!(report.inputs.iter().all(|input| input.dtype == "int64" && input.shape == [-1, -1]));
    assert_eq!(report.outputs[0].shape, [-1, 4]);
    assert_eq!((report.files.len(), report.vocabulary_size), (3, Some(240)));
    let trial = report.trial.as_ref().unwrap();
    assert!(trial.batches && (0.0..=1.0).contains(&trial.score));
    serde_json::to_string(&report).unwrap();
}

#[test]
fn inspecting_lists_every_problem() {
    let dir = bundle_copy();
    fs::remove_file(dir.path().join("model.onnx")).unwrap();
    fs::write(dir.path().join("tokenizer.json"), "{}").unwrap();
    let report = Bundle::inspect(dir.path());
    assert!(!report.sound && report.problems.len() == 2, "{:?}", report.problems);

    let report = Bundle::inspect(odd_bundle("position-ids").path());
    assert_eq!((report.inputs.len(), report.problems.len()), (3, 1));
    let dir = bundle_copy();
    edit(dir.path(), "config.json", "\"vocab_size\": 240", "\"vocab_size\": 200");
    let report = Bundle::inspect(dir.path());
    assert!(report.problems[0].contains("the model knows 200"), "{:?}", report.problems);
}
