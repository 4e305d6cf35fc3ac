//! What a network can do to a renewal, on a real wire to a real server. Whatever it does, the login works afterwards, or
//! the honest sentence is said.

mod cuts;
mod gone;
mod lost;
mod trouble;
mod wire;
