//! A cached token costs nothing, and is not kept longer than the store or an API allows.

use std::future::Future;
use std::time::{Duration, Instant};

use tokenway::Client;
use tokenway::core::error::FailureKind;
use tokenway::core::lifecycle::{Scope, TokenNote};
use tokenway::core::moment::Millis;
use tokenway::driver::now;
use tokio::task::JoinSet;

use crate::parts::{Person, Setting};

/// What another process did has to be seen within a second, and a flight has to have time to bring it.
const NOTICED: Duration = Duration::from_millis(1_500);

async fn noticed<F: Future<Output = bool>>(client: &Client, is_there: impl Fn(Client) -> F) {
    noticed_within(NOTICED, client, is_there).await;
}

async fn noticed_within<F: Future<Output = bool>>(span: Duration, client: &Client, is_there: impl Fn(Client) -> F) {
    let started = Instant::now();
    while !is_there(client.clone()).await {
        assert!(started.elapsed() < span, "not noticed in time");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn is(client: Client, token: &str) -> bool {
    client.token().await.is_ok_and(|got| got.secret().expose() == token)
}

#[tokio::test]
async fn a_million_loans_cost_one_look_a_second() {
    let setting = Setting::fresh().await;
    let store = setting.watched();
    let client = setting.client_on(store.clone());
    client.token().await.unwrap();
    let (calls, stamps, started) = (store.calls(), store.stamps(), Instant::now());
    let mut loans = 0;
    while loans < 1_000_000 || started.elapsed() < Duration::from_millis(2_100) {
        client.token().await.unwrap();
        loans += 1;
    }
    let (looks, seconds) = (store.stamps() - stamps, started.elapsed().as_secs());
    assert_eq!(store.calls(), calls);
    assert!((2..=seconds + 1).contains(&(looks as u64)), "{looks} looks in {seconds} s");
}

#[tokio::test]
async fn a_loan_shares_its_bytes_and_its_header_is_ready() {
    let setting = Setting::fresh().await;
    let client = setting.client();
    let (one, other) = (client.token().await.unwrap(), client.token().await.unwrap());
    assert_eq!(one.authorization().expose(), "Bearer access-old");
    assert_eq!(one.authorization().expose().as_ptr(), other.authorization().expose().as_ptr());
    assert_eq!(one.secret().expose().as_ptr(), one.clone().secret().expose().as_ptr());
    assert!(!format!("{one:?}").contains("access-old"));
}

#[tokio::test]
async fn a_renewal_by_another_process_is_noticed_within_a_second() {
    let setting = Setting::fresh().await;
    let client = setting.client();
    assert!(is(client.clone(), "access-old").await);
    setting.put(2, "new", now().plus(Millis::seconds(3_600))).await;
    noticed(&client, |client| is(client, "access-new")).await;
    assert_eq!(setting.server.counts().refresh_requests, 0);
}

#[tokio::test]
async fn a_login_by_another_process_is_noticed_within_a_second() {
    let setting = Setting::fresh().await;
    let client = setting.client();
    assert!(is(client.clone(), "access-old").await);
    let login = setting.client().login_with(Person::with_browser()).await.unwrap();
    let theirs = login.record.access_token.expose().to_owned();
    noticed(&client, |client| {
        let theirs = theirs.clone();
        async move { is(client, &theirs).await }
    })
    .await;
}

#[tokio::test]
async fn a_logout_by_another_process_is_noticed_within_a_second_by_every_caller() {
    let setting = Setting::fresh().await;
    let client = setting.client();
    assert!(is(client.clone(), "access-old").await);
    setting.client().logout(Scope::LocalOnly).await.unwrap();
    noticed(&client, |client| async move { client.token().await.is_err() }).await;
    for _ in 0..100 {
        assert_eq!(client.token().await.unwrap_err().kind, FailureKind::NoCredential);
    }
}

#[tokio::test]
async fn what_a_caller_saw_who_went_away_is_noticed_all_the_same() {
    let setting = Setting::fresh().await;
    let client = setting.client();
    client.token().await.unwrap();
    let mut dropped = None;
    for generation in 2..=6 {
        let newest = format!("new-{generation}");
        setting.put(generation, &newest, now().plus(Millis::seconds(3_600))).await;
        tokio::time::sleep(Duration::from_millis(1_010)).await;
        // The one who looks is dropped while looking, unless this thread stood still for so long that the look was over.
        tokio::select! {
            biased;
            _ = client.token() => continue,
            () = std::future::ready(()) => dropped = Some(newest),
        }
        break;
    }
    let newest = dropped.expect("nothing was looked at");
    let (started, newest) = (Instant::now(), format!("access-{newest}"));
    while !is(client.clone(), &newest).await {
        assert!(started.elapsed() < Duration::from_millis(900));
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn a_store_in_trouble_does_not_take_a_living_token_away() {
    let setting = Setting::fresh().await;
    let store = setting.watched();
    let client = setting.client_on(store.clone());
    client.token().await.unwrap();
    setting.put(2, "new", now().plus(Millis::seconds(3_600))).await;
    store.loads_fail.store(true, std::sync::atomic::Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(1_010)).await;
    let token = client.token().await.unwrap();
    assert!(matches!(token.notes(), [TokenNote::NotRenewed(_)]), "{:?}", token.notes());
    store.loads_fail.store(false, std::sync::atomic::Ordering::SeqCst);
    // The failure is shared for a second, and the look after that one brings the other token.
    noticed_within(NOTICED * 2, &client, |client| is(client, "access-new")).await;
}

#[tokio::test]
async fn an_invalidated_token_is_renewed_though_the_store_calls_it_fresh() {
    let setting = Setting::fresh().await;
    let client = setting.client();
    let revoked = client.token().await.unwrap();
    client.invalidate(&revoked);
    assert_eq!(client.token().await.unwrap().secret().expose(), "access-1");
    assert_eq!(setting.server.counts().refreshes, 1);
}

#[tokio::test]
async fn an_invalidated_token_is_not_renewed_if_another_process_did_so_already() {
    let setting = Setting::fresh().await;
    let client = setting.client();
    let revoked = client.token().await.unwrap();
    setting.put(2, "new", now().plus(Millis::seconds(3_600))).await;
    client.invalidate(&revoked);
    assert_eq!(client.token().await.unwrap().secret().expose(), "access-new");
    assert_eq!(setting.server.counts().refresh_requests, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_callers_who_saw_the_401_cost_one_renewal() {
    let setting = Setting::fresh().await;
    let client = setting.client();
    let revoked = client.token().await.unwrap();
    let mut all = JoinSet::new();
    for _ in 0..100 {
        let (client, revoked) = (client.clone(), revoked.clone());
        all.spawn(async move {
            client.invalidate(&revoked);
            client.token().await.unwrap().secret().expose().to_owned()
        });
    }
    assert!(all.join_all().await.iter().all(|token| token == "access-1"));
    assert_eq!(setting.server.counts().refresh_requests, 1);
}

#[tokio::test]
async fn a_late_401_for_an_older_token_does_not_bring_the_revoked_one_back() {
    let mut setting = Setting::fresh().await;
    let timing = tokenway::core::config::Timing { reject_interval: Millis::ZERO, ..Default::default() };
    let config = setting.server.builder().timing(timing).build().unwrap();
    setting = setting.with_config(config);
    let client = setting.client();
    let first = client.token().await.unwrap();
    client.invalidate(&first);
    let second = client.token().await.unwrap();
    client.invalidate(&second);
    // A slow caller comes with the older token only now.
    client.invalidate(&first);
    let third = client.token().await.unwrap();
    assert_eq!(third.secret().expose(), "access-2");
    client.invalidate(&second);
    assert_eq!(client.token().await.unwrap().secret(), third.secret());
    assert_eq!(setting.server.counts().refreshes, 2);
}

#[tokio::test]
async fn a_token_that_is_refused_while_a_flight_brings_it_is_lent_to_nobody() {
    for trouble in [0, 1] {
        let setting = Setting::fresh().await;
        setting.server.tell(|state| state.trouble = trouble);
        let store = setting.watched();
        let client = setting.client_on(store.clone());
        let revoked = setting.client().token().await.unwrap();
        let go = store.slows_next_load();
        let caller = tokio::spawn({
            let client = client.clone();
            async move { client.token().await }
        });
        store.called(1).await;
        client.invalidate(&revoked);
        go.send(()).unwrap();
        for end in [caller.await.unwrap(), client.token().await] {
            match end {
                Ok(token) => assert_eq!((token.secret().expose(), trouble), ("access-1", 0)),
                Err(failure) => assert_eq!((failure.kind, trouble), (FailureKind::ServerTrouble, 1)),
            }
        }
    }
}

#[tokio::test]
async fn an_api_that_refuses_a_new_token_does_not_cause_a_storm() {
    let setting = Setting::fresh().await;
    let client = setting.client();
    for _ in 0..5 {
        match client.token().await {
            Ok(token) => client.invalidate(&token),
            Err(failure) => assert_eq!(failure.kind, FailureKind::ApiRefusesNewToken),
        }
    }
    assert_eq!(setting.server.counts().refresh_requests, 1);
}
