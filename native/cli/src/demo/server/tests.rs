//! The server over real sockets.

use reqwest::redirect::Policy;
use reqwest::{Response, StatusCode};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::approver::approve;
use super::*;

/// Of RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const REDIRECT: &str = "http://127.0.0.1:4000/callback";

/// A server, and a client of it that follows no redirects.
struct Scene {
    server: DemoServer,
    http: reqwest::Client,
}

impl Scene {
    async fn new() -> Scene {
        Scene::with(Options::default()).await
    }

    async fn with(options: Options) -> Scene {
        let http = reqwest::Client::builder().no_proxy().redirect(Policy::none()).build().unwrap();
        Scene { server: DemoServer::start(options).await.unwrap(), http }
    }

    async fn get(&self, path: &str) -> Response {
        self.http.get(format!("{}{path}", self.server.issuer())).send().await.unwrap()
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Response {
        let request = self.http.post(format!("{}{path}", self.server.issuer()));
        request.header("content-type", "application/x-www-form-urlencoded").body(encode(form)).send().await.unwrap()
    }

    /// The page that asks the person.
    async fn ask(&self) -> String {
        self.get(&authorize(REDIRECT)).await.text().await.unwrap()
    }

    /// The redirect after the person's decision.
    async fn decide(&self, page: &str, decision: &str) -> Response {
        let (_, rest) = page.split_once("name=\"question\" value=\"").unwrap();
        let (question, _) = rest.split_once('"').unwrap();
        self.post("/consent", &[("question", question), ("decision", decision)]).await
    }

    async fn code(&self) -> String {
        let answer = self.decide(&self.ask().await, "allow").await;
        parameter(location(&answer), "code").unwrap()
    }

    async fn exchange(&self, code: &str, verifier: &str) -> Result<Value, String> {
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", CLIENT_ID),
            ("code", code),
            ("redirect_uri", REDIRECT),
            ("code_verifier", verifier),
        ];
        outcome(self.post("/token", &form).await).await
    }

    async fn login(&self) -> Value {
        self.exchange(&self.code().await, VERIFIER).await.unwrap()
    }

    async fn refresh(&self, tokens: &Value) -> Result<Value, String> {
        let token = tokens["refresh_token"].as_str().unwrap();
        let form = [("grant_type", "refresh_token"), ("client_id", CLIENT_ID), ("refresh_token", token)];
        outcome(self.post("/token", &form).await).await
    }

    async fn revoke(&self, token: &str) -> StatusCode {
        self.post("/revoke", &[("token", token), ("client_id", CLIENT_ID)]).await.status()
    }

    async fn userinfo(&self, tokens: &Value) -> StatusCode {
        let request = self.http.get(format!("{}/userinfo", self.server.issuer()));
        request.bearer_auth(tokens["access_token"].as_str().unwrap()).send().await.unwrap().status()
    }
}

