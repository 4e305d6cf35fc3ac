//! Text from servers, made fit for people: no control or invisible characters, no secrets, a bounded length.

use crate::wire::pieces::{self, is_among, trim_end};

/// The most characters of a server's text that are shown: a sentence or three; who needs more asks the server.
pub const MAX_TEXT_CHARS: usize = 500;

/// The most bytes of a server's text that are shown: room for [`MAX_TEXT_CHARS`] of most scripts, and less than a
/// terminal's or a log line's usual limit of 2 KiB.
pub const MAX_TEXT_BYTES: usize = 1_500;

/// Words at least this long that mix letters and digits are taken for tokens: codes of support desks
/// (`AADSTS700082`) are shorter, tokens of any use are longer.
const TOKEN_LIKE: usize = 20;

/// What a name ends in whose value may not be shown.
const SECRET_NAMES: &str = "token code secret verifier password assertion";

const HIDDEN: &str = "[hidden]";

/// One bounded line of what a server said. Control characters become blanks, invisible ones (zero-width, changes of
/// writing direction) vanish, runs of blanks shrink to one, and what looks like a token is hidden.
#[must_use]
pub fn for_people(text: &str) -> String {
    let head = bounded(text, MAX_TEXT_CHARS * 4, MAX_TEXT_BYTES * 4);
    shortened(&without_secrets(&one_line(head)))
}

/// The same for a name that a server gave (an error code, a token type): cleaned and bounded, nothing hidden.
#[must_use]
pub fn name_for_people(text: &str) -> String {
    shortened(&one_line(bounded(text, MAX_TEXT_CHARS * 4, MAX_TEXT_BYTES * 4)))
}

/// The text with the characters escaped that mean something in HTML, in elements and in quoted attributes alike.
#[must_use]
pub fn escaped_for_html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// The parts as one text.
pub(crate) fn joined(parts: &[&str]) -> String {
    parts.concat()
}

/// A number in decimal digits.
pub(crate) fn decimal(number: impl Into<u64>) -> String {
    let mut number = number.into();
    let mut digits = String::new();
    while digits.is_empty() || number > 0 {
        digits.insert(0, char::from(b'0' + (number % 10) as u8));
        number /= 10;
    }
    digits
}

/// Bytes in hexadecimal digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    let mut digits = String::new();
    for byte in bytes {
        for nibble in [byte >> 4, byte & 15] {
            digits.push(char::from(b"0123456789abcdef"[usize::from(nibble)]));
        }
    }
    digits
}

/// Appends a part, after the separator unless it is the first.
pub(crate) fn append(text: &mut String, separator: &str, part: &str) {
    if !text.is_empty() {
        text.push_str(separator);
    }
    text.push_str(part);
}

/// Whether a word stands in a list: words between blanks, which take less room than an array of texts.
pub(crate) fn is_one_of(word: &str, words: &str) -> bool {
    pieces::words(words).any(|known| known == word)
}

fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars().filter(|character| !is_invisible(*character)) {
        let blank = character.is_control() || character.is_whitespace();
        if !blank {
            line.push(character);
        } else if !line.is_empty() && !line.ends_with(' ') {
            line.push(' ');
        }
    }
    line.truncate(trim_end(&line, " ").len());
    line
}

/// Unicode's format characters and tags: they show nothing, and reorder or hide what stands beside them.
fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

fn shortened(text: &str) -> String {
    let head = bounded(text, MAX_TEXT_CHARS, MAX_TEXT_BYTES);
    if head.len() < text.len() { joined(&[head, "…"]) } else { head.to_owned() }
}

/// As much of a text as stays within both bounds.
pub(crate) fn bounded(text: &str, chars: usize, bytes: usize) -> &str {
    let mut end = 0;
    for character in text.chars().take(chars) {
        if end + character.len_utf8() > bytes {
            break;
        }
        end += character.len_utf8();
    }
    text.get(..end).unwrap_or_default()
}

