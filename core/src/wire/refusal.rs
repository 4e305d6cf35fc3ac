//! Whether a server's words refuse a refresh token, where no error code says so.
//!
//! Only a refusal ends a login, so the words must speak of *the token* (or the refresh token), in a plain form: "invalid
//! refresh token", "token has been expired or revoked", "refresh token was already used". A CSRF token, an access token,
//! a token *type*, or the unexpected token of a JSON parser do not count.

/// The most characters that are searched: an error message, not a document.
const MAX_WORDS: usize = 4_096;

/// How many words after "token" may bring the verdict: "token provided in this request has been revoked".
const REACH: usize = 8;

/// Verdicts that stand before the token or after it.
const DEAD: [&str; 14] = [
    "bad",
    "blacklisted",
    "deactivated",
    "deleted",
    "expired",
    "inactive",
    "invalid",
    "invalidated",
    "reused",
    "revoked",
    "terminated",
    "unknown",
    "unrecognised",
    "unrecognized",
];

/// Verdicts that "not" makes: "not active", "no longer valid".
const ALIVE: [&str; 9] = ["active", "exist", "found", "known", "longer", "match", "recognised", "recognized", "valid"];

/// Words between a verdict and the token: "invalid or missing OAuth refresh token".
const FILLERS: [&str; 14] = [
    "a", "access", "and", "given", "missing", "oauth", "oauth2", "offline", "or", "provided", "refresh", "supplied",
    "the", "your",
];

/// Words that make another thing of the token when they stand before it.
const OTHER_TOKENS: [&str; 14] = [
    "access",
    "antiforgery",
    "api",
    "assertion",
    "captcha",
    "client",
    "csrf",
    "device",
    "id",
    "logout",
    "registration",
    "security",
    "unexpected",
    "xsrf",
];

/// Words that make another thing of the token when they stand after it.
const OTHER_THINGS: [&str; 11] =
    ["auth", "endpoint", "exchange", "format", "hint", "kind", "request", "response", "service", "type", "url"];

/// Words with which another thing is spoken of: "token cannot be issued because the client is unknown".
const OTHER_SUBJECTS: [&str; 6] = ["because", "client", "error", "scope", "server", "service"];

/// Whether the text calls the token invalid, expired, revoked, unknown or used.
pub(crate) fn refuses_the_token(text: &str) -> bool {
    let lower: String = text.chars().take(MAX_WORDS).flat_map(char::to_lowercase).collect();
    sentences(&lower).any(|sentence| {
        let words: Vec<&str> = sentence.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
        (0..words.len()).any(|at| is_the_token(&words, at) && (dead_before(&words, at) || dead_after(&words, at)))
    })
}

fn sentences(text: &str) -> impl Iterator<Item = &str> {
    text.split(['.', ':', ';', '\n'])
}

fn is_the_token(words: &[&str], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|at| words.get(at));
    let after = words.get(at + 1);
    let named = matches!(words.get(at), Some(&("token" | "tokens" | "refreshtoken")));
    named
        && !before.is_some_and(|word| OTHER_TOKENS.contains(word))
        && !after.is_some_and(|word| OTHER_THINGS.contains(word))
}

fn dead_before(words: &[&str], at: usize) -> bool {
    let mut before =
        words.get(..at).unwrap_or_default().iter().rev().take(REACH).skip_while(|word| FILLERS.contains(word));
    let Some(verdict) = before.next() else { return false };
    DEAD.contains(verdict) && !matches!(before.next(), Some(&("not" | "never")))
}

fn dead_after(words: &[&str], at: usize) -> bool {
    let after = words.iter().skip(at + 1).take(REACH);
    let reach: Vec<&str> = after.copied().take_while(|word| !OTHER_SUBJECTS.contains(word)).collect();
    (0..reach.len()).any(|at| {
        let previous = at.checked_sub(1).and_then(|at| reach.get(at)).copied().unwrap_or_default();
        let denied = matches!(previous, "not" | "no" | "never" | "isn" | "doesn" | "t" | "cannot");
        let word = reach.get(at).copied().unwrap_or_default();
        match word {
            "used" => matches!(previous, "already" | "been"),
            "consumed" | "rotated" => !denied,
            _ if ALIVE.contains(&word) => denied,
            _ => DEAD.contains(&word) && !denied,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_refusals_are_understood() {
        for text in [
            "Invalid Token!",
            "missing or invalid refresh token",
            "refresh_token is invalid",
            "BAD_REFRESH_TOKEN",
            "Token has been expired or revoked.",
            "Unknown or invalid refresh token.",
            "expired access/refresh token",
            "Your refresh token has already been used to generate a new access token. Please try signing in again.",
            "Refresh token revoked",
            "Token is not active",
            "The refresh token does not exist",
            "Refresh token not found",
            "the provided refresh token is no longer valid",
            "Refresh token reuse: token was already used",
            "The token you sent isn't valid",
            "refreshToken expired",
            "Invalid the refresh token",
        ] {
            assert!(refuses_the_token(text), "{text}");
        }
    }

    #[test]
    fn other_sentences_are_no_refusals() {
        for text in [
            "",
            "Unauthorized",
            "SuperGrok subscription required",
            "Invalid CSRF token",
            "csrf token expired",
            "Unexpected token < in JSON at position 0",
            "Unexpected token 'u', \"undefined\" is not valid JSON",
            "unsupported token type",
            "invalid token_type_hint",
            "Invalid client. Missing token",
            "token endpoint unknown",
            "The token was not revoked",
            "Invalid request: the parameter token is missing",
            "access token expired",
            "Your plan has expired",
            "unknown error while issuing a token",
            "invalid client token",
            "Token cannot be issued: unknown client",
            "The token cannot be refreshed because the client is invalid",
            "Invalid token request",
            "The token service is unavailable: unknown failure",
            "token is not invalid",
            "Rate limited. Try again later.",
        ] {
            assert!(!refuses_the_token(text), "{text}");
        }
    }
}
