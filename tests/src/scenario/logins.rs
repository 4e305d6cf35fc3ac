use serde_json::json;
use tokenway_core::config::Config;
use tokenway_core::event::{Callback, CallbackSource, Listening, Opened, Outcome};
use tokenway_core::flow::Login;
use tokenway_core::moment::Millis;
use tokenway_core::secret::Secret;
use tokenway_core::session::{Session, Step};

use super::{ISSUER, Standing, config, endpoints, http, lost, moment, not_sent, record, secrets, theirs, walk};

const REDIRECT_URI: &str = "http://127.0.0.1:49152/callback";

pub(super) fn standing() -> Vec<Standing<Login>> {
    let mut standing = Vec::new();
    let known = config(Some(endpoints()));
    let found = config(None);
    let start = |config: &Config| Login::start(config, moment(0));
    let conflict = || Outcome::Conflict(Some(Box::new(theirs())));

    walk(&mut standing, "a login", &known, start(&known), steps([to_saving(), vec![conflict()]]));
    let absent = vec![conflict(), Outcome::Conflict(None)];
    walk(&mut standing, "a login after a logout", &known, start(&known), steps([to_saving(), absent]));
    let unsent = vec![not_sent(), Outcome::Elapsed];
    walk(&mut standing, "a login on a bad line", &known, start(&known), steps([to_exchange(), unsent]));
    let stray = vec![callback("wrong-state")];
    walk(&mut standing, "a login with a forged callback", &known, start(&known), steps([to_callback(), stray]));
    walk(&mut standing, "a login by issuer", &found, start(&found), steps([vec![metadata()], to_saving()]));
    let places = vec![http(404, ""), lost()];
    walk(&mut standing, "a login by issuer, second place", &found, start(&found), places);
    resume(&mut standing, &known);
    resume(&mut standing, &found);
    standing
}

/// Everything up to the claim of the code can be resumed.
fn resume(standing: &mut Vec<Standing<Login>>, config: &Config) {
    let mut resumed = Vec::new();
    for stand in standing.iter().filter(|stand| stand.config == *config) {
        let Some(snapshot) = stand.session.checkpoint() else { continue };
        let session = Session::<Login>::resume(snapshot.as_bytes(), config, moment(9)).unwrap();
        let Step::Act { action, .. } = session.poll() else { continue };
        let name = format!("resumed from [{}]: {}", stand.name, action.name());
        resumed.push((name, session));
    }
    for (name, session) in resumed {
        walk(standing, &name, config, session.clone(), []);
        let is_listening = matches!(session.poll(), Step::Act { action, .. } if action.name() == "listen");
        if is_listening {
            walk(standing, &name, config, session, [listening()]);
        }
    }
}

fn steps<const N: usize>(parts: [Vec<Outcome>; N]) -> Vec<Outcome> {
    parts.into_iter().flatten().collect()
}

fn to_callback() -> Vec<Outcome> {
    vec![listening(), Outcome::Opened(Opened { browser: true })]
}

fn to_exchange() -> Vec<Outcome> {
    steps([to_callback(), vec![callback(&secrets::state()), Outcome::Begun]])
}

fn to_saving() -> Vec<Outcome> {
    steps([to_exchange(), vec![tokens()]])
}

fn listening() -> Outcome {
    Outcome::Listening(Listening { redirect_uri: REDIRECT_URI.to_owned() })
}

fn callback(state: &str) -> Outcome {
    Outcome::Callback(Callback {
        source: CallbackSource::Listening,
        method: "GET".to_owned(),
        target: Secret::new(format!("/callback?code={}&state={state}", secrets::CODE)),
        headers: vec![("host".to_owned(), "127.0.0.1:49152".to_owned())],
        body: Secret::default(),
    })
}

fn tokens() -> Outcome {
    let body = json!({
        "access_token": secrets::NEW_ACCESS_TOKEN,
        "refresh_token": secrets::NEW_REFRESH_TOKEN,
        "id_token": secrets::id_token("person-1"),
        "token_type": "Bearer",
        "expires_in": 3_600,
    });
    http(200, &body.to_string())
}

fn metadata() -> Outcome {
    let record = record(Millis::ZERO);
    let body = json!({
        "issuer": ISSUER,
        "authorization_endpoint": endpoints().authorization,
        "token_endpoint": record.token_endpoint,
        "revocation_endpoint": record.revocation_endpoint,
        "code_challenge_methods_supported": ["S256"],
    });
    http(200, &body.to_string())
}
