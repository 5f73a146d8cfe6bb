//! Places for the components of a graph: callers left of callees, few crossings, no arrow through a component.
//!
//! The usual way in layers (Sugiyama, Tagawa and Toda 1981): longest path, stand-ins where an arrow passes a layer, and
//! each layer sorted by the middle of its neighbours.

use super::figure::Point;

/// Places in units of layers (across) and of the height (down, 0 to 1).
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Layout {
    /// For each node its layer, and how far down it is.
    pub(crate) nodes: Vec<(usize, f64)>,
    /// For each arrow the places between its ends.
    pub(crate) bends: Vec<Vec<(usize, f64)>>,
    pub(crate) layers: usize,
    /// Most components in one layer, stand-ins included.
    pub(crate) rows: usize,
}

/// Lays out nodes of known layers.
pub(crate) fn layout(layers: &[usize], arrows: &[(usize, usize)]) -> Layout {
    let count = layers.iter().max().map_or(0, |most| most + 1);
    let mut rows: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (node, layer) in layers.iter().enumerate() {
        rows[*layer].push(node);
    }
    let mut total = layers.len();
    let mut neighbours: Vec<(usize, usize)> = Vec::new();
    let mut stand_ins: Vec<Vec<usize>> = Vec::new();
    for &(from, to) in arrows {
        let mut passed = Vec::new();
        for row in rows.iter_mut().take(layers[to]).skip(layers[from] + 1) {
            row.push(total);
            passed.push(total);
            total += 1;
        }
        let chain: Vec<usize> = [from].into_iter().chain(passed.iter().copied()).chain([to]).collect();
        neighbours.extend(chain.windows(2).map(|pair| (pair[0], pair[1])));
        stand_ins.push(passed);
    }
    let mut down = vec![0.0; total];
    spread(&rows, &mut down);
    for round in 0..12 {
        let order: Vec<usize> = if round % 2 == 0 { (0..count).collect() } else { (0..count).rev().collect() };
        for layer in order {
            let mut keyed: Vec<(f64, usize)> =
                rows[layer].iter().map(|node| (middle(*node, &neighbours, &down), *node)).collect();
            keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
            rows[layer] = keyed.into_iter().map(|(_, node)| node).collect();
            spread(&rows[layer..=layer], &mut down);
        }
    }
    let layer_of = |node: usize| rows.iter().position(|row| row.contains(&node)).unwrap_or(0);
    Layout {
        nodes: layers.iter().enumerate().map(|(node, layer)| (*layer, down[node])).collect(),
        bends: stand_ins
            .iter()
            .map(|passed| passed.iter().map(|node| (layer_of(*node), down[*node])).collect())
            .collect(),
        layers: count,
        rows: rows.iter().map(Vec::len).max().unwrap_or(0),
    }
}

/// Evenly from above to below.
fn spread(rows: &[Vec<usize>], down: &mut [f64]) {
    for row in rows {
        for (at, node) in row.iter().enumerate() {
            down[*node] = (at as f64 + 0.5) / row.len() as f64;
        }
    }
}

/// The mean place of a node's neighbours; its own if it has none.
fn middle(node: usize, neighbours: &[(usize, usize)], down: &[f64]) -> f64 {
    let of = |pair: &(usize, usize)| match *pair {
        (from, to) if from == node => Some(down[to]),
        (from, to) if to == node => Some(down[from]),
        _ => None,
    };
    let places: Vec<f64> = neighbours.iter().filter_map(of).collect();
    if places.is_empty() { down[node] } else { places.iter().sum::<f64>() / places.len() as f64 }
}

/// A smooth line through points: between two of them it leaves and arrives level.
pub(crate) fn curve(points: &[Point]) -> Vec<Point> {
    const STEPS: usize = 14;
    let mut line = Vec::new();
    for pair in points.windows(2) {
        let (from, to) = (pair[0], pair[1]);
        for step in 0..STEPS {
            let part = step as f64 / STEPS as f64;
            let ease = part * part * (3.0 - 2.0 * part);
            line.push((from.0 + (to.0 - from.0) * part, from.1 + (to.1 - from.1) * ease));
        }
    }
    line.extend(points.last());
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crossings_are_undone() {
        // Two callers of two callees, written crosswise.
        let layout = layout(&[0, 0, 1, 1], &[(0, 3), (1, 2)]);
        let up = |node: usize| layout.nodes[node].1;
        assert_eq!(up(0) < up(1), up(3) < up(2));
    }

    #[test]
    fn an_arrow_goes_around_what_is_between() {
        let layout = layout(&[0, 1, 2], &[(0, 1), (1, 2), (0, 2)]);
        assert_eq!(layout.bends[2].len(), 1);
        assert!((layout.bends[2][0].1 - layout.nodes[1].1).abs() > 0.4);
    }
}
