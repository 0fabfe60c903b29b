//! `/settings/webhooks/new` and `/settings/webhooks/{id}/edit`.

use axum::extract::{RawForm, State};
use axum::response::Response;
use tower_sessions::Session;

use super::{HOME, done, fields, path_of, reveal};
use crate::keys::server::Refusal;
use crate::orgs::server::Member;
use crate::orgs::server::page_frame::form_page;
use crate::platform::http::PathId;
use crate::platform::{App, Error};
use crate::shared::{Permission, WebhookId};
use crate::ui::form::FormErrors;
use crate::ui::server::form_page::FormLayout;
use crate::ui::shell::Nav;
use crate::webhooks::server::service;
use crate::webhooks::server::{Endpoint, EndpointDraft, EndpointEdit};

pub async fn show(State(app): State<App>, member: Member) -> Result<Response, Error> {
    member.require(Permission::ManageWebhooks)?;
    let draft = EndpointDraft { events: vec!["key.*".to_owned()], ..EndpointDraft::default() };
    Ok(page(&app, &member, None, draft, FormErrors::default()).await)
}

pub async fn submit(
    State(app): State<App>,
    member: Member,
    RawForm(form): RawForm,
) -> Result<Response, Error> {
    let draft = fields::read(&form);
    match service::create(&app, &member, &draft).await {
        Ok(revealed) => Ok(reveal::page(&app, &member, revealed, true).await),
        Err(refusal) => Ok(page(&app, &member, None, draft, errors(refusal)?).await),
    }
}

pub async fn show_edit(
    State(app): State<App>,
    member: Member,
    PathId(id): PathId<WebhookId>,
) -> Result<Response, Error> {
    let endpoint = service::find(&app, &member, id).await?;
    let draft = fields::of(&endpoint);
    Ok(page(&app, &member, Some(endpoint), draft, FormErrors::default()).await)
}

pub async fn submit_edit(
    State(app): State<App>,
    member: Member,
    session: Session,
    PathId(id): PathId<WebhookId>,
    RawForm(form): RawForm,
) -> Result<Response, Error> {
    let draft = fields::read(&form);
    let EndpointDraft { url, description, events } = draft.clone();
    let edit = EndpointEdit { url: Some(url), description: Some(description), events: Some(events) };
    match service::edit(&app, &member, id, &edit).await {
        Ok(endpoint) => {
            let text = format!("{} was saved.", endpoint.host());
            done(&session, id, &text).await
        }
        Err(refusal) => {
            let errors = errors(refusal)?;
            let endpoint = service::find(&app, &member, id).await?;
            Ok(page(&app, &member, Some(endpoint), draft, errors).await)
        }
    }
}

fn errors(refusal: Refusal) -> Result<FormErrors, Error> {
    let mut errors = FormErrors::default();
    match refusal {
        Refusal::Input(wrong) => wrong.into_iter().for_each(|(field, why)| errors.add(field, why)),
        Refusal::State(why) => errors.add_general(why),
        Refusal::Repeated(_) | Refusal::Waits(_) => return Err(Error::OutOfStep),
        Refusal::Error(error) => return Err(error),
    }
    Ok(errors)
}

async fn page(
    app: &App,
    member: &Member,
    edited: Option<Endpoint>,
    draft: EndpointDraft,
    errors: FormErrors,
) -> Response {
    let nav = Some(Nav::Webhooks);
    let events = edited.as_ref().map(|endpoint| &endpoint.events);
    let unknown = events.map(|events| events.unknown().cloned().collect()).unwrap_or_default();
    let page = match edited {
        None => form_page(app, member, nav, "Add webhook", format!("{HOME}/new"))
            .up(HOME, "Webhooks")
            .text("Its signing secret is shown once, on the next page.")
            .failed("The webhook was not added.")
            .submit("Add webhook")
            .saving("Adding…"),
        Some(endpoint) => {
            let path = path_of(endpoint.id);
            form_page(app, member, nav, "Edit webhook", format!("{path}/edit"))
                .up(HOME, "Webhooks")
                .up(path, endpoint.host())
                .here("Edit")
                .failed("The webhook was not changed.")
                .submit("Save webhook")
        }
    };
    page.layout(FormLayout::Wide).render(errors, move || fields::view(draft, unknown)).await
}
