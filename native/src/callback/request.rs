//! Reading one request, strictly and within limits. RFC 9112 sections 2 to 6; anything unusual is refused.

use tokenway_core::event::{Callback, CallbackSource};
use tokenway_core::secret::Secret;
use tokio::io::{AsyncRead, AsyncReadExt};

/// The most bytes of a request line and headers: browsers send the cookies of every development server on `localhost`,
/// and authorization codes of several kilobytes exist.
pub const MAX_HEAD: usize = 64 * 1024;
/// The most bytes of a POST: a form with a code, a state and an id token is under 16 KiB.
pub const MAX_REDIRECT_BODY: usize = 64 * 1024;

/// How much is read at once; most requests fit.
const CHUNK: usize = 4 * 1024;

/// The headers that the machine may want to see, as `Callback` lists them.
const HANDED_OUT: [&str; 6] = ["host", "content-type", "purpose", "sec-purpose", "x-purpose", "x-moz"];

/// A request with a sound head and all of its body.
pub(super) struct Request {
    pub(super) method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: String,
}

/// Why there is no request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// The connection ended first.
    Gone,
    /// More than [`MAX_HEAD`].
    HeadTooLarge,
    /// More than [`MAX_REDIRECT_BODY`].
    BodyTooLarge,
    /// Not HTTP/1 as a browser speaks it; the text says where.
    Malformed(&'static str),
}

impl Request {
    /// Reads one request and calls `heard` whenever bytes came.
    pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin), heard: impl Fn()) -> Result<Self, Unreadable> {
        let mut bytes = Vec::with_capacity(CHUNK);
        let head_length = loop {
            let searched = bytes.len();
            read_more(stream, &mut bytes, &heard).await?;
            // A TLS hello and other noise need not be waited for.
            if !bytes[0].is_ascii_uppercase() {
                return Err(Unreadable::Malformed("not HTTP"));
            }
            let found = end_of_head(&bytes, searched.saturating_sub(END_OF_HEAD.len() - 1));
            if found.unwrap_or(bytes.len()) > MAX_HEAD {
                return Err(Unreadable::HeadTooLarge);
            }
            if let Some(end) = found {
                break end;
            }
        };

        let mut request = Request::parse(&bytes[..head_length])?;
        let body_length = request.body_length()?;
        let mut body = bytes.split_off(head_length + END_OF_HEAD.len());
        while body.len() < body_length {
            read_more(stream, &mut body, &heard).await?;
        }
        body.truncate(body_length);
        request.body = String::from_utf8(body).map_err(|_| Unreadable::Malformed("the body is not UTF-8"))?;
        Ok(request)
    }

    /// The first header of that (lower-case) name.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// True when it was sent to `authority`, by its `Host` and by an absolute target if it has one.
    pub(super) fn is_for(&self, authority: &str) -> bool {
        let same = |other: &str| other.eq_ignore_ascii_case(authority);
        self.header("host").is_some_and(same) && self.target_parts().0.is_none_or(same)
    }

    /// The path, byte for byte.
    pub(super) fn path(&self) -> &str {
        self.target_parts().1
    }

    pub(super) fn into_callback(self) -> Callback {
        let headers = self.headers.into_iter().filter(|(name, _)| HANDED_OUT.contains(&name.as_str())).collect();
        Callback {
            source: CallbackSource::Listening,
            method: self.method,
            target: Secret::new(self.target),
            headers,
            body: Secret::new(self.body),
        }
    }

    fn parse(head: &[u8]) -> Result<Self, Unreadable> {
        // Cookies of other programs on localhost may hold anything; what is compared or handed out is ASCII.
        let head = String::from_utf8_lossy(head);
        let mut lines = head.split("\r\n");
        let (method, target) = request_line(lines.next().unwrap_or_default())?;
        let headers = lines.map(header_line).collect::<Result<Vec<_>, _>>()?;
        if headers.iter().filter(|(name, _)| name == "host").count() != 1 {
            return Err(Unreadable::Malformed("not exactly one Host"));
        }
        Ok(Request { method, target, headers, body: String::new() })
    }

    fn body_length(&self) -> Result<usize, Unreadable> {
        if self.header("transfer-encoding").is_some() {
            return Err(Unreadable::Malformed("no browser sends a form in chunks"));
        }
        let lengths: Vec<&str> = self.all("content-length").collect();
        let length = match lengths.as_slice() {
            [] => return Ok(0),
            [one] if !one.is_empty() && one.bytes().all(|byte| byte.is_ascii_digit()) => {
                one.parse().unwrap_or(usize::MAX)
            }
            [..] => return Err(Unreadable::Malformed("unclear Content-Length")),
        };
        if length > MAX_REDIRECT_BODY {
            return Err(Unreadable::BodyTooLarge);
        }
        if length > 0 && matches!(self.method.as_str(), "GET" | "HEAD") {
            return Err(Unreadable::Malformed("a GET with a body"));
        }
        Ok(length)
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Authority (of an absolute target, RFC 9112 section 3.2.2) and path.
    fn target_parts(&self) -> (Option<&str>, &str) {
        let (authority, rest) = match self.target.strip_prefix("http://") {
            Some(absolute) => {
                let (authority, rest) = absolute.split_at(absolute.find(['/', '?']).unwrap_or(absolute.len()));
                (Some(authority), rest)
            }
            None => (None, self.target.as_str()),
        };
        match rest.split_once('?').map_or(rest, |(path, _)| path) {
            "" if authority.is_some() => (authority, "/"),
            path => (authority, path),
        }
    }
}

