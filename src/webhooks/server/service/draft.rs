//! Checking what a person or a program enters for an endpoint.

use url::Url;

use crate::keys::server::Refusal;
use crate::platform::App;
use crate::shared::{TOKEN_IN_TEXT, contains_token};
use crate::webhooks::EventSelection;
use crate::webhooks::server::DeliveryDispatcher;

const MAX_URL: usize = 2_048;
const MAX_DESCRIPTION: usize = 200;

#[derive(Clone, Debug, Default)]
pub struct EndpointDraft {
    pub url: String,
    pub description: String,
    /// Event types and patterns.
    pub events: Vec<String>,
}

/// The fields to change. None leaves a field as it is.
#[derive(Clone, Debug, Default)]
pub struct EndpointEdit {
    pub url: Option<String>,
    pub description: Option<String>,
    pub events: Option<Vec<String>>,
}

pub struct ValidatedEndpoint {
    pub url: String,
    pub description: String,
    pub events: EventSelection,
}

/// Checks all fields. `stored` are the events of the endpoint as it is. Resolves the name in the address, so it is called before the transaction.
pub async fn check(
    app: &App,
    draft: &EndpointDraft,
    stored: &EventSelection,
) -> Result<ValidatedEndpoint, Refusal> {
    let mut wrong = Vec::new();
    let url = check_url(app, draft.url.trim()).await.unwrap_or_else(|why| {
        wrong.push(("url", why));
        String::new()
    });
    let description = check_description(draft.description.trim()).unwrap_or_else(|why| {
        wrong.push(("description", why));
        String::new()
    });
    let events = stored.edited(&draft.events).unwrap_or_else(|why| {
        wrong.push(("events", why));
        EventSelection::default()
    });
    if wrong.is_empty() {
        Ok(ValidatedEndpoint { url, description, events })
    } else {
        Err(Refusal::Input(wrong))
    }
}

async fn check_url(app: &App, text: &str) -> Result<String, String> {
    const FORM: &str = "Enter an address such as https://hooks.example.com/latchkey.";
    if text.chars().count() > MAX_URL {
        return Err("An address has at most 2,048 characters.".to_owned());
    }
    if contains_token(text) {
        return Err(TOKEN_IN_TEXT.to_owned());
    }
    if text.chars().any(char::is_control) {
        return Err(FORM.to_owned());
    }
    let mut url = Url::parse(text).map_err(|_| FORM.to_owned())?;
    url.set_fragment(None);
    DeliveryDispatcher::client(app).check(&url).await.map_err(|refused| refused.to_string())?;
    // Parsing escapes some characters, which makes the address longer.
    let text = String::from(url);
    if text.len() > MAX_URL { Err("An address has at most 2,048 characters.".to_owned()) } else { Ok(text) }
}

fn check_description(text: &str) -> Result<String, String> {
    if text.chars().count() > MAX_DESCRIPTION {
        return Err("A description has at most 200 characters.".to_owned());
    }
    if contains_token(text) {
        return Err(TOKEN_IN_TEXT.to_owned());
    }
    if text.chars().any(char::is_control) {
        return Err("A description is one line of text.".to_owned());
    }
    Ok(text.to_owned())
}
