//! What went wrong with a file, for people.

use std::io::{self, ErrorKind};
use std::path::Path;

use tokenway_core::http::{IoFailure, IoFailureKind, Sent};

/// The place cannot do it.
pub(crate) fn unable(detail: String) -> IoFailure {
    IoFailure { sent: Sent::NotSent, kind: IoFailureKind::Unable, detail }
}

/// Another process was in the way for too long.
pub(crate) fn too_late(detail: String) -> IoFailure {
    IoFailure { sent: Sent::NotSent, kind: IoFailureKind::Deadline, detail }
}

/// A lock ended before what was to be done under it.
pub(super) fn lost() -> io::Error {
    io::Error::other("its lock was lost, because this process stood still or the lock's file was removed; try again")
}

/// `doing` (as in "writing") something with `path` failed.
pub(crate) fn failed(doing: &str, path: &Path, error: &io::Error) -> IoFailure {
    let advice = advice(error);
    unable(format!("{doing} {} failed: {error}{advice}", path.display()))
}

fn advice(error: &io::Error) -> &'static str {
    if error.raw_os_error().is_none() {
        return "";
    }
    let kind = error.kind();
    if [ErrorKind::StorageFull, ErrorKind::QuotaExceeded, ErrorKind::FileTooLarge].contains(&kind) {
        return "; free some space there and try again";
    }
    if [ErrorKind::PermissionDenied, ErrorKind::ReadOnlyFilesystem].contains(&kind) {
        return "; make it readable and writable for you, or set TOKENWAY_HOME to a folder that is";
    }
    ""
}