const END_OF_HEAD: &[u8] = b"\r\n\r\n";

fn end_of_head(bytes: &[u8], from: usize) -> Option<usize> {
    bytes[from..].windows(END_OF_HEAD.len()).position(|window| window == END_OF_HEAD).map(|at| from + at)
}

async fn read_more(
    stream: &mut (impl AsyncRead + Unpin),
    bytes: &mut Vec<u8>,
    heard: impl Fn(),
) -> Result<(), Unreadable> {
    bytes.reserve(CHUNK);
    match stream.read_buf(bytes).await {
        Ok(0) | Err(_) => Err(Unreadable::Gone),
        Ok(_) => {
            heard();
            Ok(())
        }
    }
}

fn request_line(line: &str) -> Result<(String, String), Unreadable> {
    let malformed = Err(Unreadable::Malformed("the request line"));
    let [method, target, version] = line.split(' ').collect::<Vec<_>>()[..] else { return malformed };
    let sound = !method.is_empty()
        && method.bytes().all(|byte| byte.is_ascii_uppercase())
        && !target.is_empty()
        && target.bytes().all(|byte| byte.is_ascii_graphic())
        && matches!(version, "HTTP/1.0" | "HTTP/1.1");
    if sound { Ok((method.to_owned(), target.to_owned())) } else { malformed }
}

