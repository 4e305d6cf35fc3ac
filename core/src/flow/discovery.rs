//! Finds the endpoints of an issuer (RFC 8414 section 3). A child of [`crate::flow::Login`].
//!
//! ```text
//!  place 1 --not here--> place 2 --not here--> place 3 --not here--> failed
//!     `------ metadata -----+--------------------'`--> done
//! ```

use crate::action::Action;
use crate::config::check_endpoint;
use crate::error::{Failure, FailureKind, FlowStep, NextStep};
use crate::event::Outcome;
use crate::http::{Body, HttpRequest, Method, Sent};
use crate::json::object;
use crate::machine::{Machine, Next};
use crate::moment::{Millis, Moment};
use crate::wire::metadata::{self, Metadata, MetadataError};
use crate::wire::text;
use crate::wire::token_request::accept_json;

/// How often a place is asked whose answer broke off.
const TRIES: u8 = 2;

/// How long to leave a server in trouble alone.
const RETRY_AFTER: Millis = Millis::seconds(5);

/// Asks one place after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "model", derive(Hash))]
pub(crate) struct Discovery {
    issuer: String,
    place: String,
    more: Vec<String>,
    tries: u8,
    deadline: Millis,
}

object!(Discovery { issuer, place, more, tries, deadline });

impl Discovery {
    /// `None` when the issuer is not a URL, which a checked configuration rules out.
    pub(crate) fn new(issuer: &str, deadline: Millis) -> Option<Self> {
        let url = check_endpoint(issuer).ok()?;
        let mut more = metadata::locations(&url);
        let place = more.remove(0);
        Some(Discovery { issuer: issuer.to_owned(), place, more, tries: 1, deadline })
    }

    fn next_place(mut self, why: String) -> Next<Self, Metadata> {
        if self.more.is_empty() {
            let seen = self.seen(&text::joined(&[&why, ", and there is no other place to look"]));
            return fail(FailureKind::Misconfigured, seen, self.check_issuer(", or give the endpoints."));
        }
        self.place = self.more.remove(0);
        self.tries = 1;
        Next::Continue(self)
    }

    /// What was found at the place. A place, and an issuer, may come from a snapshot that somebody tampered with.
    fn seen(&self, why: &str) -> String {
        text::joined(&[&text::name_for_people(&self.place), ": ", why])
    }

    fn check_issuer(&self, or: &str) -> NextStep {
        NextStep::fix(text::joined(&["Check the issuer ", &text::name_for_people(&self.issuer), or]))
    }
}

impl Machine for Discovery {
    type Output = Metadata;
    const NAME: &'static str = "discovery";

    fn action(&self) -> Action {
        Action::Fetch(HttpRequest {
            method: Method::Get,
            url: self.place.clone(),
            headers: vec![accept_json()],
            body: Body::Empty,
            single_use: false,
            not_after: None,
            lease: None,
            deadline: self.deadline,
        })
    }

    fn advance(mut self, outcome: Outcome, moment: Moment) -> Next<Self, Metadata> {
        let answer = match outcome.http() {
            Ok(answer) => answer,
            Err(failure) if failure.sent == Sent::MaybeSent && self.tries < TRIES => {
                self.tries += 1;
                return Next::Continue(self);
            }
            Err(failure) => {
                let at = moment.now.plus(RETRY_AFTER);
                return Next::Fail(Failure::io(FlowStep::Discovery, &failure, at));
            }
        };
        match metadata::read(&answer, &self.issuer) {
            Ok(metadata) => Next::Done(metadata),
            Err(MetadataError::NotHere(why)) => self.next_place(why),
            Err(MetadataError::Trouble(why)) => {
                let next = NextStep::RetryAt { at: moment.now.plus(RETRY_AFTER) };
                fail(FailureKind::ServerTrouble, self.seen(&why), next)
            }
            Err(MetadataError::Unusable(why)) => fail(FailureKind::Misbehaved, self.seen(&why), self.check_issuer(".")),
        }
    }
}

fn fail(kind: FailureKind, detail: String, next: NextStep) -> Next<Discovery, Metadata> {
    Next::Fail(Failure::boxed(FlowStep::Discovery, kind, detail, next))
}
