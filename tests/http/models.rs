//! Replacing the models in service, and a shadow model beside them; with the shipped bundles.

use crate::support::{Answer, Service, Setup, package};
use axum::http::StatusCode;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tempfile::TempDir;

/// Longest time for a swap or a shadow model on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// What bundles lie below: `model.root` of the services here.
const ROOT: &str = env!("CARGO_TARGET_TMPDIR");
const RELOAD: &str = "/v1/admin/models/reload";

/// A service that takes bundles from below [`ROOT`]; it starts with scripted classifiers.
async fn service() -> Service {
    let configure = |config: &mut fenzhen::config::Config| {
        config.model.root = ROOT.into();
        // One bundle for each of the two that are swapped here.
        config.model.intent_accurate = PathBuf::new();
        config.model.emotion = PathBuf::new();
        config.model.urgency = PathBuf::new();
        config.model.workers = 1;
        config.http.deadline = PATIENCE;
    };
    Service::with(Setup { configure, ..Setup::default() }).await
}

/// Copies of bundles below [`ROOT`].
struct Bundles(TempDir);

impl Bundles {
    fn new() -> Self {
        Self(tempfile::tempdir_in(ROOT).unwrap())
    }

    /// A copy of the shipped bundle `kind` under another name, with further changes to its
    /// `fenzhen.toml`.
    fn copy(&self, kind: &str, name: &str, change: impl FnOnce(String) -> String) -> PathBuf {
        let (from, to) = (package("models").join(kind), self.0.path().join(name));
        std::fs::create_dir(&to).unwrap();
        for file in ["model.onnx", "tokenizer.json", "config.json"] {
            std::fs::copy(from.join(file), to.join(file)).unwrap();
        }
        let manifest = std::fs::read_to_string(from.join("fenzhen.toml")).unwrap();
        let (first, rest) = manifest.split_once('\n').unwrap();
        assert!(first.starts_with("name = "), "{kind}: the manifest begins with the name");
        let named = format!("name = \"{name}\"\n{rest}");
        std::fs::write(to.join("fenzhen.toml"), change(named)).unwrap();
        to
    }
}

fn unchanged(manifest: String) -> String {
    manifest
}

/// The manifest with another value of `key`, wherever it stands.
fn with(manifest: &str, key: &str, value: &str) -> String {
    let line = |line: &str| match line.strip_prefix(key) {
        Some(rest) if rest.starts_with(" = ") => format!("{key} = {value}\n"),
        _ => format!("{line}\n"),
    };
    manifest.lines().map(line).collect()
}

async fn reload(service: &Service, body: Value) -> Answer {
    service.post(RELOAD, body).await
}

