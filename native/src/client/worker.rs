//! The thread on which flights run: whatever becomes of a caller or of its runtime, a token that is on its way is saved.

use std::future::Future;
use std::sync::OnceLock;
use std::time::Duration;

use tokenway_core::error::{Failure, FailureKind, FlowStep, NextStep};
use tokio::runtime::{Builder, Handle};
use tokio::sync::{oneshot, watch};

pub(super) struct Worker {
    thread: OnceLock<Result<Running, String>>,
    /// How many tokens are on their way.
    on_their_way: watch::Sender<usize>,
}

struct Running {
    handle: Handle,
    /// The thread ends when this is dropped and nothing is on its way.
    _stay: oneshot::Sender<()>,
}

/// From the sending to the save. The worker's thread outlives it.
pub(super) struct OnItsWay(watch::Sender<usize>);

impl Worker {
    pub(super) fn new() -> Self {
        Worker { thread: OnceLock::new(), on_their_way: watch::Sender::new(0) }
    }

    /// Runs a task on the thread. If the caller goes away, the task goes on.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Box<Failure>> {
        let handle = self.handle()?;
        handle.spawn(task).await.map_err(|error| Box::new(broken(&format!("a task ended early: {error}"))))
    }

    /// Starts a task on the thread.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> Result<(), Box<Failure>> {
        self.handle()?.spawn(task);
        Ok(())
    }

    /// Marks the time from a sending to its save.
    pub(super) fn on_its_way(&self) -> OnItsWay {
        self.on_their_way.send_modify(|count| *count += 1);
        OnItsWay(self.on_their_way.clone())
    }

    /// Waits until nothing is on its way. False: the limit passed first.
    pub(super) async fn close(&self, limit: Duration) -> bool {
        if *self.on_their_way.borrow() == 0 {
            return true;
        }
        let mut watched = self.on_their_way.subscribe();
        let waited = self.run(async move {
            let none_left = watched.wait_for(|count| *count == 0);
            tokio::time::timeout(limit, none_left).await.is_ok()
        });
        waited.await.unwrap_or(false)
    }

    fn handle(&self) -> Result<&Handle, Box<Failure>> {
        match self.thread.get_or_init(|| start(self.on_their_way.subscribe())) {
            Ok(running) => Ok(&running.handle),
            Err(detail) => Err(Box::new(broken(detail))),
        }
    }
}

impl Drop for OnItsWay {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count = count.saturating_sub(1));
    }
}

fn start(mut on_their_way: watch::Receiver<usize>) -> Result<Running, String> {
    let runtime = Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    let handle = runtime.handle().clone();
    let (stay, gone) = oneshot::channel::<()>();
    let body = move || {
        runtime.block_on(async move {
            // Either way the client is gone.
            let _ = gone.await;
            let _ = on_their_way.wait_for(|count| *count == 0).await;
        });
    };
    std::thread::Builder::new().name("tokenway".to_owned()).spawn(body).map_err(|error| error.to_string())?;
    Ok(Running { handle, _stay: stay })
}

fn broken(detail: &str) -> Failure {
    let what = format!("Let this process start a thread: {detail}");
    Failure::new(FlowStep::Loading, FailureKind::Unable, detail, NextStep::FixConfiguration { what })
}
