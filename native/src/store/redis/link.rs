//! The way to the server: one connection for all, opened when it is needed, and once more when it broke.

use std::sync::Arc;

use ::redis::aio::MultiplexedConnection;
use ::redis::{Cmd, FromRedisValue, RedisError, RedisResult, Value, cmd, from_redis_value};
use tokenway_core::secret::Secret;
use tokio::sync::{Mutex, Semaphore};
use tokio::time::timeout;

use super::connect::connect;
use super::failure::{failed, too_late, unable, words};
use super::options::{Address, RedisOptions};
use crate::store::Answer;

/// How many leases are given back in the background at once: while a server is away, every try to lock may leave one.
const MAX_BACKGROUND: usize = 32;

/// The parts of a script's answer. Some are records.
pub(super) type Reply = Vec<Option<Secret>>;

/// A Lua script, which the server runs in one step, and its hash.
pub(super) struct Script {
    text: &'static str,
    hash: String,
}

impl Script {
    pub(super) fn new(text: &'static str) -> Self {
        Script { text, hash: ::redis::Script::new(text).get_hash().to_owned() }
    }

    fn command(&self, how: &str, what: &str, keys: &[&str], args: &[&str]) -> Cmd {
        let mut command = cmd(how);
        command.arg(what).arg(keys.len()).arg(keys).arg(args);
        command
    }
}

/// Asks the server. Lives on the store's own thread.
pub(super) struct Link {
    pub(super) options: RedisOptions,
    pub(super) address: Address,
    /// What goes on in the background at once.
    pub(super) background: Arc<Semaphore>,
    place: String,
    slot: Mutex<Slot>,
}

#[derive(Default)]
struct Slot {
    connection: Option<MultiplexedConnection>,
    /// Counts the connections: a broken one is forgotten once.
    number: u64,
}

/// What is asked. All of it may be asked twice.
struct Question {
    command: Cmd,
    /// The same with the script's text, for a server that does not know its hash.
    in_full: Option<Cmd>,
    /// How many replicas must have what it writes.
    replicas: u32,
}

impl Link {
    pub(super) fn new(options: RedisOptions, address: Address) -> Self {
        let background = Arc::new(Semaphore::new(MAX_BACKGROUND));
        Link { place: address.place(), options, address, background, slot: Mutex::default() }
    }

    /// Host and port, for people.
    pub(super) fn place(&self) -> &str {
        &self.place
    }

    /// Runs one command.
    pub(super) async fn command<T: FromRedisValue>(&self, doing: &str, command: Cmd) -> Answer<T> {
        let (value, _) = self.ask(doing, Question { command, in_full: None, replicas: 0 }).await?;
        from_redis_value(value).map_err(|error| failed(doing, &self.place, &error.into()))
    }

    /// Runs a script in one step of the server's, by its hash, and by its text where the server does not know it.
    pub(super) async fn invoke(&self, doing: &str, script: &Script, keys: &[&str], args: &[&str]) -> Answer<Reply> {
        let question = question(script, keys, args, 0);
        self.reply(doing, self.ask(doing, question).await?.0)
    }

    /// As [`Link::invoke`]; what it wrote counts only when so many replicas as the options want have it, too.
    pub(super) async fn invoke_safely(
        &self,
        doing: &str,
        script: &Script,
        keys: &[&str],
        args: &[&str],
    ) -> Answer<Reply> {
        let wanted = self.options.replicas;
        let (value, have) = self.ask(doing, question(script, keys, args, wanted)).await?;
        if have < wanted {
            return Err(unable(format!(
                "{doing}: {have} of {wanted} replicas of the Redis at {} confirmed it within {} ms; look after them, or \
                 ask for fewer",
                self.place,
                self.options.replica_wait.as_millis(),
            )));
        }
        self.reply(doing, value)
    }

    fn reply(&self, doing: &str, value: Value) -> Answer<Reply> {
        let parts: Vec<Option<String>> =
            from_redis_value(value).map_err(|error| failed(doing, &self.place, &error.into()))?;
        Ok(parts.into_iter().map(|part| part.map(Secret::new)).collect())
    }

    /// Asks within the deadline. The second part is how many replicas have what was written, if that was asked.
    async fn ask(&self, doing: &str, question: Question) -> Answer<(Value, u32)> {
        let limit = self.options.deadline + self.options.replica_wait * question.replicas.min(1);
        match timeout(limit, self.ask_twice(&question)).await {
            Ok(end) => end.map_err(|error| failed(doing, &self.place, &error)),
            Err(_) => {
                // What still comes on that connection is an answer to nobody.
                if let Ok(mut slot) = self.slot.try_lock() {
                    slot.connection = None;
                }
                Err(too_late(doing, &self.place, limit.as_millis()))
            }
        }
    }

    /// When the connection turns out to be broken, or the server to be no primary any more, asks on a new one.
    async fn ask_twice(&self, question: &Question) -> RedisResult<(Value, u32)> {
        let (connection, number, is_new) = self.connection().await?;
        let end = self.ask_on(connection, question).await;
        if !end.as_ref().is_err_and(wants_a_new_connection) {
            return end;
        }
        self.forget(number).await;
        if is_new {
            return end;
        }
        let (connection, number, _) = self.connection().await?;
        let end = self.ask_on(connection, question).await;
        if end.as_ref().is_err_and(wants_a_new_connection) {
            self.forget(number).await;
        }
        end
    }

    async fn ask_on(&self, mut connection: MultiplexedConnection, question: &Question) -> RedisResult<(Value, u32)> {
        let mut answer = question.command.query_async::<Value>(&mut connection).await;
        if let (Err(error), Some(in_full)) = (&answer, &question.in_full)
            && error.code() == Some("NOSCRIPT")
        {
            answer = in_full.query_async(&mut connection).await;
        }
        let answer = answer?;
        if question.replicas == 0 {
            return Ok((answer, 0));
        }
        // `WAIT` speaks of the writes of its own connection, so it follows on the same.
        let mut wait = cmd("WAIT");
        wait.arg(question.replicas).arg(self.options.replica_wait.as_millis().to_string());
        Ok((answer, wait.query_async(&mut connection).await?))
    }

    /// The connection, its number, and whether it was opened for this.
    async fn connection(&self) -> RedisResult<(MultiplexedConnection, u64, bool)> {
        let mut slot = self.slot.lock().await;
        if let Some(connection) = &slot.connection {
            return Ok((connection.clone(), slot.number, false));
        }
        let connection = connect(&self.address, self.options.extra_ca.as_deref()).await?;
        slot.number += 1;
        slot.connection = Some(connection.clone());
        Ok((connection, slot.number, true))
    }

    async fn forget(&self, number: u64) {
        let mut slot = self.slot.lock().await;
        if slot.number == number {
            slot.connection = None;
        }
    }
}

fn question(script: &Script, keys: &[&str], args: &[&str], replicas: u32) -> Question {
    let command = script.command("EVALSHA", &script.hash, keys, args);
    Question { command, in_full: Some(script.command("EVAL", script.text, keys, args)), replicas }
}

/// The connection broke, or leads to a server that was the primary once: its name may lead to another by now.
fn wants_a_new_connection(error: &RedisError) -> bool {
    error.is_io_error() || words(error).contains("READONLY")
}
