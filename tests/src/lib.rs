//! What the tests share.

pub mod corpus;
pub mod scenario;
pub mod hand;
pub mod scripted;
