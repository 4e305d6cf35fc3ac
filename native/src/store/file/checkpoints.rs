//! The snapshot of a login in files, so that another process can go on with it.
//!
//! ```text
//! HOME/logins/NAME.snapshot   the snapshot, or from the claim of the code on the stub
//! HOME/logins/NAME.redirect   a redirect as it arrived, until it was looked at
//! HOME/logins/NAME.claim      locked for the time of a claim; says which login was claimed last
//! ```
//!
//! As private as credentials are. The claim outlives its login: a process that slept meanwhile must find it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use tokenway_core::action::Begin;
use tokenway_core::event::Callback;
use tokenway_core::http::IoFailure;
use tokenway_core::lifecycle::record::CredentialKey;
use tokenway_core::snapshot::Snapshot;

use super::failure::failed;
use super::lock_file::LockFile;
use super::paths::Files;
use super::{platform, replace};
use crate::login::Checkpoints;
use crate::store::Answer;

/// Keeps one login of one credential in files of a home folder; a login that starts anew takes the place of the one
/// before.
pub struct FileCheckpoints {
    files: Files,
    /// Why the last snapshot could not be kept.
    trouble: Mutex<Option<IoFailure>>,
}

impl FileCheckpoints {
    /// The login of `key` under `home`. Nothing is read or made before the first use; missing folders are made then.
    #[must_use]
    pub fn new(home: impl AsRef<Path>, key: &CredentialKey) -> Self {
        FileCheckpoints { files: Files::of(&home.as_ref().join("logins"), key), trouble: Mutex::default() }
    }

    /// The snapshot that a process before this one left, for [`Client::resume_login`](crate::Client::resume_login);
    /// `None` if there is none.
    ///
    /// # Errors
    /// It is there, and cannot be read.
    pub fn load(&self) -> Answer<Option<Vec<u8>>> {
        replace::read(&self.path("snapshot"))
    }

    fn path(&self, what: &str) -> PathBuf {
        self.files.folder.join(format!("{}.{what}", self.files.name))
    }

    fn write(&self, what: &str, bytes: &[u8]) -> Answer<()> {
        let folder = &self.files.folder;
        platform::private_folder(folder).map_err(|error| failed("preparing", folder, &error))?;
        replace::replace(&self.path(what), bytes)
    }

    fn claim(&self, begin: &Begin) -> Answer<bool> {
        let path = self.path("claim");
        let mut claim = LockFile::for_save(&path)?;
        let claimed = claim.read().map_err(|error| failed("reading", &path, &error))?;
        if claimed == begin.login.as_bytes() {
            return Ok(false);
        }
        // Of two who have the lock one after the other, the former does not hold it any more by now.
        let written = claim.write(begin.login.as_bytes()).and_then(|()| claim.still_holds());
        written.map_err(|error| failed("writing", &path, &error))?;
        self.write("snapshot", begin.stub.as_bytes())?;
        replace::remove(&self.path("redirect"))?;
        Ok(true)
    }
}

impl fmt::Debug for FileCheckpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileCheckpoints").field("snapshot", &self.path("snapshot")).finish_non_exhaustive()
    }
}

impl Checkpoints for FileCheckpoints {
    fn store(&self, snapshot: Option<Snapshot>) {
        let kept = match snapshot {
            Some(snapshot) => self.write("snapshot", snapshot.as_bytes()),
            None => ["snapshot", "redirect"].iter().try_for_each(|what| replace::remove(&self.path(what))),
        };
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = kept.err();
    }

