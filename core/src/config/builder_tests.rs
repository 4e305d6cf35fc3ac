//! Each setting that cannot work is refused, by name.

use super::*;
use crate::config::Redirect;
use crate::moment::Millis;

fn endpoints() -> Endpoints {
    Endpoints {
        authorization: "https://as.example/authorize".to_owned(),
        token: "https://as.example/token".to_owned(),
        revocation: None,
        iss_in_response: false,
    }
}

fn builder() -> Builder {
    Config::builder(Provider::with_endpoints(endpoints())).client_id("native")
}

fn refusal(builder: Builder) -> ConfigError {
    builder.build().expect_err("this cannot work")
}

fn refused_setting(builder: Builder) -> &'static str {
    refusal(builder).setting
}

#[test]
fn what_is_not_said_is_what_rfc_8252_says() {
    let config = builder().build().unwrap();
    assert_eq!(config.redirect_uris, ["http://127.0.0.1:0/callback"]);
    assert_eq!(config.client.authentication, ClientAuthentication::PublicClient);
    assert_eq!(config.key().to_string(), "https://as.example/token (native, default)");
    assert_eq!(config.timing(), &Timing::default());
    assert_eq!(config.issuer(), None);
}

#[test]
fn an_issuer_is_a_secure_url_without_a_query() {
    for issuer in ["as.example", "http://as.example", "https://as.example/?tenant=1", "https://u@as.example", ""] {
        let builder = Config::builder(Provider::generic(issuer)).client_id("native");
        assert_eq!(refused_setting(builder), "issuer", "{issuer}");
    }
    for issuer in ["https://as.example", "https://as.example/tenant/1", "http://127.0.0.1:9400"] {
        assert!(Config::builder(Provider::generic(issuer)).client_id("native").build().is_ok(), "{issuer}");
    }
}

#[test]
fn no_error_repeats_a_password_that_stands_in_a_url() {
    for issuer in ["https://ada:hush@as.example", "http://ada:hush@as.example", "https://ada:hush@as.example/#f"] {
        let error = refusal(Config::builder(Provider::generic(issuer)).client_id("native"));
        assert!(!error.to_string().contains("hush"), "{error}");
    }
    let error = refusal(builder().redirect_uri("http://ada:hush@127.0.0.1/cb"));
    assert!(!error.to_string().contains("hush"), "{error}");
    let plain = refusal(Config::builder(Provider::generic("http://as.example")).client_id("native"));
    assert!(plain.to_string().contains("http://as.example: only https"), "{plain}");
}

#[test]
fn an_issuer_or_endpoints_are_needed() {
    let provider = Provider { endpoints: None, ..Provider::with_endpoints(endpoints()) };
    assert_eq!(
        refusal(Config::builder(provider).client_id("native")).to_string(),
        "issuer: an issuer or endpoints are needed"
    );
}

#[test]
fn every_endpoint_is_secure() {
    type Change = fn(&mut Endpoints);
    let changes: [(&str, Change); 3] = [
        ("authorization endpoint", |endpoints| endpoints.authorization = "http://as.example/a".to_owned()),
        ("token endpoint", |endpoints| endpoints.token = "ftp://as.example/t".to_owned()),
        ("revocation endpoint", |endpoints| endpoints.revocation = Some("https://as.example/r#f".to_owned())),
    ];
    for (setting, change) in changes {
        let mut endpoints = endpoints();
        change(&mut endpoints);
        assert_eq!(refused_setting(Config::builder(Provider::with_endpoints(endpoints)).client_id("native")), setting);
    }
}

#[test]
fn a_redirect_stays_on_this_machine_or_belongs_to_this_program() {
    for uri in [
        "http://u:p@127.0.0.1/cb",
        "/callback",
        "http://as.example/cb",
        "http://127.0.0.1:0/cb#f",
        "myapp:/cb",
        "javascript:alert(1)",
    ] {
        assert_eq!(refused_setting(builder().redirect_uri(uri)), "redirect_uri", "{uri}");
    }
    for uri in [
        "http://127.0.0.1:8123/cb",
        "http://[::1]:0/cb",
        "http://localhost:1455/auth/callback",
        "https://abcdef.chromiumapp.org/",
        "com.example.app:/cb",
    ] {
        assert_eq!(builder().redirect_uri(uri).build().unwrap().redirect_uris, [uri]);
    }
    let redirect = Redirect { host: "as.example".to_owned(), ..Redirect::default() };
    let provider = Provider { redirect, ..Provider::with_endpoints(endpoints()) };
    assert_eq!(refused_setting(Config::builder(provider).client_id("native")), "redirect_uri");
}

