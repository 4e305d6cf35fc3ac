//! Many processes that want another token at the same moment.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;

use tokenway::home::HOME_VARIABLE;
use tokenway_core::secret::Secret;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};

use super::server::CLIENT_ID;
use crate::exit::{Code, Stopped};

/// What the crowd got.
pub(super) struct Crowd {
    /// How many different tokens.
    pub(super) different: usize,
}

/// Starts `count` times `tokenway token --rejected -`, lets all of them begin together, and compares their answers.
pub(super) async fn ask(count: usize, issuer: &str, home: &Path, rejected: &Secret) -> Result<Crowd, Stopped> {
    let mut waiting = Vec::new();
    for _ in 0..count {
        waiting.push(start(issuer, home)?);
    }
    // Each waits for its stdin: the barrier falls when the token is written.
    for child in &mut waiting {
        let mut stdin = child.stdin.take().ok_or_else(|| broken("a child without stdin"))?;
        stdin.write_all(rejected.expose().as_bytes()).await.map_err(|error| broken(&error.to_string()))?;
    }
    let mut tokens = BTreeSet::new();
    for child in waiting {
        let output = child.wait_with_output().await.map_err(|error| broken(&error.to_string()))?;
        if !output.status.success() {
            return Err(broken(String::from_utf8_lossy(&output.stderr).trim()));
        }
        tokens.insert(Secret::new(String::from_utf8_lossy(&output.stdout)).hash());
    }
    Ok(Crowd { different: tokens.len() })
}

fn start(issuer: &str, home: &Path) -> Result<Child, Stopped> {
    let program = std::env::current_exe().map_err(|error| broken(&error.to_string()))?;
    Command::new(program)
        .args(["token", "--issuer", issuer, "--client-id", CLIENT_ID, "--rejected", "-", "--reject-interval", "0"])
        .env(HOME_VARIABLE, home)
        .env_remove("TOKENWAY_STORE")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| broken(&error.to_string()))
}

fn broken(why: &str) -> Stopped {
    Stopped::new(Code::Other, format!("one of the processes did not get a token: {why}"))
}
