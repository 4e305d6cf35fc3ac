//! The names of the keys of one credential.
//!
//! ```text
//! PREFIX:{HASH}         a hash: the record, its version, the ledger, the last number of a lease
//! PREFIX:{HASH}:lease   a string that expires: who holds the lease, under which number
//! ```
//!
//! What stands between the braces decides a key's place in a cluster: the two are always together. No name tells whose
//! credential it is, because names of keys are found in slow logs and monitors.

use sha2::{Digest, Sha256};
use tokenway_core::lifecycle::record::CredentialKey;

/// The bytes of a hash that are kept: 128 bits tell any number of logins apart.
const HASH: usize = 16;

/// The keys of one credential.
#[derive(Clone)]
pub(super) struct Keys {
    pub(super) credential: String,
    pub(super) lease: String,
}

impl Keys {
    pub(super) fn of(prefix: &str, key: &CredentialKey) -> Self {
        let mut hasher = Sha256::new();
        for part in [&key.provider, &key.client_id, &key.account] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        let digest: String = hasher.finalize().iter().take(HASH).map(|byte| format!("{byte:02x}")).collect();
        Keys::named(prefix, &digest)
    }

    /// The keys of something that is no credential.
    pub(super) fn named(prefix: &str, name: &str) -> Self {
        let credential = format!("{prefix}:{{{name}}}");
        Keys { lease: format!("{credential}:lease"), credential }
    }
}

/// Matches the hash of every credential, and no other key.
pub(super) fn pattern(prefix: &str) -> String {
    format!("{prefix}:{{*}}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn keys(provider: &str, client_id: &str, account: &str) -> Keys {
        let key = CredentialKey { provider: provider.into(), client_id: client_id.into(), account: account.into() };
        Keys::of("tokenway", &key)
    }

    #[test]
    fn a_name_is_frozen() {
        let keys = keys("https://login.example.com", "app", "work");
        assert_eq!(keys.credential, "tokenway:{e5f2f10438569eefec5004922045a3b7}");
        assert_eq!(keys.lease, format!("{}:lease", keys.credential));
    }

    #[test]
    fn no_two_credentials_share_a_name_and_no_name_has_another_tag() {
        let all =
            [keys("a", "b", "c"), keys("ab", "", "c"), keys("a", "bc", ""), keys("", "", ""), keys("}{", "*", "\0")];
        let names: BTreeSet<_> = all.iter().map(|keys| keys.credential.clone()).collect();
        assert_eq!(names.len(), all.len());
        for name in names {
            assert_eq!((name.matches('{').count(), name.matches('}').count()), (1, 1), "{name}");
        }
    }
}
