//! Values by name, sorted: a list for the few members that a record or a preset has, where a tree costs more code than
//! all that uses it.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Index;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::json::read::{FromJson, Reading};
use crate::json::{ToJson, Writer};
use crate::wire::json::Value;

/// Values by name, each name once, in the order of the names.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Named<V>(Vec<(String, V)>);

impl<V> Named<V> {
    /// None yet.
    #[must_use]
    pub const fn new() -> Self {
        Named(Vec::new())
    }

    /// Adds a value, or replaces the one of that name.
    pub fn insert(&mut self, name: String, value: V) {
        match self.place(&name) {
            Ok(at) => self.0[at].1 = value,
            Err(at) => self.0.insert(at, (name, value)),
        }
    }

    /// The value of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&V> {
        self.place(name).ok().map(|at| &self.0[at].1)
    }

    /// Whether there is a value of that name.
    #[must_use]
    pub fn contains_key(&self, name: &str) -> bool {
        self.place(name).is_ok()
    }

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &V)> {
        self.0.iter().map(|(name, value)| (name, value))
    }

    /// The values alone.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.0.iter().map(|(_, value)| value)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    fn place(&self, name: &str) -> Result<usize, usize> {
        for (at, (known, _)) in self.0.iter().enumerate() {
            if known.as_str() >= name {
                return if known == name { Ok(at) } else { Err(at) };
            }
        }
        Err(self.0.len())
    }
}

impl<V> Default for Named<V> {
    fn default() -> Self {
        Named::new()
    }
}

impl<V: fmt::Debug> fmt::Debug for Named<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<V> Index<&str> for Named<V> {
    type Output = V;

    #[expect(clippy::expect_used, reason = "as every index: whoever is not sure asks `get`")]
    fn index(&self, name: &str) -> &V {
        self.get(name).expect("there is no value of that name")
    }
}

impl<V> Extend<(String, V)> for Named<V> {
    fn extend<I: IntoIterator<Item = (String, V)>>(&mut self, values: I) {
        for (name, value) in values {
            self.insert(name, value);
        }
    }
}

impl<V> FromIterator<(String, V)> for Named<V> {
    fn from_iter<I: IntoIterator<Item = (String, V)>>(values: I) -> Self {
        let mut named = Named::new();
        named.extend(values);
        named
    }
}

impl<V, const N: usize> From<[(String, V); N]> for Named<V> {
    fn from(values: [(String, V); N]) -> Self {
        values.into_iter().collect()
    }
}

impl<V> IntoIterator for Named<V> {
    type Item = (String, V);
    type IntoIter = std::vec::IntoIter<(String, V)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a, V> IntoIterator for &'a Named<V> {
    type Item = &'a (String, V);
    type IntoIter = std::slice::Iter<'a, (String, V)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<V: Serialize> Serialize for Named<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Named<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        BTreeMap::deserialize(deserializer).map(|values: BTreeMap<String, V>| values.into_iter().collect())
    }
}

impl<V: ToJson> ToJson for Named<V> {
    fn to_json(&self, out: &mut Writer) {
        out.open('{');
        for (name, value) in self {
            out.member(name, value);
        }
        out.close('}');
    }
}

impl<V: FromJson> FromJson for Named<V> {
    fn from_json(value: Option<&Value<'_>>, reading: &mut Reading<'_>) -> Self {
        let mut named = Named::new();
        for (name, value) in &reading.members(value).0 {
            named.insert(name.clone().into_owned(), V::from_json(Some(value), reading));
        }
        named
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_stand_once() {
        let pair = |name: &str, value| (name.to_owned(), value);
        let named = Named::from([pair("b", 1), pair("a", 2), pair("b", 3), pair("", 4)]);
        let pairs: Vec<_> = named.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        assert_eq!(pairs, [("", 4), ("a", 2), ("b", 3)]);
        assert_eq!((named.len(), named.get("b"), named.get("c")), (3, Some(&3), None));
        assert!(named["a"] == 2 && named.contains_key("a") && !named.contains_key("c") && !named.is_empty());
        assert!(Named::<u8>::default().is_empty());
    }

    #[test]
    fn the_form_is_that_of_a_map() {
        let named = Named::from([("b".to_owned(), "1".to_owned()), ("a".to_owned(), "2".to_owned())]);
        let text = serde_json::to_string(&named).unwrap();
        assert_eq!(text, r#"{"a":"2","b":"1"}"#);
        assert_eq!(serde_json::from_str::<Named<String>>(&text).unwrap(), named);
        assert_eq!(crate::json::from_text::<Named<String>>(&text).unwrap(), named);
        assert_eq!(crate::json::to_text(&named), text);
    }
}
