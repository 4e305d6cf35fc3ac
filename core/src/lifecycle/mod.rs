//! A token's whole later life: renewal, logout, and what is stored for them.

pub mod ledger;
pub mod record;
