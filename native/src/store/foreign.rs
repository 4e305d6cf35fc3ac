//! Files that other programs keep: read, and in no way changed.

use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use tokenway_core::secret::Secret;

use super::Answer;
use super::file::failure::failed;
use super::file::platform;
use super::file::seal::MAX_FILE;

/// The text of a file that another program keeps for this user; `None` if there is none. It is opened to be read, and
/// neither its bytes nor its mode are changed. A symbolic link is followed to a file of this user, and nowhere else.
///
/// # Errors
/// It belongs to another user, or is no file, no UTF-8 or larger than a MiB; or it cannot be read.
pub fn read_foreign(path: &Path) -> Answer<Option<Secret>> {
    let read = read_bytes(path).and_then(|bytes| bytes.map(text).transpose());
    read.map_err(|error| failed("reading", path, &error))
}

/// The bytes of such a file.
pub(super) fn read_bytes(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::metadata(path) {
        // Before it is opened: opening a pipe waits for a writer.
        Ok(metadata) => is_a_file_of_ours(&metadata)?,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return if path.is_symlink() { Err(io::Error::other("it is a link to nothing")) } else { Ok(None) };
        }
        Err(error) => return Err(error),
    }
    let file = File::open(path)?;
    is_a_file_of_ours(&file.metadata()?)?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > MAX_FILE {
        return Err(io::Error::other("it is far too large"));
    }
    Ok(Some(bytes))
}

fn is_a_file_of_ours(metadata: &Metadata) -> io::Result<()> {
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    platform::owned_by_us(metadata)
}

fn text(bytes: Vec<u8>) -> io::Result<Secret> {
    String::from_utf8(bytes).map(Secret::new).map_err(|_| io::Error::other("it is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(path: &Path) -> String {
        read_foreign(path).unwrap_err().detail
    }

    #[test]
    fn a_text_is_read_and_what_is_none_is_refused_by_what_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("auth.json");
        assert_eq!(read_foreign(&file).unwrap(), None);
        fs::write(&file, "{}").unwrap();
        assert_eq!(read_foreign(&file).unwrap(), Some(Secret::new("{}")));
        fs::write(&file, b"\xff").unwrap();
        assert!(refused(&file).contains("not UTF-8"));
        fs::write(&file, vec![b' '; MAX_FILE]).unwrap();
        assert_eq!(read_foreign(&file).unwrap().unwrap().len(), MAX_FILE);
        fs::write(&file, vec![b' '; MAX_FILE + 1]).unwrap();
        assert!(refused(&file).contains("far too large"));
        assert!(refused(&file.join("in a file")).starts_with("reading"));
        assert!(refused(folder.path()).contains("not a file"));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_followed_to_a_file_of_ours_and_nowhere_else() {
        use std::os::unix::fs::{PermissionsExt, symlink};

        let folder = tempfile::tempdir().unwrap();
        let link = |name: &str, to: &Path| {
            let link = folder.path().join(name);
            symlink(to, &link).unwrap();
            link
        };
        let file = folder.path().join("auth.json");
        fs::write(&file, "{}").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(read_foreign(&link("ours", &file)).unwrap(), Some(Secret::new("{}")));
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o644, "it is theirs");
        assert!(refused(&link("nothing", Path::new("nowhere"))).contains("link to nothing"));
        assert!(refused(&link("endless", Path::new("/dev/zero"))).contains("not a file"));
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert!(refused(&link("hanging", &pipe)).contains("not a file"));
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(&file, Some(1), None).unwrap();
            assert!(refused(&folder.path().join("ours")).contains("belongs to user 1"));
        }
    }
}
