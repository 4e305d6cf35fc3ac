//! House rules that a machine can hold.

#![allow(clippy::unwrap_used, reason = "in a test, whatever fails ends it")]

use std::fs;
use std::path::{Path, PathBuf};

/// The most lines of a source file outside tests.
const MAX_LINES: usize = 600;

#[test]
fn no_file_outside_tests_is_over_600_lines() {
    let mut sources = Vec::new();
    for folder in ["core", "native", "wasm"] {
        collect(&root().join(folder), &mut sources);
    }
    assert!(sources.len() > 20, "only {} sources were found", sources.len());
    let long: Vec<String> = sources
        .iter()
        .map(|path| (path, fs::read_to_string(path).unwrap().lines().count()))
        .filter(|(_, lines)| *lines > MAX_LINES)
        .map(|(path, lines)| format!("{} ({lines})", path.display()))
        .collect();
    assert!(long.is_empty(), "too long: {long:?}");
}

#[test]
fn the_readme_states_the_rust_version_of_the_manifest() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let (_, rest) = manifest.split_once("\nrust-version = \"").unwrap();
    let (version, _) = rest.split_once('"').unwrap();
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let stated: Vec<&str> = readme
        .split("Rust ")
        .skip(1)
        .map(|rest| rest.split(|c: char| c != '.' && !c.is_ascii_digit()).next().unwrap().trim_end_matches('.'))
        .filter(|stated| !stated.is_empty())
        .collect();
    assert!(!stated.is_empty(), "the README does not say `Rust {version}`");
    assert!(stated.iter().all(|stated| *stated == version), "Cargo.toml says {version}, the README {stated:?}");
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The sources under `folder` that are neither tests nor generated.
fn collect(folder: &Path, into: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if ["dist", "node_modules", "pkg", "target", "tests", "tests.rs"].contains(&name.as_str()) {
            continue;
        }
        if path.is_dir() {
            collect(&path, into);
        } else if name.ends_with(".rs") || (name.ends_with(".ts") && !name.ends_with(".d.ts")) {
            into.push(path);
        }
    }
}
