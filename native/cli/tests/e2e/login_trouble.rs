//! Logins that do not come to their end as planned, and what the person is told.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;
use url::Url;

use crate::peer::{Home, Peer, Waiting, deliver, finish, person};

fn args(peer: &Peer) -> [&str; 5] {
    ["login", "--issuer", peer.issuer(), "--client-id", "native"]
}

#[test]
fn a_person_who_declines_is_not_logged_in() {
    let (peer, home) = (Peer::start(), Home::new());
    let mut command = home.command(&args(&peer));
    command.env("BROWSER", person("--deny"));
    let run = finish(command).exits(1).prints_nothing();
    run.says("access_denied").says("declined").says("Log in again");
    assert_eq!(peer.count("token_requests"), 0);
    home.run(&["token"]).exits(3);
}

#[test]
fn a_configuration_that_cannot_work_is_said_before_anything_is_opened() {
    let (peer, home) = (Peer::start(), Home::new());
    let run = home.run(&["login", "nosuch"]).exits(2).prints_nothing();
    run.says("no provider called \"nosuch\"").says("codex").says("--issuer URL");
    let run = home.run(&["login", "--issuer", "http://as.example", "--client-id", "native"]);
    run.exits(5).prints_nothing().says("only https is allowed, and http to a loopback address");
    let run = home.run(&["login", "--issuer", peer.issuer()]).exits(5).prints_nothing();
    run.says("--client-id");
    let run = home.run(&["login", "codex", "--issuer", peer.issuer()]).exits(2);
    run.says("a provider's name or --issuer, not both");
    let missing = home.path().join("nosuch");
    let run = home.run(&[&args(&peer)[..], &["--client-secret-file", missing.to_str().unwrap()]].concat()).exits(5);
    run.says(missing.to_str().unwrap());
    home.write("providers.json", "[{\"id\": 1}]");
    home.run(&["providers"]).exits(5).says("providers.json").says("line 1");
    assert_eq!(peer.log().len(), 0);
}

#[test]
fn a_server_that_calls_itself_otherwise_is_not_believed() {
    let (peer, home) = (Peer::start(), Home::new());
    let other_name = peer.issuer().replace("127.0.0.1", "localhost");
    let run = home.run(&["login", "--issuer", &other_name, "--client-id", "native"]).exits(5).prints_nothing();
    run.says(peer.issuer()).says(&other_name);
}

#[test]
fn a_server_that_is_not_there_is_to_be_asked_later() {
    let home = Home::new();
    let run = home.run(&["login", "--issuer", "http://127.0.0.1:1", "--client-id", "native"]).exits(4).prints_nothing();
    run.says("refused").says("Try again");
}

#[test]
fn a_wrong_client_secret_is_a_matter_of_configuration() {
    let (peer, home) = (Peer::start(), Home::new());
    let file = home.write("secret", "wrong");
    let named = ["--issuer", peer.issuer(), "--client-id", "conf-basic"];
    let with_secret = [&["login"], &named[..], &["--client-secret-file", file.to_str().unwrap()]].concat();
    home.run(&with_secret).exits(5).prints_nothing().says("invalid_client").says("HTTP 401");
    let without = home.run(&[&["login"], &named[..]].concat()).exits(5).prints_nothing();
    without.says("invalid_client").says("--client-secret-file");
}

#[test]
fn a_login_that_nobody_finishes_ends() {
    let (peer, home) = (Peer::start(), Home::new());
    let run = home.run(&[&args(&peer)[..], &["--no-browser", "--timeout", "0.3"]].concat()).exits(3).prints_nothing();
    run.says("nobody came back from the browser in time")
        .says("If the browser showed an error")
        .says("tokenway login --issuer");
}

#[test]
fn an_interrupt_ends_the_wait_at_once_and_frees_the_port() {
    let (peer, home) = (Peer::start(), Home::new());
    for options in [&["--no-browser"][..], &["--no-browser", "--json"]] {
        let waiting = Waiting::start(home.command(&[&args(&peer)[..], options].concat()));
        let port = redirect_uri(&waiting.url()).port().unwrap();
        let started = Instant::now();
        waiting.signal("INT");
        let run = waiting.end().exits(130).prints_nothing();
        assert!(started.elapsed() < Duration::from_secs(2), "it took {:?}", started.elapsed());
        run.says("interrupted");
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "nobody listens any more");
    }
}

#[test]
fn an_interrupt_ends_a_login_with_a_terminal_too() {
    let (peer, home) = (Peer::start(), Home::new());
    let mut command = home.command_on_a_terminal(&[&args(&peer)[..], &["--no-browser"]].concat());
    command.stdin(std::process::Stdio::piped());
    let mut waiting = Waiting::start(command);
    waiting.url();
    // Ctrl-C, as the terminal's driver would see it typed.
    waiting.type_line("\u{3}");
    waiting.end().exits(130).prints_nothing();
}

