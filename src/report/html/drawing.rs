//! The topology as shapes for the page; its script colours them.

use crate::record::results::{Graph, Kind};
use crate::report::plots::Boxes;
use serde::Serialize;
use std::fmt::Write as _;

const STEP: f64 = 210.0;
const WIDE: f64 = 150.0;
const LINE: f64 = 15.0;

#[derive(Serialize)]
pub(super) struct Drawing {
    width: f64,
    height: f64,
    wide: f64,
    high: f64,
    nodes: Vec<Node>,
    arrows: Vec<Arrow>,
}

#[derive(Serialize)]
struct Node {
    name: String,
    short: String,
    kind: String,
    pools: String,
    x: f64,
    y: f64,
    /// Where each line of text is.
    lines: Vec<f64>,
}

#[derive(Serialize)]
struct Arrow {
    path: String,
    tip: String,
}

pub(super) fn drawing(graph: &Graph) -> Drawing {
    let boxes = Boxes::of(graph);
    let most = boxes.pools.iter().map(Vec::len).max().unwrap_or(0);
    let high = LINE * (3 + most) as f64 + 10.0;
    let height = (high + 26.0) * boxes.layout.rows.max(1) as f64;
    let place = |(layer, down): (usize, f64)| (STEP * (layer as f64 + 0.5), 12.0 + down * height);
    let node = |at: usize| {
        let (name, kind) = &boxes.nodes[at];
        let (x, y) = place(boxes.layout.nodes[at]);
        let lines = if *kind == Kind::Cache { 1 } else { 2 + boxes.pools[at].len() };
        Node {
            name: name.clone(),
            short: name.split_once('.').map_or(name.as_str(), |(_, short)| short).to_owned(),
            kind: format!("{kind:?}"),
            pools: boxes.pools[at].join(" "),
            x: x - WIDE / 2.0,
            y: y - high / 2.0,
            lines: (0..lines).map(|line| 17.0 + LINE * (line + 1) as f64).collect(),
        }
    };
    let arrow = |(&(from, to), bends): (&(usize, usize), &Vec<(usize, f64)>)| {
        let bends: Vec<_> = bends.iter().map(|bend| place(*bend)).collect();
        arrow(place(boxes.layout.nodes[from]), &bends, place(boxes.layout.nodes[to]), high)
    };
    Drawing {
        width: STEP * boxes.layout.layers.max(1) as f64,
        height: height + 24.0,
        wide: WIDE,
        high,
        nodes: (0..boxes.nodes.len()).map(node).collect(),
        arrows: boxes.arrows.iter().zip(&boxes.layout.bends).filter(|((from, to), _)| from != to).map(arrow).collect(),
    }
}

fn arrow(from: (f64, f64), bends: &[(f64, f64)], to: (f64, f64), high: f64) -> Arrow {
    if from.0 >= to.0 {
        // Around on the right within a layer, under the boxes back to an earlier one.
        let (edge, tip) = (from.0 + WIDE / 2.0, to.0 + WIDE / 2.0);
        let far = edge + 12.0 + (to.1 - from.1).abs() / high * 5.0;
        let (out, back) = (from.1 + high * 0.2, to.1 - high * 0.2);
        let path = format!("M{edge} {out}C{far} {out} {far} {back} {} {back}", tip + 8.0);
        return Arrow { path, tip: format!("M{tip} {back}l8 -4v8z") };
    }
    let mut points = vec![(from.0 + WIDE / 2.0, from.1)];
    for bend in bends {
        points.extend([(bend.0 - WIDE / 2.0, bend.1), (bend.0 + WIDE / 2.0, bend.1)]);
    }
    let tip = (to.0 - WIDE / 2.0, to.1);
    points.push((tip.0 - 7.0, tip.1));
    let mut path = format!("M{} {}", points[0].0, points[0].1);
    for pair in points.windows(2) {
        let middle = f64::midpoint(pair[0].0, pair[1].0);
        let _ = write!(path, "C{middle} {} {middle} {} {} {}", pair[0].1, pair[1].1, pair[1].0, pair[1].1);
    }
    Arrow { path, tip: format!("M{} {}l-8 -4v8z", tip.0, tip.1) }
}
