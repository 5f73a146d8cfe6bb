//! `edges.csv` and `buckets.csv` in memory: what was counted in each window, of the runs that are asked for.

use super::{Unreadable, unreadable};
use csv::StringRecord;
use std::path::Path;

/// What comes before the counts in each row.
const OF: [&str; 4] = ["variant", "seed", "time_s", "component"];

/// What was counted, window by window.
#[derive(Clone, Debug, Default)]
pub struct Counted {
    /// What is counted.
    pub columns: Vec<String>,
    /// Of whom, in the order of the file.
    pub of: Vec<Component>,
}

/// A component of one run.
#[derive(Clone, Debug)]
pub struct Component {
    /// The variant.
    pub variant: String,
    /// The seed.
    pub seed: u64,
    /// The component, as `edges.web.api`.
    pub name: String,
    /// Windows by their beginning in seconds, in order, with a value for each column; NaN where there is none. Where nothing
    /// was counted there is no window.
    pub windows: Vec<(f64, Vec<f64>)>,
}

/// Nothing if there is no such table, which results of an older squall do not have.
pub(super) fn read(path: &Path, variants: &[String], seeds: &[u64]) -> Result<Counted, Unreadable> {
    if !path.exists() {
        return Ok(Counted::default());
    }
    let failed = |error: csv::Error| unreadable(path, error);
    let mut reader = csv::Reader::from_path(path).map_err(failed)?;
    let header = reader.headers().map_err(failed)?;
    if !header.iter().take(OF.len()).eq(OF) {
        return Err(unreadable(path, format_args!("its columns do not begin with `{}`", OF.join(","))));
    }
    let columns = header.iter().skip(OF.len()).map(str::to_owned).collect();
    let mut counted = Counted { columns, of: Vec::new() };
    let mut row = StringRecord::new();
    while reader.read_record(&mut row).map_err(failed)? {
        let damaged = || {
            let line = row.position().map_or(0, csv::Position::line);
            unreadable(path, format_args!("line {line} is damaged"))
        };
        let seed: u64 = row[1].parse().map_err(|_| damaged())?;
        if seeds.contains(&seed) && variants.iter().any(|variant| *variant == row[0]) {
            counted.take(seed, &row).ok_or_else(damaged)?;
        }
    }
    Ok(counted)
}

impl Counted {
    fn take(&mut self, seed: u64, row: &StringRecord) -> Option<()> {
        let value = |text: &str| if text.is_empty() { Some(f64::NAN) } else { text.parse().ok() };
        let window = (row[2].parse().ok()?, row.iter().skip(OF.len()).map(value).collect::<Option<_>>()?);
        let is = |known: &Component| known.variant == row[0] && known.seed == seed && known.name == row[3];
        let at = self.of.iter().position(is).unwrap_or_else(|| {
            let (variant, name) = (row[0].to_owned(), row[3].to_owned());
            self.of.push(Component { variant, seed, name, windows: Vec::new() });
            self.of.len() - 1
        });
        self.of[at].windows.push(window);
        Some(())
    }
}
