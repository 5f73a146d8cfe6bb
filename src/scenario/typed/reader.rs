//! A node as serde's source of any type.

use super::containers::{EnumReader, ListReader, MapReader};
use crate::scenario::fail::{Fail, Kind, not_one};
use crate::scenario::node::{Entry, Mark, Node, Seg, Value, is_null};
use crate::scenario::words::shorten;
use serde::de::{self, Deserializer, Error, Visitor};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

/// A field that its map does not have: where it is, and what to say.
#[derive(Debug)]
pub(super) struct Unknown {
    pub(super) path: Vec<Seg>,
    pub(super) at: Mark,
    pub(super) fail: Fail,
}

/// What all readers of one tree share.
#[derive(Debug, Default)]
pub(super) struct Shared<'a> {
    pub(super) unknown: RefCell<Vec<Unknown>>,
    /// The way from the root to the node that is being read.
    pub(super) path: RefCell<Vec<Step<'a>>>,
}

/// One step down, without a copy of the key.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

#[derive(Clone, Copy)]
pub(super) struct Reader<'a, 's> {
    pub(super) node: &'a Node,
    pub(super) label: Mark,
    pub(super) shared: &'s Shared<'a>,
    /// Which set of stand-ins is put where something is gone.
    pub(super) set: u8,
}

/// What a scalar without quotes means, by the YAML 1.2 core schema.
enum Meaning {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text,
}

fn meaning(text: &str) -> Meaning {
    match text {
        _ if is_null(text) => return Meaning::Null,
        "true" | "True" | "TRUE" => return Meaning::Bool(true),
        "false" | "False" | "FALSE" => return Meaning::Bool(false),
        _ => {}
    }
    let digits = text.trim_start_matches(['+', '-']);
    let signs = text.len() - digits.len();
    if signs > 1 || !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return Meaning::Text;
    }
    if let Some(hex) = text.strip_prefix("0x") {
        return i128::from_str_radix(hex, 16).map_or(Meaning::Text, Meaning::Int);
    }
    if let Some(octal) = text.strip_prefix("0o") {
        return i128::from_str_radix(octal, 8).map_or(Meaning::Text, Meaning::Int);
    }
    if let Ok(int) = text.parse() {
        return Meaning::Int(int);
    }
    text.parse().map_or(Meaning::Text, Meaning::Float)
}

impl<'a, 's> Reader<'a, 's> {
    pub(super) fn new(node: &'a Node, label: Mark, shared: &'s Shared<'a>, set: u8) -> Self {
        Self { node, label, shared, set }
    }

    /// Where the node is shown: a scalar itself, a list or map by its key.
    pub(super) fn at(&self) -> Mark {
        match self.node.value {
            Value::Plain(_) | Value::Quoted(_) if self.node.at.end > self.node.at.start => self.node.at,
            _ => self.label,
        }
    }

    fn unwanted(&self, wanted: &str) -> Fail {
        let fail = match &self.node.value {
            Value::Plain(text) if is_null(text) => Fail::unwanted("", wanted),
            Value::Plain(text) | Value::Quoted(text) => Fail::unwanted(text, wanted),
            Value::List(_) => Fail::invalid_type(de::Unexpected::Seq, &wanted),
            Value::Map(_) => Fail::invalid_type(de::Unexpected::Map, &wanted),
            Value::Gone => Fail::silent(),
        };
        fail.located(self.at())
    }

    /// A whole number between two bounds.
    fn whole(&self, min: i128, max: i128) -> Result<i128, Fail> {
        let Value::Plain(text) = &self.node.value else {
            return Err(self.unwanted("a whole number"));
        };
        let number = match meaning(text) {
            Meaning::Int(number) => number,
            // A cast saturates, which puts what is absurdly large out of every range.
            Meaning::Float(number) if number == number.trunc() || number.is_infinite() => number as i128,
            _ => return Err(self.unwanted("a whole number")),
        };
        if number < min || number > max {
            let rule = format!("`{}` is out of range", shorten(text));
            let remedy = format!("write a whole number between {min} and {max}");
            return Err(Fail::new(rule, remedy).located(self.at()));
        }
        Ok(number)
    }

    fn real(&self) -> Result<f64, Fail> {
        let number = match &self.node.value {
            Value::Plain(text) => match meaning(text) {
                Meaning::Int(number) => number as f64,
                Meaning::Float(number) => number,
                _ => return Err(self.unwanted("a number")),
            },
            _ => return Err(self.unwanted("a number")),
        };
        if !number.is_finite() {
            return Err(Fail::new("the number is too large", "write a smaller one").located(self.at()));
        }
        Ok(number)
    }

