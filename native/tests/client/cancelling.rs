//! Callers that go away lose nothing: the flight goes on without them.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::Runtime;

use crate::parts::Setting;

/// Polls `future` so many times, waiting for its wakes in between, and drops it then. `None`: it was dropped.
pub(crate) async fn polled<F: Future>(future: F, times: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut polls = 0;
    poll_fn(|context| {
        if polls == times {
            return Poll::Ready(None);
        }
        polls += 1;
        match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if polls == times => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

#[tokio::test]
async fn a_caller_who_is_dropped_after_any_poll_loses_nothing() {
    let mut polls = 0;
    loop {
        let setting = Setting::expired().await;
        let client = setting.client();
        let ended = polled(client.token(), polls).await.is_some();
        let token = client.token().await.unwrap();
        assert_eq!(token.secret().expose(), "access-1", "dropped after {polls} polls");
        assert_eq!(setting.stored_token().await.as_deref(), Some("access-1"));
        assert_eq!(setting.server.counts().refresh_requests, 1);
        if ended {
            break;
        }
        polls += 1;
    }
    assert!(polls > 1);
}

#[tokio::test]
async fn a_caller_who_is_dropped_at_any_step_of_the_flight_loses_nothing() {
    let mut steps = 1;
    loop {
        let setting = Setting::expired().await;
        let store = setting.watched();
        let client = setting.client_on(store.clone());
        let ended = tokio::select! {
            biased;
            () = store.called(steps) => false,
            token = client.token() => token.is_ok(),
        };
        assert!(client.close().await, "dropped at step {steps}");
        // Another process: it finds the new token, or nothing was sent and it renews the old one itself.
        assert_eq!(setting.client().token().await.unwrap().secret().expose(), "access-1");
        let counts = setting.server.counts();
        assert_eq!((counts.refreshes, counts.reuses), (1, 0), "dropped at step {steps}");
        if ended {
            break;
        }
        steps += 1;
    }
    assert!(steps >= 6, "load, lock, load, note, save, unlock; seen {steps}");
}

#[test]
fn a_runtime_that_is_taken_down_during_the_request_loses_nothing() {
    let keeper = Runtime::new().unwrap();
    let setting = keeper.block_on(Setting::expired());
    setting.server.tell(|state| state.holds_answers = true);
    let client = setting.client();

    let callers = Runtime::new().unwrap();
    let caller = client.clone();
    callers.spawn(async move { caller.token().await });
    keeper.block_on(setting.server.until(|counts| counts.refresh_requests == 1));
    callers.shutdown_timeout(Duration::ZERO);
    setting.server.tell(|state| state.holds_answers = false);

    assert!(keeper.block_on(client.close()));
    assert_eq!(keeper.block_on(setting.stored_token()).as_deref(), Some("access-1"));
    assert_eq!(setting.server.counts().refresh_requests, 1);
}

#[test]
fn f39_a_runtime_that_is_taken_down_at_any_step_of_the_flight_loses_nothing() {
    let keeper = Runtime::new().unwrap();
    let mut steps = 1;
    loop {
        let setting = keeper.block_on(Setting::expired());
        let store = setting.watched();
        let client = setting.client_on(store.clone());
        let callers = Runtime::new().unwrap();
        let caller = client.clone();
        let call = callers.spawn(async move { caller.token().await.is_ok() });
        let ended = keeper.block_on(async {
            tokio::select! {
                biased;
                () = store.called(steps) => false,
                served = call => served.unwrap(),
            }
        });
        callers.shutdown_timeout(Duration::ZERO);
        assert!(keeper.block_on(client.close()), "taken down at step {steps}");
        // Another process: it finds the new token, or nothing was sent and it renews the old one itself.
        assert_eq!(keeper.block_on(setting.client().token()).unwrap().secret().expose(), "access-1");
        let counts = setting.server.counts();
        assert_eq!((counts.refreshes, counts.reuses), (1, 0), "taken down at step {steps}");
        if ended {
            break;
        }
        steps += 1;
    }
    assert!(steps >= 6, "load, lock, load, note, save, unlock; seen {steps}");
}

#[test]
fn a_client_that_is_dropped_during_the_request_saves_all_the_same() {
    let runtime = Runtime::new().unwrap();
    let setting = runtime.block_on(Setting::expired());
    setting.server.tell(|state| state.holds_answers = true);
    let client = setting.client();
    let caller = runtime.spawn(async move { client.token().await });
    runtime.block_on(setting.server.until(|counts| counts.refresh_requests == 1));
    caller.abort();
    setting.server.tell(|state| state.holds_answers = false);
    runtime.block_on(async {
        while setting.stored_token().await.as_deref() != Some("access-1") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
}
