//! Who holds a port, for people. Linux tells through `/proc` (proc(5)); elsewhere a command is named.

use std::fmt;
use std::fs;
use std::path::Path;

/// What shows the holder of port `PORT` where this module cannot.
pub(super) const COMMAND: &str = if cfg!(windows) {
    "`netstat -ano | findstr :PORT`"
} else if cfg!(target_os = "linux") {
    "`ss -ltnp sport = :PORT`"
} else {
    "`lsof -nP -iTCP:PORT -sTCP:LISTEN`"
};

/// The most of a process name that is shown. The kernel keeps 15 bytes.
const NAME_LENGTH: usize = 32;

/// Whoever listens on a port.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Holder {
    /// A process that we may look at.
    Process { pid: u32, name: String },
    /// One of another user.
    User { id: String },
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Holder::Process { pid, .. } if *pid == std::process::id() => {
                write!(f, "another login of this process ({pid})")
            }
            Holder::Process { pid, name } => write!(f, "process {pid} ({name})"),
            Holder::User { id } => write!(f, "a process of another user (user id {id})"),
        }
    }
}

/// Who listens on TCP port `port`, in either family; `None` where that cannot be told.
pub(super) fn of_port(port: u16) -> Option<Holder> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| fs::read_to_string(path).unwrap_or_default());
    let socket = tables.iter().flat_map(|table| table.lines()).find_map(|line| Socket::listening(line, port))?;
    let link = format!("socket:[{}]", socket.inode);
    match processes().find(|pid| has_open(*pid, &link)) {
        Some(pid) => Some(Holder::Process { pid, name: name_of(pid) }),
        None => Some(Holder::User { id: socket.user }),
    }
}

struct Socket {
    user: String,
    inode: String,
}

impl Socket {
    /// Reads a line of `/proc/net/tcp`: `sl local remote state queues timer retransmits uid timeout inode ...`.
    fn listening(line: &str, port: u16) -> Option<Self> {
        const LISTEN: &str = "0A";
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let (_, local_port) = fields.get(1)?.rsplit_once(':')?;
        if u16::from_str_radix(local_port, 16) != Ok(port) || *fields.get(3)? != LISTEN {
            return None;
        }
        Some(Socket { user: (*fields.get(7)?).to_owned(), inode: (*fields.get(9)?).to_owned() })
    }
}

fn processes() -> impl Iterator<Item = u32> {
    fs::read_dir("/proc").into_iter().flatten().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

fn has_open(pid: u32, link: &str) -> bool {
    fs::read_dir(format!("/proc/{pid}/fd"))
        .into_iter()
        .flatten()
        .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
        .any(|target| target == Path::new(link))
}

/// A process names itself: nothing but printable ASCII reaches the terminal.
fn name_of(pid: u32) -> String {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    name.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').take(NAME_LENGTH).collect()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn the_process_that_listens_is_named() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let listener = TcpListener::bind(address).unwrap();
            let holder = of_port(listener.local_addr().unwrap().port()).unwrap();
            let Holder::Process { pid, name } = &holder else { panic!("{holder}") };
            assert_eq!(*pid, std::process::id());
            assert!(!name.is_empty());
            assert_eq!(holder.to_string(), format!("another login of this process ({pid})"));
        }
    }

    #[test]
    fn nobody_is_named_for_a_free_port() {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        assert_eq!(of_port(port), None);
    }

    #[test]
    fn a_process_of_another_user_is_told_by_its_user() {
        let line =
            "   0: 0100007F:05AF 00000000:0000 0A 00000000:00000000 00:00000000 00000000   999 0 4242 1 0 100 0 0 10 0";
        let socket = Socket::listening(line, 1455).unwrap();
        assert_eq!((socket.user.as_str(), socket.inode.as_str()), ("999", "4242"));
        assert!(Socket::listening(line, 1457).is_none());
        assert!(Socket::listening(&line.replace(" 0A ", " 01 "), 1455).is_none());
        assert_eq!(Holder::User { id: socket.user }.to_string(), "a process of another user (user id 999)");
    }

    #[test]
    fn lines_of_another_shape_are_skipped() {
        for line in ["", "  sl  local_address rem_address   st", "0: 0100007F:05AF", "0: zz:zz x 0A"] {
            assert!(Socket::listening(line, 1455).is_none());
        }
    }
}
