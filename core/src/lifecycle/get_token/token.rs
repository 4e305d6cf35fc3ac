//! What a caller gets: a token, and what went wrong on the way although it is one.

use crate::error::Failure;
use crate::lifecycle::policy::{self, Wish};
use crate::lifecycle::record::Record;
use crate::moment::UnixMillis;

/// A usable access token.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "model", derive(Hash))]
pub struct Token {
    /// The record it comes from.
    pub record: Box<Record>,
    /// What the caller may want to know.
    pub notes: Vec<TokenNote>,
}

/// Trouble that did not keep the caller from a token.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "model", derive(Hash))]
pub enum TokenNote {
    /// It was renewed a moment ago and still lives shorter than was asked for.
    ShortLived,
    /// It should be renewed, and could not be. It lives on until its end.
    NotRenewed(Box<Failure>),
    /// It was renewed, but the new tokens could not be saved: only this process has them.
    NotSaved(Box<Failure>),
}

/// How a transaction ends once the lease is given back.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "model", derive(Hash))]
pub(super) enum Ending {
    /// Somebody's logout is not finished, and this is what the caller is told then.
    FinishLogout {
        record: Box<Record>,
        failure: Box<Failure>,
    },
    Failure(Box<Failure>),
    Token(Box<Token>),
}

impl Ending {
    /// The end that was wanted.
    pub(super) fn token(record: Box<Record>, notes: Vec<TokenNote>) -> Self {
        Ending::Token(Box::new(Token { record, notes }))
    }

    /// Any other end first asks: is the token that we have still usable? Then it is done, with a note.
    pub(super) fn missed(record: Box<Record>, wish: &Wish, failure: Box<Failure>, now: UnixMillis) -> Self {
        if policy::standing(&record, wish, now).is_usable() {
            return Ending::token(record, vec![TokenNote::NotRenewed(failure)]);
        }
        Ending::Failure(failure)
    }
}
