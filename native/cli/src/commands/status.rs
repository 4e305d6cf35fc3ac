//! `tokenway status`: who is logged in, until when, and where it is kept. Asks no server.

use serde_json::json;
use tokenway::client::{LoggedInStatus, Status};
use tokenway_core::lifecycle::Standing;

use super::leased;
use crate::args::{StatusArgs, StoreKind};
use crate::exit::{Code, Stopped};
use crate::output::Answer;
use crate::settings::{Purpose, Settings};
use crate::text::{expiry, instant, who};

pub(crate) async fn run(args: &StatusArgs) -> Result<Answer, Stopped> {
    if let Some(lease) = leased::named(&args.leased, &args.target)? {
        return Ok(leased::status(&lease));
    }
    let settings = Settings::named_or_only(&args.target, Purpose::Look).await?;
    let client = settings.client(super::observer(&args.target.common))?;
    let status = client.status().await.map_err(|failure| Stopped::failure(failure, &settings.login_command))?;
    match &status.login {
        Some(login) => {
            Ok(Answer { text: text(&status, login, settings.kind), json: json(&status, login, settings.kind) })
        }
        None => Err(Stopped::new(Code::LogIn, format!("nobody is logged in to {}", status.key))
            .with_next(format!("Log in: {}", settings.login_command))),
    }
}

fn text(status: &Status, login: &LoggedInStatus, kind: StoreKind) -> String {
    let mut lines = vec![format!("{}: {}", status.key, who(&login.claims).unwrap_or("logged in"))];
    let state = word(login.standing);
    lines.push(match login.expires_at {
        Some(at) if !login.standing.is_usable() => format!("  access token: {} ({})", expiry(at, false), instant(at)),
        Some(at) => format!("  access token: {state}, {} ({})", expiry(at, true), instant(at)),
        None => format!("  access token: {state}, its life is not known"),
    });
    lines.push(if login.renewable {
        "  renewal: yes, by its refresh token".to_owned()
    } else {
        "  renewal: no, the server gave no refresh token".to_owned()
    });
    if let Some(scopes) = &login.scopes {
        lines.push(format!("  scopes: {}", scopes.join(" ")));
    }
    for (name, value) in &login.claims {
        lines.push(format!("  {name}: {value}"));
    }
    lines.push(format!("  kept in: {} ({})", status.store, kind.name()));
    lines.join("\n")
}

fn json(status: &Status, login: &LoggedInStatus, kind: StoreKind) -> serde_json::Value {
    json!({
        "key": status.key,
        "claims": login.claims,
        "scopes": login.scopes,
        "standing": word(login.standing),
        "expires_at": login.expires_at.map(|at| at.0),
        "due_at": login.due_at.map(|at| at.0),
        "renewed_at": login.renewed_at.0,
        "renewable": login.renewable,
        "store": kind.name(),
        "kept_in": status.store,
    })
}

fn word(standing: Standing) -> &'static str {
    match standing {
        Standing::Due => "due for renewal",
        Standing::Fresh | Standing::FreshAsCanBe => "fresh",
        Standing::Unusable => "expired",
    }
}
