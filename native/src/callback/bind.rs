//! Which loopback sockets a redirect URI needs, and binding them. RFC 8252 sections 7.3 and 8.3.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::{TcpListener, TcpSocket};
use url::{Host, Url};

use super::holder;

/// How often a free port is looked for that is free in both families: with any two ports in use, a handful is plenty.
const PAIR_TRIES: usize = 32;

/// How many connections may wait in the kernel: past that, a browser would try again only after a second.
const BACKLOG: u32 = 1024;

/// "Address family not supported" on Linux, on the BSDs and macOS, and on Windows; the standard library has no kind for
/// it.
const FAMILY_UNSUPPORTED: [i32; 3] = [97, 47, 10_047];

/// The sockets of the candidate that was free.
#[derive(Debug)]
pub(super) struct Bound {
    pub(super) listeners: Vec<TcpListener>,
    pub(super) site: Site,
}

/// A redirect URI with its port, taken apart.
#[derive(Debug)]
pub(super) struct Site {
    /// As it is sent to the server.
    pub(super) uri: String,
    /// The one `Host` that a browser sends for it.
    pub(super) authority: String,
    /// The one path that a browser asks for.
    pub(super) path: String,
}

/// Binds the first candidate that is free, by `bind` ([`listen_on`], but for tests).
///
/// # Errors
/// For a person: the first candidate that is no loopback URI, or why none is free.
pub(super) fn first_free(
    candidates: &[String],
    bind: impl Fn(SocketAddr) -> io::Result<TcpListener>,
) -> Result<Bound, String> {
    let parsed = candidates.iter().map(|text| Candidate::parse(text)).collect::<Result<Vec<_>, _>>()?;
    let mut troubles = Vec::new();
    for candidate in parsed {
        match candidate.listen(&bind) {
            Ok((listeners, port)) => return Ok(Bound { listeners, site: candidate.site(port) }),
            Err(error) => troubles.push(candidate.trouble(&error)),
        }
    }
    if troubles.is_empty() {
        return Err("no redirect URI to listen on: configure one, such as http://127.0.0.1:0/callback".into());
    }
    Err(format!("cannot listen for the redirect: {}", troubles.join("; ")))
}

/// Listens on exactly this address. Needs a tokio runtime.
pub(super) fn listen_on(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // On Unix: connections of the login before may still be in TIME_WAIT. On Windows it would let two listeners in.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

struct Candidate<'a> {
    text: &'a str,
    url: Url,
    host: String,
    port: u16,
    addresses: Vec<IpAddr>,
}

