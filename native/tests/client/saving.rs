//! Persist before expose, and what becomes of tokens that cannot be persisted.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokenway::core::config::Timing;
use tokenway::core::lifecycle::{TokenNote, Wish};
use tokenway::core::moment::Millis;

use crate::parts::Setting;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tokens_that_cannot_be_saved_go_to_the_owner_of_the_flight_while_the_others_wait() {
    let setting = Setting::expired().await;
    let store = setting.watched();
    store.saves_fail.store(true, Ordering::SeqCst);
    setting.server.tell(|state| state.holds_answers = true);
    let client = setting.client_on(store.clone());
    let spawn = || {
        let client = client.clone();
        tokio::spawn(async move { client.token().await })
    };
    let owner = spawn();
    setting.server.until(|counts| counts.refresh_requests == 1).await;
    let others: Vec<_> = (0..20).map(|_| spawn()).collect();
    setting.server.tell(|state| state.holds_answers = false);

    let owned = owner.await.unwrap().unwrap();
    assert_eq!(owned.secret().expose(), "access-1");
    assert!(matches!(owned.notes(), [TokenNote::NotSaved(_)]), "{:?}", owned.notes());
    assert_eq!(setting.stored_token().await.as_deref(), Some("access-old"));
    assert!(others.iter().all(|other| !other.is_finished()));

    store.saves_fail.store(false, Ordering::SeqCst);
    for other in others {
        let token = other.await.unwrap().unwrap();
        assert_eq!((token.secret().expose(), token.notes().len()), ("access-1", 0));
    }
    assert_eq!(setting.stored_token().await.as_deref(), Some("access-1"));
    assert_eq!(setting.server.counts().refresh_requests, 1);
}

#[tokio::test]
async fn while_new_tokens_cannot_be_saved_the_others_have_the_old_one_as_long_as_it_lives() {
    let longer = Wish { min_ttl: Millis::seconds(7_200), ..Wish::default() };
    for (setting, wish, is_cached) in
        [(Setting::due().await, Wish::default(), false), (Setting::fresh().await, longer, true)]
    {
        let store = setting.watched();
        let client = setting.client_on(store.clone());
        if is_cached {
            client.token().await.unwrap();
        }
        store.saves_fail.store(true, Ordering::SeqCst);
        let owned = client.token_for(wish.clone()).await.unwrap();
        assert!(matches!(owned.notes(), [TokenNote::NotSaved(_)]), "{:?}", owned.notes());
        store.loads_fail.store(is_cached, Ordering::SeqCst);
        let old = client.token_for(wish.clone()).await.unwrap();
        assert_eq!(old.secret().expose(), "access-old");
        assert!(matches!(old.notes(), [TokenNote::NotRenewed(_)]), "{:?}", old.notes());

        client.invalidate(&old);
        let waiting = tokio::spawn(async move { client.token_for(wish).await });
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(!waiting.is_finished(), "an API refused the old one");
        store.saves_fail.store(false, Ordering::SeqCst);
        assert_eq!(waiting.await.unwrap().unwrap().secret().expose(), "access-1");
        assert_eq!(setting.server.counts().refresh_requests, 1);
    }
}

#[tokio::test]
async fn close_waits_for_the_save_and_a_restart_finds_the_new_token() {
    let setting = Setting::expired().await;
    let store = setting.watched();
    store.saves_fail.store(true, Ordering::SeqCst);
    let client = setting.client_on(store.clone());
    client.token().await.unwrap();
    let closing = tokio::spawn(async move { client.close().await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!closing.is_finished());
    store.saves_fail.store(false, Ordering::SeqCst);
    assert!(closing.await.unwrap());
    let restarted = setting.client();
    assert_eq!(restarted.token().await.unwrap().secret().expose(), "access-1");
    assert_eq!(setting.server.counts().refresh_requests, 1);
}

#[tokio::test]
async fn close_does_not_wait_for_ever() {
    let setting = Setting::expired().await;
    let timing = Timing { request_deadline: Millis(300), ..Timing::default() };
    let config = setting.server.builder().timing(timing).build().unwrap();
    let setting = setting.with_config(config);
    let store = setting.watched();
    store.saves_fail.store(true, Ordering::SeqCst);
    let client = setting.client_on(store);
    client.token().await.unwrap();
    let started = Instant::now();
    assert!(!client.close().await);
    assert!((2_200..4_000).contains(&started.elapsed().as_millis()), "{:?}", started.elapsed());
}

#[tokio::test]
async fn an_answer_that_was_lost_is_asked_for_again_and_the_refusal_is_told_in_the_honest_words() {
    let setting = Setting::expired().await;
    setting.server.tell(|state| state.drops_answers = 1);
    let failure = setting.client().token().await.unwrap_err();
    assert!(failure.to_string().contains("which no client can prevent"), "{failure}");
    assert_eq!(setting.server.counts().refresh_requests, 2);
    assert_eq!(setting.stored_token().await.as_deref(), Some("access-old"));
}
