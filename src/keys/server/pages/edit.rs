//! `/settings/api-keys/{id}/edit`: changes everything except the role and the kind.

use axum::extract::{Form, State};
use axum::response::Response;
use leptos::prelude::*;
use tower_sessions::Session;

use super::customer::CustomerChoices;
use super::fields::{ExpiryField, FirstExpiry, KeyFields, LimitFields, NameField};
use super::{HOME, path_of, redirect_with_message, refused};
use crate::keys::Status;
use crate::keys::server::{self as keys, CustomerDraft, Edit, Key, Refusal};
use crate::orgs::server::Member;
use crate::orgs::server::page_frame::form_page;
use crate::platform::http::PathId;
use crate::platform::{App, Error};
use crate::shared::{KeyId, Permission, Timestamp};
use crate::ui::form::FormErrors;
use crate::ui::server::form_page::FormLayout;
use crate::ui::shell::Nav;

pub async fn show(
    State(app): State<App>,
    member: Member,
    session: Session,
    PathId(id): PathId<KeyId>,
) -> Result<Response, Error> {
    let key = keys::find(&app, &member, id).await?;
    keys::require_to_grant(&member, &key)?;
    if key.status(app.clock.now()) == Status::Revoked {
        return redirect_with_message(&session, key.id, "A revoked key cannot be changed.").await;
    }
    let typed = KeyFields::of(&key);
    page(&app, &member, key, typed, FormErrors::default()).await
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
    let mut errors = FormErrors::default();
    // Without the permission to change these fields, they are ignored.
    let customer = member.may(Permission::ManagePermissions).then(|| typed.customer.draft(&mut errors));
    if !errors.is_empty() {
        return page(&app, &member, key, typed, errors).await;
    }
    let (external_id, metadata, permissions, quota) = match customer {
        Some(CustomerDraft { external_id, metadata, permissions, quota }) => {
            (Some(external_id), Some(metadata), Some(permissions), Some(quota))
        }
        None => (None, None, None, None),
    };
    let edit = Edit {
        name: Some(typed.name.clone()),
        note: Some(typed.note.clone()),
        // An invalid date becomes the epoch, which the service rejects like any past date.
        expires_at: Some(end.clone().unwrap_or(Some(Timestamp::from_millis(0)))),
        rate_limit: Some(typed.limit()),
        ranges: Some(typed.lines()),
        external_id,
        metadata,
        permissions,
        quota,
        ..Edit::default()
    };
    match keys::edit(&app, &member, key.id, &edit).await {
        Ok(key) => redirect_with_message(&session, key.id, "Changes saved.").await,
        Err(Refusal::Input(wrong)) => {
            let errors = typed.explain(wrong, &end);
            page(&app, &member, key, typed, errors).await
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
) -> Result<Response, Error> {
    let (path, now) = (path_of(key.id), app.clock.now());
    let (role, kind) = (key.role.label().to_lowercase(), key.kind.label());
    let choices = CustomerChoices::load(app, member, &errors).await?;
    let page = form_page(app, member, Some(Nav::Keys), &format!("Edit {}", key.name), format!("{path}/edit"))
        .up(HOME, "API keys")
        .up(path, key.name)
        .here("Edit")
        .text(format!("Its role ({role}) and kind ({kind}) never change."))
        .layout(FormLayout::Grouped)
        .failed("The key was not changed.")
        .submit("Save changes");
    let response = page.render(errors, move || {
        view! {
            <NameField value=typed.name.clone()/>
            <ExpiryField
                expiry=typed.expiry.clone() date=typed.date.clone() now first=key.expires_at.map(|end| FirstExpiry::current(end, now))
            />
            {choices.map(|choices| choices.fields(typed.customer.clone()))}
            <div class="mt-4"><LimitFields typed/></div>
        }
    });
    Ok(response.await)
}
