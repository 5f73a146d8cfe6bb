//! When a process that has ended by itself is started again.

use crate::spec::CrashBackoff;
use squall_sim::Span;

/// `CrashLoopBackOff` of one replica.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    initial: Span,
    max: Span,
    reset: Span,
    /// The wait after the next end; none after the first.
    next: Option<Span>,
}

impl Backoff {
    /// A replica whose process has not ended yet.
    #[must_use]
    pub fn new(spec: &CrashBackoff) -> Self {
        Self { initial: spec.initial.span(), max: spec.max.span(), reset: spec.reset.span(), next: None }
    }

    /// The process has ended after it ran for so long: how long until it is started again. The first time that is at once.
    pub fn ended(&mut self, ran: Span) -> Span {
        if ran > self.reset {
            self.next = None;
        }
        let wait = self.next.unwrap_or(Span::ZERO);
        self.next = Some(match self.next {
            Some(wait) => (wait + wait).min(self.max),
            None => self.initial.min(self.max),
        });
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_life_starts_anew() {
        let mut backoff = Backoff::new(&CrashBackoff::default());
        let short = Span::from_secs(1);
        let waits: Vec<u64> = (0..4).map(|_| backoff.ended(short).nanos() / 1_000_000_000).collect();
        assert_eq!(waits, [0, 10, 20, 40]);
        // Ten minutes are not more than ten minutes.
        assert_eq!(backoff.ended(Span::from_secs(600)), Span::from_secs(80));
        assert_eq!(backoff.ended(Span::from_secs(601)), Span::ZERO);
        assert_eq!(backoff.ended(short), Span::from_secs(10));
    }
}