fn header_line(line: &str) -> Result<(String, String), Unreadable> {
    let malformed = Err(Unreadable::Malformed("a header line"));
    let Some((name, value)) = line.split_once(':') else { return malformed };
    let value = value.trim_matches([' ', '\t']);
    let sound = !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
        && !value.chars().any(|character| character.is_control() && character != '\t');
    if sound { Ok((name.to_ascii_lowercase(), value.to_owned())) } else { malformed }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(text: &str) -> Result<Request, Unreadable> {
        Request::read(&mut text.as_bytes(), || {}).await
    }

    async fn refusal(text: &str) -> Unreadable {
        read(text).await.err().unwrap_or_else(|| panic!("taken: {text:?}"))
    }

    #[tokio::test]
    async fn a_redirect_is_handed_out_with_the_headers_that_count() {
        let request = read(
            "GET /cb?code=c&state=s HTTP/1.1\r\nHost: 127.0.0.1:9\r\nCookie: a=b\r\nSec-Purpose:  prefetch \r\n\r\n",
        )
        .await;
        let Ok(request) = request else { panic!() };
        assert_eq!(request.path(), "/cb");
        let callback = request.into_callback();
        assert_eq!(callback.source, CallbackSource::Listening);
        assert_eq!(callback.method, "GET");
        assert_eq!(callback.target.expose(), "/cb?code=c&state=s");
        assert_eq!(
            callback.headers,
            [("host".into(), "127.0.0.1:9".into()), ("sec-purpose".into(), "prefetch".to_owned())]
        );
        assert!(callback.body.is_empty());
    }

    #[tokio::test]
    async fn a_form_is_read_to_its_length_and_no_further() {
        let text = "POST /cb HTTP/1.1\r\nhost: h\r\nContent-Length: 6\r\nContent-Type: text/x\r\n\r\ncode=aGET /";
        let Ok(request) = read(text).await else { panic!() };
        let callback = request.into_callback();
        assert_eq!(callback.body.expose(), "code=a");
        assert_eq!(callback.headers[1], ("content-type".into(), "text/x".into()));
    }

    #[tokio::test]
    async fn an_absolute_target_must_name_the_same_place() {
        let Ok(request) = read("GET http://127.0.0.1:9/cb?x HTTP/1.1\r\nHost: 127.0.0.1:9\r\n\r\n").await else {
            panic!()
        };
        assert!(request.is_for("127.0.0.1:9"));
        assert_eq!(request.path(), "/cb");
        let Ok(request) = read("GET http://evil.example/cb?x HTTP/1.1\r\nHost: 127.0.0.1:9\r\n\r\n").await else {
            panic!()
        };
        assert!(!request.is_for("127.0.0.1:9"));
        let Ok(request) = read("GET http://127.0.0.1:9?x HTTP/1.1\r\nHost: 127.0.0.1:9\r\n\r\n").await else {
            panic!()
        };
        assert_eq!(request.path(), "/");
    }

    #[tokio::test]
    async fn paths_are_compared_as_they_came() {
        for target in ["//cb?x", "/x/../cb?x", "/Cb", "/cb/", "/%63b", "cb", "*"] {
            let Ok(request) = read(&format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n")).await else { panic!() };
            assert_ne!(request.path(), "/cb");
        }
    }

    #[tokio::test]
    async fn what_no_browser_sends_is_malformed() {
        for text in [
            "\x16\x03\x01\x02\x00",
            "get / HTTP/1.1\r\nHost: h\r\n\r\n",
            "GET / HTTP/2.0\r\nHost: h\r\n\r\n",
            "GET /\r\nHost: h\r\n\r\n",
            "GET  / HTTP/1.1\r\nHost: h\r\n\r\n",
            "GET /cb?code=a HTTP/1.1 x HTTP/1.1\r\nHost: h\r\n\r\n",
            "GET /\u{e9} HTTP/1.1\r\nHost: h\r\n\r\n",
            "GET / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n",
            "GET / HTTP/1.1\r\nHost : h\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: h\r\n folded\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: h\nX: y\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: h\r\nnonsense\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello",
            "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +1\r\n\r\nx",
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n\r\nx",
        ] {
            assert!(matches!(refusal(text).await, Unreadable::Malformed(_)), "{text:?}");
        }
    }

    #[tokio::test]
    async fn heads_and_bodies_have_limits() {
        let head = |padding: usize| format!("GET / HTTP/1.1\r\nHost: h\r\nCookie: {}\r\n\r\n", "c".repeat(padding));
        let overhead = head(0).len() - END_OF_HEAD.len();
        assert!(read(&head(MAX_HEAD - overhead)).await.is_ok());
        assert_eq!(refusal(&head(MAX_HEAD - overhead + 1)).await, Unreadable::HeadTooLarge);
        assert_eq!(refusal(&format!("GET /{}", "a".repeat(2 * MAX_HEAD))).await, Unreadable::HeadTooLarge);

        let form = |length: usize| {
            format!("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\r\n{}", "a".repeat(length))
        };
        assert!(read(&form(MAX_REDIRECT_BODY)).await.is_ok());
        assert_eq!(refusal(&form(MAX_REDIRECT_BODY + 1)).await, Unreadable::BodyTooLarge);
        let absurd = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999999\r\n\r\n";
        assert_eq!(refusal(absurd).await, Unreadable::BodyTooLarge);
    }

    #[tokio::test]
    async fn a_connection_that_ends_early_brought_no_request() {
        for text in
            ["", "GET", "GET / HTTP/1.1\r\nHost: h\r\n", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nab"]
        {
            assert_eq!(refusal(text).await, Unreadable::Gone);
        }
    }

    #[tokio::test]
    async fn a_request_may_come_byte_by_byte() {
        let (mut ours, mut theirs) = tokio::io::duplex(1);
        let text = b"POST /cb HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nok";
        let writer = tokio::spawn(async move { tokio::io::AsyncWriteExt::write_all(&mut theirs, text).await });
        let heard = std::cell::Cell::new(0);
        let Ok(request) = Request::read(&mut ours, || heard.set(heard.get() + 1)).await else { panic!() };
        assert_eq!(request.body, "ok");
        assert_eq!(heard.get(), text.len());
        writer.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn bytes_that_are_no_text_do_not_hurt_in_other_headers() {
        let bytes = b"GET /cb HTTP/1.1\r\nHost: h\r\nCookie: \xff\xfe\r\n\r\n";
        assert!(Request::read(&mut &bytes[..], || {}).await.is_ok());
    }
}
