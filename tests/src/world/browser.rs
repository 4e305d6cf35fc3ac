//! The person and their browser.

use std::collections::BTreeMap;

use tokenway_core::event::{Callback, CallbackSource};
use tokenway_core::secret::Secret;

/// A redirect, as the receiver sees it.
pub(super) fn redirect(redirect_uri: &str, query: &str) -> Callback {
    let (_, rest) = redirect_uri.split_once("://").expect("a redirect URI");
    let (host, path) = rest.split_once('/').expect("a path");
    Callback {
        source: CallbackSource::Listening,
        method: "GET".to_owned(),
        target: Secret::new(format!("/{path}?{query}")),
        headers: vec![("host".to_owned(), host.to_owned())],
        body: Secret::default(),
    }
}

/// The decoded parameters of a URL.
pub(super) fn query(url: &str) -> BTreeMap<String, String> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (decoded(name), decoded(value))).collect()
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits = std::str::from_utf8(&after[..2]).expect("two hex digits");
                bytes.push(u8::from_str_radix(digits, 16).expect("two hex digits"));
                rest = &after[2..];
            }
            other => bytes.push(*other),
        }
    }
    String::from_utf8(bytes).expect("UTF-8")
}
