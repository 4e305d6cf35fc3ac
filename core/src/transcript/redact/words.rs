//! Free texts (error descriptions, causes of trouble): plain words stay, everything else goes.

use std::collections::BTreeSet;

use crate::secret::Secret;
use crate::wire::text;

const HIDDEN: &str = "hidden";

/// The longest plain word, and the longest compound (`temporarily_unavailable`).
const LONGEST_WORD: usize = 24;
const LONGEST_COMPOUND: usize = 64;

/// The longest word that may have digits, and how many: `oauth2`, `400`.
const LONGEST_WITH_DIGITS: usize = 8;
const MOST_DIGITS: usize = 3;

/// Shorter names are hidden only as whole words by chance, and would make holes in every sentence.
const SHORTEST_PRIVATE: usize = 3;

/// Shorter secrets would make holes in every sentence.
const SHORTEST_SECRET: usize = 4;

/// Words that name the person, and the secrets of this run.
#[derive(Default)]
pub(super) struct PrivateWords {
    names: BTreeSet<String>,
    secrets: Vec<Secret>,
}

impl PrivateWords {
    /// A name, an address: each word of it.
    pub(super) fn add_name(&mut self, name: &str) {
        let parts = name.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase);
        self.names.extend(parts.filter(|part| part.chars().count() >= SHORTEST_PRIVATE));
        self.add_secret(name);
    }

    /// A token, a code: as a whole.
    pub(super) fn add_secret(&mut self, secret: &str) {
        if secret.len() >= SHORTEST_SECRET {
            self.secrets.push(Secret::new(secret));
        }
    }

    /// The text with `hidden` for whatever is no plain word: numbers, addresses, paths, tokens, names of this run.
    pub(super) fn cleaned(&self, text: &str) -> String {
        let text = self.secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret.expose(), HIDDEN));
        let text = text::for_people(&text);
        let mut cleaned = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let is_word = rest.starts_with(in_word);
            let end = rest.find(|character| in_word(character) != is_word).unwrap_or(rest.len());
            let (run, after) = rest.split_at(end);
            cleaned.push_str(&if is_word { self.word(run) } else { run.to_owned() });
            rest = after;
        }
        cleaned
    }

    fn word(&self, run: &str) -> String {
        let core = run.trim_end_matches(['.', '!', '?', '\'']).trim_start_matches('\'');
        if core.is_empty() || self.is_harmless(core) { run.to_owned() } else { run.replacen(core, HIDDEN, 1) }
    }

    fn is_harmless(&self, word: &str) -> bool {
        let digits = word.chars().filter(char::is_ascii_digit).count();
        let fits = |c: char| c.is_alphabetic() || c.is_ascii_digit() || "_-'/".contains(c);
        let slashes = word.matches('/').count();
        let is_path = slashes > 1 || word.starts_with('/') || word.ends_with('/');
        let lower = word.to_lowercase();
        let mut parts = lower.split(['_', '-', '\'', '/']);
        word.chars().all(fits)
            && !is_path
            && word.len() <= LONGEST_COMPOUND
            && (digits == 0 || (digits <= MOST_DIGITS && word.len() <= LONGEST_WITH_DIGITS))
            && !self.names.contains(&lower)
            && parts.all(|part| part.len() <= LONGEST_WORD && !self.names.contains(part))
    }
}

/// Letters, digits, and what tokens, addresses and paths are made of.
fn in_word(character: char) -> bool {
    character.is_alphanumeric() || "-_.~+/%|*!?$@\\=&#'".contains(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_stay_and_everything_else_goes() {
        let mut private = PrivateWords::default();
        private.add_name("Alice Example");
        private.add_secret("let\"ters");
        for (text, cleaned) in [
            ("Invalid refresh token: it isn't valid.", "Invalid refresh token: it isn't valid."),
            ("expired access/refresh token!", "expired access/refresh token!"),
            ("the oauth2 server said 400", "the oauth2 server said 400"),
            ("temporarily_unavailable", "temporarily_unavailable"),
            ("no grant for alice", "no grant for hidden"),
            ("bob@example.org is unknown", "hidden is unknown"),
            ("open /home/bob/.tokenway: denied", "open hidden: denied"),
            ("open C:\\Users\\bob\\x", "open C:hidden"),
            ("connect 10.0.0.7:8080, os error 111", "connect hidden:hidden, os error 111"),
            ("your token let\"ters was bad", "your token hidden was bad"),
            ("AADSTS700082 happened", "hidden happened"),
            ("access_token=abc", "hidden[hidden]"),
        ] {
            assert_eq!(private.cleaned(text), cleaned, "{text}");
        }
    }
}
