//! The executable from the outside.

use crate::support::package;
use fenzhen::model::Bundle;
use serde_json::{Value, json};
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

#[test]
fn text_normalize_writes_a_line_for_each_line() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_fenzhen"))
        .args(["text", "normalize"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all("請問　發貨！！！！\n\nＡ\n".as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "请问 发货!!\n\na\n");
}

/// Rows for bert-tiny, whose four labels are among those of the default model.
const ROWS: &str = r#"{"text":"快递到哪了","intent":"shipping.track","clear":true,"agreed":true}
{"text":"我的包裹到哪里了","intent":"shipping.track","clear":false,"agreed":true}
{"text":"退款什么时候到","intent":"refund.status","clear":true,"agreed":true}
{"text":"你好","intent":"chat.greeting","clear":true,"agreed":false}
{"text":"你们态度太差","intent":"complaint.service","clear":true,"agreed":true}
{"text":"今天股市怎么样","intent":"oos","clear":true,"agreed":true}
"#;

/// bert-tiny with a manifest, in a folder that a test may change.
fn bundle(manifest: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["model.onnx", "tokenizer.json", "config.json"] {
        fs::copy(package("tests/fixtures/bert-tiny").join(name), folder.path().join(name)).unwrap();
    }
    fs::write(folder.path().join("fenzhen.toml"), manifest).unwrap();
    folder
}

/// A file that goes with its folder.
fn file(name: &str, content: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, content).unwrap();
    (folder, path)
}

fn fenzhen<'a>(args: impl IntoIterator<Item = &'a str>) -> Output {
    Command::new(env!("CARGO_BIN_EXE_fenzhen"))
        .current_dir(package(""))
        .args(args)
        .output()
        .unwrap()
}

/// The JSON document of a command that succeeds; it never holds a customer's words.
fn json(args: &[&str]) -> Value {
    let output = fenzhen(args.iter().copied().chain(["--json"]));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains("股市"), "{text}");
    serde_json::from_str(&text).unwrap()
}

#[test]
fn eval_intent_measures_a_cascade() {
    let (_folder, rows) = file("rows.jsonl", ROWS);
    let (fast, accurate) = (bundle("name = \"fast\""), bundle("name = \"accurate\""));
    let [rows, fast, accurate] =
        [rows.as_path(), fast.path(), accurate.path()].map(|path| path.to_str().unwrap());
    let measure = |below| {
        let args = ["eval", "intent", "--data", rows, "--model", fast, "--accurate", accurate];
        json(&[&args[..], &["--below", below]].concat())
    };
    let (never, always) = (measure("0"), measure("1"));
    assert_eq!((&never["cascade"]["n"], &always["cascade"]["n"]), (&json!(0), &json!(6)));
    assert_eq!(always["cascade"]["share"], 1.0);
    assert_eq!(never["accuracy"], always["accuracy"], "the two bundles are the same model");
    let id = always["model"].as_str().unwrap();
    assert!(id.starts_with("fast@") && id.contains("+accurate@"), "{id}");
    assert_eq!(json(&["eval", "intent", "--data", rows, "--model", fast]).get("cascade"), None);

    let args = ["eval", "sentiment", "--data", "eval-data/intent.jsonl", "--accurate", accurate];
    let refused = fenzhen(args);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("only intents"), "{refused:?}");
    assert_eq!(fenzhen(args.into_iter().chain(["--below", "2"])).status.code(), Some(2));
}

