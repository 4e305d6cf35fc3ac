//! The manual: what does not belong to a single item.
//!
//! - [`driving`]: how to write a driver of your own.
//! - [`renewing`]: why the refresh transaction is as it is.
//! - [`snapshots`]: logins that outlive their process.
//! - [`threats`]: who may attack, what is promised, what is not.

pub mod driving {
    //! # Writing a driver
    //!
    //! A driver is one loop around [`Session`](crate::session::Session) and one `match` over
    //! [`Action`](crate::action::Action). The table of what answers what is
    //! [`Action::accepts`](crate::action::Action::accepts); `Failed` answers everything.
    //!
    //! What a driver owes the machine:
    //! 1. **Perform each action once.** Polling twice is harmless, performing twice is not. Never retry by yourself:
    //!    the machine asks again where that is safe.
    //! 2. **Say truthfully whether a request may have left**: `NotSent` only when no byte of it can have, else
    //!    `MaybeSent` ([`Sent`](crate::http::Sent)). A refresh token whose fate is unknown is treated with care.
    //! 3. **Ask last.** Just before the bytes of a request leave, check its `not_after` by a wall clock and a monotonic
    //!    one, and that its lease is still held; else answer `NotSent`.
    //! 4. **Follow no redirects, retry nothing, pool nothing** for single-use requests; read at most
    //!    [`MAX_BODY`](crate::http::MAX_BODY) bytes.
    //! 5. **Fresh entropy for every moment**, from the system. Nothing random is stored.
    //! 6. **`Save`, `Delete` and `Note` are durable when they answer**, and compare in one atomic step.
    //! 7. **A callback is handed over whole**, before anything looks at it. After an
    //!    [`Ignored`](crate::session::Progress::Ignored) answer the stranger and keep the socket.
    //! 8. **From the sending of a refresh token to the save nothing is cancelled**: run it where a caller that goes
    //!    away does not take it along.
}

pub mod renewing {
    //! # Why a renewal takes so many steps
    //!
    //! A rotating refresh token can be spent once; whoever spends it twice is taken for a thief, and the whole login is
    //! revoked (RFC 9700 section 4.14.2). So:
    //!
    //! - **Lock, then load again.** What was read before the lock is a rumour: another process may have renewed.
    //! - **The intent is written before the sending**, so that a process that dies in between leaves word of it.
    //! - **An answer that never came is unknown, not failed.** The same token is sent again a second later (grace
    //!   windows of servers are short), then at most once per request deadline, until the server refuses.
    //! - **A late arrival can kill the next token.** Before the *next* rotation starts, every earlier sending of unknown
    //!   fate must have landed or can land no more; `not_after` bounds how late that can be.
    //! - **Saved before shown.** What a caller has seen and the store has not is lost with the process.
    //! - **Only a refusal ends a login.** Timeouts, 5xx, 429 and HTML pages do not, and nothing deletes what is stored.
    //! - **Due is not dead.** While the token lives, trouble is a note beside it.
}

pub mod snapshots {
    //! # Logins that outlive their process
    //!
    //! `Session::<Login>::checkpoint` gives the bytes to store after each advance, `Session::<Login>::resume` goes on
    //! from them in another process; ids of the old one are stale.
    //!
    //! - A snapshot holds `state`, verifier and nonce: store it where tokens may be stored. It holds no client secret
    //!   and no token.
    //! - `Begin` replaces it by a stub, atomically, before the code is spent: the one claim for every way a redirect can
    //!   arrive. Whoever finds the stub says "interrupted, log in again": a code may be spent once (RFC 6749 4.1.2).
    //! - A resumed login listens on exactly the redirect URI it had, or ends.
    //! - The format has a number. Another number is an error that means "log in again", never a guess.
    //! - [`GetToken`](crate::lifecycle::GetToken) and [`Logout`](crate::lifecycle::Logout) have none: record and ledger
    //!   are their snapshot.
}

pub mod threats {
    //! # Threats
    //!
    //! | who | may | and gets |
    //! | --- | --- | --- |
    //! | the authorization server | answer anything, at any length | no panic, bounded memory and time, its text cleaned |
    //! | other programs here | talk to the loopback port | an answer; the login goes on |
    //! | web pages | send the browser to the redirect URI | ignored without the exact `state` |
    //! | another authorization server | mix itself in | refused by `iss` (RFC 9207), issuer and endpoint of record |
    //! | other users of the machine | read files | 0600 from birth, in a folder 0700 |
    //!
    //! Not promised: protection from programs of the same user, from an administrator, or of a stolen disk without
    //! encryption. Claims are read, not validated: do not take them as a proof of identity.
}
