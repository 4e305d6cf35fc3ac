//! The way back for a redirect when the person sits at another machine: `ssh -L`.

use std::net::IpAddr;

use url::{Host, Url};

use super::environment::Environment;

/// The standard port of SSH, which need not be given.
const SSH_PORT: &str = "22";

/// What to type on the machine in front of the person, so that its browser reaches our redirect receiver; `None` when we
/// were not logged in to by SSH, or `redirect_uri` is not on loopback.
///
/// `redirect_uri` is the one that was bound, with its port. What the environment does not tell is left as `USER` or
/// `HOST`, for the person to fill in.
#[must_use]
pub fn ssh_hint(redirect_uri: &str, environment: &Environment) -> Option<String> {
    if environment.ssh_connection.is_none() && environment.ssh_tty.is_none() {
        return None;
    }
    let url = Url::parse(redirect_uri).ok()?;
    let port = url.port_or_known_default()?;
    let target = match url.host()? {
        Host::Domain("localhost") => "127.0.0.1".to_owned(),
        Host::Ipv4(address) if address.is_loopback() => address.to_string(),
        Host::Ipv6(address) if address.is_loopback() => format!("[{address}]"),
        Host::Domain(_) | Host::Ipv4(_) | Host::Ipv6(_) => return None,
    };
    let user = environment.user.as_deref().filter(|user| is_plain(user)).unwrap_or("USER");
    let (host, ssh_port) = environment.ssh_connection.as_deref().and_then(server).unwrap_or(("HOST", SSH_PORT));
    let option = if ssh_port == SSH_PORT { String::new() } else { format!(" -p {ssh_port}") };
    Some(format!("ssh{option} -L {port}:{target}:{port} {user}@{host}"))
}

/// The server's address and port, the last two of the four words of `$SSH_CONNECTION` (ssh(1)).
fn server(connection: &str) -> Option<(&str, &str)> {
    let [_, _, address, port] = connection.split_ascii_whitespace().collect::<Vec<_>>()[..] else { return None };
    let (plain, zone) = address.split_once('%').unwrap_or((address, "zone"));
    let sound = plain.parse::<IpAddr>().is_ok() && is_plain(zone) && port.parse::<u16>().is_ok();
    sound.then_some((address, port))
}

/// Fit to be pasted into a shell as it is.
fn is_plain(word: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '_')
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::browser::System;

    const URI: &str = "http://localhost:1455/auth/callback";

    fn environment(connection: Option<&str>, tty: Option<&str>, user: &str) -> Environment {
        Environment {
            system: System::Linux,
            browser: None,
            display: false,
            ssh_connection: connection.map(str::to_owned),
            ssh_tty: tty.map(str::to_owned),
            user: Some(user.to_owned()),
        }
    }

    fn hint(uri: &str, connection: &str) -> Option<String> {
        ssh_hint(uri, &environment(Some(connection), None, "ada"))
    }

    #[test]
    fn the_line_forwards_the_bound_port_to_this_host() {
        let connection = "198.51.100.7 50123 203.0.113.5 22";
        assert_eq!(hint(URI, connection).unwrap(), "ssh -L 1455:127.0.0.1:1455 ada@203.0.113.5");
        let literal = hint("http://127.0.0.1:40000/cb", connection).unwrap();
        assert_eq!(literal, "ssh -L 40000:127.0.0.1:40000 ada@203.0.113.5");
        let six = hint("http://[::1]:40000/cb", connection).unwrap();
        assert_eq!(six, "ssh -L 40000:[::1]:40000 ada@203.0.113.5");
    }

    #[test]
    fn another_ssh_port_and_ipv6_are_kept() {
        assert_eq!(
            hint(URI, "2001:db8::7 50123 2001:db8::5 2222").unwrap(),
            "ssh -p 2222 -L 1455:127.0.0.1:1455 ada@2001:db8::5"
        );
        assert!(hint(URI, "fe80::7%eth0 50123 fe80::5%eth0 22").unwrap().ends_with("ada@fe80::5%eth0"));
    }

    #[test]
    fn what_is_not_known_is_left_to_the_person() {
        for connection in ["", "x", "a b c d", "198.51.100.7 1 $(reboot) 22", "198.51.100.7 1 fe80::1%$(x) 22"] {
            assert_eq!(hint(URI, connection).unwrap(), "ssh -L 1455:127.0.0.1:1455 ada@HOST");
        }
        let by_tty = environment(None, Some("/dev/pts/0"), "$(reboot)");
        assert_eq!(ssh_hint(URI, &by_tty).unwrap(), "ssh -L 1455:127.0.0.1:1455 USER@HOST");
    }

    #[test]
    fn there_is_no_line_without_ssh_or_without_a_loopback_redirect() {
        assert_eq!(ssh_hint(URI, &environment(None, None, "ada")), None);
        assert_eq!(hint("https://as.example/cb", "198.51.100.7 1 203.0.113.5 22"), None);
        assert_eq!(hint("not a URI", "198.51.100.7 1 203.0.113.5 22"), None);
    }
}
