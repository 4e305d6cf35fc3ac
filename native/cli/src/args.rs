//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Log in once, and any program on this machine gets a valid access token.
#[derive(Debug, Parser)]
#[command(
    name = "tokenway",
    version,
    propagate_version = true,
    after_help = "Exit codes: 0 ok, 2 usage, 3 log in, 4 retry later, 5 configuration, 6 outcome unknown, 130 interrupted, 1 other.\n\
                  Environment: TOKENWAY_HOME (where logins are kept), TOKENWAY_STORE, TOKENWAY_PASSPHRASE, BROWSER, NO_COLOR."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Watch a whole life of a login, against a small server of tokenway's own; leaves nothing behind
    Demo(DemoArgs),
    /// Show who is logged in where
    List(ListArgs),
    /// Log in, in the browser
    Login(LoginArgs),
    /// Log out, here and at the server
    Logout(LogoutArgs),
    /// Show the providers that are known by name
    Providers(ProvidersArgs),
    /// Replay transcripts and say whether they still hold
    Replay(ReplayArgs),
    /// Show one login: who, until when, where it is kept
    Status(StatusArgs),
    /// Move logins from one store to another, or take one over
    Store(StoreArgs),
    /// Print a valid access token, and nothing else
    Token(TokenArgs),
}

/// Which credential, and how to reach its server.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Target {
    /// A provider that is known by name (see `tokenway providers`)
    pub(crate) provider: Option<String>,
    /// The issuer of any other authorization server; its endpoints are discovered (RFC 8414)
    #[arg(long, value_name = "URL")]
    pub(crate) issuer: Option<String>,
    /// The OAuth client, if the provider has none for everybody
    #[arg(long, value_name = "ID")]
    pub(crate) client_id: Option<String>,
    /// A file with the client's secret, for servers that want one
    #[arg(long, value_name = "FILE")]
    pub(crate) client_secret_file: Option<PathBuf>,
    /// A scope to ask for; may be given several times, or separated by spaces
    #[arg(long, value_name = "SCOPE")]
    pub(crate) scope: Vec<String>,
    /// A resource that the token is for (RFC 8707); may be given several times
    #[arg(long, value_name = "URI")]
    pub(crate) resource: Vec<String>,
    /// The redirect URI registered for the client; port 0 stands for any free port
    #[arg(long, value_name = "URI")]
    pub(crate) redirect_uri: Option<String>,
    /// A label, to keep several logins at one provider apart
    #[arg(long, value_name = "LABEL")]
    pub(crate) account: Option<String>,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// Flags of every command.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Common {
    /// Where logins are kept
    #[arg(long, value_name = "STORE", env = "TOKENWAY_STORE", default_value = "auto")]
    pub(crate) store: StoreChoice,
    /// Write one JSON object instead of text: an answer to stdout, an error to stderr
    #[arg(long)]
    pub(crate) json: bool,
    /// Show each action and its outcome on stderr
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

/// What may be asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum StoreChoice {
    /// Where the login lies; a new one goes to the keyring, else to encrypted files
    #[default]
    Auto,
    /// Files that your passphrase opens (TOKENWAY_PASSPHRASE, or asked for)
    Encrypted,
    /// Plain files that only this user can read
    File,
    /// The keyring of the system
    Keyring,
}

/// The stores there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum StoreKind {
    /// Files that your passphrase opens (TOKENWAY_PASSPHRASE, or asked for)
    Encrypted,
    /// Plain files that only this user can read
    File,
    /// The keyring of the system
    Keyring,
}

impl StoreChoice {
    /// The one that was named.
    pub(crate) fn named(self) -> Option<StoreKind> {
        match self {
            StoreChoice::Auto => None,
            StoreChoice::Encrypted => Some(StoreKind::Encrypted),
            StoreChoice::File => Some(StoreKind::File),
            StoreChoice::Keyring => Some(StoreKind::Keyring),
        }
    }
}

impl StoreKind {
    /// As it is typed, and written down.
    pub(crate) fn name(self) -> &'static str {
        match self {
            StoreKind::Encrypted => "encrypted",
            StoreKind::File => "file",
            StoreKind::Keyring => "keyring",
        }
    }
}

