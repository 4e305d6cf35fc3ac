//! The locks under which callers meet. Built with `--cfg shuttle` they are those of a scheduler that tries many orders of
//! what it runs (`shuttled.rs`).

#[cfg(not(shuttle))]
pub(super) use std::sync::{Mutex, MutexGuard};

#[cfg(shuttle)]
pub(super) use shuttle::sync::{Mutex, MutexGuard};
