//! What went wrong with Redis, for people.

use ::redis::{ErrorKind, RedisError};
use tokenway_core::http::{IoFailure, IoFailureKind, Sent};

/// The most characters of a server's words that are repeated.
const MAX_WORDS: usize = 200;

/// What a word in the server's answer means, and what to do about it. Scripts hide the word inside of their own error.
const ADVICE: [(&str, &str); 13] = [
    ("ASK ", CLUSTER),
    ("CLUSTERDOWN", "the cluster is not complete; wait for it, or look after its nodes"),
    ("LOADING", "Redis is starting and still reads its data; try again in a moment"),
    ("MASTERDOWN", "the primary is away from its replica; name a server that takes writes"),
    ("MISCONF", "Redis cannot write to its own disk, and takes no writes; look into its log"),
    ("MOVED", CLUSTER),
    ("NOAUTH", "put user name and password into the URL of the store"),
    ("NOPERM", "allow its user the commands and keys that the documentation of the store lists"),
    ("NOREPLICAS", "Redis wants more replicas than are there; look after them"),
    ("OOM", "Redis is out of memory; raise its `maxmemory`, or remove what it does not need"),
    ("READONLY", "this is a replica; name the primary, which takes writes"),
    ("WRONGPASS", "check user name and password in the URL of the store"),
    ("WRONGTYPE", "another program uses the keys; give the store another prefix"),
];

const CLUSTER: &str = "the key is at another node of the cluster; name that node, or a proxy that knows them all";

/// The place cannot do it.
pub(super) fn unable(detail: String) -> IoFailure {
    IoFailure { sent: Sent::NotSent, kind: IoFailureKind::Unable, detail }
}

/// Nobody answered in time.
pub(super) fn too_late(doing: &str, place: &str, limit: u128) -> IoFailure {
    let detail = format!("{doing}: the Redis at {place} did not answer within {limit} ms; see whether it is well");
    IoFailure { sent: Sent::NotSent, kind: IoFailureKind::Deadline, detail }
}

/// `doing` (as in "saving") something at `place` (host and port) failed.
pub(super) fn failed(doing: &str, place: &str, error: &RedisError) -> IoFailure {
    let seen = printable(&error.to_string());
    let words = words(error);
    if let Some((_, advice)) = ADVICE.iter().find(|(word, _)| words.contains(word)) {
        return unable(format!("{doing} in the Redis at {place} failed: {seen}; {advice}"));
    }
    if error.kind() == ErrorKind::AuthenticationFailed {
        let advice = "check user name and password in the URL of the store";
        return unable(format!("{doing} in the Redis at {place} failed: {seen}; {advice}"));
    }
    if error.is_io_error() {
        return unreachable(doing, place, &seen);
    }
    unable(format!("{doing} in the Redis at {place} failed: {seen}"))
}

/// The server's word and its sentence: of the words that it knows, the library's sentence leaves out which it was.
pub(super) fn words(error: &RedisError) -> String {
    format!("{} {error}", error.code().unwrap_or_default())
}

/// There is no connection, or there is none any more.
pub(super) fn unreachable(doing: &str, place: &str, seen: &str) -> IoFailure {
    let detail = format!("{doing}: the Redis at {place} cannot be reached: {seen}; start it, or open the way to it");
    IoFailure { sent: Sent::NotSent, kind: IoFailureKind::Unreachable, detail }
}

/// Foreign words without what could fool a terminal, and not too long.
pub(super) fn printable(words: &str) -> String {
    let harmless = words.chars().map(|character| if character.is_control() { ' ' } else { character });
    harmless.filter(|character| character.is_ascii()).take(MAX_WORDS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_server_cannot_fool_a_terminal_and_are_bounded() {
        assert_eq!(printable("a\u{1b}[31m\nb\u{202e}"), "a [31m b");
        assert_eq!(printable(&"x".repeat(5_000)).len(), MAX_WORDS);
    }

    #[test]
    fn an_error_inside_of_a_script_is_known_by_its_word() {
        let words = "@user_script: 10: -OOM command not allowed when used memory > 'maxmemory'.".to_owned();
        let error = RedisError::from((ErrorKind::Extension, "script", words));
        let failure = failed("saving", "redis.example:6379", &error);
        assert_eq!(failure.kind, IoFailureKind::Unable);
        assert!(failure.detail.contains("raise its `maxmemory`"), "{}", failure.detail);
    }
}
