//! OAuth 2 logins and token lifecycles as a pure state machine: no IO, no clock, no randomness, no threads.
//!
//! A [`session::Session`] is one running flow. It asks for one [`action::Action`] at a time; whoever drives it performs
//! the action and hands the [`event::Outcome`] back, with the time and 32 fresh random bytes. That is all:
//!
//! ```text
//! +--------------------------------------------------------------------------------------------+
//! |  loop:  poll() --> Act { id, action } --> perform it, once --> handle(moment, { id, outcome }) |
//! |         poll() --> Done(end)          --> stop                                                |
//! |                                                                                            |
//! |  Polling twice is harmless; performing twice is not. An `Err` of handle() changed nothing. |
//! +--------------------------------------------------------------------------------------------+
//! ```
//!
//! # One whole login, by hand
//! ```
//! use tokenway_core::{action::Action, config::Config, event::*, flow::Login, http::*, moment::*};
//! use tokenway_core::{machine::Machine, provider::*, secret::Secret, session::*};
//!
//! /// Performs nothing: takes the action that stands and says what happened.
//! fn answer<M: Machine>(session: &mut Session<M>, outcome: impl FnOnce(Action) -> Outcome) {
//!     let Step::Act { id, action } = session.poll() else { panic!("the flow has ended") };
//!     let moment = Moment { now: UnixMillis(1_000), entropy: [7; 32] };
//!     session.handle(moment, Event { id, outcome: outcome(action) }).unwrap();
//! }
//! let endpoints = Endpoints {
//!     authorization: "https://as.example/authorize".into(),
//!     token: "https://as.example/token".into(),
//!     revocation: None,
//!     iss_in_response: false,
//! };
//! let config = Config::builder(Provider::with_endpoints(endpoints)).client_id("native").build()?;
//! let mut login = Login::start(&config, Moment { now: UnixMillis(0), entropy: [1; 32] });
//!
//! let redirect_uri = "http://127.0.0.1:49152/callback".to_owned();
//! answer(&mut login, |_listen| Outcome::Listening(Listening { redirect_uri }));
//! answer(&mut login, |_open| Outcome::Opened(Opened { browser: true }));
//! answer(&mut login, |await_callback| {
//!     let Action::AwaitCallback(wait) = await_callback else { panic!() };
//!     let state = wait.url.split("state=").nth(1).unwrap().split('&').next().unwrap();
//!     let target = Secret::new(format!("/callback?code=abc&state={state}"));
//!     let headers = vec![("host".to_owned(), "127.0.0.1:49152".to_owned())];
//!     Outcome::Callback(Callback { source: CallbackSource::Listening, method: "GET".into(), target, headers, body: "".into() })
//! });
//! answer(&mut login, |_begin| Outcome::Begun);
//! answer(&mut login, |_post_form| {
//!     let body = AnswerBody::new(br#"{"access_token":"AT","token_type":"Bearer","expires_in":3600}"#.to_vec());
//!     Outcome::Http(HttpAnswer { status: 200, headers: vec![], body, received_at: UnixMillis(1_000) })
//! });
//! answer(&mut login, |_save| Outcome::Saved);
//! let logged_in = login.into_end().expect("the login has ended").expect("well");
//! assert_eq!(logged_in.record.access_token, Secret::new("AT"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The map
//! - [`config`] and [`provider`]: what is known before a flow starts.
//! - [`flow::Login`], [`lifecycle::GetToken`], [`lifecycle::Logout`]: the flows.
//! - [`action`], [`event`], [`session`], [`machine`]: how they talk to the world.
//! - [`wire`]: bytes to types, for servers as they are.
//! - [`lifecycle::record`] and [`lifecycle::ledger`]: what is stored; [`snapshot`]: a login that outlives its process.
//! - [`json`]: the forms of all these, for drivers that are downloaded.
//! - [`error`]: what went wrong, and what to do next.
//!
//! # What is not here
//! Sockets, files, browsers, clocks and random numbers: they belong to a driver (the crate `tokenway` is one). The
//! implicit and the password grant (RFC 9700 section 2.4). Validation of signatures: claims are read, never trusted.

pub mod action;
mod answers;
pub mod config;
pub mod error;
pub mod event;
pub mod flow;
pub mod http;
pub mod json;
pub mod lifecycle;
pub mod machine;
pub mod manual;
pub mod moment;
pub mod named;
#[cfg(feature = "oauth2")]
pub mod oauth2;
pub mod provider;
pub mod secret;
pub mod session;
pub mod snapshot;
pub mod transcript;
pub mod wire;
