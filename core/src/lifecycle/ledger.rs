//! The notes beside the lock: what may still be on its way to the server. No secrets.
//!
//! Instants are spans here, counted from the moment at which the ledger was read (`Lock`) or is written (`Note`),
//! because they are measured by the clock of the place that keeps them: a store turns them into instants of its own
//! clock and back. What a store reads back it clamps with [`Ledger::clamped`].

use serde::{Deserialize, Serialize};

use crate::lifecycle::record::LoginId;
use crate::moment::Millis;
use crate::secret::TokenHash;

/// The format of [`Ledger`] that this version writes.
pub const LEDGER_FORMAT: u32 = 1;

/// The longest cool-down that is believed, whatever a server or a jumping clock says.
pub const MAX_COOL_DOWN: Millis = Millis::seconds(3_600);

/// The longest that a sending can take to land: longer spans come from a clock that jumped.
pub const MAX_LANDING: Millis = Millis::seconds(600);

/// What was found beside the lock.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoredLedger {
    /// Nothing: no sending was ever noted.
    Absent,
    /// A newer version wrote it: nothing may be sent.
    Newer,
    /// The notes.
    Read(Ledger),
    /// Something, but not a ledger: counts as one unknown sending, now.
    Unreadable,
}

/// The notes of one credential.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ledger {
    /// The login that it speaks of. For another login all but `lands_in` is void.
    pub login_id: Option<LoginId>,
    /// The last sending whose answer was not noted.
    pub intent: Option<Intent>,
    /// Until the latest instant at which any *earlier* sending of unknown fate can still land.
    pub lands_in: Millis,
    /// Until the server may be asked again.
    pub cool_down: Millis,
    /// The refresh token that the server refused.
    pub refused: Option<TokenHash>,
}

/// One sending of a refresh token.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Intent {
    /// The refresh token.
    pub token: TokenHash,
    /// How long ago it was (or is about to be) sent.
    pub age: Millis,
    /// Until that sending can no longer land.
    pub lands_in: Millis,
    /// How often the same token had been sent before with unknown fate.
    pub resends: u32,
}

impl Ledger {
    /// The same notes with every span within its limit.
    #[must_use]
    pub fn clamped(mut self) -> Self {
        self.lands_in = self.lands_in.min(MAX_LANDING);
        self.cool_down = self.cool_down.min(MAX_COOL_DOWN);
        if let Some(intent) = &mut self.intent {
            intent.lands_in = intent.lands_in.min(MAX_LANDING);
        }
        self
    }

    /// The same notes, `by` later.
    #[must_use]
    pub fn aged(mut self, by: Millis) -> Self {
        self.age(by);
        self
    }

    pub(crate) fn age(&mut self, by: Millis) {
        self.lands_in = self.lands_in.minus(by);
        self.cool_down = self.cool_down.minus(by);
        if let Some(intent) = &mut self.intent {
            intent.age = intent.age.plus(by);
            intent.lands_in = intent.lands_in.minus(by);
        }
    }

    /// What counts for a login: for another than the one noted, only what may still land.
    #[must_use]
    pub fn of_login(self, login_id: &LoginId) -> Self {
        if self.login_id.as_ref() == Some(login_id) {
            return self;
        }
        Ledger { lands_in: self.lands_in, ..Ledger::default() }
    }
}
