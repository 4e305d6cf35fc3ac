//! The pages that a person sees: plain HTML without script, in light and dark.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::CLIENT_ID;

const STYLE: &str = "\
:root{color-scheme:light dark;--ground:#f6f7f9;--card:#fff;--ink:#1c1f24;--soft:#5b6370;--line:#d7dce2;--act:#1f5fbf;--on-act:#fff}\
@media (prefers-color-scheme:dark){:root{--ground:#14161a;--card:#1d2026;--ink:#eceef1;--soft:#a3abb8;--line:#363c46;--act:#8ab4f8;--on-act:#10151d}}\
*{box-sizing:border-box}\
body{margin:0;min-height:100vh;display:grid;place-items:center;background:var(--ground);color:var(--ink);font:1.0625rem/1.55 system-ui,sans-serif}\
main{width:min(30rem,calc(100vw - 2rem));padding:2rem 2.25rem;background:var(--card);border:1px solid var(--line);border-radius:.75rem;overflow-wrap:anywhere}\
h1{margin:0 0 .75rem;font-size:1.375rem;line-height:1.3}p{margin:0 0 1rem;color:var(--soft)}ul{margin:0 0 1.25rem;padding-left:1.25rem}\
form{display:flex;gap:.75rem;flex-wrap:wrap}\
button{flex:1;padding:.65rem 1rem;font:inherit;font-weight:600;color:var(--ink);background:none;border:1px solid var(--line);border-radius:.5rem;cursor:pointer}\
button[value=allow]{color:var(--on-act);background:var(--act);border-color:var(--act)}\
button:focus-visible{outline:3px solid var(--act);outline-offset:2px}";

/// Asks the person. `question` names the request in the answer.
pub(super) fn consent(scope: &str, question: &str) -> String {
    let scopes: String = scope.split_ascii_whitespace().map(|name| format!("<li>{}</li>\n", escape(name))).collect();
    let wishes = if scopes.is_empty() { String::new() } else { format!("<p>It asks for:</p>\n<ul>\n{scopes}</ul>\n") };
    render(
        "Allow this program?",
        &format!(
            "<p><strong>{CLIENT_ID}</strong> wants to act for you at the demo server, which runs on this machine and \
             forgets everything when the demo ends.</p>\n{wishes}\
             <form method=\"post\" action=\"/consent\">\n\
             <input type=\"hidden\" name=\"question\" value=\"{}\">\n\
             <button name=\"decision\" value=\"deny\">Deny</button>\n\
             <button name=\"decision\" value=\"allow\">Allow</button>\n</form>\n",
            escape(question),
        ),
    )
}

/// Tells the person why there is nothing to ask.
pub(super) fn refusal(sentence: &str) -> String {
    render("This cannot go on", &format!("<p>{}</p>\n", escape(sentence)))
}

/// This style, and nothing else. No `form-action`: browsers apply it to redirects too, and the answer is one to the
/// client's own port.
pub(super) fn content_security_policy() -> String {
    let digest = STANDARD.encode(Sha256::digest(STYLE));
    format!("default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; frame-ancestors 'none'")
}

fn render(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n\
         <body>\n<main>\n<h1>{title}</h1>\n{body}</main>\n</body>\n</html>\n"
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_request_brings_stays_text() {
        let page = consent("<script>alert(1)</script> read", "\"q'");
        assert!(!page.contains("<script"));
        assert!(page.contains("<li>&lt;script&gt;alert(1)&lt;/script&gt;</li>\n<li>read</li>"));
        assert!(page.contains("value=\"&quot;q&#39;\""));
    }

    #[test]
    fn a_request_without_scope_shows_no_empty_list() {
        assert!(!consent(" ", "q").contains("<ul>"));
    }
}
