//! Spans as a Perfetto trace (track events): a process for each component, a track for each worker, requests and the wait
//! for a worker in lanes, arrows from an attempt to who served it, and the queues as counters.
//!
//! Field numbers are those of `perfetto_trace.proto`; a test reads a file back with Perfetto's own schema.

use super::proto::Message;
use super::spans::{Recording, lane};
use squall_models::trace::{Kind, Span};
use squall_sim::Time;
use std::collections::BTreeMap;

/// All packets belong to one sequence.
const SEQUENCE: u64 = 1;
const BEGIN: u64 = 1;
const END: u64 = 2;
const INSTANT: u64 = 3;
const COUNTER: u64 = 4;

/// A track by what it shows: the component, the kind of lane, the replica, the lane.
type Place = (String, &'static str, usize, usize);

struct Writer<'a> {
    recording: &'a Recording<'a>,
    /// Each track's number.
    tracks: BTreeMap<Place, u64>,
    processes: BTreeMap<String, u64>,
    out: Message,
    /// Events by time; what ends at an instant ends before anything begins there, and what is inside ends first.
    events: Vec<(u64, u8, u64, Message)>,
}

/// The whole file.
#[must_use]
pub fn perfetto(recording: &Recording<'_>) -> Vec<u8> {
    let mut writer = Writer {
        recording,
        tracks: BTreeMap::new(),
        processes: BTreeMap::new(),
        out: Message::default(),
        events: Vec::new(),
    };
    writer.spans();
    writer.queues();
    writer.events.sort_by_key(|(time, order, depth, _)| (*time, *order, *depth));
    let mut out = writer.out;
    for (time, .., event) in writer.events {
        let packet = Message::default().number(8, time).number(10, SEQUENCE).message(11, &event);
        out = out.message(1, &packet);
    }
    out.finish()
}

