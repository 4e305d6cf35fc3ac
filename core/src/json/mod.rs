//! The JSON forms of what crosses a driver's border, for places where every byte of code is downloaded.
//!
//! The types of this crate implement serde's traits, and a native driver uses those. What serde generates for them is
//! ten times larger than this module, so a driver in WebAssembly uses [`from_text`] and [`to_text`]. The forms are the
//! same, byte for byte: tests compare them.

mod action;
mod basic;
mod outcome;
pub(crate) mod read;
pub(crate) mod write;

use std::fmt;

#[doc(hidden)]
pub use crate::wire::json::{Members, Value};
pub(crate) use basic::rewritten;
pub use read::{FromJson, Reading};
pub use write::{ToJson, Writer};

/// The text is not the JSON form of what was to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadText {
    /// What is wrong, with the member's name. A word that is not known is quoted, other values are not.
    pub problem: String,
    /// The line where it stands, or where the object begins in which it stands; from 1.
    pub line: usize,
}

impl fmt::Display for BadText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, at line {}", self.problem, self.line)
    }
}

impl std::error::Error for BadText {}

/// Reads a value.
///
/// # Errors
/// The text is not its JSON form.
pub fn from_text<T: FromJson>(text: &str) -> Result<T, BadText> {
    let mut reading = Reading::new(text);
    let document = reading.document();
    let value = T::from_json(document.as_ref(), &mut reading);
    match reading.mistake() {
        Some(mistake) => Err(mistake),
        None => Ok(value),
    }
}

/// Writes a value, secrets in clear: what it returns is as secret as the value.
#[must_use]
pub fn to_text<T: ToJson>(value: &T) -> String {
    let mut out = Writer::default();
    value.to_json(&mut out);
    out.into_text()
}

/// Declares the JSON form of a struct: its members, in the order in which they are written. `or` says what stands for a
/// member that is absent; `strict` refuses members of other names; what is only `read` is never written.
#[doc(hidden)]
#[macro_export]
macro_rules! json_object {
    (read strict $type:ident { $($form:tt)+ }) => { $crate::json_object!(@read true $type { $($form)+ }); };
    (read $type:ident { $($form:tt)+ }) => { $crate::json_object!(@read false $type { $($form)+ }); };
    (strict $type:ident { $($form:tt)+ }) => {
        $crate::json_object!(@write $type { $($form)+ });
        $crate::json_object!(@read true $type { $($form)+ });
    };
    ($type:ident { $($form:tt)+ }) => {
        $crate::json_object!(@write $type { $($form)+ });
        $crate::json_object!(@read false $type { $($form)+ });
    };
    (@write $type:ident { $($member:ident $(or $default:expr)?),+ $(,)? }) => {
        impl $type {
            pub(crate) fn write_members(&self, out: &mut $crate::json::Writer) {
                let $type { $($member),+ } = self;
                $(out.member(stringify!($member), $member);)+
            }
        }

        impl $crate::json::ToJson for $type {
            fn to_json(&self, out: &mut $crate::json::Writer) {
                out.open('{');
                self.write_members(out);
                out.close('}');
            }
        }
    };
    (@read $strict:literal $type:ident { $($member:ident $(or $default:expr)?),+ $(,)? }) => {
        impl $crate::json::FromJson for $type {
            fn from_json(
                value: Option<&$crate::json::Value<'_>>,
                reading: &mut $crate::json::Reading<'_>,
            ) -> Self {
                let members = reading.members(value);
                if $strict {
                    reading.no_others(&members, concat!($(stringify!($member), " "),+));
                }
                $type { $($member: $crate::json_object!(@ members reading $member $($default)?)),+ }
            }
        }
    };
    (@ $members:ident $reading:ident $member:ident) => {
        $reading.member(&$members, stringify!($member))
    };
    (@ $members:ident $reading:ident $member:ident $default:expr) => {
        if $members.get(stringify!($member)).is_some() {
            $reading.member(&$members, stringify!($member))
        } else {
            $default
        }
    };
}

/// Declares that a tuple struct has the JSON form of what it holds.
macro_rules! transparent {
    ($type:ident) => {
        impl $crate::json::ToJson for $type {
            fn to_json(&self, out: &mut $crate::json::Writer) {
                self.0.to_json(out);
            }
        }

        impl $crate::json::FromJson for $type {
            fn from_json(
                value: Option<&$crate::wire::json::Value<'_>>,
                reading: &mut $crate::json::read::Reading<'_>,
            ) -> Self {
                $type($crate::json::FromJson::from_json(value, reading))
            }
        }
    };
}

/// Declares the words that stand for the variants of an enum without data, in the order of the variants.
macro_rules! words {
    ($type:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        impl $crate::json::ToJson for $type {
            fn to_json(&self, out: &mut $crate::json::Writer) {
                out.word(concat!($($word, " "),+), *self as usize);
            }
        }

        impl $crate::json::FromJson for $type {
            fn from_json(
                value: Option<&$crate::wire::json::Value<'_>>,
                reading: &mut $crate::json::read::Reading<'_>,
            ) -> Self {
                const VARIANTS: &[$type] = &[$($type::$variant),+];
                VARIANTS[reading.word(value, concat!($($word, " "),+))]
            }
        }
    };
}

#[doc(hidden)]
pub use json_object as object;
pub(crate) use {transparent, words};

#[cfg(test)]
mod tests;
