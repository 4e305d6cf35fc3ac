//! The thread on which flights run: whatever becomes of a caller or of its runtime, a token that is on its way is saved.

use std::sync::OnceLock;
use std::time::Duration;

use tokenway_core::error::{Failure, FailureKind, FlowStep, NextStep};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use super::traffic::Traffic;

pub(super) struct Worker {
    thread: OnceLock<Result<Running, String>>,
    pub(super) traffic: Traffic,
}

struct Running {
    handle: Handle,
    /// The thread ends when this is dropped and nothing is on its way.
    _stay: oneshot::Sender<()>,
}

impl Worker {
    pub(super) fn new() -> Self {
        Worker { thread: OnceLock::new(), traffic: Traffic::new() }
    }

    /// Runs a task on the thread. If the caller goes away, the task goes on.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Box<Failure>> {
        // The text of a panic may hold anything: it is not repeated.
        self.handle()?.spawn(task).await.map_err(|_| {
            let detail = "a task of the client panicked";
            Box::new(Failure::new(FlowStep::Loading, FailureKind::Bug, detail, NextStep::ReportBug))
        })
    }

    /// Starts a task on the thread.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> Result<(), Box<Failure>> {
        self.handle()?.spawn(task);
        Ok(())
    }

    /// Lets nothing be sent any more, and waits for what was. False: the limit passed first.
    pub(super) async fn close(&self, limit: Duration) -> bool {
        self.traffic.close();
        if self.traffic.is_quiet() {
            return true;
        }
        let quiet = self.traffic.quiet();
        let waited = self.run(async move { tokio::time::timeout(limit, quiet).await.is_ok() });
        waited.await.unwrap_or(false)
    }

    fn handle(&self) -> Result<&Handle, Box<Failure>> {
        match self.thread.get_or_init(|| start(&self.traffic)) {
            Ok(running) => Ok(&running.handle),
            Err(detail) => Err(Box::new(no_thread(detail))),
        }
    }
}

fn start(traffic: &Traffic) -> Result<Running, String> {
    let runtime = Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    let handle = runtime.handle().clone();
    let (stay, gone) = oneshot::channel::<()>();
    let quiet = traffic.quiet();
    let body = move || {
        runtime.block_on(async move {
            // Either way the client is gone.
            let _ = gone.await;
            quiet.await;
        });
    };
    std::thread::Builder::new().name("tokenway".to_owned()).spawn(body).map_err(|error| error.to_string())?;
    Ok(Running { handle, _stay: stay })
}

fn no_thread(detail: &str) -> Failure {
    let what = "Let this process start one more thread.".to_owned();
    Failure::new(FlowStep::Loading, FailureKind::Unable, detail, NextStep::FixConfiguration { what })
}
