//! The command `tokenway`.
fn main() {}
