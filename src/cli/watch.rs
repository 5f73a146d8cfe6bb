//! What is to be seen while runs go on: a bar, or with `--watch` what has come out so far. It is drawn on stderr and taken away in
//! the end, and nothing else depends on it.

use super::clock::Clock;
use super::output::{Output, width};
use super::run::{Request, progress};
use crate::experiment::{Fold, Plan};
use crate::report::{Latest, watch};
use crate::scenario::Loaded;
use indicatif::{ProgressBar, ProgressStyle};
use squall_models::report::Report;

/// Seconds between two pictures, about as often as a bar is drawn.
const PAUSE: f64 = 0.125;

/// A bar, with what has come out so far above it if that is wanted.
pub(super) struct View<'a> {
    bar: ProgressBar,
    plan: &'a Plan<'a>,
    name: &'a str,
    watched: bool,
    clock: Clock,
    drawn: f64,
}

impl<'a> View<'a> {
    pub(super) fn new(request: &Request, loaded: &'a Loaded, plan: &'a Plan<'a>, output: &Output) -> Self {
        // Who asks for no colours gets no other control characters either.
        let watched = request.watch && output.draws();
        let bar = if request.watch && !watched {
            ProgressBar::hidden()
        } else {
            progress(request, loaded, plan.cases.len() * plan.seeds.len())
        };
        let watched = watched && !bar.is_hidden();
        if watched {
            let style = ProgressStyle::with_template("{msg}\n{wide_bar} {pos}/{len} runs, {eta} left");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        }
        Self { bar, plan, name: &loaded.name, watched, clock: Clock::start(), drawn: f64::NEG_INFINITY }
    }

    /// What is to be shown of a run that has ended, if it is time to.
    pub(super) fn latest(&self, case: usize, report: &Report) -> Option<Latest> {
        let due = self.watched && self.clock.took() - self.drawn >= PAUSE;
        due.then(|| Latest::of(&self.plan.cases[case].name, report))
    }

    /// One more run is in `fold`.
    pub(super) fn step(&mut self, fold: &Fold, latest: Option<&Latest>) {
        if latest.is_some() {
            self.drawn = self.clock.took();
            self.bar.set_message(watch(self.name, fold.so_far(), self.plan.seeds.len(), latest, width()));
        }
        self.bar.inc(1);
    }

    pub(super) fn close(&self) {
        self.bar.finish_and_clear();
    }
}
