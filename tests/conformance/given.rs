//! What a recording gives: its uniform draws and its clock.

// Each family uses another part of it.
#![allow(dead_code)]

use squall_sim::random::Draw;
use squall_sim::{Span, Time};

/// Draws that a recording states. After the last one it repeats, because most recordings hold one for all.
pub(crate) struct Given {
    uniforms: Vec<f64>,
    next: usize,
}

impl Given {
    /// The same draw for ever.
    pub(crate) fn always(uniform: f64) -> Self {
        Self::each(vec![uniform])
    }

    pub(crate) fn each(uniforms: Vec<f64>) -> Self {
        assert!(!uniforms.is_empty(), "a recording that draws says what");
        Self { uniforms, next: 0 }
    }

    /// How many draws were made.
    pub(crate) fn taken(&self) -> usize {
        self.next
    }
}

impl Draw for Given {
    fn bits(&mut self) -> u64 {
        // The float, for policies that want bits; `unit` and `below` do not come this way.
        (self.unit() * (1u64 << 53) as f64) as u64 * (1 << 11)
    }

    fn unit(&mut self) -> f64 {
        let uniform = self.uniforms[self.next.min(self.uniforms.len() - 1)];
        self.next += 1;
        uniform
    }

    fn below(&mut self, n: u64) -> u64 {
        ((self.unit() * n as f64) as u64).min(n.saturating_sub(1))
    }
}

/// An instant of a recording, to the nanosecond.
pub(crate) fn at_ms(millis: f64) -> Time {
    Time::ZERO + ms(millis)
}

/// An instant of a recording, to the nanosecond.
pub(crate) fn at_s(seconds: f64) -> Time {
    Time::ZERO + Span::from_seconds(seconds)
}

/// A span of a recording, to the nanosecond.
pub(crate) fn ms(millis: f64) -> Span {
    Span::from_seconds(millis / 1000.0)
}

/// A span as recordings state it.
pub(crate) fn in_ms(span: Span) -> f64 {
    span.nanos() as f64 / 1e6
}
