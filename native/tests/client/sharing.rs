//! Many callers, one flight.

use std::time::{Duration, Instant};

use tokenway::core::error::{Failure, FailureKind};
use tokenway::core::lifecycle::{TokenNote, Wish};
use tokenway::core::moment::Millis;
use tokenway::{AccessToken, Client};
use tokio::task::JoinSet;

use crate::parts::Setting;

type Got = Result<AccessToken, Box<Failure>>;

async fn at_once(client: &Client, callers: usize) -> Vec<Got> {
    let mut all = JoinSet::new();
    for _ in 0..callers {
        let client = client.clone();
        all.spawn(async move { client.token().await });
    }
    all.join_all().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_callers_with_an_expired_token_cost_one_refresh_and_get_the_same_token() {
    let setting = Setting::expired().await;
    let client = setting.client();
    let got = at_once(&client, 100).await;
    let first = got[0].as_ref().unwrap();
    assert!(got.iter().all(|token| token.as_ref().unwrap().secret() == first.secret()));
    assert_eq!(first.secret().expose(), "access-1");
    assert_eq!(setting.server.counts().refresh_requests, 1);
    assert_eq!(setting.stored_token().await.as_deref(), Some("access-1"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_failure_is_shared_for_a_second_and_then_it_is_tried_again() {
    let setting = Setting::expired().await;
    setting.server.tell(|state| state.trouble = 1);
    let client = setting.client();
    let store = setting.watched();
    let watched = setting.client_on(store.clone());
    let got = at_once(&watched, 100).await;
    let started = Instant::now();
    assert!(got.iter().all(|end| end.as_ref().is_err_and(|failure| failure.kind == FailureKind::ServerTrouble)));
    assert_eq!(setting.server.counts().refresh_requests, 1);
    let calls = store.calls();
    while started.elapsed() < Duration::from_millis(800) {
        watched.token().await.unwrap_err();
    }
    assert_eq!(store.calls(), calls, "the shared failure was not looked for again");
    tokio::time::sleep(Duration::from_millis(300)).await;
    // The server is still to be left alone, and that is what the next try finds out.
    assert_eq!(watched.token().await.unwrap_err().kind, FailureKind::CoolDown);
    assert!(store.calls() > calls);
    assert_eq!(client.token().await.unwrap_err().kind, FailureKind::CoolDown);
    assert_eq!(setting.server.counts().refresh_requests, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_token_that_is_due_and_cannot_be_renewed_is_shared_for_a_second_too() {
    let setting = Setting::due().await;
    setting.server.tell(|state| state.trouble = 1);
    let store = setting.watched();
    let client = setting.client_on(store.clone());
    let token = client.token().await.unwrap();
    assert!(matches!(token.notes(), [TokenNote::NotRenewed(_)]), "{:?}", token.notes());
    let calls = store.calls();
    for got in at_once(&client, 100).await {
        assert_eq!(got.unwrap().secret().expose(), "access-old");
    }
    assert_eq!(store.calls(), calls);
    assert_eq!(setting.server.counts().refresh_requests, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_joined_a_flight_for_another_wish_judges_it_by_their_own() {
    let setting = Setting::due().await;
    setting.server.tell(|state| (state.trouble, state.holds_answers) = (1, true));
    let client = setting.client();
    let old = setting.stored().await.unwrap().access_token.hash();
    let demanding = tokio::spawn({
        let client = client.clone();
        async move { client.token_for(Wish { rejected: Some(old), ..Wish::default() }).await }
    });
    setting.server.until(|counts| counts.refresh_requests == 1).await;
    let modest = tokio::spawn(async move { client.token().await });
    setting.server.tell(|state| state.holds_answers = false);
    assert_eq!(demanding.await.unwrap().unwrap_err().kind, FailureKind::ServerTrouble);
    assert_eq!(modest.await.unwrap().unwrap().secret().expose(), "access-old");
}

#[tokio::test]
async fn a_wish_for_a_longer_life_is_not_met_by_a_flight_for_any_life() {
    let setting = Setting::expired().await;
    setting.server.tell(|state| (state.life, state.holds_answers) = (Some(3_600), true));
    let client = setting.client();
    let any = tokio::spawn({
        let client = client.clone();
        async move { client.token().await }
    });
    setting.server.until(|counts| counts.refresh_requests == 1).await;
    let long =
        tokio::spawn(
            async move { client.token_for(Wish { min_ttl: Millis::seconds(7_200), ..Wish::default() }).await },
        );
    setting.server.tell(|state| state.holds_answers = false);
    // Nothing longer-lived is to be had within ten seconds of a renewal, so the one renewal serves both.
    assert_eq!(any.await.unwrap().unwrap().notes().len(), 0);
    assert_eq!(long.await.unwrap().unwrap().secret().expose(), "access-1");
    assert_eq!(setting.server.counts().refreshes, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_clients_on_one_folder_cost_one_refresh() {
    let setting = Setting::expired().await;
    let mut all = JoinSet::new();
    for _ in 0..8 {
        let client = setting.client();
        all.spawn(async move { client.token().await.unwrap().secret().expose().to_owned() });
    }
    assert!(all.join_all().await.iter().all(|token| token == "access-1"));
    assert_eq!(setting.server.counts().refresh_requests, 1);
}
