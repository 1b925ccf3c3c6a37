//! Which query parameters a type is deserialized from.

use std::{
    any::type_name,
    fmt::{self, Display},
};

use actix_web::HttpRequest;
use serde::{
    de::{
        self, DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer as _, MapAccess, Visitor,
        value::StrDeserializer,
    },
    forward_to_deserialize_any,
};

use super::{builder::KeyBuilder, cache_key::List};
/// The query parameters that a type is deserialized from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum QueryFields {
    /// Those of a struct, with their aliases. It ignores all others.
    Named(&'static [&'static str]),
    /// Any, as for a map, or a struct that rejects unknown fields.
    Any,
}

/// Adds the parameters that a `T` is deserialized from, but that `query` or `ignore_query` leave out of the key.
///
/// A handler with `query = ["page"]` usually takes a struct with the field `page`, to which nothing is added. If it takes a map, a
/// client could otherwise choose what other clients see, with a parameter that is not in the key.
pub(super) fn push_unselected_parameters<T: DeserializeOwned>(key: &mut KeyBuilder<'_>) {
    let rule = key.query_rule();
    // A query that is too long for the key is not parsed.
    if rule.selects_all() || key.parts.key().is_none() {
        return;
    }
    match query_fields::<T>() {
        QueryFields::Any => key.query(),
        QueryFields::Named(fields) if fields.iter().all(|field| rule.selects(field)) => {}
        QueryFields::Named(fields) => {
            key.parts.set_more_of_query();
            let query = key.request().query_string();
            let parameters = form_urlencoded::parse(query.as_bytes())
                .filter(|(name, _)| fields.contains(&&**name) && !rule.selects(name));
            for (name, value) in parameters {
                key.parts.push_list(List::Values, [name.as_bytes(), value.as_bytes()]);
            }
        }
    }
}

/// Adds the query as it was sent if a `T`, which the author has classified, is or contains an `HttpRequest`: what the author says
/// about it does not cover the parameters that the options leave out.
pub(crate) fn push_query_read_by<T: ?Sized>(key: &mut KeyBuilder<'_>) {
    // The name contains those of the type's parts, such as the one of `Option<HttpRequest>`.
    if !key.query_rule().selects_all() && type_name::<T>().contains(type_name::<HttpRequest>()) {
        key.query();
        key.end_input();
    }
}

fn query_fields<T: DeserializeOwned>() -> QueryFields {
    let mut fields = QueryFields::Any;
    // It fails in any case. What counts is what it asks for.
    let _ = T::deserialize(Probe(&mut fields));
    fields
}

/// Records which fields a type asks for. A struct is offered a field that it does not have, and then an error.
struct Probe<'p>(&'p mut QueryFields);

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = ProbeError;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ProbeError> {
        let mut offer = UnknownField { is_offered: false, is_ignored: false };
        let result = visitor.visit_map(&mut offer);
        if offer.is_ignored {
            *self.0 = QueryFields::Named(fields);
        }
        result
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ProbeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, ProbeError> {
        Err(ProbeError)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// A map with one field that no struct has.
struct UnknownField {
    is_offered: bool,
    is_ignored: bool,
}

impl<'de> MapAccess<'de> for &mut UnknownField {
    type Error = ProbeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, ProbeError> {
        if std::mem::replace(&mut self.is_offered, true) {
            return Err(ProbeError);
        }
        let name: StrDeserializer<'_, ProbeError> = "\0".into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ProbeError> {
        seed.deserialize(IgnoredValue(&mut self.is_ignored))
    }
}

/// A value that can only be ignored.
struct IgnoredValue<'v>(&'v mut bool);

impl<'de> Deserializer<'de> for IgnoredValue<'_> {
    type Error = ProbeError;

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ProbeError> {
        *self.0 = true;
        visitor.visit_unit()
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, ProbeError> {
        Err(ProbeError)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier
    }
}

/// The end of a probe.
#[derive(Debug)]
struct ProbeError;

impl Display for ProbeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the fields are known")
    }
}

impl std::error::Error for ProbeError {}

impl de::Error for ProbeError {
    fn custom<T: Display>(_: T) -> Self {
        Self
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    #[allow(dead_code)]
    struct Search {
        #[serde(alias = "q")]
        text: String,
        #[serde(default, rename = "page")]
        number: Option<u32>,
        #[serde(skip)]
        hidden: u8,
    }

    #[derive(Deserialize)]
    #[allow(dead_code)]
    struct Wrapper(Search);

    #[derive(Deserialize)]
    #[serde(transparent)]
    #[allow(dead_code)]
    struct Transparent {
        search: Search,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Strict {
        page: u32,
    }

    #[derive(Deserialize)]
    #[allow(dead_code)]
    struct Flat {
        page: u32,
        #[serde(flatten)]
        others: HashMap<String, String>,
    }

    #[derive(Deserialize)]
    #[serde(untagged)]
    #[allow(dead_code)]
    enum Untagged {
        Search(Search),
    }

    #[derive(Deserialize)]
    struct Nothing {}

    #[test]
    fn struct_is_deserialized_from_its_fields_and_aliases() {
        let search = QueryFields::Named(&["q", "text", "page"]);
        assert_eq!(query_fields::<Search>(), search);
        assert_eq!(query_fields::<Wrapper>(), search);
        assert_eq!(query_fields::<Transparent>(), search);
        assert_eq!(query_fields::<Nothing>(), QueryFields::Named(&[]));
    }

    #[test]
    fn other_types_are_deserialized_from_any_parameter() {
        assert_eq!(query_fields::<HashMap<String, String>>(), QueryFields::Any);
        assert_eq!(query_fields::<Vec<(String, String)>>(), QueryFields::Any);
        assert_eq!(query_fields::<Flat>(), QueryFields::Any);
        assert_eq!(query_fields::<Strict>(), QueryFields::Any);
        assert_eq!(query_fields::<Untagged>(), QueryFields::Any);
        assert_eq!(query_fields::<Option<Search>>(), QueryFields::Any);
        assert_eq!(query_fields::<de::IgnoredAny>(), QueryFields::Any);
    }
}