impl<'a> Candidate<'a> {
    fn parse(text: &'a str) -> Result<Self, String> {
        let refused = |why: &str| {
            format!(
                "the redirect URI {text:?} cannot be listened on: {why}; use http://127.0.0.1:0/callback or the like"
            )
        };
        let url = Url::parse(text).map_err(|error| refused(&error.to_string()))?;
        if url.scheme() != "http" {
            return Err(refused("its scheme is not http"));
        }
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err(refused("it has a user, a password or a fragment"));
        }
        let addresses: Vec<IpAddr> = match url.host() {
            Some(Host::Domain("localhost")) => vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
            Some(Host::Ipv4(address)) if address.is_loopback() => vec![address.into()],
            Some(Host::Ipv6(address)) if address.is_loopback() => vec![address.into()],
            Some(Host::Domain(_) | Host::Ipv4(_) | Host::Ipv6(_)) | None => {
                return Err(refused("its host is not this machine's loopback"));
            }
        };
        let host = url.host_str().unwrap_or_default().to_owned();
        let port = url.port_or_known_default().unwrap_or_default();
        let candidate = Candidate { text, url, host, port, addresses };
        if candidate.after_authority().is_none() {
            return Err(refused("its host and port are not written plainly"));
        }
        Ok(candidate)
    }

    /// Binds all addresses on one port. A family that this machine does not have is left out.
    fn listen(&self, bind: impl Fn(SocketAddr) -> io::Result<TcpListener>) -> io::Result<(Vec<TcpListener>, u16)> {
        for _ in 0..PAIR_TRIES {
            match self.listen_once(&bind) {
                Err(error) if self.port == 0 && error.kind() == io::ErrorKind::AddrInUse => {}
                end => return end,
            }
        }
        Err(io::ErrorKind::AddrInUse.into())
    }

    fn listen_once(&self, bind: impl Fn(SocketAddr) -> io::Result<TcpListener>) -> io::Result<(Vec<TcpListener>, u16)> {
        let mut port = self.port;
        let mut listeners = Vec::new();
        let mut absent = io::ErrorKind::AddrNotAvailable.into();
        for address in &self.addresses {
            match bind(SocketAddr::new(*address, port)) {
                Ok(listener) => {
                    port = listener.local_addr()?.port();
                    listeners.push(listener);
                }
                Err(error) if is_absent_family(&error) => absent = error,
                Err(error) => return Err(error),
            }
        }
        if listeners.is_empty() { Err(absent) } else { Ok((listeners, port)) }
    }

    fn site(&self, port: u16) -> Site {
        let uri = match self.after_authority() {
            Some(rest) if self.port == 0 => format!("http://{}:{port}{rest}", self.host),
            Some(_) | None => self.text.to_owned(),
        };
        // RFC 9110 section 7.2: the default port is left out of Host.
        let authority = if port == 80 { self.host.clone() } else { format!("{}:{port}", self.host) };
        Site { uri, authority, path: self.url.path().to_owned() }
    }

    /// What follows the host and port in the text, when those are written as a URL parser would write them.
    fn after_authority(&self) -> Option<&'a str> {
        let rest = self.text.strip_prefix("http://")?.strip_prefix(&self.host)?;
        let rest = rest.strip_prefix(&format!(":{}", self.port)).unwrap_or(rest);
        (rest.is_empty() || rest.starts_with(['/', '?'])).then_some(rest)
    }

    fn trouble(&self, error: &io::Error) -> String {
        let Candidate { text, port, .. } = self;
        if error.kind() != io::ErrorKind::AddrInUse {
            return format!("port {port} for {text} cannot be bound ({error}): configure another");
        }
        match holder::of_port(*port) {
            Some(holder) => format!("port {port} for {text} is taken by {holder}: finish or end that first"),
            None => {
                let command = holder::COMMAND.replace("PORT", &port.to_string());
                format!("port {port} for {text} is taken: {command} shows by whom; finish or end that first")
            }
        }
    }
}

