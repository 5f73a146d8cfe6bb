//! Who calls whom, coloured by how each is at one instant of one run, with the failure order as numbers.

use super::figure::{Align, Color, Figure, Pen, Point, Type};
use super::layout::{Layout, curve, layout};
use super::page::{EDGE, Key, NOTE, Page};
use super::palette::{AXIS, INK, RED};
use super::{Undrawn, View};
use crate::record::results::{Graph, Kind};
use crate::report::number;

pub(super) const ABOUT: &str = "who calls whom, coloured by state at an instant (--at), failure order numbered";

const CALM: Color = Color::new(0xd4_e9f7);
const BUSY: Color = Color::new(0xf7_c948);
const FULL: Color = Color::new(0xd5_5e00);
const QUIET: Color = Color::new(0xee_eeee);

/// Height of a line in a box.
const LINE: f64 = 14.0;

/// What a box says.
struct State {
    color: Color,
    lines: Vec<String>,
}

/// The nodes that are boxes, with the pools that stand in them.
pub(in crate::report) struct Boxes {
    pub(in crate::report) nodes: Vec<(String, Kind)>,
    pub(in crate::report) pools: Vec<Vec<String>>,
    pub(in crate::report) arrows: Vec<(usize, usize)>,
    pub(in crate::report) layout: Layout,
}

impl Boxes {
    pub(in crate::report) fn of(graph: &Graph) -> Self {
        let whole: Vec<usize> = (0..graph.nodes.len()).filter(|at| graph.nodes[*at].1 != Kind::Pool).collect();
        let nodes: Vec<(String, Kind)> = whole.iter().map(|at| graph.nodes[*at].clone()).collect();
        let pools_of = |name: &str| {
            let prefix = name.replacen("services.", "pools.", 1) + ".";
            let of = |node: &&(String, Kind)| node.1 == Kind::Pool && node.0.starts_with(&prefix);
            graph.nodes.iter().filter(of).map(|(name, _)| name.clone()).collect()
        };
        let pools = nodes.iter().map(|(name, _)| pools_of(name)).collect();
        let place = |at: usize| whole.iter().position(|node| *node == at);
        let arrows: Vec<(usize, usize)> =
            graph.arrows.iter().filter_map(|&(from, to)| Some((place(from)?, place(to)?))).collect();
        let inner = Graph { nodes: nodes.clone(), arrows: arrows.clone() };
        let layout = layout(&inner.layers(), &arrows);
        Self { nodes, pools, arrows, layout }
    }
}

