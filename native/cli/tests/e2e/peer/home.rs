//! A home for logins, and the command in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use super::{Run, Waiting, root, run};

/// A `TOKENWAY_HOME` that goes away.
pub(crate) struct Home {
    folder: PathBuf,
    _temporary: Option<TempDir>,
    /// The variables that name another store than plain files.
    store: Vec<(&'static str, String)>,
}

impl Home {
    pub(crate) fn new() -> Self {
        Home::temporary(tempfile::tempdir().unwrap())
    }

    /// On that file system.
    #[cfg(target_os = "linux")]
    pub(crate) fn within(folder: &Path) -> Self {
        Home::temporary(tempfile::tempdir_in(folder).unwrap())
    }

    /// One that is there already, and stays.
    #[cfg(target_os = "linux")]
    pub(crate) fn at(folder: &Path) -> Self {
        Home { folder: folder.to_owned(), _temporary: None, store: Vec::new() }
    }

    fn temporary(folder: TempDir) -> Self {
        Home { folder: folder.path().to_owned(), _temporary: Some(folder), store: Vec::new() }
    }

    /// The same with its logins in the store that these variables name.
    pub(crate) fn keeping_in(self, store: &[(&'static str, &str)]) -> Self {
        Home { store: store.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(), ..self }
    }

    pub(crate) fn has_plain_files(&self) -> bool {
        self.store.is_empty()
    }

    pub(crate) fn path(&self) -> &Path {
        &self.folder
    }

    /// Writes a file into the home.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// The command, with a person who logs in as alice and allows everything.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tokenway"));
        self.prepare(command.args(args));
        command
    }

    /// The command with a terminal on stdin and stderr; what the terminal shows comes out on the run's stderr.
    pub(crate) fn command_on_a_terminal(&self, args: &[&str]) -> Command {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/on_terminal.py");
        let mut command = Command::new("python3");
        self.prepare(command.arg(script).arg(env!("CARGO_BIN_EXE_tokenway")).args(args));
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Run {
        run::finish(self.command(args))
    }

    /// Runs the command with something on its stdin.
    pub(crate) fn run_with_input(&self, args: &[&str], input: &str) -> Run {
        let mut command = self.command(args);
        command.stdin(Stdio::piped());
        let mut waiting = Waiting::start(command);
        waiting.give(input);
        waiting.end()
    }

    /// Logs in, which must work.
    pub(crate) fn login(&self, issuer: &str, client: &str, more: &[&str]) -> Run {
        self.run(&[&["login", "--issuer", issuer, "--client-id", client], more].concat()).succeeds()
    }

    /// A token, which must come.
    pub(crate) fn token(&self, args: &[&str]) -> String {
        self.run(&[&["token"], args].concat()).token()
    }

    /// Another token than this one, whatever the answer.
    pub(crate) fn rejecting(&self, rejected: &str, args: &[&str]) -> Run {
        self.run_with_input(&[&["token", "--rejected", "-", "--reject-interval", "0"], args].concat(), rejected)
    }

    /// The records of all credentials, as they lie in their files.
    pub(crate) fn records(&self) -> Vec<Value> {
        let mut paths: Vec<PathBuf> =
            fs::read_dir(self.path().join("credentials")).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        let is_record = |path: &&PathBuf| {
            let name = path.file_name().unwrap().to_string_lossy();
            name.ends_with(".json") && !name.ends_with(".ledger.json")
        };
        paths.iter().filter(is_record).map(|path| record_of(path)).collect()
    }

    fn prepare(&self, command: &mut Command) {
        for name in ["TOKENWAY_PASSPHRASE", "TOKENWAY_REQUEST_DEADLINE", "TOKENWAY_REJECT_INTERVAL", "TOKENWAY_CA_FILE"]
        {
            command.env_remove(name);
        }
        for name in
            ["TOKENWAY_LEASE", "TOKENWAY_REDIS_URL", "CODEX_HOME", "CLOUDSDK_CONFIG", "GOOGLE_APPLICATION_CREDENTIALS"]
        {
            command.env_remove(name);
        }
        for name in ["NO_COLOR", "SSH_CONNECTION", "SSH_TTY", "DISPLAY", "WAYLAND_DISPLAY", "http_proxy", "HTTP_PROXY"]
        {
            command.env_remove(name);
        }
        // Never the keyring of whoever runs the tests.
        command.env("TOKENWAY_STORE", "file").envs(self.store.iter().map(|(name, value)| (name, value)));
        command.env("TOKENWAY_HOME", self.path()).env("BROWSER", person("")).stdin(Stdio::null());
    }
}

/// A `BROWSER` that stands in for a person: `--user NAME`, `--deny`, ...
pub(crate) fn person(options: &str) -> String {
    format!("python3 '{}' {options} %s", root().join("tests/peers/open_url.py").display())
}

/// A record without its seal.
fn record_of(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}: {text}", path.display()))
}
