//! Spans with names, and in lanes in which nothing overlaps.

use squall_models::outcome::Failure;
use squall_models::report::Names;
use squall_models::trace::{Kind, Note, Span, Traced};
use squall_sim::Time;

/// A traced run, and what its numbers stand for.
#[derive(Clone, Copy, Debug)]
pub struct Recording<'a> {
    /// The run.
    pub traced: &'a Traced,
    /// The names behind its numbers.
    pub names: &'a Names,
    /// The scenario.
    pub scenario: &'a str,
    /// The variant.
    pub variant: &'a str,
    /// When the run began, in seconds since 1970.
    pub start: u64,
}

impl Recording<'_> {
    /// An instant in nanoseconds since 1970.
    pub(super) fn nanos(&self, at: Time) -> u64 {
        self.start * 1_000_000_000 + at.nanos()
    }

    /// When a span ended; one that was under way at the end of the run ends with it.
    pub(super) fn end(&self, span: &Span) -> Time {
        span.end.unwrap_or(self.traced.report.ended_at)
    }

    /// What a span is called.
    pub(super) fn name(&self, span: &Span) -> String {
        match span.kind {
            Kind::Call { .. } if span.parent == 0 => format!("{} request {}", self.client(span), span.request.1),
            Kind::Call { edge, fallback: true, .. } => format!("fallback to {}", self.names.edges[edge].1),
            Kind::Call { edge, .. } => format!("call {}", self.names.edges[edge].1),
            Kind::Attempt { number, branch: 0, .. } => format!("attempt {number}"),
            Kind::Attempt { number: 1, branch, .. } => format!("hedge {branch}"),
            Kind::Attempt { number, branch, .. } => format!("hedge {branch} attempt {number}"),
            Kind::Service { service, .. } => self.names.services[service].clone(),
        }
    }

    /// The client whose request led here.
    pub(super) fn client(&self, span: &Span) -> &str {
        &self.names.clients[span.request.0]
    }

    /// The component that a span is of: the caller of a call or an attempt, the callee of a service.
    pub(super) fn owner(&self, span: &Span) -> &str {
        match span.kind {
            Kind::Call { edge, .. } | Kind::Attempt { edge, .. } => &self.names.edges[edge].0,
            Kind::Service { service, .. } => &self.names.services[service],
        }
    }

    /// What policies did about a call, in order.
    pub(super) fn notes(&self, span: &Span) -> &[Note] {
        let notes = &self.traced.notes;
        let from = notes.partition_point(|note| note.span < span.id);
        &notes[from..from + notes[from..].partition_point(|note| note.span == span.id)]
    }

    /// The verdicts of policies about a span, in words; empty if there were none. Who turns calls away at the callee's door
    /// is told by how they came out.
    pub(super) fn verdicts(&self, span: &Span) -> String {
        let words: Vec<&str> = self.notes(span).iter().map(Note::words).collect();
        let door = match (span.kind, span.outcome) {
            (Kind::Service { .. }, Some(Err(Failure::Shed))) => Some("shed"),
            (Kind::Service { .. }, Some(Err(Failure::RateLimited))) => Some("rate limited"),
            _ => None,
        };
        words.into_iter().chain(door).collect::<Vec<_>>().join(", ")
    }

    /// How a span came out, in a word.
    pub(super) fn fate(span: &Span) -> &'static str {
        match (span.end, span.outcome) {
            (_, Some(Ok(()))) => "ok",
            (_, Some(Err(failure))) => failure.name(),
            (Some(_), None) => "given up",
            (None, None) => "in flight",
        }
    }
}

/// The lowest lane that is free from a time on, for spans that come in the order of their beginnings.
pub(super) fn lane(lanes: &mut Vec<Time>, begin: Time, end: Time) -> usize {
    let free = lanes.iter().position(|until| *until <= begin).unwrap_or(lanes.len());
    if free == lanes.len() {
        lanes.push(end);
    } else {
        lanes[free] = end;
    }
    free
}
