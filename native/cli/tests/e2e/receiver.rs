//! A callback port under fire.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::login_trouble::redirect_uri;
use crate::peer::{Home, PATIENCE, Peer, Waiting, deliver, walk};

const JUNK: usize = 10_000;
const IDLE: usize = 64;
const SENDERS: usize = 4;

#[test]
fn ten_thousand_junk_requests_and_sixty_four_idle_sockets_do_not_hold_up_the_right_callback() {
    let (peer, home) = (Peer::start(), Home::new());
    let args = ["login", "--issuer", peer.issuer(), "--client-id", "native", "--no-browser"];
    let waiting = Waiting::start(home.command(&args));
    let url = waiting.url();
    let uri = redirect_uri(&url);
    let address: SocketAddr = format!("127.0.0.1:{}", uri.port().unwrap()).parse().unwrap();
    let callback = walk(&url, &[]);

    let idle: Vec<TcpStream> = (0..IDLE).map(|_| TcpStream::connect(address).unwrap()).collect();
    let started = Instant::now();
    thread::scope(|scope| {
        for sender in 0..SENDERS {
            scope.spawn(move || (sender..JUNK).step_by(SENDERS).for_each(|number| throw(address, number)));
        }
    });
    let thrown = started.elapsed();

    let delivered = Instant::now();
    let page = deliver(&callback);
    let run = waiting.end().succeeds();
    let took = delivered.elapsed();
    eprintln!("receiver: {JUNK} junk requests in {thrown:?} beside {IDLE} idle sockets; then the login took {took:?}");
    assert!(took < Duration::from_secs(1), "the login took {took:?}");
    assert!(page.status == 200 && page.body.contains("alice"), "{page:?}");
    run.prints("as alice");
    assert_eq!(peer.whose(&home.token(&[])), "alice");
    drop(idle);
}

/// Sends something that is no callback, and reads what comes of it.
fn throw(address: SocketAddr, number: usize) {
    let host = format!("host: {address}\r\n");
    let junk = match number % 10 {
        0 => format!("GET / HTTP/1.1\r\n{host}\r\n"),
        1 => format!("GET /callback HTTP/1.1\r\n{host}\r\n"),
        2 => format!("GET /callback?code=forged-{number}&state=forged HTTP/1.1\r\n{host}\r\n"),
        3 => format!("GET /callback?error=access_denied&state=forged HTTP/1.1\r\n{host}\r\n"),
        4 => format!("POST /callback HTTP/1.1\r\n{host}content-length: 3\r\n\r\nabc"),
        5 => "GET /callback?code=x&state=y HTTP/1.1\r\nhost: evil.example\r\n\r\n".to_owned(),
        6 => "\u{16}\u{3}\u{1} not HTTP at all \u{0}\r\n\r\n".to_owned(),
        7 => format!("GET /{} HTTP/1.1\r\n{host}\r\n", "a".repeat(20_000)),
        8 => format!("GET /favicon.ico HTTP/1.1\r\n{host}connection: close\r\n\r\n"),
        _ => format!("OPTIONS /callback HTTP/1.1\r\n{host}\r\n"),
    };
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    // Whoever was refused in the middle of its request is done, too.
    if socket.write_all(junk.as_bytes()).is_ok() {
        let _ = socket.read(&mut [0; 512]);
    }
}
