//! Sends, resends and cancels invitations. The response to the form shows the invitation links; no other page does.

use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use tower_sessions::Session;

use super::HOME;
use super::invitation_view::InviteForm;
use super::list::{MembersQuery, page};
use crate::orgs::server::Member;
use crate::orgs::server::service::{self, Invited};
use crate::platform::http::PathId;
use crate::platform::{App, Error};
use crate::shared::{InvitationId, Role};
use crate::ui::form::FormErrors;
use crate::ui::server::message::leave_message;

pub async fn invite(
    State(app): State<App>,
    member: Member,
    Form(typed): Form<InviteForm>,
) -> Result<Response, Error> {
    let role = Role::parse(&typed.role).unwrap_or(Role::Member);
    match service::invite(&app, &member, &typed.emails, role).await? {
        Ok(invited) => links_page(&app, &member, invited).await,
        Err(why) => {
            let errors = FormErrors::default().with("emails", why);
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            page(&app, &member, MembersQuery::default(), typed, Vec::new(), errors, status).await
        }
    }
}

pub async fn resend(
    State(app): State<App>,
    member: Member,
    PathId(id): PathId<InvitationId>,
) -> Result<Response, Error> {
    let invited = service::resend(&app, &member, id).await?;
    links_page(&app, &member, vec![invited]).await
}

pub async fn withdraw(
    State(app): State<App>,
    member: Member,
    session: Session,
    PathId(id): PathId<InvitationId>,
) -> Result<Response, Error> {
    let withdrawn = service::withdraw(&app, &member, id).await?;
    leave_message(&session, &format!("The invite for {} was canceled.", withdrawn.email)).await?;
    Ok(Redirect::to(HOME).into_response())
}

/// The member list with the links of these invitations.
async fn links_page(app: &App, member: &Member, invited: Vec<Invited>) -> Result<Response, Error> {
    let none = FormErrors::default();
    page(app, member, MembersQuery::default(), InviteForm::default(), invited, none, StatusCode::OK).await
}
