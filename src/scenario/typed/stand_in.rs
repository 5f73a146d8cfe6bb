//! What is put where something cannot be read, so that the rest can be looked at.
//!
//! A stand-in may cause problems of its own, and may keep others from showing. So there are several sets of them, of which
//! each takes other numbers and other choices: a problem that is found with all of them does not come of a stand-in.

use super::reader::Reader;
use crate::scenario::fail::Fail;
use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeSeed, Deserializer, Expected, IntoDeserializer, Visitor};

/// How many sets of stand-ins there are.
pub(in crate::scenario) const SETS: u8 = 8;

/// Deeper inside of one stand-in than this there is none: its type may hold itself.
const DEEPEST: u8 = 12;

/// One of the sets, as a source of any type.
#[derive(Clone, Copy)]
pub(super) struct StandIn {
    set: u8,
    depth: u8,
}

impl Reader<'_, '_> {
    /// What stands for this node, if it was forgotten.
    pub(super) fn stand_in(&self) -> Option<StandIn> {
        self.node.is_gone().then_some(StandIn { set: self.set, depth: 0 })
    }
}

impl StandIn {
    fn number(self) -> u16 {
        [1, 1000, 1000, 1, 7, 400, 50, 20][usize::from(self.set)]
    }

    /// The same kind of quantity with another number: `250ms` as `1000ms`.
    fn like(self, example: &str) -> String {
        let number = |c: char| c.is_ascii_digit() || c == '.';
        match example.trim_start_matches(number) {
            unit if unit == example => String::new(),
            "%" => format!("{}%", self.number().min(99)),
            unit => format!("{}{unit}", self.number()),
        }
    }

    /// One of several choices; over all sets each, as far as there are as many sets.
    fn choice<'c>(self, choices: &[&'c str]) -> Option<&'c str> {
        let (set, sets, last) = (usize::from(self.set), usize::from(SETS), choices.len().checked_sub(1)?);
        let at = if last < sets { set % choices.len() } else { set * last / (sets - 1) };
        Some(choices[at])
    }

    fn inside(self) -> Result<Self, Fail> {
        if self.depth >= DEEPEST { Err(Fail::silent()) } else { Ok(Self { depth: self.depth + 1, ..self }) }
    }
}

macro_rules! numbers {
    ($($method:ident, $visit:ident, $type:ty;)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fail> {
            visitor.$visit(<$type>::try_from(self.number()).unwrap_or(<$type>::MAX))
        })*
    };
}

impl<'de> Deserializer<'de> for StandIn {
    type Error = Fail;

    /// What is read so says in its own words what it wants: "a duration with its unit, such as `250ms`".
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fail> {
        let wanted = (&visitor as &dyn Expected).to_string();
        let example = wanted.split_once("such as `").and_then(|(_, rest)| rest.split_once('`'));
        match example {
            _ if wanted.starts_with("a whole number") => visitor.visit_u64(self.number().into()),
            Some((example, _)) => visitor.visit_str(&self.like(example)),
            None => visitor.visit_unit(),
        }
    }

