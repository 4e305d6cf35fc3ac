//! Records: read, saved and deleted in one step of the server's, listed.

use std::sync::LazyLock;

use ::redis::{Cmd, cmd};
use serde::Deserialize;
use tokenway_core::action::{Delete, Save};
use tokenway_core::http::IoFailure;
use tokenway_core::lifecycle::record::{CredentialKey, RECORD_FORMAT, Record, Version};
use tokenway_core::secret::Secret;

use super::failure::unable;
use super::keys::{Keys, pattern};
use super::link::{Link, Script};
use super::{TOMBSTONE, text};
use crate::store::{Answer, DeleteAnswer, SaveAnswer, Stamp};

/// The most bytes of a record: honest ones have a few KiB.
const MAX_RECORD: usize = 1024 * 1024;

/// How many keys the server looks at for one page of a list.
const PAGE: usize = 1_000;

pub(super) static SAVE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/save.lua")));
pub(super) static DELETE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/delete.lua")));

pub(super) async fn load(link: &Link, keys: &Keys) -> Answer<Option<Box<Record>>> {
    let record: Option<String> = link.command("loading", field(&keys.credential, "record")).await?;
    record.map(|json| parse(link, keys, &Secret::new(json))).transpose()
}

pub(super) async fn save(link: &Link, keys: &Keys, save: &Save) -> Answer<SaveAnswer> {
    let record = json(&*save.record)?;
    if record.len() > MAX_RECORD {
        return Err(unable(format!("the credential has {} bytes, more than the Redis store takes", record.len())));
    }
    let expected = save.expected.as_ref().map(version).unwrap_or_default();
    let (version, format, known) =
        (version(&save.record.version()), save.record.format.to_string(), RECORD_FORMAT.to_string());
    let key = json(&save.key)?;
    let args = [expected.as_str(), &version, &format, key.expose(), record.expose(), &known];
    let reply = link.invoke_safely("saving", &SAVE, &[&keys.credential], &args).await?;
    match text(&reply, 0) {
        Some("saved") => Ok(SaveAnswer::Saved),
        Some("newer") => Err(newer(link, keys)),
        Some("conflict") => {
            let stored = reply.get(1).and_then(Option::as_ref);
            Ok(SaveAnswer::Conflict(stored.map(|json| parse(link, keys, json)).transpose()?))
        }
        _ => Err(odd("saving")),
    }
}

pub(super) async fn delete(link: &Link, keys: &Keys, delete: &Delete) -> Answer<DeleteAnswer> {
    let args = [&*version(&delete.expected), TOMBSTONE];
    let reply = link.invoke_safely("deleting", &DELETE, &[&keys.credential], &args).await?;
    match text(&reply, 0) {
        Some("deleted") => Ok(DeleteAnswer::Deleted),
        Some("conflict") => {
            let stored = reply.get(1).and_then(Option::as_ref);
            Ok(DeleteAnswer::Conflict(stored.map(|json| parse(link, keys, json)).transpose()?))
        }
        _ => Err(odd("deleting")),
    }
}

/// When the record was written last, by the server's clock in microseconds.
pub(super) async fn stamp(link: &Link, keys: &Keys) -> Answer<Stamp> {
    let changed: Option<u64> = link.command("looking", field(&keys.credential, "changed")).await?;
    Ok(changed.map_or(Stamp::ABSENT, |changed| Stamp([changed, 0, 0, 0])))
}

/// The keys of all records. Looks at every key of the database, a page at a time.
pub(super) async fn list(link: &Link) -> Answer<Vec<CredentialKey>> {
    let mut found = Vec::new();
    let mut cursor = 0_u64;
    loop {
        let mut scan = cmd("SCAN");
        scan.arg(cursor).arg("MATCH").arg(pattern(&link.options.prefix)).arg("COUNT").arg(PAGE);
        let (next, names): (u64, Vec<String>) = link.command("listing", scan).await?;
        for name in names {
            let key: Option<String> = link.command("listing", field(&name, "key")).await?;
            // A credential that is locked and not stored has none; neither has a probe.
            let Some(key) = key.filter(|key| !key.is_empty()) else { continue };
            let key = serde_json::from_str(&key).map_err(|_| unable(format!("listing: {name} names no credential")))?;
            found.push(key);
        }
        if next == 0 {
            break;
        }
        cursor = next;
    }
    // A page may repeat what another one had.
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// The command that reads one field of a credential.
pub(super) fn field(credential: &str, name: &str) -> Cmd {
    let mut command = cmd("HGET");
    command.arg(credential).arg(name);
    command
}

/// What is compared: no two versions of a login share it.
fn version(version: &Version) -> String {
    format!("{} {}", version.generation, version.login_id.0)
}

fn json(value: &impl serde::Serialize) -> Answer<Secret> {
    serde_json::to_string(value)
        .map(Secret::new)
        .map_err(|error| unable(format!("saving: the record cannot be written: {error}")))
}

fn parse(link: &Link, keys: &Keys, json: &Secret) -> Answer<Box<Record>> {
    /// What every format of a record has.
    #[derive(Deserialize)]
    struct AnyFormat {
        format: u32,
    }
    if let Ok(record) = serde_json::from_str(json.expose()) {
        return Ok(record);
    }
    match serde_json::from_str::<AnyFormat>(json.expose()) {
        Ok(any) if any.format > RECORD_FORMAT => Err(newer(link, keys)),
        Ok(_) | Err(_) => Err(unable(format!(
            "what lies under {} in the Redis at {} is not a credential; delete that key, and log in again",
            keys.credential,
            link.place()
        ))),
    }
}

fn newer(link: &Link, keys: &Keys) -> IoFailure {
    unable(format!(
        "{} in the Redis at {} was written by a newer version of tokenway, and is left as it is; update tokenway",
        keys.credential,
        link.place()
    ))
}

fn odd(doing: &str) -> IoFailure {
    unable(format!("{doing}: Redis gave an answer that is none; report this bug"))
}
