//! `tokenway demo`: a whole life of a login, against a server of its own.

pub(crate) mod server;
