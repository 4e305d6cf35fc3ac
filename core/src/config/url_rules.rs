//! Which URLs may be used: `https`, or `http` to this very machine (RFC 6749 section 3.1.2.1, RFC 8252 section 8.3).
//!
//! Browsers and HTTP libraries tidy URLs up (dot segments, backslashes, odd forms of addresses), each in its own way. What
//! one of them would read otherwise than it stands is refused here, so that all of them read the same.

use std::fmt;

use crate::wire::address::{self, Address};
use crate::wire::{pieces, text};

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

impl EndpointError {
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            EndpointError::Form => "it has a fragment, user information or no host",
            EndpointError::HostNotAscii => "its host name is not ASCII; write it in punycode",
            EndpointError::Insecure => "only https is allowed, and http to a loopback address",
            EndpointError::Unreadable => "it is not a URL",
        }
    }

    /// The problem of a URL, for people; the URL itself is left out where it may hold a password.
    pub(crate) fn about(&self, url: &str) -> String {
        if pieces::has(url, "@") { self.as_str().to_owned() } else { text::joined(&[url, ": ", self.as_str()]) }
    }
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The URL of an endpoint or an issuer, checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint<'a> {
    address: Address<'a>,
    host: &'a str,
    /// `None` for the scheme's own.
    port: Option<&'a str>,
}

impl<'a> Endpoint<'a> {
    pub(crate) fn is_https(&self) -> bool {
        self.address.is_scheme("https")
    }

    /// Scheme, host and port as browsers write them.
    pub(crate) fn origin(&self) -> String {
        let colon = if self.port.is_some() { ":" } else { "" };
        let port = self.port.unwrap_or_default();
        text::joined(&[self.address.scheme, "://", self.host, colon, port]).to_ascii_lowercase()
    }

    pub(crate) fn path(&self) -> &'a str {
        self.address.path
    }

    pub(crate) fn query(&self) -> Option<&'a str> {
        self.address.query
    }
}

/// Reads an endpoint or an issuer.
pub(crate) fn check_endpoint(text: &str) -> Result<Endpoint<'_>, EndpointError> {
    if !text.is_ascii() {
        return Err(EndpointError::HostNotAscii);
    }
    let address = address::parse(text).filter(|_| is_plain(text)).ok_or(EndpointError::Unreadable)?;
    let (host, port) = split_port(address.authority);
    let is_https = address.is_scheme("https");
    let is_local = address.is_scheme("http") && is_loopback_host(host);
    if !is_https && !is_local {
        return Err(EndpointError::Insecure);
    }
    if host.is_empty() || address.fragment.is_some() || pieces::has(address.authority, "@") {
        return Err(EndpointError::Form);
    }
    let port = port.filter(|port| !port.is_empty());
    let is_port = |port: &str| is_decimal(port, u64::from(u16::MAX));
    if !is_host(host) || !port.is_none_or(is_port) || has_dot_segment(address.path) {
        return Err(EndpointError::Unreadable);
    }
    let own_port = if is_https { "443" } else { "80" };
    Ok(Endpoint { address, host, port: port.filter(|port| *port != own_port) })
}

/// Whether a host, as it stands in a URL, is this very machine: `localhost`, `127.0.0.0/8` or `[::1]`.
#[must_use]
pub fn is_loopback_host(host: &str) -> bool {
    let is_loopback6 = || ipv6(host) == Some([0, 0, 0, 0, 0, 0, 0, 1]);
    host.eq_ignore_ascii_case("localhost") || (host.starts_with("127.") && is_ipv4(host)) || is_loopback6()
}

