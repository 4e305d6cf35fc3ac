//! Logins that outlive their process.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokenway::Client;
use tokenway::core::action::Begin;
use tokenway::core::error::{FailureKind, NextStep};
use tokenway::core::event::Callback;
use tokenway::core::snapshot::Snapshot;
use tokenway::login::{Checkpoints, FileCheckpoints};
use tokenway::store::FileStore;

use crate::parts::{Person, Setting, go};
use crate::server::{builder_at, try_to_browse};

/// Keeps what is kept, and every state that it ever was in: each is where the process can have died.
#[derive(Default)]
struct Kept {
    now: Mutex<State>,
    history: Mutex<Vec<State>>,
}

#[derive(Clone, Debug, Default)]
struct State {
    snapshot: Option<Vec<u8>>,
    redirect: Option<Callback>,
    begun: bool,
}

impl Kept {
    /// As a process finds it that comes after one that died there.
    fn after(state: &State) -> Arc<Self> {
        Arc::new(Kept { now: Mutex::new(state.clone()), history: Mutex::default() })
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut now = self.now.lock().unwrap();
        change(&mut now);
        self.history.lock().unwrap().push(now.clone());
    }

    fn history(&self) -> Vec<State> {
        self.history.lock().unwrap().clone()
    }
}

impl Checkpoints for Kept {
    fn store(&self, snapshot: Option<Snapshot>) {
        self.change(|state| match snapshot {
            Some(snapshot) => state.snapshot = Some(snapshot.as_bytes().to_vec()),
            None => *state = State::default(),
        });
    }

    fn begin(&self, begin: &Begin) -> Result<bool, String> {
        let first = !self.now.lock().unwrap().begun;
        let stub = begin.stub.as_bytes().to_vec();
        self.change(|state| *state = State { snapshot: Some(stub), redirect: None, begun: true });
        Ok(first)
    }

    fn keep_redirect(&self, redirect: Option<&Callback>) {
        self.change(|state| state.redirect = redirect.cloned());
    }

    fn kept_redirect(&self) -> Option<Callback> {
        self.now.lock().unwrap().redirect.clone()
    }
}

