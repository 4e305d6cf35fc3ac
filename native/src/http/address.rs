//! Where a request may go: `https` anywhere, plain `http` on this machine only (RFC 6749 section 3.2, RFC 8252
//! section 8.3).

use tokenway_core::http::{IoFailure, IoFailureKind, Sent};
use url::{Host, Url};

/// A URL that a secret may be sent to.
pub(super) struct Address {
    pub(super) url: Url,
}

impl Address {
    /// # Errors
    /// `NotSent`, when the URL is unreadable, carries a password, or is neither `https` nor loopback.
    pub(super) fn parse(url: &str) -> Result<Self, IoFailure> {
        let url = Url::parse(url).map_err(|error| refusal(format!("the URL cannot be read: {error}")))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refusal("the URL carries a user name or a password: take them out".to_owned()));
        }
        let address = Address { url };
        match address.url.scheme() {
            "https" => Ok(address),
            "http" if address.is_on_this_machine() => Ok(address),
            "http" => Err(refusal(format!(
                "plain http would show secrets to everybody on the way to {}: use https (http is only for 127.0.0.1, \
                 [::1] and localhost)",
                address.authority()
            ))),
            other => Err(refusal(format!("URLs of the scheme {other} are not for HTTP: use https"))),
        }
    }

    /// Whether the host is a loopback address or `localhost`.
    pub(super) fn is_on_this_machine(&self) -> bool {
        match self.url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
    }

    /// Host and port, for people.
    pub(super) fn authority(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        match self.url.port_or_known_default() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }
}

fn refusal(detail: String) -> IoFailure {
    IoFailure { sent: Sent::NotSent, kind: IoFailureKind::Unable, detail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_goes_anywhere_and_http_stays_on_this_machine() {
        for url in [
            "https://as.example/token",
            "http://127.0.0.1:80/",
            "http://127.9.9.9/",
            "http://[::1]:8/",
            "http://localhost/",
        ] {
            assert!(Address::parse(url).is_ok(), "{url}");
        }
        for url in [
            "http://as.example/token",
            "http://localhost.evil.example/",
            "http://localhost./",
            "http://0.0.0.0/",
            "http://[::ffff:127.0.0.1]/",
            "http://10.0.0.1/",
            "ftp://127.0.0.1/",
            "file:///etc/passwd",
            "https://user:pw@as.example/",
            "not a url",
        ] {
            let Err(failure) = Address::parse(url) else { panic!("{url} was taken") };
            assert_eq!(failure.sent, Sent::NotSent, "{url}");
        }
    }
}
