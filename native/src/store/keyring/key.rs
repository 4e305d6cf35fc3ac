//! The key of encrypted files, in the keyring.

use std::path::PathBuf;
use std::sync::Arc;

use age::x25519::Identity;
use tokenway_core::secret::Secret;

use super::handle::{Item, Keyring};
use super::place::Place;
use crate::store::Answer;
use crate::store::encrypted::{KeySource, Opened, identity_of, new_identity, text_of};
use crate::store::file::failure::{failed, unable};
use crate::store::file::lock_file::LockFile;
use crate::store::file::platform;

/// The name of its item, before the folder's random one.
const NAME: &str = "key";

/// A key that is one item of the keyring, under the random name of the folder.
pub(crate) struct KeyringKey {
    place: Place,
    opened: Opened,
}

impl KeyringKey {
    pub(crate) fn new(folder: PathBuf, keyring: Keyring) -> Self {
        KeyringKey { place: Place::new(folder, vec![keyring]), opened: Opened::default() }
    }

    fn find(&self) -> Answer<Option<Identity>> {
        self.place.item(NAME)?.map_or(Ok(None), |(_, item)| read(&item))
    }

    fn make(&self) -> Answer<Identity> {
        let folder = self.place.folder();
        platform::private_folder(folder).map_err(|error| failed("preparing", folder, &error))?;
        let lock = folder.join("key.save");
        let making = Arc::new(LockFile::for_save(&lock)?);
        let (_, item) = self.place.item_or_new(NAME)?;
        if let Some(identity) = read(&item)? {
            return Ok(identity);
        }
        let identity = new_identity();
        making.still_holds().map_err(|error| failed("locking", &lock, &error))?;
        item.set(&text_of(&identity), "the key of encrypted logins", &making)?;
        Ok(identity)
    }
}

fn read(item: &Item) -> Answer<Option<Identity>> {
    let Some(bytes) = item.read()? else { return Ok(None) };
    let text = String::from_utf8(bytes).map(Secret::new).ok();
    let identity = text.as_ref().and_then(identity_of);
    identity.map(Some).ok_or_else(|| unable(format!("{} holds no key", item.describe())))
}

impl KeySource for KeyringKey {
    fn identity(&self) -> Answer<Identity> {
        let missing = || unable("the key of the encrypted files is not in the keyring any more".to_owned());
        self.opened.or(|| self.find()?.ok_or_else(missing))
    }

    fn identity_or_new(&self) -> Answer<Identity> {
        self.opened.or(|| self.find()?.map_or_else(|| self.make(), Ok))
    }

    fn describe(&self) -> String {
        self.place.keyring().map_or_else(|| "a key".to_owned(), |keyring| format!("a key in {}", keyring.name()))
    }
}
