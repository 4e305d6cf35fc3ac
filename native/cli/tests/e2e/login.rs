//! Logging in, asking for tokens, looking, logging out.

use std::process::Command;

use serde_json::json;

use crate::login_trouble::redirect_uri;
use crate::peer::{Home, Peer, Waiting, deliver, finish, person, walk};

const NOBODY: &str = "nobody is logged in";

#[test]
fn after_a_login_any_program_gets_a_token_that_the_server_accepts() {
    let (peer, home) = (Peer::start(), Home::new());
    let login = home.login(peer.issuer(), "native", &[]);
    assert!(login.stdout.starts_with(&format!("Logged in to {} as alice.", peer.issuer())), "{login:?}");
    assert_eq!(login.stdout.lines().count(), 1, "{login:?}");
    login.says("plain http, which is allowed on this machine only");

    let run = home.run(&["token"]);
    assert_eq!(run.stderr, "", "a token that is there needs no words");
    let token = run.token();
    assert_eq!(peer.whose(&token), "alice");

    let named = ["--issuer", peer.issuer(), "--client-id", "native"];
    assert_eq!(home.token(&named), token);
    let header = home.run(&["token", "--header"]).succeeds();
    assert_eq!(header.stdout, format!("Authorization: Bearer {token}\n"));
    let json = home.run(&["token", "--json"]).succeeds().json();
    assert_eq!(json["access_token"], json!(token));
    assert_eq!(json["authorization"], json!(format!("Bearer {token}")));
    assert_eq!(json["scopes"], json!(["openid", "offline_access"]));
    assert!(json["expires_at"].as_u64().unwrap() > 1_700_000_000_000, "{json}");
    assert_eq!(peer.count("refreshes"), 0, "the token was fresh all the time");
    assert_eq!(peer.count("exchanges"), 1);
}

#[test]
fn logging_in_while_logged_in_says_who_is() {
    let (peer, home) = (Peer::start(), Home::new());
    let args = ["login", "--issuer", peer.issuer(), "--client-id", "native"];
    home.run(&args).succeeds();
    let first = home.token(&[]);
    let requests = peer.log().len();

    let refused = home.run(&args).exits(2).prints_nothing();
    refused.says("alice is logged in already").says("--force").says("--account LABEL").says("tokenway logout");
    let refused = home.run(&[&args[..], &["--json"]].concat()).exits(2).prints_nothing();
    assert_eq!(refused.json_error()["error"]["exit_code"], json!(2));
    assert_eq!(peer.log().len(), requests, "nothing was asked of the server");
    assert_eq!(home.token(&[]), first);

    home.run(&[&args[..], &["--force"]].concat()).succeeds();
    assert_ne!(home.token(&[]), first);

    let mut bob = home.command(&[&args[..], &["--force"]].concat());
    bob.env("BROWSER", person("--user bob"));
    finish(bob).succeeds().says("This replaces the login of alice.").prints("as bob.");
    assert_eq!(peer.whose(&home.token(&[])), "bob");
}

#[test]
fn two_accounts_are_kept_apart_and_a_bare_token_asks_which() {
    let (peer, home) = (Peer::start(), Home::new());
    let login_as = |account: &str, user: &str| {
        let args = ["login", "--issuer", peer.issuer(), "--client-id", "native", "--account", account];
        let mut command = home.command(&args);
        command.env("BROWSER", person(&format!("--user {user}")));
        finish(command).succeeds();
    };
    login_as("work", "alice");
    login_as("home", "bob");

    let which = home.run(&["token"]).exits(2).prints_nothing();
    which.says("several logins").says(", work)").says(", home)").says("--account");
    assert_eq!(peer.whose(&home.token(&["--account", "work"])), "alice");
    assert_eq!(peer.whose(&home.token(&["--account", "home"])), "bob");
    home.run(&["token", "--account", "third"]).exits(3).prints_nothing().says(NOBODY);

    let list = home.run(&["list"]).succeeds();
    assert_eq!(list.stdout.lines().count(), 2, "{list:?}");
    list.prints("work): alice, token expires in").prints("home): bob, token expires in");
    let logins = home.run(&["list", "--json"]).succeeds().json()["logins"].clone();
    let accounts: Vec<_> = logins.as_array().unwrap().iter().map(|login| login["key"]["account"].clone()).collect();
    assert_eq!(accounts, [json!("home"), json!("work")]);

    home.run(&["logout", "--account", "work"]).succeeds().prints("alice is logged out");
    assert_eq!(peer.whose(&home.token(&[])), "bob", "only one is left, so it needs no name");
    login_as("work", "alice");
    home.run(&["logout", "--all"]).succeeds().prints("alice is logged out").prints("bob is logged out");
    home.run(&["list"]).succeeds().prints_nothing().says("Nobody is logged in.");
    home.run(&["logout", "--all"]).succeeds().prints_nothing().says("Nobody was logged in.");
}

