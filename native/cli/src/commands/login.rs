//! `tokenway login`: a person logs in, in the browser.

use std::path::Path;
use std::sync::Arc;

use serde_json::json;
use tokenway::login::LoginUi;
use tokenway_core::error::Failure;
use tokenway_core::flow::{LoggedIn, LoginNote};

use crate::args::LoginArgs;
use crate::exit::Stopped;
use crate::output::{Answer, say};
use crate::settings::{Purpose, Settings};
use crate::terminal::Terminal;
use crate::text::{relative, who};

mod record;

use record::Recorder;

pub(crate) async fn run(args: LoginArgs) -> Result<Answer, Stopped> {
    let settings = Settings::named(&args.target, Purpose::Tokens(args.timing))?.with_login_timeout(args.timeout);
    if !args.force {
        refuse_if_logged_in(&settings).await?;
    }
    let settings = settings.for_login().await?;
    let end = log_in(&args, &settings).await;
    if end.is_err()
        && let Err(trouble) = settings.not_logged_in().await
    {
        say(&trouble.to_string());
    }
    end
}

async fn log_in(args: &LoginArgs, settings: &Settings) -> Result<Answer, Stopped> {
    if let Some(file) = &args.record {
        open_transcript(file)?;
    }
    let recorder = args.record.as_ref().map(|_| Arc::new(Recorder::new(&settings.config)));
    let observer = match &recorder {
        Some(recorder) => recorder.beside(super::observer(&args.target.common)),
        None => super::observer(&args.target.common),
    };
    let client = settings.client(observer)?;
    let provider = settings.config.provider().name.clone();
    let ui: Arc<dyn LoginUi> = Arc::new(Terminal::new(&provider, !args.no_browser));
    let end = tokio::select! {
        end = client.login_with(ui) => end,
        _ = tokio::signal::ctrl_c() => {
            if !client.close().await {
                say("tokenway: the login was on its way and did not come back in time");
            }
            return Err(Stopped::interrupted());
        }
    };
    if let (Some(recorder), Some(file)) = (recorder, &args.record) {
        say(&write_transcript(&recorder, file));
    }
    match end {
        Ok(logged_in) => {
            settings.logged_in()?;
            Ok(answer(&logged_in, &provider, settings))
        }
        Err(failure) => Err(stopped(failure, settings)),
    }
}

/// Logging in while logged in says who is.
async fn refuse_if_logged_in(settings: &Settings) -> Result<(), Stopped> {
    let client = settings.client(Arc::new(tokenway::driver::NoObserver))?;
    let status = client.status().await.map_err(|failure| Stopped::failure(failure, &settings.login_command))?;
    let Some(login) = status.login.filter(|login| login.renewable || login.standing.is_usable()) else {
        return Ok(());
    };
    let who = who(&login.claims).unwrap_or("somebody");
    Err(Stopped::usage(format!("{who} is logged in already: {}", status.key))
        .with_next("To log in anew: --force. To keep both: --account LABEL. To log out: tokenway logout."))
}

fn answer(logged_in: &LoggedIn, provider: &str, settings: &Settings) -> Answer {
    let record = &logged_in.record;
    let who_is = who(&record.claims);
    if let Some(replaced) = &logged_in.replaced {
        let before = who(&replaced.claims);
        if before != who_is {
            say(&format!("This replaces the login of {}.", before.unwrap_or("somebody else")));
        }
    }
    for note in &logged_in.notes {
        say(&told(note));
    }
    let name = who_is.map(|who| format!(" as {who}")).unwrap_or_default();
    let until = record.expires_at.map(|at| format!(" The token expires {} and is renewed by then.", relative(at)));
    let text = format!(
        "Logged in to {provider}{name}.{}",
        until.filter(|_| record.refresh_token.is_some()).unwrap_or_default()
    );
    let json = json!({
        "key": settings.config.key(),
        "claims": record.claims,
        "scopes": record.scopes,
        "expires_at": record.expires_at.map(|at| at.0),
        "renewable": record.refresh_token.is_some(),
        "store": settings.kind.name(),
        "kept_in": settings.store.describe(),
    });
    Answer { text, json }
}

fn told(note: &LoginNote) -> String {
    match note {
        LoginNote::NoRefreshToken => {
            "The server gave no refresh token: this login ends when its access token does.".to_owned()
        }
        LoginNote::ScopesMissing(scopes) => format!("The server did not grant: {}.", scopes.join(" ")),
    }
}

/// Tokens that could not be saved end with the command: there is nobody to hand them to.
fn stopped(mut failure: Box<Failure>, settings: &Settings) -> Stopped {
    let unsaved = failure.take_unsaved();
    let stopped = Stopped::failure(failure, &settings.login_command);
    match unsaved {
        Some(_) => {
            let next = stopped.next.clone().unwrap_or_default();
            stopped.with_next(format!("{next}\nThe login itself worked, but could not be kept: log in again then."))
        }
        None => stopped,
    }
}

/// Before the browser opens: a login is not to be spent on a file that cannot be written.
fn open_transcript(file: &Path) -> Result<(), Stopped> {
    let opened = std::fs::OpenOptions::new().append(true).create(true).open(file);
    opened.map(drop).map_err(|error| Stopped::configuration(format!("the transcript {}: {error}", file.display())))
}

/// What became of the transcript. The login stands, whatever it is.
fn write_transcript(recorder: &Recorder, file: &Path) -> String {
    let written = recorder.transcript().and_then(|text| std::fs::write(file, text).map_err(|error| error.to_string()));
    match written {
        Ok(()) => format!("The transcript is in {}. It holds no secrets.", file.display()),
        Err(why) => {
            // What is still empty was made by us.
            if file.metadata().is_ok_and(|file| file.len() == 0) {
                std::fs::remove_file(file).ok();
            }
            format!("tokenway: the transcript {} was not written: {why}", file.display())
        }
    }
}