pub(super) fn draw(view: &View<'_>) -> Result<Figure, Undrawn> {
    let (variant, seed, series) = (view.variant(), view.seed(), view.series()?);
    let graph = view.results.graph(variant);
    if graph.nodes.is_empty() {
        return Err(Undrawn::Nothing("the scenario has no components".to_owned()));
    }
    let at = view.at();
    let window = series.times.iter().rposition(|start| *start <= at).unwrap_or(0);
    let boxes = Boxes::of(&graph);

    let second = (at * 10.0).round() / 10.0;
    let title = format!("{} at {second} s", view.results.name());
    let note =
        format!("variant {variant}, seed {seed}; numbers tell the order in which components failed or filled up");
    let mut page = Page::new(&title, &note, view.look.width);
    page.legend(&[
        (Key::Box(CALM), "below 80% busy, clients well served".into()),
        (Key::Box(BUSY), "busy, or some requests fail".into()),
        (Key::Box(FULL), "full, or most requests fail".into()),
    ]);
    let lines = boxes.pools.iter().map(|pools| 3 + pools.len()).max().unwrap_or(3);
    let high = LINE * lines as f64 + 8.0;
    let height = (high + 26.0) * boxes.layout.rows as f64;
    let inner = view.look.width - 2.0 * EDGE;
    let step = inner / boxes.layout.layers as f64;
    let wide = (step - 34.0).clamp(60.0, 168.0);
    let top = page.y;
    let place = |(layer, down): (usize, f64)| (EDGE + step * (layer as f64 + 0.5), top + down * height);
    for (&(from, to), bends) in boxes.arrows.iter().zip(&boxes.layout.bends) {
        arrow(
            &mut page.figure,
            place(boxes.layout.nodes[from]),
            bends.iter().map(|bend| place(*bend)),
            place(boxes.layout.nodes[to]),
            (wide, high),
        );
    }
    let order = order(view, variant, seed);
    for (node, (name, kind)) in boxes.nodes.iter().enumerate() {
        let state = state(view, (variant, seed, window), name, *kind, &boxes.pools[node]);
        let centre = place(boxes.layout.nodes[node]);
        one(&mut page.figure, centre, (wide, high), name, &state);
        let numbers = std::iter::once(name).chain(&boxes.pools[node]);
        let failed: Vec<_> =
            numbers.filter_map(|name| order.iter().find(|(component, ..)| component == name)).collect();
        for (number, (_, place, time)) in failed.iter().enumerate() {
            badge(
                &mut page.figure,
                (centre.0 - wide / 2.0 + 6.0 + 22.0 * number as f64, centre.1 - high / 2.0),
                *place,
                *time <= at,
            );
        }
    }
    page.y += height;
    let told = |(component, place, time): &(String, usize, f64)| {
        format!("{place} {component}, {} s", (time * 10.0).round() / 10.0)
    };
    if !order.is_empty() {
        page.y += 10.0;
        page.note(&format!("Failure order: {}", order.iter().take(20).map(told).collect::<Vec<_>>().join("; ")));
    }
    page.marks(&view.results.marks(variant));
    Ok(page.finish())
}

/// Components, their places in the failure order, and when.
fn order(view: &View<'_>, variant: &str, seed: u64) -> Vec<(String, usize, f64)> {
    let of =
        view.results.failures.iter().filter(|row| row.variant == variant && row.seed == seed && row.kind == "failing");
    of.map(|row| (row.component.clone(), row.place, row.time_s)).collect()
}

fn state(
    view: &View<'_>,
    (variant, seed, window): (&str, u64, usize),
    name: &str,
    kind: Kind,
    pools: &[String],
) -> State {
    let value = |component: &str, metric: &str| {
        let column = view.column(variant, seed, component, metric)?;
        column.get(window).copied().filter(|value| value.is_finite())
    };
    let mut lines = Vec::new();
    let mut worst: f64 = 0.0;
    match kind {
        Kind::Client => {
            let (offered, goodput) = (value(name, "offered"), value(name, "goodput"));
            lines.push(format!("offered {}", number::or_dash(offered, number::rate)));
            lines.push(format!("goodput {}", number::or_dash(goodput, number::rate)));
            let failed = value(name, "failed").unwrap_or(0.0);
            let ended = failed + goodput.unwrap_or(0.0);
            // A client whose requests hang sees as little as one whose requests fail.
            let served = if ended > 0.0 {
                goodput.unwrap_or(0.0) / ended
            } else {
                f64::from(u8::from(offered.is_none_or(|o| o < 1.0)))
            };
            worst = if served < 0.5 { 2.0 } else { f64::from(u8::from(served < 0.98)) };
        }
        Kind::Service => {
            let (busy, queue) = (value(name, "utilisation"), value(name, "queue"));
            lines.push(format!("{} busy", number::or_dash(busy, number::percent)));
            lines.push(format!("{} waiting", number::or_dash(queue, number::count)));
            worst = fullness(busy);
        }
        Kind::Cache => lines.push(format!("{} hits", number::or_dash(value(name, "hit_rate"), number::percent))),
        Kind::Pool => {}
    }
    for pool in pools {
        let used = value(pool, "utilisation");
        let short = pool.rsplit('.').next().unwrap_or(pool);
        lines.push(format!("pool {short} {}", number::or_dash(used, number::percent)));
        worst = worst.max(fullness(used));
    }
    let color = match kind {
        Kind::Cache | Kind::Pool => QUIET,
        _ if worst >= 2.0 => FULL,
        _ if worst >= 1.0 => BUSY,
        _ => CALM,
    };
    State { color, lines }
}

