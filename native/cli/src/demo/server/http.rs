//! The endpoints.

use std::convert::Infallible;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};

use super::authorize::{AuthorizationRequest, Unacceptable};
use super::grants::{Grants, Refusal, invalid_request};
use super::page;
use super::parameters::Parameters;

/// The most bytes of a form that are read: a code, a verifier and a URI are a few hundred.
const MAX_FORM: usize = 16 * 1024;

type Answer = Response<Full<Bytes>>;

/// Answers one request.
pub(super) async fn answer(grants: &Mutex<Grants>, request: Request<Incoming>) -> Result<Answer, Infallible> {
    // A page of another site that made its name point here (DNS rebinding) says that name.
    if !is_addressed_to(&lock(grants).issuer, &request) {
        return Ok(refused_page("This address is not the one of the demo server."));
    }
    let path = request.uri().path().to_owned();
    Ok(match (request.method(), path.as_str()) {
        (&Method::GET, "/.well-known/oauth-authorization-server") => metadata(&lock(grants).issuer),
        (&Method::GET, "/authorize") => authorize(&mut lock(grants), request.uri().query().unwrap_or_default()),
        (&Method::POST, "/consent") => match form(request).await {
            Ok(form) => consent(&mut lock(grants), &form),
            Err(_) => refused_page("The answer could not be read."),
        },
        (&Method::POST, "/token") => match form(request).await {
            Ok(form) => token(&mut lock(grants), &form),
            Err(refusal) => refused(&refusal),
        },
        (&Method::POST, "/revoke") => match form(request).await {
            Ok(form) => revoke(&mut lock(grants), &form),
            Err(refusal) => refused(&refusal),
        },
        (&Method::GET, "/userinfo") => userinfo(&lock(grants), &request),
        _ => json_answer(StatusCode::NOT_FOUND, &json!({ "error": "not_found" })),
    })
}

/// RFC 8414 section 2.
fn metadata(issuer: &str) -> Answer {
    json_answer(
        StatusCode::OK,
        &json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"),
            "revocation_endpoint": format!("{issuer}/revoke"),
            "userinfo_endpoint": format!("{issuer}/userinfo"),
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["none"],
            "revocation_endpoint_auth_methods_supported": ["none"],
            "authorization_response_iss_parameter_supported": true,
        }),
    )
}

fn authorize(grants: &mut Grants, query: &str) -> Answer {
    match AuthorizationRequest::read(query, &grants.issuer) {
        Ok(request) => {
            let scope = request.scope.clone();
            match grants.ask(request) {
                Ok(question) => page_answer(StatusCode::OK, page::consent(&scope, question.expose())),
                Err(refusal) => refused_page(refusal.description),
            }
        }
        Err(Unacceptable::Here(sentence)) => refused_page(sentence),
        Err(Unacceptable::There(location)) => redirect(&location),
    }
}

fn consent(grants: &mut Grants, form: &Parameters) -> Answer {
    let question = form.value("question").unwrap_or_default();
    match grants.decide(question, form.value("decision") == Some("allow"), Instant::now()) {
        Ok(Some(location)) => redirect(&location),
        Ok(None) => refused_page("This question was answered before, or never asked. Start the login again."),
        Err(refusal) => refused_page(refusal.description),
    }
}

fn token(grants: &mut Grants, form: &Parameters) -> Answer {
    match grants.token(form, Instant::now()) {
        Ok(tokens) => json_answer(StatusCode::OK, &tokens.to_json()),
        Err(refusal) => refused(&refusal),
    }
}

/// RFC 7009 section 2.
fn revoke(grants: &mut Grants, form: &Parameters) -> Answer {
    let Some(token) = form.value("token") else { return refused(&invalid_request("token is missing")) };
    grants.revoke(token);
    json_answer(StatusCode::OK, &json!({}))
}

/// The one person there is, for whoever holds a good access token (RFC 6750 section 2.1).
fn userinfo(grants: &Grants, request: &Request<Incoming>) -> Answer {
    let authorization = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = authorization.and_then(|value| value.strip_prefix("Bearer "));
    if token.is_some_and(|token| grants.admits(token, Instant::now())) {
        return json_answer(StatusCode::OK, &json!({ "sub": "demo", "name": "Demo Person" }));
    }
    let mut answer = json_answer(StatusCode::UNAUTHORIZED, &json!({ "error": "invalid_token" }));
    let challenge = HeaderValue::from_static("Bearer error=\"invalid_token\"");
    answer.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    answer
}

async fn form(request: Request<Incoming>) -> Result<Parameters, Refusal> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("application/x-www-form-urlencoded") {
        return Err(invalid_request("send a form"));
    }
    let body = Limited::new(request.into_body(), MAX_FORM).collect().await;
    let body = body.map_err(|_| invalid_request("the form is too large, or broke off"))?.to_bytes();
    let text = std::str::from_utf8(&body).map_err(|_| invalid_request("the form is not text"))?;
    Parameters::read(text).map_err(|_| invalid_request("a parameter is repeated"))
}

fn is_addressed_to(issuer: &str, request: &Request<Incoming>) -> bool {
    let host = request.headers().get(header::HOST).and_then(|value| value.to_str().ok());
    host.is_some_and(|host| issuer.strip_prefix("http://") == Some(host))
}

fn lock(grants: &Mutex<Grants>) -> MutexGuard<'_, Grants> {
    grants.lock().unwrap_or_else(PoisonError::into_inner)
}

fn refused(refusal: &Refusal) -> Answer {
    let status = match refusal.code {
        "server_error" => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::BAD_REQUEST,
    };
    json_answer(status, &json!({ "error": refusal.code, "error_description": refusal.description }))
}

fn refused_page(sentence: &str) -> Answer {
    page_answer(StatusCode::BAD_REQUEST, page::refusal(sentence))
}

fn json_answer(status: StatusCode, body: &Value) -> Answer {
    finished(status, header::CONTENT_TYPE, "application/json", body.to_string())
}

fn page_answer(status: StatusCode, body: String) -> Answer {
    let mut answer = finished(status, header::CONTENT_TYPE, "text/html; charset=utf-8", body);
    if let Ok(policy) = HeaderValue::from_str(&page::content_security_policy()) {
        answer.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    answer
}

fn redirect(location: &str) -> Answer {
    finished(StatusCode::SEE_OTHER, header::LOCATION, location, String::new())
}

/// Nothing here may be kept, sniffed or told to the next site: codes and tokens pass through.
fn finished(status: StatusCode, name: header::HeaderName, value: &str, body: String) -> Answer {
    let mut answer = Response::new(Full::from(body));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}
