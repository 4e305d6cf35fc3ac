use tokenway_core::event::Outcome;
use tokenway_core::http::{AnswerBody, HttpAnswer, HttpRequest, IoFailure, IoFailureKind, Sent};
use tokenway_core::moment::Millis;

use super::World;
use super::faults::{Fault, Line};
use super::processes::Doing;
use super::server::{self, Grant, Server};

/// How long a request takes to the server, and its answer back.
const LATENCY: Millis = Millis(20);

/// One refresh token on its way.
#[derive(Clone, Debug)]
pub struct Sending {
    /// The token.
    pub grant: Grant,
    /// Who sent it.
    pub process: usize,
    /// When, in milliseconds since the world began.
    pub at: u64,
    /// When its sender noted that it would be sent.
    pub noted_at: u64,
    /// What the sender knows of it.
    pub fate: Fate,
}

/// What a sender knows of a sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Nothing yet.
    InFlight,
    /// It was answered without being taken.
    Otherwise,
    /// The server will not take it again.
    Refused,
    /// Tokens came, and they are in the store.
    Saved,
    /// Tokens came.
    Tokens,
    /// Nothing will come any more: the sender died, or gave up.
    Unknown,
}

/// A request between a living sender and the server.
#[derive(Clone)]
pub(super) struct Flight {
    pub(super) request: HttpRequest,
    pub(super) left_at: u64,
    pub(super) sending: Option<usize>,
    pub(super) answer: Option<HttpAnswer>,
}

/// A request that is still on its way though nobody waits for its answer any more.
pub(super) struct Ghost {
    request: HttpRequest,
    pub(super) grant: Option<Grant>,
    /// When it lands; `None` where a scheduler decides.
    lands_at: Option<u64>,
    /// The instant after which it cannot land.
    ends: u64,
}

impl World {
    /// The bytes leave, if they still may: the check that every driver makes just before.
    pub(super) fn leave(&mut self, process: usize, request: HttpRequest) -> Doing {
        let elapsed = self.clock.elapsed();
        let too_late = request.not_after.is_some_and(|end| self.clock.now() > end);
        if too_late || request.lease.is_some_and(|lease| !self.store.holds(lease, elapsed)) {
            let why = if too_late { "it is too late to send it" } else { "the lease is not ours any more" };
            return Doing::Answered(not_sent(why));
        }
        let form = server::fields(&request.body);
        if let Some(code) = form.get("code") {
            if self.codes_posted.contains(code) {
                self.watch.broke(format!("I2: {code} was posted twice"));
            }
            self.codes_posted.push(code.clone());
        }
        let grant = form.get("refresh_token").and_then(|token| Server::grant_of(token));
        let sending = grant.map(|grant| {
            self.watch_sending(process, grant);
            let noted_at = self.processes[process].noted_at;
            self.sendings.push(Sending { grant, process, at: elapsed, noted_at, fate: Fate::InFlight });
            self.sendings.len() - 1
        });
        Doing::Flying(Flight { request, left_at: elapsed, sending, answer: None })
    }

    /// What a fault, or none, makes of a request that is about to leave.
    pub(super) fn fly(&mut self, process: usize, request: HttpRequest) {
        let by_line = match self.line {
            Line::Good => Fault::None,
            Line::NoRoute => Fault::NotSent,
            Line::Hole => Fault::RequestLost(request.deadline),
        };
        let fault = self.faults.pop_front().unwrap_or(by_line);
        if fault == Fault::NotSent {
            self.pass(LATENCY);
            self.processes[process].doing = Doing::Answered(not_sent("no route to host"));
            return;
        }
        let deadline = request.deadline;
        self.processes[process].doing = self.leave(process, request);
        if !matches!(self.processes[process].doing, Doing::Flying(_)) {
            return;
        }
        self.note(|| format!("process {process}: on the line: {fault:?}"));
        match fault {
            Fault::None | Fault::NotSent => {
                self.pass(LATENCY);
                self.serve(process);
                self.pass(LATENCY);
                self.arrive(process);
            }
            Fault::AnswerLost(after) => {
                self.pass(LATENCY);
                self.serve(process);
                self.pass(after.minus(LATENCY));
                self.lose(process, None);
            }
            Fault::RequestLost(after) => {
                self.pass(after);
                self.drop_request(process);
            }
            Fault::Late(after) => {
                let lands_at = self.clock.elapsed() + after.0;
                self.lose(process, Some(lands_at));
                let answered = std::mem::replace(&mut self.processes[process].doing, Doing::Idle);
                self.pass(deadline);
                self.processes[process].doing = answered;
            }
            Fault::Answer(reply) => {
                self.pass(LATENCY);
                let answer = reply.answer(self.clock.now());
                self.processes[process].doing = Doing::Answered(Outcome::Http(answer));
            }
            Fault::ActedAndAnswer(reply) => {
                self.pass(LATENCY);
                self.serve(process);
                let answer = reply.answer(self.clock.now());
                self.processes[process].doing = Doing::Answered(Outcome::Http(answer));
            }
        }
    }

