//! Points × variants × seeds: every cell is one run, and every run is one cell.

mod axis;
mod cells;
mod points;

pub use axis::{Axis, Range, quantity};
pub use cells::{Cell, Cells, Row, Trouble};
pub use points::{grid, latin};

/// One point of a sweep: paths and the values they take there.
pub type Point = Vec<(String, String)>;

/// The `--set` options of a point.
#[must_use]
pub fn sets(point: &Point) -> Vec<String> {
    point.iter().map(|(path, value)| format!("{path}={value}")).collect()
}
