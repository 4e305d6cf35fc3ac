//! Who is logged in, as the tokens say. Read, never validated: a claim here opens no door. It will be shown to people, so
//! it is cleaned and bounded like every text of a server.

use crate::named::Named;
use crate::provider::{IdentityClaim, Provider, TokenName};
use crate::secret::Secret;
use crate::wire::jwt::{self, Claims};
use crate::wire::text;

/// The provider's claims, from the first place that has each.
pub(crate) fn read(provider: &Provider, access_token: &Secret, id_token: Option<&Secret>) -> Named<String> {
    let access = jwt::claims(access_token.expose()).ok();
    let id = id_token.and_then(|token| jwt::claims(token.expose()).ok());
    let find = |claim: &IdentityClaim| {
        claim.places.iter().find_map(|place| {
            let claims: Option<&Claims> = match place.token {
                TokenName::AccessToken => access.as_ref(),
                TokenName::IdToken => id.as_ref(),
            };
            let path: Vec<&str> = place.path.iter().map(String::as_str).collect();
            claims?.text(&path).map(|text| text::for_people(&text)).filter(|text| !text.is_empty())
        })
    };
    let mut claims = Named::new();
    for claim in &provider.identity {
        if let Some(text) = find(claim) {
            claims.insert(claim.name.clone(), text);
        }
    }
    claims
}

/// The first claim that the provider demands and the tokens lack.
pub(crate) fn missing<'a>(provider: &'a Provider, claims: &Named<String>) -> Option<&'a str> {
    provider
        .identity
        .iter()
        .find(|claim| claim.required && !claims.contains_key(&claim.name))
        .map(|claim| claim.name.as_str())
}

/// The first claim that must stay and did not. What the new tokens leave out has not changed.
pub(crate) fn changed<'a>(provider: &'a Provider, before: &Named<String>, after: &Named<String>) -> Option<&'a str> {
    let differs = |name: &str| before.get(name).zip(after.get(name)).is_some_and(|(before, after)| before != after);
    provider.identity.iter().find(|claim| claim.fixed && differs(&claim.name)).map(|claim| claim.name.as_str())
}
