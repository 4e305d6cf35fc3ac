//! `tokenway replay FILE...`: does this version still do what was recorded?

use std::path::Path;

use serde_json::json;
use tokenway_core::transcript::Transcript;

use crate::args::ReplayArgs;
use crate::exit::{Code, Stopped};
use crate::output::{Answer, say};

pub(crate) fn run(args: &ReplayArgs) -> Result<Answer, Stopped> {
    let mut lines = Vec::new();
    let mut rows = Vec::new();
    let mut differing = 0;
    for file in &args.files {
        match replay(file) {
            Ok(summary) => {
                lines.push(format!("{}: {summary}", file.display()));
                rows.push(json!({ "file": file, "replayed": summary }));
            }
            Err(why) => {
                differing += 1;
                say(&format!("{}: {why}", file.display()));
            }
        }
    }
    if differing > 0 {
        let seen = format!("{differing} of {} transcripts did not replay", args.files.len());
        return Err(Stopped::new(Code::Other, seen));
    }
    Ok(Answer { text: lines.join("\n"), json: json!({ "transcripts": rows }) })
}

fn replay(file: &Path) -> Result<String, String> {
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    let transcript = Transcript::parse(&text).map_err(|unreadable| unreadable.to_string())?;
    transcript.replay().map(|summary| summary.to_string()).map_err(|difference| difference.to_string())
}
