//! What an expression gives at an instant.

use super::{Expr, Found, How, Labels, Map, Matching, Misread, Node, Op, Over, Reader, Series, SetOp, Value};
use crate::monitor::{self, Sample, histogram_quantile};
use squall_sim::{Span, Time};
use std::collections::BTreeMap;

type Vector = Vec<(Labels, f64)>;

impl Expr {
    /// What it gives now.
    ///
    /// # Panics
    /// Never for an expression that was read: what could go wrong with its series was found then.
    #[must_use]
    pub fn evaluate(&self, now: Time, read: &mut Reader<'_>) -> Found {
        let mut work = Work { now, read, scratch: Vec::new(), shape: false, known: true };
        let value = work.node(&self.root).unwrap_or(Value::Vector(Vec::new()));
        Found { value, known: work.known }
    }

    /// Tries whether it gives something whatever its series hold.
    pub(super) fn try_out(&self) -> Result<Value, Misread> {
        let now = Time::ZERO + self.reach();
        let mut any = |_: u32, samples: &mut Vec<Sample>| {
            // Two in every window: values do not matter, only that there is something.
            let back = |nanos: u64| Time::from_nanos(now.nanos().saturating_sub(nanos));
            samples.extend([1, 0].map(|nanos| Sample { at: back(nanos), value: 1.0 }));
        };
        Work { now, read: &mut any, scratch: Vec::new(), shape: true, known: true }.node(&self.root)
    }
}

struct Work<'a, 'b> {
    now: Time,
    read: &'a mut Reader<'b>,
    scratch: Vec<Sample>,
    /// Every series has data, every comparison holds: what comes out are all labels that there can be.
    shape: bool,
    known: bool,
}

impl Work<'_, '_> {
    fn node(&mut self, node: &Node) -> Result<Value, Misread> {
        Ok(match node {
            Node::Number(number) => Value::Scalar(*number),
            Node::Newest { series, offset, .. } => {
                self.series(series, *offset, &|samples, at| monitor::newest(samples, at))
            }
            Node::Over { what, series, width, offset } => {
                self.series(series, *offset, &|samples, at| over(*what, samples, at, *width))
            }
            Node::Binary { op, sides, on, boolean } => {
                let (left, right) = (self.node(&sides.0)?, self.node(&sides.1)?);
                self.binary(*op, (left, right), on, *boolean)?
            }
            Node::Set { op, sides, on } => {
                let (left, right) = (self.vector(&sides.0)?, self.vector(&sides.1)?);
                Value::Vector(set(*op, left, right, on, self.shape))
            }
            Node::Aggregate { how, of, by } => {
                let of = self.vector(of)?;
                Value::Vector(aggregate(*how, of, by, self.shape))
            }
            Node::Quantile { q, of } => Value::Vector(quantile(*q, self.vector(of)?)),
            Node::Absent { of, labels } => {
                let known = self.known;
                let nothing = self.vector(of)?.is_empty();
                self.known = known;
                Value::Vector(if nothing || self.shape { vec![(labels.clone(), 1.0)] } else { Vec::new() })
            }
            Node::Map { what, of } => match self.node(of)? {
                Value::Scalar(value) => Value::Scalar(map(*what, value)),
                Value::Vector(mut all) => {
                    all.iter_mut().for_each(|(_, value)| *value = map(*what, *value));
                    Value::Vector(all)
                }
            },
            Node::Scalar(of) => match self.vector(of)?[..] {
                [(_, value)] => Value::Scalar(value),
                _ => Value::Scalar(f64::NAN),
            },
            Node::Vector(of) => match self.node(of)? {
                Value::Scalar(value) => Value::Vector(vec![(Labels::new(), value)]),
                vector @ Value::Vector(_) => vector,
            },
        })
    }

    /// What the parser has made sure to be a vector.
    fn vector(&mut self, node: &Node) -> Result<Vector, Misread> {
        Ok(match self.node(node)? {
            Value::Vector(all) => all,
            Value::Scalar(value) => vec![(Labels::new(), value)],
        })
    }

