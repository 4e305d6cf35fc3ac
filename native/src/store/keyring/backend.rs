//! Which keyrings there are, and how to reach them.

use std::sync::Arc;

use keyring_core::CredentialStore;

/// What differs from keyring to keyring.
#[derive(Clone, Copy)]
pub(super) struct Backend {
    /// Written down beside the credentials.
    pub(super) kind: &'static str,
    /// For people.
    pub(super) name: &'static str,
    /// The largest value in bytes.
    pub(super) limit: usize,
    /// Whether items have a label for people.
    pub(super) labelled: bool,
    /// Whether a person can unlock it.
    pub(super) can_be_locked: bool,
    pub(super) connect: fn() -> keyring_core::Result<Arc<CredentialStore>>,
}

/// Where the keyring has no limit of its own: records have a few KiB, and so much goes over D-Bus with ease.
#[cfg(any(target_os = "linux", target_os = "freebsd", target_os = "macos"))]
const LARGE: usize = 256 * 1024;

#[cfg(any(target_os = "linux", target_os = "freebsd"))]
pub(super) const SYSTEM: Backend = Backend {
    kind: "secret-service",
    name: "the Secret Service (the keyring of your desktop)",
    limit: LARGE,
    labelled: true,
    can_be_locked: true,
    connect: || Ok(zbus_secret_service_keyring_store::Store::new()?),
};

#[cfg(target_os = "macos")]
pub(super) const SYSTEM: Backend = Backend {
    kind: "keychain",
    name: "the macOS Keychain",
    limit: LARGE,
    labelled: false,
    can_be_locked: true,
    connect: || Ok(apple_native_keyring_store::keychain::Store::new()?),
};

#[cfg(windows)]
pub(super) const SYSTEM: Backend = Backend {
    kind: "credential-manager",
    name: "the Windows Credential Manager",
    // CRED_MAX_CREDENTIAL_BLOB_SIZE, five times 512.
    limit: 2_560,
    labelled: false,
    can_be_locked: true,
    connect: || Ok(windows_native_keyring_store::Store::new()?),
};

#[cfg(not(any(target_os = "linux", target_os = "freebsd", target_os = "macos", windows)))]
pub(super) const SYSTEM: Backend = Backend {
    kind: "none",
    name: "a keyring",
    limit: 0,
    labelled: false,
    can_be_locked: false,
    connect: || Err(keyring_core::Error::NotSupportedByStore("this system has no keyring".to_owned())),
};

#[cfg(target_os = "linux")]
pub(super) const KERNEL: Backend = Backend {
    kind: "kernel",
    name: "the kernel's keyring of this session (until you log out or the machine restarts)",
    // A user has 20,000 bytes in all.
    limit: 2_048,
    labelled: false,
    can_be_locked: false,
    connect: || Ok(linux_keyutils_keyring_store::Store::new()?),
};
