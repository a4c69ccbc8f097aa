//! Reads values from JSON with little code for each type.
//!
//! serde's derive writes for each type, and for each kind of reader, whatever that reader may call. Here is one kind, which
//! finds fields and variants by their number, in code that all types share, and never takes a list for a struct.
//!
//! Where a type is tagged or flat on the wire, serde would keep whole parts in a form of its own and read them again. In the
//! page's build such types have no `tag` and no `flatten`, but names that begin with `@`: an enum `@state` finds its
//! variant's name in the member `state` of the same object, and a field `@` is made of the members around it.

use std::fmt::Display;

use serde::{
    de::{
        DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error, Expected, IntoDeserializer, MapAccess,
        SeqAccess, Unexpected, VariantAccess, Visitor,
    },
    forward_to_deserialize_any,
};

/// Begins the name of an enum whose variant is named by a member of its object.
const TAG: &str = "@";

/// The name of a field that is made of the members of the object around it.
const REST: &str = "@";

/// Why JSON is not a value, in a sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Mismatch(String);

impl Error for Mismatch {
    fn custom<T: Display>(message: T) -> Self {
        Self(message.to_string())
    }

    // What serde says by itself brings along how every kind of number is written.
    fn invalid_type(_: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        Self(format!("this is not {wanted}"))
    }

    fn invalid_value(_: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        Self(format!("this is not {wanted}"))
    }
}

/// A part of JSON.
#[derive(Debug)]
pub(super) enum Json {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

/// Reads a value from JSON.
pub(super) fn read<T: DeserializeOwned>(json: &Json) -> Result<T, Mismatch> {
    T::deserialize(Lean(json))
}

impl Json {
    fn member(&self, name: &str) -> Option<&Self> {
        let Self::Object(members) = self else { return None };
        members.iter().find(|(member, _)| member == name).map(|(_, value)| value)
    }

    fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "true or false",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        }
    }

    fn refuse<T>(&self, wanted: &str) -> Result<T, Mismatch> {
        Err(Mismatch(format!("{} is not {wanted}", self.kind())))
    }
}

/// A reader of a part of JSON.
#[derive(Clone, Copy)]
struct Lean<'a>(&'a Json);

impl<'a> Lean<'a> {
    fn text(self) -> Result<&'a str, Mismatch> {
        self.0.as_text().map_or_else(|| self.0.refuse("a text"), Ok)
    }

    fn number(self) -> Result<f64, Mismatch> {
        if let Json::Number(number) = self.0 { Ok(*number) } else { self.0.refuse("a number") }
    }

    fn integer(self) -> Result<i64, Mismatch> {
        // As far as all of them are known exactly.
        match self.number()? {
            number if number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_991.0 => Ok(number as i64),
            _ => self.0.refuse("a whole number"),
        }
    }

    fn count(self) -> Result<u64, Mismatch> {
        u64::try_from(self.integer()?).or_else(|_| self.0.refuse("a whole number from 0"))
    }

    fn list(self) -> Result<&'a [Json], Mismatch> {
        if let Json::List(items) = self.0 { Ok(items) } else { self.0.refuse("a list") }
    }

    fn members(self) -> Result<&'a [(String, Json)], Mismatch> {
        if let Json::Object(members) = self.0 { Ok(members) } else { self.0.refuse("an object") }
    }

    /// The number of the variant that the value names, and what is in it.
    fn variant(self, kind: &str, variants: &[&str]) -> Result<(usize, Self), Mismatch> {
        let (name, inside) = match (kind.strip_prefix(TAG), self.0) {
            (Some(tag), _) => (self.0.member(tag).and_then(Json::as_text), self),
            (None, Json::Text(name)) => (Some(name.as_str()), self),
            (None, Json::Object(members)) => match members.as_slice() {
                [(name, inside)] => (Some(name.as_str()), Self(inside)),
                _ => (None, self),
            },
            _ => (None, self),
        };
        match variants.iter().position(|variant| Some(*variant) == name) {
            Some(number) => Ok((number, inside)),
            None => Err(Mismatch(format!("{:?} is not one of {}", name.unwrap_or_default(), variants.join(", ")))),
        }
    }
}

/// The members of an object that are fields of a struct, each under the number of its field.
struct Fields<'a> {
    object: Lean<'a>,
    names: std::iter::Enumerate<std::slice::Iter<'static, &'static str>>,
    value: Lean<'a>,
}

impl<'a> Fields<'a> {
    fn next(&mut self) -> Option<usize> {
        let object = self.object;
        self.names.find_map(|(number, name)| {
            self.value = if *name == REST { object } else { Lean(object.0.member(name)?) };
            Some(number)
        })
    }
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = Mismatch;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Mismatch> {
        self.next().map(|number| seed.deserialize((number as u64).into_deserializer())).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Mismatch> {
        seed.deserialize(self.value)
    }
}

/// Reads a list.
struct Items<'a>(std::slice::Iter<'a, Json>);

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Mismatch;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Mismatch> {
        self.0.next().map(|item| seed.deserialize(Lean(item))).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

/// Reads a map.
struct Entries<'a> {
    entries: std::slice::Iter<'a, (String, Json)>,
    value: Lean<'a>,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Mismatch;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Mismatch> {
        let Some((key, value)) = self.entries.next() else { return Ok(None) };
        self.value = Lean(value);
        seed.deserialize(key.as_str().into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Mismatch> {
        seed.deserialize(self.value)
    }
}

/// Reads an enum.
struct Variant<'a>(usize, Lean<'a>);

