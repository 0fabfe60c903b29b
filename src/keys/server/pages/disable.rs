//! `/settings/api-keys/{id}/disable`: disables a key. If it was used in the last 24 hours, a dialog says what stops and asks first.

use axum::extract::{Form, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use leptos::prelude::*;
use serde::Deserialize;
use tower_sessions::Session;

use super::key::{self, KeyPageState};
use super::recent_use::{RecentUse, recent_calls};
use super::state::return_path;
use super::undo::{KeyStateChange, undo_form};
use super::{leave_refusal, path_of, redirect_with_message};
use crate::keys::Status;
use crate::keys::server::{self as keys, Key};
use crate::orgs::server::Member;
use crate::platform::http::PathId;
use crate::platform::{App, Error};
use crate::shared::{KeyId, Timestamp};
use crate::ui::form::{Form as PageForm, SubmitButton};
use crate::ui::parts::{
    Dialog, DialogBody, DialogFoot, DialogWidth, HiddenFields, LinkButton, Look, Note, Tone,
};
use crate::ui::server::message::leave_undoable;

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct DisableKeyForm {
    /// The page to return to, if it is not the key's page.
    back: String,
    /// Not empty if the form was on a page that said what stops.
    confirmed: String,
}

pub async fn show(
    State(app): State<App>,
    member: Member,
    session: Session,
    PathId(id): PathId<KeyId>,
    Query(form): Query<DisableKeyForm>,
) -> Result<Response, Error> {
    let key = keys::find(&app, &member, id).await?;
    keys::require_to_manage(&member, &key)?;
    if key.status(app.clock.now()) == Status::Revoked {
        return redirect_with_message(&session, id, "This key is revoked already.").await;
    }
    if key.disabled_at.is_some() {
        return redirect_with_message(&session, id, "This key is disabled already.").await;
    }
    let rules = keys::policy_rules(&app, key.org).await?;
    let question = DisableDialog {
        back: return_path(&form.back, id),
        recent: RecentUse::of_key(&app, &key).await?,
        may_enable: keys::may_enable(&member, &key, &rules),
        now: app.clock.now(),
        key,
    };
    let dialog = move || question.draw();
    let state = KeyPageState { dialog: Some(Box::new(dialog)), ..KeyPageState::default() };
    key::page(&app, &member, id, state, StatusCode::OK).await
}

pub async fn submit(
    State(app): State<App>,
    member: Member,
    session: Session,
    PathId(id): PathId<KeyId>,
    Form(form): Form<DisableKeyForm>,
) -> Result<Response, Error> {
    let key = keys::find(&app, &member, id).await?;
    if form.confirmed.is_empty() && stops_calls(&app, &key).await? {
        keys::require_to_change(&app, &member, &key, "disable").await?;
        let back: String = url::form_urlencoded::byte_serialize(form.back.as_bytes()).collect();
        return Ok(Redirect::to(&format!("{}/disable?back={back}", path_of(id))).into_response());
    }
    let since = app.clock.now();
    match keys::disable(&app, &member, id).await {
        Ok(key) => {
            let rules = keys::policy_rules(&app, key.org).await?;
            let back = return_path(&form.back, id);
            let undo = keys::may_enable(&member, &key, &rules)
                .then(|| undo_form(KeyStateChange::Disabled, since, &[id], &back));
            let text = format!("{} is disabled. Requests with it fail until it is enabled.", key.name);
            leave_undoable(&session, &text, undo).await?;
        }
        // Another request was faster: the page shows the current state.
        Err(refusal) => leave_refusal(&session, refusal).await?,
    }
    Ok(Redirect::to(&return_path(&form.back, id)).into_response())
}

/// Returns true if disabling the key would stop calls like those of the last 24 hours.
async fn stops_calls(app: &App, key: &Key) -> Result<bool, Error> {
    let works = key.status(app.clock.now()).is_active();
    Ok(works && recent_calls(app, &[key.id]).await?.contains_key(&key.id))
}

/// The dialog that says what stops.
struct DisableDialog {
    key: Key,
    back: String,
    recent: RecentUse,
    /// Whether the person may enable the key again.
    may_enable: bool,
    now: Timestamp,
}

impl DisableDialog {
    fn draw(self) -> AnyView {
        let Self { key, back, recent, may_enable, now } = self;
        let (close, keep) = (back.clone(), back.clone());
        let action = format!("{}/disable", path_of(key.id));
        let title = format!("Disable {}?", key.name);
        let secrets = key.rotation(now).is_some().then(|| {
            view! { <div><dt>"Secrets"</dt><dd>"Both the new and the old one stop"</dd></div> }
        });
        let undo = if may_enable { "Enable it. Its secrets work again at once." } else { "Not by you" };
        let warning = (!may_enable).then(|| {
            view! {
                <Note tone=Tone::Warn class="mt-3">
                    <p>"You may disable this key, but you may not enable it again."</p>
                </Note>
            }
        });
        view! {
            <Dialog id="disable" title close width=DialogWidth::Narrow described_by="disable-text">
                <PageForm action>
                    <HiddenFields fields=vec![("back", back), ("confirmed", "yes".to_owned())]/>
                    <DialogBody>
                        <p class="text-ink-2" id="disable-text">
                            "Every request with this key fails from the moment you disable it until somebody enables it."
                        </p>
                        <dl class="facts mt-3 border-y border-line">
                            {recent.rows(now)}
                            {secrets}
                            <div><dt>"To undo"</dt><dd>{undo}</dd></div>
                        </dl>
                        {warning}
                    </DialogBody>
                    <DialogFoot>
                        <LinkButton href=keep>"Keep it working"</LinkButton>
                        <SubmitButton text="Disable key" saving="Disabling…" look=Look::Danger/>
                    </DialogFoot>
                </PageForm>
            </Dialog>
        }
        .into_any()
    }
}
