//! From flags to a configuration and a client.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokenway::Client;
use tokenway::driver::Observer;
use tokenway::home;
use tokenway::http::{HttpOptions, ReqwestHttp};
use tokenway::store::{ClientSecrets, Store};
use tokenway_core::config::{AuthenticationMethod, Config, ConfigError, Timing};
use tokenway_core::lifecycle::record::CredentialKey;
use tokenway_core::moment::Millis;
use tokenway_core::provider::Provider;
use tokenway_core::secret::Secret;

use crate::args::{StoreKind, Target, TimingArgs};
use crate::exit::Stopped;
use crate::stores::Stores;
use crate::text::login_command;

/// The user's own providers, beside the logins.
const PROVIDERS_FILE: &str = "providers.json";

/// An extra certificate authority, as a PEM file.
const CA_VARIABLE: &str = "TOKENWAY_CA_FILE";

/// What one command works with.
pub(crate) struct Settings {
    pub(crate) config: Config,
    pub(crate) store: Arc<dyn Store>,
    /// Which one that is.
    pub(crate) kind: StoreKind,
    stores: Arc<Stores>,
    /// The store was chosen just now, for a login that is not there yet.
    is_chosen_now: bool,
    /// The command that logs in again.
    pub(crate) login_command: String,
}

/// What a command is going to do with a login.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    /// Look at it, or end it: works without the client's secret.
    Look,
    /// Get tokens, in this time.
    Tokens(TimingArgs),
}

impl Settings {
    /// For a command that names what it is about.
    pub(crate) fn named(target: &Target, purpose: Purpose) -> Result<Self, Stopped> {
        Settings::named_in(&Stores::open(target.common.store)?, target, purpose)
    }

    fn named_in(stores: &Arc<Stores>, target: &Target, purpose: Purpose) -> Result<Self, Stopped> {
        let providers = providers()?;
        let provider = match (&target.provider, &target.issuer) {
            (Some(_), Some(_)) => return Err(Stopped::usage("give a provider's name or --issuer, not both")),
            (Some(name), None) => by_name(&providers, name)?,
            (None, Some(issuer)) => Provider::generic(issuer),
            (None, None) => {
                return Err(Stopped::usage("which provider? Give its name or --issuer URL")
                    .with_next("Known by name: see `tokenway providers`."));
            }
        };
        Settings::of(provider, target, purpose, stores, &providers)
    }

    /// For a command that may leave out what it is about: then it is the only login there is, or the only one at that
    /// server.
    pub(crate) async fn named_or_only(target: &Target, purpose: Purpose) -> Result<Self, Stopped> {
        let server = target.provider.as_ref().or(target.issuer.as_ref());
        let stores = Stores::open(target.common.store)?;
        let named = server.map(|_| Settings::named_in(&stores, target, purpose));
        if let Some(Ok(settings)) = named {
            return Ok(settings);
        }
        let keys = stores.logins().await?;
        let found: Vec<&CredentialKey> = keys.iter().filter(|key| target.fits(key)).collect();
        match (&found[..], named) {
            ([key], _) => Settings::of_stored(&stores, key, target, purpose),
            ([], Some(named)) => named,
            ([], None) => Err(Stopped::new(crate::exit::Code::LogIn, "nobody is logged in")
                .with_next("Log in: tokenway login PROVIDER, or tokenway login --issuer URL --client-id ID")),
            (several, _) => {
                let names: Vec<String> = several.iter().map(|key| format!("  {key}")).collect();
                Err(Stopped::usage("there are several logins; say which one").with_next(format!(
                    "{}\nGive the provider's name or --issuer URL, and --client-id or --account.",
                    names.join("\n")
                )))
            }
        }
    }

