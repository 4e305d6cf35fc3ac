//! What the tests share.

pub mod corpus;
pub mod foreign;
pub mod hand;
pub mod pool;
pub mod scenario;
pub mod scripted;
pub mod world;

/// The examples of the README compile.
#[cfg_attr(feature = "native", doc = include_str!("../../README.md"))]
pub struct ReadmeExamples;
