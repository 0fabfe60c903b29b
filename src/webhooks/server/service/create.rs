//! Adding an endpoint.

use super::draft::{EndpointDraft, check};
use super::{MAX_ENDPOINTS, RevealedEndpoint, TAKEN, begin, conclude, require, store};
use crate::audit::Event;
use crate::keys::server::Refusal;
use crate::orgs::server::Actor;
use crate::platform::App;
use crate::shared::WebhookId;
use crate::webhooks::EventSelection;
use crate::webhooks::server::{Endpoint, signature};

/// Adds an endpoint and returns its signing secret.
pub async fn create(app: &App, actor: &Actor, draft: &EndpointDraft) -> Result<RevealedEndpoint, Refusal> {
    require(app, actor, "create").await?;
    let checked = check(app, draft, &EventSelection::default()).await?;
    let now = app.clock.now();
    let secret = signature::new_secret(&app.random);
    let endpoint = Endpoint {
        id: WebhookId::new(now, app.random_for_id()),
        org: actor.org.org,
        url: checked.url,
        description: checked.description,
        events: checked.events,
        previous_until: None,
        created_at: now,
        created_by: actor.user,
        disabled_at: None,
        disabled_because: String::new(),
        failing_since: None,
        last_attempt_at: None,
        last_success_at: None,
        last_status: None,
    };
    let mut write = begin(app, actor, "create").await?;
    if store::count(&mut write, endpoint.org).await? >= MAX_ENDPOINTS {
        return Err(Refusal::State("An organization can have at most 20 webhooks. Remove one first."));
    }
    if !store::insert(&mut write, &endpoint, &secret).await? {
        return Err(Refusal::field("url", TAKEN));
    }
    let event = Event::new("webhook.created").detail("events", endpoint.events.to_string());
    conclude(app, actor, write, &endpoint, event).await?;
    Ok(RevealedEndpoint { endpoint, secret })
}