fn fullness(share: Option<f64>) -> f64 {
    match share {
        Some(share) if share >= 0.98 => 2.0,
        Some(share) if share >= 0.8 => 1.0,
        _ => 0.0,
    }
}

fn one(figure: &mut Figure, (x, y): Point, (wide, high): Point, name: &str, state: &State) {
    let (left, top) = (x - wide / 2.0, y - high / 2.0);
    figure.rect((left, top), (wide, high), state.color);
    figure.frame((left, top), (wide, high), Pen::new(AXIS, 1.0));
    let ink = if state.color == FULL { Color::new(0xff_ffff) } else { INK };
    let head = Type::new(11.5, ink).bold().align(Align::Center);
    let short = name.split_once('.').map_or(name, |(_, short)| short);
    let lines = state.lines.len() as f64;
    let first = y - LINE * lines / 2.0;
    figure.text_within((x, first), short, head, wide - 8.0);
    for (at, line) in state.lines.iter().enumerate() {
        let kind = Type::new(10.5, ink).align(Align::Center);
        figure.text_within((x, first + LINE * (at as f64 + 1.0)), line, kind, wide - 8.0);
    }
}

fn arrow(figure: &mut Figure, from: Point, bends: impl Iterator<Item = Point>, to: Point, (wide, high): Point) {
    let pen = Pen::new(AXIS, 1.3);
    if from == to {
        return;
    }
    if from.0 >= to.0 {
        back(figure, from, to, (wide, high), pen);
        return;
    }
    let tip = (to.0 - wide / 2.0, to.1);
    let mut points = vec![(from.0 + wide / 2.0, from.1)];
    for bend in bends {
        points.extend([(bend.0 - wide / 2.0, bend.1), (bend.0 + wide / 2.0, bend.1)]);
    }
    points.push((tip.0 - 7.0, tip.1));
    figure.line(curve(&points), pen);
    figure.area(vec![tip, (tip.0 - 8.0, tip.1 - 4.0), (tip.0 - 8.0, tip.1 + 4.0)], AXIS);
}

/// An arrow within a layer goes around on the right, one back to an earlier layer under the boxes.
fn back(figure: &mut Figure, from: Point, to: Point, (wide, high): Point, pen: Pen) {
    if from.0 == to.0 {
        // Each pair has its own distance, so that the arrows of a circle lie beside each other.
        let far = from.0 + wide / 2.0 + 8.0 + (to.1 - from.1).abs() / high * 5.0;
        let (out, back) = (from.1 + high * 0.2, to.1 - high * 0.2);
        let edge = from.0 + wide / 2.0;
        figure.line(vec![(edge, out), (far, out), (far, back), (edge + 7.0, back)], pen);
        figure.area(vec![(edge, back), (edge + 8.0, back - 4.0), (edge + 8.0, back + 4.0)], AXIS);
        return;
    }
    let low = from.1.max(to.1) + high / 2.0 + 10.0;
    let (start, end) = (from.0 + wide * 0.2, to.0 - wide * 0.2);
    figure.line(vec![(start, from.1 + high / 2.0), (start, low), (end, low), (end, to.1 + high / 2.0 + 7.0)], pen);
    let tip = (end, to.1 + high / 2.0);
    figure.area(vec![tip, (tip.0 - 4.0, tip.1 + 8.0), (tip.0 + 4.0, tip.1 + 8.0)], AXIS);
}

/// The number of a failure: full once it has happened.
fn badge(figure: &mut Figure, at: Point, number: usize, happened: bool) {
    let white = Color::new(0xff_ffff);
    figure.dot(at, 9.0, if happened { INK } else { white });
    figure.ring(at, 9.0, Pen::new(if happened { white } else { RED }, 1.2));
    let kind = Type { color: if happened { white } else { INK }, ..NOTE }.bold().align(Align::Center);
    figure.text(at, number.to_string(), Type { size: 10.0, ..kind });
}
