//! The names of what can be wrong with a message, and of what to do about it.

use serde::{Deserialize, Serialize};

use crate::json::words;

/// What is wrong with a message from a server or a browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// A second callback after the first was accepted.
    AlreadyDone,
    /// A request for another host than the one that listens (DNS rebinding).
    BadHost,
    /// A request with a method that the response mode does not use.
    BadMethod,
    /// A parameter that must stand once stands twice (RFC 6749 section 3.1).
    DuplicateParam,
    /// The response stands in the fragment, where only implicit flows put it.
    FragmentResponse,
    /// A status other than 2xx and 3xx, without an OAuth error code.
    Http,
    /// The answer broke off.
    Incomplete,
    /// An endpoint that is not `https`, or lies where it must not.
    InsecureEndpoint,
    /// Another authorization server answered (RFC 9207 section 2.4).
    IssMismatch,
    /// Metadata of another issuer (RFC 8414 section 3.3).
    IssuerMismatch,
    /// It does not have the form that its standard asks for.
    Malformed,
    /// A request that is not the redirect: favicon, prefetch, another path.
    NotACallback,
    /// Nothing is there.
    NotFound,
    /// The server named an error code (RFC 6749 sections 4.1.2.1 and 5.2).
    OauthError,
    /// The server does not offer PKCE with S256.
    PkceUnsupported,
    /// A redirect, which is never followed.
    Redirect,
    /// Metadata of another resource (RFC 9728 section 3.3).
    ResourceMismatch,
    /// `state` is missing or another one.
    StateMismatch,
    /// No answer came in time, or no connection.
    Timeout,
    /// More bytes than the limit.
    TooLarge,
    /// A token of another type than was demanded (DPoP, RFC 9449 section 5).
    TokenTypeMismatch,
    /// A token of a type that we do not understand (RFC 6749 section 7.1).
    TokenTypeUnsupported,
    /// A response of a kind that was not asked for: JARM, implicit.
    UnsupportedResponse,
}

impl Class {
    /// The name in lower case with underscores, as in logs and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Class::AlreadyDone => "already_done",
            Class::BadHost => "bad_host",
            Class::BadMethod => "bad_method",
            Class::DuplicateParam => "duplicate_param",
            Class::FragmentResponse => "fragment_response",
            Class::Http => "http",
            Class::Incomplete => "incomplete",
            Class::InsecureEndpoint => "insecure_endpoint",
            Class::IssMismatch => "iss_mismatch",
            Class::IssuerMismatch => "issuer_mismatch",
            Class::Malformed => "malformed",
            Class::NotACallback => "not_a_callback",
            Class::NotFound => "not_found",
            Class::OauthError => "oauth_error",
            Class::PkceUnsupported => "pkce_unsupported",
            Class::Redirect => "redirect",
            Class::ResourceMismatch => "resource_mismatch",
            Class::StateMismatch => "state_mismatch",
            Class::Timeout => "timeout",
            Class::TooLarge => "too_large",
            Class::TokenTypeMismatch => "token_type_mismatch",
            Class::TokenTypeUnsupported => "token_type_unsupported",
            Class::UnsupportedResponse => "unsupported_response",
        }
    }
}

/// What the caller should do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Advice {
    /// End the flow: going on would be unsafe.
    AbortFlow,
    /// Correct the configuration of this client.
    FixConfig,
    /// Answer the browser and wait on.
    KeepWaiting,
    /// Poll again after the interval.
    PollAgain,
    /// Log in again, with the person present.
    Reauthenticate,
    /// Start this flow from its beginning.
    RestartFlow,
    /// Try again later.
    RetryLater,
    /// Repeat the request with the nonce of the answer (RFC 9449 section 8).
    RetryWithNonce,
    /// Poll more slowly.
    SlowDown,
    /// Ask for more scope.
    StepUp,
    /// Show it: no machine can decide.
    Surface,
    /// Tell the person, who decided so.
    TellUser,
    /// Try the next address.
    TryNext,
    /// Nobody knows what the server did.
    Uncertain,
}

words!(Advice {
    AbortFlow = "abort_flow",
    FixConfig = "fix_config",
    KeepWaiting = "keep_waiting",
    PollAgain = "poll_again",
    Reauthenticate = "reauthenticate",
    RestartFlow = "restart_flow",
    RetryLater = "retry_later",
    RetryWithNonce = "retry_with_nonce",
    SlowDown = "slow_down",
    StepUp = "step_up",
    Surface = "surface",
    TellUser = "tell_user",
    TryNext = "try_next",
    Uncertain = "uncertain",
});

impl Advice {
    /// The name in lower case with underscores, as in logs and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Advice::AbortFlow => "abort_flow",
            Advice::FixConfig => "fix_config",
            Advice::KeepWaiting => "keep_waiting",
            Advice::PollAgain => "poll_again",
            Advice::Reauthenticate => "reauthenticate",
            Advice::RestartFlow => "restart_flow",
            Advice::RetryLater => "retry_later",
            Advice::RetryWithNonce => "retry_with_nonce",
            Advice::SlowDown => "slow_down",
            Advice::StepUp => "step_up",
            Advice::Surface => "surface",
            Advice::TellUser => "tell_user",
            Advice::TryNext => "try_next",
            Advice::Uncertain => "uncertain",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_in_text_and_in_json() {
        assert_eq!(serde_json::to_value(Class::NotACallback).unwrap(), Class::NotACallback.as_str());
        assert_eq!(serde_json::to_value(Class::OauthError).unwrap(), Class::OauthError.as_str());
        assert_eq!(serde_json::to_value(Advice::RetryWithNonce).unwrap(), Advice::RetryWithNonce.as_str());
    }
}