#[test]
fn eval_oos_sets_scores_side_by_side() {
    let (_in, inside) = file("in.jsonl", ROWS);
    let (_out, outside) = file("out.txt", "今天股市怎么样\n\n写一首诗\n");
    let [inside, outside] = [&inside, &outside].map(|path| path.to_str().unwrap());
    let measure = |manifest: &str| {
        let bundle = bundle(manifest);
        let dir = bundle.path().to_str().unwrap();
        let files = ["eval", "oos", "--in-scope", inside, "--out-of-scope", outside];
        json(&[&files[..], &["--model", dir]].concat())
    };
    let report = measure("name = \"a\"");
    let names = |report: &Value| -> Vec<String> {
        let scores = report["scores"].as_array().unwrap();
        scores.iter().map(|score| score["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&report), ["oos", "1-max", "energy", "max_logit", "margin", "entropy"]);
    // The row labelled oos is none of those in scope.
    assert_eq!((&report["in_scope"]["n"], &report["out_of_scope"]["n"]), (&json!(5), &json!(2)));

    // A score that is nothing but the probability of the oos class ranks as that does.
    let report = measure("name = \"a\"\n[out_of_scope]\nmethod = \"logistic\"\noos = 5.0\n");
    assert_eq!(names(&report).last().unwrap(), "logistic");
    for figure in ["auroc", "auroc_ci95", "fpr_at_95_tpr", "passed_at_95_in_scope"] {
        assert_eq!(report["scores"][6][figure], report["scores"][0][figure], "{figure}");
    }
}

#[test]
fn eval_thresholds_stores_what_it_chose() {
    let (_folder, rows) = file("rows.jsonl", ROWS);
    let manifest = "name = \"a\" # ours\n[thresholds]\naccept = 0.99\nclarify = 0.98\n[out_of_scope]\nmethod = \"logistic\"\noos = 4.0\nbias = -2.0\n";
    let (single, accurate) = (bundle(manifest), bundle(manifest));
    let [rows, dir, second] =
        [rows.as_path(), single.path(), accurate.path()].map(|path| path.to_str().unwrap());
    let args = ["eval", "thresholds", "--data", rows, "--model", dir];
    let shown = json(&args);
    assert_eq!(fs::read_to_string(single.path().join("fenzhen.toml")).unwrap(), manifest);
    let chosen = json(&[&args[..], &["--write"]].concat());
    assert_eq!(shown, chosen);
    assert!(chosen["chosen"]["cost"].as_f64() <= chosen["current"]["cost"].as_f64());
    assert_eq!(chosen["chosen"]["complaints_missed"]["of"], 1);
    assert!(chosen["curves"]["reject_above"].is_array());

    let written = fs::read_to_string(single.path().join("fenzhen.toml")).unwrap();
    assert!(written.starts_with("name = \"a\" # ours\n"), "{written}");
    let stored = Bundle::load(single.path()).unwrap();
    let accept = |json: &Value| json["chosen"]["setting"]["accept"].as_f64().unwrap() as f32;
    assert_eq!(stored.thresholds().unwrap().accept, accept(&chosen));
    // What was stored is what the next run finds in force.
    assert_eq!(json(&args)["current"], chosen["chosen"]);

    let cascade = json(&[&args[..], &["--accurate", second, "--write"]].concat());
    let stored = Bundle::load(accurate.path()).unwrap();
    assert_eq!(stored.thresholds().unwrap().accept, 0.99, "its own stay");
    assert_eq!(stored.cascade().thresholds.unwrap().accept, accept(&cascade));
}

#[test]
fn eval_frontier_compares_bundles_and_cascades() {
    let (_folder, rows) = file("rows.jsonl", ROWS);
    let (fast, accurate) = (bundle("name = \"fast\""), bundle("name = \"accurate\""));
    let [fast, accurate] = [&fast, &accurate].map(|dir| dir.path().to_str().unwrap().to_owned());
    let both = format!("{fast}+{accurate}");
    let data = ["eval", "frontier", "--data", rows.to_str().unwrap()];
    let report = json(&[&data[..], &["--bundle", &fast, "--bundle", &both]].concat());
    let models = report["models"].as_array().unwrap();
    assert_eq!((models.len(), &models[0]["clear"]["n"]), (2, &json!(5)));
    assert_eq!(models[0]["agreed"]["n"], 5);
    assert_eq!(
        models[1]["size_bytes"].as_u64(),
        models[0]["size_bytes"].as_u64().map(|size| 2 * size)
    );
    assert_eq!(models[1]["cascade"]["below"].as_f64().map(|below| below as f32), Some(0.9));
}

#[test]
fn kb_convert_goes_through_all_formats_without_loss() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let mut from = package("tests/fixtures/kb/small").to_str().unwrap().to_owned();
    for name in ["a.xlsx", "b.csv", "c.zip", "d.jsonl", "folder", "e.jsonl"] {
        let output = fenzhen(["kb", "convert", "--from", &from, "--to", &path(name), "--json"]);
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["faults"], json!([]), "{name}");
        from = path(name);
    }
    let first = fs::read_to_string(path("d.jsonl")).unwrap();
    assert!(first.lines().count() > 1);
    assert_eq!(first, fs::read_to_string(path("e.jsonl")).unwrap());
}

#[test]
fn kb_convert_lists_faults_and_writes_nothing() {
    let table = "编号,类型,分类,标准问题,答案,后续文章\na,常见问题,售后/退货,能退吗？,,b\n";
    let (folder, path) = file("知识.csv", table);
    let target = folder.path().join("a.xlsx");
    let (from, to) = (path.to_str().unwrap(), target.to_str().unwrap());
    let output = fenzhen(["kb", "convert", "--from", from, "--to", to]);
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        told,
        "fault: 知识.csv:2: the key `body` is missing\n       缺少“答案”，请填写\n\
         fault: 知识.csv:2: the link \"b\" names no article\n       “后续文章”里的“b”没有对应的文章\n\
         0 sound versions, 2 faults, nothing written\n"
    );
    assert!(!target.exists());
    let output = fenzhen(["kb", "convert", "--from", from, "--dry-run", "--json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["faults"][1]["code"], "dangling_link");
    assert_eq!(fenzhen(["kb", "convert", "--from", "a.doc", "--dry-run"]).status.code(), Some(1));
    assert_eq!(fenzhen(["kb", "convert", "--from", from]).status.code(), Some(2));
}

/// A shop with its own folder of articles and its own store.
struct Shop {
    folder: TempDir,
    data: String,
    config: String,
}

impl Shop {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let (data, config) = (path("data"), path("config.toml"));
        let articles = package("tests/fixtures/kb/small");
        let settings =
            format!("[kb]\nencoder = \"\"\nrequire_review = false\narticles = {articles:?}\n");
        fs::write(&config, settings).unwrap();
        Self { folder, data, config }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn kb(&self, args: &[&str]) -> Output {
        let place = ["--json", "--data-dir", &self.data, "--config", &self.config];
        fenzhen(["kb"].iter().chain(args).chain(&place).copied())
    }

    /// The JSON document of a command that succeeds.
    fn json(&self, args: &[&str]) -> Value {
        let output = self.kb(args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

#[test]
fn kb_exports_and_imports_what_editors_change() {
    let shop = Shop::new();
    let (all, latest) = (shop.path("all.jsonl"), shop.path("latest.jsonl"));
    assert_eq!(shop.json(&["export", &all, "--all-versions"])["versions"], 10);
    assert_eq!(shop.json(&["export", &latest])["versions"], 9);
    assert_eq!(shop.json(&["export", &shop.path("served.xlsx"), "--served"])["versions"], 8);
    let counts =
        |report: &Value| ["new", "changed", "unchanged"].map(|key| report[key].as_u64().unwrap());
    let again = shop.json(&["import", &all]);
    assert_eq!((counts(&again), &again["stored"]), ([0, 0, 10], &json!(true)));
    assert_eq!(again["publication"], Value::Null);

    let edited = shop.path("edited.txt");
    let text = fs::read_to_string(&latest).unwrap();
    let mut lines: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let line = lines.iter_mut().find(|line| line["status"] == "published").unwrap();
    line["question"] = json!("紫色长颈鹿怎么喂养？");
    let id = line["id"].as_str().unwrap().to_owned();
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    fs::write(&edited, text).unwrap();
    let args = ["import", &edited, "--format", "jsonl", "--publish", "--actor", "编辑甲"];
    let dry = shop.json(&[&args[..], &["--dry-run"]].concat());
    assert_eq!((counts(&dry), &dry["stored"]), ([0, 1, 8], &json!(false)));
    let stored = shop.json(&args);
    assert_eq!((counts(&stored), &stored["publication"]), ([0, 1, 8], &json!(2)));
    let found = shop.json(&["search", "紫色长颈鹿怎么喂养", "--as-of", "2026-11-22"]);
    assert_eq!((&found["generation"], &found["hits"][0]["article_id"]), (&json!(2), &json!(id)));

    let reindexed = shop.json(&["reindex", &id]);
    assert_eq!((&reindexed["state"], &reindexed["generation"]), (&json!("done"), &json!(3)));
    let reindexed = shop.json(&["reindex", "--all"]);
    assert_eq!((&reindexed["generation"], &reindexed["done"]), (&json!(4), &json!(9)));
    let unknown = shop.kb(&["reindex", "nowhere"]);
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("no article nowhere"));
    assert_eq!(shop.kb(&["reindex", "--all", &id]).status.code(), Some(2));

    let (backup, data) = (shop.path("backup.zip"), shop.data.clone());
    let manifest = shop.json(&["backup", &backup]);
    let restored = Shop { data: shop.path("restored"), ..shop };
    assert_eq!(restored.json(&["restore", &backup]), manifest);
    assert_eq!(restored.kb(&["restore", &backup]).status.code(), Some(1), "it is not empty");
    let versions = restored.path("again.jsonl");
    restored.json(&["export", &versions, "--all-versions"]);
    let original = Shop { data, ..restored };
    original.json(&["export", &all, "--all-versions"]);
    assert_eq!(fs::read_to_string(versions).unwrap(), fs::read_to_string(all).unwrap());
}

#[test]
fn kb_import_stores_nothing_where_a_row_has_a_fault() {
    let shop = Shop::new();
    let file = shop.path("知识.csv");
    let rows = "编号,类型,分类,标准问题,答案,后续文章\na,常见问题,售后/退货,能退吗？,能。,refund-time\n\
                b,常见问题,售后/退货,能换吗？,能。,nowhere\n";
    fs::write(&file, rows).unwrap();
    for args in [&["import", &file][..], &["import", &file, "--dry-run"]] {
        let output = shop.kb(args);
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let fault = &report["faults"][0];
        assert_eq!((&fault["row"], &fault["code"]), (&json!(3), &json!("dangling_link")));
        assert_eq!(
            (report["faults"].as_array().unwrap().len(), &report["stored"]),
            (1, &json!(false))
        );
    }
    assert_eq!(shop.json(&["export", &shop.path("all.jsonl")])["versions"], 9);
    // The rules of the shop hold for imports.
    fs::write(&shop.config, "[kb]\nencoder = \"\"\n").unwrap();
    let refused = shop.kb(&["import", &shop.path("all.jsonl"), "--publish"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("kb.require_review"), "{refused:?}");
}

#[test]
fn kb_reindex_is_called_off_by_ctrl_c() {
    let shop = Shop::new();
    // The default folder has enough articles to be called off under way.
    fs::write(&shop.config, "[kb]\nencoder = \"\"\n").unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_fenzhen"))
        .current_dir(package(""))
        .args(["kb", "reindex", "--json", "--data-dir", &shop.data, "--config", &shop.config])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let building = std::path::Path::new(&shop.data).join("kb/generations/building");
    while !building.exists() {
        assert!(child.try_wait().unwrap().is_none(), "it was to build");
        std::thread::yield_now();
    }
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let view: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(view["state"], "cancelled");
    assert!(!std::path::Path::new(&shop.data).join("kb/CURRENT").exists());
}

#[test]
fn kb_check_advises_without_failing() {
    let folder = tempfile::tempdir().unwrap();
    let due = "+++\nid = \"a\"\nversion = 1\nstatus = \"published\"\nkind = \"faq\"\ncategory = \"售后/退货\"\n\
               question = \"能退吗？\"\nvalid_from = 2026-01-01\nupdated = 2026-01-01\nreview_by = 2026-01-02\n+++\n\n能。\n";
    fs::write(folder.path().join("a.md"), due).unwrap();
    let config = folder.path().join("config.toml");
    fs::write(&config, format!("[kb]\narticles = {:?}\n", folder.path())).unwrap();
    let output = fenzhen(["kb", "check", "--json", "--config", config.to_str().unwrap()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let expected =
        json!([{ "type": "overdue", "id": "a", "owner": null, "review_by": "2026-01-02" }]);
    assert_eq!(report["advice"], expected);
}
