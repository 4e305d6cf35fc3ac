//! Time and entropy, as they enter with every step.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::wire::base64;

/// Milliseconds since 1970-01-01T00:00:00Z, by the wall clock of the machine that runs the driver. Arithmetic saturates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixMillis(pub u64);

impl UnixMillis {
    /// The instant `span` later.
    #[must_use]
    pub fn plus(self, span: Millis) -> Self {
        UnixMillis(self.0.saturating_add(span.0))
    }

    /// The instant `span` earlier, 1970 at the earliest.
    #[must_use]
    pub fn minus(self, span: Millis) -> Self {
        UnixMillis(self.0.saturating_sub(span.0))
    }

    /// How long ago `earlier` was; zero if it lies ahead.
    #[must_use]
    pub fn since(self, earlier: UnixMillis) -> Millis {
        Millis(self.0.saturating_sub(earlier.0))
    }
}

/// A span of time in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub u64);

impl Millis {
    /// No time at all.
    pub const ZERO: Millis = Millis(0);

    /// A span of whole seconds.
    #[must_use]
    pub const fn seconds(seconds: u64) -> Self {
        Millis(seconds.saturating_mul(1_000))
    }

    /// Both spans, one after the other.
    #[must_use]
    pub fn plus(self, other: Millis) -> Self {
        Millis(self.0.saturating_add(other.0))
    }

    /// What is left of this span after `other` has passed.
    #[must_use]
    pub fn minus(self, other: Millis) -> Self {
        Millis(self.0.saturating_sub(other.0))
    }
}

/// The instant and 32 fresh random bytes, given with every step and never stored.
///
/// A driver fills `entropy` from the operating system for *each* moment. Values are derived from it by label, so one
/// moment serves several needs and no two labels share bytes.
#[derive(Clone, Copy)]
pub struct Moment {
    /// The wall clock.
    pub now: UnixMillis,
    /// Fresh bytes of the system's random source.
    pub entropy: [u8; 32],
}

impl Moment {
    /// 32 bytes for one purpose: SHA-256 over the label, a zero byte and the entropy.
    #[must_use]
    pub fn draw(&self, label: &str) -> [u8; 32] {
        let mut hasher = Sha256::new();
        hasher.update(label.as_bytes());
        hasher.update([0]);
        hasher.update(self.entropy);
        hasher.finalize().into()
    }

    /// 256 bits for one purpose as 43 characters of the URL-safe alphabet (RFC 4648 section 5, no padding).
    #[must_use]
    pub fn draw_text(&self, label: &str) -> String {
        base64::url_safe(&self.draw(label))
    }
}

impl fmt::Debug for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Moment").field("now", &self.now).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::wire::pkce::Verifier;

    fn moment(entropy: [u8; 32]) -> Moment {
        Moment { now: UnixMillis(1), entropy }
    }

    /// 32 bytes that no other number gives.
    fn counted(number: u32) -> [u8; 32] {
        let mut entropy = [0; 32];
        entropy[..4].copy_from_slice(&number.to_be_bytes());
        entropy
    }

    #[test]
    fn each_purpose_gets_bytes_of_its_own() {
        let moment = moment([7; 32]);
        let labels = ["state", "nonce", "code verifier", "login name", "login id", "renewal jitter", "", "stat"];
        let values: BTreeSet<[u8; 32]> = labels.iter().map(|label| moment.draw(label)).collect();
        assert_eq!(values.len(), labels.len());
        assert!(!values.contains(&moment.entropy));
    }

    #[test]
    fn a_draw_is_sha_256_over_label_zero_and_entropy() {
        let expected: [u8; 32] = Sha256::digest([b"state\0".as_slice(), &[7; 32]].concat()).into();
        assert_eq!(moment([7; 32]).draw("state"), expected);
        assert_eq!(moment([7; 32]).draw_text("state"), base64::url_safe(&expected));
    }

    #[test]
    fn a_draw_does_not_depend_on_the_clock() {
        let later = Moment { now: UnixMillis(2), entropy: [7; 32] };
        assert_eq!(moment([7; 32]).draw("state"), later.draw("state"));
    }

    #[test]
    fn a_hundred_thousand_verifiers_are_all_different_and_43_characters_long() {
        let verifier = |number| Verifier::new(moment(counted(number)).draw("code verifier"));
        let verifiers: BTreeSet<String> =
            (0..100_000).map(|number| verifier(number).secret().expose().to_owned()).collect();
        assert_eq!(verifiers.len(), 100_000);
        assert!(verifiers.iter().all(|verifier| verifier.len() == 43));
    }

    #[test]
    fn time_saturates_at_both_ends() {
        let (start, end) = (UnixMillis(0), UnixMillis(u64::MAX));
        assert_eq!(end.plus(Millis(1)), end);
        assert_eq!(start.minus(Millis(1)), start);
        assert_eq!(start.since(end), Millis::ZERO);
        assert_eq!(end.since(start), Millis(u64::MAX));
        assert_eq!(Millis::seconds(u64::MAX), Millis(u64::MAX));
        assert_eq!(Millis(u64::MAX).plus(Millis(1)), Millis(u64::MAX));
        assert_eq!(Millis(1).minus(Millis(2)), Millis::ZERO);
    }

    #[test]
    fn a_moment_does_not_show_its_entropy() {
        let shown = format!("{:?}", moment([171; 32]));
        assert!(shown.contains("UnixMillis(1)") && !shown.contains("171") && !shown.to_lowercase().contains("ab, "));
    }
}
