//! A located tree to any type that serde can read, with every problem in it and not only the first.
//!
//! Unknown fields are noted and skipped. Any other error is noted, the node that it is about is forgotten, and the rest is
//! read again, until nothing is wrong or nothing is left. What is missing because it was forgotten is not reported again.

use super::fail::{Fail, Kind, not_one};
use super::issue::Issues;
use super::node::{Entry, Mark, Node, Seg, Value, is_null};
use super::words::shorten;
use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeOwned, DeserializeSeed, Deserializer, Error, IntoDeserializer, Visitor};
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

/// Rounds of "forget and read again" for one component.
const ROUNDS: usize = 300;

/// What came of reading a node.
pub(super) struct Read<T> {
    /// The value, without what was wrong in it; `None` where nothing is left.
    pub(super) value: Option<T>,
    /// Something was forgotten, so the value is not what the user meant.
    pub(super) damaged: bool,
}

/// Reads a node as a type. `label` is where a problem with the node as a whole is shown.
pub(super) fn read<T: DeserializeOwned>(node: &Node, label: Mark, issues: &mut Issues) -> Read<T> {
    let mut tree = Cow::Borrowed(node);
    let mut damaged = false;
    for _ in 0..ROUNDS {
        let unknown = RefCell::new(BTreeMap::new());
        let result = T::deserialize(Reader { node: &tree, label, unknown: &unknown });
        for (at, fail) in unknown.into_inner() {
            issues.at(at, fail.rule, fail.remedy);
        }
        let fail = match result {
            Ok(value) => return Read { value: Some(value), damaged },
            Err(fail) => fail,
        };
        damaged = true;
        if fail.kind != Kind::Silent {
            issues.at(fail.at.unwrap_or(label), fail.rule, fail.remedy);
        }
        if fail.path.is_empty() || issues.full() {
            break;
        }
        let path: Vec<Seg> = fail.path.into_iter().rev().collect();
        tree.to_mut().forget(&path);
    }
    Read { value: None, damaged: true }
}

type Unknown = RefCell<BTreeMap<Mark, Fail>>;

#[derive(Clone, Copy)]
struct Reader<'a> {
    node: &'a Node,
    label: Mark,
    unknown: &'a Unknown,
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

impl<'a> Reader<'a> {
    /// Where the node is shown: a scalar itself, a list or map by its key.
    fn at(&self) -> Mark {
        match self.node.value {
            Value::Plain(_) | Value::Quoted(_) if self.node.at.end > self.node.at.start => self.node.at,
            _ => self.label,
        }
    }

    fn inside(&self, node: &'a Node, label: Mark) -> Self {
        Reader { node, label, ..*self }
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
            Kind::Missing(field) if fail.path.is_empty() && entries.contains_key(field) => Fail::silent(),
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
        if entry.node.is_gone() {
            return false;
        }
        match known {
            Some(fields) if !fields.contains(&key) => {
                self.unknown.borrow_mut().insert(entry.key, Fail::unknown_field(key, fields));
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
            let number = self.whole(<$type>::MIN.into(), <$type>::MAX.into())?;
            let number = <$type>::try_from(number).map_err(|_| self.unwanted("a whole number"))?;
            visitor.$visit(number).map_err(|fail: Fail| fail.located(self.at()))
        })*
    };
}

