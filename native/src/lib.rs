//! OAuth 2 logins for programs that run on a person's machine: command-line tools, desktop apps, coding agents.
//!
//! A person logs in once, in their browser; from then on any program on the machine gets a valid access token, for as
//! long as the grant lives. Tokens are renewed when they are due, once for all processes that share them, and a token is
//! saved before anybody sees it: crashes, races, lost answers and full disks cost no login that could be kept.
//!
//! ```no_run
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use tokenway::core::{config::Config, provider::Provider};
//!
//! let config = Config::builder(Provider::generic("https://login.example.com")).client_id("my-app").build()?;
//! let client = tokenway::Client::builder(config).build()?;
//! client.login().await?; // once; it is remembered
//! let token = client.token().await?; // before each request: lent, or renewed
//! let header = token.authorization().expose(); // "Bearer ..."
//! # let _ = header;
//! # Ok(())
//! # }
//! ```
//!
//! # The map
//! - [`Client`], and [`BlockingClient`] for programs without an async runtime: login, token, status, logout.
//! - `middleware::BearerToken` (feature `middleware`): attaches the token to the requests of a reqwest client, and
//!   replays once after a 401.
//! - [`lease`]: an access token on loan to a container or another machine, without what renews it.
//! - [`login`]: how a login talks to the person, and how it outlives its process.
//! - [`store`]: where credentials are kept; [`http`]: how requests are made. Both are traits.
//! - [`driver`] and [`world`]: the loop that runs the machines of [`core`], for whoever builds on them.
//! - [`callback`] and [`browser`]: the redirect receiver and the ways to open a URL, by themselves.
//!
//! # Rules of the house
//! - Each failure says the step, what was seen and what to do next: [`core::error::Failure`].
//! - Work that must not be lost runs on a thread of the client's own. A caller may be cancelled at any time.
//! - Call [`Client::close`] before the program ends, also on Ctrl-C.

pub mod browser;
pub mod callback;
pub mod client;
pub mod driver;
pub mod home;
pub mod http;
pub mod lease;
pub mod login;
mod machine;
#[cfg(feature = "middleware")]
pub mod middleware;
pub mod store;
pub mod world;

pub use client::{AccessToken, BlockingClient, Client};
pub use tokenway_core as core;
