//! What came back from the browser: known parameters at the known place.

use url::form_urlencoded::Serializer;

use super::{Redactor, SecretKind, answer};
use crate::event::{Callback, CallbackSource};
use crate::secret::Secret;
use crate::wire::{address, callback, form};

/// The path that stands for any but the redirect URI's.
const OTHER_PATH: &str = "/other";

/// The address that stands for any but the redirect URI.
const OTHER_ADDRESS: &str = "http://other-host.example/other";

/// Headers whose mere presence counts.
const PRESENCE: [&str; 2] = ["content-length", "transfer-encoding"];

impl Redactor<'_> {
    pub(super) fn callback(&mut self, callback: &Callback) -> Callback {
        let target = callback.target.expose();
        let target = match callback.source {
            CallbackSource::Listening => self.request_target(target),
            CallbackSource::OneShot => self.address(target),
            CallbackSource::Pasted => self.pasted(target),
        };
        Callback {
            source: callback.source,
            method: method(&callback.method),
            target: Secret::new(target),
            headers: callback.headers.iter().filter_map(|(name, value)| self.header(name, value)).collect(),
            body: Secret::default(),
        }
    }

    fn request_target(&mut self, target: &str) -> String {
        if target.bytes().any(|byte| byte <= b' ' || byte == 0x7f || byte == b'#') {
            return "#".to_owned();
        }
        if !target.starts_with('/') {
            return self.address(target);
        }
        let (path, query) = split(target, '?');
        let own = address::parse(&self.redirect_uri).is_some_and(|redirect| redirect.path == path);
        let path = if own { path } else { OTHER_PATH };
        format!("{path}{}", query.map(|query| format!("?{}", self.parameters(query))).unwrap_or_default())
    }

    /// An absolute URL; when it leads elsewhere, so does what stands for it.
    fn address(&mut self, url: &str) -> String {
        let (rest, fragment) = split(url, '#');
        let (place, query) = split(rest, '?');
        let place = match (address::parse(place), address::parse(&self.redirect_uri)) {
            (Some(found), Some(redirect)) if found.is_at(&redirect) => place.to_owned(),
            (Some(found), Some(redirect)) if found.has_origin_of(&redirect) => {
                let origin = self.redirect_uri.strip_suffix(redirect.path).unwrap_or_default();
                format!("{origin}{OTHER_PATH}")
            }
            (Some(_), _) => OTHER_ADDRESS.to_owned(),
            (None, _) => OTHER_PATH.to_owned(),
        };
        self.rebuilt(&place, query, fragment)
    }

    fn rebuilt(&mut self, place: &str, query: Option<&str>, fragment: Option<&str>) -> String {
        let query = query.map(|query| format!("?{}", self.parameters(query))).unwrap_or_default();
        let fragment = fragment.map(|fragment| format!("#{}", self.parameters(fragment))).unwrap_or_default();
        format!("{place}{query}{fragment}")
    }

    /// What people paste: an address with or without scheme, a query, `code#state`, a code.
    fn pasted(&mut self, text: &str) -> String {
        let joined: String = text.chars().filter(|character| !character.is_whitespace()).collect();
        let text = joined.trim_matches(['"', '\'', '<', '>', '`']);
        if text.contains("://") {
            return self.address(text);
        }
        let (rest, fragment) = split(text, '#');
        if let (place, Some(query)) = split(rest, '?') {
            let redirect = address::parse(&self.redirect_uri);
            let own = redirect.is_some_and(|redirect| redirect.path == place || redirect.is_without_scheme(place));
            let place = if own || place.is_empty() { place } else { OTHER_PATH };
            return self.rebuilt(place, Some(query), None);
        }
        if rest.contains('=') {
            return self.parameters(rest);
        }
        match text.rsplit_once('#') {
            Some((code, state)) => format!("{}#{}", self.code(code), self.text(SecretKind::State, state)),
            None => self.code(fragment.unwrap_or(rest)),
        }
    }

    fn code(&mut self, code: &str) -> String {
        let mark = if code.is_empty() || callback::is_code(code) { "" } else { "é" };
        self.private.add_secret(code);
        format!("{}{mark}", self.text(SecretKind::Code, code))
    }

    /// Known parameters, in order, repeated ones included. A query of strangers stays a query.
    fn parameters(&mut self, query: &str) -> String {
        if query.is_empty() {
            return String::new();
        }
        let pairs = form::decode(query);
        // Texts may speak of secrets that stand further down.
        for (name, value) in pairs.iter().filter(|(name, _)| !name.starts_with("error")) {
            self.parameter(name, value);
        }
        let mut kept = Serializer::new(String::new());
        for (name, value) in pairs {
            if let Some(value) = self.parameter(&name, &value) {
                kept.append_pair(&name, &value);
            }
        }
        let kept = kept.finish();
        if kept.is_empty() { "other=".to_owned() } else { kept }
    }

    fn parameter(&mut self, name: &str, value: &str) -> Option<String> {
        match name {
            "access_token" => Some(self.access_token(value)),
            "code" => Some(self.code(value)),
            "error" | "error_description" => Some(self.private.cleaned(value)),
            "id_token" => Some(self.id_token(value)),
            "iss" => Some(self.issuer(value)),
            "response" => Some(self.id_token(value)),
            "state" => Some(self.text(SecretKind::State, value)),
            _ => None,
        }
    }

    fn header(&self, name: &str, value: &str) -> Option<(String, String)> {
        let kept = match name.to_ascii_lowercase().as_str() {
            "content-type" => answer::media_type(value),
            "host" => {
                let own = address::parse(&self.redirect_uri).is_some_and(|redirect| redirect.is_host(value));
                if own { value.to_owned() } else { "other-host.example".to_owned() }
            }
            "purpose" | "sec-purpose" | "x-moz" | "x-purpose" => {
                let value = value.to_ascii_lowercase();
                let early = ["prefetch", "prerender", "preview"].into_iter().find(|word| value.contains(word));
                early.unwrap_or("other").to_owned()
            }
            other if PRESENCE.contains(&other) => String::new(),
            _ => return None,
        };
        Some((name.to_ascii_lowercase(), kept))
    }
}

fn method(method: &str) -> String {
    let known = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "URL"];
    if known.contains(&method) { method.to_owned() } else { "OTHER".to_owned() }
}

fn split(text: &str, at: char) -> (&str, Option<&str>) {
    text.split_once(at).map_or((text, None), |(before, after)| (before, Some(after)))
}
