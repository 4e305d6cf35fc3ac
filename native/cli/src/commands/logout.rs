//! `tokenway logout`: here, and at the server.

use serde_json::json;
use tokenway_core::lifecycle::record::CredentialKey;
use tokenway_core::lifecycle::{LoggedOut, Revoked, Scope};

use crate::args::LogoutArgs;
use crate::exit::Stopped;
use crate::output::{Answer, say};
use crate::settings::{self, Purpose, Settings};
use crate::text::who;

pub(crate) async fn run(args: &LogoutArgs) -> Result<Answer, Stopped> {
    let mut all = Vec::new();
    if args.all {
        let store = settings::store(args.target.common.store)?;
        for key in settings::list(&*store).await? {
            all.push(Settings::of_stored(&key, &args.target, Purpose::Look)?);
        }
    } else {
        all.push(Settings::named_or_only(&args.target, Purpose::Look).await?);
    }
    let scope = if args.local { Scope::LocalOnly } else { Scope::Everywhere };
    let mut lines = Vec::new();
    let mut rows = Vec::new();
    for settings in &all {
        let client = settings.client(super::observer(&args.target.common))?;
        let out = client.logout(scope).await.map_err(|failure| Stopped::failure(failure, &settings.login_command))?;
        let key = settings.config.key();
        lines.push(told(key, &out));
        rows.push(json!({ "key": key, "logged_out": out }));
    }
    if all.is_empty() && !args.target.common.json {
        say("Nobody was logged in.");
    }
    Ok(Answer { text: lines.join("\n"), json: json!({ "logins": rows }) })
}

fn told(key: &CredentialKey, out: &LoggedOut) -> String {
    let Some(claims) = &out.claims else { return format!("Nobody was logged in to {key}.") };
    let name = who(claims).map(|who| format!("{who} is ")).unwrap_or_default();
    let at_server = match &out.revoked {
        Revoked::Confirmed => ", and the server has revoked the tokens".to_owned(),
        Revoked::NotConfirmed { why } => {
            format!(
                ". The server has not confirmed that the tokens are revoked ({why}): they may live on until they expire"
            )
        }
        Revoked::NotTried => ". The tokens were not revoked at the server".to_owned(),
    };
    format!("{name}logged out of {key}{at_server}.")
}
