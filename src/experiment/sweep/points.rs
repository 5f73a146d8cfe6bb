//! Which points a sweep goes to: all of a grid, or some of a Latin hypercube.

use super::{Axis, Point};
use squall_sim::random::{Draw, Stream};

/// Every combination, the last axis fastest.
///
/// # Errors
/// An axis has no values: its range has no step.
pub fn grid(axes: &[Axis]) -> Result<Vec<Point>, String> {
    let mut points: Vec<Point> = vec![Vec::new()];
    for axis in axes {
        if axis.values.is_empty() {
            return Err(format!("the range of `{}` has no step; add one, or draw from it with --sample", axis.path));
        }
        let mut next = Vec::new();
        for point in &points {
            for value in &axis.values {
                let with = std::iter::once((axis.path.clone(), value.clone()));
                next.push(point.iter().cloned().chain(with).collect());
            }
        }
        if next.len() > 10_000_000 {
            return Err("the grid has more than ten million points; draw some of them with --sample".to_owned());
        }
        points = next;
    }
    Ok(points)
}

/// A Latin hypercube: on each axis every one of `count` equal parts is met once, in an order of its own. The points follow
/// from the seed.
#[must_use]
pub fn latin(axes: &[Axis], count: usize, seed: u64) -> Vec<Point> {
    let columns: Vec<Vec<String>> = axes.iter().map(|axis| column(axis, count, seed)).collect();
    let point =
        |at: usize| axes.iter().zip(&columns).map(move |(axis, column)| (axis.path.clone(), column[at].clone()));
    (0..count).map(|at| point(at).collect()).collect()
}

fn column(axis: &Axis, count: usize, seed: u64) -> Vec<String> {
    let mut draws = Stream::new(seed, &format!("sweep.latin.{}", axis.path));
    let mut parts: Vec<usize> = (0..count).collect();
    for at in (1..count).rev() {
        let other = draws.below(at as u64 + 1) as usize;
        parts.swap(at, other);
    }
    let one = |part: usize| {
        let share = (part as f64 + draws.unit()) / count as f64;
        match &axis.range {
            // Six digits are enough for a value that was drawn anyway.
            Some(range) => {
                let value = range.low + share * (range.high - range.low);
                range.text(format!("{value:.5e}").parse().unwrap_or(value))
            }
            None => axis.values[((share * axis.values.len() as f64) as usize).min(axis.values.len() - 1)].clone(),
        }
    };
    parts.into_iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn axes() -> Vec<Axis> {
        ["a=0..1/0.5", "b=x,y"].iter().map(|text| Axis::parse(text).unwrap()).collect()
    }

    #[test]
    fn a_grid_has_every_combination() {
        let points = grid(&axes()).unwrap();
        let texts: Vec<String> = points.iter().map(|point| super::super::sets(point).join(" ")).collect();
        assert_eq!(texts, ["a=0 b=x", "a=0 b=y", "a=0.5 b=x", "a=0.5 b=y", "a=1 b=x", "a=1 b=y"]);
        assert!(grid(&[Axis::parse("a=0..1").unwrap()]).unwrap_err().contains("no step"));
    }

    #[test]
    fn a_hypercube_meets_every_part_of_every_axis_once() {
        let points = latin(&axes(), 20, 1);
        let parts: BTreeSet<usize> =
            points.iter().map(|point| (point[0].1.parse::<f64>().unwrap() * 20.0) as usize).collect();
        assert_eq!(parts.len(), 20);
        assert_eq!(points.iter().filter(|point| point[1].1 == "x").count(), 10);
        assert_eq!(points, latin(&axes(), 20, 1));
        assert_ne!(points, latin(&axes(), 20, 2));
    }
}
