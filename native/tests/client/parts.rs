//! What the tests are made of: a home folder, a store that watches, a person.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;
use tokenway::Client;
use tokenway::core::action::{Delete, LeaseNumber, Load, Lock, Note, Save, Unlock};
use tokenway::core::config::Config;
use tokenway::core::http::{IoFailure, IoFailureKind, Sent};
use tokenway::core::lifecycle::record::{CredentialKey, Record};
use tokenway::core::moment::{Millis, UnixMillis};
use tokenway::core::named::Named;
use tokenway::core::secret::Secret;
use tokenway::driver::now;
use tokenway::http::BoxFuture;
use tokenway::login::{LoginUi, Shown};
use tokenway::store::conformance::sample_record;
use tokenway::store::{
    Answer, DeleteAnswer, FileStore, LockAnswer, NoteAnswer, SaveAnswer, Stamp, Store, UnlockAnswer,
};
use tokio::sync::{oneshot, watch};
use tokio::task::yield_now;
use url::Url;

use crate::server::{Server, get, location, try_to_browse};

/// A server, a home folder and a record whose access token is `access-old` and whose refresh token the server takes.
pub(crate) struct Setting {
    pub(crate) server: Server,
    pub(crate) config: Config,
    pub(crate) folder: TempDir,
}

impl Setting {
    /// Nobody is logged in.
    pub(crate) fn empty() -> Self {
        let server = Server::start();
        let config = server.config();
        Setting { server, config, folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) async fn expired() -> Self {
        let setting = Setting::empty();
        setting.put(1, "old", now().minus(Millis::seconds(10))).await;
        setting
    }

    pub(crate) async fn fresh() -> Self {
        let setting = Setting::empty();
        setting.put(1, "old", now().plus(Millis::seconds(3_600))).await;
        setting
    }

    /// Due, and alive for another minute.
    pub(crate) async fn due() -> Self {
        let setting = Setting::empty();
        let mut record = setting.record(1, "old", now().plus(Millis::seconds(60)));
        record.due_at = Some(now().minus(Millis::seconds(1)));
        setting.save(record).await;
        setting
    }

    pub(crate) fn with_config(self, config: Config) -> Self {
        Setting { config, ..self }
    }

    pub(crate) fn files(&self) -> Arc<FileStore> {
        Arc::new(FileStore::new(self.folder.path()))
    }

    pub(crate) fn client(&self) -> Client {
        self.client_on(self.files())
    }

    pub(crate) fn client_on(&self, store: Arc<dyn Store>) -> Client {
        Client::builder(self.config.clone()).store(store).build().unwrap()
    }

    pub(crate) fn watched(&self) -> Arc<Watched> {
        Watched::new(self.files())
    }

    /// As another process does: writes over whatever there is.
    pub(crate) async fn put(&self, generation: u64, name: &str, expires_at: UnixMillis) {
        self.save(self.record(generation, name, expires_at)).await;
    }

    async fn save(&self, record: Record) {
        let expected = self.stored().await.map(|stored| stored.version());
        let save = Save { key: self.config.key().clone(), expected, record: Box::new(record) };
        assert_eq!(self.files().save(&save).await.unwrap(), SaveAnswer::Saved);
    }

    fn record(&self, generation: u64, name: &str, expires_at: UnixMillis) -> Record {
        self.server.grants(&format!("refresh-{name}"));
        Record {
            token_endpoint: self.server.url("/token"),
            revocation_endpoint: Some(self.server.url("/revoke")),
            client_id: "native".to_owned(),
            issuer: None,
            claims: Named::new(),
            expires_at: Some(expires_at),
            renewed_from: None,
            renewed_for_rejection: false,
            ..sample_record("login", generation, name)
        }
    }

    /// What another process finds.
    pub(crate) async fn stored(&self) -> Option<Box<Record>> {
        self.files().load(&Load { key: self.config.key().clone() }).await.unwrap()
    }

    pub(crate) async fn stored_token(&self) -> Option<String> {
        self.stored().await.map(|record| record.access_token.expose().to_owned())
    }
}

/// A store that counts its calls, and fails or panics when told to.
pub(crate) struct Watched {
    inner: Arc<dyn Store>,
    pub(crate) saves_fail: AtomicBool,
    pub(crate) loads_fail: AtomicBool,
    /// Panics once, at the call of this name.
    pub(crate) panics_at: Mutex<Option<&'static str>>,
    /// The next load is answered only when this completes, with what was there before.
    slow_load: Mutex<Option<oneshot::Receiver<()>>>,
    pub(crate) stamps: AtomicUsize,
    /// There is an await before and after each call.
    pub(crate) halts: AtomicBool,
    /// All calls but stamps.
    calls: watch::Sender<usize>,
}

impl Watched {
    fn new(inner: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Watched {
            inner,
            saves_fail: AtomicBool::new(false),
            loads_fail: AtomicBool::new(false),
            panics_at: Mutex::new(None),
            slow_load: Mutex::new(None),
            stamps: AtomicUsize::new(0),
            halts: AtomicBool::new(false),
            calls: watch::Sender::new(0),
        })
    }

