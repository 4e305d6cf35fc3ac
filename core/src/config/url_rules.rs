//! Which URLs may be used: `https`, or `http` to this very machine (RFC 6749 section 3.1.2.1, RFC 8252 section 8.3).

use std::fmt;

use url::{Host, Url};

/// Why a URL may not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum EndpointError {
    /// It has a fragment, user information, or no host.
    Form,
    /// The host is not ASCII: it would not read the same everywhere.
    HostNotAscii,
    /// Plain `http` to another machine, or another scheme.
    Insecure,
    /// It is not a URL.
    Unreadable,
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            EndpointError::Form => "it has a fragment, user information or no host",
            EndpointError::HostNotAscii => "its host name is not ASCII; write it in punycode",
            EndpointError::Insecure => "only https is allowed, and http to a loopback address",
            EndpointError::Unreadable => "it is not a URL",
        })
    }
}

impl EndpointError {
    /// The problem of a URL, for people; the URL itself is left out where it may hold a password.
    pub(crate) fn about(&self, url: &str) -> String {
        if url.contains('@') { self.to_string() } else { format!("{url}: {self}") }
    }
}

/// Reads an endpoint or an issuer.
pub(crate) fn check_endpoint(text: &str) -> Result<Url, EndpointError> {
    if !text.is_ascii() {
        return Err(EndpointError::HostNotAscii);
    }
    if text.contains(|c: char| c.is_ascii_control() || c == ' ') {
        return Err(EndpointError::Unreadable);
    }
    let url = Url::parse(text).map_err(|_| EndpointError::Unreadable)?;
    match url.scheme() {
        "https" => {}
        "http" if url.host().is_some_and(is_loopback) => {}
        _ => return Err(EndpointError::Insecure),
    }
    let has_user = !url.username().is_empty() || url.password().is_some();
    if url.host().is_none() || url.fragment().is_some() || has_user {
        return Err(EndpointError::Form);
    }
    Ok(url)
}

/// Whether a host, as it stands in a URL, is this very machine: `localhost`, `127.0.0.0/8` or `[::1]`.
#[must_use]
pub fn is_loopback_host(host: &str) -> bool {
    Host::parse(host).is_ok_and(is_loopback)
}

fn is_loopback<S: AsRef<str>>(host: Host<S>) -> bool {
    match host {
        Host::Domain(name) => name.as_ref().eq_ignore_ascii_case("localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_loopback_only() {
        for url in ["http://127.0.0.1:9400", "http://localhost/x", "http://[::1]:1/t", "https://as.example/a?b=c"] {
            assert!(check_endpoint(url).is_ok(), "{url}");
        }
        for url in ["http://as.example", "http://127.0.0.1.evil.example", "ftp://localhost", "javascript:alert(1)"] {
            assert_eq!(check_endpoint(url), Err(EndpointError::Insecure), "{url}");
        }
    }

    #[test]
    fn a_url_that_hides_something_is_refused() {
        assert_eq!(check_endpoint("https://a@as.example/"), Err(EndpointError::Form));
        assert_eq!(check_endpoint("https://as.example/#x"), Err(EndpointError::Form));
        assert_eq!(check_endpoint("https://ας.example/"), Err(EndpointError::HostNotAscii));
        assert_eq!(check_endpoint("https://as.example/a b"), Err(EndpointError::Unreadable));
    }
}
