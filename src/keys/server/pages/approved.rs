//! `POST /settings/api-keys/approved/{id}`: creates the key of an approved request, for its requester. The response shows the
//! secret, as after creating a key at once.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use tower_sessions::Session;

use super::create::reveal_page;
use super::leave_refusal;
use crate::approvals::approval_path;
use crate::keys::server as keys;
use crate::orgs::server::Member;
use crate::platform::http::PathId;
use crate::platform::{App, Error};
use crate::shared::ApprovalId;

pub async fn create(
    State(app): State<App>,
    member: Member,
    session: Session,
    PathId(id): PathId<ApprovalId>,
) -> Result<Response, Error> {
    match keys::create_approved(&app, &member, id).await {
        Ok(revealed) => reveal_page(&app, &member, revealed).await,
        Err(refusal) => {
            leave_refusal(&session, refusal).await?;
            Ok(Redirect::to(&approval_path(id)).into_response())
        }
    }
}
