//! Whether a server's words refuse a refresh token, where no error code says so.
//!
//! Only a refusal ends a login, so the words must speak of *the token* (or the refresh token), in a plain form: "invalid
//! refresh token", "token has been expired or revoked", "refresh token was already used". Between the token and its
//! verdict only link words may stand, so that "token signing key expired" and "could not issue token, invalid audience"
//! speak of something else. When in doubt the login stays: a refused token is tried again, a forgotten one is lost.

use crate::wire::pieces;
use crate::wire::text::{self, is_one_of};

/// The most characters that are searched: an error message, not a document.
const MAX_WORDS: usize = 4_096;

/// How many words away from the token its verdict may stand: "token provided in this request has been revoked".
const REACH: usize = 8;

/// Verdicts that describe: before another word they may describe that one ("token invalid audience").
const BAD: &str = "bad blacklisted inactive invalid malformed unknown unrecognised unrecognized";

/// Verdicts that tell what happened.
const ENDED: &str = "consumed deactivated deleted destroyed expired invalidated redeemed replaced reused revoked rotated superseded \
     terminated";

/// Verdicts that are things, and need a place at the end: "refresh token reuse detected".
const EVENTS: &str = "mismatch reuse";

/// Verdicts that count only for what is called a refresh token.
const OF_REFRESH_TOKENS: &str = "malformed mismatch reuse";

/// Verdicts that "not" makes: "not active", "no longer valid".
const ALIVE: &str = "active exist found known match recognised recognized valid";

/// What a server could not do with a token that it does not know.
const SEARCHES: &str = "find locate match recognise recognize validate";

const DENIALS: &str = "aren cannot couldn doesn don hasn haven isn never no not t wasn weren";

/// Verbs that a describing verdict follows: a token that *has* an unknown key is none that *is* unknown.
const VERBS: &str = "are be been is was were";

/// Words that may stand between the token and its verdict beside verbs and denials.
const LINKS: &str = "a already also and any by can could did do does either given had has have in it longer missing now or our passed \
     presented previously provided request sent specified submitted supplied that the this to used you";

/// Words between a verdict and the token, and before a plain token: "invalid or missing OAuth refresh token".
const FILLERS: &str =
    "a access an and both given missing oauth oauth2 offline or provided refresh supplied that the your";

/// Other words before a token that leave it the token.
const INTRODUCTIONS: &str = "because matching since such this valid";

/// Words before "refresh" that make a verb of it: "unable to refresh token".
const BEFORE_A_VERB: &str = "can cannot could please t to not we will you";

/// Words that make a part of a sentence speak of something else.
const OTHER_SUBJECTS: &str =
    "audience body client cookie endpoint form header json many payload position resource scope scopes syntax tenant";

/// Words that make the token a mere attribute: "the signing key of the token expired".
const PREPOSITIONS: &str = "behind by for from of on to with";

const CONDITIONS: &str = "if unless when whether";

/// Words that say that the trouble passes, or that it is the server's own.
const PASSING: &str =
    "connection database internal later moment network retry temporarily temporary timeout unavailable upstream";

/// Whether the text calls the token invalid, expired, revoked, unknown or used.
pub(crate) fn refuses_the_token(text: &str) -> bool {
    let head = text::bounded(text, MAX_WORDS, usize::MAX);
    let plain = pieces::replaced(&without_values(&spaced(head)), " - ", "|");
    !words(&plain).iter().any(|word| is_one_of(word, PASSING)) && sentences(&plain).any(sentence_refuses)
}

/// In lower case, `camelCase` in two words.
fn spaced(text: &str) -> String {
    let mut spaced = String::with_capacity(text.len());
    let mut after_lower = false;
    for character in text.chars() {
        if after_lower && character.is_ascii_uppercase() {
            spaced.push(' ');
        }
        after_lower = character.is_ascii_lowercase();
        spaced.push(character.to_ascii_lowercase());
    }
    spaced
}

