//! Parameters of a query or a form (RFC 6749 section 3.1): none may be repeated, and an empty one counts as left out.

use std::collections::BTreeMap;

/// Some of the values are secrets, so there is no `Debug`.
pub(super) struct Parameters(BTreeMap<String, String>);

/// A parameter came more than once.
#[derive(Debug)]
pub(super) struct Repeated;

impl Parameters {
    /// Reads `application/x-www-form-urlencoded` text.
    pub(super) fn read(text: &str) -> Result<Self, Repeated> {
        let mut parameters = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
            if parameters.insert(name.into_owned(), value.into_owned()).is_some() {
                return Err(Repeated);
            }
        }
        Ok(Parameters(parameters))
    }

    /// The value, if there is one.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}
