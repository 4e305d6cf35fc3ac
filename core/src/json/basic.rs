//! The forms of what everything else is made of.

use super::read::{FromJson, Reading};
use super::write::{ToJson, Writer};
use crate::secret::Secret;
use crate::wire::json::{self, Value};

impl<T: ToJson + ?Sized> ToJson for &T {
    fn to_json(&self, out: &mut Writer) {
        (*self).to_json(out);
    }
}

impl ToJson for str {
    fn to_json(&self, out: &mut Writer) {
        out.text(self);
    }
}

impl ToJson for String {
    fn to_json(&self, out: &mut Writer) {
        out.text(self);
    }
}

impl FromJson for String {
    fn from_json(value: Option<&Value<'_>>, reading: &mut Reading<'_>) -> Self {
        reading.text(value)
    }
}

/// Secrets are written in clear: whoever writes JSON states that the place it goes to is fit for them.
impl ToJson for Secret {
    fn to_json(&self, out: &mut Writer) {
        out.text(self.expose());
    }
}

impl FromJson for Secret {
    fn from_json(value: Option<&Value<'_>>, reading: &mut Reading<'_>) -> Self {
        Secret::new(reading.text(value))
    }
}

impl ToJson for bool {
    fn to_json(&self, out: &mut Writer) {
        out.raw(if *self { "true" } else { "false" });
    }
}

impl FromJson for bool {
    fn from_json(value: Option<&Value<'_>>, reading: &mut Reading<'_>) -> Self {
        let Some(Value::Bool(bool)) = value else {
            reading.unfit(value, "true or false");
            return false;
        };
        *bool
    }
}

macro_rules! number {
    ($($type:ident)+) => { $(
        impl ToJson for $type {
            fn to_json(&self, out: &mut Writer) {
                out.number(u64::from(*self));
            }
        }

        impl FromJson for $type {
            fn from_json(value: Option<&Value<'_>>, reading: &mut Reading<'_>) -> Self {
                reading.number(value, u64::from($type::MAX)) as $type
            }
        }
    )+ };
}

number!(u8 u16 u32 u64);

impl<T: ToJson> ToJson for Option<T> {
    fn to_json(&self, out: &mut Writer) {
        match self {
            Some(value) => value.to_json(out),
            None => out.raw("null"),
        }
    }
}

impl<T: FromJson> FromJson for Option<T> {
    fn from_json(value: Option<&Value<'_>>, reading: &mut Reading<'_>) -> Self {
        match value {
            None | Some(Value::Null) => None,
            Some(_) => Some(T::from_json(value, reading)),
        }
    }
}

impl<T: ToJson> ToJson for Box<T> {
    fn to_json(&self, out: &mut Writer) {
        (**self).to_json(out);
    }
}

impl<T: FromJson> FromJson for Box<T> {
    fn from_json(value: Option<&Value<'_>>, reading: &mut Reading<'_>) -> Self {
        Box::new(T::from_json(value, reading))
    }
}

impl<T: ToJson> ToJson for Vec<T> {
    fn to_json(&self, out: &mut Writer) {
        out.open('[');
        for element in self {
            element.to_json(out);
        }
        out.close(']');
    }
}

impl<T: FromJson> FromJson for Vec<T> {
    fn from_json(value: Option<&Value<'_>>, reading: &mut Reading<'_>) -> Self {
        let mut read = Vec::new();
        for element in &reading.elements(value) {
            read.push(T::from_json(Some(element), reading));
        }
        read
    }
}

impl<A: ToJson, B: ToJson> ToJson for (A, B) {
    fn to_json(&self, out: &mut Writer) {
        out.open('[');
        self.0.to_json(out);
        self.1.to_json(out);
        out.close(']');
    }
}

impl<A: FromJson, B: FromJson> FromJson for (A, B) {
    fn from_json(value: Option<&Value<'_>>, reading: &mut Reading<'_>) -> Self {
        let elements = reading.elements(value);
        if elements.len() > 2 {
            reading.unfit(value, "a pair");
        }
        (A::from_json(elements.first(), reading), B::from_json(elements.get(1), reading))
    }
}

/// What strangers wrote, as [`Writer`] would have: without blanks, the members of an object by name, the last of that
/// name winning. Numbers stay as they are.
pub(crate) fn rewritten(value: &Value<'_>) -> String {
    let mut out = Writer::default();
    rewrite(value, &mut out);
    out.into_text()
}

fn rewrite(value: &Value<'_>, out: &mut Writer) {
    match value {
        Value::Array(_) => {
            out.open('[');
            for element in value.as_array().unwrap_or_default() {
                rewrite(&element, out);
            }
            out.close(']');
        }
        Value::Bool(bool) => bool.to_json(out),
        Value::Null => out.raw("null"),
        Value::Number(text) => out.raw(text),
        Value::Object(text) => {
            let members = json::object(text).unwrap_or_default();
            out.open('{');
            for (name, value) in members.by_name() {
                out.name(name);
                rewrite(value, out);
            }
            out.close('}');
        }
        Value::Text(text) => out.text(text),
    }
}
