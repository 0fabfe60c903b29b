//! `/settings/api-keys/disable?key=…&key=…`: disables several keys after a page that says what stops. The list leads to it if one of
//! the selected keys was used in the last 24 hours.

use std::collections::{BTreeSet, HashMap};

use axum::extract::{Form, RawQuery, State};
use axum::response::{IntoResponse, Redirect, Response};
use leptos::prelude::*;
use tower_sessions::Session;

use super::list::keys_of;
use super::recent_use::{recent_addresses, recent_calls};
use super::undo::{KeyStateChange, undo_form};
use super::{HOME, path_of};
use crate::keys::server::{self as keys, Key, Refusal};
use crate::orgs::server::Member;
use crate::orgs::server::page_frame::form_page;
use crate::platform::{App, Error};
use crate::shared::KeyId;
use crate::ui::form::FormErrors;
use crate::ui::parts::{HiddenFields, Look, counted, grouped};
use crate::ui::server::form_page::FormLayout;
use crate::ui::server::message::leave_undoable;
use crate::ui::shell::Nav;

pub const HERE: &str = "/settings/api-keys/disable";

pub async fn show(
    State(app): State<App>,
    member: Member,
    RawQuery(query): RawQuery,
) -> Result<Response, Error> {
    let raw = query.unwrap_or_default();
    let pairs: Vec<(String, String)> = url::form_urlencoded::parse(raw.as_bytes()).into_owned().collect();
    let chosen = enabled(&app, &member, &keys_of(&pairs)).await?;
    if chosen.is_empty() {
        return Ok(Redirect::to(HOME).into_response());
    }
    page(&app, &member, chosen).await
}

pub async fn submit(
    State(app): State<App>,
    member: Member,
    session: Session,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Result<Response, Error> {
    disable_all(&app, &member, &session, &keys_of(&pairs)).await
}

/// Whether one of these keys works and was used in the last 24 hours.
pub async fn stops_calls(app: &App, member: &Member, ids: &[KeyId]) -> Result<bool, Error> {
    let chosen = enabled(app, member, ids).await?;
    let working = chosen.iter().filter(|key| key.status(app.clock.now()).is_active());
    let working: Vec<KeyId> = working.map(|key| key.id).collect();
    Ok(!recent_calls(app, &working).await?.is_empty())
}

/// Disables the keys. Those that have ended or are disabled already stay as they are.
pub async fn disable_all(
    app: &App,
    member: &Member,
    session: &Session,
    ids: &[KeyId],
) -> Result<Response, Error> {
    let since = app.clock.now();
    let mut disabled = Vec::new();
    for id in ids {
        match keys::disable(app, member, *id).await {
            Ok(key) => disabled.push(key),
            // Another request has revoked or disabled it.
            Err(Refusal::State(_)) => {}
            Err(Refusal::Error(error)) => return Err(error),
            Err(Refusal::Input(_) | Refusal::Repeated(_) | Refusal::Waits(_)) => {}
        }
    }
    let done = disabled.len() as u64;
    let left = ids.len() as u64 - done;
    let more = if left == 0 { String::new() } else { format!(" {left} had ended or were disabled already.") };
    let rules = keys::policy_rules(app, member.org.org).await?;
    disabled.retain(|key| keys::may_enable(member, key, &rules));
    let ids: Vec<KeyId> = disabled.iter().map(|key| key.id).collect();
    let undo = (!ids.is_empty()).then(|| undo_form(KeyStateChange::Disabled, since, &ids, HOME));
    leave_undoable(session, &format!("{} disabled.{more}", counted(done, "key", "keys")), undo).await?;
    Ok(Redirect::to(HOME).into_response())
}

/// The selected keys that exist and can still be disabled.
async fn enabled(app: &App, member: &Member, ids: &[KeyId]) -> Result<Vec<Key>, Error> {
    let mut enabled = Vec::with_capacity(ids.len());
    for id in ids {
        match keys::find(app, member, *id).await {
            Ok(key) if key.disabled_at.is_none() && key.revoked_at.is_none() => enabled.push(key),
            Ok(_) | Err(Error::NotFound) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(enabled)
}

async fn page(app: &App, member: &Member, chosen: Vec<Key>) -> Result<Response, Error> {
    let ids: Vec<KeyId> = chosen.iter().map(|key| key.id).collect();
    let calls = recent_calls(app, &ids).await?;
    let used: Vec<KeyId> = calls.keys().copied().collect();
    let addresses = recent_addresses(app, &used).await?;
    let title = format!("Disable {}", counted(chosen.len() as u64, "key", "keys"));
    let page = form_page(app, member, Some(Nav::Keys), &title, HERE)
        .up(HOME, "API keys")
        .here("Disable")
        .text(summary(&calls, &addresses))
        .layout(FormLayout::Grouped)
        .failed("Nothing was disabled.")
        .submit(title.clone())
        .saving("Disabling…")
        .look(Look::Danger);
    let fields = move || {
        let hidden: Vec<_> = ids.into_iter().map(|id| ("key", id.to_string())).collect();
        let rows = chosen.into_iter().map(|key| {
            let (href, calls) = (path_of(key.id), calls.get(&key.id).copied().unwrap_or(0));
            let recent = match calls {
                0 => "not used".to_owned(),
                1 => "1 call".to_owned(),
                calls => format!("{} calls", grouped(calls)),
            };
            view! {
                <li class="flex flex-wrap items-baseline justify-between gap-x-4 border-t border-line py-2 text-dense">
                    <a class="link font-semi [overflow-wrap:anywhere]" href=href dir="auto">{key.name}</a>
                    <span class="cap num">{recent}</span>
                </li>
            }
        });
        view! {
            <HiddenFields fields=hidden/>
            <ul class="border-b border-line" aria-label="Calls in the last 24 h">{rows.collect_view()}</ul>
            <p class="mt-3 text-dense text-ink-2">"To undo: enable them. Their secrets work again at once."</p>
        }
    };
    Ok(page.render(FormErrors::default(), fields).await)
}

fn summary(calls: &HashMap<KeyId, u64>, addresses: &BTreeSet<String>) -> String {
    let sum: u64 = calls.values().sum();
    if sum == 0 {
        return "Nobody used them in the last 24 h. Requests with them fail until somebody enables them."
            .to_owned();
    }
    let (with, from) =
        (counted(calls.len() as u64, "key", "keys"), counted(addresses.len() as u64, "address", "addresses"));
    format!(
        "In the last 24 h there were {} with {with} from {from}. Requests with these keys fail from the moment you disable the keys \
         until somebody enables them.",
        counted(sum, "call", "calls")
    )
}
