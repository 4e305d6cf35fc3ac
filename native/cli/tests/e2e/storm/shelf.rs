//! The stores in which storms rage.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokenway::store::{EncryptedStore, FileStore, Migrated, RedisOptions, RedisStore, Store, migrate};
use tokenway_core::secret::Secret;

use super::DEADLINE;
use super::process::config;

/// Cheap to try: a process opens the key once, which is not what is measured.
const WORK_FACTOR: u8 = 10;

/// A store, as every process that shares it can open it.
pub(super) struct Shelf {
    kind: Kind,
    /// A folder, or the URL of a server.
    place: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Encrypted,
    File,
    Redis,
}

impl Shelf {
    pub(super) fn new(kind: Kind, place: impl Into<PathBuf>) -> Self {
        Shelf { kind, place: place.into() }
    }

    pub(super) fn named(name: &str, place: PathBuf) -> Self {
        let all = [Kind::Encrypted, Kind::File, Kind::Redis];
        let kind = all.into_iter().find(|kind| kind.name() == name).unwrap();
        Shelf { kind, place }
    }

    pub(super) fn name(&self) -> &'static str {
        self.kind.name()
    }

    pub(super) fn place(&self) -> &Path {
        &self.place
    }

    pub(super) fn store(&self) -> Arc<dyn Store> {
        match self.kind {
            Kind::Encrypted => {
                let passphrase = Secret::new("correct horse");
                Arc::new(EncryptedStore::with_work_factor(&self.place, passphrase, WORK_FACTOR))
            }
            Kind::File => Arc::new(FileStore::new(&self.place)),
            Kind::Redis => Arc::new(RedisStore::new(RedisOptions::new(self.place.to_str().unwrap())).unwrap()),
        }
    }

    /// Takes over the login that the command has put into plain files.
    pub(super) fn take_over(&self, home: &Path, issuer: &str) {
        if self.kind == Kind::File {
            return;
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (from, to, key) = (FileStore::new(home), self.store(), config(issuer, DEADLINE).key().clone());
        assert_eq!(runtime.block_on(migrate(&from, &*to, &key, || Ok(()))).unwrap(), Migrated::Moved);
    }
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Encrypted => "encrypted",
            Kind::File => "file",
            Kind::Redis => "redis",
        }
    }
}
