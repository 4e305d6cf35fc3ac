use super::*;

#[test]
fn nonces_are_used_within_their_bound() {
    let judged = |nonce_retries_done: u32, headers: &[(&str, &str)]| {
        let scene = Scene { nonce_retries_done, ..scene() };
        scene.judged(Grant::Code, 400, headers, br#"{"error":"use_dpop_nonce"}"#).unwrap_err()
    };
    let first = judged(0, &[("dpop-nonce", "n1")]);
    assert_eq!((first.advice, first.dpop_nonce.as_deref()), (Advice::RetryWithNonce, Some("n1")));
    assert_eq!(judged(2, &[("dpop-nonce", "n3")]).advice, Advice::Surface);
    for headers in
        [&[][..], &[("dpop-nonce", "")], &[("dpop-nonce", "a b")], &[("dpop-nonce", "a"), ("dpop-nonce", "b")]]
    {
        let error = judged(0, headers);
        assert_eq!((error.advice, error.dpop_nonce), (Advice::Surface, None), "{headers:?}");
    }
}

#[test]
fn redirects_show_where_to_without_their_query() {
    for (target, shown) in [
        ("https://evil.example/collect?token=SECRET#x", "https://evil.example/collect;"),
        ("https://user:SECRET@evil.example:8443/", "https://evil.example:8443/;"),
        ("/login?code=SECRET", "to /login;"),
        ("//evil.example/x", "to //evil.example/x;"),
    ] {
        let error = scene().judged(Grant::Code, 307, &[("location", target)], b"").unwrap_err();
        assert_eq!((error.class, error.advice), (Class::Redirect, Advice::FixConfig));
        assert!(error.detail.contains(shown) && !error.detail.contains("SECRET"), "{}", error.detail);
    }
    assert_eq!(scene().judged(Grant::Code, 304, &[], b"").unwrap_err().class, Class::Redirect);
}

#[test]
fn statuses_without_a_code_have_their_advice() {
    for (advice, statuses) in [
        (Advice::RetryLater, &[408, 425, 429, 500, 501, 502, 503, 504, 599][..]),
        (Advice::FixConfig, &[401, 404, 405, 406, 407, 410, 411, 413, 414, 415, 426, 431]),
        (Advice::Surface, &[400, 402, 403, 409, 418, 422, 451]),
    ] {
        for status in statuses {
            assert_eq!(code(*status, r#"{"message":"no"}"#).advice, advice, "{status}");
        }
    }
}

#[test]
fn no_token_reaches_a_message() {
    for (status, body) in [
        (400, r#"{"error":"invalid_grant","error_description":"token RT-old is expired"}"#),
        (400, r#"{"message":"bad RT-old","access_token":"leaked-value"}"#),
        (200, r#"{"access_token":"leaked-value","token_type":"mac","refresh_token":"leaked-too"}"#),
        (200, r#"{"access_token":"leaked-value","token_type":"Bearer""#),
        (200, "x=1 access_token=leaked-value&refresh_token=leaked-too"),
        (500, "trace: refresh_token=RT-old"),
        (401, "{'access_token': 'leaked-value'"),
    ] {
        let error = refresh(status, body);
        for shown in [format!("{error:?}"), error.to_string()] {
            for secret in ["RT-old", "leaked-value", "leaked-too"] {
                assert!(!shown.contains(secret), "{shown}");
            }
        }
    }
    let tokens = tokens(r#","refresh_token":"leaked-too","id_token":"leaked-value""#);
    assert!(!format!("{tokens:?}").contains("leaked"));
}

#[test]
fn a_challenge_that_does_not_match_asks_for_a_new_login() {
    for words in ["Code challenge failed", "code_challenge mismatch", "PKCE verification failed", "bad code-verifier"] {
        let body = format!("{{\"error\":\"invalid_request\",\"error_description\":\"{words}\"}}");
        assert_eq!(code(400, &body).advice, Advice::RestartFlow, "{words}");
        assert_eq!(refresh(400, &body).advice, Advice::FixConfig, "{words}");
    }
}

#[test]
fn words_are_found_wherever_servers_put_them() {
    for (body, shown) in [
        (r#"{"errors":["Invalid refresh token"]}"#, "Invalid refresh token"),
        (r#"{"errors":"Invalid refresh token"}"#, "Invalid refresh token"),
        (r#"{"errors":{"message":"Invalid refresh token"}}"#, "Invalid refresh token"),
        (r#"{"errors":[{"message":"Invalid refresh token"}]}"#, "Invalid refresh token"),
        (r#"{"Message":"Invalid refresh token"}"#, "Invalid refresh token"),
        (r#"{"Error":"Invalid refresh token"}"#, "Invalid refresh token"),
        (r#"{"error":"x","hint":"Invalid refresh token"}"#, "Invalid refresh token"),
        (r#"{"error":"x","error_hint":"Invalid refresh token"}"#, "Invalid refresh token"),
        (r#"{"error":"x","error_reason":"Invalid refresh token"}"#, "Invalid refresh token"),
        (r#"{"fault":{"faultstring":"Invalid refresh token"}}"#, "Invalid refresh token"),
        (r#"{"error":["invalid_grant"]}"#, "invalid_grant"),
        (
            r#"{"message":"Bad Request","errors":[{"resource":"RefreshToken","field":"refresh_token","code":"invalid"}]}"#,
            "Bad Request: refresh_token invalid",
        ),
    ] {
        let error = refresh(400, body);
        assert!(error.refused && error.advice == Advice::Reauthenticate, "{body}: {error:?}");
        assert!(error.detail.contains(shown), "{}", error.detail);
        assert!(!code(400, body).refused, "{body}");
    }
    for body in [
        r#"{"fault":{"faultstring":"Invalid ApiKey"}}"#,
        r#"{"errors":["Invalid ApiKey"]}"#,
        r#"{"weird":{"place":"Invalid ApiKey"}}"#,
    ] {
        let error = refresh(400, body);
        assert!(!error.refused && error.detail.contains("Invalid ApiKey"), "{body}: {}", error.detail);
    }
    let strava =
        r#"{"message":"Bad Request","errors":[{"resource":"Application","field":"client_id","code":"invalid"}]}"#;
    assert!(!refresh(400, strava).refused);
}

#[test]
fn a_body_without_known_members_is_shown_clean_bounded_and_without_tokens() {
    let long = format!("{{\"weird\":\"{}\"}}", "word \u{202e}".repeat(100_000));
    let detail = code(400, &long).detail;
    assert!(detail.contains("word word") && detail.len() < 2_000 && !detail.contains('\u{202e}'), "{detail}");
    for body in [
        r#"{"access_token":"leaked"}"#,
        r#"{"data":{"refreshToken":["leaked"]}}"#,
        r#"{"id_token":{"raw":"leaked"}}"#,
        r#"{"password":"leaked"}"#,
        r#"{"x":"gho_16C7e42F292c6912E7710c838347Ae178B4leaked"}"#,
    ] {
        assert!(!code(400, body).detail.contains("leaked"), "{body}");
    }
}

#[test]
fn nothing_secret_that_was_sent_is_repeated() {
    let secrets = ["abc123", "mysecretverifier", "hunter2pass", "p&ss w/rd"].map(Secret::from);
    let sent: Vec<&Secret> = secrets.iter().collect();
    for said in [
        "invalid code abc123",
        "client secret hunter2pass is wrong",
        "code_verifier 'mysecretverifier' mismatch",
        "no p&ss w/rd known",
        "no p%26ss+w%2Frd known",
    ] {
        for body in [
            format!("{{\"error\":\"invalid_grant\",\"error_description\":\"{said}\"}}"),
            format!("{{\"error\":\"{said}\"}}"),
            format!("{{\"weird\":\"{said}\"}}"),
            format!("!{said}"),
        ] {
            let error = scene().sending(Grant::Code, sent.clone(), 400, &[], body.as_bytes()).unwrap_err();
            for secret in ["abc123", "mysecretverifier", "hunter2pass", "p&ss w/rd", "p%26ss"] {
                assert!(!format!("{error:?} {error}").contains(secret), "{error:?}");
            }
            assert!(error.detail.contains("[hidden]"), "{body}: {}", error.detail);
        }
    }
}

#[test]
fn a_secret_in_place_of_a_token_type_is_not_repeated() {
    let old = Secret::from("RT-old");
    for stated in ["RT-old", "pop RT-old", "gho_16C7e42F292c6912E7710c838347Ae178B4leaked"] {
        let body = format!("{{\"access_token\":\"AT\",\"token_type\":\"{stated}\"}}");
        let error = scene().sending(Grant::Refresh, vec![&old], 200, &[], body.as_bytes()).unwrap_err();
        let shown = format!("{error:?} {error}");
        assert!(!shown.contains("RT-old") && !shown.contains("leaked") && shown.contains("[hidden]"), "{shown}");
    }
}

#[test]
fn a_refusal_is_understood_although_the_server_repeats_the_token() {
    let old = Secret::from("RT-old");
    let body = br#"{"message":"token RT-old has been revoked"}"#;
    assert!(scene().sending(Grant::Refresh, vec![&old], 400, &[], body).unwrap_err().refused);
}

#[test]
fn codes_for_a_spent_refresh_token_refuse() {
    for name in ["InvalidRefreshToken", "token_rotated", "refresh_token_rotated", "RefreshTokenExpired"] {
        assert!(refresh(400, &format!("{{\"error\":\"{name}\"}}")).refused, "{name}");
        assert!(refresh(401, &format!("{{\"code\":\"{name}\"}}")).refused, "{name}");
    }
    assert_eq!(code(400, r#"{"error":"invalid_client_metadata"}"#).advice, Advice::FixConfig);
}