impl Writer<'_> {
    fn process(&mut self, component: &str) -> u64 {
        if let Some(known) = self.processes.get(component) {
            return *known;
        }
        let number = self.processes.len() as u64 + 1;
        self.processes.insert(component.to_owned(), number);
        let process = Message::default().number(1, number).text(6, component);
        let track = Message::default().number(1, number).message(3, &process);
        self.packet(&track);
        number
    }

    fn packet(&mut self, track: &Message) {
        let packet = Message::default().number(10, SEQUENCE).message(60, track);
        self.out = std::mem::take(&mut self.out).message(1, &packet);
    }

    fn track(&mut self, place: Place, counter: bool) -> u64 {
        if let Some(known) = self.tracks.get(&place) {
            return *known;
        }
        let (component, what, replica, lane) = &place;
        let parent = self.process(component);
        let number = 1_000_000 + self.tracks.len() as u64;
        let name = match *what {
            "worker" => format!("replica {} worker {}", replica + 1, lane + 1),
            "wait" => format!("replica {} waiting {}", replica + 1, lane + 1),
            "queue" => "calls waiting".to_owned(),
            _ => format!("{what} {}", lane + 1),
        };
        let mut track = Message::default().number(1, number).text(2, &name).number(5, parent);
        if counter {
            track = track.message(8, &Message::default());
        }
        self.packet(&track);
        self.tracks.insert(place, number);
        number
    }

    fn slice(&mut self, track: u64, (begin, end): (Time, Time), depth: u64, event: Message) {
        let (begin, end) = (self.recording.nanos(begin), self.recording.nanos(end));
        if begin == end {
            // Nothing can lie in a slice of no length, and a viewer would not know which of two such ends first.
            return self.events.push((begin, 3, depth, event.number(9, INSTANT).number(11, track)));
        }
        self.events.push((begin, 2, depth, event.number(9, BEGIN).number(11, track)));
        self.events.push((end, 0, u64::MAX - depth, Message::default().number(9, END).number(11, track)));
    }

    /// What is known of a span, as a person looks it up.
    fn told(&self, span: &Span) -> Message {
        let mut event = Message::default().text(22, "squall").text(23, &self.recording.name(span));
        let fate = Message::default().text(10, "fate").text(6, Recording::fate(span));
        let client = Message::default().text(10, "client").text(6, self.recording.client(span));
        let request = Message::default().text(10, "request").number(3, span.request.1);
        for note in [fate, client, request] {
            event = event.message(4, &note);
        }
        let verdicts = self.recording.verdicts(span);
        if !verdicts.is_empty() {
            event = event.message(4, &Message::default().text(10, "policy").text(6, &verdicts));
        }
        if let Kind::Service { wasted: true, .. } = span.kind {
            event = event.message(4, &Message::default().text(10, "wasted").number(2, 1));
        }
        event
    }

    fn spans(&mut self) {
        let mut lanes: BTreeMap<(String, &'static str, usize), Vec<Time>> = BTreeMap::new();
        let mut tracks: BTreeMap<u64, u64> = BTreeMap::new();
        for span in &self.recording.traced.spans {
            let (begin, end) = (span.begin, self.recording.end(span));
            let owner = self.recording.owner(span).to_owned();
            match span.kind {
                Kind::Call { .. } => {
                    let what = if span.parent == 0 { "request" } else { "call" };
                    let lane = lane(lanes.entry((owner.clone(), what, 0)).or_default(), begin, end);
                    let track = self.track((owner, what, 0, lane), false);
                    tracks.insert(span.id, track);
                    self.slice(track, (begin, end), 1, self.told(span));
                    self.verdicts(track, span);
                }
                Kind::Attempt { branch, .. } => {
                    // Attempts of one branch follow each other, so that those of the call itself lie in its slice.
                    let track = match branch {
                        0 => tracks.get(&span.parent).copied(),
                        _ => {
                            let lane = lane(lanes.entry((owner.clone(), "hedge", 0)).or_default(), begin, end);
                            Some(self.track((owner, "hedge", 0, lane), false))
                        }
                    };
                    let Some(track) = track else { continue };
                    let event = self.told(span).fixed(47, span.id);
                    self.slice(track, (begin, end), 2, event);
                }
                Kind::Service { replica, started, .. } => {
                    let start = started.unwrap_or(end);
                    if start > begin {
                        let lane = lane(lanes.entry((owner.clone(), "wait", replica)).or_default(), begin, start);
                        let track = self.track((owner.clone(), "wait", replica, lane), false);
                        let event = self.told(span).fixed(47, span.parent);
                        self.slice(track, (begin, start), 1, event);
                    }
                    if started.is_some() {
                        let lane = lane(lanes.entry((owner.clone(), "worker", replica)).or_default(), start, end);
                        let track = self.track((owner, "worker", replica, lane), false);
                        let event = self.told(span).fixed(47, span.parent);
                        self.slice(track, (start, end), 1, event);
                    }
                }
            }
        }
    }

    /// What policies did about a call, as instants in its slice.
    fn verdicts(&mut self, track: u64, span: &Span) {
        for note in self.recording.notes(span) {
            let event = Message::default().text(22, "squall").text(23, note.words());
            let event = event.message(4, &Message::default().text(10, "policy").text(6, note.policy));
            let time = self.recording.nanos(note.at);
            self.events.push((time, 3, u64::MAX, event.number(9, INSTANT).number(11, track)));
        }
    }

    /// How many calls wait in each service, from those that are traced.
    fn queues(&mut self) {
        let mut changes: BTreeMap<String, BTreeMap<u64, i64>> = BTreeMap::new();
        for span in &self.recording.traced.spans {
            if let Kind::Service { started, .. } = span.kind {
                let left = started.unwrap_or_else(|| self.recording.end(span));
                let of = changes.entry(self.recording.owner(span).to_owned()).or_default();
                *of.entry(self.recording.nanos(span.begin)).or_default() += 1;
                *of.entry(self.recording.nanos(left)).or_default() -= 1;
            }
        }
        for (owner, changes) in changes {
            let track = self.track((owner, "queue", 0, 0), true);
            let mut waiting = 0;
            for (time, change) in changes.into_iter().filter(|(_, change)| *change != 0) {
                waiting += change;
                let event = Message::default().number(9, COUNTER).number(11, track).number(30, waiting as u64);
                self.events.push((time, 1, 0, event));
            }
        }
    }
}
