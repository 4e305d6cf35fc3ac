//! The end of an exchange that hangs.

use std::time::Duration;

use tokenway_core::moment::Millis;
use tokio::time::{Instant, sleep};

use super::guard::wall_clock;

/// Waits until `span` has passed by the monotonic clock or by the wall clock, whichever comes first: the first does not
/// count the time that a machine sleeps, the second may jump back.
pub(super) async fn passed(span: Millis) {
    const LONGEST_NAP: Duration = Duration::from_secs(1);
    let end = wall_clock().plus(span);
    let span = Duration::from_millis(span.0);
    let start = Instant::now();
    loop {
        let left = span.saturating_sub(start.elapsed());
        if left.is_zero() || wall_clock() > end {
            return;
        }
        sleep(left.min(LONGEST_NAP)).await;
    }
}
