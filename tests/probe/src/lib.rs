//! A whole login and a whole token request as exported functions, for `wasm32-unknown-unknown`.

mod drive;

/// Logs in at `now` (seconds since 1970). Returns how many actions that took; 0 when it failed.
// Safe: no other symbol of the module has this name.
#[unsafe(no_mangle)]
pub extern "C" fn login(now: u32, seed: u8) -> u32 {
    drive::login(now, seed).unwrap_or_default()
}

/// Logs in at `now`, and asks for a token once the access token has died. Returns how many actions that took; 0 when it
/// failed.
// Safe: no other symbol of the module has this name.
#[unsafe(no_mangle)]
pub extern "C" fn get_token(now: u32, seed: u8) -> u32 {
    drive::get_token(now, seed).unwrap_or_default()
}
