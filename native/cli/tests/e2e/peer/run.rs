//! A run of the command: finished, or still waiting.

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;
use url::Url;

use super::http::{Answer, get};
use super::{root, until};

/// A command that has ended.
#[derive(Debug)]
pub(crate) struct Run {
    /// `None`: ended by a signal.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    #[track_caller]
    pub(crate) fn succeeds(self) -> Self {
        self.exits(0)
    }

    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Nothing but a token and a newline is on stdout.
    #[track_caller]
    pub(crate) fn token(self) -> String {
        let run = self.succeeds();
        let token = run.stdout.strip_suffix('\n').unwrap_or_else(|| panic!("no newline: {run:?}"));
        assert!(!token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()), "not a token: {run:?}");
        token.to_owned()
    }

    #[track_caller]
    pub(crate) fn says(self, sentence: &str) -> Self {
        assert!(self.stderr.contains(sentence), "{sentence:?} is not in:\n{}", self.stderr);
        self
    }

    #[track_caller]
    pub(crate) fn prints(self, sentence: &str) -> Self {
        assert!(self.stdout.contains(sentence), "{sentence:?} is not in:\n{}", self.stdout);
        self
    }

    #[track_caller]
    pub(crate) fn prints_nothing(self) -> Self {
        assert_eq!(self.stdout, "", "stderr:\n{}", self.stderr);
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    #[track_caller]
    pub(crate) fn json_error(&self) -> Value {
        serde_json::from_str(&self.stderr).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Runs a command to its end.
pub(crate) fn finish(command: Command) -> Run {
    Waiting::start(command).end()
}

/// A command that runs; killed when dropped.
pub(crate) struct Waiting {
    process: Child,
    stdout: Stream,
    stderr: Stream,
}

/// What came out so far.
struct Stream {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Waiting {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the command starts");
        let stdout = Stream::of(process.stdout.take().unwrap());
        let stderr = Stream::of(process.stderr.take().unwrap());
        Waiting { process, stdout, stderr }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Writes to its stdin and closes it.
    pub(crate) fn give(&mut self, input: &str) {
        // Whoever does not read its stdin may have ended by now.
        self.process.stdin.take().expect("a pipe").write_all(input.as_bytes()).ok();
    }

    /// Writes a line to its stdin, which stays open. In one piece: what the line begins with may end the process.
    pub(crate) fn type_line(&mut self, line: &str) {
        self.process.stdin.as_mut().expect("a pipe").write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    /// The authorization URL, as soon as it is shown.
    pub(crate) fn url(&self) -> String {
        let mut url = None;
        until("the login shows its URL", || {
            let shown = self.stderr.text();
            // A line that is still being written has no end.
            let whole = shown.rsplit_once('\n').map_or("", |(whole, _)| whole);
            url = whole.lines().map(uncoloured).find(|line| line.starts_with("  http"));
            url.is_some()
        });
        url.unwrap().trim().to_owned()
    }

    pub(crate) fn waits_for(&self, sentence: &str) {
        until(sentence, || self.stderr.text().contains(sentence));
    }

    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args([format!("-{name}"), self.pid().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// SIGKILL, after a while.
    pub(crate) fn kill_after(mut self, span: Duration) -> Run {
        thread::sleep(span);
        self.process.kill().unwrap();
        self.end()
    }

    pub(crate) fn has_ended_within(&mut self, span: Duration) -> bool {
        let limit = Instant::now() + span;
        while Instant::now() < limit {
            if self.process.try_wait().unwrap().is_some() {
                return true;
            }
            thread::sleep(Duration::from_millis(10));
        }
        false
    }

    pub(crate) fn end(mut self) -> Run {
        let mut code = None;
        until("the command ends", || match self.process.try_wait().unwrap() {
            Some(status) => {
                code = Some(status.code());
                true
            }
            None => false,
        });
        Run { code: code.flatten(), stdout: self.stdout.all(), stderr: self.stderr.all() }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

impl Stream {
    fn of(mut pipe: impl Read + Send + 'static) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&bytes);
        let reader = thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = pipe.read(&mut buffer) {
                kept.lock().unwrap().extend_from_slice(&buffer[..count]);
            }
        });
        Stream { bytes, reader: Some(reader) }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().unwrap()).into_owned()
    }

    fn all(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        self.text()
    }
}

/// Walks through the server's pages and returns where it sends the browser in the end.
pub(crate) fn walk(url: &str, options: &[&str]) -> String {
    let mut command = Command::new("python3");
    command.arg(root().join("tests/peers/open_url.py")).arg(url).arg("--print").args(options).stdin(Stdio::null());
    finish(command).succeeds().stdout.trim().to_owned()
}

/// Brings a callback to the login as a browser does: the clean page that it is sent on to included, which is returned.
pub(crate) fn deliver(callback: &str) -> Answer {
    let answer = get(callback, &[]);
    match &answer.location {
        Some(page) => get(Url::parse(callback).unwrap().join(page).unwrap().as_str(), &[]),
        None => answer,
    }
}

fn uncoloured(line: &str) -> String {
    line.replace("\x1b[1m", "").replace("\x1b[0m", "").trim_end().to_owned()
}
