//! From a text to an expression, or to what is wrong with it.

use super::{Expr, How, Labels, Map, Matching, Node, Op, Over, SetOp, Value};
use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::{self as syntax, BinModifier, LabelModifier, Offset, VectorMatchCardinality};
use squall_sim::Span;
use std::collections::BTreeMap;

/// A series that can be asked for. Its number is its place among them.
#[derive(Clone, Debug, PartialEq)]
pub struct Exposed {
    /// The name of its metric.
    pub name: String,
    /// What tells it from others of that name.
    pub labels: Labels,
}

/// What is wrong with an expression, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misread {
    /// What is wrong.
    pub rule: String,
    /// What to do about it.
    pub remedy: String,
}

/// Reads an expression. Names that are not `exposed` may stand for a selector of something that is.
///
/// # Errors
/// What is no PromQL, what is outside of the part that is known here, and what no series can give.
pub fn read(text: &str, exposed: &[Exposed], names: &BTreeMap<String, String>) -> Result<Expr, Misread> {
    let tree = parse(text)?;
    let expr = Expr { root: Reading { exposed, names }.node(&tree)? };
    match expr.try_out()? {
        Value::Vector(_) => Ok(expr),
        Value::Scalar(_) => {
            Err(wrong("this is a number, which says nothing about the system", "compare something with it"))
        }
    }
}

fn parse(text: &str) -> Result<syntax::Expr, Misread> {
    // The parser's own message may have several lines.
    let told = |error: String| error.split_whitespace().collect::<Vec<_>>().join(" ");
    syntax::parse(text)
        .map_err(|error| wrong(&format!("`{text}` is not PromQL: {}", told(error)), "see docs/reference/monitoring.md"))
}

fn wrong(rule: &str, remedy: &str) -> Misread {
    Misread { rule: rule.to_owned(), remedy: remedy.to_owned() }
}

/// Outside of the part of the language that is known here.
fn unknown(what: &str) -> Misread {
    let known = "known are selectors with `offset`, rate, increase, {avg,min,max,sum,count,last}_over_time, histogram_quantile, \
         absent, abs, ceil, floor, clamp_min, clamp_max, scalar, vector, sum, avg, min, max, count, group, topk and bottomk \
         with `by` or `without`, and all operators with `on` or `ignoring`";
    wrong(&format!("{what} is not known here"), known)
}

struct Reading<'a> {
    exposed: &'a [Exposed],
    names: &'a BTreeMap<String, String>,
}

/// What a selector selects.
struct Selected {
    series: Vec<(Labels, u32)>,
    offset: Span,
    /// What it asks of labels to be.
    asked: Labels,
}

