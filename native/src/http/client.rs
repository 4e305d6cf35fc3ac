//! How reqwest is set up: nothing that repeats, redirects or reuses, and TLS as the system trusts it.

use std::path::{Path, PathBuf};

use ::reqwest::redirect::Policy;
use ::reqwest::{Certificate, Client, Proxy, retry};
use hyper_util::client::proxy::matcher::Matcher;
use tokenway_core::http::{IoFailure, IoFailureKind, Sent};
use tokenway_core::secret::Secret;

use super::address::Address;
use super::gate::GateLayer;
use super::message::cause_chain;

/// How requests reach their servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpOptions {
    /// A PEM file of certificate authorities that are trusted besides the system's: for company networks and tests.
    pub extra_ca: Option<PathBuf>,
    /// The proxy, for servers that are not on this machine.
    pub proxy: ProxyChoice,
    /// The `user-agent` header.
    pub user_agent: String,
}

impl Default for HttpOptions {
    /// The system's proxy and authorities; `tokenway/` and the version as user agent.
    fn default() -> Self {
        HttpOptions {
            extra_ca: None,
            proxy: ProxyChoice::System,
            user_agent: concat!("tokenway/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// Which proxy is used. Servers on this machine (loopback addresses and `localhost`) are always reached directly.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ProxyChoice {
    /// None, whatever the environment says.
    Direct,
    /// `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` (lower case too), then the settings of macOS or Windows.
    #[default]
    System,
    /// This one: `http://`, `https://`, `socks5://` or `socks5h://`. Hidden, because it may carry a password.
    Through(Secret),
}

/// A client and what is known about the way it takes.
#[derive(Debug)]
pub(super) struct Built {
    pub(super) client: Client,
    proxy: Option<Matcher>,
    extra_ca: Option<String>,
}

impl Built {
    /// For servers on this machine: no proxy, and `localhost` is this machine whatever the name service says.
    pub(super) fn for_loopback(options: &HttpOptions) -> Result<Self, IoFailure> {
        let here = [([127, 0, 0, 1], 0).into(), ([0, 0, 0, 0, 0, 0, 0, 1], 0).into()];
        Built::new(options, None, |builder| Ok(builder.no_proxy().resolve_to_addrs("localhost", &here)))
    }

    /// For all other servers.
    pub(super) fn for_the_net(options: &HttpOptions) -> Result<Self, IoFailure> {
        match &options.proxy {
            ProxyChoice::Direct => Built::new(options, None, |builder| Ok(builder.no_proxy())),
            ProxyChoice::System => Built::new(options, Some(Matcher::from_system()), Ok),
            ProxyChoice::Through(url) => {
                let matcher = Matcher::builder().all(url.expose().to_owned()).build();
                Built::new(options, Some(matcher), |builder| {
                    let proxy = Proxy::all(url.expose()).map_err(|_| unable("the proxy's URL cannot be read"))?;
                    Ok(builder.proxy(proxy))
                })
            }
        }
    }

    fn new(
        options: &HttpOptions,
        proxy: Option<Matcher>,
        route: impl FnOnce(::reqwest::ClientBuilder) -> Result<::reqwest::ClientBuilder, IoFailure>,
    ) -> Result<Self, IoFailure> {
        let builder = Client::builder()
            .connector_layer(GateLayer)
            .http1_only()
            .pool_max_idle_per_host(0)
            .redirect(Policy::none())
            .referer(false)
            .retry(retry::never())
            .user_agent(&options.user_agent);
        let mut builder = route(builder)?;
        if let Some(path) = &options.extra_ca {
            builder = builder.tls_certs_merge(read_authorities(path)?);
        }
        let client =
            builder.build().map_err(|error| unable(format!("HTTP cannot be set up: {}", cause_chain(&error))))?;
        Ok(Built { client, proxy, extra_ca: options.extra_ca.as_deref().map(file_name) })
    }

    /// The way to `address`, for people: the proxy by host and port, the extra authorities by file name. Empty when the
    /// way is plain.
    pub(super) fn way_to(&self, address: &Address) -> String {
        let mut way = String::new();
        if let Some(proxy) = self.proxy_for(address) {
            way.push_str(&format!(", through the proxy {proxy}"));
        }
        if let Some(file) = &self.extra_ca {
            way.push_str(&format!(", trusting the system's certificate authorities and those in {file}"));
        }
        way
    }

    fn proxy_for(&self, address: &Address) -> Option<String> {
        let target = address.url.as_str().parse().ok()?;
        let intercept = self.proxy.as_ref()?.intercept(&target)?;
        let host = intercept.uri().host()?;
        Some(match intercept.uri().port_u16() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        })
    }
}

fn read_authorities(path: &Path) -> Result<Vec<Certificate>, IoFailure> {
    let file = file_name(path);
    let pem = std::fs::read(path)
        .map_err(|error| unable(format!("the certificate authorities in {file} cannot be read: {error}")))?;
    let authorities = Certificate::from_pem_bundle(&pem).map_err(|error| {
        unable(format!("the certificate authorities in {file} are not valid PEM: {}", cause_chain(&error)))
    })?;
    if authorities.is_empty() {
        return Err(unable(format!("{file} holds no certificate: it must be a PEM file of certificate authorities")));
    }
    Ok(authorities)
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

fn unable(detail: impl Into<String>) -> IoFailure {
    IoFailure { sent: Sent::NotSent, kind: IoFailureKind::Unable, detail: detail.into() }
}
