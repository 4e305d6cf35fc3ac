//! Bytes from strangers for the request reader: a fuzzer invents them (`fuzz/`), and those worth keeping are replayed here.
#![allow(
    clippy::panic,
    clippy::print_stdout,
    reason = "a broken promise ends a fuzzer by a panic, and figures are results"
)]

use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use tokenway_core::event::Callback;
use tokio::io::{self, AsyncRead, ReadBuf};

use super::request::{MAX_REDIRECT_BODY, Request, Unreadable};

/// The first byte says in what pieces the others arrive: whether a request is read, and what is read, does not depend on
/// it, and keeps the limits.
///
/// # Panics
/// When a promise is broken.
pub fn request(bytes: &[u8]) {
    let Some((piece, sent)) = bytes.split_first() else { return };
    let whole = read(sent, sent.len());
    let in_pieces = read(sent, usize::from(*piece));
    assert!(whole == in_pieces, "{whole:?} at once, {in_pieces:?} in pieces of {piece}");
    if let Ok(callback) = whole {
        assert!(!callback.method.is_empty() && callback.method.bytes().all(|byte| byte.is_ascii_uppercase()));
        assert!(callback.target.expose().bytes().all(|byte| byte.is_ascii_graphic()));
        assert!(callback.body.len() <= MAX_REDIRECT_BODY);
        assert_eq!(callback.headers.iter().filter(|(name, _)| name == "host").count(), 1);
        let of_a_line = |value: &str| !value.chars().any(|character| character.is_control() && character != '\t');
        assert!(callback.headers.iter().all(|(_, value)| of_a_line(value)), "{:?}", callback.headers);
    }
}

fn read(sent: &[u8], piece: usize) -> Result<Callback, Unreadable> {
    let mut stream = Stream { rest: sent, piece: piece.max(1) };
    let reading = pin!(Request::read(&mut stream, || ()));
    let Poll::Ready(end) = reading.poll(&mut Context::from_waker(Waker::noop())) else { panic!("it waits for ever") };
    end.map(|request| {
        let _ = (request.is_for("127.0.0.1:49152"), request.path());
        request.into_callback()
    })
}

/// A connection of which a piece is there whenever one is wanted.
struct Stream<'a> {
    rest: &'a [u8],
    piece: usize,
}

impl AsyncRead for Stream<'_> {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let (now, later) = self.rest.split_at(self.piece.min(self.rest.len()).min(into.remaining()));
        into.put_slice(now);
        self.rest = later;
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_seed_of_the_request_reader_is_replayed() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/seeds/http_request.jsonl");
        let text = std::fs::read_to_string(path).unwrap();
        let seeds: Vec<String> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        for seed in &seeds {
            let bytes: Vec<u8> = seed.chars().map(|character| u8::try_from(u32::from(character)).unwrap()).collect();
            assert!(std::panic::catch_unwind(|| super::request(&bytes)).is_ok(), "{seed:?}");
        }
        println!("seeds: http_request: {} replayed", seeds.len());
        assert!(seeds.len() >= 10, "only {} seeds", seeds.len());
    }
}
