//! The journal of a sweep under way: every cell that has ended, one a line, in the order in which they ended. It lies next
//! to the place where the results are to appear, and whoever runs the same sweep again goes on from it.

use super::folder::{Folder, RecordError, io, parent};
use super::histogram::Stored;
use crate::experiment::sweep::Cell;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Lines between two waits for the disk.
const LINES: usize = 64;

/// A line: a cell, and for each client its name and the latencies of its requests that ended well.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Line {
    pub(super) cell: Cell,
    pub(super) latencies: Vec<(String, Stored)>,
}

impl Line {
    fn of(cell: &Cell) -> std::io::Result<Self> {
        let stored = cell.latencies.iter().map(|(name, times)| Ok((name.clone(), Stored::of(times)?)));
        Ok(Self {
            latencies: stored.collect::<std::io::Result<_>>()?,
            cell: Cell { latencies: Vec::new(), ..cell.clone() },
        })
    }
}

/// A journal that is open, and only here.
#[derive(Debug)]
pub struct Journal {
    folder: PathBuf,
    file: File,
    /// Holds the lock for as long as it is open.
    _plan: File,
    /// Where the line of each cell is, by its number.
    lines: Vec<(usize, u64, usize)>,
    end: u64,
    unsynced: usize,
}

impl Journal {
    /// Opens the journal of the results that are to appear at `target`, or begins one. `plan` says which sweep it is of.
    ///
    /// # Errors
    /// Another process is at it, it is of another sweep, or it cannot be read or written.
    pub fn open(target: &Path, plan: &str, fresh: bool) -> Result<Self, RecordError> {
        let stem = target.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let folder = parent(target).join(format!(".{stem}.sweep"));
        fs::create_dir_all(&folder).map_err(io("create", &folder))?;
        let place = folder.join("plan.json");
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&place)
            .map_err(io("open", &place))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(RecordError::Busy(folder)),
            Err(TryLockError::Error(error)) => return Err(io("lock", &place)(error)),
        }
        let mut known = String::new();
        lock.read_to_string(&mut known).map_err(io("read", &place))?;
        if !known.is_empty() && known != plan && !fresh {
            return Err(RecordError::OtherSweep(folder));
        }
        let journal = folder.join("cells.jsonl");
        if known != plan || fresh {
            // First the old cells go, then the plan changes: a kill in between leaves an empty journal of the old plan.
            File::create(&journal).and_then(|file| file.sync_all()).map_err(io("create", &journal))?;
            lock.set_len(0).and_then(|()| lock.rewind()).map_err(io("write", &place))?;
            lock.write_all(plan.as_bytes()).and_then(|()| lock.sync_all()).map_err(io("write", &place))?;
        }
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&journal)
            .map_err(io("open", &journal))?;
        let mut journal = Self { folder, file, _plan: lock, lines: Vec::new(), end: 0, unsynced: 0 };
        journal.recover()?;
        Ok(journal)
    }

    fn failed(&self, what: &'static str) -> impl FnOnce(std::io::Error) -> RecordError + use<> {
        io(what, &self.folder.join("cells.jsonl"))
    }

    /// Finds the lines that were written as a whole. What a kill has cut off goes.
    fn recover(&mut self) -> Result<(), RecordError> {
        let mut reader = BufReader::new(&self.file);
        let mut line = Vec::new();
        loop {
            line.clear();
            let length = reader.read_until(b'\n', &mut line).map_err(io("read", &self.folder))?;
            if length == 0 || line.last() != Some(&b'\n') {
                break;
            }
            let Ok(Line { cell, .. }) = serde_json::from_slice(&line) else { break };
            self.lines.push((cell.cell, self.end, length));
            self.end += length as u64;
        }
        self.lines.sort_unstable();
        self.lines.dedup_by_key(|line| line.0);
        let end = self.end;
        self.file.set_len(end).map_err(self.failed("write"))?;
        self.file.seek(SeekFrom::Start(end)).map(|_| ()).map_err(self.failed("write"))
    }

    /// Whether this cell is in it.
    #[must_use]
    pub fn has(&self, cell: usize) -> bool {
        self.lines.binary_search_by_key(&cell, |line| line.0).is_ok()
    }

    /// How many cells are in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// True if none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Writes a cell down.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn append(&mut self, cell: &Cell) -> Result<(), RecordError> {
        let whole = Line::of(cell).map_err(self.failed("write"))?;
        let mut line = serde_json::to_vec(&whole).map_err(|error| self.failed("write")(error.into()))?;
        line.push(b'\n');
        // One write for a line, so that a kill leaves whole lines and at most one part of one.
        self.file.write_all(&line).map_err(self.failed("write"))?;
        let at = self.lines.partition_point(|known| known.0 < cell.cell);
        self.lines.insert(at, (cell.cell, self.end, line.len()));
        self.end += line.len() as u64;
        self.unsynced += 1;
        if self.unsynced >= LINES {
            self.unsynced = 0;
            self.file.sync_data().map_err(self.failed("write"))?;
        }
        Ok(())
    }

    /// All cells by their numbers, one after the other.
    ///
    /// # Errors
    /// They cannot be read, or `each` cannot go on.
    pub(super) fn each(&mut self, mut each: impl FnMut(Line) -> Result<(), RecordError>) -> Result<(), RecordError> {
        for (_, start, length) in self.lines.clone() {
            let mut line = vec![0; length];
            self.file.seek(SeekFrom::Start(start)).map_err(self.failed("read"))?;
            self.file.read_exact(&mut line).map_err(self.failed("read"))?;
            each(serde_json::from_slice(&line).map_err(|error| self.failed("read")(error.into()))?)?;
        }
        Ok(())
    }

    /// Takes the journal away, once the results are in their place.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn remove(self) -> Result<(), RecordError> {
        let Self { folder, .. } = self;
        fs::remove_dir_all(&folder).map_err(io("remove", &folder))
    }
}

