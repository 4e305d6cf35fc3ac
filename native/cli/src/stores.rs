//! Which store a login lies in: the one that was named, the one that it was put into, or for a new one the best there is.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tokenway::store::{Answer, EncryptedStore, FileStore, Keyring, KeyringStore, Pins, Store};
use tokenway_core::action::Load;
use tokenway_core::http::IoFailure;
use tokenway_core::lifecycle::record::{CredentialKey, Mark};

use crate::args::{StoreChoice, StoreKind};
use crate::exit::Stopped;
use crate::output::say;
use crate::passphrase;
use crate::settings::home_folder;

mod redis;

/// The stores of this user's home, each opened at its first use.
pub(crate) struct Stores {
    home: PathBuf,
    pins: Pins,
    asked: Option<StoreKind>,
    opened: Mutex<BTreeMap<StoreKind, Arc<dyn Store>>>,
}

impl Stores {
    pub(crate) fn open(choice: StoreChoice) -> Result<Arc<Self>, Stopped> {
        let home = home_folder()?;
        let pins = Pins::new(&home);
        Ok(Arc::new(Stores { home, pins, asked: choice.named(), opened: Mutex::default() }))
    }

    /// Where that login lies. One that the command never put anywhere can only be a plain file.
    pub(crate) fn of(&self, key: &CredentialKey) -> Result<(StoreKind, Arc<dyn Store>), Stopped> {
        let kind = match self.asked {
            Some(kind) => kind,
            None => self.pinned(key)?.unwrap_or(StoreKind::File),
        };
        Ok((kind, self.store(kind)?))
    }

    /// Where a new login of that name goes. The choice is remembered, unless there is an older login: it stays the one
    /// that is found until the new one is there. True: there is none.
    pub(crate) async fn choose(&self, key: &CredentialKey) -> Result<(StoreKind, Arc<dyn Store>, bool), Stopped> {
        let used = self.used(key).await?;
        let kind = match self.asked.or(used) {
            Some(kind) => kind,
            None => self.best().await?,
        };
        let store = self.store(kind)?;
        self.pin(key, used.unwrap_or(kind))?;
        Ok((kind, store, used.is_none()))
    }

    /// Where the login of that name is looked for, if there may be one. Programs that use the library put logins into plain
    /// files without a word of it.
    pub(crate) async fn used(&self, key: &CredentialKey) -> Result<Option<StoreKind>, Stopped> {
        match self.pinned(key)? {
            None if self.is_in_plain_files(key).await => Ok(Some(StoreKind::File)),
            pinned => Ok(pinned),
        }
    }

    /// Plain files are never chosen unasked.
    async fn best(&self) -> Result<StoreKind, Stopped> {
        // Not the kernel's: a login that ends with the session is not what was asked for.
        let keyring = KeyringStore::new(&self.home, Keyring::of_the_system());
        let Err(trouble) = keyring.probe().await else { return Ok(StoreKind::Keyring) };
        if passphrase::is_given() {
            return Ok(StoreKind::Encrypted);
        }
        if passphrase::can_be_asked_for() {
            say(&format!("tokenway: {}\nThe login is kept in an encrypted file.", trouble.detail));
            return Ok(StoreKind::Encrypted);
        }
        Err(Stopped::configuration(format!("there is no place to keep a login: {}", trouble.detail)).with_next(
            "Start a keyring; or set TOKENWAY_PASSPHRASE, and it is kept in an encrypted file; or say --store file for \
             a plain file that only you can read, or (on Linux, where there is no keyring to start) --store keyring for \
             the kernel's, which forgets.",
        ))
    }

    async fn is_in_plain_files(&self, key: &CredentialKey) -> bool {
        is_logged_in(&FileStore::new(&self.home), key).await.unwrap_or(false)
    }

    pub(crate) fn pin(&self, key: &CredentialKey, kind: StoreKind) -> Result<(), Stopped> {
        match self.pinned(key)? {
            Some(pinned) if pinned == kind => return Ok(()),
            Some(other) => say(&format!(
                "An earlier login may still lie in the store {0:?}: tokenway logout --store {0} removes it.",
                other.name()
            )),
            None => {}
        }
        self.pins.pin(key, kind.name()).map_err(|failure| Stopped::configuration(failure.detail))
    }

    /// The login was moved.
    pub(crate) fn repin(&self, key: &CredentialKey, kind: StoreKind) -> Answer<()> {
        self.pins.pin(key, kind.name())
    }

    /// The login was ended. One that came meanwhile is in its place, and its command may have looked at the choice
    /// before it was forgotten here.
    pub(crate) async fn unpin(&self, key: &CredentialKey, kind: StoreKind) -> Result<(), Stopped> {
        if self.pinned(key)? != Some(kind) {
            return Ok(());
        }
        let stopped = |failure: IoFailure| Stopped::configuration(failure.detail);
        self.pins.unpin(key).map_err(stopped)?;
        if is_logged_in(&*self.store(kind)?, key).await.unwrap_or(true) {
            self.pins.pin(key, kind.name()).map_err(stopped)?;
        }
        Ok(())
    }

