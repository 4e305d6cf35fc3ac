//! Model checking on the real code: the sessions of `tokenway-core`, in every order in which they can meet.
//!
//! The world around them is small and canonical: time is a few ticks, entropy makes logins different and nothing else,
//! processes are nobody in particular, and what was seen is kept only as far as a rule depends on it. Then every state
//! that can be reached is reached, and the rules of `watch` are held against each.

#![allow(clippy::expect_used, clippy::panic, reason = "a world that breaks is a failed check")]

mod alone;
pub mod check;
mod clock;
mod effects;
mod flow;
mod happening;
mod kept;
mod process;
mod server;
pub mod setting;
pub mod settings;
mod store;
mod tale;
mod watch;
mod wire;
mod world;
