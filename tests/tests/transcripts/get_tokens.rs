//! Requests for a token: each way through the refresh transaction.

use serde_json::json;
use tokenway_core::event::{Holder, Outcome};
use tokenway_core::http::{IoFailureKind, Sent};
use tokenway_core::lifecycle::Wish;
use tokenway_core::lifecycle::ledger::{Intent, Ledger, StoredLedger};
use tokenway_core::lifecycle::record::{LoginId, Record};
use tokenway_core::moment::Millis;
use tokenway_core::secret::Secret;
use tokenway_core::transcript::Recording;
use tokenway_tests::scripted::{
    ISSUER, Script, answer, config, failed, http, jwt, loaded, locked, planted, record, renewed,
};

const LIVE: Millis = Millis::seconds(1_800);
const DUE: Millis = Millis::seconds(30);
const DEAD: Millis = Millis(0);

pub(crate) fn get_token_fresh() -> Recording {
    let mut script = Script::get_token(&config(), Wish::default());
    script.say(loaded(&record(LIVE)));
    script.ended()
}

fn rejected() -> Wish {
    Wish { rejected: Some(Secret::new(planted::ACCESS).hash()), ..Wish::default() }
}

pub(crate) fn get_token_renewed() -> Recording {
    let mut script = Script::get_token(&config(), rejected());
    script.reach_the_sending(&record(LIVE));
    script.say(renewed()).say(Outcome::Saved).say(Outcome::Unlocked);
    script.ended()
}

pub(crate) fn others(change: impl FnOnce(&mut Record)) -> Record {
    let mut record = record(LIVE);
    record.generation += 1;
    record.access_token = Secret::new("an0ther-process-brought-this");
    record.refresh_token = Some(Secret::new("an0ther-process-spent-ours"));
    record.renewed_from = Some(Secret::new(planted::REFRESH).hash());
    change(&mut record);
    record
}

pub(crate) fn get_token_adopted() -> Recording {
    let mut script = Script::get_token(&config(), rejected());
    script.say(loaded(&record(LIVE))).say(locked(StoredLedger::Unreadable)).say(loaded(&others(|_| {})));
    script.say(Outcome::Unlocked);
    script.ended()
}

pub(crate) fn get_token_refused() -> Recording {
    let mut script = Script::get_token(&config(), Wish::default());
    let before = record(DEAD);
    script.reach_the_sending(&before);
    let said = format!("refresh token has been revoked: {} of {}", planted::REFRESH, planted::NAME);
    script.say(http(401, &json!({ "error": { "message": said, "user": planted::SUB } })));
    script.say(loaded(&before)).say(Outcome::Noted).say(Outcome::Unlocked);
    script.ended()
}

pub(crate) fn get_token_429() -> Recording {
    let mut script = Script::get_token(&config(), Wish::default());
    script.reach_the_sending(&record(DUE));
    script.say(answer(429, &[("retry-after", "17"), ("www-authenticate", "Bearer realm=\"marguerite\"")], "slow down"));
    script.say(Outcome::Noted).say(Outcome::Unlocked);
    script.ended()
}

pub(crate) fn get_token_unknown_twice() -> Recording {
    let mut script = Script::get_token(&config(), Wish::default());
    let before = record(DEAD);
    script.reach_the_sending(&before);
    script.say(failed(Sent::MaybeSent, IoFailureKind::Deadline)).say(Outcome::Noted).wait(Millis(1_000));
    script.say(Outcome::Elapsed).say(loaded(&before)).say(Outcome::Noted);
    script.say(answer(502, &[], "{\"access_token\":\"N3xtAcc+/=%")).say(Outcome::Unlocked);
    script.ended()
}

pub(crate) fn get_token_not_sent() -> Recording {
    let mut script = Script::get_token(&config(), Wish::default());
    script.reach_the_sending(&record(DEAD));
    for _ in 0..2 {
        script.say(failed(Sent::NotSent, IoFailureKind::Unreachable)).say(Outcome::Elapsed);
    }
    script.say(failed(Sent::NotSent, IoFailureKind::Unreachable)).say(Outcome::Noted).say(Outcome::Unlocked);
    script.ended()
}

pub(crate) fn get_token_busy() -> Recording {
    let mut script = Script::get_token(&config(), Wish::default());
    let before = record(DEAD);
    let holder = Holder { who: planted::HOLDER.to_owned(), since: Millis(1_500) };
    script.say(loaded(&before)).say(Outcome::Busy(holder.clone())).say(loaded(&before)).say(Outcome::Busy(holder));
    script.say(loaded(&others(|_| {})));
    script.ended()
}

pub(crate) fn get_token_conflict_other_login() -> Recording {
    let mut script = Script::get_token(&config(), Wish::default());
    script.reach_the_sending(&record(DEAD));
    let theirs = others(|record| record.login_id = LoginId("Login-of-s0mebody-else".to_owned()));
    script.say(renewed()).say(Outcome::Conflict(Some(Box::new(theirs)))).say(Outcome::Unlocked);
    script.ended()
}

pub(crate) fn get_token_conflict_absent() -> Recording {
    let mut script = Script::get_token(&config(), Wish::default());
    script.reach_the_sending(&record(DEAD));
    script.say(renewed()).say(Outcome::Conflict(None)).say(answer(200, &[], "")).say(answer(503, &[], planted::EMAIL));
    script.say(Outcome::Unlocked);
    script.ended()
}

pub(crate) fn get_token_account_changed() -> Recording {
    let mut script = Script::get_token(&config(), Wish::default());
    script.reach_the_sending(&record(DEAD));
    let id = jwt(&json!({ "iss": ISSUER, "aud": "tokenway-tests", "sub": "an0ther-subject-altogether" }));
    script.say(http(200, &json!({ "access_token": planted::ACCESS_2, "token_type": "Bearer", "id_token": id })));
    script.say(Outcome::Noted).say(answer(200, &[], "")).say(answer(200, &[], "")).say(Outcome::Unlocked);
    script.ended()
}

fn noted(intent: Option<Intent>, cool_down: Millis, refused: bool) -> StoredLedger {
    StoredLedger::Read(Ledger {
        login_id: Some(record(DEAD).login_id),
        intent,
        lands_in: Millis::ZERO,
        cool_down,
        refused: refused.then(|| Secret::new(planted::REFRESH).hash()),
    })
}

pub(crate) fn get_token_cool_down() -> Recording {
    let mut script = Script::get_token(&config(), Wish::default());
    let older = Secret::new("a-refresh-t0ken-of-before").hash();
    let intent = Intent { token: older, age: Millis::seconds(90), lands_in: Millis::ZERO, resends: 1 };
    script.reach_the_decision(&record(DEAD), noted(Some(intent), Millis::seconds(25), false));
    script.say(Outcome::Unlocked);
    script.ended()
}

pub(crate) fn get_token_refused_before() -> Recording {
    let mut script = Script::get_token(&config(), Wish::default());
    script.reach_the_decision(&record(DEAD), noted(None, Millis::ZERO, true));
    script.say(Outcome::Lost);
    script.ended()
}

pub(crate) fn get_token_nobody() -> Recording {
    let mut script = Script::get_token(&config(), Wish::default());
    script.say(Outcome::Loaded(None));
    script.ended()
}
