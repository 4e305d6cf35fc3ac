//! The `oauth2` crate as an oracle: what it would send, we send.
//!
//! Deliberate differences, and how the inputs avoid them:
//! - We always send PKCE and `redirect_uri`, so the oracle is told to do so too, and it gets our `state` and verifier.
//! - Extra parameters with one of our names, a repeated name or an empty value are refused by our configuration (RFC 6749
//!   section 3.1); the oracle sends them twice. They are not drawn.
//! - Codes and tokens are of the characters that RFC 6749 gives them (appendix A); we refuse others.
//! - We never send `scope` with a refresh, and the oracle does not unless told to.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "in a test, whatever fails ends it")]

use std::cell::RefCell;

use oauth2::basic::BasicClient;
use oauth2::{
    AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet, EndpointSet, HttpRequest,
    HttpResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RefreshToken, Scope, TokenUrl,
};
use proptest::prelude::*;
use tokenway_core::action::Action;
use tokenway_core::config::{AuthenticationMethod, Config};
use tokenway_core::lifecycle::Wish;
use tokenway_core::provider::{Endpoints, Provider};
use tokenway_core::secret::Secret;
use tokenway_tests::hand::{self, Hand};

const AUTHORIZE: &str = "https://as.example/authorize?tenant=1";
const TOKEN: &str = "https://as.example/token";

type Oracle = BasicClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>;
type Pairs = Vec<(String, String)>;

/// How a client proves itself.
#[derive(Clone, Debug)]
enum Proof {
    Basic(String),
    Post(String),
    Public,
}

/// Everything that a login is made of.
#[derive(Clone, Debug)]
struct Drawn {
    client_id: String,
    proof: Proof,
    scopes: Vec<String>,
    redirect_uri: String,
    extra: Pairs,
    resources: Vec<String>,
    code: String,
    refresh_token: String,
}

/// What a token request says.
#[derive(Debug, PartialEq)]
struct Sent {
    url: String,
    method: String,
    accept: Option<String>,
    authorization: Option<String>,
    content_type: Option<String>,
    pairs: Pairs,
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let proof = prop_oneof![any_text().prop_map(Proof::Basic), any_text().prop_map(Proof::Post), Just(Proof::Public),];
    let scope = "[!#-\\[\\]-~]{1,12}";
    let redirect = prop_oneof![
        (1024..u16::MAX, "([a-zA-Z0-9_~-][a-zA-Z0-9._~-]{0,11})?")
            .prop_map(|(port, path)| format!("http://127.0.0.1:{port}/{path}")),
        (1024..u16::MAX).prop_map(|port| format!("http://localhost:{port}/auth/callback?tenant=%C3%A9&x=a+b")),
        Just("https://abcdefgh.chromiumapp.org/cb".to_owned()),
    ];
    // A prefix keeps the names apart from ours.
    let extra = prop::collection::btree_map("x_\\PC{0,8}", any_text(), 0..4);
    let resources = prop::collection::btree_set("https://api\\.example/[a-z]{0,8}", 0..3);
    let (code, refresh_token) = ("[ -~]{1,64}", "[ -~]{1,64}");
    (any_text(), proof, prop::collection::vec(scope, 0..5), redirect, extra, resources, code, refresh_token).prop_map(
        |(client_id, proof, scopes, redirect_uri, extra, resources, code, refresh_token)| Drawn {
            client_id,
            proof,
            scopes,
            redirect_uri,
            extra: extra.into_iter().collect(),
            resources: resources.into_iter().collect(),
            code,
            refresh_token,
        },
    )
}

/// Any text that is not empty: blanks, plus signs, colons, percent signs and every script included.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof!["[ -~]{1,40}", "\\PC{1,24}", "[a-zA-Z0-9._~-]{1,64}", "[%+&=: /?#]{1,12}"]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_authorize_url_has_the_parameters_that_the_oracle_sends(drawn in drawn()) {
        let (ours, sent) = our_login(&drawn);
        let verifier = verifier(&sent);
        let state = hand::parameter(&ours, "state").unwrap();

        let mut theirs = oracle(&drawn);
        theirs = theirs.set_redirect_uri(RedirectUrl::new(drawn.redirect_uri.clone()).unwrap());
        let mut request = theirs
            .authorize_url(|| CsrfToken::new(state))
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(verifier)))
            .add_scopes(drawn.scopes.iter().cloned().map(Scope::new));
        for resource in &drawn.resources {
            request = request.add_extra_param("resource", resource);
        }
        for (name, value) in &drawn.extra {
            request = request.add_extra_param(name, value);
        }
        let (theirs, _) = request.url();

        prop_assert_eq!(ours.split('?').next(), theirs.as_str().split('?').next());
        prop_assert_eq!(sorted(hand::query(&ours)), sorted(hand::query(theirs.as_str())));
    }

    #[test]
    fn the_code_exchange_is_the_oracles(drawn in drawn()) {
        let (_, ours) = our_login(&drawn);
        let mut client = oracle(&drawn);
        client = client.set_redirect_uri(RedirectUrl::new(drawn.redirect_uri.clone()).unwrap());
        let mut request = client
            .exchange_code(AuthorizationCode::new(drawn.code.clone()))
            .set_pkce_verifier(PkceCodeVerifier::new(verifier(&ours)));
        for resource in &drawn.resources {
            request = request.add_extra_param("resource", resource);
        }
        let captured = RefCell::new(None);
        let _ = request.request(&capture(&captured));
        prop_assert_eq!(Some(ours), captured.into_inner());
    }

    #[test]
    fn the_refresh_is_the_oracles(drawn in drawn()) {
        let ours = our_refresh(&drawn);
        let client = oracle(&drawn);
        let token = RefreshToken::new(drawn.refresh_token.clone());
        let mut request = client.exchange_refresh_token(&token);
        for resource in &drawn.resources {
            request = request.add_extra_param("resource", resource);
        }
        let captured = RefCell::new(None);
        let _ = request.request(&capture(&captured));
        prop_assert_eq!(Some(ours), captured.into_inner());
    }
}

