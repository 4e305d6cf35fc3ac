//! `tokenway store import PROVIDER`: a login of the program that tokenway grew out of.

use std::path::Path;

use serde_json::json;
use tokenway::driver;
use tokenway::store::{Answer as StoreAnswer, Keyring, SEED_SERVICE, SaveAnswer, seed_credentials};
use tokenway_core::action::{Load, Save};
use tokenway_core::lifecycle::record::{Mark, Record};
use tokenway_core::secret::Secret;

use crate::args::ImportArgs;
use crate::exit::Stopped;
use crate::output::{Answer, say};
use crate::settings::{Purpose, Settings};
use crate::text::who;

/// Where that program looks for its passphrase.
const PASSWORD: &str = "AETHER_CREDENTIALS_PASSWORD";

pub(crate) async fn run(args: &ImportArgs) -> Result<Answer, Stopped> {
    let settings = Settings::named(&args.target, Purpose::Look)?;
    let key = settings.config.key().clone();
    let name = args.name.clone().unwrap_or_else(|| key.provider.clone());
    let place = args.file.as_ref().map_or_else(|| "the keyring".to_owned(), |file| file.display().to_string());
    let Some(value) = found(args.file.as_deref(), &name)? else {
        return Err(Stopped::usage(format!("there is no credential called {name:?} in {place}"))
            .with_next("Name it with --name, or its file with --file."));
    };
    let moment = driver::moment().map_err(|failure| Stopped::failure(failure, &settings.login_command))?;
    let record = Record::import(value.expose(), &settings.config, &moment)
        .map_err(|error| Stopped::configuration(format!("the credential {name:?} in {place}: {error}")))?;
    let settings = settings.for_login().await?;
    let failed = |failure: tokenway_core::http::IoFailure| Stopped::configuration(failure.detail);
    let there = settings.store.load(&Load { key: key.clone() }).await.map_err(failed)?;
    if there.as_ref().is_some_and(|there| there.mark == Mark::LoggedIn) {
        return Err(Stopped::usage(format!("somebody is logged in already: {key}"))
            .with_next("To keep both: --account LABEL. To log out: tokenway logout."));
    }
    let expected = there.map(|there| there.version());
    let save = Save { key: key.clone(), expected, record: Box::new(record) };
    if settings.store.save(&save).await.map_err(failed)? != SaveAnswer::Saved {
        return Err(Stopped::usage(format!("somebody logged in meanwhile: {key}")));
    }
    settings.logged_in()?;
    say("The program that it came from must not use it any more: two owners of one refresh token end in a logout.");
    let name = who(&save.record.claims).map(|who| format!(" of {who}")).unwrap_or_default();
    let text = format!("The login{name} was taken over: {key}.");
    Ok(Answer { text, json: json!({ "key": key, "store": settings.kind.name() }) })
}

fn found(file: Option<&Path>, name: &str) -> Result<Option<Secret>, Stopped> {
    let found: StoreAnswer<Option<Secret>> = match file {
        Some(file) => {
            let passphrase = std::env::var(PASSWORD).ok().filter(|text| !text.is_empty());
            let Some(passphrase) = passphrase.map(Secret::new) else {
                return Err(Stopped::configuration(format!("{} needs a passphrase", file.display()))
                    .with_next(format!("Set {PASSWORD}.")));
            };
            seed_credentials(file, &passphrase).map(|mut all| all.remove(name))
        }
        None => Keyring::of_the_system().read(SEED_SERVICE, name),
    };
    found.map_err(|failure| Stopped::configuration(failure.detail))
}
