use super::*;

const STATE: &str = "af0ifjsldkj-Q_7x";
const OK: &str = "code=abc&state=af0ifjsldkj-Q_7x";

fn state() -> Secret {
    Secret::from(STATE)
}

fn expected(state: &Secret) -> Expected<'_> {
    Expected {
        redirect_uri: "http://localhost:1455/auth/callback",
        state,
        issuer: Some("https://as.example"),
        iss_required: false,
        response_mode: ResponseMode::Query,
        bare_code: BareCode::TakenFromTheTerminal,
    }
}

fn request(method: &str, target: &str) -> Callback {
    Callback {
        source: CallbackSource::Listening,
        method: method.to_owned(),
        target: Secret::from(target),
        headers: vec![("host".to_owned(), "localhost:1455".to_owned())],
        body: Secret::default(),
    }
}

fn get(target: &str) -> Result<CheckedCallback, Box<CallbackError>> {
    check(&request("GET", target), &expected(&state()))
}

fn get_query(query: &str) -> Result<CheckedCallback, Box<CallbackError>> {
    get(&format!("/auth/callback?{query}"))
}

fn paste(text: &str) -> Result<CheckedCallback, Box<CallbackError>> {
    check(&pasted(text), &expected(&state()))
}

fn pasted(text: &str) -> Callback {
    Callback { source: CallbackSource::Pasted, headers: Vec::new(), ..request("URL", text) }
}

fn with_headers(headers: &[(&str, &str)]) -> Callback {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Callback { headers, ..request("GET", &format!("/auth/callback?{OK}")) }
}

fn refused(callback: &Callback) -> (Class, Advice) {
    let error = check(callback, &expected(&state())).unwrap_err();
    (error.class, error.advice)
}

#[test]
fn the_code_is_decoded_once_and_other_parameters_do_no_harm() {
    let checked = get_query(&format!("code=a%2Bb+c%253D&state={STATE}&client_id=x&foo=1&foo=2&scope=")).unwrap();
    assert_eq!(checked.code(), &Secret::from("a+b c%3D"));
    assert_eq!(format!("{checked:?}"), "CheckedCallback { .. }");
}

#[test]
fn an_error_is_shown_by_its_sentence() {
    let error = get_query("state=another").unwrap_err();
    assert!(!error.detail.is_empty());
    assert_eq!(error.to_string(), error.detail);
}

#[test]
fn only_our_authority_is_a_host() {
    for host in ["localhost:1455", "LOCALHOST:1455"] {
        assert!(check(&with_headers(&[("host", host)]), &expected(&state())).is_ok(), "{host}");
    }
    for host in
        ["127.0.0.1:1455", "[::1]:1455", "localhost", "localhost:1456", "evil.example:1455", "", "localhost.:1455"]
    {
        assert_eq!(refused(&with_headers(&[("host", host)])), (Class::BadHost, Advice::KeepWaiting), "{host}");
    }
    assert_eq!(refused(&with_headers(&[])), (Class::BadHost, Advice::KeepWaiting));
    let twice = with_headers(&[("host", "localhost:1455"), ("host", "evil.example")]);
    assert_eq!(refused(&twice).0, Class::BadHost);
    assert!(get(&format!("HTTP://localhost:1455/auth/callback?{OK}")).is_ok());
    for target in ["http://evil.example", "https://localhost:1455", "http://a@localhost:1455"] {
        assert_eq!(get(&format!("{target}/auth/callback?{OK}")).unwrap_err().class, Class::BadHost, "{target}");
    }
}

