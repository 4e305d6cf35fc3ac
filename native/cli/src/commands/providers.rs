//! `tokenway providers`: who is known by name.

use serde_json::json;

use crate::args::ProvidersArgs;
use crate::exit::Stopped;
use crate::output::Answer;
use crate::settings;

pub(crate) fn run(_args: &ProvidersArgs) -> Result<Answer, Stopped> {
    let providers = settings::providers()?;
    let line = |id: &str, name: &str, at: &str| format!("{id:<12} {name:<28} {at}");
    let lines: Vec<String> = providers
        .iter()
        .map(|provider| line(&provider.id, &provider.name, provider.issuer.as_deref().unwrap_or("endpoints only")))
        .collect();
    Ok(Answer { text: lines.join("\n"), json: json!({ "providers": providers }) })
}