impl<'a> Deserializer<'a> for Reader<'a> {
    type Error = Fail;

    fn deserialize_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fail> {
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
        visitor.visit_f64(self.real()?).map_err(|fail: Fail| fail.located(self.at()))
    }

    fn deserialize_bool<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fail> {
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
        match &self.node.value {
            Value::Plain(text) if !is_null(text) => {
                visitor.visit_str(text).map_err(|fail: Fail| fail.located(self.at()))
            }
            Value::Quoted(text) => visitor.visit_str(text).map_err(|fail: Fail| fail.located(self.at())),
            _ => Err(self.unwanted("text")),
        }
    }

    fn deserialize_option<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fail> {
        if self.node.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'a>>(self, _: &'static str, visitor: V) -> Result<V::Value, Fail> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fail> {
        match &self.node.value {
            Value::List(items) => self.visit_items(items, visitor),
            _ => Err(self.unwanted("a list, such as `[a, b]` or lines that begin with `- `")),
        }
    }

    fn deserialize_map<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fail> {
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
        let (name, at, content) = match &self.node.value {
            Value::Plain(text) | Value::Quoted(text) => (text.as_str(), self.at(), None),
            Value::Map(entries) => {
                let mut live = entries.iter().filter(|(_, entry)| !entry.node.is_gone());
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

struct MapReader<'a, 'c> {
    reader: Reader<'a>,
    entries: std::vec::IntoIter<(&'a String, &'a Entry)>,
    value: Option<(&'a String, &'a Entry)>,
    left: &'c Cell<usize>,
}

impl<'a> de::MapAccess<'a> for MapReader<'a, '_> {
    type Error = Fail;

    fn next_key_seed<K: DeserializeSeed<'a>>(&mut self, seed: K) -> Result<Option<K::Value>, Fail> {
        self.value = self.entries.next();
        let Some((key, entry)) = self.value else { return Ok(None) };
        self.left.set(self.left.get().saturating_sub(1));
        let key_reader: StrDeserializer<'_, Fail> = key.as_str().into_deserializer();
        // A wrong key is a fault of its entry, so forgetting the entry is enough to go on.
        seed.deserialize(key_reader).map(Some).map_err(|fail| fail.located(entry.key).under(Seg::Key(key.clone())))
    }

    fn next_value_seed<S: DeserializeSeed<'a>>(&mut self, seed: S) -> Result<S::Value, Fail> {
        let Some((key, entry)) = self.value.take() else { return Err(Fail::silent()) };
        let reader = self.reader.inside(&entry.node, entry.key);
        seed.deserialize(reader).map_err(|fail| fail.located(reader.at()).under(Seg::Key(key.clone())))
    }
}

struct ListReader<'a> {
    reader: Reader<'a>,
    items: std::iter::Enumerate<std::slice::Iter<'a, Node>>,
}

impl<'a> de::SeqAccess<'a> for ListReader<'a> {
    type Error = Fail;

    fn next_element_seed<S: DeserializeSeed<'a>>(&mut self, seed: S) -> Result<Option<S::Value>, Fail> {
        let Some((index, item)) = self.items.find(|(_, item)| !item.is_gone()) else { return Ok(None) };
        let reader = self.reader.inside(item, item.at);
        seed.deserialize(reader).map(Some).map_err(|fail| fail.located(reader.at()).under(Seg::Index(index)))
    }
}

struct EnumReader<'a> {
    reader: Reader<'a>,
    name: &'a str,
    at: Mark,
    content: Option<&'a Entry>,
}

impl<'a> EnumReader<'a> {
    fn content(&self) -> Result<Reader<'a>, Fail> {
        match self.content {
            Some(entry) => Ok(self.reader.inside(&entry.node, entry.key)),
            None => {
                let rule = format!("`{}` needs a value here", shorten(self.name));
                Err(Fail::new(rule, format!("write `{}: …`", shorten(self.name))).located(self.at))
            }
        }
    }

    fn seg(&self) -> Option<Seg> {
        self.content.map(|_| Seg::Key(self.name.to_owned()))
    }
}

impl<'a> de::EnumAccess<'a> for EnumReader<'a> {
    type Error = Fail;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'a>>(self, seed: S) -> Result<(S::Value, Self), Fail> {
        let name: StrDeserializer<'_, Fail> = self.name.into_deserializer();
        let value = seed.deserialize(name).map_err(|fail| fail.located(self.at))?;
        Ok((value, self))
    }
}

impl<'a> de::VariantAccess<'a> for EnumReader<'a> {
    type Error = Fail;

    fn unit_variant(self) -> Result<(), Fail> {
        match self.content {
            Some(entry) if !entry.node.is_null() => {
                let rule = format!("`{}` takes no value", shorten(self.name));
                Err(Fail::new(rule, format!("write only `{}`", shorten(self.name))).located(entry.key))
            }
            _ => Ok(()),
        }
    }

    fn newtype_variant_seed<S: DeserializeSeed<'a>>(self, seed: S) -> Result<S::Value, Fail> {
        let reader = self.content()?;
        seed.deserialize(reader).map_err(|fail| deeper(fail.located(reader.at()), self.seg()))
    }

    fn tuple_variant<V: Visitor<'a>>(self, _: usize, visitor: V) -> Result<V::Value, Fail> {
        self.content()?.deserialize_seq(visitor).map_err(|fail| deeper(fail, self.seg()))
    }

    fn struct_variant<V: Visitor<'a>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Fail> {
        self.content()?.deserialize_struct("", fields, visitor).map_err(|fail| deeper(fail, self.seg()))
    }
}

fn deeper(fail: Fail, seg: Option<Seg>) -> Fail {
    match seg {
        Some(seg) => fail.under(seg),
        None => fail,
    }
}
