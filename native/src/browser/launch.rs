//! Which programs open a URL, and starting them one after another until one does not fail.

use std::fmt;
use std::io;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;
use url::{Host, Url};

use super::command;
use super::environment::{Environment, System};

/// How long a program has to fail: one that still runs, or ended well, is taken to have opened the URL.
pub const LAUNCH_TIME: Duration = Duration::from_secs(2);

/// A program and its arguments, as the system gets them: no shell reads either.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launch {
    /// A name to look up in `$PATH`, or a path.
    pub program: String,
    /// The arguments; the URL is one of them, or part of one.
    pub args: Vec<String>,
}

/// Why no browser was opened. The login can go on all the same: show the URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CouldNotOpen {
    /// Each program failed; the text says how.
    AllFailed(String),
    /// There is no screen here, and `$BROWSER` is not set.
    NoDisplay,
    /// The URL may not be given to a program; the text says why.
    Refused(&'static str),
}

impl fmt::Display for CouldNotOpen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CouldNotOpen::AllFailed(how) => write!(f, "no browser could be opened ({how})"),
            CouldNotOpen::NoDisplay => f.write_str("there is no display to open a browser on, and BROWSER is not set"),
            CouldNotOpen::Refused(why) => write!(f, "the URL is not one for a browser: {why}"),
        }
    }
}

impl std::error::Error for CouldNotOpen {}

/// Opens `url` with the first of [`candidates`] that does not fail within [`LAUNCH_TIME`]. Its input and output go
/// nowhere; it outlives us and an interrupt at our terminal. Must be called inside a tokio runtime; dropping the future
/// leaves a program that was started alone.
///
/// # Errors
/// [`CouldNotOpen`].
pub async fn open(url: &str, environment: &Environment) -> Result<(), CouldNotOpen> {
    let mut failures = Vec::new();
    for launch in candidates(environment, url)? {
        match start(&launch).await {
            Ok(()) => return Ok(()),
            Err(failure) => failures.push(format!("{}: {failure}", launch.program)),
        }
    }
    Err(CouldNotOpen::AllFailed(failures.join(", ")))
}

/// The programs that could open `url`, best first, after a check of the URL.
///
/// `$BROWSER` is what the person wants: where it is set, nothing else is tried.
///
/// # Errors
/// `Refused`: the URL is neither `https` nor `http` on a loopback host, or has characters that a URL does not have or
/// that some program would take for quotes. `NoDisplay`: see there; a program of the terminal would be the only choice,
/// and would take the terminal from us.
pub fn candidates(environment: &Environment, url: &str) -> Result<Vec<Launch>, CouldNotOpen> {
    check(url).map_err(CouldNotOpen::Refused)?;
    let on_windows = environment.system == System::Windows;
    if let Some(list) = &environment.browser {
        return Ok(command::launches(list, url, !on_windows));
    }
    match environment.system {
        System::Linux if !environment.display => Err(CouldNotOpen::NoDisplay),
        System::Linux => Ok(desktop(url)),
        System::MacOs => Ok(vec![launch("open", [url])]),
        // Not `cmd /c start`: it would end the URL at the first `&` and run the rest.
        System::Windows => Ok(vec![launch("rundll32", ["url.dll,FileProtocolHandler", url])]),
        System::Wsl => Ok(through_wsl(url, environment.display)),
    }
}

fn desktop(url: &str) -> Vec<Launch> {
    vec![launch("xdg-open", [url]), launch("gio", ["open", url]), launch("x-www-browser", [url])]
}

fn through_wsl(url: &str, display: bool) -> Vec<Launch> {
    let mut launches = vec![
        launch("wslview", [url]),
        launch("powershell.exe", ["-NoProfile", "-NonInteractive", "-Command", &start_process(url)]),
        launch("rundll32.exe", ["url.dll,FileProtocolHandler", url]),
    ];
    if display {
        launches.extend(desktop(url));
    }
    launches
}

/// In single quotes PowerShell reads nothing but the quote itself, which is doubled.
fn start_process(url: &str) -> String {
    format!("Start-Process '{}'", url.replace('\'', "''"))
}

