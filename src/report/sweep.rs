//! What `squall sweep` prints: the share of requests that ended well, point by point and variant by variant.

use super::number::{or_dash, percent};
use super::style::{DIM, HEADING, paint};
use super::table::table;
use crate::experiment::sweep::Point;
use std::collections::BTreeMap;

/// What was found at each point, for each variant.
#[derive(Clone, Debug, Default)]
pub struct Swept {
    /// The points.
    pub points: Vec<Point>,
    /// The variants.
    pub variants: Vec<String>,
    /// Sum and count of the share of requests that ended well, by point and variant.
    pub shares: BTreeMap<(usize, usize), (f64, usize)>,
}

impl Swept {
    /// Takes the value of one run.
    pub fn take(&mut self, point: usize, variant: usize, share: f64) {
        let (sum, count) = self.shares.entry((point, variant)).or_default();
        *sum += share;
        *count += 1;
    }

    /// The table.
    #[must_use]
    pub fn text(&self, width: usize) -> String {
        let paths: Vec<&str> = self.points.first().into_iter().flatten().map(|(path, _)| short(path)).collect();
        let mut columns: Vec<(&str, u8)> = paths.iter().map(|path| (*path, 0)).collect();
        columns.extend(self.variants.iter().zip(0_u8..).map(|(variant, at)| (variant.as_str(), at / 3)));
        let row = |(at, point): (usize, &Point)| {
            let values = point.iter().map(|(_, value)| value.clone());
            let shares = (0..self.variants.len()).map(|variant| {
                let share = self.shares.get(&(at, variant)).map(|(sum, count)| sum / *count as f64);
                or_dash(share.map(|share| share.min(1.0)), percent)
            });
            values.chain(shares).collect::<Vec<_>>()
        };
        let rows: Vec<_> = self.points.iter().enumerate().map(row).collect();
        let scope = paint(DIM, "(of all that arrived; mean over seeds)");
        format!("{} {scope}\n{}", paint(HEADING, "Requests that ended well"), table(&columns, &rows, width))
    }
}

/// The end of a path, which tells the axes of a sweep apart.
fn short(path: &str) -> &str {
    let mut dots = path.rmatch_indices('.').map(|(at, _)| at);
    let _last = dots.next();
    dots.next().map_or(path, |at| &path[at + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_for_each_point_and_a_column_for_each_variant() {
        let point = |rate: &str| vec![("clients.web.arrivals.poisson.rate".to_owned(), rate.to_owned())];
        let mut swept = Swept { points: vec![point("80/s"), point("90/s")], ..Swept::default() };
        swept.variants = vec!["unmitigated".to_owned(), "lifo".to_owned()];
        swept.take(0, 0, 0.5);
        swept.take(0, 0, 0.6);
        swept.take(1, 1, 1.0);
        let text = swept.text(80);
        assert!(text.contains("poisson.rate") && text.contains("55.0%") && text.contains("100%"), "{text}");
        assert!(text.lines().any(|line| line.contains("80/s") && line.trim_end().ends_with('-')), "{text}");
    }
}
