//! Logins of other programs: taken over from what they keep, which stays as it is.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::{Value, json};

use crate::peer::{Home, Peer};
use crate::stores::Unnamed;
use crate::stores::service::on_a_private_bus;

/// A home whose `codex` and `google` are clients of this server.
fn home_with(peer: &Peer) -> Home {
    let home = Home::new();
    let issuer = peer.issuer();
    let endpoints = json!({
        "authorization": format!("{issuer}/auth"),
        "token": format!("{issuer}/token"),
        "revocation": format!("{issuer}/token/revocation"),
    });
    let provider = |id: &str, authentication: &str| {
        json!({
            "id": id,
            "name": id,
            "issuer": issuer,
            "endpoints": endpoints,
            "client_authentication": authentication,
            "scopes": ["openid", "email", "offline_access"],
            "authorize_parameters": [{ "name": "prompt", "value": "consent" }],
        })
    };
    let mut codex = provider("codex", "none");
    codex["client_id"] = json!("native");
    home.write("providers.json", &json!([codex, provider("google", "client_secret_post")]).to_string());
    home
}

/// What another program has of a login of its own.
fn login_of_another_program(peer: &Peer) -> Value {
    let other = Home::new();
    other.login(peer.issuer(), "native", &[]);
    other.records()[0]["record"].clone()
}

fn auth_json(record: &Value) -> String {
    json!({
        "auth_mode": "chatgpt",
        "OPENAI_API_KEY": null,
        "tokens": {
            "id_token": "",
            "access_token": record["access_token"],
            "refresh_token": record["refresh_token"],
            "account_id": "acc-1",
        },
        "last_refresh": "2026-01-01T00:00:00Z",
    })
    .to_string()
}

/// What a reader must not change.
fn traces(file: &Path) -> (Vec<u8>, SystemTime, fs::Permissions) {
    let metadata = fs::metadata(file).unwrap();
    (fs::read(file).unwrap(), metadata.modified().unwrap(), metadata.permissions())
}

/// Runs it with a `CODEX_HOME`.
fn import_codex(home: &Home, codex_home: &Path, more: &[&str]) -> crate::peer::Run {
    let mut command = home.command(&[&["import", "--from", "codex"], more].concat());
    command.env("CODEX_HOME", codex_home).env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent");
    crate::peer::finish(command)
}

#[test]
fn a_login_of_codex_is_taken_over_and_renewed_and_its_file_stays_as_it_was() {
    let (peer, codex_home) = (Peer::start(), tempfile::tempdir().unwrap());
    let (home, record) = (home_with(&peer), login_of_another_program(&peer));
    let file = codex_home.path().join("auth.json");
    fs::write(&file, auth_json(&record)).unwrap();
    let before = traces(&file);
    let asked = peer.log().len();
    let run = import_codex(&home, codex_home.path(), &[]).succeeds().prints("was taken over from");
    run.says("two owners of one rotating refresh token")
        .says("not with `codex logout`")
        .says("tokenway login codex --force");
    assert_eq!(peer.log().len(), asked, "nothing was asked of the server");
    assert_eq!(traces(&file), before, "the source is only read");

    let token = home.token(&["codex"]);
    assert_eq!(Some(&*token), record["access_token"].as_str());
    let renewed = home.rejecting(&token, &["codex"]).token();
    assert_eq!(peer.whose(&renewed), "alice");
    assert_eq!(home.records()[0]["record"]["claims"]["account_id"], "acc-1");
    assert_eq!(traces(&file), before);
}

