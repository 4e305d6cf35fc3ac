//! One renewal for all callers, in thousands of orders: shuttle runs callers, flights, refusals, logouts and logins one
//! step at a time, and chooses at each lock and each await who goes on. `tests/run --deep` builds this, with `--cfg shuttle`.

mod server;

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use shuttle::future::{JoinHandle, block_on, spawn, yield_now};
use shuttle::rand::Rng;
use tokenway_core::action::{Action, Load, Save};
use tokenway_core::error::FailureKind;
use tokenway_core::event::Event;
use tokenway_core::lifecycle::record::Record;
use tokenway_core::lifecycle::{Scope, Wish};
use tokenway_core::moment::{Millis, Moment};
use tokenway_core::session::Progress;

use super::{AccessToken, Client};
use crate::driver::{Observer, now};
use crate::store::conformance::sample_record;
use crate::store::{MemoryStore, SaveAnswer, Store};
use server::Server;

/// Orders chosen at random, and orders with few changes of turn at random places, which find what the others miss.
const RANDOM: usize = 2_000;
const FEW_TURNS: usize = 1_000;
const TURNS: usize = 3;

/// Callers at once.
const CALLERS: usize = 4;

/// A server, a store and a client.
#[derive(Clone)]
struct Setting {
    server: Arc<Server>,
    store: Arc<MemoryStore>,
    client: Client,
}

/// Lets others have a turn after each step of a flow.
struct Turns;

impl Observer for Turns {
    fn started(&self, _: &'static str, _: &Moment) {
        shuttle::thread::yield_now();
    }

    fn stepped(&self, _: &'static str, _: &Action, _: &Moment, _: &Event, _: &Progress) {
        shuttle::thread::yield_now();
    }
}

impl Setting {
    /// The access token died ten seconds ago.
    fn expired() -> Self {
        Setting::with(|record| record.expires_at = Some(now().minus(Millis::seconds(10))))
    }

    fn fresh() -> Self {
        Setting::with(|record| record.expires_at = Some(now().plus(Millis::seconds(3_600))))
    }

    fn with(change: impl FnOnce(&mut Record)) -> Self {
        let server = Arc::new(Server::default());
        let config = server::config();
        let mut record = record(1, "0");
        change(&mut record);
        let store = Arc::new(MemoryStore::new().with_record(config.key().clone(), record));
        let builder = Client::builder(config).store(store.clone()).http(server.clone()).observer(Arc::new(Turns));
        Setting { server, store, client: builder.build().unwrap() }
    }

    fn callers(&self) -> Vec<JoinHandle<String>> {
        let caller = |client: Client| async move { text(&client.token().await.unwrap()) };
        (0..CALLERS).map(|_| spawn(caller(self.client.clone()))).collect()
    }

    async fn stored(&self) -> Option<Box<Record>> {
        self.store.load(&Load { key: self.client.config().key().clone() }).await.unwrap()
    }

    /// As a login does at its end.
    async fn log_in(&self, name: &str) {
        loop {
            let expected = self.stored().await.map(|record| record.version());
            let mut record = Box::new(record(1, name));
            record.expires_at = Some(now().plus(Millis::seconds(3_600)));
            let save = Save { key: self.client.config().key().clone(), expected, record };
            yield_now().await;
            if self.store.save(&save).await == Ok(SaveAnswer::Saved) {
                let token = AccessToken::new(save.record.clone(), Vec::new());
                let inner = &self.client.inner;
                return inner.flights.overtake(|| inner.cache.keep(token, None));
            }
        }
    }
}

fn record(generation: u64, name: &str) -> Record {
    Record {
        client_id: "native".to_owned(),
        issuer: None,
        token_endpoint: server::endpoints().token,
        revocation_endpoint: server::endpoints().revocation,
        renewed_from: None,
        ..sample_record(&format!("login {name}"), generation, name)
    }
}

fn text(token: &AccessToken) -> String {
    token.secret().expose().to_owned()
}

/// Runs what happens in many orders.
fn explore<W: Future<Output = ()> + Send + 'static>(name: &str, what_happens: fn() -> W) {
    // For the clocks of the store; nobody lets them run, so no deadline passes.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let _clocks = runtime.enter();
    shuttle::check_random(move || block_on(what_happens()), RANDOM);
    shuttle::check_pct(move || block_on(what_happens()), FEW_TURNS, TURNS);
    println!("flight: {name}: {} schedules", RANDOM + FEW_TURNS);
}

#[test]
fn callers_with_an_expired_token_cost_one_refresh_and_get_the_same_token() {
    explore("callers with an expired token", || async {
        let setting = Setting::expired();
        for caller in setting.callers() {
            assert_eq!(caller.await.unwrap(), "access-1");
        }
        assert_eq!(setting.server.refreshes(), 1);
        assert_eq!(setting.stored().await.unwrap().access_token.expose(), "access-1");
    });
}

