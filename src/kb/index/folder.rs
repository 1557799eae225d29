//! The index folder: its lock, its pointer and its generations.
//!
//! Nothing here knows what a generation holds; only numbers and paths.

use crate::kb::KbError;
use std::fmt;
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
    /// `CURRENT` names no generation.
    #[error("the pointer file names no generation")]
    PointerUnreadable,
    /// `CURRENT` names a generation that is not there.
    #[error("generation {name} is missing")]
    GenerationMissing {
        /// What the pointer file names.
        name: Name,
    },
    /// A file of the generation is damaged.
    #[error("the generation in {} is damaged: {what}", path.display())]
    Damaged {
        /// Its folder.
        path: PathBuf,
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
    /// Vectors were made by another encoder and cannot be compared with those of this one.
    #[error("the index holds vectors of {}, the service makes those of {}",
        built.as_deref().unwrap_or("no encoder"), now.as_deref().unwrap_or("no encoder"))]
    OtherEncoder {
        /// Id in the generation.
        built: Option<String>,
        /// Id of the encoder loaded.
        now: Option<String>,
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

/// Name of a generation's folder: the number of what it holds and, where that was built more than
/// once, which building it was: `17` or `17.2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    /// The publication whose content it holds.
    pub number: u64,
    /// Counts the buildings, from 1.
    pub attempt: u32,
}

impl Name {
    fn parse(text: &str) -> Option<Self> {
        let (number, attempt) = text.split_once('.').unwrap_or((text, "1"));
        Some(Self { number: number.parse().ok()?, attempt: attempt.parse().ok()? })
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.attempt {
            1 => write!(f, "{}", self.number),
            attempt => write!(f, "{}.{attempt}", self.number),
        }
    }
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

    /// The folder itself.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The highest number on disk, 0 where there is none.
    pub(crate) fn last_number(&self) -> u64 {
        self.names().iter().map(|name| name.number).max().unwrap_or(0)
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
    pub(crate) fn current(&self) -> Result<Name, RebuildReason> {
        let content = match fs::read(self.dir.join(POINTER)) {
            Ok(content) => content,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(RebuildReason::NoGeneration);
            }
            Err(_) => return Err(RebuildReason::PointerUnreadable),
        };
        let name = str::from_utf8(&content).ok().and_then(|text| Name::parse(text.trim()));
        let name = name.ok_or(RebuildReason::PointerUnreadable)?;
        if !self.path(name).is_dir() {
            return Err(RebuildReason::GenerationMissing { name });
        }
        Ok(name)
    }

    /// The last building of a number, if there is one.
    pub(crate) fn latest(&self, number: u64) -> Option<Name> {
        self.names().into_iter().filter(|name| name.number == number).max()
    }

    /// Where a generation lies.
    pub(crate) fn path(&self, name: Name) -> PathBuf {
        self.generations().join(name.to_string())
    }

    /// Has `write` fill a new folder and gives it its name; `CURRENT` is not touched.
    ///
    /// # Errors
    /// Whatever `write` or the file system says; what was written is removed again.
    pub(crate) fn add(
        &self,
        _lock: &BuildLock,
        number: u64,
        write: impl FnOnce(&Path) -> Result<(), KbError>,
    ) -> Result<Name, KbError> {
        let building = self.generations().join(BUILDING);
        let attempt = self.latest(number).map_or(1, |name| name.attempt + 1);
        let name = Name { number, attempt };
        // Left by a builder that was killed.
        remove_dir(&building);
        let target = self.path(name);
        let written = fs::create_dir(&building)
            .map_err(|error| KbError::io(&building, error))
            .and_then(|()| write(&building))
            .and_then(|()| {
                sync_dir(&building)
                    .and_then(|()| fs::rename(&building, &target))
                    .and_then(|()| sync_dir(&self.generations()))
                    .map_err(|error| KbError::io(&target, error))
            });
        if let Err(error) = written {
            remove_dir(&building);
            remove_dir(&target);
            return Err(error);
        }
        Ok(name)
    }