    pub(crate) fn calls(&self) -> usize {
        *self.calls.borrow()
    }

    pub(crate) fn stamps(&self) -> usize {
        self.stamps.load(Ordering::SeqCst)
    }

    /// Completes when so many calls have begun.
    pub(crate) async fn called(&self, times: usize) {
        self.calls.subscribe().wait_for(|calls| *calls >= times).await.unwrap();
    }

    /// Makes the next load slow. What it gives ends the wait.
    pub(crate) fn slows_next_load(&self) -> oneshot::Sender<()> {
        let (go, slow) = oneshot::channel();
        *self.slow_load.lock().unwrap() = Some(slow);
        go
    }

    fn enter(&self, name: &'static str) {
        self.calls.send_modify(|calls| *calls += 1);
        self.panic_if_told(name);
    }

    async fn answer<T>(&self, work: impl Future<Output = T>) -> T {
        if self.halts.load(Ordering::SeqCst) { halting(work).await } else { work.await }
    }

    fn panic_if_told(&self, name: &'static str) {
        let told = {
            let mut panics_at = self.panics_at.lock().unwrap();
            panics_at.take_if(|at| *at == name).is_some()
        };
        assert!(!told, "this store was told to panic at {name}");
    }
}

/// With an await before and after it.
pub(crate) async fn halting<T>(work: impl Future<Output = T>) -> T {
    yield_now().await;
    let done = work.await;
    yield_now().await;
    done
}

fn trouble<T>() -> Answer<T> {
    let detail = "no space left on device".to_owned();
    Err(IoFailure { sent: Sent::NotSent, kind: IoFailureKind::Unable, detail })
}

impl Store for Watched {
    fn load<'a>(&'a self, load: &'a Load) -> tokenway::store::BoxFuture<'a, Answer<Option<Box<Record>>>> {
        self.enter("load");
        if self.loads_fail.load(Ordering::SeqCst) {
            return Box::pin(async { trouble() });
        }
        let slow = self.slow_load.lock().unwrap().take();
        Box::pin(async move {
            let loaded = self.answer(self.inner.load(load)).await;
            if let Some(slow) = slow {
                slow.await.unwrap();
            }
            loaded
        })
    }

    fn save<'a>(&'a self, save: &'a Save) -> tokenway::store::BoxFuture<'a, Answer<SaveAnswer>> {
        self.enter("save");
        if self.saves_fail.load(Ordering::SeqCst) {
            return Box::pin(async { trouble() });
        }
        Box::pin(self.answer(self.inner.save(save)))
    }

    fn delete<'a>(&'a self, delete: &'a Delete) -> tokenway::store::BoxFuture<'a, Answer<DeleteAnswer>> {
        self.enter("delete");
        Box::pin(self.answer(self.inner.delete(delete)))
    }