/// A folder for results can be made here later: found out before hours are spent.
pub(super) fn try_folder(target: &Path) -> Result<(), RecordError> {
    Folder::create(target).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::sweep::Row;
    use squall_models::histogram::Histogram;
    use squall_sim::Span;

    fn cell(number: usize) -> Cell {
        let row = Row { component: "a".into(), metric: "b".into(), unit: "s".into(), value: Some(number as f64) };
        let mut times = Histogram::default();
        times.record(Span::from_secs(number as u64));
        let latencies = vec![("web".into(), times)];
        Cell { cell: number, digest: 7, events: 9, ending: "horizon".into(), rows: vec![row], latencies }
    }

    #[test]
    fn what_was_written_is_there_again_and_a_torn_line_is_not() {
        let at = tempfile::tempdir().unwrap();
        let target = at.path().join("out");
        let mut journal = Journal::open(&target, "plan", false).unwrap();
        [5, 2, 9].iter().for_each(|number| journal.append(&cell(*number)).unwrap());
        assert!(matches!(Journal::open(&target, "plan", false), Err(RecordError::Busy(_))));
        drop(journal);
        let place = at.path().join(".out.sweep/cells.jsonl");
        let length = fs::metadata(&place).unwrap().len();
        OpenOptions::new().write(true).open(&place).unwrap().set_len(length - 3).unwrap();
        let mut journal = Journal::open(&target, "plan", false).unwrap();
        assert!(journal.has(5) && journal.has(2) && !journal.has(9));
        journal.append(&cell(1)).unwrap();
        let mut seen = Vec::new();
        journal
            .each(|line| {
                seen.push((line.cell.cell, line.latencies[0].1.max_ns / 1_000_000_000));
                Ok(())
            })
            .unwrap();
        assert_eq!(seen, [(1, 1), (2, 2), (5, 5)]);
    }

    #[test]
    fn a_journal_of_another_sweep_is_not_taken_over_unasked() {
        let at = tempfile::tempdir().unwrap();
        let target = at.path().join("out");
        Journal::open(&target, "one", false).unwrap().append(&cell(1)).unwrap();
        assert!(matches!(Journal::open(&target, "two", false), Err(RecordError::OtherSweep(_))));
        assert_eq!(Journal::open(&target, "one", false).unwrap().len(), 1);
        assert!(Journal::open(&target, "two", true).unwrap().is_empty());
        Journal::open(&target, "two", false).unwrap().remove().unwrap();
        assert!(fs::read_dir(at.path()).unwrap().next().is_none());
    }
}