#[test]
fn status_tells_one_login_without_asking_the_server() {
    let (peer, home) = (Peer::start(), Home::new());
    home.run(&["status"]).exits(3).prints_nothing().says(NOBODY).says("tokenway login");
    let named = ["status", "--issuer", peer.issuer(), "--client-id", "native"];
    let login_command = format!("tokenway login --issuer {} --client-id native", peer.issuer());
    home.run(&named).exits(3).prints_nothing().says(NOBODY).says(&login_command);

    home.login(peer.issuer(), "native", &["--scope", "openid email offline_access"]);
    let requests = peer.log().len();
    let status = home.run(&["status"]).succeeds();
    let status = status.prints("alice@example.test").prints("access token: fresh, expires in").prints("renewal: yes");
    status.prints("scopes: openid email offline_access").prints(home.path().to_str().unwrap());
    let json = home.run(&["status", "--json"]).succeeds().json();
    assert_eq!(json["claims"], json!({ "sub": "alice", "email": "alice@example.test" }));
    assert_eq!((json["standing"].as_str(), json["renewable"].as_bool()), (Some("fresh"), Some(true)));
    assert_eq!(peer.log().len(), requests);
}

#[test]
fn the_only_login_at_a_server_needs_no_client_id() {
    let (peer, home) = (Peer::start(), Home::new());
    home.login(peer.issuer(), "native", &[]);
    home.run(&["status", "--issuer", peer.issuer()]).succeeds().prints("alice");
    home.run(&["status", "--issuer", "https://elsewhere.example"]).exits(5).says("--client-id");
}

#[test]
fn a_logout_ends_the_login_here_and_at_the_server() {
    let (peer, home) = (Peer::start(), Home::new());
    home.login(peer.issuer(), "native", &[]);
    let token = home.token(&[]);
    let out = home.run(&["logout"]).succeeds();
    out.prints("alice is logged out of").prints("the server has revoked the tokens");
    assert_eq!(peer.userinfo(&token).status, 401);
    home.run(&["token"]).exits(3).prints_nothing().says(NOBODY);
    home.run(&["logout"]).succeeds().says("Nobody was logged in.");
    let named = ["logout", "--issuer", peer.issuer(), "--client-id", "native"];
    home.run(&named).succeeds().prints("Nobody was logged in to");
}

#[test]
fn a_local_logout_tells_the_server_nothing_and_works_without_it() {
    let (peer, home) = (Peer::start(), Home::new());
    home.login(peer.issuer(), "native", &[]);
    let token = home.token(&[]);
    home.run(&["logout", "--local"]).succeeds().prints("The tokens were not revoked at the server");
    assert_eq!(peer.count("revocations"), 0);
    assert_eq!(peer.whose(&token), "alice");
    home.run(&["token"]).exits(3);

    home.login(peer.issuer(), "native", &[]);
    drop(peer);
    home.run(&["logout"]).succeeds().prints("alice is logged out of").prints("has not confirmed");
    home.run(&["token"]).exits(3);
}