#[test]
fn a_caller_that_goes_away_at_any_time_costs_the_others_nothing() {
    explore("a caller that goes away", || async {
        let setting = Setting::expired();
        let client = setting.client.clone();
        let patience = shuttle::rand::thread_rng().gen_range(0..12);
        let leaver = spawn(async move {
            let mut call = pin!(client.token());
            for _ in 0..patience {
                if poll_fn(|context| Poll::Ready(call.as_mut().poll(context).is_ready())).await {
                    return;
                }
                yield_now().await;
            }
        });
        for caller in setting.callers() {
            assert_eq!(caller.await.unwrap(), "access-1");
        }
        leaver.await.unwrap();
        assert_eq!(setting.server.refreshes(), 1);
    });
}

#[test]
fn a_token_that_an_api_refused_is_lent_to_nobody_again() {
    explore("refusals", || async {
        let setting = Setting::fresh();
        let refuser = |client: Client| async move {
            let token = client.token().await.unwrap();
            client.invalidate(&token);
            match client.token().await {
                Ok(other) => assert_ne!(text(&other), text(&token), "a refused token was lent"),
                // Both of them refused, one after the other, what the server had just given.
                Err(failure) => assert!(failure.kind == FailureKind::ApiRefusesNewToken, "{failure}"),
            }
        };
        let refusers: Vec<_> = (0..2).map(|_| spawn(refuser(setting.client.clone()))).collect();
        for refuser in refusers {
            refuser.await.unwrap();
        }
        assert_eq!(setting.server.reused(), 0);
    });
}

#[test]
fn after_a_logout_no_flight_brings_the_token_back() {
    explore("a logout", || async {
        let setting = Setting::expired();
        let caller = |client: Client| async move {
            if let Err(failure) = client.token().await {
                assert!(failure.kind == FailureKind::NoCredential, "{failure}");
            }
        };
        let callers: Vec<_> = (0..2).map(|_| spawn(caller(setting.client.clone()))).collect();
        setting.client.logout(Scope::LocalOnly).await.unwrap();
        let after = setting.client.token().await;
        assert!(after.is_err_and(|failure| failure.kind == FailureKind::NoCredential), "logged out, and lent a token");
        for caller in callers {
            caller.await.unwrap();
        }
        let in_the_end = setting.client.token().await;
        assert!(in_the_end.is_err_and(|failure| failure.kind == FailureKind::NoCredential), "a flight brought it back");
        assert_eq!(setting.server.reused(), 0);
    });
}

#[test]
fn after_a_second_login_its_token_is_lent_and_no_other() {
    explore("a second login", || async {
        let setting = Setting::expired();
        let callers = setting.callers();
        setting.log_in("new").await;
        assert_eq!(text(&setting.client.token().await.unwrap()), "access-new");
        for caller in callers {
            assert!(["access-1", "access-new"].contains(&&*caller.await.unwrap()));
        }
        assert_eq!(text(&setting.client.token().await.unwrap()), "access-new");
        assert_eq!(setting.stored().await.unwrap().access_token.expose(), "access-new");
        assert_eq!(setting.server.reused(), 0);
    });
}

#[test]
fn a_failure_is_shared_by_all_who_joined_and_costs_one_request() {
    explore("a server in trouble", || async {
        let setting = Setting::expired();
        setting.server.in_trouble();
        let caller = |client: Client| async move { client.token().await.unwrap_err().kind };
        let callers: Vec<_> = (0..CALLERS).map(|_| spawn(caller(setting.client.clone()))).collect();
        for caller in callers {
            let kind = caller.await.unwrap();
            assert!(matches!(kind, FailureKind::ServerTrouble | FailureKind::CoolDown), "{kind:?}");
        }
        assert_eq!(setting.server.requests(), 1);
    });
}

#[test]
fn once_closed_nothing_is_sent_and_what_was_sent_is_saved() {
    explore("close", || async {
        let setting = Setting::expired();
        let caller = |client: Client| async move { client.token_for(Wish::default()).await.is_ok() };
        let callers: Vec<_> = (0..2).map(|_| spawn(caller(setting.client.clone()))).collect();
        assert!(setting.client.close().await);
        let (sent, stored) = (setting.server.refreshes(), setting.stored().await.unwrap());
        assert_eq!(stored.access_token.expose(), format!("access-{sent}"), "closed before the save");
        // A flight that may not send any more tries again in half a second, which never comes here.
        drop(callers);
        for _ in 0..20 {
            yield_now().await;
        }
        assert_eq!(setting.server.refreshes(), sent, "sent after the close");
    });
}
