//! Smooth weighted round robin. No draw.
//!
//! Source: nginx `ngx_http_upstream_round_robin.c`: every replica gains its weight, the largest is picked and loses the
//! sum of all weights. With weights 5, 1, 1 the order is a a b a c a a.

/// How far each replica is behind.
#[derive(Clone, Debug)]
pub(crate) struct Smooth(Vec<f64>);

impl Smooth {
    pub(super) fn new(replicas: u32) -> Self {
        Self(vec![0.0; replicas as usize])
    }

    pub(super) fn pick(&mut self, weights: &[f64], there: &[u32]) -> u32 {
        let mut total = 0.0;
        let mut best = there[0];
        for &replica in there {
            let at = replica as usize;
            self.0[at] += weights[at];
            total += weights[at];
            if self.0[at] > self.0[best as usize] {
                best = replica;
            }
        }
        self.0[best as usize] -= total;
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_one_one_is_spread_as_nginx_does() {
        let (mut smooth, weights) = (Smooth::new(3), [5.0, 1.0, 1.0]);
        let picked: Vec<u32> = (0..7).map(|_| smooth.pick(&weights, &[0, 1, 2])).collect();
        assert_eq!(picked, [0, 0, 1, 0, 2, 0, 0]);
    }
}
