//! Writing: one text that grows. A comma goes before whatever does not stand first in its container.

use crate::wire::text;

/// What [`super::to_text`] writes.
pub trait ToJson {
    /// Writes the value.
    fn to_json(&self, out: &mut Writer);
}

/// JSON on its way out (RFC 8259), without blanks.
#[derive(Default)]
pub struct Writer {
    text: String,
}

impl Writer {
    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// Begins an object or an array: `{` or `[`.
    pub fn open(&mut self, bracket: char) {
        self.raw(bracket.encode_utf8(&mut [0; 4]));
    }

    /// Ends it: `}` or `]`.
    pub fn close(&mut self, bracket: char) {
        self.text.push(bracket);
    }

    /// A member of the object that is open.
    #[inline(never)]
    pub fn member<T: ToJson + ?Sized>(&mut self, name: &str, value: &T) {
        self.name(name);
        value.to_json(self);
    }

    /// An object of one member.
    pub fn only_member<T: ToJson + ?Sized>(&mut self, name: &str, value: &T) {
        self.open('{');
        self.member(name, value);
        self.close('}');
    }

    /// The name of a member; its value comes next.
    #[inline(never)]
    pub fn name(&mut self, name: &str) {
        self.text(name);
        self.text.push(':');
    }

    /// A text.
    #[inline(never)]
    pub fn text(&mut self, text: &str) {
        self.raw("\"");
        for character in text.chars() {
            match character {
                '"' => self.text.push_str("\\\""),
                '\\' => self.text.push_str("\\\\"),
                '\u{8}' => self.text.push_str("\\b"),
                '\u{c}' => self.text.push_str("\\f"),
                '\n' => self.text.push_str("\\n"),
                '\r' => self.text.push_str("\\r"),
                '\t' => self.text.push_str("\\t"),
                '\0'..='\u{1f}' => {
                    self.text.push_str("\\u00");
                    self.text.push_str(&text::hexadecimal(&[character as u8]));
                }
                _ => self.text.push(character),
            }
        }
        self.text.push('"');
    }

    /// One of the words between blanks.
    #[inline(never)]
    pub(crate) fn word(&mut self, words: &str, at: usize) {
        self.text(super::read::words(words).nth(at).unwrap_or_default());
    }

    /// A number.
    #[inline(never)]
    pub fn number(&mut self, number: u64) {
        self.raw(&text::decimal(number));
    }

    /// A value that is JSON already.
    #[inline(never)]
    pub fn raw(&mut self, json: &str) {
        let is_first = self.text.is_empty() || self.text.ends_with(['{', '[', ':']);
        if !is_first {
            self.text.push(',');
        }
        self.text.push_str(json);
    }
}
