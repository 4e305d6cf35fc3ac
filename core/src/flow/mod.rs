//! One login, one machine a file.

mod discovery;
pub(crate) mod id_token;
pub mod login;

pub use login::{LoggedIn, Login, LoginNote};
