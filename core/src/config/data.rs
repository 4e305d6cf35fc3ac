//! A configuration as data, and the way back: transcripts carry it.

use serde::{Deserialize, Serialize};

use super::builder::{self, DEFAULT_ACCOUNT};
use super::{Client, ClientAuthentication, Config, ConfigError, Timing};
use crate::json::object;
use crate::provider::Provider;
use crate::secret::{self, Secret};

/// What [`Config::builder`] was told, as it stands in the first line of a transcript.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfigData {
    pub(crate) account: String,
    #[serde(with = "secret::exposed_option")]
    pub(crate) client_secret: Option<Secret>,
    /// `None`: those of the provider.
    pub(crate) redirect_uri: Option<String>,
    pub(crate) resources: Vec<String>,
    pub(crate) timing: Timing,
    pub(crate) provider: Provider,
}

object!(read strict ConfigData {
    account or DEFAULT_ACCOUNT.to_owned(), client_secret, redirect_uri, resources or Vec::new(), timing or Timing::default(), provider
});

impl Config {
    pub(crate) fn data(&self) -> ConfigData {
        let own_redirect = self.redirect_uris != self.provider.redirect.uris();
        ConfigData {
            account: self.key.account.clone(),
            client_secret: self.client.secret().cloned(),
            redirect_uri: self.redirect_uris.first().filter(|_| own_redirect).cloned(),
            resources: self.resources.clone(),
            timing: self.timing,
            provider: self.provider.clone(),
        }
    }
}

impl ConfigData {
    pub(super) fn new(provider: Provider) -> Self {
        ConfigData {
            account: DEFAULT_ACCOUNT.to_owned(),
            client_secret: None,
            redirect_uri: None,
            resources: Vec::new(),
            timing: Timing::default(),
            provider,
        }
    }

    /// Checks everything.
    ///
    /// # Errors
    /// The first setting that cannot work, by name.
    pub fn build(self) -> Result<Config, ConfigError> {
        builder::checked(self)
    }
}

impl Client {
    pub(crate) fn secret(&self) -> Option<&Secret> {
        match &self.authentication {
            ClientAuthentication::Basic(secret) | ClientAuthentication::Post(secret) => Some(secret),
            ClientAuthentication::PublicClient => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::AuthenticationMethod;

    #[test]
    fn a_configuration_survives_the_way_through_data() {
        let provider = Provider::generic("https://as.example");
        let plain = Config::builder(provider.clone()).client_id("native").build().unwrap();
        let full = Config::builder(provider)
            .client_id("native")
            .account("work")
            .client_secret("s3cret".into())
            .client_authentication(AuthenticationMethod::Post)
            .redirect_uri("http://127.0.0.1:7777/back")
            .resource("https://api.example/")
            .scopes(["openid", "read"])
            .authorize_parameter("prompt", "login")
            .build()
            .unwrap();
        for config in [plain, full] {
            let text = serde_json::to_string(&config.data()).unwrap();
            let data: ConfigData = serde_json::from_str(&text).unwrap();
            assert!(data.build().unwrap() == config);
        }
    }
}
