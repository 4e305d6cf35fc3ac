//! Accepting and answering: connections side by side, each with little time, and none able to keep another out.

use std::future::poll_fn;
use std::io;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use tokenway_core::event::Callback;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::bind::Site;
use super::page::{self, Ending};
use super::reply::{ALLOW_CALLBACK, ALLOW_PAGE, Reply};
use super::request::{Request, Unreadable};

/// The most connections at once: a browser opens six; when all are taken, the one that was silent longest is closed.
pub const MAX_CONNECTIONS: usize = 64;
/// How long a request may take to arrive, and its answer to leave. The wait for the login's end is not counted.
pub const CONNECTION_TIME: Duration = Duration::from_secs(10);

/// How long, and for how many bytes, the rest of a refused request is read after the answer: closing a socket with
/// unread bytes makes the kernel reset it, and the browser would lose the answer (RFC 9112 section 9.6).
const LINGER_TIME: Duration = Duration::from_secs(1);
const LINGER_BYTES: u64 = 1024 * 1024;

/// A pause after a failed accept: the process has no file descriptors left, and asking again at once would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// What the connections and the receiver share.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) site: Site,
    inbox: mpsc::Sender<Pending>,
    /// Told after each callback that went into the inbox.
    pub(super) arrival: Notify,
    /// How the login ended.
    pub(super) ending: watch::Sender<Option<Ending>>,
    /// Whether a browser has the page about it.
    pub(super) shown: watch::Sender<bool>,
    /// How many connections wait for the login's end.
    pub(super) held: AtomicUsize,
}

/// A callback whose connection waits.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) callback: Callback,
    pub(super) answer: oneshot::Sender<Reply>,
    pub(super) activity: Arc<Activity>,
}

impl Desk {
    pub(super) fn new(site: Site, inbox: mpsc::Sender<Pending>) -> Self {
        Desk {
            site,
            inbox,
            arrival: Notify::new(),
            ending: watch::Sender::new(None),
            shown: watch::Sender::new(false),
            held: AtomicUsize::new(0),
        }
    }

    /// Where the page about the end lies: never on the redirect path itself.
    fn end_path(&self, ending: &Ending) -> &'static str {
        let (path, other) = match ending {
            Ending::Failed { .. } => ("/failure", "/failure/"),
            Ending::LoggedIn { .. } => ("/success", "/success/"),
        };
        if self.site.path == path { other } else { path }
    }

    fn end_page(&self, path: &str) -> Option<String> {
        self.ending.borrow().as_ref().filter(|ending| self.end_path(ending) == path).map(Ending::page)
    }

    fn to_the_end(&self) -> Reply {
        match self.ending.borrow().as_ref() {
            Some(ending) => Reply::see_other(self.end_path(ending)),
            None => nothing_here(),
        }
    }
}

/// When a connection was last heard from.
#[derive(Debug)]
pub(super) struct Activity {
    since: Instant,
    micros: AtomicU64,
}

impl Activity {
    fn new(since: Instant) -> Self {
        let activity = Activity { since, micros: AtomicU64::new(0) };
        activity.touch();
        activity
    }

    fn touch(&self) {
        let micros = u64::try_from(self.since.elapsed().as_micros()).unwrap_or(u64::MAX - 1);
        self.micros.store(micros, Ordering::Relaxed);
    }

    /// Keeps the connection from being the longest-silent one: it waits for us.
    pub(super) fn pin(&self) {
        self.micros.store(u64::MAX, Ordering::Relaxed);
    }
}

