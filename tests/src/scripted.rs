//! Flows on scripted outcomes, recorded: for transcripts.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a script that does not fit is a failed test"
)]

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokenway_core::action::{Action, LeaseNumber};
use tokenway_core::config::Config;
use tokenway_core::event::{Callback, CallbackSource, Event, Listening, Locked, Opened, Outcome};
use tokenway_core::flow::Login;
use tokenway_core::http::{AnswerBody, HttpAnswer, IoFailure, IoFailureKind, Sent};
use tokenway_core::lifecycle::ledger::StoredLedger;
use tokenway_core::lifecycle::record::{LoginId, Mark, RECORD_FORMAT, Record, Unknown};
use tokenway_core::lifecycle::{GetToken, Logout, Scope, Wish};
use tokenway_core::machine::Machine;
use tokenway_core::moment::{Millis, Moment, UnixMillis};
use tokenway_core::provider::{Endpoints, Provider};
use tokenway_core::secret::Secret;
use tokenway_core::session::{Progress, Session, Step};
use tokenway_core::transcript::{Recording, Transcript};

/// When every script starts.
pub const START: UnixMillis = UnixMillis(1_764_000_000_000);

/// The issuer of every script.
pub const ISSUER: &str = "https://as.example";

/// Where every script listens.
pub const REDIRECT_URI: &str = "http://127.0.0.1:49152/callback";

/// Secrets with every character that some notation writes differently.
pub mod planted {
    /// An access token.
    pub const ACCESS: &str = r#"Acc3ss+/=%"\tok~plant"#;
    /// The one that a renewal brings.
    pub const ACCESS_2: &str = r#"N3xtAcc+/=%"\tok~plant"#;
    /// A refresh token.
    pub const REFRESH: &str = "R3fresh+/=%\"\\ürgelänge日本~plant";
    /// The one that a renewal brings.
    pub const REFRESH_2: &str = "N3xtRef+/=%\"\\ürgelänge日本~plant";
    /// An authorization code.
    pub const CODE: &str = r#"C0de+/=%"\ of~plant"#;
    /// A client secret.
    pub const CLIENT_SECRET: &str = r#"S3cret+/=%"\ of~plant"#;
    /// Who is logged in.
    pub const SUB: &str = "auth0|64f1c0ffee-subject";
    /// How to reach them.
    pub const EMAIL: &str = "marguerite.o'neil+work@mail.example";
    /// How they are called.
    pub const NAME: &str = "Marguerite O'Neil";
    /// The signature of an ID token.
    pub const SIGNATURE: &str = "U2lnbmF0dXJlLXRoYXQtaXMtbm90";
    /// A path on the machine.
    pub const PATH: &str = "/home/marguerite/.tokenway/store.json";
    /// Who else holds the lock.
    pub const HOLDER: &str = "pid 48151623 on marguerites-laptop";
    /// The label of the account.
    pub const ACCOUNT: &str = "marguerite-at-work";
}

/// A session that runs and is recorded.
pub struct Script<M: Machine> {
    session: Session<M>,
    recording: Recording,
    now: UnixMillis,
    moments: u8,
}

impl Script<Login> {
    /// A login.
    pub fn login(config: &Config) -> Self {
        let moment = moment(START, 0);
        Script::new(Login::start(config, moment), Recording::of_login(config, moment))
    }

    /// The steps up to the wait for the person, and the parameters of the URL that was shown.
    pub fn open(&mut self) -> Shown {
        self.say(Outcome::Listening(Listening { redirect_uri: REDIRECT_URI.to_owned() }));
        self.say(Outcome::Opened(Opened { browser: true }));
        self.shown()
    }

    /// What the person's browser is shown while the login waits for them.
    pub fn shown(&self) -> Shown {
        let Step::Act { action: Action::AwaitCallback(wait), .. } = self.session.poll() else { panic!("no wait") };
        let url = url::Url::parse(&wait.url).unwrap();
        let find = |name| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        Shown { state: find("state").unwrap(), nonce: find("nonce").unwrap_or_default() }
    }
}

impl Script<GetToken> {
    /// A request for a token.
    pub fn get_token(config: &Config, wish: Wish) -> Self {
        let moment = moment(START, 0);
        Script::new(GetToken::start(config, wish.clone(), moment), Recording::of_get_token(config, wish, moment))
    }

    /// Load, lock, load: the record is due and the lease ours.
    pub fn reach_the_decision(&mut self, record: &Record, ledger: StoredLedger) {
        self.say(loaded(record)).say(locked(ledger)).say(loaded(record));
    }

    /// All up to the sending of the refresh token.
    pub fn reach_the_sending(&mut self, record: &Record) {
        self.reach_the_decision(record, StoredLedger::Absent);
        self.say(Outcome::Noted);
    }
}

