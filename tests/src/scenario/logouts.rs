use tokenway_core::event::Outcome;
use tokenway_core::lifecycle::{Logout, Scope};
use tokenway_core::moment::Millis;

use super::{Standing, config, endpoints, http, loaded, lost, marked, moment, record, unable, walk};

pub(super) fn standing() -> Vec<Standing<Logout>> {
    let mut standing = Vec::new();
    let config = config(Some(endpoints()));
    let stored = || record(Millis::seconds(600));
    let everywhere = || Logout::start(&config, Scope::Everywhere, moment(0));
    let renewed = || Box::new(super::Record { generation: 9, ..stored() });

    let whole = [loaded(stored()), Outcome::Saved, http(200, ""), http(200, ""), Outcome::Conflict(Some(renewed()))];
    walk(&mut standing, "a logout", &config, everywhere(), whole);
    let overtaken = [loaded(stored()), Outcome::Conflict(Some(renewed()))];
    walk(&mut standing, "a logout that a renewal overtook", &config, everywhere(), overtaken);
    let offline = [loaded(stored()), Outcome::Saved, lost()];
    walk(&mut standing, "a logout offline", &config, everywhere(), offline);
    let full = [loaded(stored()), unable(), http(200, ""), http(200, "")];
    walk(&mut standing, "a logout on a full disk", &config, everywhere(), full);
    let half = [loaded(marked(stored())), http(200, "")];
    walk(&mut standing, "a logout that another began", &config, everywhere(), half);
    let local = Logout::start(&config, Scope::LocalOnly, moment(0));
    walk(&mut standing, "a local logout", &config, local, [loaded(stored())]);
    standing
}
