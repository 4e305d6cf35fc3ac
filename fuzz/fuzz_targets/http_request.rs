//! `tokenway::callback::strangers` has the reader, and what it promises.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tokenway::callback::strangers::request(bytes));
