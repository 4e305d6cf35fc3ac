//! A wire between the command and the server, that can be cut and made slow.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

/// Forwards connections of one port to another, for as long as it lives.
pub(crate) struct Forwarder {
    port: u16,
    wire: Arc<Wire>,
}

struct Wire {
    to: u16,
    /// Milliseconds between the answer's coming and its going on.
    answer_delay: AtomicU64,
    cut: AtomicBool,
}

impl Forwarder {
    pub(crate) fn to(port: u16) -> Self {
        let wire = Wire { to: port, answer_delay: AtomicU64::new(0), cut: AtomicBool::new(false) };
        // Below the ports that outgoing connections get: while the wire is cut, nobody takes this one.
        let free = (20_000..30_000).cycle().skip(std::process::id() as usize % 10_000);
        let listener = free.take(10_000).find_map(|port| TcpListener::bind(("127.0.0.1", port)).ok()).unwrap();
        let forwarder = Forwarder { port: listener.local_addr().unwrap().port(), wire: Arc::new(wire) };
        forwarder.listen(listener);
        forwarder
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Holds each answer back for so long.
    pub(crate) fn delay_answers(&self, span: Duration) {
        self.wire.answer_delay.store(u64::try_from(span.as_millis()).unwrap(), Ordering::Relaxed);
    }

    /// From here on connections are refused.
    pub(crate) fn cut(&self) {
        self.wire.cut.store(true, Ordering::Release);
        // The listener looks up at the next connection, and closes.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
        super::until("the wire is cut", || TcpStream::connect(("127.0.0.1", self.port)).is_err());
    }

    pub(crate) fn mend(&self) {
        self.wire.cut.store(false, Ordering::Release);
        self.listen(TcpListener::bind(("127.0.0.1", self.port)).unwrap());
    }

    fn listen(&self, listener: TcpListener) {
        let wire = Arc::clone(&self.wire);
        thread::spawn(move || {
            for connection in listener.incoming() {
                if wire.cut.load(Ordering::Acquire) {
                    break;
                }
                let (Ok(client), wire) = (connection, Arc::clone(&wire)) else { continue };
                thread::spawn(move || wire.forward(client));
            }
        });
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.wire.cut.store(true, Ordering::Release);
        drop(TcpStream::connect(("127.0.0.1", self.port)));
    }
}

impl Wire {
    fn forward(&self, client: TcpStream) -> Option<()> {
        let server = TcpStream::connect(("127.0.0.1", self.to)).ok()?;
        let (mut from_client, mut to_server) = (client.try_clone().ok()?, server.try_clone().ok()?);
        thread::spawn(move || {
            std::io::copy(&mut from_client, &mut to_server).ok();
            to_server.shutdown(Shutdown::Write).ok();
        });
        let (mut from_server, mut to_client) = (server, client);
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = from_server.read(&mut buffer) {
            thread::sleep(Duration::from_millis(self.answer_delay.load(Ordering::Relaxed)));
            to_client.write_all(&buffer[..count]).ok()?;
        }
        to_client.shutdown(Shutdown::Both).ok();
        Some(())
    }
}