#[test]
fn registered_ports_are_tried_in_their_order() {
    let redirect = Redirect { host: "localhost".to_owned(), ports: vec![1455, 1457], path: "/cb".to_owned() };
    assert_eq!(redirect.uris(), ["http://localhost:1455/cb", "http://localhost:1457/cb"]);
}

#[test]
fn a_scope_holds_what_rfc_6749_section_3_3_allows() {
    for scope in ["", "two words", "a\"b", "a\\b", "a\nb", "ä"] {
        assert_eq!(refused_setting(builder().scopes([scope])), "scopes", "{scope:?}");
    }
    let scopes = ["openid", "https://api.example/read", "!#[]~"];
    assert_eq!(builder().scopes(scopes).build().unwrap().scopes, scopes);
}

#[test]
fn a_resource_is_an_absolute_uri_without_a_fragment() {
    assert_eq!(refused_setting(builder().resource("api")), "resource");
    assert_eq!(refused_setting(builder().resource("https://api.example/#part")), "resource");
    let config = builder().resource("https://a.example/").resource("urn:example:b").build().unwrap();
    assert_eq!(config.resources, ["https://a.example/", "urn:example:b"]);
}

#[test]
fn an_extra_parameter_cannot_take_the_place_of_ours() {
    for name in OUR_PARAMETERS.split(' ').chain(["resource"]) {
        let error = refusal(builder().authorize_parameter(name, "x"));
        assert_eq!(error.to_string(), format!("authorize_parameter: {name} is set by the login itself"));
    }
}

#[test]
fn an_extra_parameter_is_said_once_and_says_something() {
    assert_eq!(refused_setting(builder().authorize_parameter("", "x")), "authorize_parameter");
    assert_eq!(refused_setting(builder().authorize_parameter("prompt", "")), "authorize_parameter");
    let twice = builder().authorize_parameter("prompt", "login").authorize_parameter("prompt", "consent");
    assert!(refusal(twice).problem.contains("twice"));
}

#[test]
fn a_client_has_an_id() {
    assert_eq!(refused_setting(Config::builder(Provider::with_endpoints(endpoints()))), "client_id");
    assert_eq!(refused_setting(builder().client_id("")), "client_id");
}

#[test]
fn a_confidential_client_has_its_secret() {
    for method in [AuthenticationMethod::Basic, AuthenticationMethod::Post] {
        let missing = builder().client_authentication(method);
        assert_eq!(refused_setting(missing.clone()), "client_secret");
        assert_eq!(refused_setting(missing.client_secret(Secret::new(""))), "client_secret");
    }
}

#[test]
fn a_secret_goes_by_the_providers_method_and_by_basic_when_it_names_none() {
    let secret = Secret::new("hush");
    let authentication = |builder: Builder| builder.build().unwrap().client.authentication.clone();
    let with_secret = builder().client_secret(secret.clone());
    assert_eq!(authentication(with_secret.clone()), ClientAuthentication::Basic(secret.clone()));
    let post = with_secret.client_authentication(AuthenticationMethod::Post);
    assert_eq!(authentication(post), ClientAuthentication::Post(secret));
    assert_eq!(authentication(builder().client_secret(Secret::new(""))), ClientAuthentication::PublicClient);
}

#[test]
fn an_account_label_can_be_shown() {
    assert_eq!(refused_setting(builder().account("")), "account");
    assert_eq!(refused_setting(builder().account("a\u{1b}[31m")), "account");
    assert_eq!(builder().account("work").build().unwrap().key().account, "work");
}

#[test]
fn a_request_gets_some_time() {
    let timing = Timing { request_deadline: Millis::ZERO, ..Timing::default() };
    assert_eq!(refused_setting(builder().timing(timing)), "request_deadline");
}

#[test]
fn a_config_does_not_show_the_client_secret() {
    let config = builder().client_secret(Secret::new("hush-hush-hush")).build().unwrap();
    assert!(!format!("{config:?} {:?}", config.client).contains("hush"));
}
