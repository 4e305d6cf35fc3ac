//! A lease as JSON, and as a file. It comes from elsewhere: what is in it is checked before it reaches a header or a
//! terminal.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use serde::Deserialize;
use tokenway_core::secret::Secret;

use super::{LEASE_FORMAT, Lease};
use crate::store::Answer;
use crate::store::file::failure::{failed, unable};
use crate::store::file::replace;

/// The most bytes that a lease may have, as many as a record.
const MAX_LEASE: u64 = 1024 * 1024;

/// Why a text is not a lease. Never quotes it.
#[derive(Debug)]
pub enum UnreadableLease {
    /// A lease, but what is in this member cannot be used.
    Invalid(&'static str),
    /// A newer version wrote it.
    Newer,
    /// Not JSON of a lease.
    NotALease {
        /// Where it stops being one.
        line: usize,
        /// In that line.
        column: usize,
    },
    /// Larger than any lease.
    TooLarge,
    /// The file cannot be read.
    Unreadable(io::Error),
}

impl fmt::Display for UnreadableLease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UnreadableLease::Invalid(member) => write!(f, "its {member:?} is not one that tokenway writes"),
            UnreadableLease::Newer => f.write_str("a newer version of tokenway wrote it: update tokenway here"),
            UnreadableLease::NotALease { line, column } => {
                write!(f, "it is not a lease as `tokenway lease` writes it (line {line}, column {column})")
            }
            UnreadableLease::TooLarge => f.write_str("it is too large for a lease"),
            UnreadableLease::Unreadable(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for UnreadableLease {}

/// What every format has.
#[derive(Deserialize)]
struct AnyFormat {
    tokenway_lease: u32,
}

impl Lease {
    /// The document, in one line.
    #[must_use]
    pub fn to_json(&self) -> Secret {
        // Text, numbers and lists of them: nothing that JSON cannot say.
        Secret::new(serde_json::to_string(self).unwrap_or_default())
    }

    /// Reads the document.
    ///
    /// # Errors
    /// [`UnreadableLease`].
    pub fn parse(text: &str) -> Result<Self, UnreadableLease> {
        let not_a_lease =
            |error: serde_json::Error| UnreadableLease::NotALease { line: error.line(), column: error.column() };
        let AnyFormat { tokenway_lease } = serde_json::from_str(text).map_err(not_a_lease)?;
        if tokenway_lease > LEASE_FORMAT {
            return Err(UnreadableLease::Newer);
        }
        let lease: Lease = serde_json::from_str(text).map_err(not_a_lease)?;
        lease.strange_member().map_or(Ok(lease), |member| Err(UnreadableLease::Invalid(member)))
    }

    /// Reads the file, whoever it belongs to: in a container that is mostly somebody else.
    ///
    /// # Errors
    /// [`UnreadableLease`].
    pub fn read(file: &Path) -> Result<Self, UnreadableLease> {
        let mut bytes = Vec::new();
        File::open(file)
            .and_then(|file| file.take(MAX_LEASE + 1).read_to_end(&mut bytes))
            .map_err(UnreadableLease::Unreadable)?;
        if bytes.len() as u64 > MAX_LEASE {
            return Err(UnreadableLease::TooLarge);
        }
        let text = String::from_utf8(bytes).map_err(|_| UnreadableLease::NotALease { line: 1, column: 0 })?;
        Lease::parse(Secret::new(text).expose())
    }

    /// Writes the file, or replaces it as a whole: readers see the old lease or the new one. Only you can read it. It is
    /// a new file each time: a container is to be given its folder, not the file.
    ///
    /// # Errors
    /// It could not be written, or something else than a file is there.
    pub fn write(&self, file: &Path) -> Answer<()> {
        let path = std::path::absolute(file).map_err(|error| failed("writing", file, &error))?;
        match fs::symlink_metadata(&path) {
            Ok(there) if !there.is_file() => {
                return Err(unable(format!("{} is there already, and not a file: name another", path.display())));
            }
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed("writing", &path, &error)),
            Ok(_) | Err(_) => {}
        }
        replace::replace(&path, format!("{}\n", self.to_json().expose()).as_bytes())
    }

    /// The first member that would not do in a header or on a terminal.
    fn strange_member(&self) -> Option<&'static str> {
        let is_word = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        let is_line = |text: &String| !text.chars().any(char::is_control);
        let scopes = self.scopes.iter().flatten();
        let checks = [
            ("access_token", is_word(self.access_token.expose())),
            ("token_type", is_word(&self.token_type)),
            ("key", [&self.key.provider, &self.key.client_id, &self.key.account].into_iter().all(is_line)),
            ("host", is_line(&self.host)),
            ("scopes", scopes.map(String::as_str).all(is_word)),
            ("claims", self.claims.iter().all(|(name, value)| is_line(name) && is_line(value))),
        ];
        checks.into_iter().find(|(_, fits)| !fits).map(|(member, _)| member)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn document() -> Value {
        json!({
            "tokenway_lease": 1,
            "key": { "provider": "codex", "client_id": "app", "account": "default" },
            "host": "laptop",
            "leased_at": 1_000,
            "access_token": "planted",
            "token_type": "Bearer",
            "expires_at": null,
            "scopes": ["openid"],
            "claims": { "account_id": "acc-1" },
        })
    }

    fn with(member: &str, value: Value) -> Result<Lease, UnreadableLease> {
        let mut document = document();
        document[member] = value;
        Lease::parse(&document.to_string())
    }

    #[test]
    fn a_document_is_read_and_written_as_it_was() {
        let lease = Lease::parse(&document().to_string()).unwrap();
        assert_eq!(serde_json::from_str::<Value>(lease.to_json().expose()).unwrap(), document());
        assert!(with("from_the_future", json!(1)).is_ok());
    }

    #[test]
    fn what_is_no_lease_is_refused_without_being_quoted() {
        let mut refused =
            vec!["", "null", "[]", "{}", "planted", r#"{"tokenway_lease":1}"#, r#"{"tokenway_lease":"1"}"#]
                .into_iter()
                .map(|text| Lease::parse(text).unwrap_err())
                .collect::<Vec<_>>();
        for (member, value) in [
            ("access_token", json!(["planted"])),
            ("access_token", json!("")),
            ("access_token", json!("planted\r\nx: y")),
            ("token_type", json!("Bearer planted")),
            ("key", json!("planted")),
            ("key", json!({ "provider": "planted\u{1b}[31m", "client_id": "", "account": "" })),
            ("host", json!("planted\n")),
            ("scopes", json!(["planted \u{7}"])),
            ("claims", json!({ "a": "planted\u{9b}" })),
            ("expires_at", json!("planted")),
        ] {
            refused.push(with(member, value).unwrap_err());
        }
        for error in refused {
            let text = error.to_string();
            assert!(!text.contains("planted"), "{text}");
            assert!(matches!(error, UnreadableLease::NotALease { .. } | UnreadableLease::Invalid(_)), "{error:?}");
        }
        assert!(matches!(with("tokenway_lease", json!(2)), Err(UnreadableLease::Newer)));
        assert!(matches!(Lease::parse(r#"{"tokenway_lease":2,"other":1}"#), Err(UnreadableLease::Newer)));
    }

    #[test]
    fn a_file_is_written_whole_and_for_nobody_else_and_read_with_a_limit() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("lease.json");
        let lease = Lease::parse(&document().to_string()).unwrap();
        assert!(matches!(Lease::read(&file), Err(UnreadableLease::Unreadable(_))));
        lease.write(&file).unwrap();
        Lease { host: "other".to_owned(), ..lease }.write(&file).unwrap();
        assert_eq!(Lease::read(&file).unwrap().host(), "other");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        }
        fs::write(&file, vec![b' '; 1024 * 1024 + 1]).unwrap();
        assert!(matches!(Lease::read(&file), Err(UnreadableLease::TooLarge)));
        fs::write(&file, b"\xff").unwrap();
        assert!(matches!(Lease::read(&file), Err(UnreadableLease::NotALease { .. })));
    }

    #[test]
    fn a_lease_replaces_nothing_but_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let lease = Lease::parse(&document().to_string()).unwrap();
        assert!(lease.write(folder.path()).unwrap_err().detail.contains("name another"));
        #[cfg(unix)]
        {
            let link = folder.path().join("link");
            std::os::unix::fs::symlink("elsewhere", &link).unwrap();
            assert!(lease.write(&link).unwrap_err().detail.contains("name another"));
            assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        }
    }
}
