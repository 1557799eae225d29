//! Finds the ONNX Runtime shared library and starts it, once per process.
//!
//! `make build` puts the library beside the executable, so a service needs no variable and no
//! installed package. Test binaries and benches lie one or two folders deeper in the target folder.

use std::{
    env,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use super::{error::ModelError, onnx::environment};

/// Held while starting, so that two threads do not load two libraries.
static STARTING: Mutex<()> = Mutex::new(());

/// Loads ONNX Runtime from `explicit`, or from beside the executable, or from the executable's
/// parent folder or that one's parent.
///
/// Later calls return at once, whatever path they name: a process has one runtime. Thread safe.
///
/// # Errors
/// [`ModelError::MissingRuntime`] or [`ModelError::WrongRuntime`]; both say what to do. A later call
/// may succeed.
pub fn init(explicit: Option<&Path>) -> Result<(), ModelError> {
    let _starting = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
    if environment::current().is_some() {
        return Ok(());
    }
    let executable = env::current_exe().ok();
    environment::start(&find(explicit, executable.as_deref())?)
}

/// The library's file name on this platform: `libonnxruntime.so` on Linux.
pub(super) fn file_name() -> String {
    format!("{}onnxruntime{}", env::consts::DLL_PREFIX, env::consts::DLL_SUFFIX)
}

/// The first candidate that exists. An explicit path is the only candidate: falling back to another
/// library than the one an operator named would hide the mistake.
fn find(explicit: Option<&Path>, executable: Option<&Path>) -> Result<PathBuf, ModelError> {
    let candidates: Vec<PathBuf> = match explicit {
        Some(path) => vec![path.to_owned()],
        None => {
            let folders = executable.into_iter().flat_map(|path| path.ancestors().skip(1).take(3));
            folders.map(|folder| folder.join(file_name())).collect()
        }
    };
    let found = candidates.iter().find(|path| path.is_file());
    found.cloned().ok_or(ModelError::MissingRuntime { searched: candidates })
}

#[cfg(test)]
mod tests {
    use std::{fs, process::Command};

    use super::*;

    #[test]
    fn the_library_is_found_near_the_executable() {
        let dir = tempfile::tempdir().unwrap();
        let executable = dir.path().join("debug/deps/fenzhen-1234");
        let searched = match find(None, Some(&executable)).unwrap_err() {
            ModelError::MissingRuntime { searched } => searched,
            other => panic!("{other}"),
        };
        let folders = ["debug/deps", "debug", ""].map(|name| dir.path().join(name));
        assert_eq!(searched, folders.clone().map(|folder| folder.join(file_name())));

        fs::create_dir_all(&folders[1]).unwrap();
        fs::write(folders[1].join(file_name()), "").unwrap();
        assert_eq!(find(None, Some(&executable)).unwrap(), folders[1].join(file_name()));
    }

    #[test]
    fn an_explicit_path_is_the_only_candidate() {
        let error = find(Some(Path::new("/nowhere/x.so")), env::current_exe().ok().as_deref());
        let message = error.unwrap_err().to_string();
        assert!(message.contains("looked for /nowhere/x.so)"), "{message}");
        assert!(message.contains("make build"), "{message}");
    }

    #[test]
    fn starting_twice_is_harmless() {
        init(None).unwrap();
        init(Some(Path::new("/nowhere/ignored.so"))).unwrap();
    }

    /// Names the library [`child_that_starts_a_library`] loads; unset in an ordinary test run.
    const CHILD_VARIABLE: &str = "FENZHEN_TEST_LIBRARY";

    /// Not a test of its own: a process can load only one library, so each wrong one gets a process,
    /// which is this test binary with the variable set.
    #[test]
    fn child_that_starts_a_library() {
        if let Some(path) = env::var_os(CHILD_VARIABLE) {
            let error = init(Some(Path::new(&path))).expect_err("the library is wrong");
            println!("message: {error}");
            init(None).expect("the right library still starts after a wrong one");
        }
    }

    fn message_for(library: &Path) -> String {
        let output = Command::new(env::current_exe().unwrap())
            .args(["--exact", "model::runtime::tests::child_that_starts_a_library", "--nocapture"])
            .env(CHILD_VARIABLE, library)
            .output()
            .unwrap();
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{stdout}{}", String::from_utf8_lossy(&output.stderr));
        let message = stdout.lines().find_map(|line| line.split_once("message: "));
        message.expect("the child prints the message").1.to_owned()
    }

    #[test]
    fn wrong_libraries_are_refused_in_one_sentence() {
        let dir = tempfile::tempdir().unwrap();
        let text = dir.path().join("text.so");
        fs::write(&text, "not a library").unwrap();
        let empty = dir.path().join("empty.so");
        fs::write(&empty, "").unwrap();
        // An ELF file without ONNX Runtime's entry point; which one does not matter.
        let other_elf = fs::read_dir("/proc/self/map_files")
            .ok()
            .into_iter()
            .flatten()
            .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
            .find(|path| path.to_string_lossy().contains("libc.so"));

        for path in [Some(text), Some(empty), other_elf].into_iter().flatten() {
            let message = message_for(&path);
            assert!(message.contains("is not a usable ONNX Runtime library"), "{message}");
            assert!(message.contains("make build"), "{message}");
            assert!(!message.contains('\n'));
        }
    }
}
