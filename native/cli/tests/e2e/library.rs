//! The library, in the tests' own process, on logins that the server gave without a browser.

use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;
use tokenway::Client;
use tokenway::http::{Http, ReqwestHttp};
use tokenway::store::conformance::sample_record;
use tokenway::store::{FileStore, SaveAnswer, Store};
use tokenway_core::action::{Load, Save};
use tokenway_core::config::{Config, Timing};
use tokenway_core::error::{Failure, NextStep};
use tokenway_core::lifecycle::record::Record;
use tokenway_core::moment::{Millis, UnixMillis};
use tokenway_core::named::Named;
use tokenway_core::provider::Provider;
use tokenway_core::secret::Secret;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::peer::Peer;
use crate::refresh_trouble::HONEST;

/// More than cores, because most of a case is a wait.
const AT_ONCE: usize = 32;

/// A folder for logins at one server.
pub(crate) struct Library {
    home: TempDir,
    issuer: String,
    http: Arc<dyn Http>,
}

/// One login of it.
pub(crate) struct Login {
    config: Config,
    store: Arc<FileStore>,
    http: Arc<dyn Http>,
}

/// What came of a request for a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    HonestSentence,
    Token(String),
}

/// How many ended in which way.
#[derive(Debug, Default)]
pub(crate) struct Ends {
    pub(crate) tokens: u64,
    pub(crate) honest: u64,
}

impl Library {
    pub(crate) fn of(peer: &Peer) -> Self {
        let http = Arc::new(ReqwestHttp::default());
        Library { home: tempfile::tempdir().unwrap(), issuer: peer.issuer().to_owned(), http }
    }

    /// The same with requests of another kind.
    pub(crate) fn with_http(self, http: Arc<dyn Http>) -> Self {
        Library { http, ..self }
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Somebody is logged in; the access token is dead, and its renewal is asked for at `token_endpoint`.
    pub(crate) async fn login(&self, peer: &Peer, account: &str, token_endpoint: &str, timing: Timing) -> Login {
        let login = self.known(account, timing);
        login.put(dead(peer, token_endpoint)).await;
        login
    }

    /// A login that lies there.
    pub(crate) fn known(&self, account: &str, timing: Timing) -> Login {
        Login::within(self.home(), &self.issuer, account, timing, Arc::clone(&self.http))
    }
}

impl Login {
    pub(crate) fn within(home: &Path, issuer: &str, account: &str, timing: Timing, http: Arc<dyn Http>) -> Self {
        let builder = Config::builder(Provider::generic(issuer)).client_id("native").account(account).timing(timing);
        Login { config: builder.build().unwrap(), store: Arc::new(FileStore::new(home)), http }
    }

    /// A client with a store of its own, as another process has it.
    pub(crate) fn client(&self) -> Client {
        Client::builder(self.config.clone()).store(self.store.clone()).http(Arc::clone(&self.http)).build().unwrap()
    }

    pub(crate) async fn record(&self) -> Record {
        *self.store.load(&Load { key: self.config.key().clone() }).await.unwrap().unwrap()
    }

    /// Writes over whatever is there.
    pub(crate) async fn put(&self, record: Record) {
        let load = Load { key: self.config.key().clone() };
        let expected = self.store.load(&load).await.unwrap().map(|stored| stored.version());
        let save = Save { key: load.key, expected, record: Box::new(record) };
        assert_eq!(self.store.save(&save).await.unwrap(), SaveAnswer::Saved);
    }

    /// Asks until there is an answer that stays, and keeps every wait that it is told.
    pub(crate) async fn end(&self) -> End {
        let client = self.client();
        let end = loop {
            match client.token().await {
                Ok(token) => break End::Token(token.secret().expose().to_owned()),
                Err(failure) => match retry_at(&failure) {
                    Some(at) => sleep_until(at).await,
                    None => break honest(&failure),
                },
            }
        };
        client.close().await;
        end
    }
}

impl Ends {
    /// Counts, and asks the server whether the token is good.
    pub(crate) fn of(peer: &Peer, ends: Vec<End>) -> Self {
        let mut counted = Ends::default();
        for end in ends {
            match end {
                End::HonestSentence => counted.honest += 1,
                End::Token(token) => {
                    assert_eq!(peer.whose(&token), "alice");
                    counted.tokens += 1;
                }
            }
        }
        counted
    }
}

/// A login that the server gave; its access token is dead.
pub(crate) fn dead(peer: &Peer, token_endpoint: &str) -> Record {
    Record {
        token_endpoint: token_endpoint.to_owned(),
        client_id: "native".to_owned(),
        issuer: Some(peer.issuer().to_owned()),
        refresh_token: Some(Secret::new(peer.issue())),
        scopes: None,
        claims: Named::from([("sub".to_owned(), "alice".to_owned())]),
        renewed_from: None,
        ..sample_record("login", 1, "dead")
    }
}

pub(crate) fn deadline(request_deadline: Millis) -> Timing {
    Timing { request_deadline, reject_interval: Millis::ZERO, ..Timing::default() }
}

/// When to ask again, if that is what is to be done.
pub(crate) fn retry_at(failure: &Failure) -> Option<UnixMillis> {
    match failure.next {
        NextStep::OutcomeUnknown { retry_at: at } | NextStep::RetryAt { at } => Some(at),
        NextStep::AskUser { .. } | NextStep::FixConfiguration { .. } | NextStep::LogIn | NextStep::ReportBug => None,
    }
}

pub(crate) async fn sleep_until(at: UnixMillis) {
    tokio::time::sleep(std::time::Duration::from_millis(at.since(tokenway::driver::now()).0)).await;
}

/// Nothing else ends a login here.
fn honest(failure: &Failure) -> End {
    assert_eq!(failure.next, NextStep::LogIn, "{failure}");
    assert!(failure.detail.contains(HONEST), "{failure}");
    End::HonestSentence
}

/// Does something with each, many at a time.
pub(crate) async fn each<C, T, F>(cases: impl IntoIterator<Item = C>, work: impl Fn(C) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let free = Arc::new(Semaphore::new(AT_ONCE));
    let mut crowd = JoinSet::new();
    for case in cases {
        let (free, case) = (Arc::clone(&free), work(case));
        crowd.spawn(async move {
            let _place = free.acquire().await.unwrap();
            case.await
        });
    }
    crowd.join_all().await
}
