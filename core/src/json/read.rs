//! Reading: straight through, without an early return. A mistake is noted and a blank value stands in; whoever asked for
//! the whole gets the first mistake instead. That keeps the code of each type to one call per member.

use super::BadText;
use crate::wire::json::{self, Members, Value};
use crate::wire::{pieces, text};

/// What [`super::from_text`] reads.
pub trait FromJson: Sized {
    /// Reads a value; `None` stands for an absent member.
    #[doc(hidden)]
    fn from_json(value: Option<&Value<'_>>, reading: &mut Reading<'_>) -> Self;
}

/// A text on its way to a value: where the reader is, and the first thing that it found wrong.
pub struct Reading<'t> {
    text: &'t str,
    /// Where the innermost object begins that was opened last.
    object: usize,
    /// The member that is being read.
    member: &'static str,
    mistake: Option<BadText>,
}

impl<'t> Reading<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Reading { text, object: 0, member: "", mistake: None }
    }

    pub(super) fn document(&mut self) -> Option<Value<'t>> {
        match json::document(self.text) {
            Ok(value) => Some(value),
            Err((why, at)) => {
                self.object = at;
                self.wrong(why.as_str().to_owned());
                None
            }
        }
    }

    pub(super) fn mistake(self) -> Option<BadText> {
        self.mistake
    }

    /// Takes an object apart.
    #[doc(hidden)]
    pub fn members<'a>(&mut self, value: Option<&Value<'a>>) -> Members<'a> {
        let Some(Value::Object(text)) = value else {
            self.unfit(value, "an object");
            return Members::default();
        };
        self.object = (text.as_ptr() as usize).wrapping_sub(self.text.as_ptr() as usize);
        json::object(text).unwrap_or_default()
    }

    /// Refuses members of other names.
    #[doc(hidden)]
    pub fn no_others(&mut self, members: &Members<'_>, names: &'static str) {
        if let Some((name, _)) = members.0.iter().find(|(name, _)| !words(names).any(|known| known == name)) {
            self.wrong(text::joined(&["unknown member `", name, "`, expected one of ", &listed(names)]));
        }
    }

    /// Reads a member. It may not stand there twice.
    #[doc(hidden)]
    #[inline(never)]
    pub fn member<T: FromJson>(&mut self, members: &Members<'_>, name: &'static str) -> T {
        let value = self.value_of(members, name);
        T::from_json(value, self)
    }

    #[inline(never)]
    pub(crate) fn value_of<'m, 'a>(&mut self, members: &'m Members<'a>, name: &'static str) -> Option<&'m Value<'a>> {
        self.member = name;
        if members.is_repeated(name) {
            self.wrong(text::joined(&["the member `", name, "` stands there twice"]));
        }
        members.get(name)
    }

    /// The elements of an array.
    pub(crate) fn elements<'a>(&mut self, value: Option<&Value<'a>>) -> Vec<Value<'a>> {
        match value.and_then(Value::as_array) {
            Some(elements) => elements,
            None => {
                self.unfit(value, "an array");
                Vec::new()
            }
        }
    }

    pub(crate) fn text(&mut self, value: Option<&Value<'_>>) -> String {
        match value {
            Some(Value::Text(text)) => text.clone().into_owned(),
            _ => {
                self.unfit(value, "a text");
                String::new()
            }
        }
    }

    pub(crate) fn number(&mut self, value: Option<&Value<'_>>, most: u64) -> u64 {
        let number = match value {
            Some(Value::Number(text)) => pieces::number(text, 10, most),
            _ => None,
        };
        number.unwrap_or_else(|| {
            self.unfit(value, "a whole number within its limits");
            0
        })
    }

    /// Which of `words` stands there; the first if none.
    pub(crate) fn word(&mut self, value: Option<&Value<'_>>, words: &str) -> usize {
        let Some(Value::Text(text)) = value else {
            self.unfit(value, "a word");
            return 0;
        };
        self.position(text, words)
    }

    /// Which of the variants stands there, and its value: a word alone, or the only member of an object.
    pub(crate) fn variant<'a>(&mut self, value: Option<&Value<'a>>, names: &str) -> (usize, Option<Value<'a>>) {
        if let Some(Value::Object(text)) = value
            && let Ok(Members(mut members)) = json::object(text)
            && let (Some((name, inner)), true) = (members.pop(), members.is_empty())
        {
            return (self.position(&name, names), Some(inner));
        }
        (self.word(value, names), None)
    }

    fn position(&mut self, text: &str, known: &str) -> usize {
        words(known).position(|word| word == text).unwrap_or_else(|| {
            self.wrong(text::joined(&["unknown word `", text, "`, expected one of ", &listed(known)]));
            0
        })
    }

    /// Notes that a value has not the form that its place demands.
    #[cold]
    #[inline(never)]
    pub(crate) fn unfit(&mut self, value: Option<&Value<'_>>, wanted: &str) {
        let member = self.member;
        self.wrong(match value {
            Some(_) => text::joined(&["the member `", member, "` is not ", wanted]),
            None => text::joined(&["the member `", member, "` is missing"]),
        });
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn wrong(&mut self, problem: String) {
        if self.mistake.is_none() {
            let before = self.text.as_bytes().get(..self.object).unwrap_or_default();
            let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
            self.mistake = Some(BadText { problem, line });
        }
    }
}

/// Words between blanks, and perhaps a blank at the end.
pub(super) fn words(list: &str) -> pieces::Pieces<'_> {
    pieces::words(list.strip_suffix(' ').unwrap_or(list))
}

fn listed(known: &str) -> String {
    let mut list = String::new();
    for word in words(known) {
        text::append(&mut list, ", ", &text::joined(&["`", word, "`"]));
    }
    list
}