    fn series(&mut self, series: &Series, offset: Span, get: &dyn Fn(&[Sample], Time) -> Option<f64>) -> Value {
        let Some(at) = self.now.nanos().checked_sub(offset.nanos()).map(Time::from_nanos) else {
            self.known = false;
            return Value::Vector(Vec::new());
        };
        let mut all = Vec::new();
        for (labels, number) in series {
            self.scratch.clear();
            (self.read)(*number, &mut self.scratch);
            let value = if self.shape { Some(1.0) } else { get(&self.scratch, at) };
            all.extend(value.map(|value| (labels.clone(), value)));
        }
        self.known &= !all.is_empty();
        Value::Vector(all)
    }

    fn binary(&self, op: Op, sides: (Value, Value), on: &Matching, boolean: bool) -> Result<Value, Misread> {
        let filter = op.compares() && !boolean;
        // A comparison without `bool` is a filter: it keeps a value of the vector's, where it holds.
        let one = |left: f64, right: f64, kept: f64| {
            if filter { (self.shape || op.holds(left, right)).then_some(kept) } else { Some(op.apply(left, right)) }
        };
        Ok(match sides {
            (Value::Scalar(left), Value::Scalar(right)) => Value::Scalar(op.apply(left, right)),
            (Value::Vector(all), Value::Scalar(right)) => Value::Vector(
                all.into_iter().filter_map(|(labels, left)| Some((labels, one(left, right, left)?))).collect(),
            ),
            (Value::Scalar(left), Value::Vector(all)) => Value::Vector(
                all.into_iter().filter_map(|(labels, right)| Some((labels, one(left, right, right)?))).collect(),
            ),
            (Value::Vector(left), Value::Vector(right)) => {
                let right = keyed(right, on)?;
                let mut out = Vec::new();
                for (labels, (_, left)) in keyed(left, on)? {
                    let Some((_, right)) = right.get(&labels) else { continue };
                    out.extend(one(left, *right, left).map(|value| (labels, value)));
                }
                Value::Vector(out)
            }
        })
    }
}

/// By what they are matched by, which may be there only once.
fn keyed(all: Vector, on: &Matching) -> Result<BTreeMap<Labels, (Labels, f64)>, Misread> {
    let mut keyed = BTreeMap::new();
    for (labels, value) in all {
        let key = on.key(&labels);
        if let Some((other, _)) = keyed.insert(key, (labels.clone(), value)) {
            return Err(Misread {
                rule: format!("{} and {} match the same on the other side", show(&other), show(&labels)),
                remedy: "add up one side with `sum by (…)`, or match by more labels with `on (…)`".to_owned(),
            });
        }
    }
    Ok(keyed)
}

fn show(labels: &Labels) -> String {
    let all: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
    format!("{{{}}}", all.join(", "))
}

fn set(op: SetOp, left: Vector, right: Vector, on: &Matching, shape: bool) -> Vector {
    let keys = |all: &Vector| all.iter().map(|(labels, _)| on.key(labels)).collect::<Vec<_>>();
    let (here, there) = (keys(&left), keys(&right));
    let those = |all: Vector, keys: &[Labels], other: &[Labels], common: bool| -> Vector {
        let kept = all.into_iter().zip(keys).filter(|(_, key)| other.contains(key) == common);
        kept.map(|(element, _)| element).collect()
    };
    match op {
        SetOp::And => those(left, &here, &there, true),
        SetOp::Unless if shape => left,
        SetOp::Unless => those(left, &here, &there, false),
        SetOp::Or => {
            let more = those(right, &there, &here, false);
            left.into_iter().chain(more).collect()
        }
    }
}

