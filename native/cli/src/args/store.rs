//! The stores, as they are named.

use clap::ValueEnum;

/// What may be asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum StoreChoice {
    /// Where the login lies; a new one goes to the keyring, else to encrypted files
    #[default]
    Auto,
    /// Files that your passphrase opens (TOKENWAY_PASSPHRASE, or asked for)
    Encrypted,
    /// Plain files that only this user can read
    File,
    /// The keyring of the system
    Keyring,
    /// The Redis or Valkey that TOKENWAY_REDIS_URL names
    Redis,
}

/// The stores there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum StoreKind {
    /// Files that your passphrase opens (TOKENWAY_PASSPHRASE, or asked for)
    Encrypted,
    /// Plain files that only this user can read
    File,
    /// The keyring of the system
    Keyring,
    /// The Redis or Valkey that TOKENWAY_REDIS_URL names
    Redis,
}

impl StoreChoice {
    /// The one that was named.
    pub(crate) fn named(self) -> Option<StoreKind> {
        match self {
            StoreChoice::Auto => None,
            StoreChoice::Encrypted => Some(StoreKind::Encrypted),
            StoreChoice::File => Some(StoreKind::File),
            StoreChoice::Keyring => Some(StoreKind::Keyring),
            StoreChoice::Redis => Some(StoreKind::Redis),
        }
    }
}

impl StoreKind {
    /// Every one.
    pub(crate) const ALL: [StoreKind; 4] =
        [StoreKind::Encrypted, StoreKind::File, StoreKind::Keyring, StoreKind::Redis];

    /// As it is typed, and written down.
    pub(crate) fn name(self) -> &'static str {
        match self {
            StoreKind::Encrypted => "encrypted",
            StoreKind::File => "file",
            StoreKind::Keyring => "keyring",
            StoreKind::Redis => "redis",
        }
    }
}
