//! How a callback arrives: as a request to a listener, as one URL, or as something a person pasted.

use crate::event::{Callback, CallbackSource};
use crate::secret::Secret;
use crate::wire::address::{self, Address};
use crate::wire::body;
use crate::wire::callback::{self, BareCode, CallbackError, Expected, ResponseMode};
use crate::wire::class::Class;
use crate::wire::form;
use crate::wire::pieces;
use crate::wire::text::{self, is_one_of};

/// Names and values, decoded, in order.
pub(crate) type Parameters = Vec<(String, String)>;

/// What a callback brought.
pub(crate) enum Arrived {
    BareCode(Secret),
    Parameters(Parameters),
}

/// Parameters of which at least one stands in every response, and in nothing else.
const RESPONSE: &str = "access_token code error id_token response state";

/// What people copy along with a value, letters only.
const LABELS: &str = "accesstoken authcode authorizationcode code error idtoken state";

/// Parameters that only implicit flows send, and only in the fragment.
const TOKENS: &str = "access_token id_token";

/// Headers with which a browser says that no person asked for the page yet.
const PREFETCH_HEADERS: &str = "purpose sec-purpose x-moz x-purpose";

/// Takes the parameters out, after host, path, method and purpose have been found right.
pub(crate) fn arrived(callback: &Callback, expected: &Expected<'_>) -> Result<Arrived, Box<CallbackError>> {
    match callback.source {
        CallbackSource::Listening => of_request(callback, expected).map(Arrived::Parameters),
        CallbackSource::OneShot => of_url(callback, expected).map(Arrived::Parameters),
        CallbackSource::Pasted => of_paste(callback, expected),
    }
}

fn of_request(callback: &Callback, expected: &Expected<'_>) -> Result<Parameters, Box<CallbackError>> {
    let refuse = |class, detail: &str| Err(callback::stray(class, callback.source, detail));
    let Some(redirect) = address::parse(expected.redirect_uri) else {
        return refuse(Class::NotACallback, "the redirect URI of this login is no URL");
    };
    let mut hosts = headers(callback, "host");
    if !hosts.next().is_some_and(|host| redirect.is_host(host)) || hosts.next().is_some() {
        return refuse(Class::BadHost, "a request for another host was ignored");
    }
    let target = callback.target.expose();
    if target.bytes().any(|byte| byte <= b' ' || byte == 0x7f || byte == b'#') {
        return refuse(Class::Malformed, "a request with a broken target was ignored");
    }
    let (path, query) = match address::parse(target) {
        Some(absolute) => {
            if !absolute.has_origin_of(&redirect) {
                return refuse(Class::BadHost, "a request for another host was ignored");
            }
            (absolute.path, absolute.query)
        }
        None => pieces::cut(target, "?").map_or((target, None), |(path, query)| (path, Some(query))),
    };
    if path != redirect.path {
        return refuse(Class::NotACallback, "a request for another page was ignored");
    }
    let (method, in_mode) = match expected.response_mode {
        ResponseMode::FormPost => ("POST", "form_post"),
        ResponseMode::Query => ("GET", "query"),
    };
    if callback.method != method {
        return refuse(
            Class::BadMethod,
            &text::joined(&["a request that is no ", method, " was ignored (response mode ", in_mode, ")"]),
        );
    }
    if is_prefetch(callback) {
        return refuse(Class::NotACallback, "a prefetch was ignored: no person asked for it yet");
    }
    if has(callback, "transfer-encoding") && has(callback, "content-length") {
        return refuse(Class::NotACallback, "a request with two lengths was ignored");
    }
    match expected.response_mode {
        ResponseMode::FormPost if !is_form(callback) => refuse(Class::Malformed, "a POST that is no form was ignored"),
        ResponseMode::FormPost => Ok(form::decode(callback.body.expose())),
        ResponseMode::Query => match query {
            Some(query) if !query.is_empty() => Ok(form::decode(query)),
            Some(_) | None => refuse(Class::Malformed, "a request without parameters was ignored"),
        },
    }
}

fn of_url(callback: &Callback, expected: &Expected<'_>) -> Result<Parameters, Box<CallbackError>> {
    let refuse = |class, detail: &str| Err(callback::stray(class, callback.source, detail));
    let places = (address::parse(callback.target.expose()), address::parse(expected.redirect_uri));
    let (Some(address), Some(redirect)) = places else {
        return refuse(Class::NotACallback, "what came back is no URL");
    };
    if !address.is_at(&redirect) {
        return refuse(Class::NotACallback, "what came back is not the redirect URI of this login");
    }
    if has_tokens(address.fragment) {
        return Err(tokens_in_fragment());
    }
    parameters(&address).ok_or_else(|| {
        let detail = "the response stands in the fragment, where only implicit flows put it";
        callback::stray(Class::FragmentResponse, callback.source, detail)
    })
}

fn tokens_in_fragment() -> Box<CallbackError> {
    let detail = "the response has tokens in its fragment, as in an implicit flow, which was not asked for";
    callback::ending(Class::FragmentResponse, None, detail)
}

