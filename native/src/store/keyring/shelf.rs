//! Records as items of the keyring, or in a file whose key is the item.

use std::path::Path;
use std::sync::Arc;

use age::x25519::Identity;
use sha2::{Digest, Sha256};
use tokenway_core::secret::Secret;

use super::place::Place;
use crate::store::Answer;
use crate::store::encrypted::{AgeForm, identity_of, new_identity, text_of};
use crate::store::file::failure::{failed, unable};
use crate::store::file::file_shelf::FileShelf;
use crate::store::file::lock_file::LockFile;
use crate::store::file::paths::{Files, hex};
use crate::store::file::seal::unseal;
use crate::store::file::shelf::{Found, LeftOver, Shelf, Writing};
use crate::store::file::{platform, replace};

/// The bytes that a probe writes: a record with two large JWTs.
const PROBE: usize = 16 * 1024;

pub(super) struct KeyringShelf {
    place: Place,
}

/// What an item is.
enum Kept {
    /// The record's sealed text.
    Text(Secret),
    /// The key of the file that has it.
    Key(Identity),
}

impl KeyringShelf {
    pub(super) fn new(place: Place) -> Self {
        KeyringShelf { place }
    }

    fn kept(&self, files: &Files) -> Answer<Option<Kept>> {
        let Some((_, item)) = self.place.item(&files.name)? else { return Ok(None) };
        let Some(bytes) = item.read()? else { return Ok(None) };
        let text = String::from_utf8(bytes)
            .map_or_else(|error| Secret::new(String::from_utf8_lossy(error.as_bytes()).into_owned()), Secret::new);
        Ok(Some(identity_of(&text).map_or(Kept::Text(text), Kept::Key)))
    }

    /// Writes the file that others look at to see whether the record was changed.
    fn sign(&self, files: &Files, sealed: &str) -> Answer<()> {
        replace::replace(&files.with_suffix(self.suffix()), fingerprint(sealed).as_bytes())
    }

    /// A writer that was killed between the item and the sign left an old sign. Whoever reads sets it right; if that
    /// fails, the next one does.
    fn correct_sign(&self, files: &Files, sealed: &Secret) {
        let sign = replace::read(&files.with_suffix(self.suffix()));
        if sign.is_ok_and(|sign| sign.as_deref() != Some(fingerprint(sealed.expose()).as_bytes())) {
            let _ = self.sign(files, sealed.expose());
        }
    }
}

/// The files of one key.
fn opened_by(key: Identity) -> FileShelf {
    FileShelf::new(Arc::new(AgeForm::new(Arc::new(key))))
}

/// Tells sealed texts apart, and nothing else of them.
fn fingerprint(sealed: &str) -> String {
    hex(&Sha256::digest(sealed))
}

impl Shelf for KeyringShelf {
    fn suffix(&self) -> &'static str {
        "item"
    }

    fn read(&self, files: &Files) -> Answer<Option<Found>> {
        match self.kept(files)? {
            None => Ok(None),
            Some(Kept::Text(sealed)) => {
                self.correct_sign(files, &sealed);
                Ok(Some(unseal(sealed.expose().as_bytes().to_vec())))
            }
            Some(Kept::Key(key)) => opened_by(key).read(files),
        }
    }

    /// The item is the truth at every moment: a file counts only when the item is its key.
    fn write(&self, files: &Files, sealed: &Secret, writing: &Writing) -> Answer<()> {
        let (keyring, item) = self.place.item_or_new(&files.name)?;
        let sign = files.with_suffix(self.suffix());
        if !sign.exists() {
            self.sign(files, "")?;
        }
        if sealed.len() <= keyring.limit() {
            item.set(sealed, &files.name, writing)?;
            replace::remove(&files.with_suffix("age"))?;
        } else if let Some(Kept::Key(key)) = self.kept(files)? {
            opened_by(key).write(files, sealed, writing)?;
        } else {
            let key = new_identity();
            let text = text_of(&key);
            // What a writer left that was killed here: its key is in no item, and no other opens it.
            replace::sweep_temps(&files.with_suffix("age"));
            opened_by(key).write(files, sealed, writing)?;
            item.set(&text, &files.name, writing)?;
        }
        self.sign(files, sealed.expose())
    }

    fn remove(&self, files: &Files, writing: &Writing) -> Answer<()> {
        if let Some((_, item)) = self.place.item(&files.name)? {
            item.remove(writing)?;
        }
        if let Some((_, aside)) = self.place.item(&format!("{}.corrupt", files.name))? {
            aside.remove(writing)?;
        }
        opened_by(new_identity()).remove(files, writing)?;
        replace::remove(&files.with_suffix(self.suffix()))
    }

    /// To an item of another name, or the file to a name that says when: then the key stays.
    fn move_aside(&self, files: &Files, writing: &Writing) -> Answer<String> {
        let text = match self.kept(files)? {
            None => return Ok("nowhere: it is gone".to_owned()),
            Some(Kept::Key(key)) => return opened_by(key).move_aside(files, writing),
            Some(Kept::Text(text)) => text,
        };
        let (_, item) = self.place.item_or_new(&files.name)?;
        let (_, aside) = self.place.item_or_new(&format!("{}.corrupt", files.name))?;
        aside.set(&text, "a credential that could not be read", writing)?;
        item.remove(writing)?;
        Ok(aside.describe())
    }

    fn left_overs(&self, files: &Files) -> Answer<Vec<LeftOver>> {
        if replace::temps(&files.with_suffix("age")).is_empty() {
            return Ok(Vec::new());
        }
        match self.kept(files)? {
            Some(Kept::Key(key)) => opened_by(key).left_overs(files),
            Some(Kept::Text(_)) | None => Ok(Vec::new()),
        }
    }

    fn promote(&self, files: &Files, left_over: &LeftOver) -> Answer<()> {
        replace::promote(&left_over.path, &files.with_suffix("age"))?;
        self.sign(files, "")
    }

    fn probe(&self, folder: &Path) -> Answer<()> {
        platform::private_folder(folder).map_err(|error| failed("preparing", folder, &error))?;
        let name = format!("probe-{}", replace::random_name()?);
        let (keyring, item) = self.place.item_or_new(&name)?;
        if keyring.limit() < PROBE {
            replace::probe(folder)?;
        }
        let value = Secret::new("x".repeat(PROBE.min(keyring.limit())));
        let lock = folder.join("probe.save");
        let writing = Arc::new(LockFile::for_save(&lock)?);
        let probed = item.set(&value, "a probe", &writing).and_then(|()| {
            if item.read()?.as_deref() == Some(value.expose().as_bytes()) {
                return Ok(());
            }
            Err(unable(format!("{} does not keep what is written to it", keyring.name())))
        });
        let removed = if probed.is_ok() { item.remove(&writing) } else { Ok(()) };
        probed.and(removed)
    }

    fn place(&self, files: &Files) -> String {
        match self.place.item(&files.name) {
            Ok(Some((_, item))) => item.describe(),
            Ok(None) | Err(_) => files.with_suffix(self.suffix()).display().to_string(),
        }
    }

    fn describe(&self, folder: &Path) -> String {
        let name = self.place.keyring().map_or("a keyring", super::handle::Keyring::name);
        format!("{name}; its locks and notes, without secrets, in {}", folder.display())
    }
}
