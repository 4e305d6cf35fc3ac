//! Where requests go: not after redirects, not in clear, and through a proxy only where there is one to pass.

use std::process::Command;

use tokenway_core::http::{IoFailureKind, Sent};
use tokenway_core::secret::Secret;
use tokio::io::AsyncWriteExt;

use super::super::ProxyChoice;
use super::server::Server;
use super::{HttpOptions, ReqwestHttp, client, failure, post, send, text};

#[tokio::test]
async fn redirects_are_answers_and_nobody_follows_them() {
    let elsewhere = Server::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").await;
    for status in [301, 302, 303, 307, 308] {
        let to = elsewhere.url("/");
        let server =
            Server::answering(format!("HTTP/1.1 {status} There\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n")).await;

        let answer = send(&client(), &post(server.url("/token"))).await.unwrap();

        assert_eq!((answer.status, answer.header("location")), (status, Some(to.as_str())));
    }
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn plain_http_to_another_machine_is_refused() {
    let failure = failure(&client(), &post("http://as.example/token?q=planted-query".to_owned())).await;
    assert_eq!((failure.sent, failure.kind), (Sent::NotSent, IoFailureKind::Unable));
    assert!(failure.detail.contains("use https"), "{}", failure.detail);
}

#[tokio::test]
async fn localhost_is_this_machine_by_either_family() {
    let server = Server::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").await;
    let url = format!("http://localhost:{}/token", server.address.port());
    assert_eq!(text(&send(&client(), &post(url)).await.unwrap()), "{}");
}

#[tokio::test]
async fn a_proxy_that_refuses_leaves_the_request_unsent_and_is_named_without_its_password() {
    let proxy = Server::start(|mut stream| async move {
        stream.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    })
    .await;

    let http = through(&proxy);

    let failure = failure(&http, &post("https://as.example/token?q=planted-query".to_owned())).await;

    assert_eq!((failure.sent, failure.kind), (Sent::NotSent, IoFailureKind::Unreachable));
    assert!(failure.detail.contains(&format!("through the proxy {}", proxy.address)), "{}", failure.detail);
    assert!(!failure.detail.contains("planted-password"), "{}", failure.detail);
    assert!(!format!("{http:?}").contains("planted-password"), "{http:?}");
    let [request] = &proxy.requests()[..] else { panic!("{:?}", proxy.requests()) };
    assert!(request.starts_with("CONNECT as.example:443 HTTP/1.1\r\n"), "{request}");
}

#[tokio::test]
async fn requests_to_this_machine_pass_no_proxy() {
    let proxy = Server::start(|stream| async { drop(stream) }).await;
    let server = Server::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").await;

    send(&through(&proxy), &post(server.url("/token"))).await.unwrap();

    assert_eq!((proxy.connections(), server.connections()), (0, 1));
}

#[test]
fn an_unreadable_proxy_is_said_without_showing_it() {
    let options = HttpOptions {
        proxy: ProxyChoice::Through(Secret::from("http://u:planted-password@:::/")),
        ..Default::default()
    };
    assert!(!format!("{options:?}").contains("planted-password"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();

    let failure = runtime.block_on(failure(&ReqwestHttp::new(options), &post("https://as.example/token".to_owned())));

    assert_eq!((failure.sent, failure.kind), (Sent::NotSent, IoFailureKind::Unable));
    assert!(!failure.detail.contains("planted-password"), "{}", failure.detail);
}

/// Runs itself once more, in a process whose environment names the proxy.
#[tokio::test]
async fn the_proxy_of_the_environment_is_used_and_named() {
    if let Ok(proxy) = std::env::var("EXPECTED_PROXY") {
        return ask_through_the_environments_proxy(&proxy).await;
    }
    let proxy = Server::start(|stream| async { drop(stream) }).await;
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "http::tests::routes::the_proxy_of_the_environment_is_used_and_named", "--nocapture"]);
    child.env("HTTPS_PROXY", format!("http://user:planted-password@{}", proxy.address));
    child.env("EXPECTED_PROXY", proxy.address.to_string()).env_remove("NO_PROXY").env_remove("no_proxy");

    let output = tokio::task::spawn_blocking(move || child.output()).await.unwrap().unwrap();

    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let seen = proxy.requests();
    assert!(seen.len() == 1 && seen[0].starts_with("CONNECT as.example:443 "), "{seen:?}");
}

async fn ask_through_the_environments_proxy(proxy: &str) {
    let failure = failure(&client(), &post("https://as.example/token".to_owned())).await;

    assert_eq!(failure.sent, Sent::NotSent);
    assert!(failure.detail.contains(&format!("through the proxy {proxy}")), "{}", failure.detail);
    assert!(!failure.detail.contains("planted-password"), "{}", failure.detail);
}

fn through(proxy: &Server) -> ReqwestHttp {
    let url = format!("http://user:planted-password@{}", proxy.address);
    ReqwestHttp::new(HttpOptions { proxy: ProxyChoice::Through(Secret::new(url)), ..HttpOptions::default() })
}
