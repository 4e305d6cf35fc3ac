//! Logins: the person, the browser, the paste, and being given up.

use std::net::TcpListener;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokenway::core::error::FailureKind;
use url::Url;

use crate::parts::{Person, Setting, go};
use crate::server::browse;

#[tokio::test]
async fn a_login_in_the_browser_is_saved_and_its_token_lent() {
    let setting = Setting::empty();
    let client = setting.client();
    let login = client.login_with(Person::with_browser()).await.unwrap();
    assert!(setting.server.admits(login.record.access_token.expose()));
    assert_eq!(client.token().await.unwrap().secret(), &login.record.access_token);
    assert_eq!(setting.stored().await, Some(login.record));
}

#[tokio::test]
async fn without_a_browser_the_person_is_told_and_may_paste_the_address() {
    let setting = Setting::empty();
    let client = setting.client();
    let person = Person::without_browser();
    let login = tokio::spawn({
        let (client, person) = (client.clone(), person.clone());
        async move { client.login_with(person).await }
    });
    let redirect = person.redirect().await;
    person.pastes.lock().unwrap().push(redirect);
    let login = login.await.unwrap().unwrap();
    assert!(person.told_no_browser.load(Ordering::SeqCst));
    assert_eq!(client.token().await.unwrap().secret(), &login.record.access_token);
}

#[tokio::test]
async fn a_paste_that_does_not_fit_is_refused_and_the_login_goes_on() {
    let setting = Setting::empty();
    let client = setting.client();
    let person = Person::without_browser();
    let login = tokio::spawn({
        let person = person.clone();
        async move { client.login_with(person).await }
    });
    let redirect = person.redirect().await;
    let mut forged = Url::parse(&redirect).unwrap();
    forged.set_query(Some("code=stolen&state=guessed"));
    // Taken from the end: first the forged one, then a redirect in the browser.
    person.pastes.lock().unwrap().push(forged.into());
    while person.refused_pastes.lock().unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(!login.is_finished());
    go(redirect);
    login.await.unwrap().unwrap();
    assert_eq!(setting.server.counts().exchanges, 1);
}

#[tokio::test]
async fn a_login_that_is_given_up_frees_its_port_and_changes_nothing() {
    let setting = Setting::fresh().await;
    let client = setting.client();
    let person = Person::without_browser();
    let login = tokio::spawn({
        let (client, person) = (client.clone(), person.clone());
        async move { client.login_with(person).await }
    });
    let port = Url::parse(&person.shown().await.redirect_uri).unwrap().port().unwrap();
    assert!(TcpListener::bind(("127.0.0.1", port)).is_err());
    login.abort();
    while TcpListener::bind(("127.0.0.1", port)).is_err() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(client.token().await.unwrap().secret().expose(), "access-old");
    assert!(client.close().await);
}

#[tokio::test]
async fn a_login_that_is_given_up_after_the_claim_of_its_code_is_completed_and_close_waits_for_it() {
    let setting = Setting::fresh().await;
    setting.server.tell(|state| state.holds_answers = true);
    let client = setting.client();
    let login = tokio::spawn({
        let client = client.clone();
        async move { client.login_with(Person::with_browser()).await }
    });
    setting.server.until(|counts| counts.exchanges == 1).await;
    login.abort();
    let closing = tokio::spawn({
        let client = client.clone();
        async move { client.close().await }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!closing.is_finished());
    setting.server.tell(|state| state.holds_answers = false);
    assert!(closing.await.unwrap());
    let stored = setting.stored_token().await.unwrap();
    assert_ne!(stored, "access-old");
    assert_eq!(client.token().await.unwrap().secret().expose(), stored);
}

#[tokio::test]
async fn a_login_that_nobody_finishes_ends_in_time() {
    let setting = Setting::empty();
    let timing =
        tokenway::core::config::Timing { login_timeout: tokenway::core::moment::Millis(100), ..Default::default() };
    let config = setting.server.builder().timing(timing).build().unwrap();
    let failure = setting.with_config(config).client().login_with(Person::without_browser()).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::TimedOut);
}

#[tokio::test]
async fn strangers_at_the_door_do_not_end_a_login() {
    let setting = Setting::empty();
    let client = setting.client();
    let person = Person::without_browser();
    let login = tokio::spawn({
        let person = person.clone();
        async move { client.login_with(person).await }
    });
    let shown = person.shown().await;
    let forged = format!("{}?code=x&state=y", shown.redirect_uri);
    let refused = tokio::task::spawn_blocking(move || browse(&forged)).await.unwrap();
    assert!((400..500).contains(&refused), "{refused}");
    go(shown.url);
    login.await.unwrap().unwrap();
}
