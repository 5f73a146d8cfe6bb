//! Each table as Parquet beside its CSV, for those who read large results. Only with the feature `parquet`.
//!
//! The CSV is the record, and Parquet is made from it: one row for each of its rows, the same columns in the same order.
//! A column is of numbers where all its values are, except those that name something; `value` always is.

use arrow_csv::ReaderBuilder;
use arrow_csv::reader::Format;
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Columns of names, which may look like numbers.
const NAMES: [&str; 9] = ["variant", "baseline", "component", "metric", "unit", "kind", "digest", "text", "hdr_us"];

/// Writes a Parquet file beside each CSV file of a folder.
pub(super) fn beside(folder: &Path) -> io::Result<()> {
    let entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    let mut tables: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
    tables.retain(|path| path.extension().is_some_and(|extension| extension == "csv"));
    tables.sort();
    tables.iter().try_for_each(|table| convert(table).map_err(io::Error::other))
}

fn convert(table: &Path) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let format = Format::default().with_header(true);
    let (inferred, _) = format.infer_schema(File::open(table)?, None)?;
    let schema = Arc::new(typed(&inferred));
    let rows = ReaderBuilder::new(Arc::clone(&schema)).with_format(format).build(File::open(table)?)?;
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let file = File::create(table.with_extension("parquet"))?;
    let mut writer = ArrowWriter::try_new(file, schema, Some(properties))?;
    for batch in rows {
        writer.write(&batch?)?;
    }
    writer.into_inner()?.sync_all()?;
    Ok(())
}

/// The types of a table's columns: what one run writes as a whole number another one may not.
fn typed(inferred: &Schema) -> Schema {
    let kind = |field: &Field| match (field.name().as_str(), field.data_type()) {
        ("seed", _) => DataType::UInt64,
        ("value", _) => DataType::Float64,
        (name, _) if NAMES.contains(&name) => DataType::Utf8,
        (_, DataType::Int64 | DataType::Float64 | DataType::Null) => DataType::Float64,
        _ => DataType::Utf8,
    };
    Schema::new(inferred.fields().iter().map(|field| Field::new(field.name(), kind(field), true)).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    #[test]
    fn every_row_and_column_of_the_table_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let text = "variant,seed,digest,value\nlifo,1,0012,0.5\nlifo,2,5dce,\nlifo,3,9,inf\n";
        fs::write(folder.path().join("runs.csv"), text).unwrap();
        beside(folder.path()).unwrap();
        let file = File::open(folder.path().join("runs.parquet")).unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        let kinds: Vec<DataType> = reader.schema().fields().iter().map(|field| field.data_type().clone()).collect();
        assert_eq!(kinds, [DataType::Utf8, DataType::UInt64, DataType::Utf8, DataType::Float64]);
        let batches: Vec<_> = reader.build().unwrap().map(Result::unwrap).collect();
        assert_eq!(batches.iter().map(|batch| batch.num_rows()).sum::<usize>(), 3);
        assert_eq!(batches[0].column(3).null_count(), 1);
    }
}
