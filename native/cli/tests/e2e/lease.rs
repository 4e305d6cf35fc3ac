//! Tokens on loan: handed out where the login is, used where it is not.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::peer::{Home, Peer, finish, until};

/// The path as an argument.
fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_lease_works_where_nobody_is_logged_in_and_holds_nothing_that_renews() {
    let (peer, home, elsewhere) = (Peer::start(), Home::new(), Home::new());
    home.login(peer.issuer(), "native", &["--scope", "openid email offline_access"]);
    let file = home.path().join("lease.json");
    home.run(&["lease", "--out", text(&file)]).succeeds().prints("The lease of").prints("Nothing in it renews");
    let written = fs::read_to_string(&file).unwrap();
    let stored = home.records()[0]["record"].clone();
    for secret in [stored["refresh_token"].as_str().unwrap(), "alice", "refresh", "id_token"] {
        assert!(!written.contains(secret), "{secret:?} is in the lease");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let asked = peer.count("token_requests");
    let token = elsewhere.run(&["token", "--lease", text(&file)]).token();
    assert_eq!(token, home.token(&[]));
    assert_eq!(peer.whose(&token), "alice");
    let mut command = elsewhere.command(&["token", "--header"]);
    command.env("TOKENWAY_LEASE", &file);
    finish(command).succeeds().prints(&format!("Authorization: Bearer {token}\n"));
    let status = elsewhere.run(&["status", "--lease", text(&file)]).succeeds();
    status.prints("access token: expires in").prints("renewal: on ").prints("tokenway lease --issuer");
    let status = elsewhere.run(&["status", "--lease", text(&file), "--json"]).succeeds().json();
    assert_eq!((&status["standing"], &status["renewable"]), (&json!("fresh"), &json!(false)));
    elsewhere.run(&["token"]).exits(3).says("nobody is logged in");
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0, "it is used, and not kept");
    assert_eq!(peer.count("token_requests"), asked, "nothing was asked of the server");
}

#[test]
fn a_lease_is_json_on_stdout_and_one_that_is_short_is_handed_out_and_used_with_a_word_about_it() {
    let (peer, home) = (Peer::start(), Home::new());
    home.login(peer.issuer(), "native", &[]);
    let plain = home.run(&["lease"]).succeeds().json();
    let run = home.run(&["lease", "--json", "--min-ttl", "3600"]).succeeds();
    let lease = run.json();
    run.says("does not live as long as you asked for");
    assert_eq!(lease["tokenway_lease"], 1);
    assert_eq!(lease["key"]["provider"], peer.issuer());
    for member in ["access_token", "expires_at", "host", "key", "scopes"] {
        assert_eq!(lease[member], plain[member], "{member}");
    }
    let file = home.write("lease.json", &lease.to_string());
    let run = home.run(&["token", "--lease", text(&file), "--min-ttl", "3600", "--json"]).succeeds();
    assert_eq!(run.json()["access_token"], lease["access_token"]);
    assert_eq!(run.json()["notes"].as_array().unwrap().len(), 1);
    run.says("ends sooner than you asked for");
}

#[test]
fn a_lease_that_is_over_sends_nothing_and_says_on_which_machine_to_take_another() {
    let (peer, home, elsewhere) = (Peer::start(), Home::new(), Home::new());
    home.login(peer.issuer(), "short", &["--account", "work"]);
    let file = elsewhere.path().join("lease.json");
    let lease = home.run(&["lease", "--json", "--out", text(&file)]).succeeds().json();
    assert_eq!(lease["file"], text(&file));
    let host = fs::read_to_string(&file).unwrap().parse::<Value>().unwrap()["host"].as_str().unwrap().to_owned();
    assert!(!host.is_empty());
    let token = ["token", "--lease", text(&file), "--json"];
    until("two seconds have passed", || elsewhere.run(&token).code == Some(3));
    let happened = peer.log().len();
    let over = elsewhere.run(&token).exits(3).prints_nothing().json_error();
    assert_eq!((&over["error"]["exit_code"], &over["error"]["failure"]["kind"]), (&json!(3), &json!("no_credential")));
    let command = format!("tokenway lease --issuer {} --client-id short --account work", peer.issuer());
    let run = elsewhere.run(&["token", "--lease", text(&file)]).exits(3).prints_nothing();
    run.says("a lease is not renewed").says(&format!("Take a new lease on {host}, where the login is kept: {command}"));
    elsewhere.run(&["status", "--lease", text(&file)]).succeeds().prints("expired");
    assert_eq!(peer.log().len(), happened, "nothing was sent");

    let words: Vec<&str> = command.split(' ').skip(1).chain(["--out", text(&file)]).collect();
    home.run(&words).succeeds();
    assert!(peer.log().len() > happened, "the login renewed it");
}

#[test]
fn the_rejected_token_of_a_lease_is_not_lent_again_and_nothing_is_sent_for_another() {
    let (peer, home) = (Peer::start(), Home::new());
    home.login(peer.issuer(), "native", &[]);
    let file = home.path().join("lease.json");
    home.run(&["lease", "--out", text(&file)]).succeeds();
    let happened = peer.log().len();
    let old = home.token(&["--lease", text(&file)]);
    let rejecting = ["token", "--lease", text(&file), "--rejected", "-"];
    home.run_with_input(&rejecting, &old).exits(3).prints_nothing().says("the API refused the token of the lease");
    assert_eq!(home.run_with_input(&rejecting, "another").token(), old);
    assert_eq!(peer.log().len(), happened);
}

#[test]
fn what_is_no_lease_or_the_lease_of_another_login_is_refused_without_being_quoted() {
    let (peer, home) = (Peer::start(), Home::new());
    home.login(peer.issuer(), "native", &[]);
    let lease = home.run(&["lease"]).succeeds().stdout;
    let file = home.write("lease.json", &lease);
    home.run(&["token", "codex", "--lease", text(&file)]).exits(2).prints_nothing().says("is of another login");
    home.run(&["token", "--account", "work", "--lease", text(&file)]).exits(2).says("is of another login");
    for (content, said) in [
        ("planted", "not a lease"),
        ("{}", "not a lease"),
        (&lease.replace("\"tokenway_lease\":1", "\"tokenway_lease\":2"), "newer version"),
        (&lease.replace("\"host\":\"", "\"host\":\"planted\\u001b[31m"), "its \"host\""),
        (&"planted ".repeat(200_000), "too large"),
    ] {
        let file = home.write("bad.json", content);
        let run = home.run(&["token", "--lease", text(&file)]).exits(5).prints_nothing().says(said);
        assert!(!run.stderr.contains("planted"), "{}", run.stderr);
    }
    let folder = text(home.path());
    home.run(&["token", "--lease", folder]).exits(5).prints_nothing();
    home.run(&["lease", "--out", folder]).exits(5).prints_nothing().says("not a file");
    home.run(&["token", "--lease", "nowhere.json"]).exits(5).says("nowhere.json");
    Home::new()
        .run(&["lease", "--issuer", peer.issuer(), "--client-id", "native"])
        .exits(3)
        .says("Log in: tokenway login");
}
