//! The thread on which a store speaks with its server: whatever becomes of a caller or of its runtime, what was begun is
//! done, and leases are renewed.

use std::convert::Infallible;
use std::sync::{Arc, OnceLock};

use tokio::runtime::{Builder, Handle};
use tokio::sync::mpsc;

use super::failure::unable;
use crate::store::Answer;

/// Started when it is first needed. It ends when all clones and all their tasks are gone.
#[derive(Clone, Default)]
pub(super) struct Worker(Arc<OnceLock<Result<Running, String>>>);

struct Running {
    handle: Handle,
    /// Nothing is sent: the thread stays while anybody has one.
    stay: mpsc::Sender<Infallible>,
}

impl Worker {
    /// Runs a task to its end, even if nobody waits for it any more.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        task: impl Future<Output = Answer<T>> + Send + 'static,
    ) -> Answer<T> {
        let running = self.running().map_err(|error| unable(format!("this process cannot start a thread: {error}")))?;
        let stay = running.stay.clone();
        let task = running.handle.spawn(async move {
            let answer = task.await;
            drop(stay);
            answer
        });
        task.await.unwrap_or_else(|_| Err(unable("a task of the Redis store panicked; report this bug".to_owned())))
    }

    /// Runs a task to its end, for nobody.
    pub(super) fn finish(&self, task: impl Future<Output = ()> + Send + 'static) {
        let Ok(running) = self.running() else { return };
        let stay = running.stay.clone();
        running.handle.spawn(async move {
            task.await;
            drop(stay);
        });
    }

    /// Runs a task for as long as the thread lives.
    pub(super) fn beside(&self, task: impl Future<Output = ()> + Send + 'static) {
        if let Ok(running) = self.running() {
            running.handle.spawn(task);
        }
    }

    fn running(&self) -> Result<&Running, &String> {
        self.0.get_or_init(|| start().map_err(|error| error.to_string())).as_ref()
    }
}

fn start() -> std::io::Result<Running> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    let (stay, mut gone) = mpsc::channel(1);
    let body = move || runtime.block_on(async { while gone.recv().await.is_some() {} });
    std::thread::Builder::new().name("tokenway-redis".to_owned()).spawn(body)?;
    Ok(Running { handle, stay })
}
