//! `tokenway demo`: a whole life of a login, against a server of its own.

mod crowd;
pub(crate) mod server;

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokenway::Client;
use tokenway::http::BoxFuture;
use tokenway::login::{LoginUi, Shown};
use tokenway::store::FileStore;
use tokenway_core::config::Config;
use tokenway_core::error::Failure;
use tokenway_core::lifecycle::Scope;
use tokenway_core::provider::Provider;

use crate::args::DemoArgs;
use crate::exit::{Code, Stopped};
use crate::output::{Answer, say};
use crate::terminal::Terminal;
use crate::text::{bold, who};
use crate::timeline::Timeline;
use server::{CLIENT_ID, DemoServer, Options, approver};

/// How many processes ask for a token at once.
const CROWD: usize = 8;

/// How long to wait for the person, with `--browser`.
const LIFE: Duration = Duration::from_secs(3_600);

/// With `--serve`: short enough to watch a renewal.
const SERVED_LIFE: Duration = Duration::from_secs(60);

pub(crate) async fn run(args: &DemoArgs) -> Result<Answer, Stopped> {
    match args.serve {
        Some(port) => serve(port).await,
        None => show(args).await,
    }
}

/// Only the server, until Ctrl-C: for programs that are being written, and the browser extension.
async fn serve(port: u16) -> Result<Answer, Stopped> {
    let server = start(Options { access_token_life: SERVED_LIFE, port }).await?;
    let announced = async {
        say(&format!(
            "Issuer {}, client id {CLIENT_ID}, redirect to /callback on loopback; tokens live {} s. Ctrl-C ends it.",
            server.issuer(),
            SERVED_LIFE.as_secs()
        ));
        std::future::pending().await
    };
    // In this order: whoever reads the line may interrupt at once.
    tokio::select! {
        biased;
        interrupted = tokio::signal::ctrl_c() => interrupted,
        never = announced => never,
    }
    .map_err(|error| Stopped::new(Code::Other, error.to_string()))?;
    server.stop().await;
    Err(Stopped::interrupted())
}

async fn start(options: Options) -> Result<DemoServer, Stopped> {
    let started = DemoServer::start(options).await;
    started.map_err(|error| Stopped::configuration(format!("the demo's server: {error}")))
}

async fn show(args: &DemoArgs) -> Result<Answer, Stopped> {
    let home =
        tempfile::tempdir().map_err(|error| Stopped::configuration(format!("a folder for the demo: {error}")))?;
    let server = start(Options { access_token_life: LIFE, port: 0 }).await?;
    say(&format!(
        "A small authorization server listens on {}; logins are kept in a folder that goes away.",
        server.issuer()
    ));

    let end = tokio::select! {
        end = tell(args, &server, home.path()) => end,
        _ = tokio::signal::ctrl_c() => Err(Stopped::interrupted()),
    };
    server.stop().await;
    end
}

/// The story.
async fn tell(args: &DemoArgs, server: &DemoServer, home: &std::path::Path) -> Result<Answer, Stopped> {
    let config = Config::builder(Provider::generic(server.issuer()))
        .client_id(CLIENT_ID)
        .build()
        .map_err(|error| Stopped::new(Code::Other, error.to_string()))?;
    let client = Client::builder(config)
        .store(Arc::new(FileStore::new(home)))
        .observer(Arc::new(Timeline::default()))
        .build()
        .map_err(|error| Stopped::configuration(error.to_string()))?;

    chapter("1. A person logs in.");
    let ui: Arc<dyn LoginUi> =
        if args.browser { Arc::new(Terminal::new("the demo", true)) } else { Arc::new(Approver) };
    let logged_in = client.login_with(ui).await.map_err(stopped)?;
    say(&format!("Logged in{}.", who(&logged_in.record.claims).map(|who| format!(" as {who}")).unwrap_or_default()));

    chapter("2. A program asks for a token: it is fresh, nothing is sent.");
    let first = client.token().await.map_err(stopped)?;

    chapter("3. The API refuses the token: it is renewed, and the refresh token rotates.");
    client.invalidate(&first);
    let second = client.token().await.map_err(stopped)?;

    chapter(&format!("4. {CROWD} processes were refused the same token, all at once: one of them renews it."));
    let before = server.counts();
    let crowd = crowd::ask(CROWD, server.issuer(), home, second.secret()).await?;
    let after = server.counts();
    let refreshes = after.refreshes - before.refreshes;
    say(&format!(
        "{CROWD} processes, {} different token{}, {refreshes} renewal{} at the server, {} reused refresh tokens.",
        crowd.different,
        plural(crowd.different),
        plural(usize::try_from(refreshes).unwrap_or(usize::MAX)),
        after.reuses,
    ));

    chapter("5. The person logs out, here and at the server.");
    client.logout(Scope::Everywhere).await.map_err(stopped)?;

    let counts = server.counts();
    if crowd.different != 1 || refreshes != 1 || counts.reuses != 0 || counts.revocations == 0 {
        return Err(Stopped::new(Code::Other, "the demo did not go as it should: this is a mistake in tokenway"));
    }
    let text = format!(
        "Done: 1 login, {} renewals for {} processes, 0 reused refresh tokens, nothing left behind.",
        counts.refreshes,
        CROWD + 1
    );
    let json = json!({ "refreshes": counts.refreshes, "reuses": counts.reuses, "revocations": counts.revocations });
    Ok(Answer { text, json })
}

/// Clicks Allow.
struct Approver;

impl LoginUi for Approver {
    fn show(&self, _shown: &Shown) {
        say("The built-in approver opens the page and clicks Allow (with --browser, you do).");
    }

    fn open<'a>(&'a self, url: &'a str) -> BoxFuture<'a, bool> {
        let url = url.to_owned();
        tokio::spawn(async move {
            if let Err(why) = approver::approve(&url).await {
                say(&format!("tokenway: {why}"));
            }
        });
        Box::pin(std::future::ready(true))
    }
}

fn chapter(title: &str) {
    say(&format!("\n{}", bold(title)));
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

fn stopped(failure: Box<Failure>) -> Stopped {
    Stopped::failure(failure, "tokenway demo")
}
