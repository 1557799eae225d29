//! The index folder: its lock, its pointer and its generations.
//!
//! Nothing here knows what a generation holds; only numbers and paths.

use crate::kb::KbError;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Name of the file that holds the number of the generation in use.
const POINTER: &str = "CURRENT";
/// Name of the file whose lock the builder holds.
const LOCK: &str = "LOCK";
/// Name of the folder a generation is built in before it gets its number.
const BUILDING: &str = "building";
/// Generations kept, the one in use included: enough to go back by hand after two bad releases.
const N_KEPT: usize = 3;

/// Why the generation on disk cannot be used as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RebuildReason {
    /// The first start.
    #[error("there is no index yet")]
    NoGeneration,
    /// `CURRENT` holds no number.
    #[error("the pointer file holds no generation number")]
    PointerUnreadable,
    /// `CURRENT` names a generation that is not there.
    #[error("generation {number} is missing")]
    GenerationMissing {
        /// The number in the pointer file.
        number: u64,
    },
    /// A file of the generation is damaged.
    #[error("generation {number} is damaged: {what}")]
    Damaged {
        /// The generation.
        number: u64,
        /// What could not be read.
        what: String,
    },
    /// Words were cut by another dictionary; queries would miss some of them.
    #[error("the index was built with dictionary {built}, the service has {now}")]
    OtherDictionary {
        /// Hash in the generation.
        built: String,
        /// Hash of the dictionary loaded.
        now: String,
    },
    /// Fields or term rules have changed since.
    #[error("the index has schema version {built}, the service needs {now}")]
    OtherSchema {
        /// Version in the generation.
        built: u32,
        /// Version of this executable.
        now: u32,
    },
    /// Articles were edited since.
    #[error("articles have changed since the index was built")]
    ArticlesChanged,
}

/// An index folder; holds no open files.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    dir: PathBuf,
}

/// Proof that this thread is the only builder; released when dropped.
#[derive(Debug)]
pub(crate) struct BuildLock {
    _file: File,
}

impl Folder {
    pub(crate) fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    /// Becomes the only builder.
    ///
    /// # Errors
    /// [`KbError::Locked`] at once where another process or thread is building.
    pub(crate) fn lock(&self) -> Result<BuildLock, KbError> {
        let generations = self.generations();
        fs::create_dir_all(&generations).map_err(|error| KbError::io(&generations, error))?;
        let path = self.dir.join(LOCK);
        let file = File::options().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(|error| KbError::io(&path, error))?;
        match file.try_lock() {
            Ok(()) => Ok(BuildLock { _file: file }),
            Err(TryLockError::WouldBlock) => Err(KbError::Locked { path }),
            Err(TryLockError::Error(error)) => Err(KbError::io(&path, error)),
        }
    }

    /// The generation in use.
    pub(crate) fn current(&self) -> Result<u64, RebuildReason> {
        let content = match fs::read(self.dir.join(POINTER)) {
            Ok(content) => content,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(RebuildReason::NoGeneration);
            }
            Err(_) => return Err(RebuildReason::PointerUnreadable),
        };
        let number = str::from_utf8(&content).ok().and_then(|text| text.trim().parse().ok());
        let number = number.ok_or(RebuildReason::PointerUnreadable)?;
        if !self.generation_path(number).is_dir() {
            return Err(RebuildReason::GenerationMissing { number });
        }
        Ok(number)
    }

    /// Where a generation lies.
    pub(crate) fn generation_path(&self, number: u64) -> PathBuf {
        self.generations().join(number.to_string())
    }

    /// Has `write` fill a new folder, gives it the next number and points `CURRENT` at it.
    ///
    /// # Errors
    /// Whatever `write` or the file system says; what was written is removed again.
    pub(crate) fn publish(
        &self,
        _lock: &BuildLock,
        write: impl FnOnce(&Path, u64) -> Result<(), KbError>,
    ) -> Result<u64, KbError> {
        let building = self.generations().join(BUILDING);
        let number = self.numbers().into_iter().max().unwrap_or(0) + 1;
        // Left by a builder that was killed.
        remove_dir(&building);
        let written = fs::create_dir(&building)
            .map_err(|error| KbError::io(&building, error))
            .and_then(|()| write(&building, number));
        if let Err(error) = written {
            remove_dir(&building);
            return Err(error);
        }
        let target = self.generation_path(number);
        let published = sync_dir(&building)
            .and_then(|()| fs::rename(&building, &target))
            .and_then(|()| sync_dir(&self.generations()))
            .map_err(|error| KbError::io(&target, error))
            .and_then(|()| self.point_at(number));
        if let Err(error) = published {
            remove_dir(&building);
            remove_dir(&target);
            return Err(error);
        }
        Ok(number)
    }

    /// Removes what is neither in use nor among the generations before it that are kept. Readers
    /// that still have an old one open keep their mapped files. Failing only costs space.
    pub(crate) fn remove_old(&self, _lock: &BuildLock, current: u64) {
        let mut numbers = self.numbers();
        numbers.sort_unstable_by(|a, b| b.cmp(a));
        let (newer, kept): (Vec<u64>, Vec<u64>) =
            numbers.into_iter().partition(|&number| number > current);
        for number in newer.into_iter().chain(kept.into_iter().skip(N_KEPT)) {
            remove_dir(&self.generation_path(number));
        }
    }

    /// Swaps the pointer: readers see the old number or the new one, also after a power cut.
    fn point_at(&self, number: u64) -> Result<(), KbError> {
        let pointer = self.dir.join(POINTER);
        let temp = self.dir.join(format!("{POINTER}.new"));
        write_synced(&temp, format!("{number}\n").as_bytes())?;
        fs::rename(&temp, &pointer)
            .and_then(|()| sync_dir(&self.dir))
            .map_err(|error| KbError::io(&pointer, error))
    }

    fn numbers(&self) -> Vec<u64> {
        let entries = fs::read_dir(self.generations()).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
    }

    fn generations(&self) -> PathBuf {
        self.dir.join("generations")
    }
}