    /// The request reaches the server.
    pub(super) fn serve(&mut self, process: usize) {
        let (elapsed, wall) = (self.clock.elapsed(), self.clock.now());
        let Doing::Flying(flight) = &mut self.processes[process].doing else { return };
        let answer = self.server.serve(&flight.request, elapsed, wall);
        let status = answer.status;
        flight.answer = Some(answer);
        self.note(|| format!("process {process}: the server acts: {status}"));
    }

    /// The answer reaches the process.
    pub(super) fn arrive(&mut self, process: usize) {
        let now = self.clock.now();
        let Doing::Flying(flight) = &mut self.processes[process].doing else { return };
        let Some(answer) = flight.answer.take() else { return };
        self.processes[process].doing = Doing::Answered(Outcome::Http(HttpAnswer { received_at: now, ..answer }));
    }

    /// The sender hears that nobody knows. A request that has not arrived yet goes on without it.
    pub(super) fn lose(&mut self, process: usize, lands_at: Option<u64>) {
        if let Doing::Flying(flight) = &self.processes[process].doing {
            self.haunt(flight.clone(), lands_at);
        }
        self.drop_request(process);
    }

    /// The sender hears that nobody knows, and the request is gone.
    pub(super) fn drop_request(&mut self, process: usize) {
        let detail = "connection reset by peer".to_owned();
        let failure = IoFailure { sent: Sent::MaybeSent, kind: IoFailureKind::Deadline, detail };
        self.processes[process].doing = Doing::Answered(Outcome::Failed(failure));
    }

    /// A request whose sender does not wait any more.
    pub(super) fn haunt(&mut self, flight: Flight, lands_at: Option<u64>) {
        if flight.answer.is_some() {
            return;
        }
        let grant = flight.sending.map(|sending| self.sendings[sending].grant);
        let ends = flight.left_at + flight.request.deadline.0;
        self.ghosts.push(Ghost { request: flight.request, grant, lands_at, ends });
    }

    pub(super) fn ghosts(&self) -> usize {
        self.ghosts.len()
    }

    /// A request without a sender reaches the server.
    pub(super) fn land(&mut self, ghost: usize) {
        if ghost >= self.ghosts.len() {
            return;
        }
        let ghost = self.ghosts.remove(ghost);
        let answer = self.server.serve(&ghost.request, self.clock.elapsed(), self.clock.now());
        self.note(|| format!("a late request lands: {:?}: {}", ghost.grant, answer.status));
    }

    /// Time passes; what was to land in it lands at its instant.
    pub fn pass(&mut self, span: Millis) {
        let until = self.clock.elapsed() + span.0;
        loop {
            let due = |ghost: &Ghost| ghost.lands_at.is_some_and(|at| at <= until);
            let next =
                (0..self.ghosts.len()).filter(|at| due(&self.ghosts[*at])).min_by_key(|at| self.ghosts[*at].lands_at);
            let Some(ghost) = next else { break };
            let at = self.ghosts[ghost].lands_at.unwrap_or(until);
            self.clock.pass(Millis(at.saturating_sub(self.clock.elapsed())));
            self.land(ghost);
        }
        self.clock.pass(Millis(until - self.clock.elapsed()));
        self.ghosts.retain(|ghost| ghost.lands_at.is_some() || ghost.ends > until);
        self.wake();
    }
}

/// What an outcome tells the sender.
pub(super) fn fate(outcome: &Outcome) -> Fate {
    let Outcome::Http(answer) = outcome else { return Fate::Unknown };
    let body = match &answer.body {
        AnswerBody::Text(text) => text.expose(),
        AnswerBody::Bytes(_) | AnswerBody::TooLarge => "",
    };
    match answer.status {
        200..=299 if body.contains("virtual-") => Fate::Tokens,
        200..=299 | 500..=599 => Fate::Unknown,
        _ if body.contains("invalid_grant") => Fate::Refused,
        _ => Fate::Otherwise,
    }
}

pub(super) fn not_sent(detail: &str) -> Outcome {
    Outcome::Failed(IoFailure { sent: Sent::NotSent, kind: IoFailureKind::Unreachable, detail: detail.to_owned() })
}
