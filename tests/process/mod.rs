//! The executable as a process: what it does when something is wrong around it.
//!
//! Each test starts its own process on a free port with its own data folder.

use crate::support::package;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// Longest time for a start; a debug build on a busy machine needs some seconds for the index.
const START: Duration = Duration::from_secs(90);

/// A data folder with a built index, copied by the tests that do not build their own.
static BUILT: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let output = fenzhen(&["kb", "search", "你好", "--data-dir", folder.path().to_str().unwrap()]);
    assert!(output.status.success(), "{output:?}");
    folder
});

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fenzhen"));
    command.current_dir(package(""));
    command
}

fn fenzhen(args: &[&str]) -> Output {
    command().args(args).output().unwrap()
}

fn data_dir() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy(&BUILT.path().join("kb"), &folder.path().join("kb"));
    folder
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Runs `serve` where it must not start; its words on standard error.
fn refused(configure: impl FnOnce(&mut Command)) -> String {
    let mut serve = command();
    serve.arg("serve").env("FENZHEN_HTTP__LISTEN", "127.0.0.1:0").stderr(Stdio::piped());
    configure(&mut serve);
    let mut child = serve.spawn().unwrap();
    let started = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if started.elapsed() > START {
            child.kill().unwrap();
            panic!("the service started although it must not");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// A running service.
struct Running {
    child: Child,
    address: String,
}

impl Running {
    fn start(data_dir: &Path, configure: impl FnOnce(&mut Command)) -> Self {
        let mut serve = command();
        serve
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(data_dir)
            .stderr(Stdio::piped());
        configure(&mut serve);
        let mut child = serve.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| {
                let line: Value = serde_json::from_str(&line).ok()?;
                Some(line["listen"].as_str()?.to_owned())
            })
            .expect("the service logs where it listens");
        // Whoever does not read a pipe stops the writer once it is full.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Self { child, address }
    }

    /// Status and body.
    fn send(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        let (head, body) = response.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(body).unwrap_or(Value::Null))
    }

    fn turn(&self, id: &str, turn_id: &str, text: &str) -> Value {
        let body = serde_json::json!({ "turn_id": turn_id, "text": text }).to_string();
        let (status, reply) = self.send("POST", &format!("/v1/conversations/{id}/turns"), &body);
        assert_eq!(status, 200, "{reply}");
        reply
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Gone already is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn reads_a_real_message_with_the_default_models() {
    let folder = data_dir();
    let service = Running::start(folder.path(), |_| {});
    let (status, answer) =
        service.send("POST", "/classify", r#"{"text":"我的快递三天没动了，到底还送不送！"}"#);
    assert_eq!(status, 200);
    assert_eq!(answer["intent"]["label"], "shipping.delay");
    assert_eq!(answer["sentiment"]["label"], "negative");
    assert!(answer["models"]["intent"].as_str().unwrap().contains('@'));
}

#[test]
fn kill_nine_between_turns_loses_nothing() {
    let folder = data_dir();
    let mut service = Running::start(folder.path(), |_| {});
    assert_eq!(service.turn("c1", "t1", "转人工")["action"], "transfer");
    service.child.kill().unwrap();
    service.child.wait().unwrap();
    let service = Running::start(folder.path(), |_| {});
    assert_eq!(service.turn("c1", "t1", "转人工")["action"], "transfer", "the retry's reply");
    assert_eq!(service.turn("c1", "t2", "在吗")["action"], "silent");
    let (_, view) = service.send("GET", "/v1/conversations/c1", "");
    assert_eq!(view["turns"].as_array().unwrap().len(), 2);
}

#[test]
fn stops_cleanly_and_tells_two_processes_apart() {
    let folder = data_dir();
    let mut service = Running::start(folder.path(), |_| {});
    let address = service.address.clone();
    let error = refused(|serve| {
        serve.args(["--listen", &address, "--data-dir"]).arg(folder.path());
    });
    assert!(
        error.contains("cannot listen") || error.contains("cannot be used multiple"),
        "{error}"
    );
    let pid = service.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert_eq!(service.child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_changed_rule_file_is_taken_over_and_a_faulty_one_is_not() {
    let folder = data_dir();
    let rules = folder.path().join("rules.toml");
    let shipped = std::fs::read_to_string(package("config/rules.toml")).unwrap();
    std::fs::write(&rules, &shipped).unwrap();
    let service = Running::start(folder.path(), |serve| {
        serve.env("FENZHEN_RULES__FILE", &rules);
    });
    let version = || service.send("GET", "/v1/admin/rules", "").1["rule_set"].clone();
    let until = |expected: &str| {
        let started = Instant::now();
        while version().as_str() != Some(expected) {
            assert!(started.elapsed() < Duration::from_secs(20), "{} is not {expected}", version());
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    let old = version().as_str().unwrap().to_owned();
    let faulty = shipped.replace("skill_group = \"logistics\"", "skill_group = \"moon\"");
    std::fs::write(&rules, faulty).unwrap();
    let (status, refused) = service.send("POST", "/v1/admin/rules/reload", "");
    assert_eq!(status, 422);
    assert_eq!(refused["error"]["code"], "rules_refused");
    let fault = &refused["error"]["details"]["faults"][0];
    assert_eq!(fault["code"], "unknown_group", "{fault}");
    assert!(fault["line"].as_u64().unwrap() > 1 && fault["column"].as_u64().unwrap() > 1);
    assert_eq!(version(), old.as_str());
    let (name, _) = old.split_once('@').unwrap();
    let newer = shipped.replacen("version = \"", "version = \"99.", 1);
    std::fs::write(&rules, newer).unwrap();
    let (_, old_version) = old.split_once('@').unwrap();
    until(&format!("{name}@99.{old_version}"));
}

#[test]
fn models_are_read_again_with_the_shadow_of_the_settings() {
    let folder = data_dir();
    let service = Running::start(folder.path(), |serve| {
        serve
            .env("FENZHEN_MODEL__INTENT_ACCURATE", "")
            .env("FENZHEN_MODEL__SHADOW", "models/intent")
            .env("FENZHEN_MODEL__WORKERS", "1");
    });
    let models = || service.send("GET", "/v1/admin/models", "").1;
    let before = models();
    let roles: Vec<&Value> =
        before["bundles"].as_array().unwrap().iter().map(|bundle| &bundle["role"]).collect();
    assert_eq!(roles, ["intent", "sentiment", "emotion", "urgency", "shadow"]);
    let (status, swapped) = service.send("POST", "/v1/admin/models/reload", "");
    assert_eq!((status, &swapped["before"]), (200, &swapped["after"]), "{swapped}");
    assert_ne!(models()["since"], before["since"]);

    let (status, _) = service.send("POST", "/classify", r#"{"text":"我的快递三天没动了"}"#);
    assert_eq!(status, 200);
    let started = Instant::now();
    while models()["shadow"]["compared"] != 1 {
        assert!(started.elapsed() < Duration::from_secs(20), "{}", models());
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(models()["shadow"]["agreed"], 1, "a model agrees with itself");
}

#[test]
fn refuses_to_start_with_the_reason() {
    let folder = data_dir();
    let data = folder.path().to_str().unwrap().to_owned();
    let bundle = |damage: &dyn Fn(&Path)| -> PathBuf {
        let copied = folder.path().join("bundle");
        let _ = std::fs::remove_dir_all(&copied);
        copy(&package("models/intent"), &copied);
        damage(&copied);
        copied
    };
    let with_bundle = |bundle: PathBuf| {
        refused(|serve| {
            serve.args(["--data-dir", &data]).env("FENZHEN_MODEL__INTENT", bundle);
        })
    };
    let corrupt = with_bundle(bundle(&|folder| {
        std::fs::write(folder.join("model.onnx"), b"not a model").unwrap();
    }));
    assert!(corrupt.contains("model.onnx"), "{corrupt}");
    let missing = with_bundle(bundle(&|folder| {
        std::fs::remove_file(folder.join("tokenizer.json")).unwrap();
    }));
    assert!(missing.contains("tokenizer.json"), "{missing}");
    let nowhere = with_bundle(folder.path().join("nowhere"));
    assert!(nowhere.contains("nowhere"), "{nowhere}");
    let shadow = refused(|serve| {
        serve.args(["--data-dir", &data]).env("FENZHEN_MODEL__SHADOW", "models/sentiment");
    });
    assert!(shadow.contains("models/sentiment/fenzhen.toml: task = sentiment"), "{shadow}");

    let unlike = refused(|serve| {
        serve
            .args(["--data-dir", &data])
            .env("FENZHEN_MODEL__INTENT_ACCURATE", package("tests/fixtures/bert-tiny"));
    });
    assert!(unlike.contains("only the first has") && unlike.contains("invoice"), "{unlike}");

    let library = folder.path().join("libonnxruntime.so");
    let with_library = |library: &Path| {
        refused(|serve| {
            serve.args(["--data-dir", &data]).env("FENZHEN_MODEL__ONNXRUNTIME", library);
        })
    };
    let missing = with_library(&library);
    assert!(missing.contains("make build"), "{missing}");
    std::fs::write(&library, b"no library").unwrap();
    let wrong = with_library(&library);
    assert!(wrong.contains("libonnxruntime.so"), "{wrong}");

    let open = refused(|serve| {
        serve.args(["--data-dir", &data, "--listen", "0.0.0.0:0"]);
    });
    assert!(open.contains("api_keys"), "{open}");
    let faulty = folder.path().join("rules.toml");
    std::fs::write(&faulty, "name = \"x\"\n[[route]]\nid = 5\n").unwrap();
    let rules = refused(|serve| {
        serve.args(["--data-dir", &data]).env("FENZHEN_RULES__FILE", &faulty);
    });
    assert!(rules.contains("rules.toml") && rules.contains('3'), "{rules}");
    let unknown = refused(|serve| {
        serve.args(["--data-dir", &data]).env("FENZHEN_HTTP__LISSTEN", "1");
    });
    assert!(unknown.contains("lissten"), "{unknown}");
}

#[test]
fn a_locked_index_and_a_foreign_database_are_told() {
    let folder = data_dir();
    let data = folder.path().to_str().unwrap();
    let lock = std::fs::read_dir(folder.path().join("kb"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.to_string_lossy().to_lowercase().contains("lock"));
    let lock = lock.expect("the index folder has a lock file");
    let held = std::fs::File::options().write(true).open(lock).unwrap();
    held.lock().unwrap();
    let output = fenzhen(&["kb", "reindex", "--data-dir", data]);
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("being built by another process"), "{error}");
    // Searching goes on while the lock is held.
    let output = fenzhen(&["kb", "search", "怎么改收货地址", "--json", "--data-dir", data]);
    assert!(output.status.success(), "{output:?}");

    // The log of the commands above would mend what is written over the file.
    for log in ["fenzhen.db-wal", "fenzhen.db-shm"] {
        let _ = std::fs::remove_file(folder.path().join(log));
    }
    std::fs::write(folder.path().join("fenzhen.db"), "no database".repeat(1000)).unwrap();
    let error = refused(|serve| {
        serve.args(["--data-dir", data]);
    });
    assert!(error.contains("fenzhen.db"), "{error}");
}

/// A file system of 32 MiB on a temporary folder; `None` without the right to mount.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=32m", "tmpfs"])
            .arg(folder.path())
            .output();
        mounted.is_ok_and(|output| output.status.success()).then_some(Self(folder))
    }

    fn fill(&self) {
        let mut file = std::fs::File::create(self.0.path().join("filler")).unwrap();
        while file.write_all(&[0; 4096]).is_ok() {}
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // A mount that stays is the temporary folder's, which the system cleans up.
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_is_told_and_the_process_lives_on() {
    let Some(disk) = SmallDisk::mount() else {
        eprintln!(
            "SKIPPED a_full_disk_is_told_and_the_process_lives_on: mounting a tmpfs needs root"
        );
        return;
    };
    copy(&BUILT.path().join("kb"), &disk.0.path().join("kb"));
    let service = Running::start(disk.0.path(), |_| {});
    assert_eq!(service.turn("c1", "t1", "你好")["action"], "answer");
    disk.fill();
    // The database may still have room in its write-ahead log: write until it has none.
    let refusal = (0..500).find_map(|i| {
        let body = format!(r#"{{"turn_id":"f{i}","text":"你好"}}"#);
        let (status, answer) = service.send("POST", "/v1/conversations/c2/turns", &body);
        (status != 200).then_some((status, answer))
    });
    let (status, answer) = refusal.expect("a full disk is noticed");
    assert_eq!((status, &answer["error"]["code"]), (503, &Value::from("store_unavailable")));
    let (status, _) = service.send("POST", "/classify", r#"{"text":"你好"}"#);
    assert_eq!(status, 200, "understanding goes on");
    std::fs::remove_file(disk.0.path().join("filler")).unwrap();
    assert_eq!(
        service.turn("c1", "t2", "你好")["action"],
        "answer",
        "and storing, with room again"
    );
}
