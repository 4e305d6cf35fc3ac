//! An input in the shape of a message, so that a fuzzer's dictionary and a person's eye both find their way: a first line
//! of words, headers, an empty line, and the body, which may hold any bytes.

use tokenway_core::http::{AnswerBody, HttpAnswer};
use tokenway_core::moment::UnixMillis;

/// The parts of such an input.
pub(super) struct Message<'a> {
    pub(super) words: Vec<String>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: &'a [u8],
}

impl<'a> Message<'a> {
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        let end = bytes.windows(2).position(|pair| pair == b"\n\n").unwrap_or(bytes.len());
        let body = bytes.get(end + 2..).unwrap_or_default();
        let head = String::from_utf8_lossy(&bytes[..end]);
        let mut lines = head.split('\n');
        let words = lines.next().unwrap_or_default().split(' ').map(str::to_owned).collect();
        let header = |line: &str| {
            let (name, value) = line.split_once(": ").unwrap_or((line, ""));
            (name.to_ascii_lowercase(), value.to_owned())
        };
        Message { words, headers: lines.map(header).collect(), body }
    }

    /// A word of the first line; empty when it has fewer.
    pub(super) fn word(&self, at: usize) -> &str {
        self.words.get(at).map_or("", String::as_str)
    }

    /// The answer of which the first word is the status.
    pub(super) fn answer(&self) -> HttpAnswer {
        HttpAnswer {
            status: self.word(0).parse().unwrap_or(200),
            headers: self.headers.clone(),
            body: AnswerBody::new(self.body.to_vec()),
            received_at: UnixMillis(1_800_000_000_000),
        }
    }
}