fn launch<'a>(program: &str, args: impl IntoIterator<Item = &'a str>) -> Launch {
    Launch { program: program.to_owned(), args: args.into_iter().map(str::to_owned).collect() }
}

fn check(url: &str) -> Result<(), &'static str> {
    if !url.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"'`<>\\^{|}".contains(&byte)) {
        return Err("it has a character that must be percent-encoded");
    }
    let parsed = Url::parse(url).map_err(|_| "it is not a URL")?;
    let loopback = match parsed.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => return Err("it names no host"),
    };
    match parsed.scheme() {
        "https" => Ok(()),
        "http" if loopback => Ok(()),
        _ => Err("it is not https"),
    }
}

async fn start(launch: &Launch) -> io::Result<()> {
    let mut command = Command::new(&launch.program);
    command.args(&launch.args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // Not in our process group: Ctrl-C at our terminal does not close the browser.
    #[cfg(unix)]
    command.process_group(0);
    // A child that is let go is reaped by tokio.
    let mut child = command.spawn()?;
    match timeout(LAUNCH_TIME, child.wait()).await {
        Err(_) => Ok(()),
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(io::Error::other(status.to_string())),
        Ok(Err(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://as.example/authorize?response_type=code&client_id=a%20b&state=x;y$(z)";

    fn environment(system: System) -> Environment {
        Environment { system, browser: None, display: true, ssh_connection: None, ssh_tty: None, user: None }
    }

    fn argvs(environment: &Environment) -> Vec<Vec<String>> {
        let launches = candidates(environment, URL).unwrap();
        launches.into_iter().map(|launch| std::iter::once(launch.program).chain(launch.args).collect()).collect()
    }

    #[test]
    fn each_system_has_its_programs() {
        let powershell = format!("Start-Process '{URL}'");
        let desktop = [vec!["xdg-open", URL], vec!["gio", "open", URL], vec!["x-www-browser", URL]];
        let wsl = [
            vec!["wslview", URL],
            vec!["powershell.exe", "-NoProfile", "-NonInteractive", "-Command", &powershell],
            vec!["rundll32.exe", "url.dll,FileProtocolHandler", URL],
        ];
        assert_eq!(argvs(&environment(System::Linux)), desktop);
        assert_eq!(argvs(&environment(System::MacOs)), [["open", URL]]);
        assert_eq!(argvs(&environment(System::Windows)), [["rundll32", "url.dll,FileProtocolHandler", URL]]);
        assert_eq!(argvs(&environment(System::Wsl)), [&wsl[..], &desktop[..]].concat());
        assert_eq!(argvs(&Environment { display: false, ..environment(System::Wsl) }), wsl);
    }

    #[test]
    fn browser_stands_for_everything_else() {
        for system in [System::Linux, System::MacOs, System::Wsl] {
            let environment =
                Environment { browser: Some("lynx:w3m %s".into()), display: false, ..environment(system) };
            assert_eq!(argvs(&environment), [["lynx", URL], ["w3m", URL]]);
        }
        let windows = Environment { browser: Some(r"C:\b.exe".into()), ..environment(System::Windows) };
        assert_eq!(argvs(&windows), [[r"C:\b.exe", URL]]);
    }

    #[test]
    fn nothing_is_started_without_a_display() {
        let headless = Environment { display: false, ..environment(System::Linux) };
        assert_eq!(candidates(&headless, URL), Err(CouldNotOpen::NoDisplay));
    }

    #[test]
    fn only_https_and_loopback_http_reach_a_program() {
        let open = |url: &str| candidates(&environment(System::Linux), url);
        for url in [URL, "https://as.example", "http://127.0.0.1:8080/a", "http://localhost/a", "http://[::1]:1/"] {
            assert!(open(url).is_ok(), "{url}");
        }
        for url in [
            "javascript:alert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "http://as.example/",
            "http://127.0.0.1.evil.example/",
            "ftp://127.0.0.1/",
            "vscode://x",
            "--help",
            "",
            "https://",
            "https://as.example/a b",
            "https://as.example/\"&calc&\"",
            "https://as.example/'",
            "https://as.example/`x`",
            "https://as.example/\n",
            "https://as.example/\u{7}",
            "https://as.example/\u{2019}",
            "https://as.example\\@evil.example/",
            " https://as.example/",
        ] {
            assert!(matches!(open(url), Err(CouldNotOpen::Refused(_))), "{url}");
        }
    }

    #[test]
    fn a_quote_cannot_end_the_powershell_string() {
        assert_eq!(start_process("https://a/';calc;'"), "Start-Process 'https://a/'';calc;'''");
    }

    #[cfg(unix)]
    mod with_real_programs {
        use std::fs;
        use std::path::{Path, PathBuf};

        use tokio::time::Instant;

        use super::*;

        struct Folder(tempfile::TempDir);

        impl Folder {
            fn new() -> Self {
                Folder(tempfile::tempdir().unwrap())
            }

            fn path(&self, name: &str) -> PathBuf {
                self.0.path().join(name)
            }

            /// A command that runs `lines` in this folder.
            fn script(&self, name: &str, lines: &str) -> String {
                let path = self.path(name);
                fs::write(&path, format!("cd {}\n{lines}\n", self.0.path().display())).unwrap();
                format!("sh '{}'", path.display())
            }
        }

        fn lines(path: &Path) -> Vec<String> {
            fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
        }

        async fn open_with(browser: String) -> Result<(), CouldNotOpen> {
            open(URL, &Environment { browser: Some(browser), ..environment(System::Linux) }).await
        }

        #[tokio::test]
        async fn a_url_stays_inert_and_in_one_argument() {
            let folder = Folder::new();
            let url = "https://as.example/?a=1&touch$IFS./x;touch$IFS./x;$(touch$IFS./x)*?[a]~#!";
            let script = folder.script("browser", "printf '%s\\n' \"$#\" \"$@\" > argv");
            let environment =
                Environment { browser: Some(format!("{script} --open=%s")), ..environment(System::Linux) };
            open(url, &environment).await.unwrap();
            assert_eq!(lines(&folder.path("argv")), ["1".to_owned(), format!("--open={url}")]);
            assert!(!folder.path("x").exists());
        }

        #[tokio::test]
        async fn a_browser_that_fails_falls_through_to_the_next() {
            let folder = Folder::new();
            let (bad, good) =
                (folder.script("bad", "echo bad >> log; exit 3"), folder.script("good", "echo good >> log"));
            open_with(format!("{}:{bad}:{good}:{bad}", folder.path("absent").display())).await.unwrap();
            assert_eq!(lines(&folder.path("log")), ["bad", "good"]);
        }

        #[tokio::test]
        async fn when_all_fail_each_is_named_with_its_reason() {
            let folder = Folder::new();
            let bad = folder.script("bad", "exit 3");
            let absent = folder.path("absent").display().to_string();
            let failure = open_with(format!("{absent}:{bad}")).await.unwrap_err().to_string();
            assert!(failure.contains(&absent) && failure.contains("No such file"), "{failure}");
            assert!(failure.contains("sh: exit status: 3"), "{failure}");
        }

        #[tokio::test]
        async fn a_slow_browser_counts_as_opened_and_is_left_alone() {
            let folder = Folder::new();
            // It ends by itself once the file is there.
            let slow = folder.script("slow", "while [ ! -e stop ]; do sleep 0.05; done; echo end > end; exit 1");
            let start = Instant::now();
            open_with(slow).await.unwrap();
            assert!(start.elapsed() >= LAUNCH_TIME && start.elapsed() < LAUNCH_TIME * 2);
            fs::write(folder.path("stop"), "").unwrap();
            while !folder.path("end").exists() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }

        #[tokio::test]
        async fn a_browser_has_no_hold_of_our_terminal() {
            let folder = Folder::new();
            let script = folder
                .script("browser", "ls -l /proc/$$/fd | cat > fds; cut -d' ' -f5 /proc/$$/stat > group; echo $$ > pid");
            open_with(script).await.unwrap();
            if cfg!(target_os = "linux") {
                assert_eq!(lines(&folder.path("group")), lines(&folder.path("pid")), "a group of its own");
                let fds = lines(&folder.path("fds"));
                for fd in ["0", "1", "2"] {
                    assert!(fds.iter().any(|line| line.ends_with(&format!(" {fd} -> /dev/null"))), "{fds:?}");
                }
            }
        }
    }
}
