//! The store in Redis: its address is in the environment, because it may hold a password, and everybody can read the
//! arguments of a command.

use std::sync::Arc;

use tokenway::store::Store;

use crate::exit::Stopped;

/// `redis://` or `rediss://`, with user and password if the server wants them.
#[cfg(feature = "redis")]
const VARIABLE: &str = "TOKENWAY_REDIS_URL";

/// Nothing is connected yet.
#[cfg(feature = "redis")]
pub(super) fn store() -> Result<Arc<dyn Store>, Stopped> {
    use tokenway::store::{RedisOptions, RedisStore};

    let Some(url) = std::env::var(VARIABLE).ok().filter(|url| !url.is_empty()) else {
        return Err(Stopped::configuration("the Redis store needs an address")
            .with_next(format!("Set {VARIABLE} to rediss://USER:PASSWORD@HOST/DATABASE.")));
    };
    let options = RedisOptions { extra_ca: crate::settings::extra_ca(), ..RedisOptions::new(url) };
    let store = RedisStore::new(options)
        .map_err(|error| Stopped::configuration(error.to_string()).with_next(format!("Set {VARIABLE} anew.")))?;
    Ok(Arc::new(store))
}

#[cfg(not(feature = "redis"))]
pub(super) fn store() -> Result<Arc<dyn Store>, Stopped> {
    Err(Stopped::configuration("this tokenway was built without Redis")
        .with_next("Install it with: cargo install tokenway-cli --features redis"))
}