fn aggregate(how: How, of: Vector, by: &Matching, shape: bool) -> Vector {
    let mut groups: BTreeMap<Labels, Vector> = BTreeMap::new();
    for (labels, value) in of {
        groups.entry(by.key(&labels)).or_default().push((labels, value));
    }
    let mut out = Vec::new();
    for (labels, mut members) in groups {
        let values = || members.iter().map(|(_, value)| *value);
        // What is not a number is neither the smallest nor the largest, unless there is nothing else.
        let numbers = || values().filter(|value| !value.is_nan());
        let value = match how {
            How::Sum => values().sum(),
            How::Average => values().sum::<f64>() / members.len() as f64,
            How::Smallest => numbers().reduce(f64::min).unwrap_or(f64::NAN),
            How::Largest => numbers().reduce(f64::max).unwrap_or(f64::NAN),
            How::Count => members.len() as f64,
            How::Group => 1.0,
            How::Top(count) | How::Bottom(count) => {
                let sign = if matches!(how, How::Top(_)) { -1.0 } else { 1.0 };
                // What is not a number comes last, either way.
                let key = |value: f64| if value.is_nan() { f64::INFINITY } else { sign * value };
                members.sort_by(|a, b| key(a.1).total_cmp(&key(b.1)));
                members.truncate(if shape { usize::MAX } else { count });
                out.extend(members);
                continue;
            }
        };
        out.push((labels, value));
    }
    out
}

fn quantile(q: f64, of: Vector) -> Vector {
    let by = Matching::Without(vec!["le".to_owned()]);
    let mut histograms: BTreeMap<Labels, Vec<(f64, f64)>> = BTreeMap::new();
    for (labels, count) in of {
        let bound = labels.get("le").and_then(|bound| bound.parse().ok());
        if let Some(bound) = bound {
            histograms.entry(by.key(&labels)).or_default().push((bound, count));
        }
    }
    let value = |(labels, mut buckets): (Labels, Vec<(f64, f64)>)| {
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        (labels, histogram_quantile(q, &buckets))
    };
    histograms.into_iter().map(value).collect()
}

fn over(what: Over, samples: &[Sample], at: Time, width: Span) -> Option<f64> {
    match what {
        Over::Rate => monitor::rate(samples, at, width),
        Over::Increase => monitor::increase(samples, at, width),
        Over::Average => monitor::average(samples, at, width),
        Over::Largest => monitor::largest(samples, at, width),
        Over::Smallest => monitor::smallest(samples, at, width),
        Over::Sum => monitor::total(samples, at, width).map(|(sum, _)| sum),
        Over::Count => monitor::total(samples, at, width).map(|(_, count)| count),
        Over::Last => monitor::last(samples, at, width),
    }
}

fn map(what: Map, value: f64) -> f64 {
    match what {
        Map::Absolute => value.abs(),
        Map::Up => value.ceil(),
        Map::Down => value.floor(),
        Map::Negated => -value,
        Map::AtLeast(least) => {
            if value.is_nan() {
                value
            } else {
                value.max(least)
            }
        }
        Map::AtMost(most) => {
            if value.is_nan() {
                value
            } else {
                value.min(most)
            }
        }
    }
}

impl Op {
    const fn compares(self) -> bool {
        matches!(self, Self::Equal | Self::Unequal | Self::Above | Self::Below | Self::AtLeast | Self::AtMost)
    }

    #[allow(clippy::float_cmp, reason = "as Prometheus does")]
    fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Self::Equal => left == right,
            Self::Unequal => left != right,
            Self::Above => left > right,
            Self::Below => left < right,
            Self::AtLeast => left >= right,
            Self::AtMost => left <= right,
            _ => false,
        }
    }

    fn apply(self, left: f64, right: f64) -> f64 {
        match self {
            Self::Add => left + right,
            Self::Subtract => left - right,
            Self::Multiply => left * right,
            Self::Divide => left / right,
            Self::Remainder => left % right,
            Self::Power => libm::pow(left, right),
            _ => f64::from(u8::from(self.holds(left, right))),
        }
    }
}
