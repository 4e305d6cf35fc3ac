use serde_json::json;
use tokenway_core::config::Config;
use tokenway_core::event::Outcome;
use tokenway_core::lifecycle::ledger::{Intent, Ledger, StoredLedger};
use tokenway_core::lifecycle::record::{LoginId, Record};
use tokenway_core::lifecycle::{GetToken, Wish};
use tokenway_core::moment::Millis;
use tokenway_core::secret::{Secret, TokenHash};

use super::{
    Standing, busy, config, endpoints, http, loaded, locked, lost, marked, moment, not_sent, record, secrets, theirs,
    unable, walk,
};

pub(super) fn standing() -> Vec<Standing<GetToken>> {
    let mut standing = Vec::new();
    let config = config(Some(endpoints()));
    let mut per_token = config.provider().clone();
    per_token.revocation.per_token = true;
    per_token.client_id = Some("native".to_owned());
    let per_token = Config::builder(per_token).client_secret(Secret::new(secrets::CLIENT_SECRET)).build().unwrap();
    for (who, rejected, life) in [
        ("a dead token", None, Millis::ZERO),
        ("a due token", None, Millis::seconds(60)),
        ("a rejected token", Some(secrets::ACCESS_TOKEN), Millis::seconds(60)),
    ] {
        let wish = Wish { min_ttl: Millis::ZERO, rejected: rejected.map(hash) };
        for (what, answers) in ways(life) {
            let session = GetToken::start(&config, wish.clone(), moment(0));
            walk(&mut standing, &format!("{who}, {what}"), &config, session, answers);
        }
        let replaced = posted(life, [tokens("person-1"), conflict(Some(theirs())), http(200, ""), http(200, "")]);
        let session = GetToken::start(&per_token, wish, moment(0));
        walk(&mut standing, &format!("{who}, replaced"), &per_token, session, replaced);
    }
    standing
}

