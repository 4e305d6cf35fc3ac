//! Which keyring the credentials of a folder lie in, and under which names.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};
use tokenway_core::http::{IoFailure, IoFailureKind};

use super::handle::{Item, Keyring};
use crate::store::Answer;
use crate::store::file::failure::{failed, unable};
use crate::store::file::lock_file::LockFile;
use crate::store::file::shelf::Writing;
use crate::store::file::{platform, replace};

/// What the folder says of itself.
#[derive(Serialize, Deserialize)]
struct Note {
    id: String,
    keyring: String,
}

/// A folder, and the keyring that it belongs to.
pub(crate) struct Place {
    folder: PathBuf,
    keyrings: Vec<Keyring>,
    settled: OnceLock<Settled>,
}

struct Settled {
    id: String,
    keyring: Keyring,
}

impl Place {
    pub(crate) fn new(folder: PathBuf, keyrings: Vec<Keyring>) -> Self {
        Place { folder, keyrings, settled: OnceLock::new() }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The keyring and the item of that name; `None` when nothing was ever written.
    pub(super) fn item(&self, name: &str) -> Answer<Option<(&Keyring, Item)>> {
        Ok(self.settled()?.map(|settled| settled.item(name)))
    }

    /// The same; the place is settled if it is not.
    pub(super) fn item_or_new(&self, name: &str) -> Answer<(&Keyring, Item)> {
        if let Some(settled) = self.settled()? {
            return Ok(settled.item(name));
        }
        let settled = self.settle()?;
        Ok(self.settled.get_or_init(|| settled).item(name))
    }

    /// The keyring in use, or that would be tried first. Reads the folder at most.
    pub(super) fn keyring(&self) -> Option<&Keyring> {
        let settled = self.settled().ok().flatten().map(|settled| &settled.keyring);
        settled.or_else(|| self.keyrings.first())
    }

    fn settled(&self) -> Answer<Option<&Settled>> {
        if let Some(settled) = self.settled.get() {
            return Ok(Some(settled));
        }
        let Some(settled) = self.read()? else { return Ok(None) };
        Ok(Some(self.settled.get_or_init(|| settled)))
    }

    fn read(&self) -> Answer<Option<Settled>> {
        let file = self.file();
        let Some(bytes) = replace::read(&file)? else { return Ok(None) };
        let Ok(note) = serde_json::from_slice::<Note>(&bytes) else {
            return Err(unable(format!(
                "{} was changed; put it back from a backup, or remove it and log in again",
                file.display()
            )));
        };
        let found = self.keyrings.iter().find(|keyring| keyring.kind() == note.keyring);
        let Some(keyring) = found else {
            return Err(unable(format!(
                "the credentials of {} lie in another keyring ({}) than this one",
                self.folder.display(),
                note.keyring
            )));
        };
        Ok(Some(Settled { id: note.id, keyring: keyring.clone() }))
    }

    /// Takes the first keyring that can be reached.
    fn settle(&self) -> Answer<Settled> {
        platform::private_folder(&self.folder).map_err(|error| failed("preparing", &self.folder, &error))?;
        let settling = Arc::new(LockFile::for_save(&self.folder.join("place.save"))?);
        if let Some(settled) = self.read()? {
            return Ok(settled);
        }
        let keyring = self.first_ready(&settling)?.clone();
        let note = Note { id: replace::random_name()?, keyring: keyring.kind().to_owned() };
        let file = self.file();
        let text = serde_json::to_vec(&note).map_err(|error| failed("writing", &file, &error.into()))?;
        replace::replace_under(&|| settling.still_holds(), &file, &text)?;
        Ok(Settled { id: note.id, keyring })
    }

    /// One that is there and cannot be used (it is locked, or silent) is not passed over: the next may forget.
    fn first_ready(&self, settling: &Writing) -> Answer<&Keyring> {
        let mut troubles: Option<IoFailure> = None;
        for keyring in &self.keyrings {
            let reached = keyring.reached();
            let is_there = !matches!(&reached, Err(failure) if failure.kind != IoFailureKind::Deadline);
            let Err(failure) = reached.and_then(|()| keyring.ready(settling)) else { return Ok(keyring) };
            troubles = Some(match troubles {
                Some(first) => IoFailure { detail: format!("{}; {}", first.detail, failure.detail), ..first },
                None => failure,
            });
            if is_there {
                break;
            }
        }
        Err(troubles.unwrap_or_else(|| unable("no keyring was named".to_owned())))
    }

    fn file(&self) -> PathBuf {
        self.folder.join("place.json")
    }
}

impl Settled {
    fn item(&self, name: &str) -> (&Keyring, Item) {
        (&self.keyring, self.keyring.item(format!("{name}.{}", self.id)))
    }
}
