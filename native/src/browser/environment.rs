//! What decides how a URL is opened, as data.

use std::fs;

/// The parts of the machine and of the process environment that matter here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// The kind of machine.
    pub system: System,
    /// `$BROWSER`, not empty: what the person wants it opened with.
    pub browser: Option<String>,
    /// Whether there is a screen (`$DISPLAY` or `$WAYLAND_DISPLAY`); matters on Linux only.
    pub display: bool,
    /// `$SSH_CONNECTION`: the client's address and port, the server's address and port.
    pub ssh_connection: Option<String>,
    /// `$SSH_TTY`.
    pub ssh_tty: Option<String>,
    /// The account's name, `$USER` or `$LOGNAME`.
    pub user: Option<String>,
}

/// The kinds of machine that differ in how a URL is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    /// Linux and the other desktops of freedesktop.org.
    Linux,
    /// macOS.
    MacOs,
    /// Windows.
    Windows,
    /// Linux inside Windows: the browser is on the Windows side.
    Wsl,
}

impl Environment {
    /// That of this process. Reads `/proc/version` on Linux.
    #[must_use]
    pub fn of_this_process() -> Self {
        let kernel = fs::read_to_string("/proc/version").unwrap_or_default();
        Environment::from_variables(host_system(), &kernel, |name| std::env::var(name).ok())
    }

    fn from_variables(host: System, kernel: &str, variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let in_windows = set("WSL_DISTRO_NAME").is_some() || kernel.to_ascii_lowercase().contains("microsoft");
        Environment {
            system: if host == System::Linux && in_windows { System::Wsl } else { host },
            browser: set("BROWSER"),
            display: set("DISPLAY").or_else(|| set("WAYLAND_DISPLAY")).is_some(),
            ssh_connection: set("SSH_CONNECTION"),
            ssh_tty: set("SSH_TTY"),
            user: set("USER").or_else(|| set("LOGNAME")),
        }
    }
}

fn host_system() -> System {
    if cfg!(windows) {
        System::Windows
    } else if cfg!(target_os = "macos") {
        System::MacOs
    } else {
        System::Linux
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(host: System, kernel: &str, variables: &[(&str, &str)]) -> Environment {
        Environment::from_variables(host, kernel, |name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn wsl_is_told_by_its_variable_or_its_kernel() {
        let system = |kernel, variables: &[_]| environment(System::Linux, kernel, variables).system;
        assert_eq!(system("Linux version 6.8.0-generic", &[]), System::Linux);
        assert_eq!(system("Linux version 6.8.0-generic", &[("WSL_DISTRO_NAME", "Ubuntu")]), System::Wsl);
        assert_eq!(system("Linux version 5.15.90.1-microsoft-standard-WSL2", &[]), System::Wsl);
        assert_eq!(system("Linux version 4.4.0-19041-Microsoft", &[]), System::Wsl);
        assert_eq!(environment(System::Windows, "", &[("WSL_DISTRO_NAME", "Ubuntu")]).system, System::Windows);
    }

    #[test]
    fn empty_variables_count_as_unset() {
        let empty = environment(System::Linux, "", &[("BROWSER", " "), ("DISPLAY", ""), ("SSH_TTY", ""), ("USER", "")]);
        assert_eq!(empty, environment(System::Linux, "", &[]));
    }

    #[test]
    fn either_display_will_do() {
        for name in ["DISPLAY", "WAYLAND_DISPLAY"] {
            assert!(environment(System::Linux, "", &[(name, ":0")]).display);
        }
        assert!(!environment(System::Linux, "", &[]).display);
    }
}