    /// For a credential that was found in the store.
    pub(crate) fn of_stored(
        stores: &Arc<Stores>,
        key: &CredentialKey,
        target: &Target,
        purpose: Purpose,
    ) -> Result<Self, Stopped> {
        let providers = providers()?;
        let provider = match providers.iter().find(|provider| provider.id == key.provider) {
            Some(provider) => provider.clone(),
            None if key.provider.contains("://") => Provider::generic(&key.provider),
            None => {
                let seen = format!("{key}: there is no provider of that name any more");
                return Err(Stopped::configuration(seen).with_next(format!("Put it back into {PROVIDERS_FILE}.")));
            }
        };
        let target =
            Target { client_id: Some(key.client_id.clone()), account: Some(key.account.clone()), ..target.clone() };
        Settings::of(provider, &target, purpose, stores, &providers)
    }

    fn of(
        mut provider: Provider,
        target: &Target,
        purpose: Purpose,
        stores: &Arc<Stores>,
        providers: &[Provider],
    ) -> Result<Self, Stopped> {
        let known = providers.iter().find(|known| known.id == provider.id).cloned();
        let timing = match purpose {
            Purpose::Look => TimingArgs::default(),
            Purpose::Tokens(timing) => timing,
        };
        let secret = client_secret(target, &provider)?;
        if matches!(purpose, Purpose::Look) && secret.is_none() {
            provider.client_authentication = AuthenticationMethod::PublicClient;
        }
        let mut builder = Config::builder(provider).timing(with_timing(timing));
        if let Some(client_id) = &target.client_id {
            builder = builder.client_id(client_id);
        }
        if let Some(secret) = secret {
            builder = builder.client_secret(secret);
        }
        let scopes: Vec<&str> = target.scope.iter().flat_map(|scopes| scopes.split_ascii_whitespace()).collect();
        if !scopes.is_empty() {
            builder = builder.scopes(scopes);
        }
        for resource in &target.resource {
            builder = builder.resource(resource);
        }
        if let Some(uri) = &target.redirect_uri {
            builder = builder.redirect_uri(uri);
        }
        if let Some(account) = &target.account {
            builder = builder.account(account);
        }
        let config = builder.build().map_err(unusable)?;
        let login_command = login_command(config.key(), known.as_ref(), target);
        let (kind, store) = stores.of(config.key())?;
        Ok(Settings { config, store, kind, stores: Arc::clone(stores), is_chosen_now: false, login_command })
    }

    /// For a login: where there is none, the store is chosen, and the choice remembered, before the browser opens. The
    /// other way round a login whose choice could not be remembered would be lost.
    pub(crate) async fn for_login(mut self) -> Result<Self, Stopped> {
        (self.kind, self.store, self.is_chosen_now) = self.stores.choose(self.config.key()).await?;
        Ok(self)
    }

    /// The login is there: from now on it is found there. Tells of another one that is hidden by that.
    pub(crate) fn logged_in(&self) -> Result<(), Stopped> {
        self.stores.pin(self.config.key(), self.kind)
    }

    /// No login came: the store that was chosen for it is not remembered. Programs that use the library would look there.
    pub(crate) async fn not_logged_in(&self) -> Result<(), Stopped> {
        if self.is_chosen_now { self.logged_out().await } else { Ok(()) }
    }

    /// The login is gone.
    pub(crate) async fn logged_out(&self) -> Result<(), Stopped> {
        self.stores.unpin(self.config.key(), self.kind).await
    }

    /// The configuration with another time to wait for the person.
    pub(crate) fn with_login_timeout(mut self, timeout: Option<std::time::Duration>) -> Self {
        if let Some(timeout) = timeout {
            self.config = self.config.with_login_timeout(millis(timeout));
        }
        self
    }

    /// A client that is watched.
    pub(crate) fn client(&self, observer: Arc<dyn Observer>) -> Result<Client, Stopped> {
        let http = ReqwestHttp::new(HttpOptions { extra_ca: extra_ca(), ..HttpOptions::default() });
        Client::builder(self.config.clone())
            .store(Arc::clone(&self.store))
            .http(Arc::new(http))
            .observer(observer)
            .build()
            .map_err(|error| Stopped::configuration(error.to_string()))
    }
}