/// The id of the intent bundle in an answer, without the hash.
fn intent_model(models: &Value) -> String {
    models["intent"].as_str().unwrap().split('@').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn swaps_lose_no_request_and_mix_no_models() {
    let bundles = Bundles::new();
    let intents = ["next-a", "next-b"].map(|name| bundles.copy("intent", name, unchanged));
    let sentiment = bundles.copy("sentiment", "next-s", unchanged);
    let service = Arc::new(service().await);
    let first = json!({ "intent": intents[0], "sentiment": sentiment });
    assert_eq!(reload(&service, first).await.status, StatusCode::OK);

    let stop = Arc::new(AtomicBool::new(false));
    let text = "我的快递三天没动了，到底还送不送！";
    let callers = (0..3).map(|caller| {
        let (service, stop) = (service.clone(), stop.clone());
        tokio::spawn(async move {
            let (path, body) = match caller {
                0 => ("/classify", json!({ "text": text, "explain": true })),
                1 => ("/v1/route", json!({ "text": text })),
                _ => ("/v1/classify/batch", json!({ "texts": vec![text; 8] })),
            };
            let mut seen = BTreeSet::new();
            let mut n_requests = 0;
            while !stop.load(Ordering::Relaxed) {
                let Answer { status, body, .. } = service.post(path, body.clone()).await;
                assert_eq!(status, StatusCode::OK, "{body}");
                let results = match caller {
                    0 => vec![&body],
                    1 => vec![&body["classification"]],
                    _ => body["results"].as_array().unwrap().iter().collect(),
                };
                let ids: BTreeSet<String> =
                    results.iter().map(|result| intent_model(&result["models"])).collect();
                assert_eq!(ids.len(), 1, "one request, one set of models: {ids:?}");
                for result in results {
                    assert_eq!(result["intent"]["label"], "shipping.delay");
                    assert!(result.get("degraded").is_none(), "{result}");
                }
                seen.extend(ids);
                n_requests += 1;
            }
            (seen, n_requests)
        })
    });
    let callers: Vec<_> = callers.collect();
    for n_swap in 1..=20 {
        let (old, new) = (["next-b", "next-a"][n_swap % 2], ["next-a", "next-b"][n_swap % 2]);
        let swapped = reload(&service, json!({ "intent": intents[n_swap % 2] })).await;
        assert_eq!(swapped.status, StatusCode::OK, "{}", swapped.body);
        let (before, after) = (&swapped.body["before"], &swapped.body["after"]);
        assert_eq!((&*intent_model(before), &*intent_model(after)), (old, new));
        assert_eq!(before["sentiment"], after["sentiment"], "what is not named stays");
        assert!(swapped.body["load_ms"].as_f64().unwrap() > 0.0);
    }
    stop.store(true, Ordering::Relaxed);
    for caller in callers {
        let (seen, n_requests) = caller.await.unwrap();
        assert!(n_requests > 20, "{n_requests} requests tell nothing");
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["next-a", "next-b"]);
    }
}

#[tokio::test]
async fn tells_what_is_in_service() {
    let bundles = Bundles::new();
    let service = service().await;
    let folder = bundles.copy("intent", "next", unchanged);
    let change = json!({ "intent": folder, "shadow": folder });
    assert_eq!(reload(&service, change).await.status, StatusCode::OK);
    let Value::Object(models) = service.get("/v1/admin/models").await.body else { panic!() };
    let shown = |role: &str| {
        let bundles = models["bundles"].as_array().unwrap();
        bundles.iter().find(|bundle| bundle["role"] == role).unwrap().clone()
    };
    assert_eq!(shown("sentiment")["n_labels"], 3);
    assert_eq!(shown("sentiment")["folder"], "models/sentiment");
    let intent = shown("intent");
    let manifest = std::fs::read_to_string(package("models/intent/fenzhen.toml")).unwrap();
    let version = toml::from_str::<toml::Table>(&manifest).unwrap()["version"].clone();
    assert_eq!((&intent["n_labels"], &intent["version"]), (&json!(51), &json!(version)));
    assert_eq!(intent["folder"], json!(folder));
    assert!(intent["id"].as_str().unwrap().starts_with("next@"));
    assert_eq!(shown("shadow")["id"], intent["id"]);
    models["since"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
}

#[tokio::test]
async fn what_cannot_serve_is_refused_and_the_old_models_go_on() {
    let bundles = Bundles::new();
    let service = service().await;
    let good = bundles.copy("intent", "good", unchanged);
    assert_eq!(reload(&service, json!({ "intent": good })).await.status, StatusCode::OK);
    let before = service.get("/v1/admin/models").await.body;

    let corrupt =
        bundles.copy("intent", "corrupt", |manifest| with(&manifest, "temperature", "-1.0"));
    std::fs::write(corrupt.join("model.onnx"), "no model").unwrap();
    let wrong_task = bundles.copy("sentiment", "wrong-task", unchanged);
    let refused = reload(&service, json!({ "intent": corrupt, "shadow": wrong_task })).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused.body["error"]["code"], "models_refused");
    let faults = refused.body["error"]["details"]["faults"].to_string();
    for part in ["model.onnx has sha256", "temperature = -1", "task = sentiment"] {
        assert!(faults.contains(part), "{part} in {faults}");
    }

    // A graph that only the runtime can refuse.
    let unhashed = bundles.copy("intent", "unhashed", |manifest| {
        manifest.split("[sha256]").next().unwrap().to_owned()
    });
    std::fs::write(unhashed.join("model.onnx"), "no model").unwrap();
    let refused = reload(&service, json!({ "intent": unhashed })).await;
    let faults = refused.body["error"]["details"]["faults"].to_string();
    assert!(faults.contains("not a usable ONNX model"), "{faults}");

    assert_eq!(service.get("/v1/admin/models").await.body, before);
    let answer = service.post("/classify", json!({ "text": "我的快递三天没动了" })).await;
    assert_eq!(intent_model(&answer.body["models"]), "good");
}