#[test]
fn an_import_replaces_a_login_only_when_it_is_asked_to() {
    let (peer, codex_home) = (Peer::start(), tempfile::tempdir().unwrap());
    let (home, record) = (home_with(&peer), login_of_another_program(&peer));
    fs::write(codex_home.path().join("auth.json"), auth_json(&record)).unwrap();
    home.run(&["login", "codex"]).succeeds();
    let ours = home.token(&["codex"]);
    let stopped = import_codex(&home, codex_home.path(), &[]).exits(2).prints_nothing();
    stopped.says("somebody is logged in already").says("--replace").says("--account LABEL");
    assert_eq!(home.token(&["codex"]), ours);
    import_codex(&home, codex_home.path(), &["--account", "theirs"]).succeeds();
    let run = import_codex(&home, codex_home.path(), &["--replace", "--json"]).succeeds();
    let answer = run.json();
    assert!(answer["warning"].as_str().unwrap().contains("two owners"), "{answer}");
    assert_eq!((&answer["renewable"], &answer["store"]), (&json!(true), &json!("file")));
    run.says("two owners");
    assert_eq!(Some(&*home.token(&["codex", "--account", "default"])), record["access_token"].as_str());
    home.run(&["logout", "codex", "--account", "default"]).succeeds();
    import_codex(&home, codex_home.path(), &[]).succeeds();
}

#[test]
fn a_login_of_gcloud_is_taken_over_with_the_secret_of_its_client() {
    const SECRET: &str = "conf-post-secret-0123456789abcdef";
    let (peer, config) = (Peer::start(), tempfile::tempdir().unwrap());
    let home = home_with(&peer);
    let other = home_with(&peer);
    let secret = other.write("secret", SECRET);
    let secret = secret.to_str().unwrap();
    other.run(&["login", "google", "--client-id", "conf-post", "--client-secret-file", secret]).succeeds();
    let refresh_token = other.records()[0]["record"]["refresh_token"].clone();
    let file = config.path().join("application_default_credentials.json");
    let credentials = json!({
        "account": "",
        "client_id": "conf-post",
        "client_secret": SECRET,
        "refresh_token": refresh_token,
        "type": "authorized_user",
        "universe_domain": "googleapis.com",
    });
    fs::write(&file, credentials.to_string()).unwrap();
    let before = traces(&file);
    let import = |variable: &str, value: &Path| {
        let mut command = home.command(&["import", "--from", "gcloud", "--replace"]);
        command.env(variable, value);
        crate::peer::finish(command)
    };
    let asked = peer.log().len();
    import("GOOGLE_APPLICATION_CREDENTIALS", &file).succeeds().says("`gcloud auth application-default revoke`");
    import("CLOUDSDK_CONFIG", config.path()).succeeds().prints("application_default_credentials.json");
    assert_eq!((peer.log().len(), traces(&file)), (asked, before), "it is only read, and nothing is asked");
    home.run(&["status"]).succeeds().prints("expired").prints("renewal: yes");

    // The client's secret came with it.
    let token = home.token(&[]);
    assert_eq!(peer.whose(&token), "alice");
    assert!(home.records()[0].to_string().contains("alice"), "the renewal says who it is");
    home.run(&["logout"]).succeeds().prints("the server has revoked the tokens");
}

