//! A configuration as data, and the way back: transcripts carry it.

use serde::{Deserialize, Serialize};

use super::{Client, ClientAuthentication, Config, ConfigError, Timing};
use crate::provider::Provider;
use crate::secret::{self, Secret};

/// What [`Config::builder`] was told.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConfigData {
    pub(crate) account: String,
    #[serde(with = "secret::exposed_option")]
    pub(crate) client_secret: Option<Secret>,
    /// `None`: those of the provider.
    pub(crate) redirect_uri: Option<String>,
    pub(crate) resources: Vec<String>,
    pub(crate) timing: Timing,
    pub(crate) provider: Provider,
}

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
    /// Checks everything again: data may come from strangers.
    pub(crate) fn build(self) -> Result<Config, ConfigError> {
        let mut builder = Config::builder(self.provider).account(self.account).timing(self.timing);
        if let Some(secret) = self.client_secret {
            builder = builder.client_secret(secret);
        }
        if let Some(uri) = self.redirect_uri {
            builder = builder.redirect_uri(uri);
        }
        self.resources.into_iter().fold(builder, super::Builder::resource).build()
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
