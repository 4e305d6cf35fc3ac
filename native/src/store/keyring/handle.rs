//! One keyring, spoken to on a thread of its own.

use std::collections::HashMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use keyring_core::{CredentialStore, Entry, Error};
use tokenway_core::http::IoFailure;
use tokenway_core::secret::Secret;

use super::backend::{self, Backend};
use crate::store::Answer;
use crate::store::file::failure::{too_late, unable};
use crate::store::file::replace;
use crate::store::file::shelf::Writing;

/// The longest wait for the keyring: a healthy one answers in milliseconds, and one that asks the person to unlock it
/// can be asked again when they have.
const WAIT: Duration = Duration::from_secs(10);

/// The longest text of a keyring's error that is shown, in characters.
const MAX_TEXT: usize = 300;

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// A keyring. Copies share one connection, which is made at the first use, and made again when it broke.
#[derive(Clone)]
pub struct Keyring {
    backend: Backend,
    limit: usize,
    wait: Duration,
    thread: Arc<Mutex<Option<Sender<Job>>>>,
}

impl Keyring {
    /// The keyring that belongs to this system.
    #[must_use]
    pub fn of_the_system() -> Self {
        Keyring::with(backend::SYSTEM)
    }

    /// The kernel's keyring, which forgets everything when the session ends or the machine restarts; `None` on systems
    /// other than Linux.
    #[must_use]
    pub fn of_the_kernel() -> Option<Self> {
        #[cfg(target_os = "linux")]
        return Some(Keyring::with(backend::KERNEL));
        #[cfg(not(target_os = "linux"))]
        return None;
    }

    fn with(backend: Backend) -> Self {
        Keyring { backend, limit: backend.limit, wait: WAIT, thread: Arc::default() }
    }

    /// The same, which takes at most so many bytes as one value: the Credential Manager takes 2,560. Larger records go
    /// to an encrypted file.
    #[must_use]
    pub fn with_limit(self, bytes: usize) -> Self {
        Keyring { limit: bytes, ..self }
    }

    /// The same with another longest wait for an answer than 10 seconds.
    #[must_use]
    pub fn with_wait(self, wait: Duration) -> Self {
        Keyring { wait, ..self }
    }

    /// Reads the item of any program, for the import of its credentials. Blocks, for the longest wait at most.
    ///
    /// # Errors
    /// The keyring cannot be reached or is locked, or the item is not text.
    pub fn read(&self, service: &str, user: &str) -> Answer<Option<Secret>> {
        let item = Item { keyring: self.clone(), service: service.to_owned(), user: user.to_owned() };
        let Some(bytes) = item.read()? else { return Ok(None) };
        let text = String::from_utf8(bytes).map(|text| Some(Secret::new(text)));
        text.map_err(|_| unable(format!("the item {service}/{user} of {} is not text", self.name())))
    }

    /// Whether it is there, be it locked or not.
    ///
    /// # Errors
    /// It is not, or does not answer.
    pub(super) fn reached(&self) -> Answer<()> {
        self.call("reaching the keyring", None, |_| Ok(()))
    }

    /// Whether it keeps what is given to it: some can be connected to and keep nothing.
    ///
    /// # Errors
    /// It cannot be used.
    pub(super) fn ready(&self, writing: &Writing) -> Answer<()> {
        let item = self.item(format!("ready-{}", replace::random_name()?));
        let value = Secret::new("ready");
        item.set(&value, "a probe", writing)?;
        let kept = item.read()?;
        item.remove(writing)?;
        if kept.as_deref() == Some(value.expose().as_bytes()) {
            return Ok(());
        }
        Err(unable(format!("{} does not keep what is written to it", self.name())))
    }

    pub(super) fn item(&self, user: String) -> Item {
        Item { keyring: self.clone(), service: "tokenway".to_owned(), user }
    }

