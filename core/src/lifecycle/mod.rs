//! A token's whole later life: renewal, logout, and what is stored for them.

mod get_token;
pub(crate) mod identity;
mod import;
pub mod ledger;
mod logout;
pub(crate) mod policy;
pub mod record;
pub(crate) mod renewal;
mod revoke;

pub use get_token::{GetToken, Token, TokenNote};
pub use import::{ForeignLogin, NotImported};
pub use logout::{LoggedOut, Logout, Scope};
pub use policy::{Standing, Wish, standing};
pub use revoke::Revoked;
