//! OAuth 2 logins for programs that run on a person's machine.

pub mod browser;
pub mod callback;
pub mod http;
pub mod store;