    pub(super) fn kind(&self) -> &'static str {
        self.backend.kind
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    pub(super) fn name(&self) -> &'static str {
        self.backend.name
    }

    /// Does `work` on the keyring's thread, to its end even if nobody waits for it any more: `writing` is kept as long.
    fn call<T: Send + 'static>(
        &self,
        doing: &'static str,
        writing: Option<Writing>,
        work: impl Fn(&CredentialStore) -> keyring_core::Result<T> + Send + 'static,
    ) -> Answer<T> {
        let (sender, answer) = mpsc::channel();
        self.send(Box::new(move |connection| {
            let done = connection.work(&work);
            drop(writing);
            // Whoever asked may have given up.
            let _ = sender.send(done);
        }))?;
        match answer.recv_timeout(self.wait) {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) => Err(self.failed(doing, &error)),
            Err(RecvTimeoutError::Timeout) => Err(self.silent(doing)),
            Err(RecvTimeoutError::Disconnected) => Err(unable(format!("{doing}: {} broke off", self.name()))),
        }
    }

    fn send(&self, job: Job) -> Answer<()> {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if thread.is_none() {
            *thread = Some(self.start()?);
        }
        let sent = thread.as_ref().is_some_and(|jobs| jobs.send(job).is_ok());
        if sent { Ok(()) } else { Err(unable(format!("the thread that speaks to {} has ended", self.name()))) }
    }

    fn start(&self) -> Answer<Sender<Job>> {
        let (sender, jobs) = mpsc::channel::<Job>();
        let mut connection = Connection { connect: self.backend.connect, store: None };
        let work = move || {
            for job in jobs {
                // A panic in a keyring's library ends one job, not all that come after it.
                if catch_unwind(AssertUnwindSafe(|| job(&mut connection))).is_err() {
                    connection.store = None;
                }
            }
        };
        let started = thread::Builder::new().name("tokenway-keyring".to_owned()).spawn(work);
        started.map(|_| sender).map_err(|error| unable(format!("no thread for the keyring: {error}")))
    }

    fn failed(&self, doing: &str, error: &Error) -> IoFailure {
        let name = self.name();
        let text: String =
            error.to_string().chars().filter(|character| !character.is_control()).take(MAX_TEXT).collect();
        unable(match error {
            Error::NoStorageAccess(_) if self.backend.can_be_locked => {
                format!("{doing}: {name} is locked, and was not unlocked ({text}); unlock it and try again")
            }
            Error::Ambiguous(_) => {
                format!("{doing}: {name} has that item more than once; remove them and log in again")
            }
            Error::TooLong(..) => format!("{doing}: {name} takes no value of that size ({text})"),
            Error::BadDataFormat(..)
            | Error::BadEncoding(_)
            | Error::BadStoreFormat(_)
            | Error::Invalid(..)
            | Error::NoDefaultStore
            | Error::NoEntry
            | Error::NoStorageAccess(_)
            | Error::NotSupportedByStore(_)
            | Error::PlatformFailure(_)
            | _ => format!("{doing}: {name} cannot be used ({text}); choose another place with --store, or start it"),
        })
    }

    fn silent(&self, doing: &str) -> IoFailure {
        let (name, seconds) = (self.name(), self.wait.as_secs_f32());
        too_late(format!(
            "{doing}: {name} has not answered for {seconds} s. It may be waiting for you to unlock it: look for its \
             window, unlock it, and try again"
        ))
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring").field("name", &self.name()).finish_non_exhaustive()
    }
}

/// What the keyring's thread has.
struct Connection {
    connect: fn() -> keyring_core::Result<Arc<CredentialStore>>,
    store: Option<Arc<CredentialStore>>,
}

impl Connection {
    /// A connection that broke (the keyring was started anew) is made again once. One that could not be made is tried
    /// anew by the next call.
    fn work<T>(&mut self, work: impl Fn(&CredentialStore) -> keyring_core::Result<T>) -> keyring_core::Result<T> {
        match work(&*self.store()?) {
            Err(Error::PlatformFailure(_)) => {
                self.store = None;
                work(&*self.store()?)
            }
            done => done,
        }
    }

    fn store(&mut self) -> keyring_core::Result<Arc<CredentialStore>> {
        if let Some(store) = &self.store {
            return Ok(Arc::clone(store));
        }
        let store = (self.connect)()?;
        self.store = Some(Arc::clone(&store));
        Ok(store)
    }
}

/// One item of a keyring. It need not exist.
pub(super) struct Item {
    keyring: Keyring,
    service: String,
    user: String,
}

impl Item {
    pub(super) fn read(&self) -> Answer<Option<Vec<u8>>> {
        let (service, user) = (self.service.clone(), self.user.clone());
        self.keyring.call("reading a credential", None, move |store| {
            match store.build(&service, &user, None)?.get_secret() {
                Ok(secret) => Ok(Some(secret)),
                Err(Error::NoEntry) => Ok(None),
                Err(error) => Err(error),
            }
        })
    }

    /// Writes it, in place if it is there.
    pub(super) fn set(&self, value: &Secret, label: &str, writing: &Writing) -> Answer<()> {
        let (service, user, value) = (self.service.clone(), self.user.clone(), value.clone());
        let label = self.keyring.backend.labelled.then(|| format!("tokenway: {label}"));
        self.keyring.call("saving a credential", Some(Writing::clone(writing)), move |store| {
            let modifiers = label.as_ref().map(|label| HashMap::from([("label", label.as_str())]));
            let entry: Entry = store.build(&service, &user, modifiers.as_ref())?;
            entry.set_secret(value.expose().as_bytes())
        })
    }

    /// Removes it; one that is not there is removed already.
    pub(super) fn remove(&self, writing: &Writing) -> Answer<()> {
        let (service, user) = (self.service.clone(), self.user.clone());
        self.keyring.call("removing a credential", Some(Writing::clone(writing)), move |store| {
            match store.build(&service, &user, None)?.delete_credential() {
                Err(Error::NoEntry) => Ok(()),
                done => done,
            }
        })
    }

    /// For people, as in "the item ...".
    pub(super) fn describe(&self) -> String {
        format!("the item {}/{} of {}", self.service, self.user, self.keyring.name())
    }
}
