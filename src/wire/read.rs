//! Pieces of definitions that serde alone reads too strictly, or copies.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Text, borrowed where it has no escapes. (Serde borrows a plain `Cow`, but not one inside `Option` or `Vec`.)
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

impl AsRef<str> for Text<'_> {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Text(Cow::Borrowed(text))
    }
}

impl From<String> for Text<'_> {
    fn from(text: String) -> Self {
        Text(Cow::Owned(text))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }

            fn visit_string<E: Error>(self, text: String) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text)))
            }
        }
        deserializer.deserialize_str(Read)
    }
}

/// A number that JSON may write with a point or an exponent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    Whole(i64),
    /// Whole, beyond what `i64` holds.
    Large(u64),
    Float(f64),
}

impl Number {
    /// The number without its fraction; saturates.
    pub(crate) fn whole(self) -> i64 {
        match self {
            Number::Whole(number) => number,
            Number::Large(_) => i64::MAX,
            Number::Float(number) => number as i64,
        }
    }

    /// The low 32 bits of the number.
    pub(crate) fn low_bits(self) -> u32 {
        match self {
            Number::Whole(number) => number as u32,
            Number::Large(number) => number as u32,
            Number::Float(number) => number as i64 as u32,
        }
    }

    /// The number as a float, rounded if need be.
    pub(crate) fn float(self) -> f64 {
        match self {
            Number::Whole(number) => number as f64,
            Number::Large(number) => number as f64,
            Number::Float(number) => number,
        }
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl Visitor<'_> for Read {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number")
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Number, E> {
                Ok(Number::Whole(number))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Number, E> {
                Ok(i64::try_from(number).map_or(Number::Large(number), Number::Whole))
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<Number, E> {
                Ok(Number::Float(number))
            }
        }
        deserializer.deserialize_any(Read)
    }
}

/// An array in which null stands for an element without members, and which may itself be null.
pub(crate) fn list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    elements(deserializer, |element| Some(element.unwrap_or_default()))
}

/// An array of texts in which nulls do not count, and which may itself be null.
pub(crate) fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Text<'de>>, D::Error> {
    elements(deserializer, |element| element)
}

/// The same, where it matters whether there was an array at all.
pub(crate) fn optional_texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Text<'de>>>, D::Error> {
    let list: Option<Vec<Option<Text<'de>>>> = Option::deserialize(deserializer)?;
    Ok(list.map(|list| list.into_iter().flatten().collect()))
}

/// Tells a member that is null from one that is absent.
pub(crate) fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

fn elements<'de, D, T>(deserializer: D, keep: fn(Option<T>) -> Option<T>) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct Read<T>(fn(Option<T>) -> Option<T>);
    impl<'de, T: Deserialize<'de>> Visitor<'de> for Read<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array")
        }

        fn visit_unit<E: Error>(self) -> Result<Vec<T>, E> {
            Ok(Vec::new())
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
            let mut list = Vec::new();
            while let Some(element) = seq.next_element::<Option<T>>()? {
                list.extend((self.0)(element));
            }
            Ok(list)
        }
    }
    deserializer.deserialize_any(Read(keep))
}

/// An object of texts as pairs in its order, nulls left out; null is an empty one. Of members with one name the last
/// counts, at the first's place.
pub(crate) fn pairs<'de, D>(deserializer: D) -> Result<Vec<(Text<'de>, Text<'de>)>, D::Error>
where
    D: Deserializer<'de>,
{
    struct Read<'a>(PhantomData<Text<'a>>);
    impl<'de: 'a, 'a> Visitor<'de> for Read<'a> {
        type Value = Vec<(Text<'a>, Text<'a>)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok(Vec::new())
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut pairs: Self::Value = Vec::new();
            // There may be as many as the backend likes.
            let mut places: HashMap<Text<'a>, usize> = HashMap::new();
            while let Some((name, value)) = map.next_entry::<Text<'a>, Option<Text<'a>>>()? {
                let Some(value) = value else { continue };
                match places.entry(name) {
                    Entry::Occupied(place) => pairs[*place.get()].1 = value,
                    Entry::Vacant(place) => {
                        pairs.push((place.key().clone(), value));
                        place.insert(pairs.len() - 1);
                    }
                }
            }
            Ok(pairs)
        }
    }
    deserializer.deserialize_any(Read(PhantomData))
}
