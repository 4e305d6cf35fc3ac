//! What a lease is good for where its login is not: `token --lease FILE`, `status --lease FILE`. Sends nothing, ever.

use std::path::Path;

use serde_json::json;
use tokenway::AccessToken;
use tokenway::lease::{Lease, LeaseOver};
use tokenway_core::lifecycle::record::CredentialKey;
use tokenway_core::lifecycle::{TokenNote, Wish};

use crate::args::{Leased, Target};
use crate::exit::{Code, Stopped};
use crate::output::{Answer, say};
use crate::settings;
use crate::text::{expiry, instant, lease_command};

/// The lease that is to be used instead of a login.
pub(super) fn named(args: &Leased, target: &Target) -> Result<Option<Lease>, Stopped> {
    let Some(file) = args.lease.as_deref().filter(|file| *file != Path::new("")) else { return Ok(None) };
    let lease = Lease::read(file).map_err(|error| {
        let next =
            "Write it with `tokenway lease --out FILE` where the login is kept; --lease or TOKENWAY_LEASE names it.";
        Stopped::configuration(format!("the lease in {}: {error}", file.display())).with_next(next)
    })?;
    if !target.fits(lease.key()) {
        return Err(Stopped::usage(format!("the lease in {} is of another login: {}", file.display(), lease.key())));
    }
    Ok(Some(lease))
}

/// The token, and what was said about it.
pub(super) fn token(lease: &Lease, wish: &Wish) -> Result<(AccessToken, Vec<String>), Stopped> {
    const SHORT: &str = "the lease ends sooner than you asked for, and is not renewed here";
    let token = lease.token(wish).map_err(over)?;
    if !token.notes().contains(&TokenNote::ShortLived) {
        return Ok((token, Vec::new()));
    }
    say(&format!("tokenway: {SHORT}"));
    Ok((token, vec![SHORT.to_owned()]))
}

pub(super) fn status(lease: &Lease) -> Answer {
    let renewal = format!("on {}, by: {}", lease.host(), renewal(lease.key()));
    let usable = lease.token(&Wish::default()).is_ok();
    let end = match lease.expires_at() {
        Some(at) => format!("{} ({})", expiry(at, usable), instant(at)),
        None => "its life is not known".to_owned(),
    };
    let text =
        format!("{}: leased {}\n  access token: {end}\n  renewal: {renewal}", lease.key(), instant(lease.leased_at()));
    let json = json!({
        "key": lease.key(),
        "standing": if usable { "fresh" } else { "expired" },
        "expires_at": lease.expires_at().map(|at| at.0),
        "leased_at": lease.leased_at().0,
        "leased_from": lease.host(),
        "renewable": false,
    });
    Answer { text, json }
}

/// The next step is one for the machine that the login is on.
fn over(over: LeaseOver) -> Stopped {
    let next = format!("Take a new lease on {}, where the login is kept: {}", over.host, renewal(&over.key));
    Stopped { code: Code::LogIn, ..Stopped::failure(over.into(), "") }.with_next(next)
}

fn renewal(key: &CredentialKey) -> String {
    // A command with a flag too many works as well.
    let providers = settings::providers().unwrap_or_default();
    lease_command(key, providers.iter().find(|provider| provider.id == key.provider))
}
