//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use tokenway_core::lifecycle::record::CredentialKey;

mod store;

pub(crate) use store::{StoreChoice, StoreKind};

/// Log in once, and any program on this machine gets a valid access token.
#[derive(Debug, Parser)]
#[command(
    name = "tokenway",
    version,
    propagate_version = true,
    after_help = "Exit codes: 0 ok, 2 usage, 3 log in, 4 retry later, 5 configuration, 6 outcome unknown, 130 interrupted, 1 other.\n\
                  Environment: TOKENWAY_HOME (where logins are kept), TOKENWAY_STORE, TOKENWAY_PASSPHRASE, TOKENWAY_REDIS_URL, \
                  TOKENWAY_LEASE, BROWSER, NO_COLOR."
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
    /// Take over a login of another program, which is only read
    Import(Box<ImportArgs>),
    /// Hand out an access token for another machine, without what renews it
    Lease(LeaseArgs),
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
    /// Move logins from one store to another
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
    /// A file with the client's secret, for servers that want one; it is not kept, so name it each time
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

impl Target {
    /// Whether nothing that is named here speaks against this credential.
    pub(crate) fn fits(&self, key: &CredentialKey) -> bool {
        let server = self.provider.as_ref().or(self.issuer.as_ref());
        [(server, &key.provider), (self.client_id.as_ref(), &key.client_id), (self.account.as_ref(), &key.account)]
            .into_iter()
            .all(|(named, found)| named.is_none_or(|named| named == found))
    }
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

/// A login, or what was leased from one.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Leased {
    /// A lease to use instead of a login, as `tokenway lease` writes it
    #[arg(long, value_name = "FILE", env = "TOKENWAY_LEASE")]
    pub(crate) lease: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct LeaseArgs {
    #[command(flatten)]
    pub(crate) target: Target,
    /// Write the lease to this file, which only you can read, instead of stdout
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// The token must live at least this long
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) min_ttl: Option<Duration>,
    #[command(flatten)]
    pub(crate) timing: TimingArgs,
}

#[derive(Args, Debug)]
pub(crate) struct TokenArgs {
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) leased: Leased,
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

/// Whose logins can be taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Source {
    /// aether: the keyring, or its encrypted --file, which AETHER_CREDENTIALS_PASSWORD opens
    Aether,
    /// Codex: `auth.json` in CODEX_HOME or ~/.codex, else the keyring
    Codex,
    /// gcloud: the application default credentials of a person
    Gcloud,
}

#[derive(Args, Debug)]
pub(crate) struct ImportArgs {
    #[command(flatten)]
    pub(crate) target: Target,
    /// The program that the login is taken from
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) from: Source,
    /// Where it keeps the login, if not where it usually does
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// The name of the credential, where aether keeps several [default: the provider's name]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Replace the login that is here
    #[arg(long)]
    pub(crate) replace: bool,
}

#[derive(Args, Debug)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) leased: Leased,
}

#[derive(Args, Debug)]
pub(crate) struct StoreArgs {
    #[command(subcommand)]
    pub(crate) command: StoreCommand,
}

/// What to do with stores.
#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Move every login of one store to another; at no moment is one in neither
    Migrate(MigrateArgs),
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