    fn visit_entries<V: Visitor<'a>>(self, entries: &'a BTreeMap<String, Entry>, visitor: V) -> Result<V::Value, Fail> {
        self.visit_fields(entries, None, visitor)
    }

    /// Gives a map to a visitor; with `known` all other fields are noted and left out.
    fn visit_fields<V: Visitor<'a>>(
        self,
        entries: &'a BTreeMap<String, Entry>,
        known: Option<&'static [&'static str]>,
        visitor: V,
    ) -> Result<V::Value, Fail> {
        let left = Cell::new(0);
        let live: Vec<(&String, &Entry)> = entries.iter().filter(|(key, entry)| self.keep(key, entry, known)).collect();
        left.set(live.len());
        let names = live.clone();
        let map = MapReader { reader: self, entries: live.into_iter(), value: None, left: &left };
        let value = visitor.visit_map(map).map_err(|fail| match fail.kind {
            // serde's reader of tagged maps found no tag.
            Kind::Wrong if fail.path.is_empty() && names.is_empty() => {
                if entries.is_empty() {
                    not_one(std::iter::empty(), &[]).located(self.label)
                } else {
                    Fail::silent()
                }
            }
            _ => fail.located(self.label),
        })?;
        // serde's own reader of tagged maps takes the first entry and does not look at the rest.
        if left.get() > 0 {
            return Err(not_one(names.iter().map(|(key, _)| key.as_str()), &[]).located(self.label));
        }
        Ok(value)
    }

    fn keep(&self, key: &str, entry: &Entry, known: Option<&'static [&'static str]>) -> bool {
        match known {
            // The key itself could not be read.
            _ if entry.node.is_gone() && key == "<<" => false,
            Some(fields) if !fields.contains(&key) => {
                let mut path: Vec<Seg> = self.shared.path.borrow().iter().map(|step| (*step).into()).collect();
                path.push(Seg::Key(key.to_owned()));
                let fail = Fail::unknown_field(key, fields);
                self.shared.unknown.borrow_mut().push(Unknown { path, at: entry.key, fail });
                false
            }
            _ => true,
        }
    }

    fn visit_items<V: Visitor<'a>>(self, items: &'a [Node], visitor: V) -> Result<V::Value, Fail> {
        visitor
            .visit_seq(ListReader { reader: self, items: items.iter().enumerate() })
            .map_err(|fail| fail.located(self.label))
    }
}

macro_rules! whole_numbers {
    ($($method:ident, $visit:ident, $type:ty;)*) => {
        $(fn $method<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fail> {
            if let Some(stand_in) = self.stand_in() {
                return stand_in.$method(visitor);
            }
            let number = self.whole(<$type>::MIN.into(), <$type>::MAX.into())?;
            let number = <$type>::try_from(number).map_err(|_| self.unwanted("a whole number"))?;
            visitor.$visit(number).map_err(|fail: Fail| fail.located(self.at()))
        })*
    };
}

impl<'a> Deserializer<'a> for Reader<'a, '_> {
    type Error = Fail;

    fn deserialize_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fail> {
        if let Some(stand_in) = self.stand_in() {
            return stand_in.deserialize_any(visitor);
        }
        let result = match &self.node.value {
            Value::List(items) => return self.visit_items(items, visitor),
            Value::Map(entries) => return self.visit_entries(entries, visitor),
            Value::Gone => Err(Fail::silent()),
            Value::Quoted(text) => visitor.visit_str(text),
            Value::Plain(text) => match meaning(text) {
                Meaning::Null => visitor.visit_unit(),
                Meaning::Bool(value) => visitor.visit_bool(value),
                Meaning::Text => visitor.visit_str(text),
                Meaning::Float(number) => visitor.visit_f64(number),
                Meaning::Int(number) => match (u64::try_from(number), i64::try_from(number)) {
                    (Ok(number), _) => visitor.visit_u64(number),
                    (_, Ok(number)) => visitor.visit_i64(number),
                    _ => visitor.visit_f64(number as f64),
                },
            },
        };
        result.map_err(|fail: Fail| fail.located(self.at()))
    }

    whole_numbers! {
        deserialize_u8, visit_u8, u8;
        deserialize_u16, visit_u16, u16;
        deserialize_u32, visit_u32, u32;
        deserialize_u64, visit_u64, u64;
        deserialize_i8, visit_i8, i8;
        deserialize_i16, visit_i16, i16;
        deserialize_i32, visit_i32, i32;
        deserialize_i64, visit_i64, i64;
    }

