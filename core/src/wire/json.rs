//! A reader for JSON objects of strangers (RFC 8259).
//!
//! Strict about the grammar: one object, no trailing text, no comments, no `NaN`, nesting at most [`MAX_DEPTH`].
//! Tolerant about text: lone surrogates become U+FFFD. Numbers stay text, so that none is too large. Only the members of
//! the object itself are taken apart; what lies deeper is checked, kept as a slice, and read when somebody asks.

use std::borrow::Cow;

use crate::wire::pieces;

/// The deepest nesting that is read, the outermost object included: real answers have 5 levels, and an attacker's
/// 100,000 must not reach the stack.
pub(crate) const MAX_DEPTH: usize = 64;

/// Why a text is not a JSON object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadJson {
    Grammar,
    NotAnObject,
    TooDeep,
    Trailing,
}

impl BadJson {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            BadJson::Grammar => "it breaks the grammar of JSON",
            BadJson::NotAnObject => "it is not a JSON object",
            BadJson::TooDeep => "it is nested too deeply",
            BadJson::Trailing => "more text follows the JSON object",
        }
    }
}

/// One value. Containers hold their text, which was checked.
#[derive(Clone, PartialEq, Eq)]
pub enum Value<'a> {
    /// Its text.
    Array(&'a str),
    /// `true` or `false`.
    Bool(bool),
    /// `null`.
    Null,
    /// Its text, so that none is too large.
    Number(&'a str),
    /// Its text.
    Object(&'a str),
    /// Unescaped.
    Text(Cow<'a, str>),
}

impl<'a> Value<'a> {
    /// The text, when it is text.
    pub(crate) fn as_text(&self) -> Option<&str> {
        if let Value::Text(text) = self { Some(text) } else { None }
    }

    /// The members, when it is an object.
    pub(crate) fn as_object(&self) -> Option<Members<'a>> {
        if let Value::Object(text) = self { object(text).ok() } else { None }
    }

    /// The elements, when it is an array.
    pub(crate) fn as_array(&self) -> Option<Vec<Value<'a>>> {
        if let Value::Array(text) = self { Reader { text, at: 0 }.elements().ok() } else { None }
    }
}

/// The members of an object, in order, repeated ones included. Names are unescaped.
#[derive(Clone, Default)]
pub struct Members<'a>(pub(crate) Vec<(Cow<'a, str>, Value<'a>)>);

impl<'a> Members<'a> {
    /// The first member of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value<'a>> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// The first member of that name, when it is a text that is not empty.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Value::as_text).filter(|text| !text.is_empty())
    }

    /// The text of the first of these names (words between blanks) that has one.
    pub(crate) fn first_text(&self, names: &str) -> Option<&str> {
        pieces::words(names).find_map(|name| self.text(name))
    }

    /// The members by name, the last one of each.
    pub(crate) fn by_name(&self) -> Vec<(&str, &Value<'a>)> {
        let mut sorted: Vec<(&str, &Value<'a>)> = Vec::new();
        for (name, value) in &self.0 {
            match sorted.binary_search_by_key(&&**name, |(known, _)| *known) {
                Ok(at) => sorted[at].1 = value,
                Err(at) => sorted.insert(at, (name, value)),
            }
        }
        sorted
    }

    /// The only member of that name; `None` when it is absent or repeated.
    pub(crate) fn only(&self, name: &str) -> Option<&Value<'a>> {
        let mut found = self.0.iter().filter(|(key, _)| key == name);
        let (_, value) = found.next()?;
        if found.next().is_some() { None } else { Some(value) }
    }

    /// The first of these names (words between blanks) that stands more than once.
    pub(crate) fn repeated<'n>(&self, names: &'n str) -> Option<&'n str> {
        pieces::words(names).find(|name| self.is_repeated(name))
    }

    pub(crate) fn is_repeated(&self, name: &str) -> bool {
        self.0.iter().filter(|(key, _)| key == name).count() > 1
    }
}

/// Reads one object and nothing else; blanks around it are fine.
pub(crate) fn object(text: &str) -> Result<Members<'_>, BadJson> {
    let mut reader = Reader { text, at: 0 };
    reader.skip_blanks();
    if reader.peek() != Some(b'{') {
        return Err(BadJson::NotAnObject);
    }
    let members = reader.members()?;
    reader.skip_blanks();
    if reader.at < text.len() { Err(BadJson::Trailing) } else { Ok(members) }
}

/// Reads one value that stands for itself, and nothing else. No string may have a lone surrogate.
pub(crate) fn document(text: &str) -> Result<Value<'_>, (BadJson, usize)> {
    let mut reader = Reader { text, at: 0 };
    let value = reader.value(0).map_err(|why| (why, reader.at))?;
    reader.skip_blanks();
    if reader.at < text.len() {
        return Err((BadJson::Trailing, reader.at));
    }
    if is_sound(text) { Ok(value) } else { Err((BadJson::Grammar, 0)) }
}

