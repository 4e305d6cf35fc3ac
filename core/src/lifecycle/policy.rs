//! When a token counts as fresh, due or dead.

use crate::lifecycle::record::{Mark, Record};
use crate::moment::{Millis, Moment, UnixMillis};
use crate::secret::TokenHash;

/// The widest margin before the end: a request that starts with the token must be over before it dies.
const MAX_MARGIN: Millis = Millis::seconds(300);

/// A token renewed this recently is fresh for every `min_ttl`: asking the server again would bring nothing longer-lived.
const JUST_RENEWED: Millis = Millis::seconds(10);

/// The end of a token and the instant from which it should be renewed: min(5 min, 20 % of its life) before the end,
/// shortened by up to a quarter, at random, so that a fleet does not renew in step.
pub(crate) fn lifetime(moment: &Moment, received_at: UnixMillis, life: Millis) -> (UnixMillis, UnixMillis) {
    let expires_at = received_at.plus(life);
    let margin = MAX_MARGIN.min(Millis(life.0 / 5));
    let jitter = Millis(margin.0 / 4 * u64::from(moment.draw("renewal jitter")[0]) / 255);
    (expires_at, expires_at.minus(margin.minus(jitter)))
}

/// What a caller wants of a token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Wish {
    /// The shortest rest of life that will do, in milliseconds.
    pub min_ttl: Millis,
    /// A token that the API refused.
    pub rejected: Option<TokenHash>,
}

/// How a record stands against a wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Dead, or the token that was rejected.
    Unusable,
    /// Alive, and time to renew it.
    Due,
    /// Alive and not due.
    Fresh,
    /// Fresh only because there is nothing longer-lived to be had.
    FreshAsCanBe,
}

impl Standing {
    /// Whether an API would take it, as far as can be told from here.
    #[must_use]
    pub fn is_usable(self) -> bool {
        self != Standing::Unusable
    }
}

/// Judges a record. A clock that went back behind the renewal makes the lifetime unknown: use it until a 401.
#[must_use]
pub fn standing(record: &Record, wish: &Wish, now: UnixMillis) -> Standing {
    let clock_went_back = now < record.renewed_at;
    let expires_at = record.expires_at.filter(|_| !clock_went_back);
    let due_at = record.due_at.filter(|_| !clock_went_back);
    let is_dead = record.access_token.is_empty() || expires_at.is_some_and(|end| now >= end);
    if record.mark == Mark::LoggedOut || is_rejected(record, wish) || is_dead {
        return Standing::Unusable;
    }
    if due_at.is_some_and(|due| now >= due) {
        return Standing::Due;
    }
    if expires_at.is_none_or(|end| end.0.saturating_sub(now.0) >= wish.min_ttl.0) {
        return Standing::Fresh;
    }
    if now.since(record.renewed_at) < JUST_RENEWED { Standing::FreshAsCanBe } else { Standing::Due }
}

/// Whether the record holds the very token that the caller saw refused.
pub(crate) fn is_rejected(record: &Record, wish: &Wish) -> bool {
    wish.rejected.as_ref().is_some_and(|rejected| record.access_token.hash() == *rejected)
}

/// Whether the rejected token is itself the fruit of a rejection, and too young to be renewed for another.
pub(crate) fn refused_when_new(record: &Record, wish: &Wish, now: UnixMillis, interval: Millis) -> bool {
    is_rejected(record, wish)
        && record.renewed_for_rejection
        && now >= record.renewed_at
        && now.since(record.renewed_at) < interval
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
