//! What a command prints: answers on stdout, everything else on stderr.

use std::io::Write;
use std::process::ExitCode;

use serde_json::Value;

use crate::args::{Command, StoreCommand};
use crate::exit::Stopped;

/// A command that reached its goal.
pub(crate) struct Answer {
    /// For people; no line end.
    pub(crate) text: String,
    /// The same as data.
    pub(crate) json: Value,
}

/// Where answers go, and in which form.
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) fn of(command: &Command) -> Self {
        let json = match command {
            Command::Demo(_) => false,
            Command::Import(args) => args.target.common.json,
            Command::Lease(args) => args.target.common.json,
            Command::List(args) => args.common.json,
            Command::Login(args) => args.target.common.json,
            Command::Logout(args) => args.target.common.json,
            Command::Providers(args) => args.common.json,
            Command::Replay(args) => args.common.json,
            Command::Status(args) => args.target.common.json,
            Command::Store(args) => match &args.command {
                StoreCommand::Migrate(args) => args.json,
            },
            Command::Token(args) => args.target.common.json,
        };
        Output { json }
    }

    pub(crate) fn answer(&self, answer: &Answer) -> ExitCode {
        let line = if self.json { answer.json.to_string() } else { answer.text.clone() };
        if line.is_empty() {
            return ExitCode::SUCCESS;
        }
        let mut stdout = std::io::stdout().lock();
        match writeln!(stdout, "{line}").and_then(|()| stdout.flush()) {
            Ok(()) => ExitCode::SUCCESS,
            // Whoever reads has gone: there is nobody left to tell.
            Err(_) => ExitCode::FAILURE,
        }
    }

    pub(crate) fn stopped(&self, stopped: &Stopped) -> ExitCode {
        if self.json {
            say(&stopped.to_json().to_string());
        } else {
            say(&stopped.to_string());
        }
        ExitCode::from(stopped.code as u8)
    }
}

/// A line on stderr.
pub(crate) fn say(line: &str) {
    // Nobody reads it: then nobody misses it.
    writeln!(std::io::stderr().lock(), "{line}").ok();
}