#[tokio::test]
async fn labels_that_the_rules_name_must_not_go() {
    let bundles = Bundles::new();
    let service = service().await;
    let renamed = bundles.copy("intent", "renamed", |manifest| {
        manifest + "\n[labels]\n\"shipping.delay\" = \"parcel.late\"\n"
    });
    let refused = reload(&service, json!({ "intent": renamed })).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let faults = refused.body["error"]["details"]["rule_faults"].as_array().unwrap();
    assert!(!faults.is_empty());
    for fault in faults {
        assert_eq!(fault["code"], "unknown_intent", "{fault}");
        assert!(fault["message"].as_str().unwrap().contains("shipping.delay"), "{fault}");
        assert!(fault["line"].as_u64().unwrap() > 1, "{fault}");
    }
    let answer = service.post("/classify", json!({ "text": "快递" })).await;
    assert_eq!(intent_model(&answer.body["models"]), "scripted");
}

#[tokio::test]
async fn rules_and_models_that_need_each_other_come_together() {
    const RULES: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/rules-renamed.toml");
    let shipped = std::fs::read_to_string(package("config/rules.toml")).unwrap();
    std::fs::write(RULES, &shipped).unwrap();
    let configure = |config: &mut fenzhen::config::Config| {
        config.model.root = ROOT.into();
        // One bundle for each of the two that are swapped here.
        config.model.intent_accurate = PathBuf::new();
        config.model.emotion = PathBuf::new();
        config.model.urgency = PathBuf::new();
        config.rules.file = RULES.into();
    };
    let service = Service::with(Setup { configure, ..Setup::default() }).await;
    let bundles = Bundles::new();
    let renamed = bundles.copy("intent", "renamed", |manifest| {
        manifest + "\n[labels]\n\"shipping.delay\" = \"parcel.late\"\n"
    });
    let fitting = shipped.replace("shipping.delay", "parcel.late").replacen(
        "version = \"",
        "version = \"99.",
        1,
    );
    std::fs::write(RULES, fitting).unwrap();
    let refused = service.post("/v1/admin/rules/reload", json!({})).await;
    assert_eq!(refused.body["error"]["code"], "rules_refused", "not before the labels are there");

    assert_eq!(reload(&service, json!({ "intent": renamed })).await.status, StatusCode::OK);
    let rules = service.get("/v1/admin/rules").await.body;
    assert!(rules["rule_set"].as_str().unwrap().contains("@99."), "{rules}");
    let answer = service.post("/v1/route", json!({ "text": "我的快递三天没动了" })).await;
    assert_eq!(answer.body["classification"]["intent"]["label"], "parcel.late");
    assert_eq!(service.post("/v1/admin/rules/reload", json!({})).await.status, StatusCode::OK);
}

#[tokio::test]
async fn one_reload_at_a_time() {
    let service = service().await;
    let (first, second) =
        tokio::join!(reload(&service, json!({})), reload(&service, json!({ "shadow": null })));
    assert_eq!((first.status, second.status), (StatusCode::OK, StatusCode::CONFLICT));
    assert_eq!(second.body["error"]["code"], "reload_running");
    assert!(second.headers.contains_key("retry-after"));
    let after = service.get("/readyz").await.body["intent_model"].clone();
    assert_eq!(first.body["after"]["intent"], after, "no body and {{}} read the settings' folders");
}

