//! Who is logged in, without asking a server.

use tokenway_core::action::Load;
use tokenway_core::config::Config;
use tokenway_core::error::{Failure, FlowStep};
use tokenway_core::lifecycle::record::{CredentialKey, Mark};
use tokenway_core::lifecycle::{Standing, Wish, standing};
use tokenway_core::moment::UnixMillis;
use tokenway_core::named::Named;

use crate::driver::now;
use crate::store::Store;

/// A credential as it lies in the store.
#[derive(Clone, Debug)]
pub struct Status {
    /// Which credential.
    pub key: CredentialKey,
    /// Where its secrets lie, for people.
    pub store: String,
    /// `None`: nobody is logged in.
    pub login: Option<LoggedInStatus>,
}

/// A login as it lies in the store.
#[derive(Clone, Debug)]
pub struct LoggedInStatus {
    /// Who, as the tokens say.
    pub claims: Named<String>,
    /// The granted scopes, when known.
    pub scopes: Option<Vec<String>>,
    /// When the access token dies, in milliseconds since 1970; `None` when unknown.
    pub expires_at: Option<UnixMillis>,
    /// When it will be renewed, in milliseconds since 1970.
    pub due_at: Option<UnixMillis>,
    /// Whether it is fresh, due or dead.
    pub standing: Standing,
    /// Whether it can be renewed.
    pub renewable: bool,
    /// When the tokens were received.
    pub renewed_at: UnixMillis,
}

pub(super) async fn status(store: &dyn Store, config: &Config) -> Result<Status, Box<Failure>> {
    let key = config.key().clone();
    let record = store
        .load(&Load { key: key.clone() })
        .await
        .map_err(|failure| Box::new(super::store_failure(FlowStep::Loading, failure.detail)))?;
    let login = record.filter(|record| record.mark == Mark::LoggedIn).map(|record| LoggedInStatus {
        standing: standing(&record, &Wish::default(), now()),
        renewable: record.refresh_token.is_some(),
        claims: record.claims,
        scopes: record.scopes,
        expires_at: record.expires_at,
        due_at: record.due_at,
        renewed_at: record.renewed_at,
    });
    Ok(Status { key, store: store.describe(), login })
}
