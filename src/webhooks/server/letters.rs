//! Letters about webhooks.

use super::Endpoint;
use crate::platform::{App, Letter, Posted};

/// Says that an endpoint was turned off, to somebody who can turn it on again.
pub fn turned_off(app: &App, to: &str, org: &str, endpoint: &Endpoint) -> Posted {
    let host = endpoint.host();
    let why = match endpoint.disabled_because.as_str() {
        "gone" => "It responded with 410 Gone, which asks for no further events.",
        _ => "Every delivery has failed for five days.",
    };
    let letter = Letter::new(to, format!("The webhook {host} of {org} is off"))
        .paragraph(format!("Latchkey no longer sends events of {org} to {}.", endpoint.url))
        .paragraph(why)
        .link("See the webhook", format!("{}/settings/webhooks/{}", app.public_url.origin(), endpoint.id))
        .paragraph(
            "Events since then are not stored for it. It receives new events once somebody turns it on there.",
        );
    app.mail.post(&letter)
}
