//! A `redis-server` of our own.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokenway::store::{RedisOptions, RedisStore};

/// The longest that a server is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server that writes every change to its disk before it answers.
pub(crate) struct Redis {
    pub(crate) port: u16,
    folder: TempDir,
    flags: Vec<String>,
    child: Option<Child>,
}

impl Redis {
    /// `None`, and a word about it, where there is no `redis-server`.
    pub(crate) fn start() -> Option<Self> {
        Self::with(&[])
    }

    pub(crate) fn with(flags: &[&str]) -> Option<Self> {
        if Command::new("redis-server").arg("--version").stdout(Stdio::null()).status().is_err() {
            eprintln!("skipped: there is no redis-server");
            return None;
        }
        let flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let mut redis = Redis { port: free_port(), folder: tempfile::tempdir().unwrap(), flags, child: None };
        redis.rise();
        Some(redis)
    }

    /// A replica of this server that has caught up.
    pub(crate) fn replica(&self) -> Self {
        let port = self.port.to_string();
        let replica = Redis::with(&["--replicaof", "127.0.0.1", &port]).unwrap();
        until("the replica has caught up", || replica.says("role").contains("connected"));
        replica
    }

    /// Starts the process, also after its death: what its disk holds is read again.
    pub(crate) fn rise(&mut self) {
        let mut command = Command::new("redis-server");
        command.args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--save", ""]);
        command.args(["--appendonly", "yes", "--appendfsync", "always", "--loglevel", "warning"]);
        command.args(["--repl-diskless-sync-delay", "0"]).args(&self.flags);
        command.arg("--dir").arg(self.folder()).stdout(Stdio::null());
        self.child = Some(command.spawn().unwrap());
        until("redis-server answers", || TcpStream::connect(("127.0.0.1", self.port)).is_ok());
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    pub(crate) fn signal(&self, signal: &str) {
        signal_to(self.child.as_ref().unwrap().id(), signal);
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) fn store(&self) -> Arc<RedisStore> {
        self.store_with(|_| ())
    }

    pub(crate) fn store_with(&self, change: impl FnOnce(&mut RedisOptions)) -> Arc<RedisStore> {
        let mut options = RedisOptions::new(self.url());
        change(&mut options);
        Arc::new(RedisStore::new(options).unwrap())
    }

    /// What the server says to a command in one line.
    pub(crate) fn says(&self, command: &str) -> String {
        let output =
            Command::new("redis-cli").args(["-p", &self.port.to_string()]).args(command.split(' ')).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// One of the figures that the server keeps of itself.
    pub(crate) fn stat(&self, name: &str) -> u64 {
        let stats = self.says("info stats");
        let figure = stats.lines().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix(':'));
        figure.unwrap().parse().unwrap()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A server that speaks TLS, too, with a certificate that no system trusts.
pub(crate) struct Tls {
    port: u16,
    folder: TempDir,
    _redis: Redis,
}

impl Tls {
    pub(crate) fn start() -> Option<Self> {
        let (port, folder) = (free_port(), tempfile::tempdir().unwrap());
        let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
        fs::write(&cert, certified.cert.pem()).unwrap();
        fs::write(&key, certified.signing_key.serialize_pem()).unwrap();
        let (port_flag, cert, key) = (port.to_string(), cert.to_str().unwrap(), key.to_str().unwrap());
        let files = ["--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", cert];
        let flags = [&["--tls-port", &port_flag, "--tls-auth-clients", "no"], &files[..]].concat();
        Some(Tls { port, _redis: Redis::with(&flags)?, folder })
    }

    pub(crate) fn url(&self) -> String {
        format!("rediss://localhost:{}", self.port)
    }

    /// Who signed its certificate.
    pub(crate) fn authority(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }
}

pub(crate) fn signal_to(process: u32, signal: &str) {
    assert!(Command::new("kill").args([&format!("-{signal}"), &process.to_string()]).status().unwrap().success());
}

pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < PATIENCE, "waited too long until {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Two of the tests that run at once could be given the same port, were it not chosen by the system.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
