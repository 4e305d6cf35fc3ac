//! The driver of tokenway for places where `fetch` is the network: the service worker of an extension, a web page, Node.
//!
//! Two levels cross into JavaScript. [`session`] is the machine itself, synchronous, for whoever drives it on their own.
//! [`flows`] runs a flow to its end: the loop of the design, on `fetch`, over the [`world::World`] that the npm package's
//! TypeScript modules implement. No exported function holds a borrow while something is awaited, so that any number of
//! calls may be on their way at once.
//!
//! Values cross as plain data, in the JSON form of the transcripts: each survives `JSON.stringify` and
//! `structuredClone`. What is thrown is plain data too; the package turns it into subclasses of `Error`.

mod config;
mod driver;
pub mod flows;
mod http;
mod moment;
pub mod session;
mod thrown;
mod time;
mod value;
pub mod world;
