//! `tokenway store migrate FROM TO`: logins move from one store to another.

use serde_json::json;
use tokenway::store::{Migrated, migrate};
use tokenway_core::lifecycle::record::CredentialKey;

use crate::args::{MigrateArgs, StoreArgs, StoreChoice, StoreCommand, StoreKind};
use crate::exit::Stopped;
use crate::output::{Answer, say};
use crate::stores::Stores;

pub(crate) async fn run(args: &StoreArgs) -> Result<Answer, Stopped> {
    match &args.command {
        StoreCommand::Migrate(args) => migrate_all(args).await,
    }
}

async fn migrate_all(args: &MigrateArgs) -> Result<Answer, Stopped> {
    let (from, to) = (args.from, args.to);
    if from == to {
        return Err(Stopped::usage(format!("the logins lie in the store {:?} already", to.name())));
    }
    let stores = Stores::open(StoreChoice::Auto)?;
    // Before anything moves: the place that cannot take them is to be named at once.
    stores.store(to)?.probe().await.map_err(|failure| Stopped::configuration(failure.detail))?;
    let mut moved = Vec::new();
    let mut last = None;
    for key in stores.keys_in(from).await? {
        match move_one(&stores, &key, from, to).await {
            Ok(true) => moved.push(key),
            Ok(false) => {}
            Err(stopped) => {
                if let Some(stopped) = last.replace(stopped) {
                    say(&stopped.to_string());
                }
            }
        }
    }
    let lines: Vec<String> =
        moved.iter().map(|key| format!("{key} moved from the store {:?} to {:?}.", from.name(), to.name())).collect();
    if let Some(stopped) = last {
        lines.iter().for_each(|line| say(line));
        return Err(stopped);
    }
    if lines.is_empty() && !args.json {
        say(&format!("There is no login in the store {:?}.", from.name()));
    }
    Ok(Answer { text: lines.join("\n"), json: json!({ "moved": moved, "from": from.name(), "to": to.name() }) })
}

/// Whether there was a login to move.
async fn move_one(stores: &Stores, key: &CredentialKey, from: StoreKind, to: StoreKind) -> Result<bool, Stopped> {
    let (old, new) = (stores.store(from)?, stores.store(to)?);
    let before = stores.used(key).await?.unwrap_or(from);
    if before != from && before != to {
        return Err(an_older_one(key, from, before));
    }
    let mut repinned = false;
    let remember = || {
        repinned = true;
        stores.repin(key, to)
    };
    let migrated = migrate(&*old, &*new, key, remember).await;
    if migrated.is_err() && repinned {
        // Somebody logged in or out in the old store, and that counts.
        stores.repin(key, before).map_err(|failure| Stopped::configuration(failure.detail))?;
        stores.unpin(key, before).await?;
    }
    match migrated {
        Ok(Migrated::Moved) => Ok(true),
        Ok(Migrated::Nothing) => Ok(false),
        Ok(Migrated::Copied { trouble }) => Err(Stopped::configuration(format!(
            "{key} is used from the store {:?} now, and perhaps still in {:?}, too: {}",
            to.name(),
            from.name(),
            trouble.detail
        ))
        .with_next("Try the same command again: it removes what is left.")),
        Err(failure) => Err(Stopped::configuration(failure.detail)),
    }
}

/// Moved, it would hide the login that is used.
fn an_older_one(key: &CredentialKey, from: StoreKind, used: StoreKind) -> Stopped {
    let seen = format!(
        "the login to {key} that is used lies in the store {:?}; the one in {:?} is another, and was not moved",
        used.name(),
        from.name()
    );
    Stopped::configuration(seen).with_next(format!("To remove it: tokenway logout --store {}.", from.name()))
}
