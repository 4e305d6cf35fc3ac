//! How many tokens are on their way: what `close` waits for, and what it lets no other begin.

use tokio::sync::watch;

/// Counts what is on its way, from the sending to the save. Clones count together.
#[derive(Clone)]
pub(crate) struct Traffic(watch::Sender<Count>);

#[derive(Default)]
struct Count {
    on_their_way: usize,
    closed: bool,
}

/// One token's way from the sending to the save.
pub(crate) struct OnItsWay(watch::Sender<Count>);

impl Traffic {
    pub(super) fn new() -> Self {
        Traffic(watch::Sender::default())
    }

    /// Before a sending. `None`: nothing may be sent any more.
    pub(crate) fn enter(&self) -> Option<OnItsWay> {
        let enters = |count: &mut Count| {
            count.on_their_way += usize::from(!count.closed);
            !count.closed
        };
        self.0.send_if_modified(enters).then(|| OnItsWay(self.0.clone()))
    }

    /// From now on nothing is sent.
    pub(super) fn close(&self) {
        self.0.send_modify(|count| count.closed = true);
    }

    pub(super) fn is_quiet(&self) -> bool {
        self.0.borrow().on_their_way == 0
    }

    /// Waits until nothing is on its way.
    pub(super) fn quiet(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut count = self.0.subscribe();
        async move {
            // An error means that nobody is left who could send.
            let _ = count.wait_for(|count| count.on_their_way == 0).await;
        }
    }
}

impl Drop for OnItsWay {
    fn drop(&mut self) {
        self.0.send_modify(|count| count.on_their_way = count.on_their_way.saturating_sub(1));
    }
}
