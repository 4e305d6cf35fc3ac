//! OAuth 2 logins and token lifecycles as a pure state machine.

pub mod action;
pub mod event;
pub mod http;
pub mod lifecycle;
pub mod moment;
pub mod secret;
pub mod snapshot;
pub mod wire;
