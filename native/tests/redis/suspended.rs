//! A holder that is suspended for longer than its lease lasts (F18).

use std::io::{BufRead, BufReader, Write};
use std::sync::Arc;

use tokenway::core::action::{Action, Lock, Note, Save, Unlock};
use tokenway::core::event::{Locked, Outcome};
use tokenway::core::http::{Body, FormField, HttpRequest, IoFailure, Method, Sent};
use tokenway::core::lifecycle::ledger::Ledger;
use tokenway::core::lifecycle::record::CredentialKey;
use tokenway::core::moment::Millis;
use tokenway::core::secret::Secret;
use tokenway::driver::World;
use tokenway::http::ReqwestHttp;
use tokenway::store::conformance::{sample_key, sample_record};
use tokenway::store::{LockAnswer, RedisOptions, RedisStore, SaveAnswer, Store};
use tokenway::world::CommonWorld;

use crate::process::{again, servers};
use crate::redis::{Redis, signal_to, until};
use crate::server::Server;

/// How long the holder's lease lasts.
const HOLD: Millis = Millis(1_000);

fn key() -> CredentialKey {
    sample_key("suspended", "default")
}

async fn locked(store: &RedisStore) -> Locked {
    match store.lock(&Lock { key: key(), wait: Millis::seconds(10), hold: HOLD }).await.unwrap() {
        LockAnswer::Locked(locked) => locked,
        LockAnswer::Busy(holder) => panic!("held by {}", holder.who),
    }
}

fn save(generation: u64, token: &str) -> Save {
    let expected = (generation > 1).then(|| sample_record("login", generation - 1, "").version());
    Save { key: key(), expected, record: Box::new(sample_record("login", generation, token)) }
}

/// The holder: takes the lease, waits for a line, and then tries everything that it could do under the lease.
#[tokio::test]
#[allow(clippy::print_stdout, reason = "how the other test hears of it")]
async fn a_process_holds_a_lease_when_another_test_starts_it() {
    let Some((redis, server)) = servers() else { return };
    let store = Arc::new(RedisStore::new(RedisOptions::new(redis)).unwrap());
    let Locked { lease, .. } = locked(&store).await;
    println!("\nit is locked");
    std::io::stdin().lock().read_line(&mut String::new()).unwrap();
    let holds = store.holds(&key(), lease);
    let http = Arc::new(ReqwestHttp::default());
    let mut world = CommonWorld { key: key(), store: store.clone(), http };
    let field = |name: &str, value: &str| FormField { name: name.to_owned(), value: Secret::new(value) };
    let request = HttpRequest {
        method: Method::Post,
        url: format!("{server}/token"),
        headers: Vec::new(),
        body: Body::Form(vec![field("grant_type", "refresh_token"), field("refresh_token", "refresh-one")]),
        single_use: true,
        not_after: None,
        lease: Some(lease),
        deadline: Millis::seconds(5),
    };
    let posted = world.perform(Action::PostForm(request)).await;
    let Outcome::Failed(IoFailure { sent: Sent::NotSent, detail, .. }) = posted else { panic!("it was sent") };
    let note = world.perform(Action::Note(Note { key: key(), lease, ledger: Ledger::default() })).await;
    let save = world.perform(Action::Save(save(2, "of the suspended"))).await;
    let unlock = world.perform(Action::Unlock(Unlock { key: key(), lease })).await;
    println!("\nholds {holds}; {detail}; note {}; save {}; unlock {}", note.name(), save.name(), unlock.name());
}

#[tokio::test]
async fn f18_a_holder_that_is_suspended_past_its_lease_sends_notes_and_saves_nothing() {
    let Some(redis) = Redis::start() else { return };
    let (server, store) = (Server::start(), redis.store());
    server.grants("refresh-one");
    assert_eq!(store.save(&save(1, "one")).await.unwrap(), SaveAnswer::Saved);
    let mut holder =
        again("suspended::a_process_holds_a_lease_when_another_test_starts_it", &redis, &server).spawn().unwrap();
    let mut lines = BufReader::new(holder.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line == "it is locked"));
    // It is renewed while it is held ...
    tokio::time::sleep(std::time::Duration::from_millis(HOLD.0 * 2)).await;
    let lease = format!("{}:lease", redis.says("keys *}"));
    assert_eq!(redis.says(&format!("exists {lease}")), "1");
    // ... and ends while the holder is suspended.
    signal_to(holder.id(), "STOP");
    until("the lease has ended", || redis.says(&format!("exists {lease}")) == "0");
    let next = locked(&store).await.lease;
    assert_eq!(store.save(&save(2, "two")).await.unwrap(), SaveAnswer::Saved);
    holder.stdin.take().unwrap().write_all(b"go on\n").unwrap();
    signal_to(holder.id(), "CONT");
    let told = lines.find(|line| line.starts_with("holds ")).unwrap();
    assert!(holder.wait().unwrap().success());
    let refused = "the request was not sent: this process no longer holds the lock on the credential";
    assert_eq!(told, format!("holds false; {refused}; note lost; save conflict; unlock lost"));
    assert_eq!(server.counts().refresh_requests, 0);
    assert!(store.holds(&key(), next), "its successor still holds");
    let stored = store.load(&tokenway::core::action::Load { key: key() }).await.unwrap().unwrap();
    assert_eq!(stored.access_token.expose(), "access-two");
}
