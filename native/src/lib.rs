//! OAuth 2 logins for programs that run on a person's machine.

pub mod browser;
pub mod callback;
pub mod client;
pub mod driver;
pub mod home;
pub mod http;
pub mod login;
#[cfg(feature = "middleware")]
pub mod middleware;
pub mod store;
pub mod world;

pub use client::{AccessToken, BlockingClient, Client};
pub use tokenway_core as core;
