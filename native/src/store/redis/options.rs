//! Where the Redis is, and what is wanted of it.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use ::redis::{IntoConnectionInfo, RedisConnectionInfo};
use tokenway_core::secret::Secret;
use url::{Host, Url};

/// The port of Redis and Valkey.
const DEFAULT_PORT: u16 = 6379;

/// How a [`RedisStore`](super::RedisStore) reaches its server, and what counts as saved.
#[derive(Clone, Debug)]
pub struct RedisOptions {
    /// `redis://` or `rediss://` (TLS), `USER:PASSWORD@` where the server wants them, host, port (6379 if none) and
    /// `/DATABASE` (0 if none); `valkey://` and `valkeys://` are the same. Hidden, because it may carry a password.
    pub url: Secret,
    /// How all keys begin: letters, digits, `.`, `:`, `_` and `-`. Stores with different prefixes do not see each other.
    pub prefix: String,
    /// So many replicas must have what is saved before it counts as saved (`WAIT`). 0: the primary alone is enough, and
    /// what it had not handed on is lost when a replica takes over from it.
    pub replicas: u32,
    /// How long the replicas are waited for.
    pub replica_wait: Duration,
    /// The longest that one question to the server may take, connecting included.
    pub deadline: Duration,
    /// A PEM file of certificate authorities that are trusted besides the system's.
    pub extra_ca: Option<PathBuf>,
    /// Without TLS only a Redis on this machine is spoken to. True: tokens may cross the network in clear, for networks
    /// that encrypt by themselves.
    pub danger_send_tokens_in_clear: bool,
}

impl RedisOptions {
    /// Keys that begin with `tokenway`, no replicas, five seconds for an answer and one for replicas.
    #[must_use]
    pub fn new(url: impl Into<Secret>) -> Self {
        RedisOptions {
            url: url.into(),
            prefix: "tokenway".to_owned(),
            replicas: 0,
            replica_wait: Duration::from_secs(1),
            deadline: Duration::from_secs(5),
            extra_ca: None,
            danger_send_tokens_in_clear: false,
        }
    }

    pub(super) fn address(&self) -> Result<Address, RedisOptionsError> {
        let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || b".:_-".contains(&byte);
        if self.prefix.is_empty() || !self.prefix.bytes().all(is_fit) {
            return Err(RedisOptionsError("the prefix of the keys may have letters, digits, `.`, `:`, `_` and `-`"));
        }
        let address = Address::parse(self.url.expose()).map_err(RedisOptionsError)?;
        if !address.tls && !address.is_on_this_machine() && !self.danger_send_tokens_in_clear {
            let what = "tokens would cross the network in clear: use `rediss://`, or say that the network is trusted";
            return Err(RedisOptionsError(what));
        }
        Ok(address)
    }
}

/// Options that no store can be made of. Says what is wrong; the URL is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RedisOptionsError(&'static str);

impl fmt::Display for RedisOptionsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the Redis store: {}", self.0)
    }
}

impl std::error::Error for RedisOptionsError {}

/// A URL, taken apart.
pub(super) struct Address {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: bool,
    /// User, password and database.
    pub(super) login: RedisConnectionInfo,
}

impl Address {
    fn parse(url: &str) -> Result<Self, &'static str> {
        let mut url = Url::parse(url).map_err(|_| "its URL cannot be read")?;
        let tls = match url.scheme() {
            "redis" | "valkey" => false,
            "rediss" | "valkeys" => true,
            _ => return Err("its URL begins with neither `redis://` nor `rediss://`"),
        };
        if url.query().is_some() || url.fragment().is_some() {
            return Err("its URL has more than user, password, host, port and database");
        }
        let host = match url.host().ok_or("its URL names no host")? {
            Host::Domain(name) => name.to_owned(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        };
        let port = url.port().unwrap_or(DEFAULT_PORT);
        // Its reader knows `rediss` only with a TLS of its own.
        url.set_scheme("redis").map_err(|()| "its URL cannot be read")?;
        let info = url.into_connection_info().map_err(|_| "its URL has a user, password or database that is none")?;
        let login = info.redis_settings().clone().set_lib_name("tokenway", env!("CARGO_PKG_VERSION"));
        if host.is_empty() || login.db() < 0 {
            return Err("its URL names no host, or a database that is none");
        }
        Ok(Address { host, port, tls, login })
    }

    /// Host and port, as people read them.
    pub(super) fn place(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    fn is_on_this_machine(&self) -> bool {
        let is_loopback = |host: &str| host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
        self.host.eq_ignore_ascii_case("localhost") || is_loopback(&self.host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(url: &str) -> Result<Address, RedisOptionsError> {
        RedisOptions::new(url).address()
    }

    #[test]
    fn a_url_is_taken_apart() {
        let tls = address("rediss://app:p%40ss%2Fword@redis.example:6380/3").unwrap();
        assert_eq!((tls.place().as_str(), tls.tls, tls.login.db()), ("redis.example:6380", true, 3));
        assert_eq!((tls.login.username(), tls.login.password()), (Some("app"), Some("p@ss/word")));
        let plain = address("valkey://[::1]").unwrap();
        assert_eq!((plain.place().as_str(), plain.tls, plain.login.db()), ("[::1]:6379", false, 0));
        assert_eq!(address("redis://:secret@localhost/").unwrap().login.password(), Some("secret"));
    }

    #[test]
    fn tokens_cross_the_network_in_clear_only_when_that_is_said() {
        let mut options = RedisOptions::new("redis://redis.example");
        assert!(options.address().is_err());
        options.danger_send_tokens_in_clear = true;
        assert!(options.address().is_ok());
        for here in ["redis://localhost", "redis://127.0.0.9", "redis://[::1]"] {
            assert!(address(here).is_ok(), "{here}");
        }
    }

    #[test]
    fn what_is_no_url_of_a_redis_is_refused_without_being_repeated() {
        for url in [
            "",
            "redis",
            "http://hunter2@localhost",
            "redis://:hunter2@localhost/x",
            "redis://:hunter2@localhost/-1",
            "rediss://:hunter2@redis.example#insecure",
            "redis://localhost?password=hunter2",
            "redis://0.0.0.0",
        ] {
            let error = address(url).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.starts_with("the Redis store: its URL ") && !error.contains("hunter2"), "{url}: {error}");
        }
        let options = RedisOptions { prefix: "a{b}".to_owned(), ..RedisOptions::new("redis://localhost") };
        assert!(options.address().is_err());
    }

    #[test]
    fn options_do_not_show_their_password() {
        let options = RedisOptions::new("redis://app:hunter2@localhost");
        assert!(!format!("{options:?}").contains("hunter2"));
    }
}
