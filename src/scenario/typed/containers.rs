//! Maps, lists and choices as serde's sources.

use super::reader::{Reader, Step};
use crate::scenario::fail::{Fail, Kind};
use crate::scenario::node::{Entry, Mark, Node, Seg};
use crate::scenario::words::shorten;
use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeSeed, Deserializer, IntoDeserializer, Visitor};
use std::cell::Cell;

impl<'a> Reader<'a, '_> {
    /// Reads what is one step further down.
    fn down<T>(
        self,
        step: Step<'a>,
        node: &'a Node,
        label: Mark,
        read: impl FnOnce(Self) -> Result<T, Fail>,
    ) -> Result<T, Fail> {
        self.shared.path.borrow_mut().push(step);
        let inside = Self { node, label, ..self };
        let result = read(inside);
        self.shared.path.borrow_mut().pop();
        result.map_err(|fail| fail.located(inside.at()).under(step.into()))
    }
}

impl From<Step<'_>> for Seg {
    fn from(step: Step<'_>) -> Self {
        match step {
            Step::Key(key) => Self::Key(key.to_owned()),
            Step::Index(index) => Self::Index(index),
        }
    }
}

pub(super) struct MapReader<'a, 's, 'c> {
    pub(super) reader: Reader<'a, 's>,
    pub(super) entries: std::vec::IntoIter<(&'a String, &'a Entry)>,
    pub(super) value: Option<(&'a String, &'a Entry)>,
    pub(super) left: &'c Cell<usize>,
}

impl<'a> de::MapAccess<'a> for MapReader<'a, '_, '_> {
    type Error = Fail;

    fn next_key_seed<K: DeserializeSeed<'a>>(&mut self, seed: K) -> Result<Option<K::Value>, Fail> {
        self.value = self.entries.next();
        let Some((key, entry)) = self.value else { return Ok(None) };
        self.left.set(self.left.get().saturating_sub(1));
        let key_reader: StrDeserializer<'_, Fail> = key.as_str().into_deserializer();
        seed.deserialize(key_reader).map(Some).map_err(|fail| {
            let fail = fail.located(entry.key).under(Seg::Key(key.clone()));
            Fail { kind: Kind::Key, ..fail }
        })
    }

    fn next_value_seed<S: DeserializeSeed<'a>>(&mut self, seed: S) -> Result<S::Value, Fail> {
        let Some((key, entry)) = self.value.take() else { return Err(Fail::silent()) };
        self.reader.down(Step::Key(key), &entry.node, entry.key, |reader| seed.deserialize(reader))
    }
}

pub(super) struct ListReader<'a, 's> {
    pub(super) reader: Reader<'a, 's>,
    pub(super) items: std::iter::Enumerate<std::slice::Iter<'a, Node>>,
}

impl<'a> de::SeqAccess<'a> for ListReader<'a, '_> {
    type Error = Fail;

    fn next_element_seed<S: DeserializeSeed<'a>>(&mut self, seed: S) -> Result<Option<S::Value>, Fail> {
        let Some((index, item)) = self.items.next() else { return Ok(None) };
        self.reader.down(Step::Index(index), item, item.at, |reader| seed.deserialize(reader)).map(Some)
    }
}

/// One of several things, written as a word or as a map with one key.
pub(super) struct EnumReader<'a, 's> {
    pub(super) reader: Reader<'a, 's>,
    pub(super) name: &'a str,
    pub(super) at: Mark,
    pub(super) content: Option<&'a Entry>,
}

impl<'a> EnumReader<'a, '_> {
    /// Reads what stands under the key.
    fn content<T>(self, read: impl FnOnce(Reader<'a, '_>) -> Result<T, Fail>) -> Result<T, Fail> {
        match self.content {
            Some(entry) => self.reader.down(Step::Key(self.name), &entry.node, entry.key, read),
            None => {
                let rule = format!("`{}` needs a value here", shorten(self.name));
                Err(Fail::new(rule, format!("write `{}: …`", shorten(self.name))).located(self.at))
            }
        }
    }
}

impl<'a> de::EnumAccess<'a> for EnumReader<'a, '_> {
    type Error = Fail;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'a>>(self, seed: S) -> Result<(S::Value, Self), Fail> {
        let name: StrDeserializer<'_, Fail> = self.name.into_deserializer();
        let value = seed.deserialize(name).map_err(|fail| fail.located(self.at))?;
        Ok((value, self))
    }
}

impl<'a> de::VariantAccess<'a> for EnumReader<'a, '_> {
    type Error = Fail;

    fn unit_variant(self) -> Result<(), Fail> {
        match self.content {
            Some(entry) if !entry.node.is_null() && !entry.node.is_gone() => {
                let rule = format!("`{}` takes no value", shorten(self.name));
                Err(Fail::new(rule, format!("write only `{}`", shorten(self.name))).located(entry.key))
            }
            _ => Ok(()),
        }
    }

    fn newtype_variant_seed<S: DeserializeSeed<'a>>(self, seed: S) -> Result<S::Value, Fail> {
        self.content(|reader| seed.deserialize(reader))
    }

    fn tuple_variant<V: Visitor<'a>>(self, _: usize, visitor: V) -> Result<V::Value, Fail> {
        self.content(|reader| reader.deserialize_seq(visitor))
    }

    fn struct_variant<V: Visitor<'a>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Fail> {
        self.content(|reader| reader.deserialize_struct("", fields, visitor))
    }
}
