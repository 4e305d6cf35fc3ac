//! Real processes: this very test program, started again to be one caller.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use tokenway::Client;
use tokenway::core::config::Timing;
use tokenway::core::lifecycle::Wish;
use tokenway::core::moment::Millis;
use tokenway::core::secret::Secret;
use tokenway::store::{RedisOptions, RedisStore};

use crate::redis::Redis;
use crate::server::{Server, builder_at};

const REDIS: &str = "TOKENWAY_TEST_REDIS";
const SERVER: &str = "TOKENWAY_TEST_SERVER";
const REJECTED: &str = "TOKENWAY_TEST_REJECTED";

/// What a process prints before its end.
const END: &str = "the end: ";

/// The body of the processes that other tests start. By itself it has nothing to do.
#[tokio::test]
async fn a_process_asks_for_a_token_when_another_test_starts_it() {
    let Some((redis, server)) = servers() else { return };
    let timing = Timing { reject_interval: Millis::ZERO, ..Timing::default() };
    let config = builder_at(&server).timing(timing).build().unwrap();
    let store = std::sync::Arc::new(RedisStore::new(RedisOptions::new(redis.as_str())).unwrap());
    let client = Client::builder(config).store(store).build().unwrap();
    let rejected = std::env::var(REJECTED).ok().map(|token| Secret::new(token).hash());
    let wish = Wish { rejected, ..Wish::default() };
    #[allow(clippy::print_stdout, reason = "how the other test hears of it")]
    match client.token_for(wish).await {
        Ok(token) => println!("{END}{}", token.secret().expose()),
        Err(failure) => println!("{END}{failure}"),
    }
    client.close().await;
}

/// Starts one caller.
pub(crate) fn start(redis: &Redis, server: &Server, rejected: &str) -> Caller {
    let mut command = again("process::a_process_asks_for_a_token_when_another_test_starts_it", redis, server);
    Caller(command.env(REJECTED, rejected).spawn().unwrap())
}

/// This program again, for that one test, which finds the two servers with [`servers`].
pub(crate) fn again(test: &str, redis: &Redis, server: &Server) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture"]).env(REDIS, redis.url()).env(SERVER, server.url(""));
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

/// Where Redis and the authorization server are; `None` in a program that no test started.
pub(crate) fn servers() -> Option<(String, String)> {
    Some((std::env::var(REDIS).ok()?, std::env::var(SERVER).ok()?))
}

pub(crate) struct Caller(Child);

impl Caller {
    /// The token that it got, or the sentence.
    pub(crate) fn end(mut self) -> String {
        let lines = BufReader::new(self.0.stdout.take().unwrap()).lines().map(Result::unwrap);
        let ends: Vec<String> = lines.filter_map(|line| Some(line.split_once(END)?.1.to_owned())).collect();
        assert!(self.0.wait().unwrap().success());
        ends.first().unwrap().clone()
    }
}
