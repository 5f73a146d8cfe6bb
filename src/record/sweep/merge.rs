//! Shards put together.

use super::{ALIKE, SHARED, latencies};
use crate::record::folder::{Folder, RecordError, io};
use crate::record::manifest::execution;
use crate::record::tables::Table;
use crate::record::{SCHEMA, Session};
use csv::ByteRecord;
use serde_json::Value;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// What a merge has put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Merged {
    /// Shards.
    pub shards: usize,
    /// Cells.
    pub cells: u64,
}

/// Puts the shards of one sweep together; all but the manifest is then the same bytes as without shards.
///
/// # Errors
/// They are not the shards of one sweep, each once; or they cannot be read, or the results not be written.
pub fn merge(target: &Path, shards: &[PathBuf], session: &Session) -> Result<Merged, RecordError> {
    let folder = Folder::create(target)?;
    let (mut manifests, mut order) = (Vec::new(), vec![PathBuf::new(); shards.len()]);
    for path in shards {
        let place = path.join("manifest.json");
        let bytes = fs::read(&place).map_err(io("read", &place))?;
        let manifest: Value = serde_json::from_slice(&bytes).map_err(|error| io("read", &place)(error.into()))?;
        let number = manifest["sweep"]["shard"]["number"].as_u64().unwrap_or(0) as usize;
        let fits = manifest["schema"] == SCHEMA && manifest["sweep"]["shard"]["of"] == shards.len();
        let free = number.checked_sub(1).and_then(|at| order.get_mut(at)).filter(|slot| slot.as_os_str().is_empty());
        let Some(slot) = free.filter(|_| fits) else { return Err(RecordError::NoShard(path.clone(), shards.len())) };
        slot.clone_from(path);
        manifests.push(manifest);
    }
    let Some(first) = manifests.first() else { return Err(RecordError::NoShard(target.to_path_buf(), 0)) };
    if let Some(at) = manifests.iter().position(|manifest| manifest["sweep"]["plan"] != first["sweep"]["plan"]) {
        return Err(RecordError::NoShard(shards[at].clone(), shards.len()));
    }
    for name in SHARED {
        weave(&folder, name, &order)?;
    }
    latencies::merge(&folder, &order, first)?;
    for name in ALIKE {
        let place = order[0].join(name);
        folder.write(name, &fs::read(&place).map_err(io("read", &place))?)?;
    }
    let mut manifest = first.clone();
    manifest["sweep"]["shard"] = Value::Null;
    manifest["execution"] = execution(session);
    folder.write("manifest.json", format!("{manifest:#}\n").as_bytes())?;
    folder.publish()?;
    Ok(Merged { shards: shards.len(), cells: first["sweep"]["cells"].as_u64().unwrap_or(0) })
}

/// One table of all shards: the rows of cell 0 from the first, those of cell 1 from the second, and so on.
fn weave(folder: &Folder, name: &str, shards: &[PathBuf]) -> Result<(), RecordError> {
    let mut readers = Vec::new();
    for shard in shards {
        let place = shard.join(name);
        let file = File::open(&place).map_err(io("read", &place))?;
        readers.push((place, csv::Reader::from_reader(file)));
    }
    let failed = |place: &Path, error: csv::Error| io("read", place)(error.into());
    let header = match readers.first_mut() {
        Some((place, reader)) => reader.byte_headers().map_err(|error| failed(place, error))?.clone(),
        None => ByteRecord::new(),
    };
    let mut table = Table::create_raw(folder, name, &header)?;
    let mut next: Vec<Option<ByteRecord>> = Vec::new();
    for (place, reader) in &mut readers {
        next.push(reader.byte_records().next().transpose().map_err(|error| failed(place, error))?);
    }
    let number = |record: &ByteRecord| std::str::from_utf8(&record[0]).ok()?.parse::<usize>().ok();
    loop {
        let ahead = next.iter().enumerate().filter_map(|(at, record)| Some((number(record.as_ref()?)?, at)));
        let Some((_, at)) = ahead.min() else { break };
        let (place, reader) = &mut readers[at];
        let following = reader.byte_records().next().transpose().map_err(|error| failed(place, error))?;
        if let Some(record) = std::mem::replace(&mut next[at], following) {
            table.row(&record)?;
        }
    }
    table.finish()
}