    /// All logins. One that cannot be read is named on stderr, and hides no other; if none can be read, that is the end.
    pub(crate) async fn logins(&self) -> Result<Vec<CredentialKey>, Stopped> {
        let mut logins = Vec::new();
        let mut unread = None;
        for key in self.keys().await? {
            match self.holds(&key).await {
                Ok(true) => logins.push(key),
                Ok(false) => {}
                Err(stopped) => {
                    if let Some(earlier) = unread.replace(stopped) {
                        say(&earlier.to_string());
                    }
                }
            }
        }
        match unread {
            Some(stopped) if logins.is_empty() => return Err(stopped),
            Some(stopped) => say(&stopped.to_string()),
            None => {}
        }
        Ok(logins)
    }

    async fn holds(&self, key: &CredentialKey) -> Result<bool, Stopped> {
        let (_, store) = self.of(key)?;
        let unread = |failure: IoFailure| {
            Stopped::configuration(format!("the login to {key} cannot be read: {}", failure.detail))
        };
        is_logged_in(&*store, key).await.map_err(unread)
    }

    async fn keys(&self) -> Result<Vec<CredentialKey>, Stopped> {
        if let Some(kind) = self.asked {
            return self.keys_in(kind).await;
        }
        let mut keys = self.keys_in(StoreKind::File).await?;
        let pins = self.pins.all().map_err(|failure| Stopped::configuration(failure.detail))?;
        keys.extend(pins.into_iter().map(|(key, _)| key));
        keys.sort_unstable();
        keys.dedup();
        Ok(keys)
    }

    /// The keys of one store. What is damaged is reported and moved aside, so that the next look goes further; trouble that
    /// is still there at the next look ends it.
    pub(crate) async fn keys_in(&self, kind: StoreKind) -> Result<Vec<CredentialKey>, Stopped> {
        let store = self.store(kind)?;
        let mut before: Option<String> = None;
        loop {
            let found = store.list().await.map_err(|failure| failure.detail);
            if found.as_ref().err() == before.as_ref()
                && let Some(detail) = before
            {
                return Err(Stopped::configuration(detail));
            }
            if let Some(detail) = before {
                say(&format!("tokenway: {detail}"));
            }
            match found {
                Ok(keys) => return Ok(keys),
                Err(detail) => before = Some(detail),
            }
        }
    }

    pub(crate) fn pinned(&self, key: &CredentialKey) -> Result<Option<StoreKind>, Stopped> {
        let pinned = self.pins.store_of(key).map_err(|failure| Stopped::configuration(failure.detail))?;
        let Some(name) = pinned else { return Ok(None) };
        let found = StoreKind::ALL.into_iter().find(|kind| kind.name() == name);
        found.map(Some).ok_or_else(|| {
            Stopped::configuration(format!("{key} lies in a store that this version does not know: {name:?}"))
                .with_next("Update tokenway.")
        })
    }

    pub(crate) fn store(&self, kind: StoreKind) -> Result<Arc<dyn Store>, Stopped> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(store) = opened.get(&kind) {
            return Ok(Arc::clone(store));
        }
        let store: Arc<dyn Store> = match kind {
            StoreKind::Encrypted => {
                let is_new = !self.home.join("encrypted").join("key.age").exists();
                Arc::new(EncryptedStore::with_passphrase(&self.home, passphrase::passphrase(is_new)?))
            }
            StoreKind::File => Arc::new(FileStore::new(&self.home)),
            StoreKind::Keyring => Arc::new(KeyringStore::of_this_machine(&self.home)),
            StoreKind::Redis => redis::store()?,
        };
        opened.insert(kind, Arc::clone(&store));
        Ok(store)
    }
}

async fn is_logged_in(store: &dyn Store, key: &CredentialKey) -> Answer<bool> {
    let record = store.load(&Load { key: key.clone() }).await?;
    Ok(record.is_some_and(|record| record.mark == Mark::LoggedIn))
}

#[cfg(test)]
mod tests {
    use tokenway::store::conformance::{sample_key, sample_record};
    use tokenway_core::action::{Delete, Save};

    use super::*;

    #[tokio::test]
    async fn a_login_that_came_while_another_was_ended_is_found_where_it_lies() {
        let home = tempfile::tempdir().unwrap();
        let (home, key) = (home.path().to_owned(), sample_key("https://issuer.example", "default"));
        let stores = Stores { pins: Pins::new(&home), home, asked: None, opened: Mutex::default() };
        stores.pin(&key, StoreKind::File).unwrap();
        let record = Box::new(sample_record("login", 1, "one"));
        let (store, expected) = (stores.store(StoreKind::File).unwrap(), record.version());
        store.save(&Save { key: key.clone(), expected: None, record }).await.unwrap();
        stores.unpin(&key, StoreKind::File).await.unwrap();
        assert_eq!(stores.pinned(&key).unwrap(), Some(StoreKind::File));
        store.delete(&Delete { key: key.clone(), expected }).await.unwrap();
        stores.unpin(&key, StoreKind::File).await.unwrap();
        assert_eq!(stores.pinned(&key).unwrap(), None);
    }
}