/// Writes a whole file and waits until it is on disk.
pub(crate) fn write_synced(path: &Path, content: &[u8]) -> Result<(), KbError> {
    let write = || {
        let mut file = File::create(path)?;
        file.write_all(content)?;
        file.sync_all()
    };
    write().map_err(|error| KbError::io(path, error))
}

/// Makes new names in a folder durable.
fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

fn remove_dir(dir: &Path) {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(path = %dir.display(), %error, "an old index folder stays");
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (Folder, tempfile::TempDir) {
        let temp = tempfile::tempdir().unwrap();
        (Folder::new(&temp.path().join("index")), temp)
    }

    fn publish(folder: &Folder) -> u64 {
        let lock = folder.lock().unwrap();
        let number = folder
            .publish(&lock, |path, number| {
                write_synced(&path.join("content"), number.to_string().as_bytes())
            })
            .unwrap();
        folder.remove_old(&lock, number);
        number
    }

    #[test]
    fn publishes_one_generation_after_the_other_and_keeps_three() {
        let (folder, _temp) = folder();
        assert_eq!(folder.current(), Err(RebuildReason::NoGeneration));
        for expected in 1..=5 {
            assert_eq!(publish(&folder), expected);
            assert_eq!(folder.current(), Ok(expected));
        }
        let mut numbers = folder.numbers();
        numbers.sort_unstable();
        assert_eq!(numbers, [3, 4, 5]);
    }

    #[test]
    fn one_builder_at_a_time() {
        let (folder, _temp) = folder();
        let lock = folder.lock().unwrap();
        let error = folder.lock().unwrap_err();
        assert!(error.to_string().contains("being built by another process"), "{error}");
        drop(lock);
        folder.lock().unwrap();
    }

    #[test]
    fn a_failed_build_leaves_the_old_generation() {
        let (folder, _temp) = folder();
        publish(&folder);
        let lock = folder.lock().unwrap();
        let failed = folder.publish(&lock, |path, _| {
            write_synced(&path.join("half"), b"")?;
            Err(KbError::io(path, io::Error::from(io::ErrorKind::StorageFull)))
        });
        assert!(matches!(failed, Err(KbError::DiskFull { .. })), "{failed:?}");
        assert_eq!(folder.current(), Ok(1));
        assert!(!folder.generations().join(BUILDING).exists());
    }

    #[test]
    fn a_killed_builder_leaves_the_old_generation() {
        let (folder, _temp) = folder();
        publish(&folder);
        // Killed while writing, and killed between renaming and pointing.
        fs::create_dir(folder.generations().join(BUILDING)).unwrap();
        fs::create_dir(folder.generation_path(2)).unwrap();
        assert_eq!(folder.current(), Ok(1));
        assert_eq!(publish(&folder), 3);
        assert_eq!(fs::read_to_string(folder.generation_path(3).join("content")).unwrap(), "3");
    }

    #[test]
    fn says_what_is_wrong_with_the_pointer() {
        let (folder, _temp) = folder();
        publish(&folder);
        let pointer = folder.dir.join(POINTER);
        for (content, expected) in [
            (&b"9"[..], RebuildReason::GenerationMissing { number: 9 }),
            (b"", RebuildReason::PointerUnreadable),
            (b"\xff\xfe", RebuildReason::PointerUnreadable),
            (b"../1", RebuildReason::PointerUnreadable),
        ] {
            fs::write(&pointer, content).unwrap();
            assert_eq!(folder.current(), Err(expected));
        }
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let temp = tempfile::NamedTempFile::new().unwrap();
        let error = Folder::new(temp.path()).lock().unwrap_err();
        assert!(error.to_string().contains("generations"), "{error}");
    }
}
