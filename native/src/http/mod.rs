//! HTTP: how a driver performs `PostForm` and `Fetch`.
//!
//! The seam is [`Http`], and it is ours because it must say what no general HTTP trait says: whether a request that
//! failed can have reached the server ([`Sent`](tokenway_core::http::Sent)). A refresh token that may have arrived is
//! treated with care; one that did not can simply be sent again.
//!
//! - [`ReqwestHttp`] (feature `reqwest`, on by default) knows exactly when the first byte leaves.
//! - [`OAuth2Http`] (feature `oauth2`, on by default) takes any client of the `oauth2` crate, and never knows.

use std::future::Future;
use std::pin::Pin;

use tokenway_core::http::{HttpAnswer, HttpRequest, IoFailure};

#[cfg(any(feature = "oauth2", feature = "reqwest"))]
mod address;
#[cfg(feature = "reqwest")]
mod client;
#[cfg(any(feature = "oauth2", feature = "reqwest"))]
mod deadline;
#[cfg(feature = "reqwest")]
mod gate;
mod guard;
#[cfg(any(feature = "oauth2", feature = "reqwest"))]
mod message;
#[cfg(feature = "oauth2")]
mod oauth2_client;
#[cfg(feature = "reqwest")]
mod reqwest;
#[cfg(test)]
#[cfg(feature = "reqwest")]
mod tests;

pub use guard::Guard;
#[cfg(feature = "oauth2")]
pub use oauth2_client::OAuth2Http;
#[cfg(feature = "reqwest")]
pub use reqwest::{HttpOptions, ProxyChoice, ReqwestHttp};

/// A future of a trait object's method.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Performs one HTTP exchange.
///
/// What every implementation owes the machine:
/// - the request is sent at most once: no retries, no redirects followed (RFC 9700 section 4.12);
/// - `guard` is asked as late as possible before the first byte leaves, and nothing is sent when it refuses;
/// - the exchange ends within [`HttpRequest::deadline`] milliseconds;
/// - at most [`MAX_BODY`](tokenway_core::http::MAX_BODY) bytes of the body are kept, counted after decoding;
/// - a failure says `NotSent` only when no byte of the request can have left, and its text holds no secrets.
pub trait Http: Send + Sync + 'static {
    /// Sends `request` and reads the whole answer, of whatever status.
    ///
    /// # Errors
    /// An [`IoFailure`] when there is no whole answer.
    fn send<'a>(&'a self, request: &'a HttpRequest, guard: Guard) -> BoxFuture<'a, Result<HttpAnswer, IoFailure>>;
}
