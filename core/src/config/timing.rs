//! Every wait that a caller may want to change.

use serde::{Deserialize, Serialize};

use crate::json::object;
use crate::moment::Millis;

/// Waits, deadlines and intervals. All in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Timing {
    /// The longest that one request may take, and the shortest time between two sendings of a refresh token of unknown
    /// fate. Longer than zero, 5 minutes at most. 30 s: slow enough for providers under load, short enough for a person who waits.
    pub request_deadline: Millis,
    /// A token that a rejection brought is not renewed for another rejection within this span. 10 s.
    pub reject_interval: Millis,
    /// How long a login waits for the person. 10 minutes: MFA and password managers included.
    pub login_timeout: Millis,
}

object!(read strict Timing {
    request_deadline or Timing::default().request_deadline,
    reject_interval or Timing::default().reject_interval,
    login_timeout or Timing::default().login_timeout,
});

impl Default for Timing {
    fn default() -> Self {
        Timing {
            request_deadline: Millis::seconds(30),
            reject_interval: Millis::seconds(10),
            login_timeout: Millis::seconds(600),
        }
    }
}

/// The longest time between the note of an intent and the leaving of its bytes: covers name resolution and TLS.
const SEND_WINDOW: Millis = Millis::seconds(10);

/// The longest request deadline: a sending must be over well within
/// [`MAX_LANDING`](crate::lifecycle::ledger::MAX_LANDING), which is what ledgers are clamped to.
const MAX_REQUEST_DEADLINE: Millis = Millis::seconds(300);

impl Timing {
    pub(crate) fn is_sound(&self) -> bool {
        self.request_deadline > Millis::ZERO && self.request_deadline <= MAX_REQUEST_DEADLINE
    }

    /// How long after its note a single-use request may still leave. Never longer than the request deadline.
    pub(crate) fn send_window(&self) -> Millis {
        SEND_WINDOW.min(self.request_deadline)
    }

    /// How long after its note a sending can still land.
    pub(crate) fn landing_window(&self) -> Millis {
        self.send_window().plus(self.request_deadline)
    }
}
