//! A wire between a client and a server, whose connections meet with accidents.

use std::future::pending;
use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// What happens to one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Accident {
    /// So many bytes of the answer get through.
    AnswerCut(usize, Cut),
    /// Each part of the answer takes so long.
    AnswerDelayed(Duration),
    /// The server acts, and not a byte of its answer gets through. The connection stays.
    AnswerSwallowed,
    /// Something on the way answers, and the server hears of nothing.
    Hijacked(String),
    /// All is well.
    None,
    /// So many bytes of the request get through.
    RequestCut(usize, Cut),
    /// Not a byte gets through. The connection stays.
    RequestSwallowed,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// As if its other end had closed it.
    Closed,
    /// As if its other end knew nothing of it.
    Reset,
}

/// How the connections fared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) connections: usize,
    /// Bytes of the last one.
    pub(crate) request: usize,
    /// Bytes of the last one.
    pub(crate) answer: usize,
}

/// It lives as long as this value.
pub(crate) struct Wire {
    port: u16,
    seen: Arc<Mutex<Seen>>,
    listening: JoinHandle<()>,
}

impl Wire {
    /// A wire to that port of this machine. The first connection meets with the first accident, and so on; those after
    /// the last fare well.
    pub(crate) async fn to(port: u16, accidents: impl IntoIterator<Item = Accident>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let here = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let accidents: Vec<Accident> = accidents.into_iter().collect();
        let listening = tokio::spawn(listen(listener, port, accidents, Arc::clone(&seen)));
        Wire { port: here, seen, listening }
    }

    pub(crate) fn token_endpoint(&self) -> String {
        format!("http://127.0.0.1:{}/token", self.port)
    }

    pub(crate) fn seen(&self) -> Seen {
        *self.seen.lock().unwrap()
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn listen(listener: TcpListener, port: u16, accidents: Vec<Accident>, seen: Arc<Mutex<Seen>>) {
    let mut accidents = accidents.into_iter();
    let mut connections = JoinSet::new();
    loop {
        let (client, _) = listener.accept().await.unwrap();
        {
            let mut seen = seen.lock().unwrap();
            *seen = Seen { connections: seen.connections + 1, ..Seen::default() };
        }
        let accident = accidents.next().unwrap_or(Accident::None);
        connections.spawn(carry(client, port, accident, Arc::clone(&seen)));
    }
}

/// Whatever breaks here is broken for the client and the server, too: it is theirs to tell.
async fn carry(client: TcpStream, port: u16, accident: Accident, seen: Arc<Mutex<Seen>>) {
    let _ = if let Accident::Hijacked(answer) = &accident {
        hijack(client, answer).await
    } else if accident == Accident::RequestSwallowed {
        swallow(client).await
    } else {
        forward(client, port, accident, &seen).await
    };
}

async fn hijack(mut client: TcpStream, answer: &str) -> io::Result<()> {
    let _request = client.read(&mut [0; 4096]).await?;
    client.write_all(answer.as_bytes()).await?;
    client.shutdown().await?;
    // What nobody reads would take the answer with it.
    swallow(client).await
}

async fn swallow(mut client: TcpStream) -> io::Result<()> {
    while client.read(&mut [0; 4096]).await? > 0 {}
    Ok(())
}

async fn forward(mut client: TcpStream, port: u16, accident: Accident, seen: &Mutex<Seen>) -> io::Result<()> {
    let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    let (mut up, mut down) = ([0; 4096], [0; 4096]);
    let (mut request, mut answer) = (0, 0);
    loop {
        tokio::select! {
            read = client.read(&mut up) => {
                let (through, cut) = accident.of_the_request(request, read?);
                server.write_all(&up[..through]).await?;
                request += through;
                seen.lock().unwrap().request = request;
                if let Some(cut) = cut {
                    return cut.both(client, server).await;
                }
            }
            read = server.read(&mut down) => {
                let read = read?;
                if read > 0 {
                    accident.hold_up_the_answer().await;
                }
                let (through, cut) = accident.of_the_answer(answer, read);
                client.write_all(&down[..through]).await?;
                answer += through;
                seen.lock().unwrap().answer = answer;
                if let Some(cut) = cut {
                    return cut.both(client, server).await;
                }
            }
        }
    }
}

impl Accident {
    /// How many of these bytes get through, and whether that is the end. Whoever has nothing more to say is gone.
    fn of_the_request(&self, before: usize, bytes: usize) -> (usize, Option<Cut>) {
        let limit = if let Accident::RequestCut(limit, cut) = self { Some((*limit, *cut)) } else { None };
        limited(limit, before, bytes)
    }

    fn of_the_answer(&self, before: usize, bytes: usize) -> (usize, Option<Cut>) {
        let limit = if let Accident::AnswerCut(limit, cut) = self { Some((*limit, *cut)) } else { None };
        limited(limit, before, bytes)
    }

    async fn hold_up_the_answer(&self) {
        if let Accident::AnswerDelayed(span) = self {
            tokio::time::sleep(*span).await;
        } else if *self == Accident::AnswerSwallowed {
            pending().await
        }
    }
}

fn limited(limit: Option<(usize, Cut)>, before: usize, bytes: usize) -> (usize, Option<Cut>) {
    let Some((limit, cut)) = limit else { return (bytes, (bytes == 0).then_some(Cut::Closed)) };
    let through = bytes.min(limit - before);
    (through, (bytes == 0 || before + through == limit).then_some(cut))
}

impl Cut {
    async fn both(self, client: TcpStream, server: TcpStream) -> io::Result<()> {
        for stream in [client, server] {
            if self == Cut::Reset {
                stream.set_zero_linger()?;
            }
        }
        Ok(())
    }
}