/// Our authorize URL, and our code exchange.
fn our_login(drawn: &Drawn) -> (String, Sent) {
    let mut hand = world(drawn);
    hand.login(&config(drawn)).unwrap();
    let mut url = None;
    for action in &hand.log {
        if let Action::OpenUrl(open) = action {
            url = Some(open.url.clone());
        }
    }
    (url.unwrap(), sent(&hand))
}

fn our_refresh(drawn: &Drawn) -> Sent {
    let mut hand = world(drawn);
    hand.login(&config(drawn)).unwrap();
    hand.log.clear();
    let rejected = hand.record.as_ref().unwrap().access_token.hash();
    hand.token(&config(drawn), Wish { rejected: Some(rejected), ..Wish::default() }).unwrap();
    sent(&hand)
}

fn world(drawn: &Drawn) -> Hand {
    let refresh_token = drawn.refresh_token.clone();
    let code: String = url::form_urlencoded::byte_serialize(drawn.code.as_bytes()).collect();
    let mut number = 0;
    let server = move |_: &_| {
        number += 1;
        let token = serde_json::json!({
            "access_token": format!("access-{number}"), "refresh_token": refresh_token, "token_type": "Bearer",
        });
        hand::json(200, &token)
    };
    Hand::new(server).with_person(move |wait| {
        let Some((redirect, extra)) = wait.redirect_uri.split_once('?') else {
            return hand::redirect(wait, &format!("code={code}"));
        };
        let bare = tokenway_core::action::AwaitCallback { redirect_uri: redirect.to_owned(), ..wait.clone() };
        hand::redirect(&bare, &format!("{extra}&code={code}"))
    })
}

fn config(drawn: &Drawn) -> Config {
    let provider = Provider::with_endpoints(Endpoints {
        authorization: AUTHORIZE.to_owned(),
        token: TOKEN.to_owned(),
        revocation: None,
        iss_in_response: false,
    });
    let provider = Provider { nonce: false, ..provider };
    let mut builder =
        Config::builder(provider).client_id(&drawn.client_id).scopes(&drawn.scopes).redirect_uri(&drawn.redirect_uri);
    for (name, value) in &drawn.extra {
        builder = builder.authorize_parameter(name, value);
    }
    for resource in &drawn.resources {
        builder = builder.resource(resource);
    }
    builder = match &drawn.proof {
        Proof::Basic(secret) => {
            builder.client_secret(Secret::new(secret.as_str())).client_authentication(AuthenticationMethod::Basic)
        }
        Proof::Post(secret) => {
            builder.client_secret(Secret::new(secret.as_str())).client_authentication(AuthenticationMethod::Post)
        }
        Proof::Public => builder,
    };
    builder.build().unwrap()
}

fn oracle(drawn: &Drawn) -> Oracle {
    let client = BasicClient::new(ClientId::new(drawn.client_id.clone()))
        .set_auth_uri(AuthUrl::new(AUTHORIZE.to_owned()).unwrap())
        .set_token_uri(TokenUrl::new(TOKEN.to_owned()).unwrap());
    match &drawn.proof {
        Proof::Basic(secret) => {
            client.set_client_secret(ClientSecret::new(secret.clone())).set_auth_type(AuthType::BasicAuth)
        }
        Proof::Post(secret) => {
            client.set_client_secret(ClientSecret::new(secret.clone())).set_auth_type(AuthType::RequestBody)
        }
        Proof::Public => client,
    }
}

/// The last request that we sent.
fn sent(hand: &Hand) -> Sent {
    let request = hand.requests().pop().unwrap();
    let (content_type, _) = request.body.encode().unwrap();
    Sent {
        url: request.url.clone(),
        method: serde_json::to_value(request.method).unwrap().as_str().unwrap().to_owned(),
        accept: hand::header(&request, "accept").map(str::to_owned),
        authorization: hand::header(&request, "authorization").map(str::to_owned),
        content_type: Some(content_type.to_owned()),
        pairs: sorted(hand::form(&request)),
    }
}

/// An HTTP client that keeps the request and answers nothing of use.
fn capture(into: &RefCell<Option<Sent>>) -> impl Fn(HttpRequest) -> Result<HttpResponse, std::io::Error> {
    |request| {
        let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        *into.borrow_mut() = Some(Sent {
            url: request.uri().to_string(),
            method: request.method().to_string(),
            accept: header("accept"),
            authorization: header("authorization"),
            content_type: header("content-type"),
            pairs: sorted(url::form_urlencoded::parse(request.body()).into_owned().collect()),
        });
        Err(std::io::Error::other("nobody is there"))
    }
}

fn verifier(sent: &Sent) -> String {
    sent.pairs.iter().find(|(name, _)| name == "code_verifier").map(|(_, value)| value.clone()).unwrap()
}

fn sorted(mut pairs: Pairs) -> Pairs {
    pairs.sort();
    pairs
}