#[test]
fn the_address_that_the_browser_ends_on_can_be_pasted() {
    let (peer, home) = (Peer::start(), Home::new());
    let mut command = home.command_on_a_terminal(&[&args(&peer)[..], &["--no-browser"]].concat());
    command.stdin(std::process::Stdio::piped());
    let mut waiting = Waiting::start(command);
    let url = waiting.url();
    waiting.waits_for("paste here the address");
    let callback = crate::peer::walk(&url, &[]);
    let code = Url::parse(&callback).unwrap().query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();

    waiting.type_line(&code);
    waiting.waits_for("That does not fit: ");
    waiting.type_line("https://as.example/welcome");
    waiting.waits_for("that is another address");
    assert_eq!(peer.count("token_requests"), 0, "neither of them was believed");
    waiting.type_line(&callback);
    waiting.end().succeeds().prints("as alice").says("a code alone is not enough here");
    assert_eq!(peer.whose(&home.token(&[])), "alice");
}

#[test]
fn a_terminal_is_coloured_unless_it_shall_not_be() {
    let (peer, home) = (Peer::start(), Home::new());
    let on_terminal = |no_color: &str| {
        let mut command = home.command_on_a_terminal(&[&args(&peer)[..], &["--force"]].concat());
        command.env("NO_COLOR", no_color).stdin(std::process::Stdio::piped());
        Waiting::start(command).end().succeeds()
    };
    on_terminal("").says("\x1b[1m");
    let plain = on_terminal("1");
    assert!(!plain.stderr.contains('\x1b'), "{plain:?}");
    let piped = home.run(&[&args(&peer)[..], &["--force"]].concat()).succeeds();
    assert!(!piped.stderr.contains('\x1b'), "{piped:?}");
}

#[test]
fn a_browser_that_fails_leaves_the_address_to_be_opened_by_hand() {
    let (peer, home) = (Peer::start(), Home::new());
    for browser in ["false", "/nosuch/browser"] {
        let mut command = home.command(&[&args(&peer)[..], &["--force"]].concat());
        command.env("BROWSER", browser);
        let waiting = Waiting::start(command);
        waiting.waits_for("No browser could be started");
        let callback = crate::peer::walk(&waiting.url(), &[]);
        deliver(&callback);
        waiting.end().succeeds().prints("as alice");
    }
    let mut command = home.command(&[&args(&peer)[..], &["--force"]].concat());
    command.env_remove("BROWSER");
    let waiting = Waiting::start(command);
    if cfg!(target_os = "linux") {
        waiting.waits_for("No browser could be started");
    }
}

#[test]
fn what_a_browser_prints_is_not_in_our_output() {
    let (peer, home) = (Peer::start(), Home::new());
    let script = format!("echo NOISE; echo NOISE >&2; {}", person("").replace("%s", "\"$1\""));
    let noisy = home.write("noisy.sh", &script);
    let mut command = home.command(&args(&peer));
    command.env("BROWSER", format!("sh '{}' %s", noisy.display()));
    let run = finish(command).succeeds();
    assert!(!run.stdout.contains("NOISE") && !run.stderr.contains("NOISE"), "{run:?}");
    assert_eq!(run.stdout.lines().count(), 1, "{run:?}");
}

#[test]
fn a_store_that_cannot_be_written_is_found_out_before_the_person_logs_in() {
    let (peer, home) = (Peer::start(), Home::new());
    let in_the_way = home.write("file", "");
    let mut command = home.command(&args(&peer));
    command.env("TOKENWAY_HOME", &in_the_way);
    finish(command).exits(5).prints_nothing().says(in_the_way.to_str().unwrap());
    assert_eq!(peer.log().len(), 0);
}

#[test]
fn an_exchange_that_fails_says_what_the_server_said() {
    let (peer, home) = (Peer::start(), Home::new());
    let body = json!({ "error": "invalid_grant", "error_description": "the code is too old" });
    peer.answer_once(400, &json!({}), &body);
    let run = home.run(&args(&peer)).exits(3).prints_nothing();
    run.says("the code is too old").says("HTTP 400, invalid_grant").says("Log in: tokenway login");
    peer.drop_answer_once();
    let run = home.run(&args(&peer)).exits(3).prints_nothing();
    run.says("the answer was lost, and the code can be used only once");
    home.run(&args(&peer)).succeeds();
}

pub(crate) fn redirect_uri(authorization_url: &str) -> Url {
    let url = Url::parse(authorization_url).unwrap();
    let (_, uri) = url.query_pairs().find(|(name, _)| name == "redirect_uri").unwrap();
    Url::parse(&uri).unwrap()
}
