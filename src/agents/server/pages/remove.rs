//! `POST /settings/agents/{id}/remove`: removes an agent without a confirmation, because the agent can register again.

use axum::extract::State;
use axum::response::Redirect;
use tower_sessions::Session;

use super::HOME;
use crate::agents::server::service;
use crate::orgs::server::Member;
use crate::platform::http::PathId;
use crate::platform::{App, Error};
use crate::shared::AgentId;
use crate::ui::server::message::leave_message;

pub async fn submit(
    State(app): State<App>,
    member: Member,
    session: Session,
    PathId(id): PathId<AgentId>,
) -> Result<Redirect, Error> {
    let agent = service::remove(&app, &member, id).await?;
    leave_message(&session, &format!("The agent {} was removed.", agent.name)).await?;
    Ok(Redirect::to(HOME))
}
