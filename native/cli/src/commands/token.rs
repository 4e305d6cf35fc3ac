//! `tokenway token`: a valid access token on stdout, and nothing else there.

use std::io::Read;
use std::time::Duration;

use serde_json::json;
use tokenway::AccessToken;
use tokenway_core::lifecycle::{TokenNote, Wish};
use tokenway_core::moment::Millis;
use tokenway_core::secret::Secret;

use super::leased;
use crate::args::{Common, TokenArgs};
use crate::exit::Stopped;
use crate::output::{Answer, say};
use crate::settings::{Purpose, Settings};
use crate::text::relative;

/// The longest token that is read from stdin, in bytes: more is a mistake.
const MAX_REJECTED: u64 = 1024 * 1024;

pub(crate) async fn run(args: &TokenArgs) -> Result<Answer, Stopped> {
    let rejected = args.rejected.is_some().then(read_rejected).transpose()?;
    let wish = Wish { rejected: rejected.map(|token| token.hash()), ..wish(args.min_ttl) };
    let (token, notes) = match leased::named(&args.leased, &args.target)? {
        Some(lease) => leased::token(&lease, &wish)?,
        None => {
            let settings = Settings::named_or_only(&args.target, Purpose::Tokens(args.timing)).await?;
            lent(&settings, wish, &args.target.common).await?
        }
    };
    Ok(answer(&token, &notes, args.header))
}

/// A token of a login, and what was said about it.
pub(super) async fn lent(
    settings: &Settings,
    wish: Wish,
    common: &Common,
) -> Result<(AccessToken, Vec<String>), Stopped> {
    let client = settings.client(super::observer(common))?;
    let token = tokio::select! {
        token = client.token_for(wish) => token,
        _ = tokio::signal::ctrl_c() => {
            if !client.close().await {
                say("tokenway: a renewal was on its way and did not come back in time");
            }
            return Err(Stopped::interrupted());
        }
    };
    let token = token.map_err(|failure| Stopped::failure(failure, &settings.login_command))?;
    let notes: Vec<String> = token.notes().iter().map(told).collect();
    for note in &notes {
        say(&format!("tokenway: {note}"));
    }
    let unsaved = token.notes().iter().any(|note| matches!(note, TokenNote::NotSaved(_)));
    if unsaved && !client.close().await {
        say("tokenway: the new tokens could not be saved, and are lost when this command ends: log in again then");
    }
    Ok((token, notes))
}

pub(super) fn wish(min_ttl: Option<Duration>) -> Wish {
    let min_ttl = min_ttl.map_or(Millis::ZERO, |span| Millis(u64::try_from(span.as_millis()).unwrap_or(u64::MAX)));
    Wish { min_ttl, ..Wish::default() }
}

fn read_rejected() -> Result<Secret, Stopped> {
    let mut text = String::new();
    let mut stdin = std::io::stdin().lock().take(MAX_REJECTED);
    stdin.read_to_string(&mut text).map_err(|error| Stopped::usage(format!("the rejected token on stdin: {error}")))?;
    let token = text.trim().trim_start_matches("Authorization:").trim_start().trim_start_matches("Bearer ").trim();
    if token.is_empty() {
        return Err(Stopped::usage("--rejected - needs the rejected token on stdin"));
    }
    Ok(Secret::new(token))
}

fn told(note: &TokenNote) -> String {
    match note {
        TokenNote::NotRenewed(failure) => format!("the token is still good, but was not renewed: {failure}"),
        TokenNote::NotSaved(failure) => format!("the token was renewed, but is not saved yet: {failure}"),
        TokenNote::ShortLived => {
            "the token was renewed just now, and does not live as long as you asked for".to_owned()
        }
    }
}

fn answer(token: &AccessToken, notes: &[String], header: bool) -> Answer {
    let text = if header {
        format!("Authorization: {}", token.authorization().expose())
    } else {
        token.secret().expose().to_owned()
    };
    let json = json!({
        "access_token": token.secret().expose(),
        "authorization": token.authorization().expose(),
        "expires_at": token.expires_at().map(|at| at.0),
        "expires": token.expires_at().map(relative),
        "scopes": token.scopes(),
        "notes": notes,
    });
    Answer { text, json }
}
