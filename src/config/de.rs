//! From the merged tree to typed settings. Each failure keeps its key and its place.

use std::fmt;

use serde::{
    Deserialize,
    de::{
        self, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess,
        Unexpected, VariantAccess, Visitor,
        value::{StrDeserializer, StringDeserializer},
    },
};

use super::tree::{Entry, Node, Place, Value};

/// A failure on its way up: the path grows at its front.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) path: Vec<String>,
    pub(super) place: Option<Place>,
    pub(super) cause: Cause,
}

#[derive(Debug, Clone)]
pub(super) enum Cause {
    /// The last of the path is a key nobody reads; these are read there.
    UnknownKey(&'static [&'static str]),
    /// The last of the path is a key that must be there.
    MissingKey,
    /// The value is not one; what would be right.
    NotRight(String),
}

impl Failure {
    fn new(cause: Cause) -> Self {
        Self { path: Vec::new(), place: None, cause }
    }

    fn at(mut self, place: &Place) -> Self {
        self.place.get_or_insert_with(|| place.clone());
        self
    }

    fn under(mut self, key: impl Into<String>) -> Self {
        self.path.insert(0, key.into());
        self
    }

    /// `a.b[2].c`
    pub(super) fn key(&self) -> String {
        let mut key = String::new();
        for part in &self.path {
            if !key.is_empty() && !part.starts_with('[') {
                key.push('.');
            }
            key.push_str(part);
        }
        key
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}", self.key(), self.cause)
    }
}

impl std::error::Error for Failure {}

impl de::Error for Failure {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(Cause::NotRight(time_in_words(message.to_string())))
    }

    fn invalid_type(_: Unexpected, expected: &dyn de::Expected) -> Self {
        Self::new(Cause::NotRight(format!("must be {}", in_words(&expected.to_string()))))
    }

    fn invalid_value(_: Unexpected, expected: &dyn de::Expected) -> Self {
        Self::new(Cause::NotRight(format!("must be {}", in_words(&expected.to_string()))))
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        let quoted: Vec<String> = expected.iter().map(|name| format!("\"{name}\"")).collect();
        Self::new(Cause::NotRight(format!("must be {}", quoted.join(" or "))))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::new(Cause::UnknownKey(expected)).under(field)
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(Cause::MissingKey).under(field)
    }
}

/// What serde calls a type, as a person calls it.
fn in_words(expected: &str) -> String {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number at or above 0".to_owned(),
        "i8" | "i16" | "i32" | "i64" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a sequence" => "an array".to_owned(),
        text if text.starts_with("a Decimal type") => "a number, such as 45 or \"0.5\"".to_owned(),
        text if text.starts_with("struct ") || text == "a map" => "a table".to_owned(),
        text => text.to_owned(),
    }
}

/// What chrono says of a text that is no time or date, with what would be right.
fn time_in_words(message: String) -> String {
    match message.as_str() {
        "input is out of range"
        | "no possible date and time matching input"
        | "input is not enough for unique date and time"
        | "input contains invalid characters"
        | "premature end of input"
        | "trailing input" => {
            "must be a time such as \"10:30:00\", or a date such as \"2027-01-06\"".to_owned()
        }
        _ => message,
    }
}

/// Reads a tree as `T`.
pub(super) fn read<'de, T: Deserialize<'de>>(node: &'de Node) -> Result<T, Failure> {
    T::deserialize(node)
}

impl<'de> Deserializer<'de> for &'de Node {
    type Error = Failure;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        let read = match &self.value {
            Value::Text(text) => visitor.visit_borrowed_str(text),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Float(value) if value.is_finite() => visitor.visit_f64(*value),
            Value::Float(_) => Err(de::Error::custom("must be a number that is finite")),
            Value::Integer(value) => match (u64::try_from(*value), i64::try_from(*value)) {
                (Ok(value), _) => visitor.visit_u64(value),
                (_, Ok(value)) => visitor.visit_i64(value),
                _ => visitor.visit_i128(*value),
            },
            Value::Array(items) => visitor.visit_seq(Items { items: items.iter(), index: 0 }),
            Value::Table(table) => {
                visitor.visit_map(Entries { entries: table.iter(), value: None })
            }
        };
        read.map_err(|failure| failure.at(&self.place))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        let read = match &self.value {
            Value::Text(text) => {
                let text: StrDeserializer<'_, Failure> = text.as_str().into_deserializer();
                text.deserialize_enum(name, variants, visitor)
            }
            Value::Table(table) if table.len() == 1 => {
                let (name, entry) = table.iter().next().expect("the table has one entry");
                visitor.visit_enum(Variant { name, entry })
            }
            _ => Err(de::Error::unknown_variant("", variants)),
        };
        read.map_err(|failure| failure.at(&self.place))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

struct Items<'de> {
    items: std::slice::Iter<'de, Node>,
    index: usize,
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Failure;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Failure> {
        let Some(item) = self.items.next() else { return Ok(None) };
        let index = self.index;
        self.index += 1;
        seed.deserialize(item).map(Some).map_err(|failure| failure.under(format!("[{index}]")))
    }
}

struct Entries<'de> {
    entries: std::collections::btree_map::Iter<'de, String, Entry>,
    value: Option<(&'de String, &'de Entry)>,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Failure;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Failure> {
        self.value = self.entries.next();
        let Some((name, entry)) = self.value else { return Ok(None) };
        let key: StringDeserializer<Failure> = name.clone().into_deserializer();
        seed.deserialize(key).map(Some).map_err(|failure| {
            let failure = failure.at(&entry.key);
            if failure.path.is_empty() { failure.under(name) } else { failure }
        })
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Failure> {
        let (name, entry) = self.value.take().expect("serde asks for a key before its value");
        seed.deserialize(&entry.node).map_err(|failure| failure.under(name))
    }
}

/// An enum written as a table of one key.
struct Variant<'de> {
    name: &'de str,
    entry: &'de Entry,
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = Failure;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Failure> {
        let name: StrDeserializer<'_, Failure> = self.name.into_deserializer();
        let variant = seed.deserialize(name).map_err(|failure| failure.at(&self.entry.key))?;
        Ok((variant, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'de> {
    type Error = Failure;

    fn unit_variant(self) -> Result<(), Failure> {
        Err(Failure::new(Cause::NotRight(format!("must be \"{}\" alone", self.name))))
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Failure> {
        seed.deserialize(&self.entry.node).map_err(|failure| failure.under(self.name))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Failure> {
        self.entry.node.deserialize_any(visitor).map_err(|failure| failure.under(self.name))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.entry.node.deserialize_any(visitor).map_err(|failure| failure.under(self.name))
    }
}
