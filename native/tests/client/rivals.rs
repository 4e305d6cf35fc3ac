//! Logins and logouts while a refresh is in the air: here and in another process.

use tokenway::core::error::{FailureKind, NextStep};
use tokenway::core::lifecycle::Scope;
use tokenway::{AccessToken, Client};
use tokio::task::JoinHandle;

use crate::parts::{Person, Setting};

type Caller = JoinHandle<Result<AccessToken, Box<tokenway::core::error::Failure>>>;

/// A caller whose refresh the server has done, and not yet answered.
async fn in_the_air(setting: &Setting, client: &Client) -> Caller {
    setting.server.tell(|state| state.holds_answers = true);
    let client = client.clone();
    let caller = tokio::spawn(async move { client.token().await });
    setting.server.until(|counts| counts.refresh_requests == 1).await;
    caller
}

#[tokio::test]
async fn a_logout_during_a_refresh_wins() {
    for same_process in [true, false] {
        let setting = Setting::expired().await;
        let client = setting.client();
        let caller = in_the_air(&setting, &client).await;
        let who = if same_process { client.clone() } else { setting.client() };
        who.logout(Scope::Everywhere).await.unwrap();
        setting.server.tell(|state| state.holds_answers = false);
        let failure = caller.await.unwrap().unwrap_err();
        assert_eq!((failure.kind, &failure.next), (FailureKind::NoCredential, &NextStep::LogIn));
        assert!(setting.stored().await.is_none());
        assert!(!setting.server.has_grants(), "the late answer was not revoked");
        assert_eq!(client.token().await.unwrap_err().kind, FailureKind::NoCredential);
    }
}

#[tokio::test]
async fn a_logout_counts_at_once_in_its_own_process() {
    let setting = Setting::fresh().await;
    let client = setting.client();
    client.token().await.unwrap();
    client.logout(Scope::LocalOnly).await.unwrap();
    assert_eq!(client.token().await.unwrap_err().kind, FailureKind::NoCredential);
}

#[tokio::test]
async fn a_flight_that_read_the_store_before_a_logout_does_not_bring_the_token_back() {
    let setting = Setting::fresh().await;
    let store = setting.watched();
    let client = setting.client_on(store.clone());
    let go = store.slows_next_load();
    let before = tokio::spawn({
        let client = client.clone();
        async move { client.token().await }
    });
    store.called(1).await;
    client.logout(Scope::LocalOnly).await.unwrap();
    let after = tokio::spawn({
        let client = client.clone();
        async move { client.token().await }
    });
    assert_eq!(after.await.unwrap().unwrap_err().kind, FailureKind::NoCredential);
    go.send(()).unwrap();
    before.await.unwrap().unwrap();
    assert_eq!(client.token().await.unwrap_err().kind, FailureKind::NoCredential);
}

#[tokio::test]
async fn a_login_during_a_refresh_wins() {
    for same_process in [true, false] {
        let setting = Setting::expired().await;
        let client = setting.client();
        let caller = in_the_air(&setting, &client).await;
        let who = if same_process { client.clone() } else { setting.client() };
        let login = tokio::spawn(async move { who.login_with(Person::with_browser()).await });
        setting.server.until(|counts| counts.exchanges == 1).await;
        setting.server.tell(|state| state.holds_answers = false);
        let login = login.await.unwrap().unwrap();
        // Whoever was first: the login's token is the one that stays.
        caller.await.unwrap().unwrap();
        let stored = setting.stored().await.unwrap();
        assert_eq!(stored.login_id, login.record.login_id, "same process: {same_process}");
        if same_process {
            assert_eq!(client.token().await.unwrap().secret(), &login.record.access_token);
        }
    }
}

#[tokio::test]
async fn a_login_counts_at_once_in_its_own_process_though_its_token_was_refused_before() {
    let setting = Setting::fresh().await;
    let client = setting.client();
    let old = client.token().await.unwrap();
    client.invalidate(&old);
    let login = client.login_with(Person::with_browser()).await.unwrap();
    assert_eq!(client.token().await.unwrap().secret(), &login.record.access_token);
    assert_eq!(setting.server.counts().refresh_requests, 0);
}
