//! The pages that a person sees: plain HTML, no script, nothing from elsewhere, nothing of the request in them.
//!
//! OAuth 2.1 draft section 2.3.6, RFC 9700 section 4.2.4.

/// The most characters of a sentence that a page shows.
const MAX_SENTENCE: usize = 600;

const STYLE: &str = "\
:root{color-scheme:light dark;--ground:#f6f7f9;--card:#fff;--ink:#1c1f24;--soft:#5b6370;--line:#e3e6ea;--good:#1a7f4b;--bad:#b3261e}\
@media (prefers-color-scheme:dark){:root{--ground:#14161a;--card:#1d2026;--ink:#eceef1;--soft:#a3abb8;--line:#2e333b;--good:#5fd39a;--bad:#ff8a80}}\
body{margin:0;min-height:100vh;display:grid;place-items:center;background:var(--ground);color:var(--ink);font:1.0625rem/1.55 system-ui,sans-serif}\
main{box-sizing:border-box;width:min(32rem,calc(100vw - 2rem));padding:2rem 2.25rem;background:var(--card);border:1px solid var(--line);border-top:4px solid var(--soft);border-radius:.75rem;overflow-wrap:anywhere}\
main.good{border-top-color:var(--good)}main.bad{border-top-color:var(--bad)}\
h1{margin:0 0 .5rem;font-size:1.375rem;line-height:1.3}p{margin:0;color:var(--soft)}";

/// The digest of the style, so that the policy allows this one and no other (CSP level 3, section 6.6.2.2).
const STYLE_DIGEST: &str = "sha256-ea3hcGejSmJ18s6VGKPVMNOtWJOAjTjogxWFeIKdVS4=";

/// How a login ended, in words for the person at the browser. It may hold no code, no state, and no server text that
/// was not bounded and cleaned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It did not work.
    Failed {
        /// What happened and what to do next, as a sentence.
        sentence: String,
    },
    /// The tokens are saved.
    LoggedIn {
        /// The service.
        to: String,
        /// The account, if it is known.
        account: Option<String>,
    },
}

impl Ending {
    pub(super) fn page(&self) -> String {
        match self {
            Ending::Failed { sentence } => render(Tone::Bad, "The login failed", sentence),
            Ending::LoggedIn { to, account } => {
                let who = account.as_ref().map(|account| format!(" as {account}")).unwrap_or_default();
                render(
                    Tone::Good,
                    "Login complete",
                    &format!("You are logged in to {to}{who}. You may close this window."),
                )
            }
        }
    }
}

/// A page that is about one request, not about the login.
pub(super) fn note(title: &str, sentence: &str) -> String {
    render(Tone::Plain, title, sentence)
}

/// The policy for every page: this style, and nothing else.
pub(super) fn content_security_policy() -> String {
    format!(
        "default-src 'none'; style-src '{STYLE_DIGEST}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

#[derive(Clone, Copy)]
enum Tone {
    Bad,
    Good,
    Plain,
}

fn render(tone: Tone, title: &str, sentence: &str) -> String {
    let class = match tone {
        Tone::Bad => "bad",
        Tone::Good => "good",
        Tone::Plain => "plain",
    };
    let (title, sentence) = (escape(title), escape(sentence));
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n\
         <body>\n<main class=\"{class}\">\n<h1>{title}</h1>\n<p>{sentence}</p>\n</main>\n</body>\n</html>\n"
    )
}

fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars().take(MAX_SENTENCE) {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            control if control.is_control() => escaped.push(' '),
            plain => escaped.push(plain),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use tokenway_core::secret::Secret;

    use super::*;

    #[test]
    fn the_policy_names_the_style_that_is_sent() {
        let hex = Secret::new(STYLE).hash();
        let bytes: Vec<u8> =
            (0..64).step_by(2).map(|at| u8::from_str_radix(&hex.as_str()[at..at + 2], 16).unwrap()).collect();
        let digest = base64::engine::general_purpose::STANDARD.encode(bytes);
        assert_eq!(STYLE_DIGEST, format!("sha256-{digest}"));
        assert!(note("a", "b").contains(&format!("<style>{STYLE}</style>")));
    }

    #[test]
    fn success_says_where_and_as_whom() {
        let page = |account: Option<&str>| {
            Ending::LoggedIn { to: "Example".into(), account: account.map(str::to_owned) }.page()
        };
        assert!(
            page(Some("ada@example.org")).contains("You are logged in to Example as ada@example.org. You may close")
        );
        assert!(page(None).contains("You are logged in to Example. You may close"));
    }

    #[test]
    fn a_sentence_is_text_whatever_is_in_it() {
        let page = Ending::Failed { sentence: "<script>alert('1')</script>\r\n&\"\u{7}".into() }.page();
        assert!(page.contains("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;  &amp;&quot; "));
        assert!(!page.contains("<script") && !page.contains('\u{7}'));
    }

    #[test]
    fn a_long_sentence_is_cut() {
        let page = Ending::Failed { sentence: "x".repeat(100_000) }.page();
        assert!(page.len() < 4_096);
    }

    #[test]
    fn a_page_loads_nothing_and_runs_nothing() {
        let page = note("a", "b");
        for forbidden in ["<script", "<link", "<img", "src=", "href=", "http", "url("] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
    }
}
