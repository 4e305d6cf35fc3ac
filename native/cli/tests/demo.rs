//! `tokenway demo`: it works, tells its story, and leaves nothing behind.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "in a test, whatever fails ends it")]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};

#[test]
fn the_demo_tells_a_whole_life_and_leaves_nothing_behind() {
    let (temporary, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let output = demo(temporary.path(), home.path()).output().unwrap();
    let (told, end) = (String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
    assert_eq!(output.status.code(), Some(0), "{told}");
    let chapters =
        ["1. A person logs in.", "2. A program asks", "3. The API refuses", "4. 8 processes", "5. The person"];
    let steps = ["listen http", "await callback", "begin", "post form", "save generation 1", "note intent", "unlock"];
    for words in chapters.iter().chain(&steps) {
        assert!(told.contains(words), "{words:?} is not in:\n{told}");
    }
    assert!(
        told.contains("8 processes, 1 different token, 1 renewal at the server, 0 reused refresh tokens."),
        "{told}"
    );
    assert_eq!(end.lines().count(), 1, "{end}");
    assert!(end.starts_with("Done: 1 login, 2 renewals for 9 processes, 0 reused refresh tokens"), "{end}");

    let address = told.split("http://").nth(1).unwrap().split(';').next().unwrap();
    assert!(address.starts_with("127.0.0.1:"), "{address}");
    assert!(TcpStream::connect(address).is_err(), "the server still listens");
    assert_eq!(left_in(temporary.path()), [""; 0]);
    assert_eq!(left_in(home.path()), [""; 0], "the demo is no login of this person's");
    assert_eq!(processes_that_mention(temporary.path()), [0; 0]);
}

#[test]
fn the_server_of_the_demo_stands_alone_until_it_is_interrupted() {
    let (temporary, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut child = demo(temporary.path(), home.path()).args(["--serve", "0"]).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stderr.as_mut().unwrap()).read_line(&mut line).unwrap();
    let address = line.split("http://").nth(1).and_then(|rest| rest.split(',').next()).unwrap().to_owned();
    assert!(line.contains("client id tokenway-demo"), "{line}");
    assert!(TcpStream::connect(&address).is_ok(), "{line}");
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(TcpStream::connect(&address).is_err(), "the server still listens");
}

#[test]
fn an_interrupted_demo_leaves_nothing_behind_either() {
    let (temporary, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    // It waits for a browser that never comes.
    let mut command = demo(temporary.path(), home.path());
    let mut child = command.arg("--browser").env("BROWSER", "true").stderr(Stdio::piped()).spawn().unwrap();
    let mut told = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.starts_with("  http") {
        line.clear();
        assert_ne!(told.read_line(&mut line).unwrap(), 0, "it ended before it waited");
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    told.read_to_string(&mut String::new()).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(left_in(temporary.path()), [""; 0]);
    assert_eq!(left_in(home.path()), [""; 0]);
}

fn demo(temporary: &Path, home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tokenway"));
    command.arg("demo").env("TMPDIR", temporary).env("TOKENWAY_HOME", home).env_remove("TOKENWAY_STORE");
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    command
}

fn left_in(folder: &Path) -> Vec<String> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

/// The processes whose environment names the folder; none are known where there is no `/proc`.
fn processes_that_mention(folder: &Path) -> Vec<u32> {
    let needle = folder.to_string_lossy().into_owned();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_string_lossy().parse().ok());
    ids.filter(|id: &u32| {
        let environment = fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
        String::from_utf8_lossy(&environment).contains(&needle)
    })
    .collect()
}
