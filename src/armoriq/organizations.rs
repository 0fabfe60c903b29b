//! `armoriq orgs`: lists organizations. `armoriq login` makes the same request to check whether its saved key still works.

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use super::caller::ArmorIqCaller;
use crate::api::ApiError;
use crate::keys::server as keys;
use crate::orgs::server::{self as orgs, Membership};
use crate::platform::App;
use crate::shared::OrgId;

/// Clients expect every field, so none is omitted or null.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Organization {
    name: String,
    org_id: String,
    user_role: &'static str,
    member_count: i64,
    /// True for the organization of the key.
    active: bool,
}

#[derive(Serialize)]
pub struct Organizations {
    success: bool,
    data: Vec<Organization>,
}

impl Organization {
    fn of(membership: &Membership, member_count: i64, key_org: OrgId) -> Self {
        Self {
            name: membership.org_name.clone(),
            org_id: membership.org.to_string(),
            user_role: membership.role.as_str(),
            member_count,
            active: membership.org == key_org,
        }
    }
}

/// Lists all organizations of the person for a key of a command-line login, and only the key's organization for any other
/// key.
pub async fn list(State(app): State<App>, caller: ArmorIqCaller) -> Result<Json<Organizations>, ApiError> {
    let key_org = &caller.actor.org;
    let memberships = orgs::memberships_with_counts(&app, caller.actor.user).await?;
    let is_login = keys::find(&app, &caller.actor, caller.key).await?.login.is_some();
    let data = if is_login {
        memberships
            .iter()
            .map(|(membership, count)| Organization::of(membership, *count, key_org.org))
            .collect()
    } else {
        let found = memberships.iter().find(|(membership, _)| membership.org == key_org.org);
        let count = found.map_or(0, |(_, count)| *count);
        vec![Organization::of(key_org, count, key_org.org)]
    };
    Ok(Json(Organizations { success: true, data }))
}
