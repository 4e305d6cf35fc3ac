//! Words for people: instants, spans, names.

use std::io::IsTerminal;

use tokenway::driver::now;
use tokenway_core::lifecycle::record::CredentialKey;
use tokenway_core::moment::UnixMillis;
use tokenway_core::named::Named;
use tokenway_core::provider::Provider;

use crate::args::Target;

/// An instant as RFC 3339, in UTC, to the second.
pub(crate) fn instant(at: UnixMillis) -> String {
    let seconds = i64::try_from(at.0 / 1_000).unwrap_or(i64::MAX);
    match time::OffsetDateTime::from_unix_timestamp(seconds) {
        Ok(at) => at.format(&time::format_description::well_known::Rfc3339).unwrap_or_else(|_| "far away".to_owned()),
        Err(_) => "far away".to_owned(),
    }
}

/// "in 58 min", "12 s ago".
pub(crate) fn relative(at: UnixMillis) -> String {
    let now = now();
    if at >= now { format!("in {}", span(at.since(now).0)) } else { format!("{} ago", span(now.since(at).0)) }
}

/// "expires in 58 min", "expired 12 s ago".
pub(crate) fn expiry(at: UnixMillis, usable: bool) -> String {
    format!("{} {}", if usable { "expires" } else { "expired" }, relative(at))
}

/// Whole seconds until then, rounded up.
pub(crate) fn seconds_from_now(at: UnixMillis) -> u64 {
    at.since(now()).0.div_ceil(1_000)
}

/// Who, as the tokens say; the best name first.
pub(crate) fn who(claims: &Named<String>) -> Option<&str> {
    ["email", "name", "account_id", "sub"].into_iter().find_map(|claim| claims.get(claim)).map(String::as_str)
}

/// The command that logs in to that credential again, ready for a shell. `known` is the provider, if it has a name.
pub(crate) fn login_command(key: &CredentialKey, known: Option<&Provider>, target: &Target) -> String {
    command("login", key, known, target)
}

/// The command that takes a new lease of that credential, on the machine that it is on.
pub(crate) fn lease_command(key: &CredentialKey, known: Option<&Provider>) -> String {
    command("lease", key, known, &Target::default())
}

fn command(name: &str, key: &CredentialKey, known: Option<&Provider>, target: &Target) -> String {
    let mut words = vec!["tokenway", name];
    if key.provider.contains("://") {
        words.extend(["--issuer", &key.provider]);
    } else {
        words.push(&key.provider);
    }
    if known.and_then(|provider| provider.client_id.as_ref()) != Some(&key.client_id) {
        words.extend(["--client-id", &key.client_id]);
    }
    if key.account != "default" {
        words.extend(["--account", &key.account]);
    }
    let secret_file = target.client_secret_file.as_ref().map(|file| file.to_string_lossy().into_owned());
    let given = [("--client-secret-file", &secret_file), ("--redirect-uri", &target.redirect_uri)];
    words.extend(given.iter().filter_map(|(flag, value)| value.as_deref().map(|value| [*flag, value])).flatten());
    words.extend(target.scope.iter().flat_map(|scope| ["--scope", scope]));
    words.extend(target.resource.iter().flat_map(|resource| ["--resource", resource]));
    words.into_iter().map(quoted).collect::<Vec<_>>().join(" ")
}

/// In single quotes where a shell would read more than a word.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,[]".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Bold on a terminal that wants it (<https://no-color.org>).
pub(crate) fn bold(text: &str) -> String {
    styled("1", text)
}

/// Dim, as [`bold`].
pub(crate) fn dim(text: &str) -> String {
    styled("2", text)
}

fn styled(code: &str, text: &str) -> String {
    let wanted = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    if wanted { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}

fn span(millis: u64) -> String {
    match millis / 1_000 {
        seconds @ 0..=119 => format!("{seconds} s"),
        seconds @ 120..=7_199 => format!("{} min", seconds / 60),
        seconds @ 7_200..=172_799 => format!("{} h", seconds / 3_600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_to_log_in_again_can_be_pasted_into_a_shell() {
        let key =
            CredentialKey { provider: "https://as.example".into(), client_id: "it's".into(), account: "a b".into() };
        let target = Target { scope: vec!["openid read".into()], ..Target::default() };
        assert_eq!(
            login_command(&key, None, &target),
            r"tokenway login --issuer https://as.example --client-id 'it'\''s' --account 'a b' --scope 'openid read'"
        );
    }
}
