//! `GET /api/v1/me`: describes the calling key.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::bodies::{KeyBody, respond};
use super::caller::ApiCaller;
use crate::api::ApiError;
use crate::keys::server as keys;
use crate::orgs;
use crate::platform::{App, Error};
use crate::shared::Plan;

#[derive(Serialize, ToSchema)]
pub struct Me {
    key: KeyBody,
    org: OrgBody,
    user: UserBody,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Organization)]
pub struct OrgBody {
    id: String,
    name: String,
    #[schema(value_type = Plan)]
    plan: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Person)]
pub struct UserBody {
    id: String,
    name: String,
    email: String,
}

/// The calling key, its organization and the person in whose name it acts
#[utoipa::path(get, path = "/api/v1/me", operation_id = "getMe", tag = "keys",
    responses((status = 200, description = "The calling key and its surroundings", body = Me), (status = 401)))]
pub async fn show(State(app): State<App>, caller: ApiCaller) -> Result<Response, ApiError> {
    Ok(me(&app, &caller).await?)
}

async fn me(app: &App, caller: &ApiCaller) -> Result<Response, Error> {
    let key = keys::find(app, &caller.actor, caller.key).await?;
    let (name, plan) = orgs::server::find(app, key.org).await?.ok_or(Error::NotFound)?;
    let person = caller.person(app).await?;
    let body = Me {
        key: KeyBody::of(&key, app.clock.now()),
        org: OrgBody { id: key.org.to_string(), name, plan: plan.to_string() },
        user: UserBody { id: person.id.to_string(), name: person.name, email: person.email },
    };
    Ok(respond(StatusCode::OK, &caller.limits, body))
}