    fn lock<'a>(&'a self, lock: &'a Lock) -> tokenway::store::BoxFuture<'a, Answer<LockAnswer>> {
        self.enter("lock");
        Box::pin(self.answer(self.inner.lock(lock)))
    }

    fn note<'a>(&'a self, note: &'a Note) -> tokenway::store::BoxFuture<'a, Answer<NoteAnswer>> {
        self.enter("note");
        Box::pin(self.answer(self.inner.note(note)))
    }

    fn unlock<'a>(&'a self, unlock: &'a Unlock) -> tokenway::store::BoxFuture<'a, Answer<UnlockAnswer>> {
        self.enter("unlock");
        Box::pin(self.answer(self.inner.unlock(unlock)))
    }

    fn holds(&self, key: &CredentialKey, lease: LeaseNumber) -> bool {
        self.panic_if_told("holds");
        self.inner.holds(key, lease)
    }

    fn stamp<'a>(&'a self, key: &'a CredentialKey) -> tokenway::store::BoxFuture<'a, Stamp> {
        self.stamps.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move {
            self.panic_if_told("stamp");
            self.inner.stamp(key).await
        })
    }

    fn list(&self) -> tokenway::store::BoxFuture<'_, Answer<Vec<CredentialKey>>> {
        self.inner.list()
    }

    fn probe(&self) -> tokenway::store::BoxFuture<'_, Answer<()>> {
        self.inner.probe()
    }

    fn describe(&self) -> String {
        self.inner.describe()
    }
}

/// A person with a browser, or without one: then what is shown can be read.
pub(crate) struct Person {
    browses: bool,
    shown: watch::Sender<Option<Shown>>,
    pub(crate) pastes: Mutex<Vec<String>>,
    pub(crate) refused_pastes: Mutex<Vec<String>>,
    pub(crate) told_no_browser: AtomicBool,
}

impl Person {
    pub(crate) fn with_browser() -> Arc<Self> {
        Self::new(true)
    }

    pub(crate) fn without_browser() -> Arc<Self> {
        Self::new(false)
    }

    fn new(browses: bool) -> Arc<Self> {
        Arc::new(Person {
            browses,
            shown: watch::Sender::new(None),
            pastes: Mutex::default(),
            refused_pastes: Mutex::default(),
            told_no_browser: AtomicBool::new(false),
        })
    }

    /// What they were shown, once they were.
    pub(crate) async fn shown(&self) -> Shown {
        let mut shown = self.shown.subscribe();
        shown.wait_for(Option::is_some).await.unwrap().clone().unwrap()
    }

    /// The URL that the server sends the person back to.
    pub(crate) async fn redirect(&self) -> String {
        let url = self.shown().await.url;
        let answer = tokio::task::spawn_blocking(move || get(&Url::parse(&url).unwrap()).unwrap()).await.unwrap();
        location(&answer).unwrap()
    }
}

impl LoginUi for Person {
    fn show(&self, shown: &Shown) {
        self.shown.send_replace(Some(shown.clone()));
    }

    fn open<'a>(&'a self, url: &'a str) -> BoxFuture<'a, bool> {
        if self.browses {
            go(url.to_owned());
        }
        Box::pin(async { self.browses })
    }

    fn no_browser(&self) {
        self.told_no_browser.store(true, Ordering::SeqCst);
    }

    fn pasted(&self) -> BoxFuture<'_, Secret> {
        Box::pin(async {
            loop {
                if let Some(paste) = self.pastes.lock().unwrap().pop() {
                    return Secret::new(paste);
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
    }

    fn paste_refused(&self, sentence: &str) {
        self.refused_pastes.lock().unwrap().push(sentence.to_owned());
    }
}

/// Browses on a thread of its own. A login that was given up answers nobody.
pub(crate) fn go(url: String) {
    std::thread::spawn(move || try_to_browse(&url).ok());
}
