//! `tokenway import --from PROGRAM`: a login that another program keeps. That program's files are only read.

use serde_json::json;
use tokenway::driver;
use tokenway::store::{ClientSecrets, SaveAnswer};
use tokenway_core::action::{Load, Save};
use tokenway_core::http::IoFailure;
use tokenway_core::lifecycle::record::{Mark, Record};

use crate::args::{ImportArgs, Source};
use crate::exit::Stopped;
use crate::output::{Answer, say};
use crate::settings::{Purpose, Settings, home_folder};
use crate::text::who;

mod sources;

use sources::Found;

pub(crate) async fn run(args: &ImportArgs) -> Result<Answer, Stopped> {
    let mut target = args.target.clone();
    if target.provider.is_none() && target.issuer.is_none() {
        target.provider = sources::provider(args.from).map(str::to_owned);
    }
    let Found { login, place } = sources::find(args, &target)?;
    if args.from == Source::Gcloud && target.client_id.is_none() {
        target.client_id.clone_from(&login.client_id);
    }
    let settings = Settings::named(&target, Purpose::Look)?;
    let key = settings.config.key().clone();
    let client_secret = login.client_secret.clone();
    let moment = driver::moment().map_err(|failure| Stopped::failure(failure, &settings.login_command))?;
    let record = Record::import(login, &settings.config, &moment)
        .map_err(|error| Stopped::configuration(format!("{place}: {error}")))?;
    let settings = settings.for_login().await?;
    let there = settings.store.load(&Load { key: key.clone() }).await.map_err(failed)?;
    if !args.replace && there.as_ref().is_some_and(|there| there.mark == Mark::LoggedIn) {
        return Err(Stopped::usage(format!("somebody is logged in already: {key}")).with_next(
            "To replace that login: --replace. To keep both: --account LABEL. To log out: tokenway logout.",
        ));
    }
    if let Some(secret) = client_secret {
        let secrets = ClientSecrets::new(home_folder()?);
        secrets.keep(&key.provider, &key.client_id, &secret).map_err(failed)?;
    }
    let expected = there.map(|there| there.version());
    let save = Save { key: key.clone(), expected, record: Box::new(record) };
    if settings.store.save(&save).await.map_err(failed)? != SaveAnswer::Saved {
        return Err(Stopped::usage(format!("somebody logged in or out meanwhile: {key}")).with_next("Try again."));
    }
    settings.logged_in()?;
    let warning = warning(args.from, &place, &settings.login_command);
    say(&warning);
    Ok(answer(&save.record, &place, &warning, &settings))
}

fn answer(record: &Record, place: &str, warning: &str, settings: &Settings) -> Answer {
    let key = settings.config.key();
    if record.refresh_token.is_none() {
        say("There is no refresh token in it: this login ends when its access token does.");
    }
    let name = who(&record.claims).map(|who| format!(" of {who}")).unwrap_or_default();
    let json = json!({
        "key": key,
        "from": place,
        "claims": record.claims,
        "expires_at": record.expires_at.map(|at| at.0),
        "renewable": record.refresh_token.is_some(),
        "store": settings.kind.name(),
        "kept_in": settings.store.describe(),
        "warning": warning,
    });
    Answer { text: format!("The login{name} was taken over from {place}: {key}."), json }
}

/// What comes of two owners, and what to do about it.
fn warning(from: Source, place: &str, login_command: &str) -> String {
    match from {
        Source::Aether => format!(
            "aether must not use this login any more: two owners of one rotating refresh token end in a logout of both. Remove \
             it there ({place}), or give tokenway a login of its own: {login_command} --force"
        ),
        Source::Codex => format!(
            "Codex must not use this login any more: two owners of one rotating refresh token end in a logout of both. Remove \
             it there ({place}; not with `codex logout`, which ends it at the server, for both), or give tokenway a login of \
             its own: {login_command} --force"
        ),
        Source::Gcloud => format!(
            "gcloud and tokenway now share one refresh token: a logout in either ends the login for both (`gcloud auth \
             application-default revoke`, `tokenway logout`), and so does a renewal where the server rotates it. Remove it there \
             ({place}), or give tokenway a login of its own: {login_command} --force"
        ),
    }
}

fn failed(failure: IoFailure) -> Stopped {
    Stopped::configuration(failure.detail)
}
