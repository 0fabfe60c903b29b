//! Removes a member, or lets one leave, after a preview of what happens to their keys.

use axum::extract::{RawForm, State};
use axum::response::{IntoResponse, Redirect, Response};
use leptos::prelude::*;
use tower_sessions::Session;

use super::HOME;
use super::role::{last_owner, refuse_others};
use crate::orgs::server::page_frame::form_page;
use crate::orgs::server::service::{self, MemberChange, MemberSummary};
use crate::orgs::server::{CreatedKey, Member};
use crate::platform::http::PathId;
use crate::platform::{App, Error};
use crate::shared::{KeyId, UserId};
use crate::ui::form::FormErrors;
use crate::ui::parts::{Checkbox, Glyph, Look, counted};
use crate::ui::server::form_page::FormLayout;
use crate::ui::server::message::leave_message;
use crate::ui::shell::Nav;

pub async fn show(
    State(app): State<App>,
    member: Member,
    PathId(id): PathId<UserId>,
) -> Result<Response, Error> {
    let listed = service::find_member(&app, &member, id).await?;
    refuse_others(&member, &listed)?;
    page(&app, &member, listed, FormErrors::default()).await
}

/// `key` is repeated for each selected key.
pub async fn submit(
    State(app): State<App>,
    member: Member,
    session: Session,
    PathId(id): PathId<UserId>,
    RawForm(form): RawForm,
) -> Result<Response, Error> {
    let user = id;
    let listed = service::find_member(&app, &member, user).await?;
    let fields = url::form_urlencoded::parse(&form).filter(|(name, _)| name == "key");
    let ticked: Vec<KeyId> = fields.filter_map(|(_, key)| KeyId::parse(&key)).collect();
    match service::remove(&app, &member, user, &ticked).await? {
        MemberChange::LastOwner => {
            let errors = FormErrors::default().with("", last_owner(&member));
            page(&app, &member, listed, errors).await
        }
        MemberChange::Done if user == member.user => {
            leave_message(&session, &format!("You left {}.", member.org.org_name)).await?;
            Ok(Redirect::to("/").into_response())
        }
        MemberChange::Done => {
            leave_message(&session, &format!("{} was removed.", listed.name)).await?;
            Ok(Redirect::to(HOME).into_response())
        }
    }
}

async fn page(
    app: &App,
    member: &Member,
    listed: MemberSummary,
    errors: FormErrors,
) -> Result<Response, Error> {
    let keys = service::keys_of(app, member, listed.user).await?;
    let here = format!("{HOME}/{}/remove", listed.user);
    let is_self = listed.user == member.user;
    let org = member.org.org_name.clone();
    let (title, button, failed) = if is_self {
        (format!("Leave {org}"), "Leave", "You are still a member.")
    } else {
        (format!("Remove {}", listed.name), "Remove member", "Nobody was removed.")
    };
    let text = if is_self {
        format!("You can come back only by a new invitation. What you did stays in the audit log of {org}.")
    } else {
        format!("{} loses access to {org} at once. What they did stays in its audit log.", listed.email)
    };
    let page = form_page(app, member, Some(Nav::Members), &title, here)
        .up(HOME, "Members")
        .text(text)
        .layout(FormLayout::Wide)
        .failed(failed)
        .submit(button)
        .saving("Removing…")
        .look(Look::Danger);
    Ok(page.render(errors, move || keys_section(keys)).await)
}

fn keys_section(keys: Vec<CreatedKey>) -> AnyView {
    if keys.is_empty() {
        return view! { <p class="text-ink-2">"This member has no keys, or all of them are revoked."</p> }
            .into_any();
    }
    let title =
        counted(keys.len() as u64, "key was created by this member", "keys were created by this member");
    let rows = keys.into_iter().map(|key| {
        let CreatedKey { id, name, kind, prefix, calls, is_login } = key;
        let calls = format!("{prefix} · {} in the last 24 h", counted(calls, "call", "calls"));
        let choice = if is_login {
            view! { <p class="text-dense">"Revoked: it belongs to a login of a command line or an MCP client."</p> }.into_any()
        } else {
            view! { <Checkbox name="key" label="Revoke it too" value=id.to_string()/> }.into_any()
        };
        view! {
            <li class="flex flex-wrap items-center justify-between gap-3 border-t border-line pt-3">
                <div class="flex min-w-0 items-center gap-3">
                    <Glyph seed=prefix kind/>
                    <div class="min-w-0">
                        <p class="font-medium [overflow-wrap:anywhere]" dir="auto">{name}</p>
                        <p class="cap [overflow-wrap:anywhere]">{calls}</p>
                    </div>
                </div>
                {choice}
            </li>
        }
    });
    view! {
        <div>
            <h2 class="h-sect">{title}</h2>
            <p class="hint mt-1">"Keys belong to the organization and keep working unless you tick them. Those that stay can no longer \
            create or change keys."</p>
            <ul class="mt-3 grid gap-3">{rows.collect_view()}</ul>
        </div>
    }
    .into_any()
}