impl<'de, 'a> EnumAccess<'de> for Variant<'a> {
    type Error = Mismatch;
    type Variant = Lean<'a>;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Lean<'a>), Mismatch> {
        Ok((seed.deserialize((self.0 as u64).into_deserializer())?, self.1))
    }
}

impl<'de> VariantAccess<'de> for Lean<'_> {
    type Error = Mismatch;

    fn unit_variant(self) -> Result<(), Mismatch> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Mismatch> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Mismatch> {
        self.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        self.deserialize_struct("", fields, visitor)
    }
}

macro_rules! counts {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
            visitor.visit_u64(self.count()?)
        })*
    };
}

macro_rules! integers {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
            visitor.visit_i64(self.integer()?)
        })*
    };
}

impl<'de> Deserializer<'de> for Lean<'_> {
    type Error = Mismatch;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.0 {
            Json::Null => visitor.visit_unit(),
            Json::Bool(value) => visitor.visit_bool(*value),
            Json::Number(number) => match (self.count(), self.integer()) {
                (Ok(count), _) => visitor.visit_u64(count),
                (_, Ok(integer)) => visitor.visit_i64(integer),
                _ => visitor.visit_f64(*number),
            },
            Json::Text(text) => visitor.visit_str(text),
            Json::List(_) => self.deserialize_seq(visitor),
            Json::Object(_) => self.deserialize_map(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        if let Json::Bool(value) = self.0 { visitor.visit_bool(*value) } else { self.0.refuse("true or false") }
    }

    counts! { deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 }

    integers! { deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_f64(self.number()?)
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_f64(self.number()?)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_str(self.text()?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_str(self.text()?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        if let Json::Null = self.0 { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_seq(Items(self.list()?.iter()))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Mismatch> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_map(Entries { entries: self.members()?.iter(), value: self })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        self.members()?;
        visitor.visit_map(Fields { object: self, names: fields.iter().enumerate(), value: self })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        kind: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        let (number, inside) = self.variant(kind, variants)?;
        visitor.visit_enum(Variant(number, inside))
    }

    forward_to_deserialize_any! {
        i128 u128 char bytes byte_buf unit unit_struct tuple_struct identifier ignored_any
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde::{Deserialize, Serialize};

    use super::{Json, Mismatch, read};
    use crate::domain::frame::{History, SeriesKey};

    /// Everything that types on the wire are made of, as the server writes it.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Whole {
        count: u64,
        small: u32,
        smaller: u16,
        signed: i32,
        ratio: Option<f64>,
        is_on: bool,
        #[serde(default)]
        list: Vec<(String, Option<f64>)>,
        map: BTreeMap<String, f64>,
        inner: Box<Inner>,
        plain: Plain,
        result: Result<Vec<Plain>, String>,
    }

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Inner {
        history: History,
        key: SeriesKey,
        nothing: (),
    }

    #[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum Plain {
        OneWord,
        Another,
    }

    /// A tagged enum as the server has it.
    #[derive(Debug, Clone, PartialEq, Serialize)]
    #[serde(tag = "kind", rename_all = "kebab-case")]
    enum Written {
        UnitOnly,
        WithFields {
            name: String,
            #[serde(flatten)]
            rest: WrittenRest,
            tail: Option<u32>,
        },
        New(Box<WrittenRest>),
    }

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "rest")]
    enum WrittenRest {
        One { value: f64 },
        Two,
    }

    /// What serde keeps of its own before it knows what it reads.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "kind")]
    enum Tagged {
        Numbers {
            small: u16,
            signed: i32,
            ratio: f64,
            #[serde(flatten)]
            rest: WrittenRest,
        },
    }

    /// The same as the page has it.
    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(rename = "@kind", rename_all = "kebab-case")]
    enum Read {
        UnitOnly,
        WithFields {
            name: String,
            #[serde(rename = "@")]
            rest: ReadRest,
            tail: Option<u32>,
        },
        New(Box<ReadRest>),
    }

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(rename = "@rest")]
    enum ReadRest {
        One { value: f64 },
        Two,
    }

    /// As the browser would read it.
    fn parse(value: serde_json::Value) -> Json {
        match value {
            serde_json::Value::Null => Json::Null,
            serde_json::Value::Bool(value) => Json::Bool(value),
            serde_json::Value::Number(number) => Json::Number(number.as_f64().unwrap()),
            serde_json::Value::String(text) => Json::Text(text),
            serde_json::Value::Array(items) => Json::List(items.into_iter().map(parse).collect()),
            serde_json::Value::Object(members) => {
                Json::Object(members.into_iter().map(|(name, value)| (name, parse(value))).collect())
            }
        }
    }

    fn decode<T: serde::de::DeserializeOwned>(json: &str) -> Result<T, Mismatch> {
        read(&parse(serde_json::from_str(json).unwrap()))
    }

    fn plain() -> impl Strategy<Value = Plain> {
        prop_oneof![Just(Plain::OneWord), Just(Plain::Another)]
    }

    fn whole() -> impl Strategy<Value = Whole> {
        // Some that need no rounding: serde_json's own reading is a last digit off now and then.
        let number = || any::<i32>().prop_map(|number| f64::from(number) / 64.0);
        let list = proptest::collection::vec((any::<String>(), proptest::option::of(number())), 0..4);
        let map = proptest::collection::btree_map(any::<String>(), number(), 0..4);
        let result = proptest::result::maybe_ok(proptest::collection::vec(plain(), 0..3), any::<String>());
        // As many as a script can count exactly.
        let numbers =
            (0..1_u64 << 53, any::<u32>(), any::<u16>(), any::<i32>(), proptest::option::of(number()), any::<bool>());
        let rows = proptest::collection::vec(proptest::option::of(number()), 0..4);
        (numbers, list, map, result, plain(), rows).prop_map(|(numbers, list, map, result, plain, rows)| {
            let key: SeriesKey = "rps{service=a}".to_owned().try_into().unwrap();
            let series = BTreeMap::from([(key.clone(), rows)]);
            let history = History { at_ms: vec![numbers.0], series, ..History::default() };
            let inner = Box::new(Inner { history, key, nothing: () });
            let (count, small, smaller, signed, ratio, is_on) = numbers;
            Whole { count, small, smaller, signed, ratio, is_on, list, map, inner, plain, result }
        })
    }

    proptest! {
        #[test]
        fn reads_what_serde_json_writes(value in whole()) {
            let json = serde_json::to_string(&value).unwrap();
            prop_assert_eq!(decode::<Whole>(&json), Ok(value));
        }

        #[test]
        fn reads_tags_and_flat_parts(name in any::<String>(), number in any::<i32>(), tail in any::<Option<u32>>()) {
            let value = f64::from(number) / 64.0;
            for (written, read) in [
                (Written::UnitOnly, Read::UnitOnly),
                (
                    Written::WithFields { name: name.clone(), rest: WrittenRest::One { value }, tail },
                    Read::WithFields { name: name.clone(), rest: ReadRest::One { value }, tail },
                ),
                (
                    Written::WithFields { name: name.clone(), rest: WrittenRest::Two, tail },
                    Read::WithFields { name: name.clone(), rest: ReadRest::Two, tail },
                ),
                (Written::New(Box::new(WrittenRest::One { value })), Read::New(Box::new(ReadRest::One { value }))),
            ] {
                let json = serde_json::to_string(&written).unwrap();
                prop_assert_eq!(decode::<Read>(&json), Ok(read));
            }
        }
    }

    #[test]
    fn tags_that_are_left_to_serde_work_too() {
        for (small, signed, ratio) in [(0, -7, 0.5), (65_535, 7, -2.0)] {
            let value = Tagged::Numbers { small, signed, ratio, rest: WrittenRest::One { value: 3.0 } };
            assert_eq!(decode(&serde_json::to_string(&value).unwrap()), Ok(value));
        }
    }

    #[test]
    fn members_that_nobody_knows_are_skipped() {
        let json = r#"{"later":[1,{"kind":2}],"kind":"with-fields","name":"a","rest":"Two","more":null}"#;
        assert_eq!(decode(json), Ok(Read::WithFields { name: "a".into(), rest: ReadRest::Two, tail: None }));
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let told = |json: &str| decode::<Read>(json).map_err(|Mismatch(words)| words).unwrap_err();
        for (json, words) in [
            ("7", "\"\" is not one of unit-only, with-fields, new"),
            (r#"{"kind":"other"}"#, "\"other\" is not one of unit-only"),
            (r#"{"name":"a"}"#, "\"\" is not one of unit-only"),
            (r#"{"kind":"with-fields","rest":"Two"}"#, "missing field `name`"),
            (r#"{"kind":"with-fields","name":7,"rest":"Two"}"#, "a number is not a text"),
            (r#"{"kind":"with-fields","name":"a","rest":"Two","tail":-1}"#, "a number is not a whole number from 0"),
            (r#"{"kind":"with-fields","name":"a","rest":"Two","tail":4294967296}"#, "this is not u32"),
            (r#"{"kind":"new","rest":"One","value":"x"}"#, "a text is not a number"),
        ] {
            assert!(told(json).contains(words), "{json}: {}", told(json));
        }
        assert!(decode::<Vec<u32>>(r#"{"a":1}"#).unwrap_err().to_string().ends_with("is not a list"));
        assert!(decode::<BTreeMap<String, u32>>("[1]").unwrap_err().to_string().ends_with("is not an object"));
        assert!(decode::<bool>("null").unwrap_err().to_string().ends_with("is not true or false"));
    }
}
