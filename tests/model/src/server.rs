//! An authorization server that rotates refresh tokens and detects their reuse (RFC 9700 section 4.14.2).

use crate::wire::{Grant, Reply, Wire};

/// The server's memory: one chain of refresh tokens for each login, the first of which stands from the beginning.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Server {
    families: Vec<Family>,
    /// A token was taken for a stolen one.
    pub(crate) reuse: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Family {
    Alive { current: u8 },
    Revoked,
    Unborn,
}

impl Server {
    /// One login stands, `logins` more may come.
    #[must_use]
    pub(crate) fn new(logins: u8) -> Self {
        let mut families = vec![Family::Unborn; usize::from(logins) + 1];
        families[0] = Family::Alive { current: 0 };
        Server { families, reuse: false }
    }

    /// A request arrives. With a grace window the token before the current one is taken, too, and brings the current one.
    pub(crate) fn serve(&mut self, wire: Wire, grace: bool) -> Reply {
        let family = &mut self.families[usize::from(wire.family())];
        match (wire, *family) {
            (Wire::Code(login), Family::Unborn) => {
                *family = Family::Alive { current: 0 };
                Reply::Tokens(Grant { family: login, index: 0 })
            }
            (Wire::Code(_), Family::Alive { .. } | Family::Revoked) => {
                *family = Family::Revoked;
                Reply::Refused
            }
            (Wire::Refresh(grant), Family::Alive { current }) if grant.index == current => {
                *family = Family::Alive { current: current + 1 };
                Reply::Tokens(Grant { index: current + 1, ..grant })
            }
            (Wire::Refresh(grant), Family::Alive { current }) if grace && grant.index + 1 == current => {
                Reply::Tokens(Grant { index: current, ..grant })
            }
            (Wire::Refresh(_), Family::Alive { .. }) => {
                *family = Family::Revoked;
                self.reuse = true;
                Reply::Refused
            }
            (Wire::Refresh(_), Family::Revoked | Family::Unborn) => Reply::Refused,
            (Wire::Revoke(_), _) => {
                *family = Family::Revoked;
                Reply::Done
            }
        }
    }
}