    /// A login whose snapshot could not be kept ends here, with the reason.
    fn begin(&self, begin: &Begin) -> Result<bool, String> {
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner).take();
        trouble.map_or_else(|| self.claim(begin), Err).map_err(|failure| failure.detail)
    }

    fn keep_redirect(&self, redirect: Option<&Callback>) {
        // A redirect that cannot be kept is only one that a later process does not have.
        let _ = match redirect.map(serde_json::to_vec) {
            Some(Ok(bytes)) => self.write("redirect", &bytes),
            Some(Err(_)) | None => replace::remove(&self.path("redirect")),
        };
    }

    fn kept_redirect(&self) -> Option<Callback> {
        let bytes = replace::read(&self.path("redirect")).ok().flatten()?;
        serde_json::from_slice(&bytes).ok()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Barrier;
    use std::thread;

    use tokenway_core::event::CallbackSource;
    use tokenway_core::secret::Secret;

    use super::*;
    use crate::store::conformance::sample_key;

    fn checkpoints(home: &Path) -> FileCheckpoints {
        FileCheckpoints::new(home, &sample_key("https://issuer.example", "default"))
    }

    fn snapshot(text: &str) -> Snapshot {
        serde_json::from_str(&format!("\"{text}\"")).unwrap()
    }

    fn begin(login: &str) -> Begin {
        Begin { login: login.to_owned(), stub: snapshot("stub") }
    }

    fn redirect() -> Callback {
        Callback {
            source: CallbackSource::Listening,
            method: "GET".to_owned(),
            target: Secret::new("/callback?code=x"),
            headers: vec![("host".to_owned(), "127.0.0.1:1".to_owned())],
            body: Secret::default(),
        }
    }

    #[test]
    fn another_process_finds_what_was_kept() {
        let home = tempfile::tempdir().unwrap();
        let kept = checkpoints(home.path());
        assert_eq!(kept.load(), Ok(None));
        kept.store(Some(snapshot("one")));
        kept.store(Some(snapshot("two")));
        kept.keep_redirect(Some(&redirect()));
        let later = checkpoints(home.path());
        assert_eq!(later.load(), Ok(Some(b"two".to_vec())));
        assert_eq!(later.kept_redirect(), Some(redirect()));
        later.keep_redirect(None);
        assert_eq!(kept.kept_redirect(), None);
    }

    #[test]
    fn it_is_shown_by_its_place() {
        let home = tempfile::tempdir().unwrap();
        let kept = checkpoints(home.path());
        kept.store(Some(snapshot("secret")));
        let shown = format!("{kept:?}");
        assert!(shown.contains("logins") && !shown.contains("secret"), "{shown}");
    }

    #[test]
    fn a_claim_leaves_nothing_but_the_stub() {
        let home = tempfile::tempdir().unwrap();
        let kept = checkpoints(home.path());
        kept.store(Some(snapshot("with the verifier")));
        kept.keep_redirect(Some(&redirect()));
        assert_eq!(kept.begin(&begin("login")), Ok(true));
        assert_eq!(kept.load(), Ok(Some(b"stub".to_vec())));
        assert_eq!(kept.kept_redirect(), None);
    }

    #[test]
    fn one_of_many_claims_is_the_first() {
        let home = tempfile::tempdir().unwrap();
        checkpoints(home.path()).store(Some(snapshot("x")));
        let start = Barrier::new(8);
        let claim = || {
            let kept = checkpoints(home.path());
            start.wait();
            kept.begin(&begin("login")).unwrap()
        };
        let claimed = thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(claim)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).filter(|claimed| *claimed).count()
        });
        assert_eq!(claimed, 1);
    }

    #[test]
    fn a_process_that_slept_through_the_end_of_its_login_cannot_claim_it_again() {
        let home = tempfile::tempdir().unwrap();
        let (slept, finished) = (checkpoints(home.path()), checkpoints(home.path()));
        finished.store(Some(snapshot("x")));
        assert_eq!(finished.begin(&begin("login")), Ok(true));
        finished.store(None);
        slept.store(Some(snapshot("x")));
        assert_eq!(slept.begin(&begin("login")), Ok(false));
        assert_eq!(slept.begin(&begin("the next login")), Ok(true));
    }

    #[test]
    fn a_login_that_has_ended_leaves_no_secret() {
        let home = tempfile::tempdir().unwrap();
        let kept = checkpoints(home.path());
        kept.store(Some(snapshot("x")));
        kept.keep_redirect(Some(&redirect()));
        kept.begin(&begin("login")).unwrap();
        kept.store(None);
        let left: Vec<_> =
            fs::read_dir(home.path().join("logins")).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(left, [kept.path("claim")]);
    }

    #[test]
    fn a_login_that_cannot_be_kept_says_so_before_its_code_is_spent() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("logins"), "in the way").unwrap();
        let kept = checkpoints(home.path());
        kept.store(Some(snapshot("x")));
        let refused = kept.begin(&begin("login")).unwrap_err();
        assert!(refused.contains("logins"), "{refused}");
    }

    #[cfg(unix)]
    #[test]
    fn what_is_kept_is_private() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        let kept = checkpoints(home.path());
        kept.store(Some(snapshot("x")));
        kept.keep_redirect(Some(&redirect()));
        kept.begin(&begin("login")).unwrap();
        kept.keep_redirect(Some(&redirect()));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&home.path().join("logins")), 0o700);
        for what in ["snapshot", "redirect", "claim"] {
            assert_eq!(mode(&kept.path(what)), 0o600, "{what}");
        }
    }
}