/// Hides the values of names like `access_token` in form and JSON notation, and words that look like tokens.
fn without_secrets(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let is_word = rest.starts_with(in_word);
        let end = rest.char_indices().find(|(_, it)| in_word(*it) != is_word).map_or(rest.len(), |(at, _)| at);
        let (run, after) = rest.split_at(end);
        if is_word && (follows_secret_name(&shown) || looks_like_a_token(run)) {
            shown.push_str(HIDDEN);
        } else {
            shown.push_str(run);
        }
        rest = after;
    }
    shown
}

/// Characters of tokens, of base64 in both alphabets, and of percent-encoding.
fn in_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || is_among(character, "-_.~+/%|*!$")
}

/// Whether what was shown ends in `access_token=`, `"access_token":"` or the like.
fn follows_secret_name(shown: &str) -> bool {
    let before_quote = trim_end(shown, "\"' ");
    let name = match before_quote.strip_suffix('=') {
        Some(name) => trim_end(name, " "),
        None => {
            let Some(name) = before_quote.strip_suffix(':') else { return false };
            let Some(quoted) = trim_end(name, " ").strip_suffix(['"', '\'']) else { return false };
            quoted
        }
    };
    let name = trim_end(name, "\"'").as_bytes();
    pieces::words(SECRET_NAMES).any(|ending| {
        name.len() >= ending.len() && name[name.len() - ending.len()..].eq_ignore_ascii_case(ending.as_bytes())
    })
}

fn looks_like_a_token(word: &str) -> bool {
    let has = |kind: fn(&char) -> bool| word.chars().any(|character| kind(&character));
    let is_uuid = word.len() == 36 && word.chars().all(|character| character.is_ascii_hexdigit() || character == '-');
    word.len() >= TOKEN_LIKE && !is_uuid && has(char::is_ascii_digit) && has(char::is_ascii_alphabetic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_breaks_cannot_forge_log_lines() {
        assert_eq!(for_people("\r\n one\r\ntwo\u{0}\u{85}three\u{2028}four \t"), "one two three four");
    }

    #[test]
    fn escape_sequences_and_invisible_characters_vanish() {
        assert_eq!(for_people("\u{1b}[31mred\u{7}"), "[31mred");
        assert_eq!(for_people("a\u{202e}b\u{200b}c\u{feff}d\u{2066}e\u{e0041}"), "abcde");
    }

    #[test]
    fn length_is_bounded_in_characters_and_in_bytes() {
        let long = for_people(&"word ".repeat(100_000));
        assert!(long.ends_with('…') && long.chars().count() <= MAX_TEXT_CHARS + 1, "{}", long.len());
        assert!(for_people(&"😀".repeat(10_000)).len() <= MAX_TEXT_BYTES + '…'.len_utf8());
    }

    #[test]
    fn secrets_are_hidden_and_sentences_are_not() {
        for (text, shown) in [
            ("access_token=leaked&x=1", "access_token=[hidden]&x=1"),
            ("{\"access_token\" : \"leaked", "{\"access_token\" : \"[hidden]"),
            ("{'refreshToken':'leaked'}", "{'refreshToken':'[hidden]'}"),
            ("not found for code=xxxx", "not found for code=[hidden]"),
            ("token gho_16C7e42F292c6912E7710c838347Ae178B4a is bad", "token [hidden] is bad"),
            ("Invalid token: expired", "Invalid token: expired"),
            ("Invalid \"code\" in request.", "Invalid \"code\" in request."),
            ("Trace ID: 5f5e2d1e-1d1e-4f4f-8b8d-0c8af73715ab", "Trace ID: 5f5e2d1e-1d1e-4f4f-8b8d-0c8af73715ab"),
            ("AADSTS700082: The refresh token has expired", "AADSTS700082: The refresh token has expired"),
        ] {
            assert_eq!(for_people(text), shown);
        }
    }

    #[test]
    fn a_secret_cut_by_the_bound_is_hidden_too() {
        let text = format!("{} access_token=leaked{}", "x ".repeat(240), "A1".repeat(5_000));
        assert!(!for_people(&text).contains("leaked"));
    }

    #[test]
    fn html_is_escaped() {
        assert_eq!(escaped_for_html("<script a=\"b\" c='&'>"), "&lt;script a=&quot;b&quot; c=&#39;&amp;&#39;&gt;");
    }
}