/// Waits for the browser until its process dies, and returns where that was.
async fn died_waiting(setting: &Setting) -> (State, String) {
    let (kept, person) = (Arc::new(Kept::default()), Person::without_browser());
    let login = tokio::spawn({
        let (client, kept, person) = (setting.client(), kept.clone(), person.clone());
        async move { client.login_kept(person, kept).await }
    });
    let url = person.shown().await.url;
    // Listening, opening, and then waiting.
    while kept.history().len() < 3 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let state = kept.history().pop().unwrap();
    login.abort();
    while kept.history().last().is_none_or(|state| state.snapshot.is_some()) {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    // The page of the cancelled login is not waited for: nobody was there.
    tokio::time::sleep(Duration::from_millis(20)).await;
    (state, url)
}

#[tokio::test]
async fn a_login_whose_process_died_waiting_goes_on_at_exactly_its_old_redirect_uri() {
    let setting = Setting::empty();
    let (state, url) = died_waiting(&setting).await;
    let kept = Kept::after(&state);
    let client = setting.client();
    let resumed = tokio::spawn({
        let (kept, snapshot) = (kept.clone(), state.snapshot.clone().unwrap());
        async move { client.resume_login(&snapshot, Person::without_browser(), kept).await }
    });
    while kept.history().len() < 2 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    // The very URL that the dead process had shown.
    go(url);
    let login = resumed.await.unwrap().unwrap();
    assert_eq!(setting.stored().await, Some(login.record));
    assert!(kept.now.lock().unwrap().snapshot.is_none());
}

#[tokio::test]
async fn a_login_whose_redirect_uri_is_taken_meanwhile_ends_and_says_so() {
    let setting = Setting::empty();
    let (state, url) = died_waiting(&setting).await;
    let redirect = url::Url::parse(&url).unwrap();
    let (_, uri) = redirect.query_pairs().find(|(name, _)| name == "redirect_uri").unwrap();
    let port = url::Url::parse(&uri).unwrap().port().unwrap();
    let _squatter = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let snapshot = state.snapshot.clone().unwrap();
    let resumed = setting.client().resume_login(&snapshot, Person::without_browser(), Kept::after(&state)).await;
    let failure = resumed.unwrap_err();
    assert_eq!((failure.kind, &failure.next), (FailureKind::Interrupted, &NextStep::LogIn));
}

#[tokio::test]
async fn a_login_can_be_resumed_wherever_its_process_died() {
    // One login that works, and every state that it left behind on its way.
    let setting = Setting::empty();
    let kept = Arc::new(Kept::default());
    setting.client().login_kept(Person::with_browser(), kept.clone()).await.unwrap();
    let history = kept.history();
    let with_redirect = history.iter().filter(|state| state.redirect.is_some()).count();
    assert!(with_redirect >= 2, "the redirect is kept before it is looked at, and while it is: {history:?}");

    for state in history.iter().filter(|state| state.redirect.is_some()) {
        // The code of that run is spent at the server by now: that it is sent again shows that nobody had to come back.
        let before = setting.server.counts().exchanges;
        let snapshot = state.snapshot.clone().unwrap();
        let end = setting.client().resume_login(&snapshot, Person::without_browser(), Kept::after(state)).await;
        assert_eq!(end.unwrap_err().kind, FailureKind::Refused);
        assert_eq!(setting.server.counts().exchanges, before + 1);
    }
    for state in history.iter().filter(|state| state.begun) {
        let before = setting.server.counts().exchanges;
        let Some(snapshot) = &state.snapshot else { continue };
        assert!(!String::from_utf8_lossy(snapshot).contains("verifier"));
        let end = setting.client().resume_login(snapshot, Person::without_browser(), Kept::after(state)).await;
        let failure = end.unwrap_err();
        assert_eq!((failure.kind, &failure.next), (FailureKind::Interrupted, &NextStep::LogIn));
        assert_eq!(setting.server.counts().exchanges, before);
    }
}

#[tokio::test]
async fn of_two_processes_that_resume_one_login_only_one_spends_the_code() {
    let setting = Setting::empty();
    let kept = Arc::new(Kept::default());
    setting.client().login_kept(Person::with_browser(), kept.clone()).await.unwrap();
    let state = kept.history().into_iter().find(|state| state.redirect.is_some()).unwrap();
    let shared = Kept::after(&state);
    let snapshot = state.snapshot.unwrap();
    let before = setting.server.counts().exchanges;
    let first = setting.client().resume_login(&snapshot, Person::without_browser(), shared.clone()).await;
    assert_eq!(first.unwrap_err().kind, FailureKind::Refused);
    // The first one has ended, and removed everything: the second comes with the bytes it had read before.
    *shared.now.lock().unwrap() = State { begun: true, redirect: state.redirect, snapshot: None };
    let second = setting.client().resume_login(&snapshot, Person::without_browser(), shared).await;
    assert_eq!(second.unwrap_err().kind, FailureKind::Interrupted);
    assert_eq!(setting.server.counts().exchanges, before + 1);
}

/// Where the process that is to die finds the server and its home, and how it tells the URL.
const SERVER: &str = "TOKENWAY_TEST_SERVER";
const HOME: &str = "TOKENWAY_TEST_HOME";

/// Not a test of its own: started by the one below, it waits for its redirect until it is killed.
#[test]
fn the_process_that_dies() {
    let (Ok(server), Ok(home)) = (std::env::var(SERVER), std::env::var(HOME)) else { return };
    let config = builder_at(&server).build().unwrap();
    let checkpoints = Arc::new(FileCheckpoints::new(&home, config.key()));
    let client = Client::builder(config).store(Arc::new(FileStore::new(&home))).build().unwrap();
    let person = Person::without_browser();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let login = tokio::spawn({
            let person = person.clone();
            async move { client.login_kept(person, checkpoints).await }
        });
        let shown = person.shown().await;
        std::fs::write(Path::new(&home).join("url"), shown.url).unwrap();
        login.await.unwrap().unwrap();
    });
}

#[tokio::test]
async fn a_login_goes_on_in_another_process_after_a_kill() {
    let setting = Setting::empty();
    let home = setting.folder.path();
    let mut process = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "resuming::the_process_that_dies"])
        .env(SERVER, setting.server.url(""))
        .env(HOME, home)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let kept = Arc::new(FileCheckpoints::new(home, setting.config.key()));
    let url = loop {
        let waits = kept.load().unwrap().is_some_and(|bytes| String::from_utf8_lossy(&bytes).contains("callback"));
        match std::fs::read_to_string(home.join("url")) {
            Ok(url) if waits && !url.is_empty() => break url,
            _ => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    };
    process.kill().unwrap();
    process.wait().unwrap();

    let snapshot = kept.load().unwrap().unwrap();
    let resumed = tokio::spawn({
        let (client, kept) = (setting.client(), kept.clone());
        async move { client.resume_login(&snapshot, Person::without_browser(), kept).await }
    });
    // A person whose browser finds nobody there reloads the page.
    tokio::task::spawn_blocking(move || while try_to_browse(&url).is_err() {}).await.unwrap();
    let login = resumed.await.unwrap().unwrap();
    assert_eq!(setting.stored().await, Some(login.record));
    assert_eq!(kept.load().unwrap(), None);
}

#[tokio::test]
async fn bytes_that_are_no_snapshot_are_refused_with_a_sentence() {
    let setting = Setting::empty();
    let end = setting.client().resume_login(b"{}", Person::without_browser(), Arc::new(Kept::default())).await;
    let failure = end.unwrap_err();
    assert_eq!((failure.kind, &failure.next), (FailureKind::Interrupted, &NextStep::LogIn));
}