    fn deserialize_f32<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fail> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fail> {
        if let Some(stand_in) = self.stand_in() {
            return stand_in.deserialize_f64(visitor);
        }
        visitor.visit_f64(self.real()?).map_err(|fail: Fail| fail.located(self.at()))
    }

    fn deserialize_bool<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fail> {
        if let Some(stand_in) = self.stand_in() {
            return stand_in.deserialize_bool(visitor);
        }
        match &self.node.value {
            Value::Plain(text) if matches!(meaning(text), Meaning::Bool(_)) => self.deserialize_any(visitor),
            _ => Err(self.unwanted("`true` or `false`")),
        }
    }

    /// The way in for quantities: their own reader says what is wrong with the text.
    fn deserialize_str<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fail> {
        match &self.node.value {
            Value::Plain(text) if matches!(meaning(text), Meaning::Text) => self.deserialize_any(visitor),
            Value::Quoted(text) if text.parse::<f64>().is_err() => self.deserialize_any(visitor),
            Value::Quoted(text) => Err(Fail::invalid_type(de::Unexpected::Str(text), &visitor).located(self.at())),
            _ => self.deserialize_any(visitor),
        }
    }

    /// The way in for names and free text: `2024` is as good as `"2024"`.
    fn deserialize_string<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fail> {
        if let Some(stand_in) = self.stand_in() {
            return stand_in.deserialize_string(visitor);
        }
        match &self.node.value {
            Value::Plain(text) if !is_null(text) => {
                visitor.visit_str(text).map_err(|fail: Fail| fail.located(self.at()))
            }
            Value::Quoted(text) => visitor.visit_str(text).map_err(|fail: Fail| fail.located(self.at())),
            _ => Err(self.unwanted("text")),
        }
    }

    fn deserialize_option<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fail> {
        if let Some(stand_in) = self.stand_in() {
            return stand_in.deserialize_option(visitor);
        }
        if self.node.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'a>>(self, _: &'static str, visitor: V) -> Result<V::Value, Fail> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fail> {
        if let Some(stand_in) = self.stand_in() {
            return stand_in.deserialize_seq(visitor);
        }
        match &self.node.value {
            Value::List(items) => self.visit_items(items, visitor),
            _ => Err(self.unwanted("a list, such as `[a, b]` or lines that begin with `- `")),
        }
    }

    fn deserialize_map<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fail> {
        if let Some(stand_in) = self.stand_in() {
            return stand_in.deserialize_map(visitor);
        }
        match &self.node.value {
            Value::Map(entries) => self.visit_entries(entries, visitor),
            _ => Err(self.unwanted("a map, such as `{name: value}`")),
        }
    }

    fn deserialize_struct<V: Visitor<'a>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fail> {
        if let Some(stand_in) = self.stand_in() {
            return stand_in.deserialize_struct("", fields, visitor);
        }
        match &self.node.value {
            Value::Map(entries) => self.visit_fields(entries, Some(fields), visitor),
            _ => Err(self.unwanted(&map_of(fields))),
        }
    }

    fn deserialize_enum<V: Visitor<'a>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fail> {
        if let Some(stand_in) = self.stand_in() {
            return stand_in.deserialize_enum("", variants, visitor);
        }
        let (name, at, content) = match &self.node.value {
            Value::Plain(text) | Value::Quoted(text) => (text.as_str(), self.at(), None),
            Value::Map(entries) => {
                let mut live =
                    entries.iter().filter(|(name, entry)| !entry.node.is_gone() || variants.contains(&name.as_str()));
                match (live.next(), live.next()) {
                    (Some((name, entry)), None) => (name.as_str(), entry.key, Some(entry)),
                    (None, None) if !entries.is_empty() => return Err(Fail::silent()),
                    _ => return Err(not_one(entries.keys().map(String::as_str), variants).located(self.label)),
                }
            }
            _ => return Err(self.unwanted(&one_of(variants))),
        };
        if !variants.contains(&name) {
            return Err(Fail::unknown_variant(name, variants).located(at));
        }
        visitor.visit_enum(EnumReader { reader: self, name, at, content })
    }

    fn deserialize_identifier<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fail> {
        self.deserialize_string(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fail> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        <W: Visitor<'a>>
        i128 u128 char bytes byte_buf unit unit_struct tuple tuple_struct
    }
}

fn map_of(fields: &[&str]) -> String {
    let shown: Vec<&str> = fields.iter().take(6).copied().collect();
    format!("a map with fields such as `{}`", shown.join("`, `"))
}

fn one_of(variants: &[&str]) -> String {
    format!("one of `{}`", variants.join("`, `"))
}
