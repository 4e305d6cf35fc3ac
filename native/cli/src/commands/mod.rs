//! One command a file.

pub(crate) mod import;
pub(crate) mod lease;
pub(crate) mod leased;
pub(crate) mod list;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod providers;
pub(crate) mod replay;
pub(crate) mod status;
pub(crate) mod store;
pub(crate) mod token;

use std::sync::Arc;

use tokenway::driver::{NoObserver, Observer};

use crate::args::Common;
use crate::timeline::Timeline;

/// Who watches: a timeline with `-v`, nobody without.
fn observer(common: &Common) -> Arc<dyn Observer> {
    if common.verbose { Arc::new(Timeline::default()) } else { Arc::new(NoObserver) }
}