#[test]
fn the_scopes_that_were_asked_for_are_asked_for() {
    let (peer, home) = (Peer::start(), Home::new());
    let waiting = Waiting::start(home.command(&[
        "login",
        "--issuer",
        peer.issuer(),
        "--client-id",
        "native",
        "--no-browser",
        "--scope",
        "openid read",
        "--scope",
        "email",
    ]));
    assert!(waiting.url().contains("&scope=openid+read+email&"), "{}", waiting.url());
}

#[test]
fn the_redirect_uri_may_be_another_loopback_address() {
    let (peer, home) = (Peer::start(), Home::new());
    for host in ["localhost", "[::1]", "127.0.0.1"] {
        let uri = format!("http://{host}:0/callback");
        let waiting = Waiting::start(home.command(&[
            "login",
            "--issuer",
            peer.issuer(),
            "--client-id",
            "native",
            "--force",
            "--no-browser",
            "--redirect-uri",
            &uri,
        ]));
        let url = waiting.url();
        let bound = redirect_uri(&url);
        assert!(bound.as_str().starts_with(&uri.replace(":0/callback", ":")) && bound.port() != Some(0), "{bound}");
        deliver(&walk(&url, &[]));
        waiting.end().succeeds().prints("as alice");
    }
}

#[test]
fn under_ssh_the_line_to_type_is_shown() {
    let (peer, home) = (Peer::start(), Home::new());
    let mut command = home.command(&["login", "--issuer", peer.issuer(), "--client-id", "native", "--no-browser"]);
    command.env("SSH_CONNECTION", "192.0.2.1 50000 192.0.2.2 22").env("USER", "zoe");
    let waiting = Waiting::start(command);
    let port = redirect_uri(&waiting.url()).port().unwrap();
    waiting.waits_for(&format!("ssh -L {port}:127.0.0.1:{port} zoe@192.0.2.2"));
}

#[test]
fn a_timeline_tells_the_steps_and_no_secret() {
    let (peer, home) = (Peer::start(), Home::new());
    let login = home.login(peer.issuer(), "native", &["-v"]);
    login.says("listen http://127.0.0.1:0/callback").says("post form").says("save generation 1");
    let first = home.token(&[]);
    let run = home.rejecting(&first, &["-v"]).says("lock").says("note intent").says("save generation 2");
    let record = home.records()[0]["record"].clone();
    for secret in [&first, record["access_token"].as_str().unwrap(), record["refresh_token"].as_str().unwrap()] {
        assert!(!run.stderr.contains(secret), "{}", run.stderr);
    }
}

#[test]
fn a_login_without_a_refresh_token_says_that_it_will_end() {
    let (peer, home) = (Peer::start(), Home::new());
    home.login(peer.issuer(), "no-refresh", &[]).says("no refresh token");
    home.run(&["status"]).succeeds().prints("renewal: no");
    let token = home.token(&[]);
    assert_eq!(peer.whose(&token), "alice");
    let run = home.rejecting(&token, &[]).exits(3).prints_nothing();
    run.says("no refresh token").says(&format!("tokenway login --issuer {} --client-id no-refresh", peer.issuer()));
    assert_eq!(peer.count("refreshes"), 0);
}

#[test]
fn a_confidential_client_proves_itself_with_its_secret() {
    let (peer, home) = (Peer::start(), Home::new());
    // RFC 6749 section 2.3.1: the second works only if both are form-encoded first.
    let clients = [("conf-basic", "conf-basic-secret-0123456789abcdef"), ("odd id:1/~", "p%ss w+rd:/?&='\"!*()")];
    for (client, secret) in clients {
        let file = home.write("secret", &format!("{secret}\n"));
        let named = ["--issuer", peer.issuer(), "--client-id", client, "--client-secret-file", file.to_str().unwrap()];
        home.run(&[&["login"], &named[..]].concat()).succeeds();
        let token = home.token(&named);
        let renewed = home.rejecting(&token, &named).token();
        assert_ne!(renewed, token);
        assert_eq!(peer.whose(&renewed), "alice", "{client}");
        home.run(&[&["logout"], &named[..]].concat()).succeeds().prints("has revoked the tokens");
    }
}

