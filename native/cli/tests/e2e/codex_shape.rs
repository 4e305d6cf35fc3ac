//! The login of the Codex shape: a fixed `http://localhost:1455/auth/callback`, and 1457 when that is taken.
//!
//! Two ports for all tests of this machine, so a file lock lets one test at a time have them.

use std::fs::File;

use serde_json::json;

use crate::login_trouble::redirect_uri;
use crate::peer::{Home, Peer, Waiting, deliver, until, walk};

#[test]
fn a_login_in_the_codex_shape_gives_a_token() {
    let _ports = hold_ports();
    let (peer, home) = codex_like();
    home.run(&["login", "codex-like"]).succeeds().prints("Logged in to Like Codex as alice");
    assert_eq!(peer.whose(&home.token(&["codex-like"])), "alice");
    let renewed = home.rejecting(&home.token(&[]), &[]).token();
    assert_eq!(peer.whose(&renewed), "alice");
    home.run(&["logout", "codex-like"]).succeeds().prints("the server has revoked the tokens");
}

#[test]
fn a_login_beside_another_takes_the_second_port_and_a_third_is_told_who_holds_them() {
    let _ports = hold_ports();
    let (peer, home) = codex_like();
    let login = |account: &str| home.command(&["login", "codex-like", "--account", account, "--no-browser"]);
    let first = Waiting::start(login("first"));
    assert_eq!(redirect_uri(&first.url()).as_str(), "http://localhost:1455/auth/callback");
    let second = Waiting::start(login("second"));
    assert_eq!(redirect_uri(&second.url()).as_str(), "http://localhost:1457/auth/callback");

    let third = Waiting::start(login("third")).end().exits(5).prints_nothing();
    let third = third.says("1455").says("1457").says("tokenway");
    if cfg!(target_os = "linux") {
        third.says(&format!("process {} (tokenway)", first.pid())).says(&format!("process {}", second.pid()));
    }

    let callback = walk(&second.url(), &["--user", "bob"]);
    deliver(&callback);
    second.end().succeeds().prints("as bob");
    assert_eq!(peer.whose(&home.token(&["--account", "second"])), "bob");
    drop(first);
}

/// A server, and a home that knows it as a provider of the Codex shape.
fn codex_like() -> (Peer, Home) {
    let (peer, home) = (Peer::start(), Home::new());
    let provider = json!([{
        "id": "codex-like",
        "name": "Like Codex",
        "issuer": peer.issuer(),
        "client_id": "fixed-port",
        "redirect": { "host": "localhost", "ports": [1455, 1457], "path": "/auth/callback" },
    }]);
    home.write("providers.json", &provider.to_string());
    (peer, home)
}

/// Both ports are free, and stay ours until this is dropped.
fn hold_ports() -> File {
    let lock = File::create(std::env::temp_dir().join("tokenway-tests-port-1455.lock")).unwrap();
    lock.lock().unwrap();
    for port in [1455, 1457] {
        until("the fixed ports are free", || std::net::TcpListener::bind(("127.0.0.1", port)).is_ok());
    }
    lock
}