#[tokio::test]
async fn folders_outside_the_root_are_refused_in_the_same_words() {
    let bundles = Bundles::new();
    let service = service().await;
    let link = bundles.0.path().join("link");
    std::os::unix::fs::symlink(package("models/intent"), &link).unwrap();
    let escape = Path::new(ROOT).join("../../models/intent");
    for folder in [package("models/intent"), "/nowhere".into(), link, escape, "".into()] {
        let refused = reload(&service, json!({ "intent": folder })).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{folder:?}");
        let error = &refused.body["error"];
        let sentence = format!("intent: there is no bundle folder {} below ", folder.display());
        assert!(error["message"].as_str().unwrap().starts_with(&sentence), "{error}");
        assert_eq!(error["details"]["field"], "intent");
    }
    assert!(service.app.models.begin(Default::default()).is_ok(), "nothing is left locked");
}

#[tokio::test]
async fn reloading_needs_a_key_where_there_are_keys() {
    let configure = |config: &mut fenzhen::config::Config| {
        config.http.api_keys = vec!["0123456789abcdef".into()];
    };
    let service = Service::with(Setup { configure, ..Setup::default() }).await;
    assert_eq!(reload(&service, json!({})).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(service.get("/v1/admin/models").await.status, StatusCode::UNAUTHORIZED);
}

/// The figures once `n` messages are compared.
async fn figures(service: &Service, n: u64) -> Value {
    let waiting = async {
        loop {
            let models = service.get("/v1/admin/models").await.body;
            let figures = models["shadow"].clone();
            if figures["compared"] == n {
                return figures;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap()
}

#[tokio::test]
async fn a_shadow_tells_what_it_would_change() {
    let bundles = Bundles::new();
    let service = service().await;
    let served = bundles.copy("intent", "served", unchanged);
    // The same model, but hardly ever sure enough.
    let timid = bundles.copy("intent", "timid", |manifest| with(&manifest, "accept", "1.0"));
    let swapped = reload(&service, json!({ "intent": served, "shadow": timid })).await;
    assert_eq!(swapped.status, StatusCode::OK, "{}", swapped.body);

    let late = "我的快递三天没动了，电话13800138000";
    let answer = service.post("/classify", json!({ "text": late })).await;
    assert_eq!(answer.body["outcome"], "accept", "the shadow is not heard");
    service.turn("c-1", "t-1", "怎么改收货地址").await;
    let texts = json!({ "texts": ["发票抬头写错了怎么办", "麻烦帮我催一下快递"] });
    service.post("/v1/classify/batch", texts).await;

    let figures = figures(&service, 4).await;
    let outcome_changes = json!([{ "from": "accept", "to": "clarify", "count": 4 }]);
    assert_eq!(figures["outcome_changes"], outcome_changes, "{figures}");
    assert_eq!((&figures["agreed"], &figures["label_changed"]), (&json!(0), &json!(0)));
    let differences = figures["differences"].as_array().unwrap();
    assert_eq!(differences.len(), 4);
    let subjects: Vec<&str> = differences.iter().map(|d| d["subject"].as_str().unwrap()).collect();
    let request_id = answer.headers["x-request-id"].to_str().unwrap();
    assert_eq!(subjects[2..], ["c-1/t-1", request_id]);
    assert_eq!(differences[3]["chars"], late.chars().count());
    assert_eq!(differences[3]["served"]["label"], differences[3]["shadow"]["label"]);
    assert_eq!(differences[3]["shadow"]["outcome"], "clarify");
    assert!(!figures.to_string().contains("13800138000"));
    let metrics = service.get("/metrics").await.body;
    let metrics = metrics.as_str().unwrap();
    for name in [
        "fenzhen_shadow_compared_total{result=\"differ\"}",
        "fenzhen_shadow_outcome_changes_total{from=\"accept\",to=\"clarify\"}",
        "fenzhen_shadow_compute_seconds_bucket",
        "fenzhen_model_reloads_total{result=\"ok\"}",
    ] {
        assert!(metrics.contains(name), "{name} in {metrics}");
    }

    // Promotion is a reload with the shadow's folder.
    let swapped = reload(&service, json!({ "intent": timid, "shadow": null })).await;
    assert_eq!(intent_model(&swapped.body["after"]), "timid");
    assert_eq!(service.get("/v1/admin/models").await.body["shadow"], Value::Null);
    let answer = service.post("/classify", json!({ "text": late })).await;
    assert_eq!(answer.body["outcome"], "clarify");
}
