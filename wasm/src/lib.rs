//! The driver of tokenway for places where `fetch` is the network: the service worker of an extension, a web page, Node.
//!
//! [`session`] is the machine as JavaScript sees it: synchronous, for whoever drives it on their own, or run to its end by
//! the loop of the design, on `fetch`, over the [`world::World`] that the npm package's TypeScript modules implement. No
//! exported function holds a borrow while something is awaited, so that any number of calls may be on their way at once.
//!
//! Values cross as plain data, in the JSON form of the transcripts: each survives `JSON.stringify` and
//! `structuredClone`. What is thrown is plain data too; the package turns it into subclasses of `Error`.

pub mod config;
mod driver;
mod http;
mod moment;
pub mod session;
mod thrown;
mod time;
mod value;
pub mod world;

#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();