/// Accepts until the listeners are gone. It holds them weakly, so that their owner alone decides when the port is free.
pub(super) async fn serve(mut doors: Vec<Weak<TcpListener>>, desk: Arc<Desk>) {
    let since = Instant::now();
    let mut tasks = JoinSet::new();
    let mut slots: Vec<(AbortHandle, Arc<Activity>)> = Vec::new();
    loop {
        let accepted = tokio::select! {
            Some(_) = tasks.join_next() => continue,
            accepted = poll_fn(|context| poll_accept(&doors, context)) => accepted,
        };
        // Each family gets its turn, whatever comes in through the other.
        doors.rotate_left(1);
        let stream = match accepted {
            None => return,
            Some(Err(_)) => {
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
            Some(Ok(stream)) => stream,
        };
        make_room(&mut slots).await;
        let activity = Arc::new(Activity::new(since));
        let task = tasks.spawn(connection(stream, Arc::clone(&desk), Arc::clone(&activity)));
        slots.push((task, activity));
    }
}

fn poll_accept(doors: &[Weak<TcpListener>], context: &mut Context<'_>) -> Poll<Option<io::Result<TcpStream>>> {
    for door in doors {
        let Some(listener) = door.upgrade() else { return Poll::Ready(None) };
        if let Poll::Ready(accepted) = listener.poll_accept(context) {
            return Poll::Ready(Some(accepted.map(|(stream, _)| stream)));
        }
    }
    Poll::Pending
}

async fn make_room(slots: &mut Vec<(AbortHandle, Arc<Activity>)>) {
    slots.retain(|(task, _)| !task.is_finished());
    if slots.len() < MAX_CONNECTIONS {
        return;
    }
    // A burst is accepted faster than its requests are read: let those be heard before one is called silent.
    tokio::task::yield_now().await;
    slots.retain(|(task, _)| !task.is_finished());
    while slots.len() >= MAX_CONNECTIONS {
        let silent = slots.iter().enumerate().min_by_key(|(_, (_, activity))| activity.micros.load(Ordering::Relaxed));
        let Some((longest, _)) = silent else { return };
        slots.swap_remove(longest).0.abort();
    }
}

async fn connection(mut stream: TcpStream, desk: Arc<Desk>, activity: Arc<Activity>) {
    let deadline = Instant::now() + CONNECTION_TIME;
    // Browsers open connections in advance: one that never spoke is closed without a word.
    if timeout_at(deadline, stream.peek(&mut [0])).await.is_err() {
        return;
    }
    let mut with_page = true;
    let reply = match timeout_at(deadline, Request::read(&mut stream, || activity.touch())).await {
        Err(_) => Reply::refusal(408, "The request took too long."),
        Ok(Err(Unreadable::Gone)) => return,
        Ok(Err(Unreadable::HeadTooLarge)) => Reply::refusal(431, "The request's headers are too large."),
        Ok(Err(Unreadable::BodyTooLarge)) => Reply::refusal(413, "The request is too large."),
        Ok(Err(Unreadable::Malformed(what))) => Reply::refusal(400, &format!("The request could not be read: {what}.")),
        Ok(Ok(request)) => {
            with_page = request.method != "HEAD";
            answer(&desk, &activity, request).await
        }
    };
    activity.touch();
    let delivered = timeout(CONNECTION_TIME, deliver(&mut stream, &reply.bytes(with_page))).await;
    if reply.tells_the_end && with_page && matches!(delivered, Ok(Ok(()))) {
        desk.shown.send_replace(true);
    }
    let mut rest = stream.take(LINGER_BYTES);
    // Whatever comes is thrown away, and so is the reason why it ended.
    let _ = timeout(LINGER_TIME, tokio::io::copy(&mut rest, &mut tokio::io::sink())).await;
}

async fn deliver(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes).await?;
    stream.shutdown().await
}

async fn answer(desk: &Desk, activity: &Arc<Activity>, request: Request) -> Reply {
    // A web page whose name resolves to 127.0.0.1 sends its own name here (DNS rebinding).
    if !request.is_for(&desk.site.authority) {
        return Reply::refusal(400, "This request was meant for another address.");
    }
    if let Some(page) = desk.end_page(request.path()) {
        return answer_end(&request, page);
    }
    if request.path() != desk.site.path {
        return nothing_here();
    }
    match request.method.as_str() {
        "GET" | "POST" => hold(desk, activity, request.into_callback()).await,
        "HEAD" => Reply::page(200, page::note("Waiting for the login", "This address waits for a login to finish.")),
        "OPTIONS" => {
            Reply::options(ALLOW_CALLBACK, request.header("access-control-request-private-network") == Some("true"))
        }
        _ => Reply::method_not_allowed(ALLOW_CALLBACK),
    }
}

fn answer_end(request: &Request, page: String) -> Reply {
    match request.method.as_str() {
        "GET" | "HEAD" => Reply::end(page),
        "OPTIONS" => Reply::options(ALLOW_PAGE, false),
        _ => Reply::method_not_allowed(ALLOW_PAGE),
    }
}

/// Hands the callback out and waits for the verdict, or for the login's end.
async fn hold(desk: &Desk, activity: &Arc<Activity>, callback: Callback) -> Reply {
    let _held = Held::new(&desk.held);
    let mut ending = desk.ending.subscribe();
    let (answer, answered) = oneshot::channel();
    let pending = Pending { callback, answer, activity: Arc::clone(activity) };
    let verdict = async {
        if desk.inbox.send(pending).await.is_ok() {
            desk.arrival.notify_one();
            if let Ok(reply) = answered.await {
                return reply;
            }
        }
        // Taken as the redirect, or nobody is left to take it: only the end can answer.
        std::future::pending().await
    };
    tokio::select! {
        // A stranger that was refused is not shown how the login ended a moment later.
        biased;
        reply = verdict => reply,
        _ = ending.wait_for(Option::is_some) => desk.to_the_end(),
    }
}

struct Held<'a>(&'a AtomicUsize);

impl<'a> Held<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::AcqRel);
        Held(count)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

fn nothing_here() -> Reply {
    Reply::refusal(404, "There is nothing here.")
}