/// Without a word in brackets or quotes after the token: its value, as in "token (abc) has been revoked".
fn without_values(text: &str) -> String {
    let mut kept = String::new();
    for line in pieces::split(text, "\r\n") {
        let mut last = "";
        for word in pieces::words(line) {
            let is_dropped = word.is_empty() || (last.ends_with("token") && is_value(word));
            if !is_dropped {
                kept.push_str(word);
                kept.push(' ');
                last = word;
            }
        }
        kept.push('\n');
    }
    kept
}

fn is_value(word: &str) -> bool {
    let inner = [("(", ")"), ("[", "]"), ("'", "'"), ("\"", "\""), ("<", ">")]
        .iter()
        .find_map(|(open, close)| word.strip_prefix(open)?.strip_suffix(close));
    inner.is_some_and(|inner| !is_one_of(inner, "access csrf id xsrf") && !is_verdict(inner))
}

fn sentences(text: &str) -> impl Iterator<Item = &str> {
    pieces::split(text, ".;!?\n")
}

fn sentence_refuses(sentence: &str) -> bool {
    let mut clauses = Vec::new();
    for clause in pieces::split(sentence, ",:|()–—") {
        let clause = words(clause);
        if !clause.is_empty() {
            clauses.push(clause);
        }
    }
    (0..clauses.len()).any(|at| clause_refuses(&clauses[at], at + 1 == clauses.len()))
}

fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    for word in text.split(|character| !in_word(character)) {
        if !word.is_empty() {
            words.push(word);
        }
    }
    words
}

/// Letters and digits of ASCII, and whatever lies beyond its punctuation and that of Unicode's general blocks: without
/// tables, and near enough for words that are all English.
fn in_word(character: char) -> bool {
    match character {
        '\0'..='\u{7f}' => character.is_ascii_alphanumeric(),
        '\u{80}'..='\u{bf}' | '\u{2000}'..='\u{206f}' | '\u{2190}'..='\u{27bf}' | '\u{3000}'..='\u{303f}' => false,
        _ => character < '\u{1f000}',
    }
}

fn clause_refuses(clause: &[&str], is_last: bool) -> bool {
    if clause.iter().any(|word| is_one_of(word, OTHER_SUBJECTS)) {
        return false;
    }
    (0..clause.len())
        .filter_map(|at| Mention::at(clause, at))
        .any(|token| token.is_dead_before() || token.is_dead_after() || (is_last && token.is_not_understood()))
}

/// A token that a part of a sentence speaks of.
struct Mention<'a> {
    /// The words before it, the nearest first.
    before: Vec<&'a str>,
    after: &'a [&'a str],
    /// It is called a refresh token.
    is_refresh: bool,
}

