//! At random by weight. One draw.

use squall_sim::random::Draw;

/// A replica by weight.
pub(super) fn pick(weights: &[f64], there: &[u32], draws: &mut impl Draw) -> u32 {
    let total: f64 = there.iter().map(|&replica| weights[replica as usize]).sum();
    let mut left = draws.unit() * total;
    let chosen = there.iter().find(|&&replica| {
        left -= weights[replica as usize];
        left < 0.0
    });
    *chosen.unwrap_or(&there[there.len() - 1])
}
