//! Alert rules in PromQL: the part of the language that rules are made of, over series that are known beforehand.
//!
//! [`read`] makes an [`Expr`] of a text and of what is exposed, and says what is outside of that part; [`Expr::evaluate`]
//! gives what Prometheus 3 would at an instant. Which series there are does not change during a run, so what can go wrong
//! only with some data in Prometheus (many series where one is wanted) is found on reading.
//!
//! Source: Prometheus, `promql/engine.go`, `promql/functions.go`; syntax by the crate `promql-parser`.

mod evaluate;
mod read;

pub use read::{Exposed, Misread, read};

use super::Sample;
use squall_sim::Span;
use std::collections::BTreeMap;

/// What tells series of a metric apart. The name of the metric is not among them.
pub type Labels = BTreeMap<String, String>;

/// What an expression gives.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A number.
    Scalar(f64),
    /// A number for each of some series, no two of which have the same labels.
    Vector(Vec<(Labels, f64)>),
}

/// What an evaluation gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The value.
    pub value: Value,
    /// Everything that was looked at had data, except for what `absent` asks about.
    pub known: bool,
}

/// An expression whose series have numbers.
#[derive(Clone, Debug)]
pub struct Expr {
    root: Node,
}

/// Series by their labels and numbers.
type Series = Vec<(Labels, u32)>;

#[derive(Clone, Debug)]
enum Node {
    Number(f64),
    Newest {
        series: Series,
        offset: Span,
        asked: Labels,
    },
    Over {
        what: Over,
        series: Series,
        width: Span,
        offset: Span,
    },
    Binary {
        op: Op,
        sides: Box<(Node, Node)>,
        on: Matching,
        boolean: bool,
    },
    Set {
        op: SetOp,
        sides: Box<(Node, Node)>,
        on: Matching,
    },
    Aggregate {
        how: How,
        of: Box<Node>,
        by: Matching,
    },
    Quantile {
        q: f64,
        of: Box<Node>,
    },
    Absent {
        of: Box<Node>,
        labels: Labels,
    },
    Map {
        what: Map,
        of: Box<Node>,
    },
    /// The only element of a vector as a number, or not a number.
    Scalar(Box<Node>),
    /// A number as a vector of one element without labels.
    Vector(Box<Node>),
}

/// A function of the samples in a window.
#[derive(Clone, Copy, Debug)]
enum Over {
    Rate,
    Increase,
    Average,
    Largest,
    Smallest,
    Sum,
    Count,
    Last,
}

#[derive(Clone, Copy, Debug)]
enum Map {
    Absolute,
    Up,
    Down,
    Negated,
    AtLeast(f64),
    AtMost(f64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Power,
    Equal,
    Unequal,
    Above,
    Below,
    AtLeast,
    AtMost,
}

#[derive(Clone, Copy, Debug)]
enum SetOp {
    And,
    Or,
    Unless,
}

#[derive(Clone, Copy, Debug)]
enum How {
    Sum,
    Average,
    Smallest,
    Largest,
    Count,
    Group,
    Top(usize),
    Bottom(usize),
}

/// By which labels series belong together.
#[derive(Clone, Debug)]
enum Matching {
    By(Vec<String>),
    Without(Vec<String>),
}

impl Matching {
    /// What is left of labels.
    fn key(&self, labels: &Labels) -> Labels {
        let kept = |name: &String| match self {
            Self::By(names) => names.contains(name),
            Self::Without(names) => !names.contains(name),
        };
        labels.iter().filter(|(name, _)| kept(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}

/// What reads the samples of a series by its number.
pub type Reader<'a> = dyn FnMut(u32, &mut Vec<Sample>) + 'a;

impl Expr {
    /// Every series that it looks at, more than once if it does.
    #[must_use]
    pub fn series(&self) -> Vec<u32> {
        let mut all = Vec::new();
        self.root.visit(&mut |node| {
            if let Node::Newest { series, .. } | Node::Over { series, .. } = node {
                all.extend(series.iter().map(|(_, number)| *number));
            }
        });
        all
    }

    /// The same with other numbers for its series.
    #[must_use]
    pub fn renumbered(mut self, mut number: impl FnMut(u32) -> u32) -> Self {
        self.root.change(&mut |node| {
            if let Node::Newest { series, .. } | Node::Over { series, .. } = node {
                series.iter_mut().for_each(|(_, old)| *old = number(*old));
            }
        });
        self
    }

    /// How far back it looks.
    #[must_use]
    pub fn reach(&self) -> Span {
        let mut reach = Span::ZERO;
        self.root.visit(&mut |node| {
            reach = reach.max(match node {
                Node::Newest { offset, .. } => super::LOOKBACK + *offset,
                Node::Over { width, offset, .. } => *width + *offset,
                _ => Span::ZERO,
            });
        });
        reach
    }

    /// The shortest window that is looked at for more than one sample.
    #[must_use]
    pub fn shortest_rate(&self) -> Option<Span> {
        let mut shortest: Option<Span> = None;
        self.root.visit(&mut |node| {
            if let Node::Over { what: Over::Rate | Over::Increase, width, .. } = node {
                shortest = Some(shortest.map_or(*width, |known| known.min(*width)));
            }
        });
        shortest
    }
}

impl Node {
    fn inner(&self) -> Vec<&Self> {
        match self {
            Self::Number(_) | Self::Newest { .. } | Self::Over { .. } => Vec::new(),
            Self::Binary { sides, .. } | Self::Set { sides, .. } => vec![&sides.0, &sides.1],
            Self::Aggregate { of, .. }
            | Self::Quantile { of, .. }
            | Self::Absent { of, .. }
            | Self::Map { of, .. }
            | Self::Scalar(of)
            | Self::Vector(of) => vec![of],
        }
    }

    fn visit(&self, see: &mut dyn FnMut(&Self)) {
        see(self);
        self.inner().into_iter().for_each(|node| node.visit(see));
    }

    fn change(&mut self, make: &mut dyn FnMut(&mut Self)) {
        make(self);
        match self {
            Self::Number(_) | Self::Newest { .. } | Self::Over { .. } => {}
            Self::Binary { sides, .. } | Self::Set { sides, .. } => {
                sides.0.change(make);
                sides.1.change(make);
            }
            Self::Aggregate { of, .. }
            | Self::Quantile { of, .. }
            | Self::Absent { of, .. }
            | Self::Map { of, .. }
            | Self::Scalar(of)
            | Self::Vector(of) => of.change(make),
        }
    }
}
