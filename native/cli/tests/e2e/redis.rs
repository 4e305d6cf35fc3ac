//! Logins in Redis: the address in the environment, and nowhere else.
//!
//! Without a `redis-server` on the `PATH` each test says so and passes.

use std::net::TcpListener;
use std::process::Stdio;

use crate::peer::{Home, Peer, Run, Waiting, finish, until};
use crate::redis_server::{Redis, Tls};

/// A machine whose logins are in that Redis, whatever its home.
struct Machine<'a> {
    home: Home,
    url: &'a str,
}

impl<'a> Machine<'a> {
    fn at(url: &'a str) -> Self {
        Machine { home: Home::new(), url }
    }

    /// With `--store auto`: what was chosen is remembered.
    fn run(&self, args: &[&str]) -> Run {
        let mut command = self.home.command(args);
        command.env_remove("TOKENWAY_STORE").env("TOKENWAY_REDIS_URL", self.url);
        command.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent");
        finish(command)
    }

    fn login(&self, peer: &Peer) -> Run {
        self.run(&["login", "--issuer", peer.issuer(), "--client-id", "native", "--store", "redis"])
    }
}

#[test]
fn a_login_in_redis_is_remembered_here_and_found_on_another_machine() {
    let Some(redis) = Redis::start() else { return };
    let (peer, url) = (Peer::start(), redis.url());
    let (one, other) = (Machine::at(&url), Machine::at(&url));
    one.login(&peer).succeeds();
    let status = one.run(&["status"]).succeeds();
    status.prints("of the Redis at 127.0.0.1").prints("(redis)");
    let token = one.run(&["token"]).token();
    assert_eq!(peer.whose(&token), "alice");
    other.run(&["token"]).exits(3).says("nobody is logged in");
    assert_eq!(other.run(&["token", "--store", "redis"]).token(), token);
    other.run(&["list", "--store", "redis"]).succeeds().prints("alice");
    let rejecting = ["token", "--store", "redis", "--rejected", "-", "--reject-interval", "0"];
    let mut command = other.home.command(&rejecting);
    command.env("TOKENWAY_REDIS_URL", &url).stdin(Stdio::piped());
    let mut waiting = Waiting::start(command);
    waiting.give(&token);
    let renewed = waiting.end().token();
    assert_eq!(one.run(&["token"]).token(), renewed, "one renewal serves both");
    one.run(&["logout"]).succeeds();
    other.run(&["token", "--store", "redis"]).exits(3);
    assert!(!one.home.path().join("credentials").exists());
}

#[test]
fn logins_move_into_redis_and_out_of_it() {
    let Some(redis) = Redis::start() else { return };
    let (peer, url) = (Peer::start(), redis.url());
    let machine = Machine::at(&url);
    machine.run(&["login", "--issuer", peer.issuer(), "--client-id", "native", "--store", "file"]).succeeds();
    let token = machine.run(&["token"]).token();
    machine.run(&["store", "migrate", "file", "redis"]).succeeds().prints("from the store \"file\" to \"redis\"");
    assert!(machine.home.records().is_empty());
    assert_eq!(machine.run(&["token"]).token(), token);
    machine.run(&["status", "--json"]).succeeds().prints("\"store\":\"redis\"");
    machine.run(&["store", "migrate", "redis", "file"]).succeeds().prints("from the store \"redis\" to \"file\"");
    machine.run(&["token", "--store", "redis"]).exits(3).says("nobody is logged in");
    assert_eq!(machine.run(&["token"]).token(), token);
    machine.run(&["status"]).succeeds().prints("(file)");
}

#[test]
fn a_redis_in_trouble_is_named_without_its_password_and_nothing_is_lost() {
    let Some(mut redis) = Redis::with(&["--requirepass", "hunter2"]) else { return };
    let peer = Peer::start();
    let at = |password: &str, port: u16| format!("redis://:{password}@127.0.0.1:{port}");
    let right = at("hunter2", redis.port);
    let machine = Machine::at(&right);
    machine.login(&peer).succeeds();
    let status = machine.run(&["status", "--json"]).succeeds();
    assert!(!status.stdout.contains("hunter2"), "{}", status.stdout);
    let token = machine.run(&["token"]).token();

    let ask = |url: &str| {
        let machine = Machine { home: Home::new(), url };
        let run = machine.run(&["token", "--store", "redis", "--issuer", peer.issuer(), "--client-id", "native"]);
        assert!(!run.stderr.contains("hunter2") && !run.stderr.contains("wrong-one"), "{}", run.stderr);
        run.exits(5).prints_nothing()
    };
    ask(&at("wrong-one", redis.port)).says("check user name and password");
    ask(&format!("redis://127.0.0.1:{}", redis.port)).says("user name and password");
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    ask(&at("hunter2", nobody)).says("cannot be reached").says("start it");
    ask("redis://:hunter2@redis.example").says("in clear").says("rediss://");
    ask("http://:hunter2@localhost").says("TOKENWAY_REDIS_URL");
    ask("").says("needs an address").says("TOKENWAY_REDIS_URL");
    let login = ["login", "--issuer", peer.issuer(), "--client-id", "native", "--store", "redis", "--account", "new"];
    let wrong = at("wrong-one", redis.port);
    Machine::at(&wrong).run(&login).exits(5).says("check user name and password");
    let unset = Machine { home: machine.home, url: "" };
    unset.run(&["token"]).exits(5).says("TOKENWAY_REDIS_URL");
    let machine = Machine { home: unset.home, url: &right };

    redis.kill();
    machine.run(&["token"]).exits(5).says("cannot be reached");
    let listed = machine.run(&["list", "--store", "redis"]).exits(5);
    assert_eq!(listed.stderr.matches("cannot be reached").count(), 1, "it is said once: {}", listed.stderr);
    redis.rise();
    until("redis has read its disk", || machine.run(&["token"]).code == Some(0));
    assert_eq!(machine.run(&["token"]).token(), token, "it waits where it was");
}

#[test]
fn a_redis_behind_tls_is_spoken_to_when_its_authority_is_named_and_else_nothing_is_sent() {
    let Some(tls) = Tls::start() else { return };
    let (peer, url) = (Peer::start(), tls.url());
    let machine = Machine::at(&url);
    machine.login(&peer).exits(5).prints_nothing().says("certificate");
    let trusting = |args: &[&str]| {
        let mut command = machine.home.command(args);
        command.env_remove("TOKENWAY_STORE").env("TOKENWAY_REDIS_URL", &url).env("TOKENWAY_CA_FILE", tls.authority());
        finish(command)
    };
    trusting(&["login", "--issuer", peer.issuer(), "--client-id", "native", "--store", "redis"]).succeeds();
    trusting(&["status"]).succeeds().prints("over TLS");
}