impl Script<Logout> {
    /// A logout.
    pub fn logout(config: &Config, scope: Scope) -> Self {
        let moment = moment(START, 0);
        Script::new(Logout::start(config, scope, moment), Recording::of_logout(config, scope, moment))
    }
}

impl<M: Machine> Script<M> {
    fn new(session: Session<M>, recording: Recording) -> Self {
        Script { session, recording, now: START, moments: 0 }
    }

    /// Answers the action that stands.
    pub fn say(&mut self, outcome: Outcome) -> &mut Self {
        let Step::Act { id, .. } = self.session.poll() else { panic!("the flow has ended") };
        self.moments += 1;
        self.now = self.now.plus(Millis(40));
        let moment = moment(self.now, self.moments);
        let event = Event { id, outcome };
        let progress: Progress = self.session.handle(moment, event.clone()).expect("the script fits the flow");
        assert!(matches!(progress, Progress::Advanced | Progress::Ignored(_)));
        self.recording.step(moment, &event);
        self
    }

    /// Lets time pass.
    pub fn wait(&mut self, span: Millis) -> &mut Self {
        self.now = self.now.plus(span);
        self
    }

    /// The name of the action that stands; `None` at the end.
    pub fn stands(&self) -> Option<&'static str> {
        match self.session.poll() {
            Step::Act { action, .. } => Some(action.name()),
            Step::Done(_) => None,
        }
    }

    /// What was recorded of a flow that has ended.
    pub fn ended(self) -> Recording {
        assert_eq!(self.stands(), None, "the flow goes on");
        self.recording
    }

    /// What was recorded so far.
    pub fn so_far(self) -> Recording {
        self.recording
    }
}

/// What the person's browser was shown.
pub struct Shown {
    /// `state`.
    pub state: String,
    /// `nonce`.
    pub nonce: String,
}

/// A moment whose entropy differs with `number` in every byte.
pub fn moment(now: UnixMillis, number: u8) -> Moment {
    let mut entropy = [0; 32];
    for (at, byte) in (0u8..).zip(entropy.iter_mut()) {
        *byte = at.wrapping_mul(73) ^ number.wrapping_mul(151).wrapping_add(29);
    }
    Moment { now, entropy }
}

/// A server with an issuer and known endpoints that promises `iss`.
pub fn provider() -> Provider {
    let endpoints = Endpoints {
        authorization: format!("{ISSUER}/authorize"),
        token: format!("{ISSUER}/token"),
        revocation: Some(format!("{ISSUER}/revoke")),
        iss_in_response: true,
    };
    Provider { endpoints: Some(endpoints), ..Provider::generic(ISSUER) }
}

/// A confidential client there.
pub fn config() -> Config {
    let secret = Secret::new(planted::CLIENT_SECRET);
    let builder = Config::builder(provider()).client_id("tokenway-tests").client_secret(secret);
    builder.account(planted::ACCOUNT).scopes(["openid", "offline_access", "read"]).build().unwrap()
}

/// A client of a server of which only the issuer is known.
pub fn config_by_issuer() -> Config {
    Config::builder(Provider::generic(ISSUER)).client_id("native").build().unwrap()
}

/// A redirect to the listener with these parameters.
pub fn redirect(parameters: &[(&str, &str)]) -> Outcome {
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    let headers = vec![("host".to_owned(), "127.0.0.1:49152".to_owned())];
    Outcome::Callback(Callback {
        source: CallbackSource::Listening,
        method: "GET".to_owned(),
        target: Secret::new(format!("/callback?{query}")),
        headers,
        body: Secret::default(),
    })
}

/// The redirect that the login waits for.
pub fn good_redirect(shown: &Shown) -> Outcome {
    redirect(&[("code", planted::CODE), ("state", &shown.state), ("iss", ISSUER), ("session_state", "s3ss10n-st4te")])
}

/// An answer in JSON, with headers that say too much.
pub fn http(status: u16, body: &Value) -> Outcome {
    answer(status, &[("content-type", "application/json; charset=utf-8")], &body.to_string())
}

/// An answer.
pub fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Outcome {
    let mut headers: Vec<(String, String)> =
        headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    headers.push(("set-cookie".to_owned(), "sid=c00kie-of-the-server; HttpOnly".to_owned()));
    headers.push(("x-request-id".to_owned(), "req-5f1e0b".to_owned()));
    let body = AnswerBody::new(body.as_bytes().to_vec());
    Outcome::Http(HttpAnswer { status, headers, body, received_at: START.plus(Millis(30)) })
}

/// The metadata of [`ISSUER`].
pub fn metadata() -> Outcome {
    let document = json!({
        "issuer": ISSUER,
        "authorization_endpoint": format!("{ISSUER}/authorize"),
        "token_endpoint": format!("{ISSUER}/token"),
        "revocation_endpoint": format!("{ISSUER}/revoke"),
        "scopes_supported": ["openid", "offline_access"],
        "code_challenge_methods_supported": ["S256"],
        "service_documentation": format!("{ISSUER}/of/marguerite"),
    });
    http(200, &document)
}

