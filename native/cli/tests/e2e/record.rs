//! A login that is recorded: it replays, and holds nothing of the person nor of the server's secrets.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use url::Url;

use crate::peer::{Home, Peer, Waiting, deliver, finish, get, person, walk};

const USER: &str = "Zoë.Ångström+test";

#[test]
fn a_recorded_login_replays_and_holds_no_secret() {
    let (peer, home) = (Peer::start(), Home::new());
    let file = home.path().join("login.jsonl");
    let waiting = Waiting::start(home.command(&[
        "login",
        "--issuer",
        peer.issuer(),
        "--client-id",
        "native",
        "--no-browser",
        "--scope",
        "openid email offline_access",
        "--record",
        file.to_str().unwrap(),
    ]));
    let url = waiting.url();
    let callback = walk(&url, &["--user", USER]);
    // A stray request on the way, so that the transcript has more than the shortest story.
    get(&callback.replace("state=", "state=not-"), &[]);
    deliver(&callback);
    waiting.end().succeeds().says(&format!("The transcript is in {}", file.display()));

    let transcript = std::fs::read_to_string(&file).unwrap();
    home.run(&["replay", file.to_str().unwrap()]).succeeds().prints("login.jsonl: ").prints("logged in");
    let mut secrets = secrets_of(&home);
    for text in [&url, &callback] {
        let kept = ["code", "state", "nonce", "code_challenge"];
        let pairs = Url::parse(text).unwrap();
        let pairs = pairs.query_pairs().filter(|(name, _)| kept.contains(&name.as_ref()));
        secrets.extend(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())));
    }
    assert!(secrets.len() >= 9, "{}", secrets.len());
    for (name, secret) in &secrets {
        for form in forms(secret) {
            assert!(!transcript.contains(&form), "the transcript holds the {name} as {form}:\n{transcript}");
        }
    }
}

#[test]
fn a_recorded_login_of_a_confidential_client_holds_no_client_secret() {
    let (peer, home) = (Peer::start(), Home::new());
    let secret = "p%ss w+rd:/?&='\"!*()";
    let secret_file = home.write("secret", secret);
    let file = home.path().join("login.jsonl");
    let args = ["login", "--issuer", peer.issuer(), "--client-id", "odd id:1/~", "--record", file.to_str().unwrap()];
    home.run(&[&args[..], &["--client-secret-file", secret_file.to_str().unwrap()]].concat()).succeeds();
    let transcript = std::fs::read_to_string(&file).unwrap();
    for form in forms(secret).into_iter().chain(forms(&format!("odd+id%3A1%2F%7E:{}", percent(secret)))) {
        assert!(!transcript.contains(&form), "the transcript holds the secret as {form}:\n{transcript}");
    }
    home.run(&["replay", file.to_str().unwrap()]).succeeds();
}

#[test]
fn a_login_that_fails_is_recorded_too() {
    let (peer, home) = (Peer::start(), Home::new());
    let file = home.path().join("declined.jsonl");
    let args = ["login", "--issuer", peer.issuer(), "--client-id", "native", "--record", file.to_str().unwrap()];
    let mut command = home.command(&args);
    command.env("BROWSER", person("--deny"));
    finish(command).exits(1).says("The transcript is in");
    home.run(&["replay", file.to_str().unwrap()]).succeeds().prints("declined.jsonl: ");
}

#[test]
fn a_transcript_that_was_changed_does_not_replay() {
    let (peer, home) = (Peer::start(), Home::new());
    let file = home.path().join("login.jsonl");
    home.login(peer.issuer(), "native", &["--record", file.to_str().unwrap()]);
    let text = std::fs::read_to_string(&file).unwrap();
    let changed = home.write("changed.jsonl", &text.replace("\"client_id\":\"native\"", "\"client_id\":\"other\""));
    let both = ["replay", file.to_str().unwrap(), changed.to_str().unwrap()];
    home.run(&both).exits(1).prints_nothing().says("changed.jsonl: ").says("1 of 2 transcripts did not replay");
    home.run(&["replay", "/nosuch/file"]).exits(1).prints_nothing().says("/nosuch/file: ");
    let junk = home.write("junk.jsonl", "not a transcript");
    home.run(&["replay", junk.to_str().unwrap()]).exits(1).prints_nothing().says("junk.jsonl: ");
}

/// What the store keeps of this run that nobody else may see.
fn secrets_of(home: &Home) -> Vec<(String, String)> {
    let records = home.records();
    let record = &records[0]["record"];
    let text = |name: &str| (name.to_owned(), record[name].as_str().unwrap().to_owned());
    let mut secrets = vec![text("access_token"), text("refresh_token"), text("login_id")];
    secrets.push(("sub".to_owned(), record["claims"]["sub"].as_str().unwrap().to_owned()));
    secrets.push(("email".to_owned(), record["claims"]["email"].as_str().unwrap().to_owned()));
    assert_eq!(secrets[3].1, USER);
    if let Some(id_token) = record["id_token"].as_str() {
        secrets.push(("id_token".to_owned(), id_token.to_owned()));
    }
    secrets
}

/// The notations in which a secret could stand in a text.
fn forms(secret: &str) -> Vec<String> {
    let json = serde_json::to_string(secret).unwrap();
    let json = json.trim_matches('"');
    let escaped: String = secret.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
    let ascii_json: String =
        secret.chars().map(|c| if c.is_ascii() { c.to_string() } else { format!("\\u{:04x}", c as u32) }).collect();
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut forms = vec![
        secret.to_owned(),
        json.to_owned(),
        json.replace('\\', "\\\\"),
        escaped,
        ascii_json,
        percent(secret),
        percent(secret).to_lowercase(),
        percent(secret).replace('+', "%20"),
        hex.to_uppercase(),
        hex,
    ];
    // base64 of it alone, and of it inside something longer: at three offsets, without the ends that others share.
    for engine in [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD] {
        forms.push(engine.encode(secret));
        for before in ["", "x", "xx"] {
            let encoded = engine.encode(format!("{before}{secret}zzz"));
            let core: String = encoded.chars().skip(4).collect();
            forms.push(core[..core.len().saturating_sub(8)].to_owned());
        }
    }
    forms.retain(|form| form.len() >= 8);
    forms
}

fn percent(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
