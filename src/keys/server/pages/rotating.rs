//! The dialog at `/settings/api-keys/{id}/rotate` while a rotation is in progress whose new secret is in use: that rotation has to be
//! finished first.

use axum::http::StatusCode;
use axum::response::Response;
use leptos::prelude::*;

use super::key::{self, KeyPageState};
use super::path_of;
use super::recent_use::RecentUse;
use crate::keys::server::{self as keys, Key};
use crate::orgs::server::Member;
use crate::platform::{App, Error};
use crate::shared::{SecretId, Timestamp};
use crate::ui::parts::{
    Dialog, DialogBody, DialogFoot, DialogWidth, KeyText, LinkButton, Look, Time, Wording, words,
};

/// Whether both secrets of the key are in use, so that it cannot be rotated.
pub async fn is_busy(app: &App, key: &Key) -> Result<bool, Error> {
    if key.rotation(app.clock.now()).is_none() {
        return Ok(false);
    }
    let secrets = keys::secrets(app, key).await?;
    Ok(secrets.iter().any(|secret| secret.id == key.secret && secret.last_used_at.is_some()))
}

/// The key's page with the dialog above it. Returns None if the key is not being rotated.
pub async fn page(
    app: &App,
    member: &Member,
    key: &Key,
    status: StatusCode,
) -> Result<Option<Response>, Error> {
    let now = app.clock.now();
    let Some((old, until)) = key.rotation(now) else { return Ok(None) };
    let recent = RecentUse::of_secret(app, key, old).await?;
    let shown = key.clone();
    let dialog = move || dialog(&shown, old, until, &recent, now);
    let state = KeyPageState { dialog: Some(Box::new(dialog)), ..KeyPageState::default() };
    key::page(app, member, key.id, state, status).await.map(Some)
}

fn dialog(key: &Key, old: SecretId, until: Timestamp, recent: &RecentUse, now: Timestamp) -> AnyView {
    let path = path_of(key.id);
    let (close, keep, finish) = (path.clone(), path.clone(), format!("{path}/finish"));
    let title = format!("{} is being rotated", key.name);
    let left = words(until, now, Wording::Relative).to_lowercase();
    let ends = view! { <Time at=until now wording=Wording::Moment/>{format!(", {left}")} };
    let (kind, start, rows) = (key.kind, old.to_string(), recent.rows(now));
    view! {
        <Dialog id="rotate" title close width=DialogWidth::Narrow described_by="rotate-text">
            <DialogBody>
                <p class="text-ink-2" id="rotate-text">
                    "This key is being rotated and its new secret is in use. Finish that rotation first. Then you can rotate \
                    the key again."
                </p>
                <h3 class="mt-4 text-dense font-semi">"The old secret"</h3>
                <dl class="facts mt-1 border-y border-line">
                    {rows}
                    <div><dt>"Old secret"</dt><dd><KeyText kind start/></dd></div>
                    <div><dt>"Ends by itself"</dt><dd>{ends}</dd></div>
                </dl>
            </DialogBody>
            <DialogFoot>
                <LinkButton href=keep>"Keep both secrets"</LinkButton>
                <LinkButton href=finish look=Look::Primary>"Finish first…"</LinkButton>
            </DialogFoot>
        </Dialog>
    }
    .into_any()
}
