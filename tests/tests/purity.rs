//! Core needs nothing of the world: not in its dependencies, and not in what a WebAssembly module built on it imports.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "in a test, whatever fails ends it")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// The driver that the probe runs, here without WebAssembly.
#[path = "../probe/src/drive.rs"]
mod drive;

const NOW: u32 = 1_800_000_000;

#[test]
fn core_depends_on_nothing_that_does_io_or_randomness() {
    let tree = run(cargo().args(["tree", "-p", "tokenway-core", "-e", "normal", "--prefix", "none"]));
    let crates: Vec<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(crates.contains(&"tokenway-core") && crates.contains(&"serde_json"), "{tree}");
    for banned in ["getrandom", "rand", "reqwest", "tokio", "wasm-bindgen"] {
        assert!(!crates.contains(&banned), "core depends on {banned}:\n{tree}");
    }
}

#[test]
fn the_canned_world_serves_a_whole_login_and_a_renewal() {
    let login = drive::login(NOW, 1).expect("the login gives a token");
    let both = drive::get_token(NOW, 1).expect("the renewal gives a token");
    // Metadata, listen, open, wait, begin, exchange, save; then load, lock, load, note, refresh, save, unlock.
    assert_eq!((login, both), (7, 14));
}

#[test]
fn the_wasm_probe_imports_nothing() {
    let module = std::fs::read(build_probe()).unwrap();
    let imports = wasm::imports(&module).expect("a readable module");
    assert!(imports.is_empty(), "the module imports {imports:?}");
}

#[test]
fn the_wasm_probe_runs_by_node_with_nothing_imported() {
    let script = "
        const { exports } = await WebAssembly.instantiate(await WebAssembly.compile(
            (await import('node:fs')).readFileSync(process.argv[1])), {});
        console.log(exports.login(Number(process.argv[2]), 1), exports.get_token(Number(process.argv[2]), 1));";
    let mut node = Command::new("node");
    node.args(["--input-type=module", "--eval", script, "--"]).arg(build_probe()).arg(NOW.to_string());
    let expected = (drive::login(NOW, 1).unwrap(), drive::get_token(NOW, 1).unwrap());
    assert_eq!(run(&mut node).trim(), format!("{} {}", expected.0, expected.1));
}

/// Cargo builds it once, however many tests ask.
fn build_probe() -> PathBuf {
    const TARGET: &str = "wasm32-unknown-unknown";
    let probe = Path::new(env!("CARGO_MANIFEST_DIR")).join("probe");
    let target_dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("probe");
    run(cargo()
        .args(["build", "--release", "--target", TARGET, "--manifest-path"])
        .arg(probe.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(&target_dir));
    target_dir.join(TARGET).join("release/tokenway_probe.wasm")
}

fn cargo() -> Command {
    Command::new(env!("CARGO"))
}

fn run(command: &mut Command) -> String {
    let output = command.output().expect("the command starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{stderr}", output.status);
    String::from_utf8(output.stdout).expect("its output is text")
}

/// As much of the binary format as it takes to list the imports (WebAssembly core specification, section 5.5).
mod wasm {
    const HEADER: &[u8] = b"\0asm\x01\0\0\0";
    const IMPORT_SECTION: u8 = 2;

    /// `module.name` of each import; `None` when the bytes are no module.
    pub(super) fn imports(module: &[u8]) -> Option<Vec<String>> {
        let mut rest = module.strip_prefix(HEADER)?;
        while !rest.is_empty() {
            let id = byte(&mut rest)?;
            let mut section = sized(&mut rest)?;
            if id == IMPORT_SECTION {
                let count = unsigned(&mut section)?;
                return (0..count).map(|_| import(&mut section)).collect();
            }
        }
        Some(Vec::new())
    }

    fn import(bytes: &mut &[u8]) -> Option<String> {
        let module = String::from_utf8_lossy(sized(bytes)?);
        let name = String::from_utf8_lossy(sized(bytes)?);
        match byte(bytes)? {
            0 => drop(unsigned(bytes)?),
            1 => {
                byte(bytes)?;
                limits(bytes)?;
            }
            2 => limits(bytes)?,
            3 => drop((byte(bytes)?, byte(bytes)?)),
            _ => return None,
        }
        Some(format!("{module}.{name}"))
    }

    fn limits(bytes: &mut &[u8]) -> Option<()> {
        let has_maximum = byte(bytes)? & 1 == 1;
        unsigned(bytes)?;
        if has_maximum {
            unsigned(bytes)?;
        }
        Some(())
    }

    fn sized<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
        let length = usize::try_from(unsigned(bytes)?).ok()?;
        let (taken, rest) = bytes.split_at_checked(length)?;
        *bytes = rest;
        Some(taken)
    }

    /// LEB128 of at most 32 bits.
    fn unsigned(bytes: &mut &[u8]) -> Option<u32> {
        let mut value = 0u64;
        for shift in (0..35).step_by(7) {
            let next = byte(bytes)?;
            value |= u64::from(next & 0x7f) << shift;
            if next & 0x80 == 0 {
                return u32::try_from(value).ok();
            }
        }
        None
    }

    fn byte(bytes: &mut &[u8]) -> Option<u8> {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        Some(*first)
    }

    #[test]
    fn an_import_would_be_seen() {
        // (module (import "env" "f" (func)) (import "env" "m" (memory 1)) (import "env" "g" (global i32)))
        let module = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x02\x1b\x03\
            \x03env\x01f\0\0\x03env\x01m\x02\0\x01\x03env\x01g\x03\x7f\0";
        assert_eq!(imports(module).unwrap(), ["env.f", "env.m", "env.g"]);
        assert_eq!(imports(b"\0asm\x01\0\0\0").unwrap(), [""; 0]);
        assert_eq!(imports(b"#!/bin/sh"), None);
    }
}
