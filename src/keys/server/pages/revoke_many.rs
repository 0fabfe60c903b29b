//! `/settings/api-keys/revoke?key=…&key=…`: revokes several keys after a confirmation page that lists them.

use axum::extract::{Form, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use leptos::prelude::*;
use tower_sessions::Session;

use super::list::keys_of;
use super::revoke::in_use;
use super::{HOME, path_of};
use crate::keys::Status;
use crate::keys::server::{self as keys, Key, Refusal};
use crate::orgs::server::Member;
use crate::orgs::server::page_frame::{chrome, page_for};
use crate::platform::{App, Error};
use crate::shared::KeyId;
use crate::ui::form::{Form as PageForm, FormErrors, SubmitButton};
use crate::ui::parts::{HiddenFields, Input, LinkButton, Look, Time, counted, grouped};
use crate::ui::server::message::leave_message;
use crate::ui::shell::{Breadcrumb, Nav, PageHead, Shell};

const HERE: &str = "/settings/api-keys/revoke";
/// The text to type when one of the keys is in use.
const WORD: &str = "revoke";

pub async fn show(
    State(app): State<App>,
    member: Member,
    RawQuery(query): RawQuery,
) -> Result<Response, Error> {
    let raw = query.unwrap_or_default();
    let pairs: Vec<(String, String)> = url::form_urlencoded::parse(raw.as_bytes()).into_owned().collect();
    let chosen = unrevoked(&app, &member, keys_of(&pairs)).await?;
    if chosen.is_empty() {
        return Ok(Redirect::to(HOME).into_response());
    }
    Ok(page(&app, &member, chosen, String::new(), FormErrors::default(), StatusCode::OK).await)
}

pub async fn submit(
    State(app): State<App>,
    member: Member,
    session: Session,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Result<Response, Error> {
    let chosen = unrevoked(&app, &member, keys_of(&pairs)).await?;
    for key in &chosen {
        keys::require_to_revoke(&app, &member, key).await?;
    }
    let typed = pairs.iter().find(|(name, _)| name == "confirm").map(|(_, typed)| typed.trim().to_owned());
    let typed = typed.unwrap_or_default();
    let now = app.clock.now();
    if chosen.iter().any(|key| in_use(key, now)) && typed != WORD {
        let errors = FormErrors::default().with("confirm", format!("Type the word {WORD}."));
        return Ok(page(&app, &member, chosen, typed, errors, StatusCode::UNPROCESSABLE_ENTITY).await);
    }
    let mut done = 0;
    for key in &chosen {
        match keys::revoke(&app, &member, key.id).await {
            Ok(_) => done += 1,
            // Another request has already revoked it.
            Err(Refusal::State(_)) => {}
            Err(Refusal::Error(error)) => return Err(error),
            Err(Refusal::Input(_) | Refusal::Repeated(_) | Refusal::Waits(_)) => {}
        }
    }
    leave_message(&session, &format!("{} revoked.", counted(done, "key", "keys"))).await?;
    Ok(Redirect::to(HOME).into_response())
}

/// The selected keys that exist and can still be revoked.
async fn unrevoked(app: &App, member: &Member, ids: Vec<KeyId>) -> Result<Vec<Key>, Error> {
    let mut unrevoked = Vec::with_capacity(ids.len());
    for id in ids {
        match keys::find(app, member, id).await {
            Ok(key) if key.status(app.clock.now()) != Status::Revoked => unrevoked.push(key),
            Ok(_) | Err(Error::NotFound) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(unrevoked)
}

async fn page(
    app: &App,
    member: &Member,
    chosen: Vec<Key>,
    typed: String,
    errors: FormErrors,
    status: StatusCode,
) -> Response {
    let chrome = chrome(app, member, Some(Nav::Keys), HOME);
    let now = app.clock.now();
    let title = format!("Revoke {}", counted(chosen.len() as u64, "key", "keys"));
    page_for(app, member, &title)
        .status(status)
        .render(move || {
            let asks = chosen.iter().any(|key| in_use(key, now));
            let fields: Vec<_> = chosen.iter().map(|key| ("key", key.id.to_string())).collect();
            let button = title.clone();
            let rows = chosen.into_iter().map(|key| {
                let href = path_of(key.id);
                let calls = u64::try_from(key.calls).unwrap_or(0);
                let used = match key.last_used_at {
                    Some(at) => view! { "last used " <Time at now class="lowercase"/> }.into_any(),
                    None => view! { "never used" }.into_any(),
                };
                view! {
                    <li class="flex flex-wrap items-baseline justify-between gap-x-4 border-t border-line py-2 text-dense">
                        <a class="link font-semi [overflow-wrap:anywhere]" href=href dir="auto">{key.name}</a>
                        <span class="cap">{format!("{} calls, ", grouped(calls))}{used}</span>
                    </li>
                }
            });
            let rows = rows.collect_view();
            let confirm = asks.then(|| view! {
                <Input
                    name="confirm" label=format!("Type {WORD} to confirm") value=typed verbatim=true autocomplete="off"
                    hint="We ask because one of them was used in the last 7 days." control="max-w-40"
                />
            });
            view! {
                <Shell chrome>
                    <Breadcrumb up=vec![(HOME.to_owned(), "API keys".to_owned())] here="Revoke"/>
                    <PageHead
                        title text="Every request with these keys fails from the moment you revoke them. You cannot undo this."
                    />
                    <div class="mt-5 max-w-[36rem]">
                        <ul class="border-b border-line">{rows}</ul>
                        <PageForm action=HERE errors failed="Nothing was revoked." class="mt-5 grid gap-4">
                            <HiddenFields fields/>
                            {confirm}
                            <div class="flex gap-2">
                                <SubmitButton text=button saving="Revoking…" look=Look::Danger/>
                                <LinkButton href=HOME>"Keep them"</LinkButton>
                            </div>
                        </PageForm>
                    </div>
                </Shell>
            }
        })
        .await
}
