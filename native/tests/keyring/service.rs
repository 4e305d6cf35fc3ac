//! A real Secret Service for one test: a D-Bus of its own and a gnome-keyring on it, with a home that goes away.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::skipped::skipped;

/// Where a test that runs itself on the private bus finds its home.
const HOME: &str = "TOKENWAY_TEST_KEYRING";

/// A bus that starts no service by itself: neither a keyring in the home of whoever runs the tests, which would outlive
/// them, nor a prompt for a password where somebody sits.
const BUS: &str = r#"<busconfig>
  <type>session</type>
  <listen>unix:tmpdir=/tmp</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow own="*"/>
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
  </policy>
</busconfig>
"#;

/// Ends a process however the test ends.
pub(crate) struct Running(pub(crate) Child);

impl Running {
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").arg(format!("-{name}")).arg(self.0.id().to_string()).status();
        assert!(status.unwrap().success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs `test` on a bus of its own, in a process of its own: which bus a process speaks to is settled when it starts.
/// The name is that of the test that calls this. Nothing runs, visibly, where a Secret Service is not installed.
pub(crate) fn on_a_private_bus(name: &str, test: impl FnOnce(&Bus)) {
    if let Some(home) = env::var_os(HOME) {
        return test(&Bus { home: PathBuf::from(home) });
    }
    let folder = tempfile::tempdir().unwrap();
    let Some((_bus, address)) = start_bus(&folder) else {
        skipped("needs dbus-daemon and gnome-keyring-daemon");
        return;
    };
    let mut again = Command::new(env::current_exe().unwrap());
    again.args(["--exact", name, "--nocapture"]).env(HOME, folder.path()).env("DBUS_SESSION_BUS_ADDRESS", address);
    for (variable, name) in [("HOME", "home"), ("XDG_DATA_HOME", "data"), ("XDG_RUNTIME_DIR", "run")] {
        let path = folder.path().join(name);
        fs::create_dir(&path).unwrap();
        again.env(variable, path);
    }
    assert!(again.status().unwrap().success(), "{name}, on its own bus");
}

fn start_bus(folder: &TempDir) -> Option<(Running, String)> {
    Command::new("gnome-keyring-daemon").arg("--version").stdout(Stdio::null()).status().ok()?;
    let rules = folder.path().join("bus.conf");
    fs::write(&rules, BUS).unwrap();
    let mut bus = Command::new("dbus-daemon");
    bus.args(["--nofork", "--nopidfile", "--print-address=1"]).arg(format!("--config-file={}", rules.display()));
    bus.arg(format!("--address=unix:dir={}", folder.path().display()));
    let mut child = bus.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().ok()?;
    let stdout = child.stdout.take().unwrap();
    let running = Running(child);
    let mut address = String::new();
    BufReader::new(stdout).read_line(&mut address).unwrap();
    Some((running, address.trim().to_owned()))
}

/// The private bus, seen from the process that runs on it.
pub(crate) struct Bus {
    home: PathBuf,
}

impl Bus {
    /// A folder for the store.
    pub(crate) fn home(&self) -> PathBuf {
        self.home.join("tokenway")
    }

    /// Starts the keyring, unlocked; what an earlier one kept is there again.
    pub(crate) fn keyring(&self) -> Running {
        let mut command = Command::new("gnome-keyring-daemon");
        command.args(["--foreground", "--unlock", "--components=secrets"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(b"pw\n").unwrap();
        let running = Running(child);
        let is_there = ["NameHasOwner", "string:org.freedesktop.secrets"];
        until("the keyring has started", || {
            self.call("org.freedesktop.DBus", "/", &is_there).contains("true") && self.items().is_some()
        });
        running
    }

    /// The objects that are the items of the default collection, once it is there.
    pub(crate) fn items(&self) -> Option<Vec<String>> {
        let collection = "/org/freedesktop/secrets/aliases/default";
        let get = ["Properties.Get", "string:org.freedesktop.Secret.Collection", "string:Items"];
        let answer = self.call("org.freedesktop.secrets", collection, &get);
        let paths = answer.lines().filter_map(|line| line.trim().strip_prefix("object path \""));
        answer.contains("array").then(|| paths.map(|path| path.trim_end_matches('"').to_owned()).collect())
    }

    /// Locks everything.
    pub(crate) fn lock(&self) {
        let service = "/org/freedesktop/secrets";
        let what = "array:objpath:/org/freedesktop/secrets/aliases/default";
        let mut command = Command::new("dbus-send");
        command.args(["--session", "--print-reply", "--dest=org.freedesktop.secrets", service]);
        assert!(
            command
                .args(["org.freedesktop.Secret.Service.Lock", what])
                .stdout(Stdio::null())
                .status()
                .unwrap()
                .success()
        );
    }

    /// Puts an item there as another program would.
    pub(crate) fn store(&self, label: &str, attributes: &[&str], value: &str) {
        let mut command = Command::new("secret-tool");
        command.args(["store", "--label", label]).args(attributes);
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(value.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
    }

    /// A method of D-Bus itself; what it answers, empty when it fails.
    fn call(&self, to: &str, path: &str, method: &[&str]) -> String {
        let mut command = Command::new("dbus-send");
        command.args(["--session", "--print-reply", "--reply-timeout=2000", &format!("--dest={to}"), path]);
        command.arg(format!("org.freedesktop.DBus.{}", method[0])).args(&method[1..]);
        let output = command.stderr(Stdio::null()).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(20), "waited too long until {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// The bytes of every file of a folder.
pub(crate) fn all_bytes(folder: &Path) -> Vec<u8> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    files.flat_map(|path| fs::read(path).unwrap()).collect()
}

/// The names of the files of a folder that end so.
pub(crate) fn names(folder: &Path, end: &str) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.ends_with(end)).collect()
}