/// Tokens of a login.
pub fn tokens(nonce: &str, audience: &str) -> Outcome {
    let claims = json!({
        "iss": ISSUER, "aud": audience, "exp": 1_764_003_600_u64, "iat": 1_764_000_000_u64, "nonce": nonce,
        "sub": planted::SUB, "email": planted::EMAIL, "name": planted::NAME,
        "preferred_username": "m.oneil.preferred", "at_hash": "H4sh-of-the-access-t0ken",
    });
    http(
        200,
        &json!({
            "access_token": planted::ACCESS, "token_type": "Bearer", "expires_in": 3600,
            "refresh_token": planted::REFRESH, "id_token": jwt(&claims), "scope": "openid offline_access read",
            "account": { "email": planted::EMAIL },
        }),
    )
}

/// Tokens of a renewal.
pub fn renewed() -> Outcome {
    let body = json!({
        "access_token": planted::ACCESS_2, "token_type": "bearer", "expires_in": 3600,
        "refresh_token": planted::REFRESH_2,
    });
    http(200, &body)
}

/// A token that says this, with [`planted::SIGNATURE`].
pub fn jwt(claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = json!({ "alg": "RS256", "typ": "JWT", "kid": "k3y-1d-of-the-server" });
    format!("{}.{}.{}", part(&header), part(claims), planted::SIGNATURE)
}

/// A record whose access token dies `ttl` after [`START`], and is due a minute earlier.
pub fn record(ttl: Millis) -> Record {
    let expires_at = START.plus(ttl);
    let claims = [("sub", planted::SUB), ("email", planted::EMAIL), ("note", "of a newer version: marguerite")];
    Record {
        format: RECORD_FORMAT,
        login_id: LoginId("L0gin-1d-of-the-store".to_owned()),
        generation: 3,
        client_id: "tokenway-tests".to_owned(),
        issuer: Some(ISSUER.to_owned()),
        token_endpoint: format!("{ISSUER}/token"),
        revocation_endpoint: Some(format!("{ISSUER}/revoke")),
        mark: Mark::LoggedIn,
        access_token: Secret::new(planted::ACCESS),
        token_type: "Bearer".to_owned(),
        refresh_token: Some(Secret::new(planted::REFRESH)),
        scopes: Some(vec!["openid".to_owned(), "read".to_owned()]),
        resources: Vec::new(),
        claims: claims.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        expires_at: Some(expires_at),
        due_at: Some(expires_at.minus(Millis::seconds(60))),
        renewed_at: START.minus(Millis::seconds(3_000)),
        renewed_from: Some(Secret::new("an older refresh token").hash()),
        renewed_for_rejection: false,
        unknown: Unknown::new([("newer".to_owned(), json!({ "email": planted::EMAIL }))].into()),
    }
}

/// The record was read.
pub fn loaded(record: &Record) -> Outcome {
    Outcome::Loaded(Some(Box::new(record.clone())))
}

/// The lease is ours.
pub fn locked(ledger: StoredLedger) -> Outcome {
    Outcome::Locked(Locked { lease: LeaseNumber(7), ledger })
}

/// Trouble whose cause names a path and a person.
pub fn failed(sent: Sent, kind: IoFailureKind) -> Outcome {
    let detail = format!("could not open {}: connection to 10.1.2.3:443 refused (os error 111)", planted::PATH);
    Outcome::Failed(IoFailure { sent, kind, detail })
}

/// Compares a recording with the transcript of that name in `tests/transcripts`, which `TOKENWAY_BLESS=1` rewrites.
///
/// # Panics
/// When they differ, or when the recording cannot be redacted.
pub fn check(name: &str, recording: &Recording) {
    let transcript = recording.redacted().unwrap_or_else(|error| panic!("{name}: {error}"));
    let path = folder().join(format!("{name}.jsonl"));
    if std::env::var_os("TOKENWAY_BLESS").is_some() {
        fs::write(&path, transcript.text()).unwrap();
    }
    let stored = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert!(
        transcript.text() == stored,
        "{name}: the recording makes another transcript; TOKENWAY_BLESS=1 rewrites it"
    );
}

/// Every transcript of `tests/transcripts`, by name.
///
/// # Panics
/// When one cannot be read.
pub fn all() -> Vec<(String, Transcript)> {
    let mut found: Vec<PathBuf> = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    found.sort();
    let read = |path: &PathBuf| {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(path).unwrap();
        let transcript = Transcript::parse(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        (name, transcript)
    };
    found.iter().map(read).collect()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("transcripts")
}