#[derive(Args, Debug)]
pub(crate) struct LoginArgs {
    #[command(flatten)]
    pub(crate) target: Target,
    /// Do not start a browser: show the URL only
    #[arg(long)]
    pub(crate) no_browser: bool,
    /// How long to wait for the browser, in seconds
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) timeout: Option<Duration>,
    /// Record the login as a transcript without secrets
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
    /// Log in even if somebody is logged in
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) timing: TimingArgs,
}

#[derive(Args, Debug)]
pub(crate) struct TokenArgs {
    #[command(flatten)]
    pub(crate) target: Target,
    /// Print the whole header: `Authorization: Bearer ...`
    #[arg(long)]
    pub(crate) header: bool,
    /// The token must live at least this long
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) min_ttl: Option<Duration>,
    /// `-`: read a token from stdin that the API refused, and bring another
    #[arg(long, value_name = "-", value_parser = ["-"])]
    pub(crate) rejected: Option<String>,
    #[command(flatten)]
    pub(crate) timing: TimingArgs,
}

/// Waits that only unusual servers need changed.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct TimingArgs {
    /// The longest that one request may take [default: 30]
    #[arg(long, value_name = "SECONDS", env = "TOKENWAY_REQUEST_DEADLINE", value_parser = seconds)]
    pub(crate) request_deadline: Option<Duration>,
    /// A token that a rejection brought is not renewed again within this time [default: 10]
    #[arg(long, value_name = "SECONDS", env = "TOKENWAY_REJECT_INTERVAL", value_parser = seconds)]
    pub(crate) reject_interval: Option<Duration>,
}

#[derive(Args, Debug)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    pub(crate) target: Target,
}

#[derive(Args, Debug)]
pub(crate) struct StoreArgs {
    #[command(subcommand)]
    pub(crate) command: StoreCommand,
}

/// What to do with stores.
#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Take over a login of the program aether, which must not use it any more
    Import(Box<ImportArgs>),
    /// Move every login of one store to another; at no moment is one in neither
    Migrate(MigrateArgs),
}

#[derive(Args, Debug)]
pub(crate) struct ImportArgs {
    #[command(flatten)]
    pub(crate) target: Target,
    /// The name of the credential there [default: the provider's name]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Its encrypted file, which AETHER_CREDENTIALS_PASSWORD opens; without it the keyring is looked at
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct MigrateArgs {
    /// Where the logins lie
    pub(crate) from: StoreKind,
    /// Where they go
    pub(crate) to: StoreKind,
    /// Write one JSON object instead of text: an answer to stdout, an error to stderr
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Args, Debug)]
pub(crate) struct LogoutArgs {
    #[command(flatten)]
    pub(crate) target: Target,
    /// Forget the login here, and do not tell the server
    #[arg(long)]
    pub(crate) local: bool,
    /// Log out of everything
    #[arg(long, conflicts_with_all = ["provider", "issuer", "client_id", "account"])]
    pub(crate) all: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ProvidersArgs {
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Args, Debug)]
pub(crate) struct ReplayArgs {
    /// Transcripts, as `login --record` writes them
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Args, Debug)]
pub(crate) struct DemoArgs {
    /// Approve the login in the real browser
    #[arg(long)]
    pub(crate) browser: bool,
    /// Only run its authorization server, on this port (9400) until Ctrl-C
    #[arg(long, value_name = "PORT", num_args = 0..=1, default_missing_value = "9400", conflicts_with = "browser")]
    pub(crate) serve: Option<u16>,
}

/// Seconds with an optional fraction, a year at most.
fn seconds(text: &str) -> Result<Duration, String> {
    const YEAR: f64 = 366.0 * 86_400.0;
    let seconds: f64 = text.parse().map_err(|_| "give a number of seconds, such as 30 or 0.5".to_owned())?;
    if !(0.0..=YEAR).contains(&seconds) {
        return Err("give a number of seconds between 0 and a year".to_owned());
    }
    Ok(Duration::from_secs_f64(seconds))
}