/// Whether reading a text that has the grammar of JSON replaces nothing: no string has a lone surrogate.
pub(crate) fn is_sound(text: &str) -> bool {
    let mut rest = text;
    while let Some((_, after)) = pieces::cut(rest, "\\") {
        let (character, used) = unescaped_one(after);
        let is_meant = after.get(..5).is_some_and(|escape| escape.eq_ignore_ascii_case("ufffd"));
        if character == char::REPLACEMENT_CHARACTER && !is_meant {
            return false;
        }
        rest = after.get(used..).unwrap_or_default();
    }
    true
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn members(&mut self) -> Result<Members<'a>, BadJson> {
        let mut members = Vec::new();
        self.walk_object(1, &mut |name, value| members.push((unescaped(name), value)))?;
        Ok(Members(members))
    }

    fn elements(&mut self) -> Result<Vec<Value<'a>>, BadJson> {
        let mut elements = Vec::new();
        self.walk_array(1, &mut |value| elements.push(value))?;
        Ok(elements)
    }

    fn walk_object(&mut self, depth: usize, found: &mut dyn FnMut(&'a str, Value<'a>)) -> Result<(), BadJson> {
        self.expect(b'{')?;
        self.skip_blanks();
        if self.take(b'}') {
            return Ok(());
        }
        loop {
            self.skip_blanks();
            let name = self.string()?;
            self.skip_blanks();
            self.expect(b':')?;
            let value = self.value(depth)?;
            found(name, value);
            self.skip_blanks();
            if !self.take(b',') {
                return self.expect(b'}');
            }
        }
    }

    fn walk_array(&mut self, depth: usize, found: &mut dyn FnMut(Value<'a>)) -> Result<(), BadJson> {
        self.expect(b'[')?;
        self.skip_blanks();
        if self.take(b']') {
            return Ok(());
        }
        loop {
            let value = self.value(depth)?;
            found(value);
            self.skip_blanks();
            if !self.take(b',') {
                return self.expect(b']');
            }
        }
    }

    /// A value inside a container that lies `depth` levels deep.
    fn value(&mut self, depth: usize) -> Result<Value<'a>, BadJson> {
        self.skip_blanks();
        let start = self.at;
        match self.peek().ok_or(BadJson::Grammar)? {
            b'{' | b'[' if depth >= MAX_DEPTH => Err(BadJson::TooDeep),
            b'{' => {
                self.walk_object(depth + 1, &mut |_, _| ())?;
                Ok(Value::Object(self.since(start)))
            }
            b'[' => {
                self.walk_array(depth + 1, &mut |_| ())?;
                Ok(Value::Array(self.since(start)))
            }
            b'"' => Ok(Value::Text(unescaped(self.string()?))),
            b't' => self.word("true", Value::Bool(true)),
            b'f' => self.word("false", Value::Bool(false)),
            b'n' => self.word("null", Value::Null),
            _ => {
                self.number()?;
                Ok(Value::Number(self.since(start)))
            }
        }
    }

    /// The text between the quotes, still escaped, its escapes checked.
    fn string(&mut self) -> Result<&'a str, BadJson> {
        self.expect(b'"')?;
        let start = self.at;
        loop {
            match self.next().ok_or(BadJson::Grammar)? {
                b'"' => return Ok(self.text.get(start..self.at - 1).unwrap_or_default()),
                b'\\' => self.escape()?,
                0..=0x1f => return Err(BadJson::Grammar),
                _ => (),
            }
        }
    }

    fn escape(&mut self) -> Result<(), BadJson> {
        match self.next().ok_or(BadJson::Grammar)? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(()),
            b'u' => (0..4).try_for_each(|_| match self.next() {
                Some(digit) if digit.is_ascii_hexdigit() => Ok(()),
                Some(_) | None => Err(BadJson::Grammar),
            }),
            _ => Err(BadJson::Grammar),
        }
    }

    fn number(&mut self) -> Result<(), BadJson> {
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            if !self.take(b'+') {
                self.take(b'-');
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), BadJson> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start { Err(BadJson::Grammar) } else { Ok(()) }
    }

    fn word(&mut self, word: &str, value: Value<'a>) -> Result<Value<'a>, BadJson> {
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return Err(BadJson::Grammar);
        }
        self.at += word.len();
        Ok(value)
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), BadJson> {
        if self.take(byte) { Ok(()) } else { Err(BadJson::Grammar) }
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or_default()
    }
}

