//! `tokenway logout`: here, and at the server.

use serde_json::json;
use tokenway_core::lifecycle::record::CredentialKey;
use tokenway_core::lifecycle::{LoggedOut, Revoked, Scope};

use crate::args::LogoutArgs;
use crate::exit::{Code, Stopped};
use crate::output::{Answer, say};
use crate::settings::{Purpose, Settings};
use crate::stores::Stores;
use crate::text::who;

pub(crate) async fn run(args: &LogoutArgs) -> Result<Answer, Stopped> {
    let mut lines = Vec::new();
    let mut rows = Vec::new();
    let mut troubles = Vec::new();
    for settings in chosen(args).await? {
        match log_out(args, settings).await {
            Ok((key, out)) => {
                lines.push(told(&key, &out));
                rows.push(json!({ "key": key, "logged_out": out }));
            }
            Err(stopped) => troubles.push(stopped),
        }
    }
    if lines.is_empty() && troubles.is_empty() && !args.target.common.json {
        say("Nobody was logged in.");
    }
    if let Some(last) = troubles.pop() {
        lines.iter().for_each(|line| say(line));
        troubles.iter().for_each(|stopped| say(&stopped.to_string()));
        return Err(last);
    }
    Ok(Answer { text: lines.join("\n"), json: json!({ "logins": rows }) })
}

/// With `--all` one that cannot be ended does not keep the others.
async fn chosen(args: &LogoutArgs) -> Result<Vec<Result<Settings, Stopped>>, Stopped> {
    if !args.all {
        return match Settings::named_or_only(&args.target, Purpose::Look).await {
            Ok(settings) => Ok(vec![Ok(settings)]),
            Err(stopped) if stopped.code == Code::LogIn => Ok(Vec::new()),
            Err(stopped) => Err(stopped),
        };
    }
    let stores = Stores::open(args.target.common.store)?;
    let keys = stores.logins().await?;
    Ok(keys.iter().map(|key| Settings::of_stored(&stores, key, &args.target, Purpose::Look)).collect())
}

async fn log_out(
    args: &LogoutArgs,
    settings: Result<Settings, Stopped>,
) -> Result<(CredentialKey, LoggedOut), Stopped> {
    let settings = settings?;
    let scope = if args.local { Scope::LocalOnly } else { Scope::Everywhere };
    let client = settings.client(super::observer(&args.target.common))?;
    let out = client.logout(scope).await.map_err(|failure| Stopped::failure(failure, &settings.login_command))?;
    settings.logged_out().await?;
    Ok((settings.config.key().clone(), out))
}

fn told(key: &CredentialKey, out: &LoggedOut) -> String {
    let Some(claims) = &out.claims else { return format!("Nobody was logged in to {key}.") };
    let name = who(claims).unwrap_or("Somebody");
    let at_server = match &out.revoked {
        Revoked::Confirmed => ", and the server has revoked the tokens".to_owned(),
        Revoked::NotConfirmed { why } => {
            format!(
                ". The server has not confirmed that the tokens are revoked ({why}): they may live on until they \
                     expire. A client with a secret needs --client-secret-file here, too"
            )
        }
        Revoked::NotTried => ". The tokens were not revoked at the server".to_owned(),
    };
    format!("{name} is logged out of {key}{at_server}.")
}
