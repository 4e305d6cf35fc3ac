//! Where the key of encrypted files lies.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use age::DecryptError;
use age::scrypt;
use age::secrecy::SecretString;
use age::x25519::Identity;
use tokenway_core::http::IoFailure;
use tokenway_core::secret::Secret;

use super::form::{identity_of, new_identity, not_encrypted, text_of};
use crate::store::Answer;
use crate::store::file::failure::{failed, unable};
use crate::store::file::lock_file::LockFile;
use crate::store::file::{platform, replace};

/// The most that a passphrase may cost to try: a file that somebody else laid there must not stop us for minutes.
const MAX_WORK_FACTOR: u8 = 22;

/// Has the key.
pub(crate) trait KeySource: Send + Sync + 'static {
    /// The key. There must be one.
    fn identity(&self) -> Answer<Identity>;

    /// The key, made if there is none.
    fn identity_or_new(&self) -> Answer<Identity>;

    /// What opens the files, as in "opened by ...".
    fn describe(&self) -> String;
}

/// The key, once it has been found: trying a passphrase is slow on purpose, and a keyring may ask a person.
#[derive(Default)]
pub(crate) struct Opened(Mutex<Option<Identity>>);

impl Opened {
    pub(crate) fn or(&self, find: impl FnOnce() -> Answer<Identity>) -> Answer<Identity> {
        let mut opened = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(identity) = opened.as_ref() {
            return Ok(identity.clone());
        }
        let identity = find()?;
        *opened = Some(identity.clone());
        Ok(identity)
    }
}

/// A key in a file that a passphrase opens.
pub(super) struct PassphraseKey {
    folder: PathBuf,
    passphrase: Secret,
    log_n: u8,
    opened: Opened,
}

impl PassphraseKey {
    pub(super) fn new(folder: PathBuf, passphrase: Secret, log_n: u8) -> Self {
        PassphraseKey { folder, passphrase, log_n: log_n.clamp(1, MAX_WORK_FACTOR), opened: Opened::default() }
    }

    fn file(&self) -> PathBuf {
        self.folder.join("key.age")
    }

    fn passphrase(&self) -> Answer<SecretString> {
        if self.passphrase.is_empty() {
            return Err(unable("the passphrase of the encrypted store is empty: set one".to_owned()));
        }
        Ok(SecretString::from(self.passphrase.expose()))
    }

    fn open(&self) -> Answer<Option<Identity>> {
        let Some(bytes) = replace::read(&self.file())? else { return Ok(None) };
        let mut opener = scrypt::Identity::new(self.passphrase()?);
        opener.set_max_work_factor(MAX_WORK_FACTOR);
        let text = age::decrypt(&opener, &bytes).map_err(|error| self.not_opened(&error))?;
        let text = String::from_utf8(text).map(Secret::new).ok();
        let identity = text.as_ref().and_then(identity_of);
        identity.map(Some).ok_or_else(|| unable(format!("{} holds no key", self.file().display())))
    }

    fn make(&self) -> Answer<Identity> {
        let file = self.file();
        platform::private_folder(&self.folder).map_err(|error| failed("preparing", &self.folder, &error))?;
        let making = LockFile::for_save(&self.folder.join("key.save"))?;
        if let Some(identity) = self.open()? {
            return Ok(identity);
        }
        let identity = new_identity();
        let mut closer = scrypt::Recipient::new(self.passphrase()?);
        closer.set_work_factor(self.log_n);
        let bytes =
            age::encrypt(&closer, text_of(&identity).expose().as_bytes()).map_err(|error| not_encrypted(&error))?;
        replace::replace_under(&|| making.still_holds(), &file, &bytes)?;
        Ok(identity)
    }

    fn not_opened(&self, error: &DecryptError) -> IoFailure {
        let file = self.file();
        let file = file.display();
        match error {
            DecryptError::DecryptionFailed | DecryptError::KeyDecryptionFailed | DecryptError::NoMatchingKeys => {
                unable(format!(
                    "the passphrase does not open {file}: it is wrong, or the file was changed. Give the right one"
                ))
            }
            DecryptError::ExcessiveWork { .. } => {
                unable(format!("{file} asks for far too much work to try a passphrase; it is not tokenway's"))
            }
            DecryptError::InvalidHeader
            | DecryptError::InvalidMac
            | DecryptError::Io(_)
            | DecryptError::UnknownFormat
            | _ => unable(format!("{file} cannot be read ({error}): put it back from a backup")),
        }
    }
}

impl KeySource for PassphraseKey {
    fn identity(&self) -> Answer<Identity> {
        let missing = || unable(format!("{} is missing: without it no record can be opened", self.file().display()));
        self.opened.or(|| self.open()?.ok_or_else(missing))
    }

    fn identity_or_new(&self) -> Answer<Identity> {
        self.opened.or(|| self.open()?.map_or_else(|| self.make(), Ok))
    }

    fn describe(&self) -> String {
        "your passphrase".to_owned()
    }
}

/// A key that is in hand.
#[cfg(feature = "keyring")]
impl KeySource for Identity {
    fn identity(&self) -> Answer<Identity> {
        Ok(self.clone())
    }

    fn identity_or_new(&self) -> Answer<Identity> {
        Ok(self.clone())
    }

    fn describe(&self) -> String {
        "a key in the keyring".to_owned()
    }
}
