//! Answers and the headers that every one of them carries.

use super::page;

/// What may be asked of the redirect path, RFC 9110 section 10.2.1.
pub(super) const ALLOW_CALLBACK: &str = "GET, HEAD, OPTIONS, POST";
/// What may be asked of the page about the login's end.
pub(super) const ALLOW_PAGE: &str = "GET, HEAD, OPTIONS";

/// A status, headers of its own, and a page (or nothing).
#[derive(Debug)]
pub(super) struct Reply {
    status: u16,
    headers: Vec<(&'static str, &'static str)>,
    page: String,
    /// Whether whoever reads the page knows how the login ended.
    pub(super) tells_the_end: bool,
}

impl Reply {
    /// A page.
    pub(super) fn page(status: u16, page: String) -> Self {
        Reply { status, headers: Vec::new(), page, tells_the_end: false }
    }

    /// The page about the login's end.
    pub(super) fn end(page: String) -> Self {
        Reply { tells_the_end: true, ..Reply::page(200, page) }
    }

    /// A page about a request that was no good.
    pub(super) fn refusal(status: u16, sentence: &str) -> Self {
        Reply::page(status, page::note(reason(status), sentence)).with_allow_if_needed(ALLOW_CALLBACK)
    }

    /// A refusal of the method.
    pub(super) fn method_not_allowed(allow: &'static str) -> Self {
        Reply::page(405, page::note(reason(405), "This address is opened by a browser.")).with_allow_if_needed(allow)
    }

    /// The answer to OPTIONS. There are no CORS headers, so no other site may read or send anything; a browser that asks
    /// whether a public site may *navigate* to this private address is told yes, since that is what a redirect is.
    pub(super) fn options(allow: &'static str, private_network: bool) -> Self {
        let mut headers = vec![("Allow", allow)];
        if private_network {
            headers.push(("Access-Control-Allow-Private-Network", "true"));
        }
        Reply { headers, ..Reply::page(204, String::new()) }
    }

    /// `303 See Other` (RFC 9110 section 15.4.4) to a path of our own: static, so that nothing from a request can get
    /// into `Location`.
    pub(super) fn see_other(path: &'static str) -> Self {
        Reply { headers: vec![("Location", path)], ..Reply::page(303, String::new()) }
    }

    /// The answer on the wire; a HEAD gets the same head without the page.
    pub(super) fn bytes(&self, with_page: bool) -> Vec<u8> {
        let Reply { status, headers, page, .. } = self;
        let mut text = format!("HTTP/1.1 {status} {}\r\n", reason(*status));
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        // RFC 9110 section 8.6: a 204 has no length.
        if *status != 204 {
            text.push_str(&format!("Content-Length: {}\r\n", page.len()));
        }
        text.push_str(&format!(
            "Content-Type: text/html; charset=utf-8\r\nContent-Security-Policy: {}\r\nCache-Control: no-store\r\n\
             Referrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\n\
             Connection: close\r\n\r\n",
            page::content_security_policy()
        ));
        if with_page {
            text.push_str(page);
        }
        text.into_bytes()
    }

    fn with_allow_if_needed(mut self, allow: &'static str) -> Self {
        if self.status == 405 {
            self.headers.push(("Allow", allow));
        }
        self
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
        303 => "See Other",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        413 => "Content Too Large",
        431 => "Request Header Fields Too Large",
        _ => "Refused",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(reply: &Reply) -> String {
        String::from_utf8(reply.bytes(true)).unwrap()
    }

    #[test]
    fn every_answer_is_strict() {
        let replies = [
            Reply::page(200, page::note("a", "b")),
            Reply::refusal(400, "no"),
            Reply::method_not_allowed(ALLOW_PAGE),
            Reply::options(ALLOW_CALLBACK, true),
            Reply::see_other("/success"),
        ];
        for reply in replies {
            let text = text(&reply);
            for header in [
                "\r\nCache-Control: no-store\r\n",
                "\r\nReferrer-Policy: no-referrer\r\n",
                "\r\nContent-Security-Policy: default-src 'none'; style-src 'sha256-",
                "\r\nX-Content-Type-Options: nosniff\r\n",
                "\r\nX-Frame-Options: DENY\r\n",
                "\r\nContent-Type: text/html; charset=utf-8\r\n",
                "\r\nConnection: close\r\n",
            ] {
                assert!(text.contains(header), "{header:?} is not in {text}");
            }
            assert!(!text.contains("Access-Control-Allow-Origin"));
        }
    }

    #[test]
    fn a_head_answer_has_the_length_of_the_page_and_no_page() {
        let reply = Reply::page(200, "four".into());
        let head = String::from_utf8(reply.bytes(false)).unwrap();
        assert!(head.contains("Content-Length: 4\r\n") && head.ends_with("\r\n\r\n"));
        assert_eq!(text(&reply), head + "four");
    }

    #[test]
    fn a_405_says_what_is_allowed() {
        assert!(text(&Reply::refusal(405, "no")).contains("\r\nAllow: GET, HEAD, OPTIONS, POST\r\n"));
        assert!(text(&Reply::method_not_allowed(ALLOW_PAGE)).contains("\r\nAllow: GET, HEAD, OPTIONS\r\n"));
    }
}