/// The file with certificate authorities that are trusted besides the system's.
pub(crate) fn extra_ca() -> Option<PathBuf> {
    std::env::var_os(CA_VARIABLE).filter(|file| !file.is_empty()).map(PathBuf::from)
}

/// Built-in providers, and the user's own, which win.
pub(crate) fn providers() -> Result<Vec<Provider>, Stopped> {
    let unreadable = |error: tokenway_core::provider::UnreadableProviders| Stopped::configuration(error.to_string());
    let mut all = Provider::built_in().map_err(unreadable)?;
    let file = home_folder()?.join(PROVIDERS_FILE);
    let own = match std::fs::read_to_string(&file) {
        Ok(text) => Provider::read_list(&text)
            .map_err(|error| Stopped::configuration(format!("{}: {error}", file.display())))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(Stopped::configuration(format!("{}: {error}", file.display()))),
    };
    all.retain(|provider| !own.iter().any(|own| own.id == provider.id));
    all.extend(own);
    all.sort_by(|one, other| one.id.cmp(&other.id));
    Ok(all)
}

/// A setting that cannot work, with the flag that sets it.
fn unusable(error: ConfigError) -> Stopped {
    let flag = match error.setting {
        "account" => "--account LABEL",
        "client_id" => "--client-id ID",
        "client_secret" => "--client-secret-file FILE",
        "issuer" => "--issuer URL",
        "redirect_uri" => "--redirect-uri URI",
        "request_deadline" => "--request-deadline SECONDS",
        "resource" => "--resource URI",
        "scopes" => "--scope SCOPE",
        _ => {
            return Stopped::configuration(error.to_string())
                .with_next(format!("See {PROVIDERS_FILE} in TOKENWAY_HOME."));
        }
    };
    Stopped::configuration(error.to_string()).with_next(format!("Set it with {flag}."))
}

fn by_name(providers: &[Provider], name: &str) -> Result<Provider, Stopped> {
    let found = providers.iter().find(|provider| provider.id == name).cloned();
    found.ok_or_else(|| {
        let names: Vec<&str> = providers.iter().map(|provider| provider.id.as_str()).collect();
        Stopped::usage(format!("there is no provider called {name:?}"))
            .with_next(format!("Known by name: {}. Any other server: --issuer URL.", names.join(", ")))
    })
}

pub(crate) fn home_folder() -> Result<PathBuf, Stopped> {
    home::folder().map_err(|error| Stopped::configuration(error.to_string()))
}

/// The secret that was named, or came with an import.
fn client_secret(target: &Target, provider: &Provider) -> Result<Option<Secret>, Stopped> {
    if let Some(file) = &target.client_secret_file {
        return secret_file(file).map(Some);
    }
    let Some(client_id) = target.client_id.as_ref().or(provider.client_id.as_ref()) else { return Ok(None) };
    let kept = ClientSecrets::new(home_folder()?).secret_of(&provider.id, client_id);
    kept.map_err(|failure| Stopped::configuration(failure.detail))
}

fn secret_file(file: &Path) -> Result<Secret, Stopped> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Stopped::configuration(format!("the client's secret in {}: {error}", file.display())))?;
    Ok(Secret::new(text.trim_end_matches(['\r', '\n'])))
}

fn with_timing(args: TimingArgs) -> Timing {
    let mut timing = Timing::default();
    if let Some(deadline) = args.request_deadline {
        timing.request_deadline = millis(deadline);
    }
    if let Some(interval) = args.reject_interval {
        timing.reject_interval = millis(interval);
    }
    timing
}

fn millis(span: std::time::Duration) -> Millis {
    Millis(u64::try_from(span.as_millis()).unwrap_or(u64::MAX))
}