fn is_absent_family(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::AddrNotAvailable | io::ErrorKind::Unsupported)
        || error.raw_os_error().is_some_and(|code| FAMILY_UNSUPPORTED.contains(&code))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(candidates: &[&str]) -> Result<Bound, String> {
        bound_by(candidates, listen_on)
    }

    fn bound_by(candidates: &[&str], bind: impl Fn(SocketAddr) -> io::Result<TcpListener>) -> Result<Bound, String> {
        first_free(&candidates.iter().map(|&text| text.to_owned()).collect::<Vec<_>>(), bind)
    }

    fn addresses(bound: &Bound) -> Vec<SocketAddr> {
        bound.listeners.iter().map(|listener| listener.local_addr().unwrap()).collect()
    }

    #[tokio::test]
    async fn only_loopback_is_listened_on() {
        for uri in [
            "http://0.0.0.0:0/cb",
            "http://[::]:0/cb",
            "http://192.168.0.1:0/cb",
            "http://example.com:0/cb",
            "http://localhost.example.com:0/cb",
            "http://[::ffff:127.0.0.1]:0/cb",
            "https://127.0.0.1:0/cb",
            "http://user@127.0.0.1:0/cb",
            "http://127.0.0.1:0/cb#x",
            "http://127.1:0/cb",
            "com.example:/cb",
            "not a URI",
        ] {
            let refused = bound(&[uri, "http://127.0.0.1:0/cb"]).unwrap_err();
            assert!(refused.contains("cannot be listened on") && refused.contains(uri), "{refused}");
        }
    }

    #[tokio::test]
    async fn any_free_port_is_named_in_the_uri_and_nothing_else_changes() {
        let bound = bound(&["http://127.0.0.1:0/a/../cb?tenant=x"]).unwrap();
        let port = addresses(&bound)[0].port();
        assert_eq!(bound.site.uri, format!("http://127.0.0.1:{port}/a/../cb?tenant=x"));
        assert_eq!(bound.site.authority, format!("127.0.0.1:{port}"));
        assert_eq!(bound.site.path, "/cb");
    }

    #[tokio::test]
    async fn a_fixed_uri_is_kept_to_the_letter() {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let uri = format!("http://127.0.0.1:{port}");
        let bound = bound(&[&uri]).unwrap();
        assert_eq!(bound.site.uri, uri);
        assert_eq!(bound.site.path, "/");
    }

    #[tokio::test]
    async fn two_logins_at_once_do_not_clash() {
        let (first, second) = (bound(&["http://127.0.0.1:0/cb"]).unwrap(), bound(&["http://127.0.0.1:0/cb"]).unwrap());
        assert_ne!(first.site.uri, second.site.uri);
    }

    #[tokio::test]
    async fn localhost_listens_on_both_families_with_one_port() {
        let bound = bound(&["http://localhost:0/cb"]).unwrap();
        let addresses = addresses(&bound);
        assert_eq!(addresses[0].ip(), Ipv4Addr::LOCALHOST);
        assert_eq!(addresses[1].ip(), Ipv6Addr::LOCALHOST);
        assert_eq!(addresses[0].port(), addresses[1].port());
    }

    #[tokio::test]
    async fn a_free_pair_is_looked_for_again_when_the_other_family_has_the_port_taken() {
        let refusals = std::cell::Cell::new(5);
        let bound = bound_by(&["http://localhost:0/cb"], |address| {
            if address.is_ipv6() && refusals.replace(refusals.get().max(1) - 1) > 0 {
                return Err(io::ErrorKind::AddrInUse.into());
            }
            listen_on(address)
        })
        .unwrap();
        assert_eq!(bound.listeners.len(), 2);
        assert_eq!(refusals.get(), 0);
    }

    #[tokio::test]
    async fn localhost_makes_do_with_the_family_that_exists() {
        let errors: [fn() -> io::Error; 2] =
            [|| io::ErrorKind::AddrNotAvailable.into(), || io::Error::from_raw_os_error(FAMILY_UNSUPPORTED[0])];
        for (missing_is_v4, error) in [(true, errors[0]), (false, errors[0]), (true, errors[1]), (false, errors[1])] {
            let bound = bound_by(&["http://localhost:0/cb"], |address| {
                if address.is_ipv4() == missing_is_v4 { Err(error()) } else { listen_on(address) }
            })
            .unwrap();
            assert_eq!(bound.listeners.len(), 1);
            assert_eq!(addresses(&bound)[0].is_ipv6(), missing_is_v4);
            assert!(!bound.site.uri.contains(":0/"));
        }
    }

    #[tokio::test]
    async fn a_port_that_a_stranger_holds_in_the_other_family_is_not_ours() {
        let stranger = std::net::TcpListener::bind("[::1]:0").unwrap();
        let port = stranger.local_addr().unwrap().port();
        let refused = bound(&[&format!("http://localhost:{port}/cb")]).unwrap_err();
        assert!(refused.contains(&format!("port {port}")), "{refused}");
    }

    #[tokio::test]
    async fn the_next_candidate_is_taken_when_the_first_is_busy() {
        let busy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = busy.local_addr().unwrap().port();
        let bound = bound(&[&format!("http://127.0.0.1:{port}/cb"), "http://127.0.0.1:0/cb"]).unwrap();
        assert_ne!(addresses(&bound)[0].port(), port);
    }

    #[tokio::test]
    async fn all_busy_names_every_port() {
        let busy =
            [std::net::TcpListener::bind("127.0.0.1:0").unwrap(), std::net::TcpListener::bind("127.0.0.1:0").unwrap()];
        let ports = busy.each_ref().map(|listener| listener.local_addr().unwrap().port());
        let uris = ports.map(|port| format!("http://127.0.0.1:{port}/cb"));
        let refused = bound(&[&uris[0], &uris[1]]).unwrap_err();
        assert!(ports.iter().all(|port| refused.contains(&format!("port {port}"))), "{refused}");
    }

    #[tokio::test]
    async fn no_candidate_says_what_to_configure() {
        assert!(bound(&[]).unwrap_err().contains("configure one"));
    }
}