#[test]
fn a_provider_of_ones_own_may_want_the_secret_in_the_form() {
    let (peer, home) = (Peer::start(), Home::new());
    let provider = json!([{
        "id": "mine",
        "name": "My server",
        "issuer": peer.issuer(),
        "client_id": "conf-post",
        "client_authentication": "client_secret_post",
    }]);
    home.write("providers.json", &provider.to_string());
    home.run(&["providers"]).succeeds().prints("mine").prints("My server").prints("codex");
    let file = home.write("secret", "conf-post-secret-0123456789abcdef");
    let named = ["mine", "--client-secret-file", file.to_str().unwrap()];
    home.run(&[&["login"], &named[..]].concat()).succeeds().prints("Logged in to My server as alice");
    let token = home.token(&named);
    assert_eq!(peer.whose(&home.rejecting(&token, &named).token()), "alice");

    let bare = home.run(&["token"]).exits(5).prints_nothing();
    bare.says("client_secret: this client needs its secret").says("--client-secret-file FILE");
    // To look, or to go, nobody needs it.
    home.run(&["list"]).succeeds().prints("mine (conf-post, default): alice");
    home.run(&["status"]).succeeds().prints("alice");
    home.run(&["logout"]).succeeds().prints("alice is logged out").prints("has not confirmed");
}

#[test]
fn a_login_whose_provider_is_gone_is_listed_and_keeps_no_other_from_logging_out() {
    let (peer, home) = (Peer::start(), Home::new());
    let provider = json!([{ "id": "mine", "name": "My server", "issuer": peer.issuer(), "client_id": "native" }]);
    let file = home.write("providers.json", &provider.to_string());
    home.run(&["login", "mine"]).succeeds();
    home.login(peer.issuer(), "native", &[]);
    std::fs::remove_file(file).unwrap();
    home.run(&["list"]).succeeds().prints("mine (native, default): alice");
    let run = home.run(&["logout", "--all"]).exits(5).prints_nothing();
    run.says("no provider of that name any more").says("providers.json").says(&format!("out of {}", peer.issuer()));
    assert_eq!(home.run(&["list"]).succeeds().stdout.lines().count(), 1);
}

#[test]
fn the_store_may_be_named_in_the_environment() {
    let (peer, home) = (Peer::start(), Home::new());
    home.login(peer.issuer(), "native", &[]);
    let with_store = |store: &str| {
        let mut command = home.command(&["token"]);
        command.env("TOKENWAY_STORE", store);
        finish(command)
    };
    assert_eq!(peer.whose(&with_store("file").token()), "alice");
    with_store("shoebox").exits(2).prints_nothing().says("shoebox").says("file");
}

#[test]
fn help_and_version_and_usage() {
    let home = Home::new();
    home.run(&["--help"]).succeeds().prints("Exit codes: 0 ok, 2 usage").prints("TOKENWAY_HOME");
    home.run(&["--version"]).succeeds().prints(env!("CARGO_PKG_VERSION"));
    home.run(&["login", "--help"]).succeeds().prints("--client-secret-file <FILE>").prints("--record <FILE>");
    home.run(&[]).exits(2).prints_nothing().says("Usage: tokenway");
    home.run(&["token", "--rejected", "secret"]).exits(2).prints_nothing();
    home.run(&["token", "--min-ttl", "soon"]).exits(2).says("a number of seconds, such as 30");
    home.run(&["login"]).exits(2).says("Give its name or --issuer URL").says("tokenway providers");
    home.run_with_input(&["token", "--rejected", "-"], " \n").exits(2).says("needs the rejected token on stdin");
    let status = Command::new(env!("CARGO_BIN_EXE_tokenway")).arg("frobnicate").output().unwrap().status;
    assert_eq!(status.code(), Some(2));
}
