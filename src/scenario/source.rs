//! The files that a scenario is made of, read with bounds.

use super::node::{FileId, Mark};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Larger files are refused before they are read.
const LARGEST: u64 = 8 << 20;

/// A text that was read.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    /// What messages call it.
    pub(super) name: String,
    pub(super) text: String,
    /// Where each line begins.
    lines: Vec<u32>,
}

/// Every text that was read.
#[derive(Debug, Default)]
pub(super) struct Sources {
    files: Vec<Source>,
}

impl Sources {
    /// Takes in a text under a name.
    pub(super) fn add(&mut self, path: &Path, name: String, text: String) -> FileId {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| offset(at + 1));
        let lines = std::iter::once(0).chain(breaks).collect();
        self.files.push(Source { path: path.to_owned(), name, text, lines });
        FileId(offset(self.files.len() - 1))
    }

    pub(super) fn get(&self, id: FileId) -> &Source {
        &self.files[id.0 as usize]
    }

    pub(super) fn get_mut(&mut self, id: FileId) -> &mut Source {
        &mut self.files[id.0 as usize]
    }

    /// The folder that relative paths in this file start from.
    pub(super) fn folder(&self, id: FileId) -> PathBuf {
        self.get(id).path.parent().map(Path::to_owned).unwrap_or_default()
    }

    /// Each file by its path from this folder, where it lies below or beside it, and its text.
    pub(super) fn texts(&self, folder: &Path) -> Vec<(String, String)> {
        let name = |path: &Path| path.strip_prefix(folder).unwrap_or(path).to_string_lossy().replace('\\', "/");
        self.files.iter().map(|file| (name(&file.path), file.text.clone())).collect()
    }

    /// Line and column in characters, both from 1.
    pub(super) fn place(&self, mark: Mark) -> (usize, usize) {
        let source = self.get(mark.file);
        let (line, start) = source.line_of(mark.start);
        let before = source.text.get(start..mark.start as usize).unwrap_or("");
        (line + 1, before.chars().count() + 1)
    }
}

impl Source {
    /// The number of the line (from 0) that holds an offset, and where it begins.
    pub(super) fn line_of(&self, at: u32) -> (usize, usize) {
        let line = self.lines.partition_point(|&start| start <= at).saturating_sub(1);
        (line, self.lines[line] as usize)
    }

    /// The text of a line (from 0) without its end.
    pub(super) fn line(&self, line: usize) -> &str {
        let start = self.lines[line] as usize;
        let end = self.lines.get(line + 1).map_or(self.text.len(), |&next| next as usize);
        self.text[start..end].trim_end_matches(['\n', '\r'])
    }
}

/// An offset as a mark keeps it; [`LARGEST`] keeps every offset below its limit.
pub(super) fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// Reads a text file.
///
/// # Errors
/// What is wrong with the file, and what to do about it.
pub(super) fn read_text(path: &Path) -> Result<String, (String, String)> {
    text(path, read_bytes(path, LARGEST)?)
}

/// Takes bytes for the text of a file.
///
/// # Errors
/// They are too many, or no UTF-8.
pub(super) fn text(path: &Path, bytes: Vec<u8>) -> Result<String, (String, String)> {
    if bytes.len() as u64 > LARGEST {
        return Err(too_large(path, bytes.len() as u64, LARGEST));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
        let rule = format!("`{}` is not UTF-8 text: line {line} holds other bytes", path.display());
        (rule, "save the file as UTF-8".to_owned())
    })
}

/// Reads a regular file of bounded size.
///
/// # Errors
/// What is wrong with the file, and what to do about it.
pub(super) fn read_bytes(path: &Path, largest: u64) -> Result<Vec<u8>, (String, String)> {
    let cannot = |error: std::io::Error| {
        let rule = format!("cannot read `{}`: {error}", path.display());
        (rule, "check the path; it is relative to the file that names it".to_owned())
    };
    let about = std::fs::metadata(path).map_err(cannot)?;
    if !about.is_file() {
        let rule = format!("`{}` is not a file", path.display());
        return Err((rule, "name a regular file".to_owned()));
    }
    if about.len() > largest {
        return Err(too_large(path, about.len(), largest));
    }
    // Some files are longer than they say, so the bound is kept while reading too.
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(largest + 1).read_to_end(&mut bytes)).map_err(cannot)?;
    if bytes.len() as u64 > largest {
        return Err(too_large(path, bytes.len() as u64, largest));
    }
    Ok(bytes)
}

fn too_large(path: &Path, size: u64, largest: u64) -> (String, String) {
    let rule =
        format!("`{}` is too large: {} MiB, and at most {} MiB are read", path.display(), size >> 20, largest >> 20);
    (rule, "split it, or make it shorter".to_owned())
}
