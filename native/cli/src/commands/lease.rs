//! `tokenway lease PROVIDER`: an access token for a container or another machine, without what renews it.

use serde_json::{Value, json};
use tokenway::lease::Lease;

use super::token::{lent, wish};
use crate::args::LeaseArgs;
use crate::exit::Stopped;
use crate::output::Answer;
use crate::settings::{Purpose, Settings};
use crate::text::{instant, relative};

pub(crate) async fn run(args: &LeaseArgs) -> Result<Answer, Stopped> {
    let settings = Settings::named_or_only(&args.target, Purpose::Tokens(args.timing)).await?;
    let (token, _notes) = lent(&settings, wish(args.min_ttl), &args.target.common).await?;
    let lease = Lease::of(&token, &settings.config);
    let Some(file) = &args.out else {
        let text = lease.to_json().expose().to_owned();
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        return Ok(Answer { text, json });
    };
    lease.write(file).map_err(|failure| Stopped::configuration(failure.detail))?;
    let end = match lease.expires_at() {
        Some(at) => format!("It ends {} ({}).", relative(at), instant(at)),
        None => "Its life is not known.".to_owned(),
    };
    let text = format!("The lease of {} is in {}. {end} Nothing in it renews.", lease.key(), file.display());
    let json = json!({ "key": lease.key(), "file": file, "expires_at": lease.expires_at().map(|at| at.0) });
    Ok(Answer { text, json })
}
