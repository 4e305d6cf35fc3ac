//! Where the authorization server may send the person back to (RFC 8252 section 7).

use serde::{Deserialize, Serialize};

use crate::json::object;
use crate::wire::text;

/// The loopback redirect that is registered for a client.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redirect {
    /// `127.0.0.1`, `[::1]` or `localhost`, as registered.
    #[serde(default = "loopback")]
    pub host: String,
    /// The registered ports, in order of preference. Empty: any free port (RFC 8252 section 7.3).
    #[serde(default)]
    pub ports: Vec<u16>,
    /// The registered path, from the slash on.
    #[serde(default = "callback")]
    pub path: String,
}

object!(strict Redirect { host or loopback(), ports or Vec::new(), path or callback() });

impl Default for Redirect {
    fn default() -> Self {
        Redirect { host: loopback(), ports: Vec::new(), path: callback() }
    }
}

impl Redirect {
    /// The redirect URIs in order of preference; port 0 stands for any free one.
    #[must_use]
    pub fn uris(&self) -> Vec<String> {
        let any = [0];
        let ports: &[u16] = if self.ports.is_empty() { &any } else { &self.ports };
        let mut uris = Vec::new();
        for port in ports {
            uris.push(text::joined(&["http://", &self.host, ":", &text::decimal(*port), &self.path]));
        }
        uris
    }
}

fn loopback() -> String {
    "127.0.0.1".to_owned()
}

fn callback() -> String {
    "/callback".to_owned()
}