    /// Swaps the pointer: readers see the old name or the new one, also after a power cut. What is
    /// neither in use nor among the last few is removed; readers that still have such a generation
    /// open keep their mapped files, and failing to remove only costs space.
    ///
    /// # Errors
    /// Whatever the file system says; the old pointer stays then.
    pub(crate) fn use_generation(&self, _lock: &BuildLock, name: Name) -> Result<(), KbError> {
        let pointer = self.dir.join(POINTER);
        let temp = self.dir.join(format!("{POINTER}.new"));
        write_synced(&temp, format!("{name}\n").as_bytes())?;
        fs::rename(&temp, &pointer)
            .and_then(|()| sync_dir(&self.dir))
            .map_err(|error| KbError::io(&pointer, error))?;
        let mut others: Vec<Name> = self.names().into_iter().filter(|n| *n != name).collect();
        others.sort_unstable_by(|a, b| b.cmp(a));
        for old in others.into_iter().skip(N_KEPT - 1) {
            remove_dir(&self.path(old));
        }
        Ok(())
    }

    fn names(&self) -> Vec<Name> {
        let entries = fs::read_dir(self.generations()).into_iter().flatten().flatten();
        entries.filter_map(|entry| Name::parse(entry.file_name().to_str()?)).collect()
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

    fn publish(folder: &Folder, number: u64) -> String {
        let lock = folder.lock().unwrap();
        let write =
            |path: &Path| write_synced(&path.join("content"), number.to_string().as_bytes());
        let name = folder.add(&lock, number, write).unwrap();
        folder.use_generation(&lock, name).unwrap();
        name.to_string()
    }

    fn current(folder: &Folder) -> String {
        folder.current().unwrap().to_string()
    }

    #[test]
    fn publishes_one_generation_after_the_other_and_keeps_three() {
        let (folder, _temp) = folder();
        assert_eq!(folder.current(), Err(RebuildReason::NoGeneration));
        for number in [1, 2, 5, 6, 7] {
            assert_eq!(publish(&folder, number), number.to_string());
            assert_eq!(current(&folder), number.to_string());
        }
        let mut numbers: Vec<u64> = folder.names().iter().map(|name| name.number).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, [5, 6, 7]);
    }

    #[test]
    fn a_number_can_be_built_again_and_gone_back_to() {
        let (folder, _temp) = folder();
        publish(&folder, 1);
        publish(&folder, 2);
        assert_eq!(publish(&folder, 2), "2.2");
        assert_eq!(folder.latest(2).unwrap().to_string(), "2.2");
        let lock = folder.lock().unwrap();
        folder.use_generation(&lock, folder.latest(1).unwrap()).unwrap();
        assert_eq!(current(&folder), "1");
        assert!(folder.path(folder.latest(2).unwrap()).is_dir());
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
        publish(&folder, 1);
        let lock = folder.lock().unwrap();
        let failed = folder.add(&lock, 2, |path| {
            write_synced(&path.join("half"), b"")?;
            Err(KbError::io(path, io::Error::from(io::ErrorKind::StorageFull)))
        });
        assert!(matches!(failed, Err(KbError::DiskFull { .. })), "{failed:?}");
        assert_eq!(current(&folder), "1");
        assert!(!folder.generations().join(BUILDING).exists());
    }

    #[test]
    fn a_killed_builder_leaves_the_old_generation() {
        let (folder, _temp) = folder();
        publish(&folder, 1);
        // Killed while writing, and killed between renaming and pointing.
        fs::create_dir(folder.generations().join(BUILDING)).unwrap();
        fs::create_dir(folder.generations().join("2")).unwrap();
        assert_eq!(current(&folder), "1");
        assert_eq!(publish(&folder, 2), "2.2");
        let content = folder.path(folder.current().unwrap()).join("content");
        assert_eq!(fs::read_to_string(content).unwrap(), "2");
    }

    #[test]
    fn says_what_is_wrong_with_the_pointer() {
        let (folder, _temp) = folder();
        publish(&folder, 1);
        let pointer = folder.dir.join(POINTER);
        let missing = Name { number: 9, attempt: 1 };
        for (content, expected) in [
            (&b"9"[..], RebuildReason::GenerationMissing { name: missing }),
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
