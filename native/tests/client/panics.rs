//! Stores, interfaces and observers that panic: contained, with the credential intact.

use std::sync::Arc;

use tokenway::Client;
use tokenway::core::action::Action;
use tokenway::core::error::FailureKind;
use tokenway::core::event::Event;
use tokenway::core::moment::Moment;
use tokenway::core::session::Progress;
use tokenway::driver::Observer;
use tokenway::http::BoxFuture;
use tokenway::login::{LoginUi, Shown};

use crate::parts::Setting;

#[tokio::test]
async fn a_store_that_panics_at_any_call_costs_no_token_and_blocks_nobody() {
    for name in ["stamp", "load", "lock", "note", "holds", "save", "unlock"] {
        let setting = Setting::expired().await;
        let store = setting.watched();
        *store.panics_at.lock().unwrap() = Some(name);
        let client = setting.client_on(store.clone());
        if let Err(failure) = client.token().await {
            assert!(failure.to_string().contains("panicked"), "{name}: {failure}");
            assert!(!failure.to_string().contains("told to panic"), "{name}: {failure}");
            // The failure itself is shared for a second.
            tokio::time::sleep(std::time::Duration::from_millis(1_010)).await;
        }
        assert!(store.panics_at.lock().unwrap().is_none(), "{name} was not called");
        assert_eq!(client.token().await.unwrap().secret().expose(), "access-1", "{name}");
        assert_eq!(setting.client().token().await.unwrap().secret().expose(), "access-1", "{name}");
        assert_eq!(setting.server.counts().refresh_requests, 1, "{name}");
    }
}

struct Shaky;

impl Observer for Shaky {
    fn started(&self, _flow: &'static str, _moment: &Moment) {
        panic!("no logs today");
    }

    fn stepped(&self, _flow: &'static str, _action: &Action, _moment: &Moment, _event: &Event, _progress: &Progress) {
        panic!("no logs today");
    }
}

#[tokio::test]
async fn an_observer_that_panics_changes_nothing() {
    let setting = Setting::expired().await;
    let client =
        Client::builder(setting.config.clone()).store(setting.files()).observer(Arc::new(Shaky)).build().unwrap();
    assert_eq!(client.token().await.unwrap().secret().expose(), "access-1");
    assert_eq!(setting.stored_token().await.as_deref(), Some("access-1"));
}

impl LoginUi for Shaky {
    fn show(&self, _shown: &Shown) {}

    fn open<'a>(&'a self, _url: &'a str) -> BoxFuture<'a, bool> {
        panic!("no window today")
    }
}

#[tokio::test]
async fn an_interface_that_panics_ends_the_login_with_a_sentence() {
    let setting = Setting::fresh().await;
    let client = setting.client();
    let failure = client.login_with(Arc::new(Shaky)).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unable);
    assert!(failure.to_string().contains("opening the browser"), "{failure}");
    assert_eq!(client.token().await.unwrap().secret().expose(), "access-old");
}
