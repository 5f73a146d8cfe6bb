//! The table, in Markdown.

use crate::{Series, reference};

pub fn print(series: &[Series]) {
    println!();
    println!(
        "| {:<10} | {:<17} | {:>12} | {:>11} | {:>9} | {:>10} | {:>12} | {:>8} | {:>9} |",
        "workload",
        "engine",
        "requests/run",
        "requests/s",
        "ns/req",
        "vs simcore",
        "latency, ms",
        "attempts",
        "succeeded"
    );
    println!("|---|---|--:|--:|--:|--:|--:|--:|--:|");
    let mut rows: Vec<&Series> = series.iter().collect();
    rows.sort_by_key(|row| row.workload.name);
    for row in rows {
        let cost = median(row.costs.clone());
        let ratio = ratio(series, row).map_or("–".into(), |ratio| format!("{ratio:.3}x"));
        println!(
            "| {:<10} | {:<17} | {:>12} | {:>11.0} | {:>9.1} | {:>10} | {:>12.3} | {:>8.4} | {:>8.3}% |",
            row.workload.name,
            row.engine,
            row.requests,
            1e9 / cost,
            cost,
            ratio,
            1e3 * row.total.mean_latency(),
            row.total.mean_attempts(),
            100.0 * row.total.succeeded as f64 / row.total.requests as f64,
        );
    }
    println!();
}

/// How many times as fast as the reference: the median over repetitions, each of which compares
/// runs made one after the other.
fn ratio(series: &[Series], row: &Series) -> Option<f64> {
    let other = reference(series, row.workload)?;
    Some(median(other.costs.iter().zip(&row.costs).map(|(theirs, ours)| theirs / ours).collect()))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { f64::midpoint(values[middle - 1], values[middle]) }
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn medians() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
    }
}
