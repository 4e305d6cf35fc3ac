//! The trial before a login: everything that a save needs, and whether Redis keeps what it was given.

use ::redis::cmd;
use tokenway_core::secret::Secret;

use super::TOMBSTONE;
use super::failure::unable;
use super::keys::Keys;
use super::link::Link;
use super::record::{DELETE, SAVE, field};
use crate::store::Answer;

/// The size of a large record: some servers' tokens have 30 KiB.
const SIZE: usize = 64 * 1024;

/// Saves, reads back and deletes, with the scripts of real saves and as many replicas.
pub(super) async fn probe(link: &Link, name: &str) -> Answer<()> {
    keeps_what_it_has(link).await?;
    let keys = Keys::named(&link.options.prefix, &format!("probe-{name}"));
    let value = "x".repeat(SIZE);
    link.invoke_safely("trying to save", &SAVE, &[&keys.credential], &["", "0", "0", "", &value, "0"]).await?;
    let read: Option<String> = link.command("trying to load", field(&keys.credential, "record")).await?;
    link.invoke_safely("trying to delete", &DELETE, &[&keys.credential], &["0", TOMBSTONE]).await?;
    if read.map(Secret::new) != Some(Secret::new(value)) {
        return Err(unable(format!("the Redis at {} does not give back what was saved in it", link.place())));
    }
    Ok(())
}

/// Refuses a Redis that throws keys away when it is full. One that does not tell is believed.
async fn keeps_what_it_has(link: &Link) -> Answer<()> {
    let mut info = cmd("INFO");
    info.arg("memory");
    let Ok(info) = link.command::<String>("asking", info).await else { return Ok(()) };
    let policy = info.lines().find_map(|line| line.strip_prefix("maxmemory_policy:")).unwrap_or_default().trim();
    if policy.starts_with("allkeys") {
        return Err(unable(format!(
            "the Redis at {} throws away any key when its memory is full (`maxmemory-policy {policy}`), logins among \
             them; set `maxmemory-policy noeviction`, or name another Redis",
            link.place()
        )));
    }
    Ok(())
}