#[test]
fn only_the_exact_path_is_the_callback() {
    for path in [
        "/",
        "",
        "/favicon.ico",
        "/auth/callback/",
        "/auth/Callback",
        "//auth/callback",
        "/auth//callback",
        "/x/../auth/callback",
        "/auth/%63allback",
        "/auth/callback;x=1",
        "/auth/callback%3F",
        "auth/callback",
        "*",
    ] {
        let error = get(&format!("{path}?{OK}")).unwrap_err();
        assert_eq!(
            (error.class, error.advice, error.http_status),
            (Class::NotACallback, Advice::KeepWaiting, 404),
            "{path}"
        );
    }
    for target in
        ["/auth/callback", "/auth/callback?", "/auth/callback?a b", "/auth/callback?a\r\nb", "/auth/callback#code=x"]
    {
        let error = get(target).unwrap_err();
        assert_eq!((error.class, error.advice), (Class::Malformed, Advice::KeepWaiting), "{target:?}");
    }
}

#[test]
fn other_methods_and_prefetches_do_not_spend_the_state() {
    for method in ["HEAD", "OPTIONS", "POST", "PUT", "get", "URL", ""] {
        let error = refused(&request(method, &format!("/auth/callback?{OK}")));
        assert_eq!(error, (Class::BadMethod, Advice::KeepWaiting), "{method}");
    }
    for (name, value) in [
        ("sec-purpose", "prefetch;prerender"),
        ("Purpose", "Prefetch"),
        ("x-moz", "prefetch"),
        ("x-purpose", "preview"),
    ] {
        let prefetch = with_headers(&[("host", "localhost:1455"), (name, value)]);
        assert_eq!(refused(&prefetch), (Class::NotACallback, Advice::KeepWaiting), "{name}");
    }
}

#[test]
fn a_forged_callback_does_not_end_the_login() {
    for query in [
        "code=abc",
        "code=abc&state=",
        "code=abc&state=wrong",
        "code=abc&State=af0ifjsldkj-Q_7x",
        "error=access_denied",
        "error=access_denied&state=x",
        "code=abc&state=af0ifjsldkj-Q_7x%00",
        "code=abc&state=af0ifjsldkj-Q_7%ff",
        "code=abc;state=af0ifjsldkj-Q_7x",
        "code=abc&state[]=af0ifjsldkj-Q_7x",
        "code=abc&state=af0ifjsldkj-Q_7x+",
    ] {
        let error = get_query(query).unwrap_err();
        assert_eq!((error.class, error.advice), (Class::StateMismatch, Advice::KeepWaiting), "{query}");
    }
    for query in [format!("{OK}&state=x"), format!("{OK}&state={STATE}"), format!("{OK}&%73tate=")] {
        let error = get_query(&query).unwrap_err();
        assert_eq!((error.class, error.advice), (Class::DuplicateParam, Advice::KeepWaiting), "{query}");
    }
    let empty = Secret::default();
    assert!(check(&request("GET", "/auth/callback?code=abc&state="), &expected(&empty)).is_err());
}

#[test]
fn what_follows_a_right_state_ends_the_login() {
    for (query, class, code) in [
        ("code=a&code=b", Class::DuplicateParam, Some("code")),
        ("code=a&code=a", Class::DuplicateParam, Some("code")),
        ("code=a&iss=b&iss=b", Class::DuplicateParam, Some("iss")),
        ("error=a&error=b", Class::DuplicateParam, Some("error")),
        ("code=a&iss=https%3A%2F%2Fas.example%2F", Class::IssMismatch, None),
        ("code=a&iss=HTTPS%3A%2F%2Fas.example", Class::IssMismatch, None),
        ("code=a&iss=https%253A%252F%252Fas.example", Class::IssMismatch, None),
        ("response=x.y.z", Class::UnsupportedResponse, Some("jarm")),
        ("access_token=x", Class::UnsupportedResponse, Some("implicit")),
        ("id_token=x&code=a", Class::UnsupportedResponse, Some("implicit")),
        ("code=", Class::Malformed, None),
        ("x=1", Class::Malformed, None),
        ("code=a%00", Class::Malformed, None),
        ("code=%zz", Class::Malformed, None),
        ("code=%ff", Class::Malformed, None),
        ("code=caf%C3%A9", Class::Malformed, None),
    ] {
        let error = get_query(&format!("{query}&state={STATE}")).unwrap_err();
        let seen = (error.class, error.code.as_deref(), error.advice);
        assert_eq!(seen, (class, code, Advice::AbortFlow), "{query}");
    }
}

