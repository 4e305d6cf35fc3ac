//! The end of a program, and programs without a runtime.

use tokenway::BlockingClient;
use tokenway::core::error::{FailureKind, NextStep};
use tokenway::core::lifecycle::Scope;

use crate::parts::{Person, Setting};

#[tokio::test]
async fn a_closed_client_sends_nothing_any_more_and_says_so() {
    let setting = Setting::expired().await;
    let client = setting.client();
    assert!(client.close().await);
    let failure = client.token().await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Cancelled);
    assert!(matches!(failure.next, NextStep::RetryAt { .. }) && failure.detail.contains("closed"), "{failure}");
    assert_eq!(setting.server.counts().refresh_requests, 0);
    // Nothing was left behind for the next process to wait for.
    assert_eq!(setting.client().token().await.unwrap().secret().expose(), "access-1");
}

#[tokio::test]
async fn a_closed_client_still_lends_what_is_fresh() {
    let setting = Setting::fresh().await;
    let client = setting.client();
    assert!(client.close().await);
    assert_eq!(client.token().await.unwrap().secret().expose(), "access-old");
}

#[tokio::test]
async fn close_waits_for_an_answer_that_is_on_its_way() {
    let setting = Setting::expired().await;
    setting.server.tell(|state| state.holds_answers = true);
    let client = setting.client();
    let caller = tokio::spawn({
        let client = client.clone();
        async move { client.token().await }
    });
    setting.server.until(|counts| counts.refresh_requests == 1).await;
    caller.abort();
    let closing = tokio::spawn(async move { client.close().await });
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    assert!(!closing.is_finished());
    setting.server.tell(|state| state.holds_answers = false);
    assert!(closing.await.unwrap());
    assert_eq!(setting.stored_token().await.as_deref(), Some("access-1"));
}

#[test]
fn the_blocking_twin_needs_no_runtime() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let setting = runtime.block_on(Setting::expired());
    let client = BlockingClient::from(setting.client());
    assert_eq!(client.token().unwrap().secret().expose(), "access-1");
    assert!(client.status().unwrap().login.is_some());
    client.invalidate(&client.token().unwrap());
    assert_eq!(client.token().unwrap().secret().expose(), "access-2");
    client.logout(Scope::Everywhere).unwrap();
    assert_eq!(client.token().unwrap_err().kind, FailureKind::NoCredential);
    let logged_in = client.login_with(Person::with_browser()).unwrap();
    assert_eq!(client.token().unwrap().secret(), &logged_in.record.access_token);
    assert!(client.close());
}

#[tokio::test]
async fn the_blocking_twin_works_inside_a_runtime_too() {
    let setting = Setting::expired().await;
    let client = BlockingClient::from(setting.client());
    assert_eq!(client.token().unwrap().secret().expose(), "access-1");
    assert!(client.close());
}
