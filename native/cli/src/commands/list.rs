//! `tokenway list`: who is logged in where.

use serde_json::json;
use tokenway_core::action::Load;
use tokenway_core::lifecycle::record::Mark;
use tokenway_core::lifecycle::{Wish, standing};

use crate::args::ListArgs;
use crate::exit::Stopped;
use crate::output::{Answer, say};
use crate::stores::Stores;
use crate::text::{expiry, who};

pub(crate) async fn run(args: &ListArgs) -> Result<Answer, Stopped> {
    let stores = Stores::open(args.common.store)?;
    let mut lines = Vec::new();
    let mut rows = Vec::new();
    for key in stores.logins().await? {
        let (kind, store) = stores.of(&key)?;
        let load = Load { key: key.clone() };
        let record = store.load(&load).await.map_err(|failure| Stopped::configuration(failure.detail))?;
        let Some(record) = record.filter(|record| record.mark == Mark::LoggedIn) else { continue };
        let usable = standing(&record, &Wish::default(), tokenway::driver::now()).is_usable();
        let until = record.expires_at.map(|at| format!(", token {}", expiry(at, usable))).unwrap_or_default();
        lines.push(format!("{key}: {}{until}", who(&record.claims).unwrap_or("logged in")));
        rows.push(json!({
            "key": key,
            "claims": record.claims,
            "expires_at": record.expires_at.map(|at| at.0),
            "store": kind.name(),
            "renewable": record.refresh_token.is_some(),
        }));
    }
    if lines.is_empty() && !args.common.json {
        say("Nobody is logged in.");
    }
    Ok(Answer { text: lines.join("\n"), json: json!({ "logins": rows }) })
}
