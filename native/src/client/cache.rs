//! The last token, lent without a lock.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use arc_swap::ArcSwapOption;
use tokenway_core::lifecycle::{Standing, Wish, standing};
use tokenway_core::secret::TokenHash;

use super::AccessToken;
use super::locks::{Mutex, MutexGuard};
use crate::driver::now;
use crate::store::Stamp;

/// What another process does is noticed within this span, in milliseconds.
const LOOK_EVERY: u64 = 1_000;

/// How many refused tokens are remembered. A refused token comes back only from a store that still holds it, and that
/// is one of the last.
const MAX_REFUSED: usize = 16;

pub(super) struct Cache {
    kept: ArcSwapOption<Kept>,
    /// Held, too, while `kept` is exchanged: a token is refused before it is kept, or after.
    refused: Mutex<VecDeque<TokenHash>>,
    started: Instant,
    /// When the store was looked at last, in milliseconds after `started`.
    looked_at: AtomicU64,
}

/// What the store held when it was last read or written.
struct Kept {
    token: AccessToken,
    /// How the store stood before that; `None` when unknown.
    stamp: Option<Stamp>,
    /// Whether an API refused this token: then it is not lent, but renewed.
    refused: bool,
}

impl Cache {
    pub(super) fn new() -> Self {
        Cache {
            kept: ArcSwapOption::empty(),
            refused: Mutex::new(VecDeque::new()),
            started: Instant::now(),
            looked_at: AtomicU64::new(0),
        }
    }

    /// The cached token, if it is fresh for that wish.
    pub(super) fn lend(&self, wish: &Wish) -> Option<AccessToken> {
        let kept = self.kept.load();
        let kept = kept.as_ref().filter(|kept| !kept.refused && is_fresh(&kept.token, wish))?;
        Some(kept.token.clone())
    }

    /// The cached token, if it lives, though it is due for a renewal.
    pub(super) fn living(&self, wish: &Wish) -> Option<AccessToken> {
        let kept = self.kept.load();
        let kept = kept.as_ref().filter(|kept| !kept.refused && is_usable(&kept.token, wish))?;
        Some(kept.token.clone())
    }

    /// True for one caller in each interval: it looks at the store for all.
    pub(super) fn claims_look(&self) -> bool {
        let passed = self.passed();
        let last = self.looked_at.load(Ordering::Relaxed);
        passed.saturating_sub(last) >= LOOK_EVERY
            && self.looked_at.compare_exchange(last, passed, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// Whether the store stood like this before the cached token was read from it.
    pub(super) fn was_read_under(&self, stamp: Stamp) -> bool {
        self.kept.load().as_ref().is_some_and(|kept| kept.stamp == Some(stamp))
    }

    /// Keeps a token. `stamp` is how the store stood *before* the token was read from it.
    pub(super) fn keep(&self, token: AccessToken, stamp: Option<Stamp>) {
        let refused = self.refused();
        let kept = Kept { refused: refused.contains(token.hash()), token, stamp };
        self.looked_at.store(self.passed(), Ordering::Release);
        self.kept.store(Some(Arc::new(kept)));
    }

    pub(super) fn forget(&self) {
        self.kept.store(None);
    }

    /// An API refused this token: it is never lent again.
    pub(super) fn refuse(&self, token: &AccessToken) {
        let mut refused = self.refused();
        if !refused.contains(token.hash()) {
            refused.truncate(MAX_REFUSED - 1);
            refused.push_front(token.hash().clone());
        }
        let kept = self.kept.load_full();
        if let Some(kept) = kept.filter(|kept| kept.token.hash() == token.hash()) {
            self.kept.store(Some(Arc::new(Kept { token: kept.token.clone(), stamp: kept.stamp, refused: true })));
        }
    }

    pub(super) fn is_refused(&self, token: &AccessToken) -> bool {
        self.refused().contains(token.hash())
    }

    /// The wish, with what the store holds as the rejected token if an API refused it, unless the wish names another.
    pub(super) fn with_rejection(&self, wish: &Wish) -> Wish {
        let kept = self.kept.load();
        let rejected = kept.as_ref().filter(|kept| kept.refused).map(|kept| kept.token.hash());
        Wish { rejected: wish.rejected.as_ref().or(rejected).cloned(), ..wish.clone() }
    }

    fn refused(&self) -> MutexGuard<'_, VecDeque<TokenHash>> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn passed(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

pub(super) fn is_usable(token: &AccessToken, wish: &Wish) -> bool {
    standing(token.record(), wish, now()).is_usable()
}

pub(super) fn is_fresh(token: &AccessToken, wish: &Wish) -> bool {
    matches!(standing(token.record(), wish, now()), Standing::Fresh | Standing::FreshAsCanBe)
}