#[test]
fn iss_is_demanded_where_it_was_promised() {
    let state = state();
    let check_with = |query: &str, issuer, iss_required| {
        let expected = Expected { issuer, iss_required, ..expected(&state) };
        check(&request("GET", &format!("/auth/callback?{query}&state={STATE}")), &expected)
    };
    let ours = Some("https://as.example");
    assert!(check_with("code=a&iss=https%3A%2F%2Fas.example", ours, true).is_ok());
    assert!(check_with("code=a", ours, false).is_ok());
    assert!(check_with("code=a&iss=https%3A%2F%2Fx.example", None, false).is_ok());
    for query in ["code=a", "code=a&iss="] {
        let error = check_with(query, ours, true).unwrap_err();
        let seen = (error.class, error.code.as_deref(), error.advice);
        assert_eq!(seen, (Class::IssMismatch, Some("missing"), Advice::AbortFlow));
    }
    assert_eq!(check_with("code=a&iss=https%3A%2F%2Fx.example", None, true).unwrap_err().class, Class::IssMismatch);
    let error = check_with("error=access_denied&error_description=Pay+me", ours, true).unwrap_err();
    assert_eq!(
        (error.class, error.code.as_deref(), error.advice),
        (Class::OauthError, Some("access_denied"), Advice::TellUser)
    );
    assert!(!error.detail.contains("Pay"), "{}", error.detail);
    let wrong = check_with("error=access_denied&error_description=Pay+me&iss=x", ours, true).unwrap_err();
    assert_eq!((wrong.class, wrong.code), (Class::IssMismatch, None));
    assert!(!wrong.detail.contains("Pay") && !wrong.detail.contains("denied"));
}

#[test]
fn errors_of_the_server_have_their_advice() {
    for (code, advice) in [
        ("access_denied", Advice::TellUser),
        ("user_cancelled_login", Advice::TellUser),
        ("user_cancelled_authorize", Advice::TellUser),
        ("invalid_request", Advice::FixConfig),
        ("unauthorized_client", Advice::FixConfig),
        ("unsupported_response_type", Advice::FixConfig),
        ("invalid_scope", Advice::FixConfig),
        ("invalid_target", Advice::FixConfig),
        ("redirect_uri_mismatch", Advice::FixConfig),
        ("invalid_client_metadata", Advice::FixConfig),
        ("server_error", Advice::RetryLater),
        ("temporarily_unavailable", Advice::RetryLater),
        ("login_required", Advice::Reauthenticate),
        ("interaction_required", Advice::Reauthenticate),
        ("account_selection_required", Advice::Reauthenticate),
        ("consent_required", Advice::Reauthenticate),
        ("vendor", Advice::Surface),
        ("Access_Denied", Advice::Surface),
    ] {
        let error = get_query(&format!("error={code}&error_description=so+it+is&code=abc&state={STATE}")).unwrap_err();
        assert_eq!((error.class, error.code.as_deref(), error.advice), (Class::OauthError, Some(code), advice));
        assert!(error.detail.ends_with("so it is"), "{}", error.detail);
    }
    let long = get_query(&format!("error={}&error_description={}&state={STATE}", "x".repeat(300), "y+".repeat(99_999)));
    let long = long.unwrap_err();
    assert!(long.code.is_none() && long.detail.len() < 4_096);
}

