//! What is known of a provider's token answers before one is read: data, no code.

use serde::{Deserialize, Serialize};

use crate::json::{object, words};
use crate::named::Named;
use crate::secret::Secret;
use crate::wire::class::Advice;

/// How a provider's token answers differ from RFC 6749. Every leniency that weakens one of its MUSTs is an option here,
/// and off by default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokenAnswerOptions {
    /// What separates scopes beside blanks: `,` at GitHub, Slack and LinkedIn.
    pub scope_separator: Option<String>,
    /// Values of `token_type` that mean `Bearer` here; case does not matter.
    pub token_type_aliases: Vec<String>,
    /// A text before the JSON that is dropped when it is there, such as `&START&&&`.
    pub strip_prefix: Option<String>,
    /// Where the token members stand: a JSON pointer (RFC 6901) to an object, such as `/authed_user`. Errors are still
    /// read at the top as well.
    pub root: Option<String>,
    /// How the members are called.
    pub member_names: MemberNames,
}

object!(strict TokenAnswerOptions {
    scope_separator,
    token_type_aliases or Vec::new(),
    strip_prefix,
    root,
    member_names or MemberNames::default(),
});

/// How the members of a token answer are called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum MemberNames {
    /// As RFC 6749 has it: `access_token`.
    #[default]
    #[serde(rename = "snake_case")]
    SnakeCase,
    /// `accessToken`; the standard names are read too.
    #[serde(rename = "camelCase")]
    CamelCase,
}

words!(MemberNames { SnakeCase = "snake_case", CamelCase = "camelCase" });

/// What the reader must know to judge an answer of a token endpoint.
#[derive(Clone, Debug)]
pub struct TokenContext<'a> {
    /// What was asked for.
    pub grant: Grant,
    /// Every secret of the request (code, verifier, refresh token, client secret): none is repeated in a message, even
    /// when the server does so.
    pub sent: Vec<&'a Secret>,
    /// Whether the tokens must be bound to a key.
    pub dpop: Dpop,
    /// How often this exchange was already repeated with a nonce (RFC 9449 section 8).
    pub nonce_retries_done: u32,
    /// The provider's ways.
    pub options: &'a TokenAnswerOptions,
    /// Error codes of this provider alone.
    pub refusal_codes: &'a Named<CodeMeaning>,
}

/// The grant that the answer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Grant {
    /// An authorization code (RFC 6749 section 4.1.3).
    Code,
    /// A refresh token (RFC 6749 section 6).
    Refresh,
    /// A token exchange (RFC 8693).
    TokenExchange,
}

/// Whether tokens are bound to a key (RFC 9449).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dpop {
    /// Not asked for.
    #[default]
    Off,
    /// Asked for; a bearer token is taken too, and noted.
    Optional,
    /// A bearer token is refused.
    Required,
}

/// What an error code of one provider means.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodeMeaning {
    /// What to do. On a refresh, [`Advice::Reauthenticate`] makes the code a refusal.
    pub advice: Advice,
    /// A sentence for the person.
    pub text: String,
}

object!(strict CodeMeaning { advice, text });
