//! The last token, lent without a lock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use arc_swap::ArcSwapOption;
use tokenway_core::lifecycle::{Standing, Wish, standing};
use tokenway_core::secret::TokenHash;

use super::AccessToken;
use crate::driver::now;
use crate::store::Stamp;

/// What another process does is noticed within this span, in milliseconds.
const LOOK_EVERY: u64 = 1_000;

pub(super) struct Cache {
    kept: ArcSwapOption<Kept>,
    rejected: ArcSwapOption<TokenHash>,
    started: Instant,
    /// When the store was looked at last, in milliseconds after `started`.
    looked_at: AtomicU64,
}

struct Kept {
    token: AccessToken,
    stamp: Option<Stamp>,
}

impl Cache {
    pub(super) fn new() -> Self {
        Cache {
            kept: ArcSwapOption::empty(),
            rejected: ArcSwapOption::empty(),
            started: Instant::now(),
            looked_at: AtomicU64::new(0),
        }
    }

    /// The cached token, if it is fresh for that wish.
    pub(super) fn lend(&self, wish: &Wish) -> Option<AccessToken> {
        let kept = self.kept.load();
        let token = &kept.as_ref()?.token;
        let fresh = matches!(standing(token.record(), wish, now()), Standing::Fresh | Standing::FreshAsCanBe);
        fresh.then(|| token.clone())
    }

    /// True for one caller in each interval: it looks at the store for all.
    pub(super) fn claims_look(&self) -> bool {
        let passed = self.passed();
        let last = self.looked_at.load(Ordering::Relaxed);
        passed.saturating_sub(last) >= LOOK_EVERY
            && self.looked_at.compare_exchange(last, passed, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// The stamp that the cached token was read under; a stamp of its own when there is none.
    pub(super) fn stamp(&self) -> Stamp {
        self.kept.load().as_ref().and_then(|kept| kept.stamp).unwrap_or(Stamp([u64::MAX; 4]))
    }

    /// Keeps a token. `stamp` is how the store stood *before* the token was read from it.
    pub(super) fn put(&self, token: AccessToken, stamp: Option<Stamp>) {
        if self.rejected.load().as_ref().is_some_and(|rejected| **rejected != *token.hash()) {
            self.rejected.store(None);
        }
        self.looked_at.store(self.passed(), Ordering::Release);
        self.kept.store(Some(Arc::new(Kept { token, stamp })));
    }

    pub(super) fn clear(&self) {
        self.kept.store(None);
        self.rejected.store(None);
    }

    pub(super) fn invalidate(&self, token: &AccessToken) {
        self.rejected.store(Some(Arc::new(token.hash().clone())));
    }

    /// The wish, with the token that was invalidated last as the rejected one unless it names another.
    pub(super) fn with_rejection(&self, wish: Wish) -> Wish {
        match self.rejected.load().as_ref() {
            Some(rejected) if wish.rejected.is_none() => Wish { rejected: Some((**rejected).clone()), ..wish },
            _ => wish,
        }
    }

    fn passed(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
