//! `tokenway list`: who is logged in where.

use std::sync::Arc;

use serde_json::json;
use tokenway::driver::NoObserver;

use crate::args::{ListArgs, Target, TimingArgs};
use crate::exit::Stopped;
use crate::output::{Answer, say};
use crate::settings::{self, Settings};
use crate::text::{relative, who};

pub(crate) async fn run(args: &ListArgs) -> Result<Answer, Stopped> {
    let store = settings::store(args.common.store)?;
    let target = Target { common: args.common.clone(), ..Target::default() };
    let mut lines = Vec::new();
    let mut rows = Vec::new();
    for key in settings::list(&*store).await? {
        let settings = Settings::of_stored(&key, &target, TimingArgs::default())?;
        let client = settings.client(Arc::new(NoObserver))?;
        let status = client.status().await.map_err(|failure| Stopped::failure(failure, &settings.login_command))?;
        let Some(login) = status.login else { continue };
        let until = login.expires_at.map(|at| format!(", token expires {}", relative(at))).unwrap_or_default();
        lines.push(format!("{key}: {}{until}", who(&login.claims).unwrap_or("logged in")));
        rows.push(json!({
            "key": key,
            "claims": login.claims,
            "expires_at": login.expires_at.map(|at| at.0),
            "renewable": login.renewable,
        }));
    }
    if lines.is_empty() && !args.common.json {
        say("Nobody is logged in.");
    }
    Ok(Answer { text: lines.join("\n"), json: json!({ "logins": rows, "store": store.describe() }) })
}