#[test]
fn a_form_post_counts_by_its_body_alone() {
    let state = state();
    let expected = Expected { response_mode: ResponseMode::FormPost, ..expected(&state) };
    let post = |label: &str, target: &str, body: &str| {
        let length = body.len().to_string();
        let headers = [("host", "localhost:1455"), ("content-type", label), ("content-length", &length)];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        check(&Callback { headers, body: Secret::from(body), ..request("POST", target) }, &expected)
    };
    let form = "application/x-www-form-urlencoded";
    assert!(post(form, "/auth/callback?x=1", OK).is_ok());
    assert!(post("Application/X-WWW-Form-URLEncoded; charset=utf-8", "/auth/callback", OK).is_ok());
    let query = format!("/auth/callback?state={STATE}");
    assert_eq!(post(form, &query, "code=abc").unwrap_err().class, Class::StateMismatch);
    for label in ["text/plain", "application/json", "multipart/form-data", ""] {
        let error = post(label, "/auth/callback", OK).unwrap_err();
        assert_eq!((error.class, error.advice), (Class::Malformed, Advice::KeepWaiting), "{label}");
    }
    let get = check(&request("GET", &format!("/auth/callback?{OK}")), &expected);
    assert_eq!(get.unwrap_err().class, Class::BadMethod);
}

#[test]
fn a_request_of_two_lengths_is_none() {
    let one = [("host", "localhost:1455"), ("content-length", "0")];
    assert!(check(&with_headers(&one), &expected(&state())).is_ok());
    let two = [one[0], one[1], ("transfer-encoding", "chunked")];
    assert_eq!(refused(&with_headers(&two)), (Class::NotACallback, Advice::KeepWaiting));
}

#[test]
fn a_window_that_answers_once_ends_the_login_when_it_does_not_match() {
    let state = state();
    let redirect_uri = "https://abc.chromiumapp.org/cb";
    let check_url = |url: &str| {
        let callback = Callback { source: CallbackSource::OneShot, headers: Vec::new(), ..request("URL", url) };
        check(&callback, &Expected { redirect_uri, ..expected(&state) })
    };
    for tail in ["", "#", "#_=_", "#x=1", "#code=noise"] {
        assert!(check_url(&format!("{redirect_uri}?{OK}{tail}")).is_ok(), "{tail}");
    }
    for (url, class) in [
        (format!("{redirect_uri}#{OK}"), Class::FragmentResponse),
        (format!("{redirect_uri}?state={STATE}#access_token=x&state={STATE}"), Class::FragmentResponse),
        (format!("{redirect_uri}?{OK}#access_token=x"), Class::FragmentResponse),
        (format!("{redirect_uri}?{OK}#a=1&id_token=x"), Class::FragmentResponse),
        (format!("{redirect_uri}?error=access_denied&state={STATE}#access_token=x"), Class::FragmentResponse),
        (format!("{redirect_uri}?code=abc"), Class::StateMismatch),
        (format!("{redirect_uri}?x=1"), Class::StateMismatch),
        (format!("{redirect_uri}/?{OK}"), Class::NotACallback),
        (format!("https://abc.chromiumapp.org.evil.example/cb?{OK}"), Class::NotACallback),
        (format!("https://a:b@abc.chromiumapp.org/cb?{OK}"), Class::NotACallback),
        (format!("http://abc.chromiumapp.org/cb?{OK}"), Class::NotACallback),
        (String::new(), Class::NotACallback),
        (format!("{redirect_uri}?{OK}&state=x"), Class::DuplicateParam),
    ] {
        let error = check_url(&url).unwrap_err();
        assert_eq!((error.class, error.advice), (class, Advice::AbortFlow), "{url}");
    }
}

#[test]
fn a_person_may_paste_the_address_in_many_forms() {
    for text in [
        "http://localhost:1455/auth/callback?code=abc&state=af0ifjsldkj-Q_7x",
        "  <http://localhost:1455/auth/callback?code=abc&state=af0ifjsldkj-Q_7x#_=_> \n",
        "\"localhost:1455/auth/callback?code=abc&\n  state=af0ifjsldkj-Q_7x\"",
        "/auth/callback?state=af0ifjsldkj-Q_7x&code=abc",
        "?code=abc&state=af0ifjsldkj-Q_7x",
        "code=abc&state=af0ifjsldkj-Q_7x",
        "abc#af0ifjsldkj-Q_7x",
        "abc",
    ] {
        assert_eq!(paste(text).unwrap().code(), &Secret::from("abc"), "{text}");
    }
    for code in ["4/0Ad-x_y==", "4/0Ab_c?d", "a?b=c", "a:b", "M.C5_B!x*y$$", "code", "x&y"] {
        assert_eq!(paste(code).unwrap().code(), &Secret::from(code));
        assert_eq!(paste(&format!("{code}#{STATE}")).unwrap().code(), &Secret::from(code));
    }
}

