//! Stands in for the person: opens the page, clicks Allow, and lets the redirects take their course.

use std::fmt;

use reqwest::header::{CONTENT_TYPE, LOCATION};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, Url};

/// What the built-in approver could not do, and what it saw.
#[derive(Debug)]
pub(crate) struct NotApproved {
    step: &'static str,
    seen: String,
}

impl fmt::Display for NotApproved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the built-in approver could not {}: {}. Use --browser to approve by hand.", self.step, self.seen)
    }
}

impl std::error::Error for NotApproved {}

/// Does what a person clicking Allow does: gets the page at `url`, posts its form, gets the client's callback, and
/// follows the client's own redirect to its last page.
///
/// # Errors
/// When a step of the way does not answer as the demo's own server and a client do.
pub(crate) async fn approve(url: &str) -> Result<(), NotApproved> {
    let step = "open the page";
    let client = Client::builder().no_proxy().redirect(Policy::none()).build().map_err(failed(step))?;
    let answer = client.get(url).send().await.map_err(failed(step))?;
    let consent = answer.url().join("/consent").map_err(|error| NotApproved { step, seen: error.to_string() })?;
    let page = answer.text().await.map_err(failed(step))?;

    let step = "click Allow";
    let question = question_of(&page).ok_or_else(|| NotApproved { step, seen: "the page asks nothing".to_owned() })?;
    let form = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("question", question), ("decision", "allow")])
        .finish();
    let request = client.post(consent).header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form);
    let answer = request.send().await.map_err(failed(step))?;
    let callback = target_of(&answer)
        .ok_or_else(|| NotApproved { step, seen: format!("status {} without a redirect", answer.status()) })?;

    let step = "go back to the client";
    let answer = client.get(callback).send().await.map_err(failed(step))?;
    if let Some(page) = target_of(&answer) {
        client.get(page).send().await.map_err(failed(step))?;
    }
    Ok(())
}

/// The URL of the callback holds the code, so no URL is shown.
fn failed(step: &'static str) -> impl Fn(reqwest::Error) -> NotApproved {
    move |error| NotApproved { step, seen: error.without_url().to_string() }
}

/// The value of the page's hidden field.
fn question_of(page: &str) -> Option<&str> {
    let (_, rest) = page.split_once("name=\"question\" value=\"")?;
    let (question, _) = rest.split_once('"')?;
    Some(question)
}

/// Where a redirect leads.
fn target_of(answer: &Response) -> Option<Url> {
    let location = answer.headers().get(LOCATION)?.to_str().ok()?;
    let target = answer.url().join(location).ok()?;
    answer.status().is_redirection().then_some(target)
}
