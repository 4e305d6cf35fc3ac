//! In place of the thread of `worker.rs`: tasks of the scheduler that tries orders.

use std::time::Duration;

use tokenway_core::error::Failure;

use super::traffic::Traffic;

pub(super) struct Worker {
    pub(super) traffic: Traffic,
}

impl Worker {
    pub(super) fn new() -> Self {
        Worker { traffic: Traffic::new() }
    }

    pub(super) async fn run<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Box<Failure>> {
        Ok(shuttle::future::spawn(task).await.unwrap())
    }

    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> Result<(), Box<Failure>> {
        drop(shuttle::future::spawn(task));
        Ok(())
    }

    pub(super) async fn close(&self, _limit: Duration) -> bool {
        self.traffic.close();
        self.traffic.quiet().await;
        true
    }
}
