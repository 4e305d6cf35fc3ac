//! Runs the corpus of quirks: on the core alone, and where the case's fault is one of the connection, on the native driver.

#![allow(clippy::unwrap_used, reason = "in a test, whatever fails ends it")]

mod transport;

use std::io::Write as _;

use tokenway::http::ReqwestHttp;
use tokenway_core::secret::Secret;
use tokenway_core::wire::{callback, token};
use tokenway_tests::corpus::{self, Case, Got};

#[tokio::test]
async fn every_quirk_is_read_as_the_corpus_expects() {
    let cases = corpus::load(&corpus::path()).unwrap();
    let http = ReqwestHttp::default();
    let (mut passed, mut failed, mut skipped) = (0_usize, 0_usize, 0_usize);
    for case in &cases {
        match differences(&http, case).await {
            Err(why) => {
                skipped += 1;
                report(&format!("skipped {}: {why}", case.id));
            }
            Ok(differences) if differences.is_empty() => passed += 1,
            Ok(differences) => {
                failed += 1;
                report(&format!("FAILED {}\n  {}", case.id, differences.join("\n  ")));
            }
        }
    }
    report(&format!("corpus: {passed} passed, {failed} failed, {skipped} skipped"));
    assert_eq!(failed, 0, "cases of the corpus failed");
    assert!(passed > 0, "the corpus has no case for us");
}

/// What differs from what the case expects, or why the case is not run.
async fn differences(http: &ReqwestHttp, case: &Case) -> Result<Vec<String>, String> {
    if !matches!(case.kind.as_str(), "callback" | "refresh" | "token") {
        return Err(format!("kind {} is not built", case.kind));
    }
    if let Some(fault) = &case.transport {
        return Ok(transport::differences(http, case, &transport::known(fault)?).await);
    }
    Ok(match read(case) {
        Ok(got) => corpus::compare(case, &got),
        Err(why) => vec![why],
    })
}

fn read(case: &Case) -> Result<Got, String> {
    if case.kind == "callback" {
        return callback_of(case);
    }
    let setting = case.setting()?;
    Ok(corpus::got_tokens(case, &token::read(&case.answer()?, &setting.context())))
}

fn callback_of(case: &Case) -> Result<Got, String> {
    let state = Secret::from(case.known("state"));
    let (arrived, expected) = (case.callback()?, case.expected(&state));
    let is_over = case.context["already_completed"] == true;
    let read = if is_over { Err(callback::late(&arrived, &expected)) } else { callback::check(&arrived, &expected) };
    Ok(corpus::got_callback(&read))
}

/// Written past the capture of the test harness: the figure is wanted when all is well, too.
fn report(line: &str) {
    let line = format!("{line}\n");
    assert!(std::io::stdout().write_all(line.as_bytes()).is_ok(), "the report cannot be written");
}
