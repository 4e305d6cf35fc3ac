//! URLs taken apart and compared as they are written: a parser that tidies up (dot segments, escapes, backslashes)
//! would find a redirect URI in what is not one.

use crate::wire::pieces;

/// The parts of a URL (RFC 3986 section 3), none decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Address<'a> {
    pub(crate) scheme: &'a str,
    /// Host and port, and the user when somebody hides one there. Empty for private-use schemes (`com.example:/cb`).
    pub(crate) authority: &'a str,
    /// `/` when nothing stands there.
    pub(crate) path: &'a str,
    pub(crate) query: Option<&'a str>,
    pub(crate) fragment: Option<&'a str>,
}

/// Takes an absolute URL apart; `None` when it has no scheme.
pub(crate) fn parse(url: &str) -> Option<Address<'_>> {
    let (scheme, rest) = pieces::cut(url, ":")?;
    let in_scheme = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    if !scheme.starts_with(|first: char| first.is_ascii_alphabetic()) || !scheme.bytes().all(in_scheme) {
        return None;
    }
    let (rest, fragment) = cut(rest, "#");
    let (rest, query) = cut(rest, "?");
    let (authority, path) = match rest.strip_prefix("//") {
        Some(rest) => split_path(rest),
        None => ("", rest),
    };
    let path = if path.is_empty() { "/" } else { path };
    Some(Address { scheme, authority, path, query, fragment })
}

impl Address<'_> {
    pub(crate) fn is_scheme(&self, scheme: &str) -> bool {
        self.scheme.eq_ignore_ascii_case(scheme)
    }

    /// The same scheme, authority and path, byte for byte but for the case of scheme and host.
    pub(crate) fn is_at(&self, other: &Address<'_>) -> bool {
        self.has_origin_of(other) && self.path == other.path
    }

    /// The same scheme and authority.
    pub(crate) fn has_origin_of(&self, other: &Address<'_>) -> bool {
        self.is_scheme(other.scheme) && other.is_host(self.authority)
    }

    /// Whether a `Host` header names this authority; the scheme's own port may be left out.
    pub(crate) fn is_host(&self, host: &str) -> bool {
        self.without_own_port(host).eq_ignore_ascii_case(self.without_own_port(self.authority))
    }

    /// Whether the text is authority and path, as browsers show addresses.
    pub(crate) fn is_without_scheme(&self, text: &str) -> bool {
        let (authority, path) = split_path(text);
        let path = if path.is_empty() { "/" } else { path };
        !self.authority.is_empty() && self.is_host(authority) && path == self.path
    }

    fn without_own_port<'h>(&self, host: &'h str) -> &'h str {
        let port = if self.is_scheme("https") { ":443" } else { ":80" };
        host.strip_suffix(port).unwrap_or(host)
    }
}

fn split_path(text: &str) -> (&str, &str) {
    text.split_at(pieces::position(text, "/").unwrap_or(text.len()))
}

fn cut<'t>(text: &'t str, at: &str) -> (&'t str, Option<&'t str>) {
    pieces::cut(text, at).map_or((text, None), |(before, after)| (before, Some(after)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(left: &str, right: &str) -> bool {
        parse(left).unwrap().is_at(&parse(right).unwrap())
    }

    #[test]
    fn only_the_case_of_scheme_and_host_and_an_own_port_may_differ() {
        let redirect = "http://localhost:1455/auth/callback";
        assert!(same("HTTP://LOCALHOST:1455/auth/callback?code=x#y", redirect));
        assert!(same("http://127.0.0.1/", "http://127.0.0.1:80"));
        assert!(same("https://a.example:443/cb", "https://a.example/cb"));
        assert!(same("com.example.app:/cb?code=1", "com.example.app:/cb"));
        for other in [
            "https://localhost:1455/auth/callback",
            "http://localhost:1456/auth/callback",
            "http://localhost/auth/callback",
            "http://localhost:1455/auth/callback/",
            "http://localhost:1455/auth/Callback",
            "http://localhost:1455//auth/callback",
            "http://localhost:1455/x/../auth/callback",
            "http://localhost:1455/auth/%63allback",
            "http://user:pw@localhost:1455/auth/callback",
            "http://localhost.:1455/auth/callback",
            "http://localhost:1455\\@evil.example/auth/callback",
            "http:/localhost:1455/auth/callback",
        ] {
            assert!(!same(other, redirect), "{other}");
        }
    }

    #[test]
    fn texts_without_a_scheme_are_no_addresses() {
        for text in ["", "/callback?x=http://a", "?code=a:b", "localhost", "://x", "4/0Ab:c"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
