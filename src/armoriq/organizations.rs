//! `armoriq orgs`. `login` asks the same to learn whether its saved key still works.

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use super::caller::ArmorIqCaller;
use crate::api::ApiError;
use crate::keys::server as keys;
use crate::orgs::server::{self as orgs, Membership};
use crate::platform::App;
use crate::shared::OrgId;

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

impl Organization {
    fn of(place: &Membership, members: i64, here: OrgId) -> Self {
        Self {
            name: place.org_name.clone(),
            org_id: place.org.to_string(),
            user_role: place.role.as_str(),
            member_count: members,
            active: place.org == here,
        }
    }
}

/// A login's key sees where its person belongs; any other key is one organization's, and is told of no other.
pub async fn list(State(app): State<App>, caller: ArmorIqCaller) -> Result<Json<Organizations>, ApiError> {
    let here = &caller.actor.org;
    let places = orgs::places_of(&app, caller.actor.user).await?;
    let is_login = keys::find(&app, &caller.actor, caller.key).await?.login.is_some();
    let data = if is_login {
        places.iter().map(|(place, members)| Organization::of(place, *members, here.org)).collect()
    } else {
        let members =
            places.iter().find(|(place, _)| place.org == here.org).map_or(0, |(_, members)| *members);
        vec![Organization::of(here, members, here.org)]
    };
    Ok(Json(Organizations { success: true, data }))
}
