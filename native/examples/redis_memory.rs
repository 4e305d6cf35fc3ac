//! What logins cost in the memory of a Redis: saves so many records as a real server would issue them, leaves beside each
//! the notes of a renewal, and divides.
//!
//! ```sh
//! redis-server --port 7777 --save "" --appendonly no &
//! cargo run -p tokenway --features redis --example redis_memory -- redis://127.0.0.1:7777 1000000
//! ```
//!
//! The Redis must be empty: what it holds before is not counted, and what is saved stays there.

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use tokenway::core::action::{Lock, Note, Save, Unlock};
use tokenway::core::event::Locked;
use tokenway::core::lifecycle::ledger::{Intent, Ledger};
use tokenway::core::lifecycle::record::{CredentialKey, Record};
use tokenway::core::moment::Millis;
use tokenway::core::secret::Secret;
use tokenway::store::conformance::sample_record;
use tokenway::store::{Answer, LockAnswer, RedisOptions, RedisStore, Store};
use tokio::task::JoinSet;

/// How many saves are on their way at once.
const AT_ONCE: usize = 64;

/// The bytes of an access token that is a JWT, and of an opaque refresh token.
const ACCESS_TOKEN: usize = 1_100;
const REFRESH_TOKEN: usize = 64;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let url = args.next().ok_or("usage: redis_memory URL [RECORDS]")?;
    let count: usize = args.next().map_or(Ok(100_000), |count| count.parse())?;
    let store = Arc::new(RedisStore::new(RedisOptions::new(url.as_str()))?);
    let mut connection = redis::Client::open(url)?.get_multiplexed_async_connection().await?;

    let before = used(&mut connection).await?;
    let started = Instant::now();
    each(&store, count, |store, login| async move { store.save(&login).await.map(|_| ()) }).await?;
    let saved = used(&mut connection).await?.saturating_sub(before) / count as u64;
    each(&store, count, |store, login| async move { renewal(&store, &login).await }).await?;
    let renewed = used(&mut connection).await?.saturating_sub(before) / count as u64;
    let json = serde_json::to_string(&login(0).record)?.len();
    tell(&format!(
        "redis memory: {count} logins of {json} bytes each take {saved} bytes each, {renewed} once they were renewed: a \
         million takes {:.1} GiB; {:.0?} for all",
        renewed as f64 * 1e6 / f64::from(1 << 30),
        started.elapsed(),
    ));
    Ok(())
}

/// Does `work` with each login, many at once.
async fn each<F>(
    store: &Arc<RedisStore>,
    count: usize,
    work: impl Fn(Arc<RedisStore>, Save) -> F,
) -> Result<(), Box<dyn Error>>
where
    F: Future<Output = Answer<()>> + Send + 'static,
{
    let mut running = JoinSet::new();
    for number in 0..count + AT_ONCE {
        if number < count {
            running.spawn(work(Arc::clone(store), login(number)));
        }
        if running.len() >= AT_ONCE || number >= count {
            let Some(done) = running.join_next().await else { break };
            done?.map_err(|failure| failure.detail)?;
        }
    }
    Ok(())
}

/// What a renewal leaves beside the record.
async fn renewal(store: &RedisStore, login: &Save) -> Answer<()> {
    let key = &login.key;
    let lock = Lock { key: key.clone(), wait: Millis::ZERO, hold: Millis::seconds(50) };
    let LockAnswer::Locked(Locked { lease, .. }) = store.lock(&lock).await? else { return Ok(()) };
    let intent =
        Intent { token: Secret::new("sent").hash(), age: Millis::ZERO, lands_in: Millis::seconds(40), resends: 0 };
    let login_id = Some(login.record.login_id.clone());
    let ledger = Ledger { login_id, intent: Some(intent), ..Ledger::default() };
    store.note(&Note { key: key.clone(), lease, ledger }).await?;
    store.unlock(&Unlock { key: key.clone(), lease }).await.map(|_| ())
}

#[allow(clippy::print_stdout, reason = "the figure is the result")]
fn tell(line: &str) {
    println!("{line}");
}

fn login(number: usize) -> Save {
    let token = |length: usize| Secret::new(format!("{number:0length$}"));
    let record = Record {
        access_token: token(ACCESS_TOKEN),
        refresh_token: Some(token(REFRESH_TOKEN)),
        ..sample_record(&format!("{number:032}"), 1, "")
    };
    let key = CredentialKey {
        provider: "https://login.example.com".to_owned(),
        client_id: "my-application".to_owned(),
        account: format!("person-{number}@example.com"),
    };
    Save { key, expected: None, record: Box::new(record) }
}

/// The bytes that the server has allocated.
async fn used(connection: &mut redis::aio::MultiplexedConnection) -> Result<u64, Box<dyn Error>> {
    let info: String = redis::cmd("INFO").arg("memory").query_async(connection).await?;
    let line = info.lines().find_map(|line| line.strip_prefix("used_memory:"));
    Ok(line.ok_or("this Redis does not tell its memory")?.trim().parse()?)
}