#[test]
fn what_another_program_does_not_keep_so_is_refused_by_what_it_is_and_never_quoted() {
    let (peer, folder) = (Peer::start(), tempfile::tempdir().unwrap());
    let home = home_with(&peer);
    let file = folder.path().join("file.json");
    let huge = "planted ".repeat(200_000);
    let codex = r#"{"tokens":{"access_token":"planted\r\nX: y","refresh_token":"RT"}}"#;
    let person = r#"{"type":"authorized_user","client_id":"c","client_secret":"planted","refresh_token":["planted"]}"#;
    for (from, content, said) in [
        ("codex", "planted", "invalid credential: line 1"),
        ("codex", "{", "invalid credential: line 1"),
        ("codex", r#"{"OPENAI_API_KEY":"planted","tokens":null}"#, "uses an API key"),
        ("codex", r#"{"tokens":{"access_token":"planted"}}"#, "invalid credential"),
        ("codex", r#"{"tokens":"planted"}"#, "invalid credential"),
        ("codex", codex, "its `access_token`"),
        ("codex", &huge, "far too large"),
        ("gcloud", "null", "invalid credential"),
        ("gcloud", r#"{"type":"service_account","private_key":"planted"}"#, "\"service_account\""),
        ("gcloud", person, "invalid credential"),
    ] {
        fs::write(&file, content).unwrap();
        let run = home.run(&["import", "--from", from, "--file", file.to_str().unwrap()]).exits(5).prints_nothing();
        let run = run.says(said).says("file.json");
        assert!(!run.stderr.contains("planted"), "{}", run.stderr);
    }
    #[cfg(unix)]
    {
        let link = |name: &str, to: &str| -> PathBuf {
            let link = folder.path().join(name);
            std::os::unix::fs::symlink(to, &link).unwrap();
            link
        };
        for (link, said) in [
            (link("nothing", "nowhere"), "a link to nothing"),
            (link("endless", "/dev/zero"), "not a file"),
            (link("folder", "/"), "not a file"),
        ] {
            home.run(&["import", "--from", "codex", "--file", link.to_str().unwrap()]).exits(5).says(said);
        }
    }
    home.run(&["import", "--from", "codex", "--file", "nowhere.json"]).exits(2).says("there is no nowhere.json");
    import_codex(&home, folder.path(), &[]).exits(2).says("auth.json and the keyring cannot be asked");
    home.run(&["import", "--from", "codex", "--name", "x"]).exits(2).says("--name is for aether");
    home.run(&["import", "--from", "aether"]).exits(2).says("which of aether's logins");
    home.run(&["import", "codex"]).exits(2).says("--from");
    assert!(!home.path().join("credentials").exists(), "nobody was logged in");
}

#[test]
fn with_a_secret_service_a_login_of_aether_is_taken_over_once() {
    on_a_private_bus("import::with_a_secret_service_a_login_of_aether_is_taken_over_once", |bus| {
        let _keyring = bus.keyring();
        let address = std::env::var("DBUS_SESSION_BUS_ADDRESS").unwrap();
        let here: [(&str, &str); 1] = [("DBUS_SESSION_BUS_ADDRESS", &address)];
        let home = Unnamed::new();
        let import = ["import", "codex", "--from", "aether"];
        home.run(&import, &here).exits(2).says("no credential called \"codex\" in the keyring");
        let value = r#"{"client_id":"app_EMoamEEZ73f0CkXaXp7hrann","access_token":"AT","refresh_token":"RT"}"#;
        bus.store("Aether OAuth: codex", &["service", "aether-oauth-v1", "username", "codex"], value);
        home.run(&import, &here).succeeds().prints("taken over").says("must not use this login any more");
        assert_eq!(home.run(&["token", "codex"], &here).token(), "AT");
        home.run(&["status"], &here).succeeds().prints("(keyring)");
        home.run(&import, &here).exits(2).says("logged in already");
    });
}

#[test]
fn with_a_secret_service_a_login_that_codex_keeps_in_the_keyring_is_found_there() {
    const TEST: &str = "import::with_a_secret_service_a_login_that_codex_keeps_in_the_keyring_is_found_there";
    on_a_private_bus(TEST, |bus| {
        let _keyring = bus.keyring();
        let address = std::env::var("DBUS_SESSION_BUS_ADDRESS").unwrap();
        let (home, codex_home) = (Unnamed::new(), tempfile::tempdir().unwrap());
        let folder = codex_home.path().canonicalize().unwrap();
        let here = [("DBUS_SESSION_BUS_ADDRESS", &*address), ("CODEX_HOME", folder.to_str().unwrap())];
        home.run(&["import", "--from", "codex"], &here).exits(2).says("nothing of Codex in the keyring");
        let item = format!("cli|{}", &sha256(folder.to_str().unwrap())[..16]);
        let value = r#"{"tokens":{"access_token":"AT","refresh_token":"RT","account_id":"acc-1"}}"#;
        bus.store("Codex", &["service", "Codex Auth", "username", &item], value);
        home.run(&["import", "--from", "codex"], &here).succeeds().prints("Codex Auth in the keyring");
        assert_eq!(home.run(&["token", "codex"], &here).token(), "AT");
    });
}

/// By another program than ours.
fn sha256(text: &str) -> String {
    let script = "import hashlib, sys; print(hashlib.sha256(sys.argv[1].encode()).hexdigest())";
    let output = std::process::Command::new("python3").args(["-c", script, text]).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}
