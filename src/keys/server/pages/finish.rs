//! `/settings/api-keys/{id}/finish`: the dialog that ends the old secret of a rotation. It says who still uses that secret.

use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use leptos::prelude::*;
use serde::Deserialize;
use tower_sessions::Session;

use super::key::{self, A_DAY, KeyPageState, caller_texts};
use super::recent_use::RecentUse;
use super::{path_of, redirect_with_message, refused};
use crate::keys::server::{self as keys, Key};
use crate::orgs::server::Member;
use crate::platform::http::PathId;
use crate::platform::{App, Error};
use crate::shared::{KeyId, SecretId, Timestamp};
use crate::ui::form::{Form as PageForm, SubmitButton};
use crate::ui::parts::{
    Dialog, DialogBody, DialogFoot, DialogWidth, HiddenFields, KeyText, LinkButton, Look, Time, Wording,
    counted, words,
};
use crate::usage::server::{self as usage, KeyCaller};

/// Callers that the dialog lists.
const MAX_CALLERS: usize = 5;

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct FinishRotationForm {
    /// The old secret whose use the person has seen; empty if the form was not on such a page.
    old: String,
}

pub async fn show(
    State(app): State<App>,
    member: Member,
    session: Session,
    PathId(id): PathId<KeyId>,
) -> Result<Response, Error> {
    let key = keys::find(&app, &member, id).await?;
    keys::require_to_manage(&member, &key)?;
    let now = app.clock.now();
    let Some((old, until)) = key.rotation(now) else {
        return redirect_with_message(&session, id, "This key is not being rotated.").await;
    };
    let mut callers = usage::callers_of(&app, id, now.minus(A_DAY * 30)).await?;
    callers.retain(|caller| caller.secret == old.as_str() && caller.accepted_at.is_some());
    callers.sort_by_key(|caller| std::cmp::Reverse(caller.accepted_at));
    let question = FinishDialog {
        recent: RecentUse::of_secret(&app, &key, old).await?,
        may_extend: keys::require_to_grant(&member, &key).is_ok(),
        key,
        old,
        until,
        callers,
        now,
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
    Form(form): Form<FinishRotationForm>,
) -> Result<Response, Error> {
    let key = keys::find(&app, &member, id).await?;
    let seen = SecretId::parse(&form.old);
    if seen.is_none() && key.rotation(app.clock.now()).is_some() {
        keys::require_to_change(&app, &member, &key, "finish").await?;
        return Ok(Redirect::to(&format!("{}/finish", path_of(id))).into_response());
    }
    match keys::finish(&app, &member, id, seen).await {
        Ok(_) => {
            redirect_with_message(&session, id, "The rotation is finished. Only the new secret works.").await
        }
        Err(refusal) => refused(&session, id, refusal).await,
    }
}

struct FinishDialog {
    key: Key,
    old: SecretId,
    until: Timestamp,
    /// How the old secret was used.
    recent: RecentUse,
    callers: Vec<KeyCaller>,
    may_extend: bool,
    now: Timestamp,
}

impl FinishDialog {
    fn draw(self) -> AnyView {
        let Self { key, old, until, recent, callers, may_extend, now } = self;
        let path = path_of(key.id);
        let (close, keep, action) = (path.clone(), path.clone(), format!("{path}/finish"));
        let title = format!("Finish the rotation of {}?", key.name);
        let still = match recent.addresses.len() as u64 {
            0 if recent.calls == 0 => "Nobody used the old secret in the last 24 h.".to_owned(),
            0 => "The old secret was used in the last 24 h.".to_owned(),
            count => {
                let who = counted(count, "address", "addresses");
                format!("{who} used the old secret in the last 24 h.")
            }
        };
        let fails = " Every request with it fails from the moment you finish. The new secret keeps working. You cannot undo this.";
        let left = words(until, now, Wording::Relative).to_lowercase();
        let ends = view! { <Time at=until now wording=Wording::Moment/>{format!(", {left}")} };
        let (kind, start) = (key.kind, old.to_string());
        let extend = may_extend.then(|| {
            let action = format!("{path}/extend");
            view! {
                <p class="mt-3 text-dense text-ink-2">
                    "Need more time? "
                    <button type="submit" class="link" formaction=action>"Extend by 24 h instead"</button>
                    "."
                </p>
            }
        });
        view! {
            <Dialog id="finish" title close width=DialogWidth::Narrow described_by="finish-text">
                <PageForm action>
                    <HiddenFields fields=vec![("old", old.to_string())]/>
                    <DialogBody>
                        <p class="text-ink-2" id="finish-text"><b class="font-semi text-ink">{still}</b>{fails}</p>
                        {caller_list(callers, now)}
                        <dl class="facts mt-3 border-y border-line">
                            {recent.rows(now)}
                            <div><dt>"Old secret"</dt><dd><KeyText kind start/></dd></div>
                            <div><dt>"Ends by itself"</dt><dd>{ends}</dd></div>
                        </dl>
                        {extend}
                    </DialogBody>
                    <DialogFoot>
                        <LinkButton href=keep>"Keep both secrets"</LinkButton>
                        <SubmitButton text="Finish now" saving="Finishing…" look=Look::Danger/>
                    </DialogFoot>
                </PageForm>
            </Dialog>
        }
        .into_any()
    }
}

/// The callers of the old secret, the latest first.
fn caller_list(callers: Vec<KeyCaller>, now: Timestamp) -> Option<AnyView> {
    if callers.is_empty() {
        return None;
    }
    let more = callers.len().saturating_sub(MAX_CALLERS) as u64;
    let rows = callers.into_iter().take(MAX_CALLERS).map(|caller| {
        let at = caller.accepted_at.unwrap_or(caller.last_at);
        let (address, user_agent) = caller_texts(caller.address, caller.user_agent);
        view! {
            <li class="flex flex-wrap items-baseline justify-between gap-x-4 border-t border-line py-1.5 text-dense">
                <span class="min-w-0">
                    <span class="mono text-cap">{address}</span>
                    <span class="cap block [overflow-wrap:anywhere]">{user_agent}</span>
                </span>
                <Time at now/>
            </li>
        }
    });
    let more = (more > 0).then(|| {
        view! { <li class="cap border-t border-line py-1.5">{format!("and {more} more")}</li> }
    });
    Some(
        view! {
            <ul class="mt-3" aria-label="Callers on the old secret in the last 30 days">
                {rows.collect_view()}{more}
            </ul>
        }
        .into_any(),
    )
}
