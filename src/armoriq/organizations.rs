//! `armoriq orgs`. `login` asks the same to learn whether its saved key still works.

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use super::caller::Caller;
use crate::api::Told;
use crate::orgs::server as orgs;
use crate::platform::App;

/// Clients compute with every field, so none is left out and none is null.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Organization {
    name: String,
    org_id: String,
    user_role: &'static str,
    member_count: i64,
    /// The one that the key belongs to.
    active: bool,
}

#[derive(Serialize)]
pub struct Organizations {
    success: bool,
    data: Vec<Organization>,
}

/// A login's key sees where its person belongs; any other key is one organization's, and is told of no other.
pub async fn list(State(app): State<App>, caller: Caller) -> Result<Json<Organizations>, Told> {
    let here = &caller.actor.org;
    let places = orgs::places_of(&app, &caller.actor.user).await?;
    let size = places.iter().find(|(place, _)| place.org == here.org).map_or(0, |(_, size)| *size);
    let own = Organization {
        name: here.org_name.clone(),
        org_id: here.org.to_string(),
        user_role: here.role.as_str(),
        member_count: size,
        active: true,
    };
    Ok(Json(Organizations { success: true, data: vec![own] }))
}
