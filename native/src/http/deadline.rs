//! The end of an exchange that hangs.

use std::time::Duration;

use tokenway_core::moment::Millis;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep};

use super::guard::wall_clock;

/// Turns of the runtime in which what lies in a socket comes to whoever waits for it: through the reactor, the task of
/// the connection and that of its body.
const LAST_TURNS: usize = 16;

/// Waits until `span` has passed by the monotonic clock or by the wall clock, whichever comes first: the first does not
/// count the time that a machine sleeps, the second may jump back.
///
/// A process that stood still until then has not looked at its sockets: an answer that lies there is not too late.
pub(super) async fn passed(span: Millis) {
    const LONGEST_NAP: Duration = Duration::from_secs(1);
    let end = wall_clock().plus(span);
    let span = Duration::from_millis(span.0);
    let start = Instant::now();
    loop {
        let left = span.saturating_sub(start.elapsed());
        if left.is_zero() || wall_clock() > end {
            for _ in 0..LAST_TURNS {
                yield_now().await;
            }
            return;
        }
        sleep(left.min(LONGEST_NAP)).await;
    }
}
