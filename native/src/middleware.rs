//! A middleware for reqwest: attaches the token, and after a 401 replays the request once with another.
//!
//! RFC 6750 sections 2.1 and 3.1. The token goes only to the origins that were named, over TLS or loopback.

use async_trait::async_trait;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Request, Response, StatusCode};
use reqwest_middleware::{Error, Middleware, Next, Result};
use tokenway_core::config::is_loopback_host;
use url::{Origin, Url};

use crate::client::{AccessToken, Client};

/// Attaches a client's token to the requests for certain origins, in the place of any `Authorization` they had.
///
/// After a 401 the token is invalidated and the request sent once more with another, unless its body is a stream. Without
/// another token, or after a second 401, the caller gets the 401.
#[derive(Clone, Debug)]
pub struct BearerToken {
    client: Client,
    origins: Vec<Origin>,
}

impl BearerToken {
    /// For the origins of these URLs, and no others.
    ///
    /// # Errors
    /// A URL that is neither `https` nor loopback: a token would travel in clear.
    pub fn new<'a>(client: Client, urls: impl IntoIterator<Item = &'a str>) -> std::result::Result<Self, UnfitOrigin> {
        let origins = urls.into_iter().map(safe_origin).collect::<std::result::Result<_, _>>()?;
        Ok(BearerToken { client, origins })
    }
}

/// A URL whose origin may not get a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnfitOrigin {
    /// The URL.
    pub url: String,
}

impl std::fmt::Display for UnfitOrigin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: a token goes only to https, or to a loopback address", self.url)
    }
}

impl std::error::Error for UnfitOrigin {}

#[async_trait]
impl Middleware for BearerToken {
    async fn handle(
        &self,
        mut request: Request,
        extensions: &mut http::Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        if !self.origins.contains(&request.url().origin()) {
            return next.run(request, extensions).await;
        }
        let token = self.client.token().await.map_err(Error::middleware)?;
        attach(&mut request, &token)?;
        let again = request.try_clone();
        let response = next.clone().run(request, extensions).await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        self.client.invalidate(&token);
        // A body that is a stream cannot be sent twice, and without another token there is no use: the 401 stands.
        let Some(mut again) = again else { return Ok(response) };
        let Ok(other) = self.client.token().await else { return Ok(response) };
        attach(&mut again, &other)?;
        next.run(again, extensions).await
    }
}

fn attach(request: &mut Request, token: &AccessToken) -> Result<()> {
    let mut value = HeaderValue::from_str(token.authorization().expose()).map_err(Error::middleware)?;
    value.set_sensitive(true);
    request.headers_mut().insert(AUTHORIZATION, value);
    Ok(())
}

fn safe_origin(url: &str) -> std::result::Result<Origin, UnfitOrigin> {
    let unfit = || UnfitOrigin { url: url.to_owned() };
    let parsed = Url::parse(url).map_err(|_| unfit())?;
    let loopback = parsed.scheme() == "http" && parsed.host_str().is_some_and(is_loopback_host);
    if parsed.scheme() == "https" || loopback { Ok(parsed.origin()) } else { Err(unfit()) }
}