/// Whether a URL has only characters that no reader replaces (RFC 3986 section 2), and whole escapes.
pub(crate) fn is_plain(url: &str) -> bool {
    let bytes = url.as_bytes();
    let is_escape = |at: usize| {
        let digits = bytes.get(at + 1..at + 3);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    bytes.iter().enumerate().all(|(at, byte)| match byte {
        b'%' => is_escape(at),
        b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' => false,
        _ => byte.is_ascii_graphic(),
    })
}

/// Whether a path has a segment that readers resolve: `.` or `..`, in any spelling.
pub(crate) fn has_dot_segment(path: &str) -> bool {
    pieces::split(path, "/").any(|segment| {
        let dots = pieces::replaced(&segment.to_ascii_lowercase(), "%2e", ".");
        dots == "." || dots == ".."
    })
}

/// Host and port; a colon inside brackets belongs to the host.
fn split_port(place: &str) -> (&str, Option<&str>) {
    match pieces::cut_last(place, b':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        Some(_) | None => (place, None),
    }
}

/// A name of letters, digits, hyphens and underscores, or an address in its usual form. A name whose last label is a
/// number is an address to browsers, in forms that nobody uses.
fn is_host(host: &str) -> bool {
    if host.starts_with('[') {
        return ipv6(host).is_some();
    }
    let in_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let name = host.strip_suffix('.').unwrap_or(host);
    let last = pieces::cut_last(name, b'.').map_or(name, |(_, last)| last);
    let is_hex = |label: &str| label.strip_prefix(['0']).is_some_and(|rest| rest.starts_with(['x', 'X']));
    let is_number = is_hex(last) || last.bytes().all(|byte| byte.is_ascii_digit());
    (name.bytes().all(in_name) && !is_number) || is_ipv4(host)
}

/// Eight groups, the longest run of zeros as `::` (RFC 4291 section 2.2); not the form that ends in an IPv4 address.
fn ipv6(host: &str) -> Option<[u16; 8]> {
    let inner = host.strip_prefix('[')?.strip_suffix(']')?;
    let mut address = [0; 8];
    let Some((before, after)) = pieces::cut(inner, "::") else {
        return (groups(inner, &mut address)? == 8).then_some(address);
    };
    let mut end = [0; 8];
    let (before, after) = (groups(before, &mut address)?, groups(after, &mut end)?);
    if before + after > 7 {
        return None;
    }
    for (at, group) in end.iter().take(after).enumerate() {
        address[8 - after + at] = *group;
    }
    Some(address)
}

/// Reads groups between colons, and counts them.
fn groups(text: &str, into: &mut [u16; 8]) -> Option<usize> {
    let mut count = 0;
    for group in pieces::split(text, ":").filter(|_| !text.is_empty()) {
        *into.get_mut(count)? = pieces::number(group, 16, u64::from(u16::MAX)).filter(|_| group.len() <= 4)? as u16;
        count += 1;
    }
    Some(count)
}

/// Four decimal numbers (RFC 3986 section 3.2.2), and none of the older forms.
fn is_ipv4(host: &str) -> bool {
    let mut count = 0;
    for part in pieces::split(host, ".") {
        if !is_decimal(part, u64::from(u8::MAX)) {
            return false;
        }
        count += 1;
    }
    count == 4
}

/// A number in its usual form: without zeros before it.
fn is_decimal(text: &str, most: u64) -> bool {
    pieces::number(text, 10, most).is_some() && (text == "0" || !text.starts_with('0'))
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

    #[test]
    fn what_readers_would_tidy_up_is_refused() {
        for url in [
            "https:/as.example/",
            "https:as.example",
            "https:///as.example",
            "https://as.example\\@evil.example/",
            "https://as.example/a/../b",
            "https://as.example/a/%2E./b",
            "https://as.example/a%2",
            "https://as.example/{tenant}",
            "https://as.example:65536/",
            "https://as.example:0443/",
            "https://as.example:+443/",
            "https://as%2eexample/",
            "https://as..example:x/",
            "https://[::1/",
            "https://[::g]/",
            "https://127.1/",
            "https://0x7f.0.0.1/",
            "https://127.0.0.01/",
            "https://2130706433/",
            "https://as.example.0x1/",
            "http://127.1/",
            "http://127.0.0.1@evil.example/",
            "http://evil.example/@127.0.0.1",
            "",
            "as.example",
        ] {
            assert!(check_endpoint(url).is_err(), "{url}");
        }
    }

    #[test]
    fn what_is_accepted_is_read_as_the_url_standard_reads_it() {
        for url in [
            "https://AS.example",
            "HTTPS://as.example:443/Tenant?A=b",
            "https://as.example:8443/a.b/..c/x;y=1",
            "https://a_b.xn--bcher-kva.example./%7Ex/",
            "https://[2001:db8::1]:1/",
            "https://192.0.2.7/?",
            "http://127.9.8.7:80/x",
            "http://[::1]",
            "http://LOCALHOST:0/",
        ] {
            let (ours, theirs) = (check_endpoint(url).unwrap(), url::Url::parse(url).unwrap());
            assert_eq!(ours.origin(), theirs.origin().ascii_serialization(), "{url}");
            assert_eq!((ours.path(), ours.query()), (theirs.path(), theirs.query()), "{url}");
        }
    }

    #[test]
    fn addresses_in_brackets_are_read_as_the_standard_library_reads_them() {
        for text in [
            "",
            ":",
            "::",
            ":::",
            "::1",
            "1::",
            "1::2",
            "1:2:3:4:5:6:7:8",
            "1:2:3:4:5:6:7",
            "1:2:3:4:5:6:7:8:9",
            "::1::",
            "1::2:3:4:5:6:7",
            "1::2:3:4:5:6:7:8",
            "::2:3:4:5:6:7:8",
            "1:2:3:4:5:6:7::",
            "FE80::a",
            "12345::",
            "+1::",
            "g::",
            "1:",
            ":1",
            "1:::2",
            "%eth0",
            "::1%1",
            "::0001",
        ] {
            let theirs = text.parse::<std::net::Ipv6Addr>().ok().map(|address| address.segments());
            assert_eq!(ipv6(&format!("[{text}]")), theirs, "{text}");
        }
    }

    #[test]
    fn this_machine_has_three_names() {
        for host in ["localhost", "LocalHost", "127.0.0.1", "127.255.255.254", "[::1]", "[0:0:0:0:0:0:0:1]"] {
            assert!(is_loopback_host(host), "{host}");
        }
        for host in ["localhost.", "127.0.0.1.example", "127.1", "127.0.0.256", "::1", "[::2]", "128.0.0.1", "", "[::1"]
        {
            assert!(!is_loopback_host(host), "{host}");
        }
    }
}
