//! A request to an API with a token that is always good.
//!
//! `cargo run --example call_api -- ISSUER CLIENT_ID URL`: the first time it logs in, then it just works.

use std::env::args;
use std::error::Error;

use tokenway::Client;
use tokenway::core::config::Config;
use tokenway::core::error::NextStep;
use tokenway::core::provider::Provider;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let [issuer, client_id, url] = args().skip(1).collect::<Vec<_>>().try_into().map_err(|_| "ISSUER CLIENT_ID URL")?;
    let config = Config::builder(Provider::generic(issuer)).client_id(client_id).build()?;
    let client = Client::builder(config).build()?;

    let token = match client.token().await {
        Err(failure) if failure.next == NextStep::LogIn => {
            client.login().await?;
            client.token().await?
        }
        token => token?,
    };
    let answer =
        reqwest::Client::new().get(&url).header("authorization", token.authorization().expose()).send().await?;
    if answer.status() == 401 {
        // The next `token()` brings another one.
        client.invalidate(&token);
    }
    let status = answer.status();
    say(&format!("{status}\n{}", answer.text().await?));

    // What is on its way to the store gets there before the program ends.
    client.close().await;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the answer is what the person asked for")]
fn say(text: &str) {
    println!("{text}");
}