/// Takes the escapes out of a string that [`Reader::string`] checked.
fn unescaped(raw: &str) -> Cow<'_, str> {
    if raw.bytes().all(|byte| byte != b'\\') {
        return Cow::Borrowed(raw);
    }
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((before, after)) = pieces::cut(rest, "\\") {
        text.push_str(before);
        let (character, used) = unescaped_one(after);
        text.push(character);
        rest = after.get(used..).unwrap_or_default();
    }
    text.push_str(rest);
    Cow::Owned(text)
}

/// The character that an escape stands for, and how many bytes after the backslash it takes.
fn unescaped_one(after: &str) -> (char, usize) {
    match after.as_bytes().first() {
        Some(b'b') => ('\u{8}', 1),
        Some(b'f') => ('\u{c}', 1),
        Some(b'n') => ('\n', 1),
        Some(b'r') => ('\r', 1),
        Some(b't') => ('\t', 1),
        Some(b'u') => unescaped_unicode(after),
        Some(other) => (char::from(*other), 1),
        None => (char::REPLACEMENT_CHARACTER, 0),
    }
}

fn unescaped_unicode(after: &str) -> (char, usize) {
    let unit = |from: usize| {
        after.get(from..from + 4).and_then(|hex| pieces::number(hex, 16, u64::from(u16::MAX)).map(|unit| unit as u32))
    };
    let Some(first) = unit(1) else { return (char::REPLACEMENT_CHARACTER, 1) };
    if let Some(character) = char::from_u32(first) {
        return (character, 5);
    }
    let low = if after.get(5..7) == Some("\\u") { unit(7) } else { None };
    match low {
        Some(low @ 0xdc00..=0xdfff) if first < 0xdc00 => {
            let joined = 0x10000 + ((first - 0xd800) << 10) + (low - 0xdc00);
            (char::from_u32(joined).unwrap_or(char::REPLACEMENT_CHARACTER), 11)
        }
        Some(_) | None => (char::REPLACEMENT_CHARACTER, 5),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> BadJson {
        object(text).err().unwrap()
    }

    #[test]
    fn values_of_every_type_are_told_apart() {
        let members = object(r#" {"a":"x","b":1.5e3,"c":null,"d":true,"e":[1,"z"],"f":{"g":"h"}} "#).unwrap();
        assert_eq!(members.text("a"), Some("x"));
        assert!(members.get("b") == Some(&Value::Number("1.5e3")));
        assert!(members.get("c") == Some(&Value::Null));
        assert!(members.get("d") == Some(&Value::Bool(true)));
        assert_eq!(members.get("e").unwrap().as_array().unwrap()[1].as_text(), Some("z"));
        assert_eq!(members.get("f").unwrap().as_object().unwrap().text("g"), Some("h"));
    }

    #[test]
    fn repeated_names_are_found_after_unescaping() {
        let members = object(r#"{"err\u006fr":1,"error":2,"x":1,"x":2}"#).unwrap();
        assert_eq!(members.repeated("scope error"), Some("error"));
        assert!(members.only("error").is_none());
        assert!(members.only("scope").is_none());
    }

    #[test]
    fn what_is_not_one_object_is_refused() {
        for text in ["null", "[]", "\"a\"", "", "   ", "7", "'a'", "/* c */{}", ")]}'\n{}"] {
            assert_eq!(error(text), BadJson::NotAnObject, "{text}");
        }
        for text in ["{", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{'a':1}", "{\"a\":NaN}", "{\"a\":01}", "{\"a\":+1}"] {
            assert!(object(text).is_err(), "{text}");
        }
        for text in
            ["{\"a\":\"\n\"}", "{\"a\":\"\\x\"}", "{\"a\":\"\\u12g4\"}", "{\"a\":-}", "{\"a\":1.}", "{\"a\":1e}"]
        {
            assert_eq!(error(text), BadJson::Grammar, "{text}");
        }
        for text in ["{}{}", "{} x", "{},", "{}\0"] {
            assert_eq!(error(text), BadJson::Trailing, "{text}");
        }
    }

    #[test]
    fn nesting_ends_at_the_limit() {
        let nested = |levels: usize| format!("{{\"x\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
        assert!(object(&nested(MAX_DEPTH - 1)).is_ok());
        assert_eq!(error(&nested(MAX_DEPTH)), BadJson::TooDeep);
        assert_eq!(error(&format!("{{\"x\":{}", "[{\"a\":".repeat(100_000))), BadJson::TooDeep);
    }

    #[test]
    fn escapes_become_characters_and_lone_surrogates_are_replaced() {
        let members =
            object(r#"{"a":"\ud83d\ude00\"\\\/\b\f\n\r\t\u00e9","b":"\ud800x","c":"\udc00\ud800\u0041"}"#).unwrap();
        assert_eq!(members.text("a"), Some("😀\"\\/\u{8}\u{c}\n\r\té"));
        assert_eq!(members.text("b"), Some("\u{fffd}x"));
        assert_eq!(members.text("c"), Some("\u{fffd}\u{fffd}A"));
    }
}
