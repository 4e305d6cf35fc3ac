//! The granted scopes of an answer (RFC 6749 section 3.3).

use std::borrow::Cow;

use crate::wire::json::Value;
use crate::wire::pieces;

/// What an answer says about scope.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Granted {
    /// `None`: not stated. Empty: stated to be none.
    pub(crate) scopes: Option<Vec<String>>,
    /// Something in it could not be read and was dropped.
    pub(crate) unreadable: bool,
}

/// Reads a text, split at blanks and at `separator` (when one is set), or an array of texts. What breaks the grammar of
/// scopes is dropped: it is advisory, and must not lose the tokens beside it.
pub(crate) fn read(value: Option<&Value<'_>>, separator: Option<&str>) -> Granted {
    let unreadable = Granted { scopes: None, unreadable: true };
    match value {
        None | Some(Value::Null) => Granted::default(),
        Some(Value::Text(text)) => match split(text, separator) {
            Some(scopes) => Granted { scopes: Some(scopes), unreadable: false },
            None => unreadable,
        },
        Some(array @ Value::Array(_)) => from_array(&array.as_array().unwrap_or_default(), separator),
        Some(Value::Bool(_) | Value::Number(_) | Value::Object(_)) => unreadable,
    }
}

fn from_array(elements: &[Value<'_>], separator: Option<&str>) -> Granted {
    let (mut scopes, mut readable) = (Vec::new(), 0);
    for element in elements {
        if let Some(more) = element.as_text().and_then(|text| split(text, separator)) {
            scopes.extend(more);
            readable += 1;
        }
    }
    let unreadable = readable < elements.len();
    Granted { scopes: Some(scopes).filter(|_| readable > 0 || !unreadable), unreadable }
}

fn split(text: &str, separator: Option<&str>) -> Option<Vec<String>> {
    let text = match separator.filter(|separator| !separator.is_empty()) {
        Some(separator) => Cow::Owned(pieces::replaced(text, separator, " ")),
        None => Cow::Borrowed(text),
    };
    let mut scopes = Vec::new();
    for scope in pieces::words(&text).filter(|scope| !scope.is_empty()) {
        if !is_scope_token(scope) {
            return None;
        }
        scopes.push(scope.to_owned());
    }
    Some(scopes)
}

/// `scope-token` of RFC 6749 appendix A.4.
fn is_scope_token(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::json;

    fn granted(json: &str, separator: Option<&str>) -> (Option<Vec<String>>, bool) {
        let object = format!("{{\"scope\":{json}}}");
        let granted = read(json::object(&object).unwrap().get("scope"), separator);
        (granted.scopes, granted.unreadable)
    }

    fn list(scopes: &[&str]) -> Option<Vec<String>> {
        Some(scopes.iter().map(|scope| (*scope).to_owned()).collect())
    }

    #[test]
    fn blanks_always_separate_and_others_by_option() {
        assert_eq!(granted("\" read  write \"", None), (list(&["read", "write"]), false));
        assert_eq!(granted("\"repo,gist\"", None), (list(&["repo,gist"]), false));
        assert_eq!(granted("\"repo, gist\"", Some(",")), (list(&["repo", "gist"]), false));
        assert_eq!(granted("\"a+b+c\"", Some("+")), (list(&["a", "b", "c"]), false));
        assert_eq!(granted("\"a||b\"", Some("||")), (list(&["a", "b"]), false));
        assert_eq!(granted("\"a b\"", Some("")), (list(&["a", "b"]), false));
    }

    #[test]
    fn empty_is_not_the_same_as_not_stated() {
        assert_eq!(granted("\"\"", None), (list(&[]), false));
        assert_eq!(granted("\"  \"", None), (list(&[]), false));
        assert_eq!(granted("[]", None), (list(&[]), false));
        assert_eq!(granted("null", None), (None, false));
        assert_eq!(read(None, None), Granted::default());
    }

    #[test]
    fn what_breaks_the_grammar_is_dropped() {
        for json in [
            "7",
            "true",
            "{\"a\":1}",
            "\"read\\nwrite\"",
            "\"read\\twrite\"",
            "\"café\"",
            "\"a\\\"b\"",
            "\"a\\\\b\"",
            "[7]",
        ] {
            assert_eq!(granted(json, None), (None, true), "{json}");
        }
        assert_eq!(granted("[\"read\",7,null,\"é\"]", None), (list(&["read"]), true));
    }
}
