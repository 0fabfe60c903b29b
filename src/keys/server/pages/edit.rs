//! `/settings/api-keys/{id}/edit`: everything but role and kind.

use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::Response;
use leptos::prelude::*;
use tower_sessions::Session;

use super::fields::{ExpiryField, KeyFields, LimitFields, NameField};
use super::{HOME, path_of, refused, told};
use crate::keys::Status;
use crate::keys::server::{self as keys, Edit, Key, Refusal};
use crate::orgs::server::Member;
use crate::orgs::server::page_frame::{chrome, page_for};
use crate::platform::http::PathId;
use crate::platform::{App, Error};
use crate::shared::{KeyId, Timestamp};
use crate::ui::form::{Form as PageForm, FormErrors, SubmitButton};
use crate::ui::parts::{LinkButton, Look};
use crate::ui::shell::{Breadcrumb, Nav, PageHead, Shell};

pub async fn show(
    State(app): State<App>,
    member: Member,
    session: Session,
    PathId(id): PathId<KeyId>,
) -> Result<Response, Error> {
    let key = keys::find(&app, &member, id).await?;
    keys::require_to_lend(&member, &key)?;
    if key.status(app.clock.now()) == Status::Revoked {
        return told(&session, key.id, "A revoked key cannot be changed.").await;
    }
    let typed = KeyFields::of(&key);
    Ok(page(&app, &member, key, typed, FormErrors::default(), StatusCode::OK).await)
}

pub async fn submit(
    State(app): State<App>,
    member: Member,
    session: Session,
    PathId(id): PathId<KeyId>,
    Form(typed): Form<KeyFields>,
) -> Result<Response, Error> {
    let key = keys::find(&app, &member, id).await?;
    let end = typed.end(app.clock.now(), key.expires_at);
    let edit = Edit {
        name: Some(typed.name.clone()),
        note: Some(typed.note.clone()),
        // An invalid date becomes the epoch, which the service rejects like any past date.
        expires_at: Some(end.clone().unwrap_or(Some(Timestamp::from_millis(0)))),
        rate_limit: Some(typed.limit()),
        ranges: Some(typed.lines()),
    };
    match keys::edit(&app, &member, key.id, &edit).await {
        Ok(key) => told(&session, key.id, "Changes saved.").await,
        Err(Refusal::Input(wrong)) => {
            let errors = typed.explain(wrong, &end);
            Ok(page(&app, &member, key, typed, errors, StatusCode::UNPROCESSABLE_ENTITY).await)
        }
        Err(refusal) => refused(&session, key.id, refusal).await,
    }
}

async fn page(
    app: &App,
    member: &Member,
    key: Key,
    typed: KeyFields,
    errors: FormErrors,
    status: StatusCode,
) -> Response {
    let path = path_of(key.id);
    let here = format!("{path}/edit");
    let chrome = chrome(app, member, Some(Nav::Keys), &here);
    let now = app.clock.now();
    let title = format!("Edit {}", key.name);
    page_for(app, member, &title)
        .status(status)
        .render(move || {
            let up = vec![(HOME.to_owned(), "API keys".to_owned()), (path.clone(), key.name.clone())];
            let fixed = format!(
                "Its role ({}) and kind ({}) never change.",
                key.role.label().to_lowercase(),
                key.kind.label()
            );
            view! {
                <Shell chrome>
                    <Breadcrumb up here="Edit"/>
                    <PageHead title text=fixed/>
                    <div class="mt-5 max-w-[36rem]">
                        <PageForm action=here errors failed="The key was not changed.">
                            <NameField value=typed.name.clone()/>
                            <ExpiryField typed=typed.clone() now kept=key.expires_at/>
                            <div class="mt-4"><LimitFields typed/></div>
                            <div class="mt-6 flex gap-2 border-t border-line pt-4">
                                <SubmitButton text="Save changes"/>
                                <LinkButton href=path look=Look::Ghost>"Cancel"</LinkButton>
                            </div>
                        </PageForm>
                    </div>
                </Shell>
            }
        })
        .await
}