fn authorize(redirect_uri: &str) -> String {
    let query = encode(&[
        ("response_type", "code"),
        ("client_id", CLIENT_ID),
        ("redirect_uri", redirect_uri),
        ("scope", "profile"),
        ("state", "s1"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ]);
    format!("/authorize?{query}")
}

fn encode(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

fn location(answer: &Response) -> &str {
    answer.headers()["location"].to_str().unwrap()
}

fn parameter(url: &str, name: &str) -> Option<String> {
    let url = url::Url::parse(url).unwrap();
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// The tokens, or the error code.
async fn outcome(answer: Response) -> Result<Value, String> {
    let status = answer.status();
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let body: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    if status == StatusCode::OK { Ok(body) } else { Err(body["error"].as_str().unwrap().to_owned()) }
}

fn refused(code: &str) -> Result<Value, String> {
    Err(code.to_owned())
}

#[tokio::test]
async fn a_login_gives_tokens_that_rotate_and_admit() {
    let scene = Scene::new().await;
    let first = scene.login().await;
    assert_eq!(
        (&first["token_type"], &first["expires_in"], &first["scope"]),
        (&"Bearer".into(), &3600.into(), &"profile".into())
    );
    assert_eq!(scene.userinfo(&first).await, StatusCode::OK);
    let second = scene.refresh(&first).await.unwrap();
    assert_ne!(first["refresh_token"], second["refresh_token"]);
    assert_eq!(scene.userinfo(&second).await, StatusCode::OK);
    assert_eq!(scene.server.counts(), Counts { exchanges: 1, refreshes: 1, ..Counts::default() });
}

#[tokio::test]
async fn a_wrong_verifier_is_refused_and_spends_the_code() {
    let scene = Scene::new().await;
    let code = scene.code().await;
    assert_eq!(scene.exchange(&code, "another-verifier-of-the-right-length-0000000").await, refused("invalid_grant"));
    assert_eq!(scene.exchange(&code, VERIFIER).await, refused("invalid_grant"));
    assert_eq!(scene.server.counts(), Counts::default());
}

#[tokio::test]
async fn a_code_that_comes_twice_revokes_what_it_gave() {
    let scene = Scene::new().await;
    let code = scene.code().await;
    let tokens = scene.exchange(&code, VERIFIER).await.unwrap();
    assert_eq!(scene.exchange(&code, VERIFIER).await, refused("invalid_grant"));
    assert_eq!(scene.userinfo(&tokens).await, StatusCode::UNAUTHORIZED);
    assert_eq!(scene.refresh(&tokens).await, refused("invalid_grant"));
    assert_eq!(scene.server.counts().reuses, 1);
}

#[tokio::test]
async fn a_refresh_token_that_comes_twice_revokes_its_family_and_no_other() {
    let scene = Scene::new().await;
    let (first, other) = (scene.login().await, scene.login().await);
    let second = scene.refresh(&first).await.unwrap();
    assert_eq!(scene.refresh(&first).await, refused("invalid_grant"));
    assert_eq!(scene.refresh(&second).await, refused("invalid_grant"));
    assert_eq!(scene.userinfo(&second).await, StatusCode::UNAUTHORIZED);
    assert_eq!(scene.userinfo(&other).await, StatusCode::OK);
    assert_eq!(scene.server.counts().reuses, 1);
}

#[tokio::test]
async fn a_redirect_to_another_host_is_refused_on_the_page() {
    let scene = Scene::new().await;
    let answer = scene.get(&authorize("https://example.test/callback")).await;
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    assert!(!answer.headers().contains_key("location"));
    assert!(answer.text().await.unwrap().contains("an address that is not its own"));
}

#[tokio::test]
async fn a_person_can_refuse_and_a_question_is_answered_once() {
    let scene = Scene::new().await;
    let page = scene.ask().await;
    let answer = scene.decide(&page, "deny").await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    assert_eq!(parameter(location(&answer), "error").as_deref(), Some("access_denied"));
    assert_eq!(parameter(location(&answer), "iss").as_deref(), Some(scene.server.issuer()));
    assert_eq!(scene.decide(&page, "allow").await.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn revoking_either_token_ends_the_family() {
    let scene = Scene::new().await;
    for kind in ["access_token", "refresh_token"] {
        let tokens = scene.login().await;
        assert_eq!(scene.revoke(tokens[kind].as_str().unwrap()).await, StatusCode::OK);
        assert_eq!(scene.userinfo(&tokens).await, StatusCode::UNAUTHORIZED);
        assert_eq!(scene.refresh(&tokens).await, refused("invalid_grant"));
    }
    assert_eq!(scene.revoke("nobody knows this one").await, StatusCode::OK);
    assert_eq!(scene.server.counts(), Counts { exchanges: 2, revocations: 2, ..Counts::default() });
}

#[tokio::test]
async fn an_access_token_ends_with_its_life() {
    let scene = Scene::with(Options { access_token_life: Duration::ZERO, port: 0 }).await;
    let tokens = scene.login().await;
    assert_eq!(tokens["expires_in"], 0);
    assert_eq!(scene.userinfo(&tokens).await, StatusCode::UNAUTHORIZED);
    assert!(scene.refresh(&tokens).await.is_ok());
}

#[tokio::test]
async fn another_client_grant_or_redirect_uri_is_refused() {
    let scene = Scene::new().await;
    let code = scene.code().await;
    for (form, error) in [
        (vec![("grant_type", "refresh_token"), ("client_id", "other")], "invalid_client"),
        (vec![("grant_type", "password"), ("client_id", CLIENT_ID)], "unsupported_grant_type"),
        (vec![("client_id", CLIENT_ID)], "invalid_request"),
        (vec![("client_id", CLIENT_ID), ("client_id", CLIENT_ID)], "invalid_request"),
        (
            vec![
                ("grant_type", "authorization_code"),
                ("client_id", CLIENT_ID),
                ("code", &code),
                ("redirect_uri", "http://127.0.0.1:4001/callback"),
                ("code_verifier", VERIFIER),
            ],
            "invalid_grant",
        ),
    ] {
        assert_eq!(outcome(scene.post("/token", &form).await).await, refused(error));
    }
}

#[tokio::test]
async fn metadata_promises_pkce_and_the_issuer_in_the_answer() {
    let scene = Scene::new().await;
    let metadata = outcome(scene.get("/.well-known/oauth-authorization-server").await).await.unwrap();
    assert_eq!(metadata["issuer"], scene.server.issuer());
    assert_eq!(metadata["code_challenge_methods_supported"], serde_json::json!(["S256"]));
    assert_eq!(metadata["authorization_response_iss_parameter_supported"], true);
}

#[tokio::test]
async fn a_page_of_another_name_is_not_served() {
    let scene = Scene::new().await;
    let request = scene.http.get(format!("{}{}", scene.server.issuer(), authorize(REDIRECT)));
    let answer = request.header("host", "rebound.example.test").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    assert!(!answer.text().await.unwrap().contains("<form"));
}

#[tokio::test]
async fn the_approver_brings_the_code_to_the_client_and_sees_its_last_page() {
    let scene = Scene::new().await;
    let client = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let redirect_uri = format!("http://{}/callback", client.local_addr().unwrap());
    let requests = tokio::spawn(async move {
        let callback =
            serve_once(&client, "HTTP/1.1 303 See Other\r\nlocation: /done\r\ncontent-length: 0\r\n\r\n").await;
        let done = serve_once(&client, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
        (callback, done)
    });
    approve(&format!("{}{}", scene.server.issuer(), authorize(&redirect_uri))).await.unwrap();
    let (callback, done) = requests.await.unwrap();
    assert!(callback.starts_with("GET /callback?code="), "{callback}");
    assert!(callback.contains("&state=s1&iss=http"), "{callback}");
    assert!(done.starts_with("GET /done "), "{done}");
}

#[tokio::test]
async fn the_approver_says_what_it_could_not_do() {
    let scene = Scene::new().await;
    let error = approve(&format!("{}/authorize", scene.server.issuer())).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the built-in approver could not click Allow: the page asks nothing. Use --browser to approve by hand."
    );
}

#[tokio::test]
async fn a_stopped_server_leaves_its_port() {
    let scene = Scene::new().await;
    let address = scene.server.issuer().strip_prefix("http://").unwrap().to_owned();
    scene.server.stop().await;
    assert!(tokio::net::TcpStream::connect(&address).await.is_err());
}

/// Answers one request and closes; returns the request line.
async fn serve_once(listener: &TcpListener, answer: &str) -> String {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        stream.read_buf(&mut head).await.unwrap();
    }
    stream.write_all(answer.as_bytes()).await.unwrap();
    String::from_utf8(head).unwrap().lines().next().unwrap().to_owned()
}