/// A person may paste the whole address, with or without scheme, its query alone, `code#state`, or a code.
fn of_paste(callback: &Callback, expected: &Expected<'_>) -> Result<Arrived, Box<CallbackError>> {
    let refuse = |class, detail: &str| Err(callback::stray(class, CallbackSource::Pasted, detail));
    let pasted = tidied(callback.target.expose());
    let text = pasted.expose();
    if text.is_empty() {
        return refuse(
            Class::Malformed,
            "nothing was pasted: paste the address that the browser shows after the login",
        );
    }
    if let Some(query) = pasted_query(text, expected) {
        let parameters = query.ok_or_else(|| {
            let detail =
                text::joined(&["that is another address: paste the one that begins with ", expected.redirect_uri]);
            callback::stray(Class::NotACallback, CallbackSource::Pasted, detail)
        })?;
        if has_tokens(pieces::cut(text, "#").map(|(_, fragment)| fragment)) {
            return Err(tokens_in_fragment());
        }
        return Ok(Arrived::Parameters(parameters));
    }
    if has_label(text) {
        return refuse(
            Class::Malformed,
            "that begins with the name of a value: paste the whole address that the browser shows, or the code alone",
        );
    }
    if let Some((code, state)) = pieces::cut_last(text, b'#') {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        return Ok(Arrived::Parameters(vec![pair("code", code), pair("state", state)]));
    }
    match expected.bare_code {
        BareCode::TakenFromTheTerminal if !callback::is_code(text) => {
            refuse(Class::Malformed, "that is no code: paste the whole address that the browser shows after the login")
        }
        BareCode::TakenFromTheTerminal if !expected.iss_required => Ok(Arrived::BareCode(pasted)),
        BareCode::NeverTaken | BareCode::TakenFromTheTerminal => refuse(
            Class::StateMismatch,
            "a code alone is not enough here: paste the whole address that the browser shows",
        ),
    }
}

/// The parameters of a pasted address or query: `None` when it is neither, `Some(None)` when it is another address.
fn pasted_query(text: &str, expected: &Expected<'_>) -> Option<Option<Parameters>> {
    let redirect = address::parse(expected.redirect_uri)?;
    if pieces::has(text, "://") {
        let address = address::parse(text).filter(|address| address.is_at(&redirect));
        return Some(address.map(|address| parameters(&address).unwrap_or_default()));
    }
    let without_fragment = pieces::split(text, "#").next().unwrap_or_default();
    let (place, query) = pieces::cut(without_fragment, "?").unwrap_or(("", without_fragment));
    let is_ours = place.is_empty() || place == redirect.path || redirect.is_without_scheme(place);
    let pairs = form::decode(query);
    // A code may hold any of these characters: only a parameter of a response makes an address of it.
    let is_response = pieces::has(query, "=") && has_any(&pairs, RESPONSE);
    is_response.then(|| is_ours.then_some(pairs))
}

/// Whether a value was pasted with its name, as in `code: abc` or `{"code": "abc"}`.
fn has_label(text: &str) -> bool {
    let Some((name, _)) = pieces::cut(text, ":") else { return false };
    let name: String = name.chars().filter(char::is_ascii_alphabetic).collect();
    let name = name.to_ascii_lowercase();
    is_one_of(&name, LABELS)
}

/// Terminals wrap long lines, mail programs add brackets, shells quotes: no address or code contains any of them.
fn tidied(text: &str) -> Secret {
    let joined: String = text.chars().filter(|character| !character.is_whitespace()).collect();
    Secret::new(pieces::trim(&joined, "\"'<>`"))
}

/// The query's parameters; `None` when the response stands in the fragment. Other fragments (`#_=_`) are noise.
fn parameters(address: &Address<'_>) -> Option<Parameters> {
    let query = form::decode(address.query.unwrap_or_default());
    let in_fragment = address.fragment.is_some_and(|fragment| has_any(&form::decode(fragment), RESPONSE));
    let in_query = has_any(&query, "code error response");
    if in_fragment && !in_query { None } else { Some(query) }
}

fn has_tokens(fragment: Option<&str>) -> bool {
    fragment.is_some_and(|fragment| has_any(&form::decode(fragment), TOKENS))
}

fn has_any(parameters: &Parameters, names: &str) -> bool {
    parameters.iter().any(|(name, _)| is_one_of(name, names))
}

fn is_form(callback: &Callback) -> bool {
    let label = headers(callback, "content-type").next();
    body::media_type(label) == "application/x-www-form-urlencoded"
}

fn is_prefetch(callback: &Callback) -> bool {
    pieces::words(PREFETCH_HEADERS).flat_map(|name| headers(callback, name)).any(|purpose| {
        let purpose = purpose.to_ascii_lowercase();
        pieces::has(&purpose, "prefetch") || pieces::has(&purpose, "prerender") || pieces::has(&purpose, "preview")
    })
}

fn has(callback: &Callback, name: &str) -> bool {
    headers(callback, name).next().is_some()
}

fn headers<'c>(callback: &'c Callback, name: &str) -> impl Iterator<Item = &'c str> {
    callback.headers.iter().filter(move |(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}
