//! A folder that appears complete or not at all.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The file by which a results folder is known.
const MARK: &str = "manifest.json";

/// Why results could not be written.
#[derive(Debug)]
pub enum RecordError {
    /// The name is taken by something that squall did not make.
    Foreign(PathBuf),
    /// Another process is writing there.
    Busy(PathBuf),
    /// There are cells of another sweep.
    OtherSweep(PathBuf),
    /// A file is of a version that this squall does not know.
    OtherVersion(PathBuf, u32),
    /// This folder is no shard, or not one of these, or one of them twice.
    NoShard(PathBuf, usize),
    /// The operating system said no.
    Io {
        /// What was to be done.
        what: &'static str,
        /// With what.
        path: PathBuf,
        /// What it said.
        error: io::Error,
    },
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign(path) => write!(
                f,
                "{} exists and holds no results of squall (no {MARK}), so it is left alone; name another folder",
                path.display()
            ),
            Self::Busy(path) => write!(f, "another squall is at this sweep ({}); let it end first", path.display()),
            Self::OtherSweep(path) => write!(
                f,
                "{} holds the cells of a sweep that was not finished, of another scenario, version or plan; \
                 --fresh throws them away, another --out keeps them",
                path.display()
            ),
            Self::OtherVersion(path, version) => write!(
                f,
                "{} has the form of version {version}, which this squall does not read; write it anew with \
                 `squall baseline update`",
                path.display()
            ),
            Self::NoShard(path, count) => write!(
                f,
                "{} is not one of the {count} shards of one sweep, each once; name all folders that \
                 `squall sweep --shard 1/{count}` to `{count}/{count}` have written, made by one version of squall",
                path.display()
            ),
            Self::Io { what, path, error } => {
                write!(f, "cannot {what} {}: {error}; what was there before is untouched", path.display())
            }
        }
    }
}

impl std::error::Error for RecordError {}

/// A folder that is being filled next to the place where it is to appear.
#[derive(Debug)]
pub(super) struct Folder {
    partial: TempDir,
    target: PathBuf,
}

pub(super) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> RecordError + use<> {
    let path = path.to_path_buf();
    move |error| RecordError::Io { what, path, error }
}

impl Folder {
    pub(super) fn create(target: &Path) -> Result<Self, RecordError> {
        // A link to a results folder stays a link: what it leads to is replaced.
        let target = target.canonicalize().unwrap_or_else(|_| target.to_path_buf());
        if !may_be_replaced(&target).map_err(io("look into", &target))? {
            return Err(RecordError::Foreign(target));
        }
        let parent = parent(&target);
        fs::create_dir_all(parent).map_err(io("create", parent))?;
        let stem = target.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let partial = temporary(&format!(".{stem}.partial-"), parent).map_err(io("write into", parent))?;
        Ok(Self { partial, target })
    }

    /// Opens a file in the folder.
    pub(super) fn open(&self, name: &str) -> Result<File, RecordError> {
        File::create(self.partial.path().join(name)).map_err(io("create", &self.place(name)))
    }

    /// Writes a whole file.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), RecordError> {
        let mut file = self.open(name)?;
        file.write_all(bytes).and_then(|()| file.sync_all()).map_err(io("write", &self.place(name)))
    }

    /// Where a file will appear.
    pub(super) fn place(&self, name: &str) -> PathBuf {
        self.target.join(name)
    }

    /// Gives the folder its name, in place of older results.
    pub(super) fn publish(self) -> Result<(), RecordError> {
        let Self { partial, target } = self;
        #[cfg(feature = "parquet")]
        super::parquet::beside(partial.path()).map_err(io("write Parquet into", &target))?;
        let failed = || io("replace", &target);
        if !may_be_replaced(&target).map_err(failed())? {
            return Err(RecordError::Foreign(target));
        }
        if !target.exists() {
            fs::rename(partial.path(), &target).map_err(failed())?;
            let _moved = partial.keep();
            return Ok(());
        }
        let aside = temporary(".squall-old-", parent(&target)).map_err(failed())?;
        let old = aside.path().join("old");
        fs::rename(&target, &old).map_err(failed())?;
        if let Err(error) = fs::rename(partial.path(), &target) {
            // The old results go back to their place before anything is said.
            fs::rename(&old, &target).map_err(failed())?;
            return Err(failed()(error));
        }
        let _moved = partial.keep();
        Ok(())
    }
}

/// Nothing there, an empty folder, or a folder with results of squall.
fn may_be_replaced(target: &Path) -> io::Result<bool> {
    match fs::read_dir(target) {
        Ok(mut entries) => Ok(entries.next().is_none() || target.join(MARK).is_file()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(false),
        Err(error) => Err(error),
    }
}

pub(super) fn parent(target: &Path) -> &Path {
    target.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."))
}

fn temporary(prefix: &str, parent: &Path) -> io::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(prefix);
    #[cfg(unix)]
    {
        // Results are as readable as any other file the user makes: the umask decides, not the library's 0700.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o777));
    }
    builder.tempdir_in(parent)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(at: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(at).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn nothing_appears_before_it_is_published() {
        let at = tempfile::tempdir().unwrap();
        let target = at.path().join("deep/results");
        let folder = Folder::create(&target).unwrap();
        folder.write(MARK, b"{}").unwrap();
        assert!(!target.exists());
        folder.publish().unwrap();
        assert_eq!(names(&target), [MARK]);
        assert_eq!(names(&at.path().join("deep")), ["results"]);
    }

    #[test]
    fn a_folder_that_is_dropped_leaves_nothing() {
        let at = tempfile::tempdir().unwrap();
        let folder = Folder::create(&at.path().join("results")).unwrap();
        folder.write("runs.csv", b"x").unwrap();
        drop(folder);
        assert!(names(at.path()).is_empty());
    }

    #[test]
    fn older_results_are_replaced_as_a_whole() {
        let at = tempfile::tempdir().unwrap();
        let target = at.path().join("results");
        fs::create_dir(&target).unwrap();
        fs::write(target.join(MARK), "old").unwrap();
        fs::write(target.join("stale.csv"), "old").unwrap();
        let folder = Folder::create(&target).unwrap();
        folder.write(MARK, b"new").unwrap();
        folder.publish().unwrap();
        assert_eq!(names(&target), [MARK]);
        assert_eq!(fs::read_to_string(target.join(MARK)).unwrap(), "new");
        assert_eq!(names(at.path()), ["results"]);
    }

    #[test]
    fn what_squall_did_not_make_is_left_alone() {
        let at = tempfile::tempdir().unwrap();
        fs::write(at.path().join("thesis.tex"), "years of work").unwrap();
        for target in [at.path().to_path_buf(), at.path().join("thesis.tex")] {
            let error = Folder::create(&target).unwrap_err();
            assert!(matches!(error, RecordError::Foreign(_)), "{error}");
        }
        assert_eq!(names(at.path()), ["thesis.tex"]);
    }
}
