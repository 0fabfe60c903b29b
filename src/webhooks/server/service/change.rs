//! Changing, turning off and on, and removing an endpoint; rotating its signing secret.

use std::time::Duration;

use super::draft::{EndpointDraft, EndpointEdit, check};
use super::{RevealedEndpoint, TAKEN, conclude, find, lock, require, store};
use crate::audit::{self, Event};
use crate::keys::server::Refusal;
use crate::orgs::server::Actor;
use crate::platform::App;
use crate::shared::{Timestamp, WebhookId};
use crate::webhooks::server::{Endpoint, signature};

/// How long requests are also signed with the previous secret.
pub const OVERLAP: Duration = Duration::from_secs(24 * 60 * 60);

/// An edit that changes nothing writes no audit row.
pub async fn edit(app: &App, actor: &Actor, id: WebhookId, edit: &EndpointEdit) -> Result<Endpoint, Refusal> {
    require(app, actor, "edit").await?;
    let found = find(app, actor, id).await?;
    let draft = EndpointDraft {
        url: edit.url.clone().unwrap_or_else(|| found.url.clone()),
        description: edit.description.clone().unwrap_or_else(|| found.description.clone()),
        events: edit.events.clone().unwrap_or_else(|| found.events.names().to_vec()),
    };
    let checked = check(app, &draft, &found.events).await?;
    let (mut write, old) = lock(app, actor, id, "edit").await?;
    let new = Endpoint {
        url: if edit.url.is_some() { checked.url } else { old.url.clone() },
        description: if edit.description.is_some() { checked.description } else { old.description.clone() },
        events: if edit.events.is_some() { checked.events } else { old.events.clone() },
        ..old.clone()
    };
    let mut event = Event::new("webhook.changed");
    if new.url != old.url {
        event = event.detail("host_was", old.host());
    }
    if new.events != old.events {
        event = event.detail("events_were", old.events.to_string());
    }
    if new.description != old.description {
        event = event.detail("description_was", old.description.clone());
    }
    if event.details.is_empty() {
        return Ok(old);
    }
    if !store::update(&mut write, &new).await? {
        return Err(Refusal::field("url", TAKEN));
    }
    conclude(app, actor, write, &new, event).await?;
    Ok(new)
}

/// What can happen between a change and its undoing, so that undoing would change what somebody else did.
const STATE_CHANGES: [&str; 2] = ["webhook.turned_off", "webhook.turned_on"];
const CHANGED_SINCE: &str = "This webhook was turned on or off again since then. Nothing was undone.";

/// Turns an endpoint on or off. While it is off it receives nothing, and events are not kept for it.
pub async fn set_enabled(
    app: &App,
    actor: &Actor,
    id: WebhookId,
    enabled: bool,
) -> Result<Endpoint, Refusal> {
    set_enabled_unless_changed(app, actor, id, enabled, None).await
}

/// Turns an endpoint back on or off that was turned at or after `since`. Changes nothing if it was turned again.
pub async fn undo_set_enabled(
    app: &App,
    actor: &Actor,
    id: WebhookId,
    enabled: bool,
    since: Timestamp,
) -> Result<Endpoint, Refusal> {
    set_enabled_unless_changed(app, actor, id, !enabled, Some(since)).await
}

async fn set_enabled_unless_changed(
    app: &App,
    actor: &Actor,
    id: WebhookId,
    enabled: bool,
    since: Option<Timestamp>,
) -> Result<Endpoint, Refusal> {
    let verb = if enabled { "turn_on" } else { "turn_off" };
    let (mut write, old) = lock(app, actor, id, verb).await?;
    if let Some(since) = since
        && !audit::is_only_change_since(&mut write, id, &STATE_CHANGES, since).await?
    {
        return Err(Refusal::State(CHANGED_SINCE));
    }
    if old.disabled_at.is_none() == enabled {
        let why = if enabled { "This webhook is already on." } else { "This webhook is already off." };
        return Err(Refusal::State(why));
    }
    let now = app.clock.now();
    let (new, action) = if enabled {
        store::set_enabled(&mut write, id).await?;
        let new = Endpoint { disabled_at: None, disabled_because: String::new(), failing_since: None, ..old };
        (new, "webhook.turned_on")
    } else {
        store::set_disabled(&mut write, id, "person", now).await?;
        let new = Endpoint { disabled_at: Some(now), disabled_because: "person".to_owned(), ..old };
        (new, "webhook.turned_off")
    };
    conclude(app, actor, write, &new, Event::new(action)).await?;
    Ok(new)
}

/// Replaces the signing secret. For a day, requests are also signed with the previous one.
pub async fn rotate_secret(app: &App, actor: &Actor, id: WebhookId) -> Result<RevealedEndpoint, Refusal> {
    let (mut write, old) = lock(app, actor, id, "rotate_secret").await?;
    let secret = signature::new_secret(&app.random);
    let until = app.clock.now().plus(OVERLAP);
    store::rotate(&mut write, id, &secret, until).await?;
    let endpoint = Endpoint { previous_until: Some(until), ..old };
    let event = Event::new("webhook.secret_rotated").detail("old_valid_until", until.to_string());
    conclude(app, actor, write, &endpoint, event).await?;
    Ok(RevealedEndpoint { endpoint, secret })
}

pub async fn remove(app: &App, actor: &Actor, id: WebhookId) -> Result<Endpoint, Refusal> {
    let (mut write, endpoint) = lock(app, actor, id, "remove").await?;
    store::remove(&mut write, id, app.clock.now()).await?;
    conclude(app, actor, write, &endpoint, Event::new("webhook.removed")).await?;
    Ok(endpoint)
}
