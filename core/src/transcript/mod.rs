//! Transcripts: what a run asked for and was told, as a file that can be read, shared and run again.
//!
//! A transcript is JSON lines: a header (format, version, flow, configuration, first moment), then for each step the
//! action and the event that answered it, then the end. It holds data only, and *stand-ins* where the run had secrets.
//!
//! ```text
//!  the driver        Recording::of_login --step--> --step--> ...      in memory, with secrets
//!                        | redacted(): every position replaced, run again on a fresh session, searched for leaks
//!  a file            Transcript  --parse-->  replay(): every action and the end, byte for byte
//! ```
//!
//! ```
//! use tokenway_core::transcript::{Recording, Transcript};
//! # use tokenway_core::{config::Config, event::*, lifecycle::*, moment::*, provider::Provider, session::*};
//! # let config = Config::builder(Provider::generic("https://as.example")).client_id("native").build()?;
//! # let moment = Moment { now: UnixMillis(0), entropy: [1; 32] };
//! let mut logout = Logout::start(&config, Scope::LocalOnly, moment);
//! let mut recording = Recording::of_logout(&config, Scope::LocalOnly, moment);
//! while let Step::Act { id, action } = logout.poll() {
//!     assert_eq!(action.name(), "load");
//!     let event = Event { id, outcome: Outcome::Loaded(None) };
//!     recording.step(moment, &event);
//!     logout.handle(moment, event)?;
//! }
//! let text = recording.redacted()?.text();
//! assert_eq!(Transcript::parse(&text)?.replay()?.end, "nobody was logged in, not revoked");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Redaction
//! It goes by position, never by pattern: whatever stands where a secret stands (entropy, client secret, `state`, code,
//! tokens, claims, names) is replaced, equal secrets by equal stand-ins, hashes of known tokens by the hashes of their
//! stand-ins, JWTs by new ones whose checked claims still hold. Headers and members are kept by an allow-list, and of free
//! texts (error descriptions, causes of trouble) the plain words, without those that this run knows to be private. Then a
//! fresh session is run on what is left, so that challenges and hashes hold. Nothing is handed out unless that run takes
//! the same kinds of steps as the real one, and unless no secret of the real one is found in the text, raw or encoded.
//!
//! # Replay
//! Exact within a format: [`Transcript::replay`] compares every action line and the end byte for byte.

mod end;
mod format;
mod leak;
mod play;
mod record;
mod redact;
mod replay;

pub use end::{End, Ends, LoginRemark, Shown, TokenRemark};
pub use format::{FORMAT, Transcript, Unreadable};
pub use record::{NotRedacted, Recording};
pub use redact::SecretKind;
pub use replay::{Difference, Summary};

use crate::lifecycle::{Scope, Wish};

/// Which flow a transcript tells, and what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flow {
    /// [`crate::lifecycle::GetToken`].
    GetToken {
        /// What the caller wanted of the token.
        wish: Wish,
    },
    /// [`crate::flow::Login`].
    Login,
    /// [`crate::lifecycle::Logout`].
    Logout {
        /// Whether the server is told.
        scope: Scope,
    },
}