impl<'a> Mention<'a> {
    /// The token at this word, if the word is one and no other kind of token.
    fn at(clause: &'a [&'a str], at: usize) -> Option<Self> {
        let (before, rest) = clause.split_at_checked(at)?;
        let (name, after) = rest.split_first()?;
        let before: Vec<&str> = before.iter().rev().copied().collect();
        let previous = before.first().copied().unwrap_or_default();
        let is_named = matches!(*name, "token" | "tokens") && matches!(previous, "offline" | "refresh");
        let is_refresh = is_named || *name == "refreshtoken";
        let is_plain = matches!(*name, "token" | "tokens")
            && previous != "access"
            && (before.is_empty() || introduces(previous) || is_verdict(previous));
        let is_verb = is_named && before.get(1).is_some_and(|word| is_one_of(word, BEFORE_A_VERB));
        let is_conditional = before.iter().any(|word| is_one_of(word, CONDITIONS));
        ((is_refresh || is_plain) && !is_verb && !is_conditional).then_some(Mention { before, after, is_refresh })
    }

    /// "Invalid refresh token", "no such token", "not a valid refresh token".
    fn is_dead_before(&self) -> bool {
        let [word, previous, _] = self.words_before();
        let is_denied = is_one_of(previous, DENIALS);
        let is_dead = match word {
            "matching" | "such" => previous == "no",
            "valid" => self.is_refresh && (is_denied || (previous == "a" && self.before.contains(&"not"))),
            _ => self.is_verdict(word) && !is_denied,
        };
        is_dead && self.ends_here()
    }

    /// "Could not find refresh token". Where a reason follows, it may be the server's own trouble.
    fn is_not_understood(&self) -> bool {
        let [word, previous, first] = self.words_before();
        let failed = is_one_of(previous, DENIALS) || (previous == "to" && matches!(first, "failed" | "unable"));
        self.is_refresh && is_one_of(word, SEARCHES) && failed && self.ends_here()
    }

    /// The nearest three that are no fillers, the nearest first.
    fn words_before(&self) -> [&'a str; 3] {
        let mut before = self.before.iter().copied().take(REACH).skip_while(|word| is_one_of(word, FILLERS));
        std::array::from_fn(|_| before.next().unwrap_or_default())
    }

    /// Whether the token is the last thing that is named: not in "invalid token request".
    fn ends_here(&self) -> bool {
        let next = self.after.get(1).copied().unwrap_or_default();
        match self.after.first().copied() {
            None => true,
            Some("and" | "or") => is_verdict(next) || matches!(next, "refresh" | "token"),
            Some("in") => matches!(next, "the" | "this" | "your") && self.after.get(2) == Some(&"request"),
            Some("error" | "for" | "value") => self.is_refresh,
            Some("by" | "to" | "request") => false,
            Some(word) => is_link(word) && (self.is_refresh || next.is_empty() || is_link(next)),
        }
    }

    /// "Token has been expired or revoked", "refresh token not found".
    fn is_dead_after(&self) -> bool {
        let of = self.before.iter().find(|word| **word != "refresh" && !introduces(word));
        if of.is_some_and(|word| is_one_of(word, PREPOSITIONS)) && !self.is_given_as_value() {
            return false;
        }
        let (mut is_denied, mut has_verb, mut previous) = (false, false, "");
        for (at, word) in self.after.iter().copied().enumerate().take(REACH) {
            let next = self.after.get(at + 1).copied();
            if word == "used" && matches!(previous, "already" | "been" | "previously") {
                return !is_denied;
            }
            if is_one_of(word, ALIVE) {
                let is_narrowed = matches!(next, Some("before" | "in" | "until" | "yet"));
                return is_denied && !is_narrowed && self.is_about_itself(word, next);
            }
            if self.is_verdict(word) {
                let is_last = next.is_none_or(|next| next != "request" && (is_link(next) || is_verdict(next)));
                let stands_alone = match word {
                    _ if is_one_of(word, EVENTS) => is_last || next == Some("detected"),
                    _ if is_one_of(word, BAD) => is_last || has_verb,
                    _ => true,
                };
                return !is_denied && stands_alone && self.is_about_itself(word, next);
            }
            let is_own_word = self.is_refresh && matches!(word, "family" | "value");
            if !is_link(word) && !is_own_word {
                return false;
            }
            is_denied |= is_one_of(word, DENIALS);
            has_verb |= is_one_of(word, VERBS);
            previous = word;
        }
        false
    }

    /// "Value passed for the token": the token itself, where the value is of nothing else.
    fn is_given_as_value(&self) -> bool {
        let mut before = self.before.iter().copied().skip_while(|word| introduces(word));
        let is_of_token = matches!(before.next(), Some("for" | "of"));
        let is_value = before.find(|word| !is_link(word)) == Some("value");
        is_of_token && is_value && matches!(before.next(), None | Some("a" | "the"))
    }

    /// "Not valid for this resource" says nothing about other uses; a refresh token has one use only.
    fn is_about_itself(&self, word: &str, next: Option<&str>) -> bool {
        self.is_refresh || !(word == "match" || next == Some("for"))
    }

    fn is_verdict(&self, word: &str) -> bool {
        is_verdict(word) && (self.is_refresh || !is_one_of(word, OF_REFRESH_TOKENS))
    }
}

fn introduces(word: &str) -> bool {
    is_one_of(word, FILLERS) || is_one_of(word, INTRODUCTIONS)
}

fn is_verdict(word: &str) -> bool {
    is_one_of(word, BAD) || is_one_of(word, ENDED) || is_one_of(word, EVENTS)
}

fn is_link(word: &str) -> bool {
    is_one_of(word, LINKS) || is_one_of(word, VERBS) || is_one_of(word, DENIALS)
}

#[cfg(test)]
#[path = "refusal_tests.rs"]
mod tests;