    numbers! {
        deserialize_u8, visit_u8, u8;
        deserialize_u16, visit_u16, u16;
        deserialize_u32, visit_u32, u32;
        deserialize_u64, visit_u64, u64;
        deserialize_i8, visit_i8, i8;
        deserialize_i16, visit_i16, i16;
        deserialize_i32, visit_i32, i32;
        deserialize_i64, visit_i64, i64;
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fail> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fail> {
        visitor.visit_f64(self.number().into())
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fail> {
        visitor.visit_bool(self.set % 2 == 1)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fail> {
        self.deserialize_any(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fail> {
        visitor.visit_str("")
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fail> {
        if matches!(self.set, 1 | 2 | 4 | 7) { visitor.visit_some(self.inside()?) } else { visitor.visit_none() }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Fail> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fail> {
        let items = if matches!(self.set, 1 | 3 | 4 | 6) { Some(self.inside()?) } else { None };
        visitor.visit_seq(de::value::SeqDeserializer::new(items.into_iter()))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fail> {
        visitor.visit_map(Fields { names: [].iter(), stand_in: self })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fail> {
        visitor.visit_map(Fields { names: fields.iter(), stand_in: self.inside()? })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fail> {
        let name = self.choice(variants).ok_or_else(Fail::silent)?;
        visitor.visit_enum(Choice { name, stand_in: self.inside()? })
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fail> {
        self.deserialize_string(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fail> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        i128 u128 char bytes byte_buf unit unit_struct tuple tuple_struct
    }
}

impl<'de> IntoDeserializer<'de, Fail> for StandIn {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// All fields of a type, each with a stand-in.
struct Fields {
    names: std::slice::Iter<'static, &'static str>,
    stand_in: StandIn,
}

impl<'de> de::MapAccess<'de> for Fields {
    type Error = Fail;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fail> {
        let Some(name) = self.names.next() else { return Ok(None) };
        let name: StrDeserializer<'_, Fail> = name.into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Fail> {
        seed.deserialize(self.stand_in)
    }
}

/// One of several things, with a stand-in for what is inside.
struct Choice {
    name: &'static str,
    stand_in: StandIn,
}

impl<'de> de::EnumAccess<'de> for Choice {
    type Error = Fail;
    type Variant = StandIn;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, StandIn), Fail> {
        let name: StrDeserializer<'_, Fail> = self.name.into_deserializer();
        Ok((seed.deserialize(name)?, self.stand_in))
    }
}

impl<'de> de::VariantAccess<'de> for StandIn {
    type Error = Fail;

    fn unit_variant(self) -> Result<(), Fail> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Fail> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Fail> {
        self.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Fail> {
        self.deserialize_struct("", fields, visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::node::{FileId, Mark, Node, Value};
    use crate::scenario::spec::{Run, Scenario, Variant};
    use crate::scenario::typed::read_again;
    use serde::de::DeserializeOwned;
    use squall_models::spec;
    use std::collections::BTreeSet;

    fn in_every_set<T: DeserializeOwned + std::fmt::Debug>() -> Vec<T> {
        let at = Mark { file: FileId(0), start: 0, end: 0 };
        let gone = Node { at, value: Value::Gone };
        let read = |set| read_again::<T>(&gone, at, set);
        (0..SETS).map(|set| read(set).unwrap_or_else(|| panic!("{} {set}", std::any::type_name::<T>()))).collect()
    }

    #[test]
    fn whatever_a_file_holds_has_a_stand_in() {
        in_every_set::<spec::Keys>();
        in_every_set::<spec::Client>();
        in_every_set::<spec::Service>();
        in_every_set::<spec::Cache>();
        in_every_set::<spec::Split>();
        in_every_set::<spec::Fault>();
        in_every_set::<spec::Planned>();
        in_every_set::<spec::Monitoring>();
        in_every_set::<spec::Operator>();
        in_every_set::<spec::Rollout>();
        in_every_set::<Run>();
        in_every_set::<Variant>();
        in_every_set::<Scenario>();
    }

    #[test]
    fn over_all_sets_there_is_more_than_one_of_everything() {
        let several = |shown: Vec<String>| shown.into_iter().collect::<BTreeSet<_>>().len();
        let show = |of: &dyn std::fmt::Debug| format!("{of:?}");
        assert!(several(in_every_set::<u32>().iter().map(|of| show(of)).collect()) >= 6);
        assert_eq!(several(in_every_set::<bool>().iter().map(|of| show(of)).collect()), 2);
        assert_eq!(several(in_every_set::<spec::Order>().iter().map(|of| show(of)).collect()), 3);
        assert_eq!(
            several(in_every_set::<spec::Capacity>().iter().map(|of| format!("{of:?}")[..4].to_owned()).collect()),
            3
        );
        assert!(
            several(in_every_set::<spec::Fault>().iter().map(|of| format!("{of:?}")[..4].to_owned()).collect()) >= 7
        );
        assert!(in_every_set::<Option<u32>>().contains(&None) && in_every_set::<Option<u32>>().contains(&Some(1000)));
        assert!(in_every_set::<Vec<u32>>().iter().any(Vec::is_empty));
        assert!(!in_every_set::<Vec<u32>>().iter().all(Vec::is_empty));
    }
}
