//! `/settings/webhooks/{id}/rotate-secret`: a new signing secret, shown once.

use axum::extract::State;
use axum::response::Response;
use leptos::prelude::*;
use tower_sessions::Session;

use super::{HOME, not_done, path_of, reveal};
use crate::orgs::server::Member;
use crate::orgs::server::page_frame::form_page;
use crate::platform::http::PathId;
use crate::platform::{App, Error};
use crate::shared::WebhookId;
use crate::ui::form::FormErrors;
use crate::ui::parts::{ExactTime, Note, Tone};
use crate::ui::shell::Nav;
use crate::webhooks::server::service;

pub async fn show(
    State(app): State<App>,
    member: Member,
    PathId(id): PathId<WebhookId>,
) -> Result<Response, Error> {
    let endpoint = service::find(&app, &member, id).await?;
    let path = path_of(id);
    let ends = endpoint.previous_until.filter(|until| *until > app.clock.now());
    let page = form_page(
        &app,
        &member,
        Some(Nav::Webhooks),
        "Rotate signing secret",
        format!("{path}/rotate-secret"),
    )
    .up(HOME, "Webhooks")
    .up(path, endpoint.host())
    .here("Rotate signing secret")
    .text(
        "You see the new secret once, on the next page. For 24 hours each request is signed with both the new and the \
         old secret, so that receivers can switch over.",
    )
    .submit("Rotate secret")
    .saving("Rotating…");
    let fields = move || {
        ends.map(|until| {
            view! {
                <Note tone=Tone::Warn>
                    <p>
                        "The old secret of the last rotation is valid until "<ExactTime at=until/>
                        ". If you rotate again now, it stops working at once."
                    </p>
                </Note>
            }
        })
    };
    Ok(page.render(FormErrors::default(), fields).await)
}

pub async fn submit(
    State(app): State<App>,
    member: Member,
    session: Session,
    PathId(id): PathId<WebhookId>,
) -> Result<Response, Error> {
    match service::rotate_secret(&app, &member, id).await {
        Ok(revealed) => Ok(reveal::page(&app, &member, revealed, false).await),
        Err(refusal) => not_done(&session, id, refusal).await,
    }
}