/// The ways through a renewal of which the token dies `life` after the start.
fn ways(life: Millis) -> Vec<(&'static str, Vec<Outcome>)> {
    let stored = || loaded(record(life));
    let read = |ledger| StoredLedger::Read(ledger);
    let under = |ledger| vec![stored(), locked(ledger), stored()];
    let logged_out = || marked(record(life));
    let two_lost = [lost(), Outcome::Noted, Outcome::Elapsed, stored(), Outcome::Noted, lost()];
    let unsent = [not_sent(), Outcome::Elapsed, not_sent(), Outcome::Elapsed, not_sent(), Outcome::Noted];
    let refused = || http(400, r#"{"error":"invalid_grant"}"#);
    let other = |status| vec![http(status, "{}"), Outcome::Noted];
    let save_fails = [tokens("person-1"), unable(), Outcome::Elapsed, unable(), Outcome::Elapsed, Outcome::Saved];
    let same_login = Record { generation: 9, ..record(life) };
    let adopted = Record { refresh_token: Some(Secret::new(secrets::THEIR_REFRESH_TOKEN)), ..same_login.clone() };
    vec![
        ("renewed", posted(life, [tokens("person-1"), Outcome::Saved])),
        ("adopted", vec![stored(), locked(StoredLedger::Absent), loaded(theirs())]),
        ("renewed by another", vec![stored(), busy(), stored(), busy(), stored()]),
        ("no login under the lock", vec![stored(), locked(StoredLedger::Absent), Outcome::Loaded(None)]),
        ("unreadable under the lock", vec![stored(), locked(StoredLedger::Absent), unable()]),
        ("logged out before", vec![loaded(logged_out()), http(200, ""), http(200, "")]),
        (
            "logged out under the lock",
            vec![stored(), locked(StoredLedger::Absent), loaded(logged_out()), Outcome::Unlocked],
        ),
        ("newer notes", under(StoredLedger::Newer)),
        ("unreadable notes", [under(StoredLedger::Unreadable), vec![Outcome::Noted]].concat()),
        ("refused before", under(read(Ledger { refused: Some(hash(secrets::REFRESH_TOKEN)), ..ledger() }))),
        ("cooling down", under(read(Ledger { cool_down: Millis::seconds(5), ..ledger() }))),
        ("waiting for a late arrival", under(read(Ledger { lands_in: Millis::seconds(5), ..ledger() }))),
        (
            "the intent of a dead process",
            [under(read(intent(0, 0))), vec![Outcome::Elapsed, stored(), Outcome::Noted]].concat(),
        ),
        ("the old intent of a dead process", [under(read(intent(5, 0))), vec![Outcome::Noted]].concat()),
        ("sent twice a moment ago", under(read(intent(5, 1)))),
        ("no note", [under(StoredLedger::Absent), vec![unable()]].concat()),
        ("lease lost", [under(StoredLedger::Absent), vec![Outcome::Lost]].concat()),
        ("two answers lost", posted(life, two_lost)),
        ("not sent", posted(life, unsent)),
        ("refused", posted(life, [refused(), stored(), Outcome::Noted])),
        ("refused, changed by another", posted(life, [refused(), loaded(theirs())])),
        ("refused, logged out", posted(life, [refused(), loaded(logged_out()), Outcome::Unlocked])),
        ("too many requests", posted(life, other(429))),
        ("redirected", posted(life, other(302))),
        ("service unavailable", posted(life, other(503))),
        ("misconfigured", posted(life, [http(401, r#"{"error":"invalid_client"}"#), Outcome::Noted])),
        ("another account", posted(life, [tokens("person-2"), Outcome::Noted, http(200, ""), http(200, "")])),
        ("only a refresh token", posted(life, [only_a_refresh_token(), unable(), Outcome::Elapsed, Outcome::Saved])),
        ("saved late", posted(life, save_fails)),
        ("conflict with nothing", posted(life, [tokens("person-1"), conflict(None), http(200, ""), http(200, "")])),
        (
            "conflict with a logout",
            posted(
                life,
                [tokens("person-1"), conflict(Some(logged_out())), http(500, ""), http(500, ""), Outcome::Unlocked],
            ),
        ),
        ("conflict with a login", posted(life, [tokens("person-1"), conflict(Some(theirs()))])),
        ("conflict with an edit", posted(life, [tokens("person-1"), conflict(Some(same_login))])),
        ("conflict with a renewal", posted(life, [tokens("person-1"), conflict(Some(adopted))])),
    ]
}

/// What follows on the sending.
fn posted(life: Millis, then: impl IntoIterator<Item = Outcome>) -> Vec<Outcome> {
    let stored = || loaded(record(life));
    let mut answers = vec![stored(), locked(StoredLedger::Absent), stored(), Outcome::Noted];
    answers.extend(then);
    answers
}

fn ledger() -> Ledger {
    Ledger { login_id: Some(LoginId("login-1".to_owned())), ..Ledger::default() }
}

fn intent(age: u64, resends: u32) -> Ledger {
    let lands_in = Millis::seconds(40 - age);
    let intent = Intent { token: hash(secrets::REFRESH_TOKEN), age: Millis::seconds(age), lands_in, resends };
    Ledger { intent: Some(intent), ..ledger() }
}

fn conflict(record: Option<Record>) -> Outcome {
    Outcome::Conflict(record.map(Box::new))
}

fn tokens(sub: &str) -> Outcome {
    let body = json!({
        "access_token": secrets::NEW_ACCESS_TOKEN,
        "refresh_token": secrets::NEW_REFRESH_TOKEN,
        "id_token": secrets::id_token(sub),
        "token_type": "Bearer",
        "expires_in": 3_600,
    });
    http(200, &body.to_string())
}

fn only_a_refresh_token() -> Outcome {
    http(200, &json!({ "access_token": "", "refresh_token": secrets::NEW_REFRESH_TOKEN }).to_string())
}

fn hash(token: &str) -> TokenHash {
    Secret::new(token).hash()
}