#[test]
fn a_paste_that_does_not_match_asks_for_a_better_one() {
    for (text, class) in [
        ("", Class::Malformed),
        ("café", Class::Malformed),
        ("https://localhost:1455/auth/callback?code=abc&state=af0ifjsldkj-Q_7x", Class::NotACallback),
        ("http://localhost:1455/other?code=abc&state=af0ifjsldkj-Q_7x", Class::NotACallback),
        ("evil.example/auth/callback?code=abc&state=af0ifjsldkj-Q_7x", Class::NotACallback),
        ("http://localhost:1455/auth/callback?code=abc&state=other", Class::StateMismatch),
        ("code=abc", Class::StateMismatch),
        ("abc#other", Class::StateMismatch),
        ("abc#", Class::StateMismatch),
        ("http://localhost:1455/auth/callback#code=abc&state=af0ifjsldkj-Q_7x", Class::StateMismatch),
        ("https://evil.example/cb?x#access_token=x", Class::NotACallback),
        ("evil.example/cb?code=a#access_token=x", Class::NotACallback),
        ("code: abc", Class::Malformed),
        ("Code:abc", Class::Malformed),
        ("{\"code\": \"abc\"}", Class::Malformed),
        ("Authorization code: abc", Class::Malformed),
        ("code: abc#af0ifjsldkj-Q_7x", Class::Malformed),
        ("access_token: abc", Class::Malformed),
    ] {
        let error = paste(text).unwrap_err();
        assert_eq!((error.class, error.advice), (class, Advice::KeepWaiting), "{text}");
        assert!(error.detail.contains("paste"), "{}", error.detail);
    }
    let error = paste(&format!("?error=access_denied&state={STATE}")).unwrap_err();
    assert_eq!(error.advice, Advice::TellUser, "the right state proves where it comes from");
}

#[test]
fn a_pasted_response_with_tokens_in_its_fragment_ends_the_login() {
    for text in [
        format!("http://localhost:1455/auth/callback?{OK}#access_token=x"),
        format!("http://localhost:1455/auth/callback#id_token=x&state={STATE}"),
        format!("localhost:1455/auth/callback?{OK}#access_token=x"),
        format!("?{OK}#token_type=Bearer&access_token=x"),
        format!("{OK}#access_token=x"),
    ] {
        let error = paste(&text).unwrap_err();
        assert_eq!((error.class, error.advice), (Class::FragmentResponse, Advice::AbortFlow), "{text}");
    }
}

#[test]
fn a_bare_code_is_taken_only_where_it_may_be() {
    let state = state();
    let never = Expected { bare_code: BareCode::NeverTaken, ..expected(&state) };
    let promised = Expected { iss_required: true, ..expected(&state) };
    for expected in [never, promised] {
        let error = check(&pasted("abc"), &expected).unwrap_err();
        assert_eq!(error.advice, Advice::KeepWaiting);
        assert!(error.detail.contains("whole address"));
    }
    let with_state = check(&pasted(&format!("abc#{STATE}")), &promised).unwrap_err();
    assert_eq!((with_state.class, with_state.advice), (Class::IssMismatch, Advice::KeepWaiting));
}

#[test]
fn a_request_after_the_end_is_answered_kindly() {
    let again = late(&request("GET", &format!("/auth/callback?{OK}")), &expected(&state()));
    assert_eq!((again.class, again.advice, again.http_status), (Class::AlreadyDone, Advice::KeepWaiting, 200));
    assert_eq!(late(&request("GET", "/favicon.ico"), &expected(&state())).class, Class::NotACallback);
}
