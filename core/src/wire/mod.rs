//! Bytes to types and back, one file a message.
//!
//! Everything here is a pure function of its arguments, never panics, takes time linear in its input, and holds at most
//! a few times the body limit of [`crate::http::MAX_BODY`] in memory.

pub mod basic;
pub mod callback;
pub mod class;
pub mod jwt;
pub mod pkce;
pub mod text;
pub mod token;
pub mod token_error;
pub mod token_options;

pub(crate) mod address;
pub(crate) mod authorize;
pub(crate) mod base64;
pub(crate) mod body;
pub(crate) mod callback_source;
pub(crate) mod error_code;
pub(crate) mod form;
pub(crate) mod http_date;
pub(crate) mod json;
pub(crate) mod metadata;
pub(crate) mod pieces;
pub(crate) mod refusal;
pub(crate) mod scope;
pub(crate) mod seconds;
pub(crate) mod token_request;
pub(crate) mod token_trouble;

#[cfg(test)]
mod properties;
