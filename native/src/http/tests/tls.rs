//! Whom we trust.

use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;
use tokenway_core::http::{HttpRequest, IoFailureKind, Sent};
use tokio::io::AsyncWriteExt;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::super::ProxyChoice;
use super::server::{Server, read_request};
use super::{HttpOptions, ReqwestHttp, client, failure, post, send, text};
use tokenway_core::secret::Secret;

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_refused_before_anything_is_sent() {
    let world = World::new("localhost").await;

    let failure = failure(&client(), &world.request()).await;

    assert_eq!((failure.sent, failure.kind), (Sent::NotSent, IoFailureKind::Unreachable));
    assert!(failure.detail.contains("certificate"), "the cause is missing in {}", failure.detail);
    assert!(world.server.requests().is_empty());
}

#[tokio::test]
async fn an_extra_authority_is_trusted_among_several_in_one_file() {
    let world = World::new("localhost").await;
    let options = HttpOptions { extra_ca: Some(world.authorities()), ..HttpOptions::default() };

    let answer = send(&ReqwestHttp::new(options), &world.request()).await.unwrap();

    assert_eq!(text(&answer), "{}");
}

#[tokio::test]
async fn an_extra_authority_does_not_vouch_for_another_name() {
    let world = World::new("another.example").await;
    let options = HttpOptions { extra_ca: Some(world.authorities()), ..HttpOptions::default() };

    let failure = failure(&ReqwestHttp::new(options), &world.request()).await;

    assert_eq!(failure.sent, Sent::NotSent);
    assert!(failure.detail.contains("those in ca.pem"), "the file is not named in {}", failure.detail);
    assert!(!failure.detail.contains(&world.folder.path().display().to_string()), "{}", failure.detail);
}

#[tokio::test]
async fn tls_through_a_proxy_reaches_the_server() {
    let world = World::new("as.example").await;
    let target = world.server.address;
    let proxy = Server::start(move |mut stream| async move {
        stream.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").await.unwrap();
        let mut server = tokio::net::TcpStream::connect(target).await.unwrap();
        tokio::io::copy_bidirectional(&mut stream, &mut server).await.ok();
    })
    .await;
    let url = Secret::new(format!("http://{}", proxy.address));
    let options =
        HttpOptions { extra_ca: Some(world.authorities()), proxy: ProxyChoice::Through(url), ..HttpOptions::default() };

    let answer = send(&ReqwestHttp::new(options), &post("https://as.example/token".to_owned())).await.unwrap();

    assert_eq!(text(&answer), "{}");
    assert!(proxy.requests()[0].starts_with("CONNECT as.example:443 "));
    assert!(!proxy.requests()[0].contains("planted"), "{}", proxy.requests()[0]);
}

#[tokio::test]
async fn a_missing_empty_or_broken_authority_file_is_said_and_read_again_next_time() {
    let world = World::new("localhost").await;
    let path = world.folder.path().join("ca.pem");
    let http = ReqwestHttp::new(HttpOptions { extra_ca: Some(path.clone()), ..HttpOptions::default() });
    let broken = "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n";

    for content in [None, Some(""), Some("planted-body"), Some(broken)] {
        if let Some(content) = content {
            std::fs::write(&path, content).unwrap();
        }
        let failure = failure(&http, &world.request()).await;
        assert_eq!((failure.sent, failure.kind), (Sent::NotSent, IoFailureKind::Unable), "{content:?}");
        assert!(failure.detail.contains("ca.pem"), "{}", failure.detail);
    }

    world.authorities();
    assert_eq!(text(&send(&http, &world.request()).await.unwrap()), "{}");
}

/// A TLS server whose certificate has an authority of its own.
struct World {
    server: Server,
    folder: TempDir,
    authority: String,
}

impl World {
    async fn new(name: &str) -> Self {
        let authority = authority();
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let server = Server::accept(move |stream, requests| {
            let acceptor = acceptor.clone();
            async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let Some(request) = read_request(&mut stream).await else { return };
                requests.lock().unwrap().push(request);
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").await.unwrap();
                stream.shutdown().await.ok();
            }
        })
        .await;
        World { server, folder: TempDir::new().unwrap(), authority: authority.pem() }
    }

    fn request(&self) -> HttpRequest {
        post(format!("https://localhost:{}/token?q=planted-query", self.server.address.port()))
    }

    /// Writes another authority and then the server's into one file.
    fn authorities(&self) -> PathBuf {
        let path = self.folder.path().join("ca.pem");
        std::fs::write(&path, [authority().pem(), self.authority.clone()].concat()).unwrap();
        path
    }
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}
