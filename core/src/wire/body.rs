//! Which parser reads a body: its first byte decides, then its label.

use std::borrow::Cow;

use crate::http::{AnswerBody, HttpAnswer};
use crate::wire::form;
use crate::wire::json::{self, BadJson, Members, Value};
use crate::wire::pieces::{BLANKS, cut, has, split, trim, trim_start};

/// Why a body has no members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    Empty,
    Json(BadJson),
    NeitherJsonNorForm,
}

impl Unreadable {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Unreadable::Empty => "the body is empty",
            Unreadable::Json(why) => why.as_str(),
            Unreadable::NeitherJsonNorForm => "the body is neither JSON nor form data",
        }
    }
}

/// The body as text: bytes that are not UTF-8 are replaced, byte order mark and blanks around it dropped. `None` when it
/// was larger than the limit.
pub(crate) fn text(answer: &HttpAnswer) -> Option<Cow<'_, str>> {
    match &answer.body {
        AnswerBody::TooLarge => None,
        AnswerBody::Text(text) => Some(Cow::Borrowed(trimmed(text.expose()))),
        AnswerBody::Bytes(bytes) => Some(Cow::Owned(trimmed(&String::from_utf8_lossy(bytes)).to_owned())),
    }
}

/// The members of a body from [`text`]: JSON when it begins with `{`, whatever the label; form data when it begins with
/// a name and `=`, and the label is form, text or missing.
pub(crate) fn members<'a>(text: &'a str, content_type: Option<&str>) -> Result<Members<'a>, Unreadable> {
    if text.is_empty() {
        return Err(Unreadable::Empty);
    }
    if text.starts_with('{') {
        return json::object(text).map_err(Unreadable::Json);
    }
    if !begins_like_a_form(text) || !may_be_a_form(content_type) {
        return Err(Unreadable::NeitherJsonNorForm);
    }
    let mut members = Members::default();
    for (name, value) in form::decode(text) {
        members.0.push((Cow::Owned(name), Value::Text(Cow::Owned(value))));
    }
    Ok(members)
}

/// Whether a body was read without replacing anything: UTF-8 without lone surrogates or broken escapes.
pub(crate) fn is_sound(answer: &HttpAnswer, text: &str) -> bool {
    let is_utf8 = matches!(answer.body, AnswerBody::Text(_));
    is_utf8 && if text.starts_with('{') { json::is_sound(text) } else { form::is_sound(text) }
}

/// Whether this is a page for people: from a proxy, a firewall or a login wall, not from the endpoint.
pub(crate) fn is_html(text: &str, content_type: Option<&str>) -> bool {
    text.starts_with('<') || has(&media_type(content_type), "html")
}

fn trimmed(text: &str) -> &str {
    let text = trim(text, BLANKS);
    trim_start(text.strip_prefix('\u{feff}').unwrap_or(text), BLANKS)
}

fn begins_like_a_form(text: &str) -> bool {
    let name = cut(text, "=").map_or("", |(name, _)| name);
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.%[]&".contains(&byte))
}

fn may_be_a_form(content_type: Option<&str>) -> bool {
    let label = media_type(content_type);
    label == "application/x-www-form-urlencoded" || label.starts_with("text/") || !has(&label, "/")
}

/// Type and subtype in lower case, without parameters; empty when missing.
pub(crate) fn media_type(content_type: Option<&str>) -> String {
    let label = split(content_type.unwrap_or_default(), ";").next().unwrap_or_default();
    trim(label, BLANKS).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::moment::UnixMillis;

    fn has_token(body: &str, label: Option<&str>) -> bool {
        members(body, label).is_ok_and(|members| members.text("access_token") == Some("a b"))
    }

    #[test]
    fn json_is_known_by_its_first_byte_whatever_the_label_says() {
        for label in
            [None, Some("text/html"), Some("application/x-www-form-urlencoded"), Some("image/png"), Some(";;==")]
        {
            assert!(has_token("{\"access_token\":\"a b\"}", label), "{label:?}");
        }
    }

    #[test]
    fn form_data_needs_a_form_text_or_missing_label() {
        for label in [
            None,
            Some("text/plain"),
            Some("TEXT/HTML; charset=utf-8"),
            Some("garbage;;;=="),
            Some(""),
            Some("Application/X-WWW-Form-URLencoded ;charset=x"),
        ] {
            assert!(has_token("access_token=a+b", label), "{label:?}");
        }
        for label in [Some("application/json"), Some("application/jwt"), Some("image/png")] {
            assert_eq!(members("access_token=a+b", label).err(), Some(Unreadable::NeitherJsonNorForm), "{label:?}");
        }
    }

    #[test]
    fn pages_and_sentences_are_neither() {
        for body in ["<a href=\"x\">", "callback( {\"a\":1} );", "broken json", "an error = bad", "=x", "eyJ.e30."] {
            assert!(members(body, Some("text/html")).is_err(), "{body}");
        }
        assert!(is_html("<!doctype html>", None) && is_html("x", Some("text/HTML; charset=utf-8")));
        assert!(!is_html("{}", Some("application/json")));
    }

    #[test]
    fn a_byte_order_mark_and_blanks_are_dropped_and_bad_bytes_replaced() {
        let read = |bytes: &[u8]| {
            let body = AnswerBody::new(bytes.to_vec());
            let answer = HttpAnswer { status: 200, headers: Vec::new(), body, received_at: UnixMillis(0) };
            text(&answer).map(Cow::into_owned)
        };
        assert_eq!(read(b"\xef\xbb\xbf \r\n{}\n").as_deref(), Some("{}"));
        assert_eq!(read(b" {\"a\":\"\xff\"}").as_deref(), Some("{\"a\":\"\u{fffd}\"}"));
        assert_eq!(read(&vec![b' '; crate::http::MAX_BODY + 1]), None);
    }
}
