//! What fuzzing found worth keeping is shown to each reader again.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "in a test, whatever fails ends it")]
#![allow(clippy::print_stdout, reason = "its figures are for people")]

use std::fs;
use std::panic::catch_unwind;

use tokenway_tests::foreign::{TARGETS, Target, seeds, show};

/// The seed of the callback receiver's request reader is replayed where that reader is: in the crate `tokenway`.
const ELSEWHERE: &str = "http_request";

#[test]
fn every_seed_of_every_reader_is_replayed() {
    for Target { name, .. } in TARGETS {
        let seeds = seeds::of(name).unwrap();
        for (at, seed) in seeds.iter().enumerate() {
            let shown = String::from_utf8_lossy(seed);
            assert!(catch_unwind(|| show(name, seed)).is_ok(), "{name}, line {}: {shown}", at + 1);
        }
        println!("seeds: {name}: {} replayed", seeds.len());
        assert!(seeds.len() >= 10, "{name} has only {} seeds", seeds.len());
    }
}

#[test]
fn every_reader_is_fuzzed_and_every_seed_has_a_reader() {
    let names = |folder, ending| {
        let entries = fs::read_dir(seeds::folder().parent().unwrap().join(folder)).unwrap();
        let name = |file: String| file.strip_suffix(ending).map(str::to_owned);
        let mut names: Vec<String> =
            entries.filter_map(|entry| name(entry.unwrap().file_name().to_string_lossy().into_owned())).collect();
        names.sort_unstable();
        names
    };
    let mut readers: Vec<&str> = TARGETS.iter().map(|target| target.name).chain([ELSEWHERE]).collect();
    readers.sort_unstable();
    assert_eq!(names("fuzz_targets", ".rs"), readers);
    assert_eq!(names("seeds", ".jsonl"), readers);
}
