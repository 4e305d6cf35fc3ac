//! `tokenway_tests::foreign` has the readers, and what they promise.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tokenway_tests::foreign::show("snapshot", bytes));
