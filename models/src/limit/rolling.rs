//! Means that decay, a filter for outliers, and the correlation of two series over a window.
//!
//! Source: failsafe-go 0.9, package `internal/util`.

/// A mean of the first few values, then one that decays.
#[derive(Clone, Debug)]
pub(super) struct Decaying {
    warm_up: u32,
    weight: f64,
    seen: u32,
    sum: f64,
    value: f64,
}

impl Decaying {
    pub(super) fn new(age: u32, warm_up: u32) -> Self {
        Self { warm_up, weight: 2.0 / (f64::from(age) + 1.0), seen: 0, sum: 0.0, value: 0.0 }
    }

    pub(super) fn add(&mut self, value: f64) -> f64 {
        if self.seen < self.warm_up {
            self.seen += 1;
            self.sum += value;
            self.value = self.sum / f64::from(self.seen);
        } else {
            self.value = self.value * (1.0 - self.weight) + value * self.weight;
        }
        self.value
    }
}

/// The median of the last five values; the first four pass as they are.
#[derive(Clone, Debug, Default)]
pub(super) struct Median {
    values: [f64; 5],
    seen: usize,
}

impl Median {
    pub(super) fn add(&mut self, value: f64) -> f64 {
        self.values[self.seen % 5] = value;
        self.seen += 1;
        if self.seen < 5 {
            return value;
        }
        let mut sorted = self.values;
        sorted.sort_unstable_by(f64::total_cmp);
        sorted[2]
    }
}

/// Two series over the same window.
#[derive(Clone, Debug)]
pub(super) struct Correlation {
    pairs: Vec<(f64, f64)>,
    size: usize,
    next: usize,
    warm_up: usize,
    x: Sums,
    y: Sums,
    products: f64,
}

/// Sum, and sum of squares.
#[derive(Clone, Copy, Debug, Default)]
struct Sums(f64, f64);

impl Sums {
    fn add(&mut self, value: f64, sign: f64) {
        self.0 += sign * value;
        self.1 += sign * value * value;
    }

    /// Mean, variance and coefficient of variation; `None` where there is no such thing.
    fn moments(self, n: f64) -> Option<(f64, f64, f64)> {
        let mean = self.0 / n;
        let variance = self.1 / n - mean * mean;
        (n >= 2.0 && variance >= 0.0 && mean != 0.0).then(|| (mean, variance, libm::sqrt(variance) / mean))
    }
}

impl Correlation {
    pub(super) fn new(size: usize, warm_up: usize) -> Self {
        let (x, y) = (Sums::default(), Sums::default());
        Self { pairs: Vec::with_capacity(size), size, next: 0, warm_up, x, y, products: 0.0 }
    }

    /// Takes a pair in; gives the correlation and the variation of the second series. Both are 0 while there is too little
    /// to tell, and so is the correlation of what varies by less than 1 %.
    pub(super) fn add(&mut self, x: f64, y: f64) -> (f64, f64) {
        if self.pairs.len() == self.size {
            let (old_x, old_y) = std::mem::replace(&mut self.pairs[self.next], (x, y));
            self.next = (self.next + 1) % self.size;
            self.x.add(old_x, -1.0);
            self.y.add(old_y, -1.0);
            self.products -= old_x * old_y;
        } else {
            self.pairs.push((x, y));
        }
        self.x.add(x, 1.0);
        self.y.add(y, 1.0);
        self.products += x * y;
        let n = self.pairs.len() as f64;
        let (Some((mean_x, var_x, cv_x)), Some((mean_y, var_y, cv_y))) = (self.x.moments(n), self.y.moments(n)) else {
            return (0.0, 0.0);
        };
        if self.pairs.len() < self.warm_up {
            return (0.0, 0.0);
        }
        if cv_x < 0.01 || cv_y < 0.01 {
            return (0.0, cv_y);
        }
        let covariance = self.products / n - mean_x * mean_y;
        (covariance / (libm::sqrt(var_x) * libm::sqrt(var_y)), cv_y)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_that_rise_together_correlate_and_opposite_ones_do_so_negatively() {
        let (mut same, mut opposite) = (Correlation::new(50, 10), Correlation::new(50, 10));
        let mut last = ((0.0, 0.0), (0.0, 0.0));
        for at in 0..200u32 {
            let x = 10.0 + f64::from(at % 17);
            last = (same.add(x, 3.0 * x), opposite.add(x, 100.0 - x));
        }
        assert!((last.0.0 - 1.0).abs() < 1e-6 && (last.1.0 + 1.0).abs() < 1e-6, "{last:?}");
    }

    #[test]
    fn too_few_or_too_even_values_say_nothing() {
        let mut window = Correlation::new(50, 10);
        for at in 0..9u32 {
            assert_eq!(window.add(f64::from(at + 1), f64::from(at + 1)), (0.0, 0.0));
        }
        let mut even = Correlation::new(50, 10);
        for _ in 0..30 {
            assert_eq!(even.add(5.0, 7.0).0, 0.0);
        }
    }

    #[test]
    fn the_median_filter_lets_four_values_pass_and_then_takes_outliers_out() {
        let mut filter = Median::default();
        let out: Vec<f64> = [1.0, 9.0, 2.0, 3.0, 4.0, 100.0, 5.0].into_iter().map(|value| filter.add(value)).collect();
        assert_eq!(out, [1.0, 9.0, 2.0, 3.0, 3.0, 4.0, 4.0]);
    }
}