impl Reading<'_> {
    fn node(&self, tree: &syntax::Expr) -> Result<Node, Misread> {
        match tree {
            syntax::Expr::NumberLiteral(number) => Ok(Node::Number(number.val)),
            syntax::Expr::Paren(inner) => self.node(&inner.expr),
            syntax::Expr::Unary(inner) => Ok(Node::Map { what: Map::Negated, of: Box::new(self.node(&inner.expr)?) }),
            syntax::Expr::VectorSelector(selector) => {
                let Selected { series, offset, asked } = self.select(selector)?;
                Ok(Node::Newest { series, offset, asked })
            }
            syntax::Expr::Binary(binary) => self.binary(binary),
            syntax::Expr::Aggregate(aggregate) => self.aggregate(aggregate),
            syntax::Expr::Call(call) => self.call(call),
            syntax::Expr::MatrixSelector(_) => {
                Err(wrong("a window is not a value", "write what to make of it, as in `rate(…[1m])`"))
            }
            syntax::Expr::Subquery(_) => Err(unknown("a subquery")),
            syntax::Expr::StringLiteral(_) | syntax::Expr::Extension(_) => Err(unknown("a text")),
        }
    }

    fn binary(&self, binary: &syntax::BinaryExpr) -> Result<Node, Misread> {
        let sides = Box::new((self.node(&binary.lhs)?, self.node(&binary.rhs)?));
        let modifier = binary.modifier.as_ref();
        let many = |card: &VectorMatchCardinality| {
            matches!(card, VectorMatchCardinality::ManyToOne(_) | VectorMatchCardinality::OneToMany(_))
        };
        if modifier.is_some_and(|modifier| many(&modifier.card)) {
            return Err(unknown("`group_left` or `group_right`"));
        }
        if modifier.is_some_and(|modifier| modifier.fill_values.lhs.or(modifier.fill_values.rhs).is_some()) {
            return Err(unknown("`fill`"));
        }
        let on = matching(modifier.and_then(|modifier| modifier.matching.as_ref()), false);
        let op = binary.op.to_string();
        let set = match op.as_str() {
            "and" => Some(SetOp::And),
            "or" => Some(SetOp::Or),
            "unless" => Some(SetOp::Unless),
            _ => None,
        };
        if let Some(op) = set {
            return Ok(Node::Set { op, sides, on });
        }
        let op = match op.as_str() {
            "+" => Op::Add,
            "-" => Op::Subtract,
            "*" => Op::Multiply,
            "/" => Op::Divide,
            "%" => Op::Remainder,
            "^" => Op::Power,
            "==" => Op::Equal,
            "!=" => Op::Unequal,
            ">" => Op::Above,
            "<" => Op::Below,
            ">=" => Op::AtLeast,
            "<=" => Op::AtMost,
            other => return Err(unknown(&format!("the operator `{other}`"))),
        };
        Ok(Node::Binary { op, sides, on, boolean: modifier.is_some_and(|modifier: &BinModifier| modifier.return_bool) })
    }

    fn aggregate(&self, aggregate: &syntax::AggregateExpr) -> Result<Node, Misread> {
        let name = aggregate.op.to_string();
        let count = || match aggregate.param.as_deref() {
            Some(syntax::Expr::NumberLiteral(count)) if count.val >= 1.0 => Ok(count.val as usize),
            _ => Err(wrong(&format!("`{name}` wants a number of series"), "write one, as in `topk(3, …)`")),
        };
        let how = match name.as_str() {
            "sum" => How::Sum,
            "avg" => How::Average,
            "min" => How::Smallest,
            "max" => How::Largest,
            "count" => How::Count,
            "group" => How::Group,
            "topk" => How::Top(count()?),
            "bottomk" => How::Bottom(count()?),
            _ => return Err(unknown(&format!("`{name}`"))),
        };
        let by = matching(aggregate.modifier.as_ref(), true);
        Ok(Node::Aggregate { how, of: Box::new(self.node(&aggregate.expr)?), by })
    }

    fn call(&self, call: &syntax::Call) -> Result<Node, Misread> {
        let name = call.func.name;
        let arguments = &call.args.args;
        let over = match name {
            "rate" => Some(Over::Rate),
            "increase" => Some(Over::Increase),
            "avg_over_time" => Some(Over::Average),
            "max_over_time" => Some(Over::Largest),
            "min_over_time" => Some(Over::Smallest),
            "sum_over_time" => Some(Over::Sum),
            "count_over_time" => Some(Over::Count),
            "last_over_time" => Some(Over::Last),
            _ => None,
        };
        let argument = |at: usize| {
            arguments.get(at).map(|tree| &**tree).ok_or_else(|| unknown(&format!("`{name}` without a value")))
        };
        if let Some(what) = over {
            let syntax::Expr::MatrixSelector(matrix) = argument(0)? else {
                return Err(unknown(&format!("`{name}` of no plain window")));
            };
            let Selected { series, offset, .. } = self.select(&matrix.vs)?;
            return Ok(Node::Over { what, series, width: span(matrix.range), offset });
        }
        let of = |at: usize| Ok(Box::new(self.node(argument(at)?)?));
        let number = |at: usize| match self.node(argument(at)?)? {
            Node::Number(number) => Ok(number),
            _ => Err(unknown(&format!("`{name}` with anything but a plain number"))),
        };
        let what = match name {
            "histogram_quantile" => return Ok(Node::Quantile { q: number(0)?, of: of(1)? }),
            "absent" => {
                let of = of(0)?;
                let labels = if let Node::Newest { asked, .. } = &*of { asked.clone() } else { Labels::new() };
                return Ok(Node::Absent { of, labels });
            }
            "scalar" => return Ok(Node::Scalar(of(0)?)),
            "vector" => return Ok(Node::Vector(of(0)?)),
            "abs" => Map::Absolute,
            "ceil" => Map::Up,
            "floor" => Map::Down,
            "clamp_min" => Map::AtLeast(number(1)?),
            "clamp_max" => Map::AtMost(number(1)?),
            _ => return Err(unknown(&format!("the function `{name}`"))),
        };
        Ok(Node::Map { what, of: of(0)? })
    }

    fn select(&self, selector: &syntax::VectorSelector) -> Result<Selected, Misread> {
        if selector.at.is_some() {
            return Err(unknown("`@`"));
        }
        if !selector.matchers.or_matchers.is_empty() {
            return Err(unknown("`or` between labels"));
        }
        let Some(name) = &selector.name else { return Err(unknown("a selector without a name")) };
        let offset = match &selector.offset {
            None => Span::ZERO,
            Some(Offset::Pos(back)) => span(*back),
            Some(Offset::Neg(_)) => {
                return Err(wrong("nobody knows the future", "use an `offset` that is not negative"));
            }
        };
        let mut matchers = selector.matchers.matchers.clone();
        let mut stands_for = name.clone();
        if let Some(text) = self.names.get(name) {
            let syntax::Expr::VectorSelector(inner) = parse(text)? else {
                return Err(wrong(
                    &format!("`{name}` stands for `{text}`, which is more than a selector"),
                    "let a name stand for a metric with labels, and write the rest in `expr`",
                ));
            };
            matchers.extend(inner.matchers.matchers);
            stands_for = inner.name.unwrap_or_default();
        }
        let numbers = || self.exposed.iter().zip(0..).filter(|(series, _)| series.name == stands_for);
        if numbers().next().is_none() {
            let known =
                self.exposed.iter().map(|series| series.name.as_str()).chain(self.names.keys().map(String::as_str));
            let remedy = crate::problem::did_you_mean(&stands_for, known, "metrics");
            let remedy = format!("{remedy}; or say under `monitoring.metrics` what it stands for");
            return Err(wrong(&format!("nothing exposes a metric `{stands_for}`"), &remedy));
        }
        let fits = |labels: &Labels| {
            matchers.iter().all(|matcher| matcher.is_match(labels.get(&matcher.name).map_or("", String::as_str)))
        };
        let series: Vec<_> = numbers()
            .filter(|(series, _)| fits(&series.labels))
            .map(|(series, at)| (series.labels.clone(), at))
            .collect();
        if series.is_empty() {
            let example = numbers().next().map(|(series, _)| series.labels.clone()).unwrap_or_default();
            let example: Vec<String> = example.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
            return Err(wrong(
                &format!("no series of `{stands_for}` has these labels"),
                &format!("one that is there has `{}`", example.join(", ")),
            ));
        }
        let equal = |matcher: &&Matcher| matches!(matcher.op, MatchOp::Equal);
        let asked = selector.matchers.matchers.iter().filter(equal);
        let asked = asked.map(|matcher| (matcher.name.clone(), matcher.value.clone())).collect();
        Ok(Selected { series, offset, asked })
    }
}

/// Of operators all labels match by default, of aggregates none.
fn matching(modifier: Option<&LabelModifier>, aggregate: bool) -> Matching {
    match modifier {
        Some(LabelModifier::Include(labels)) => Matching::By(labels.labels.clone()),
        Some(LabelModifier::Exclude(labels)) => Matching::Without(labels.labels.clone()),
        None if aggregate => Matching::By(Vec::new()),
        None => Matching::Without(Vec::new()),
    }
}

fn span(duration: core::time::Duration) -> Span {
    Span::from_nanos(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
}
