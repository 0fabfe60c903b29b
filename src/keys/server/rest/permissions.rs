//! `/api/v1/permissions`: the permissions that the organization lists.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::bodies::respond;
use super::caller::ApiCaller;
use crate::api::{ApiError, Body};
use crate::keys::server::Refusal;
use crate::permissions::server::{self as permissions, ListedPermission, NewPermission, PermissionRefusal};
use crate::platform::App;
use crate::platform::http::PathId;
use crate::shared::PermissionId;

#[derive(Serialize, ToSchema)]
#[schema(as = Permission)]
pub struct PermissionBody {
    id: String,
    /// Such as invoices.read, or invoices.* for everything below
    name: String,
    description: String,
    /// When a check last asked for it, to about ten seconds
    #[schema(format = DateTime)]
    last_asked_at: Option<String>,
}

impl PermissionBody {
    fn of(permission: ListedPermission) -> Self {
        Self {
            id: permission.id.to_string(),
            name: permission.name,
            description: permission.description,
            last_asked_at: permission.asked_at.map(|at| at.to_string()),
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct PermissionList {
    data: Vec<PermissionBody>,
}

/// The permissions that the organization lists, by name
#[utoipa::path(get, path = "/api/v1/permissions", operation_id = "listPermissions", tag = "permissions",
    responses((status = 200, description = "All permissions, at most 1,000", body = PermissionList), (status = 401)))]
pub async fn list(State(app): State<App>, caller: ApiCaller) -> Result<Response, ApiError> {
    let all = permissions::list(&app, &caller.actor).await?;
    let data = all.into_iter().map(PermissionBody::of).collect();
    Ok(respond(StatusCode::OK, &caller.limits, PermissionList { data }))
}

#[derive(Deserialize, ToSchema)]
#[schema(as = NewPermission)]
#[serde(deny_unknown_fields)]
pub struct AddPermissionBody {
    /// Lower-case letters, digits, - and _ in parts separated by dots; .* at the end stands for everything below
    name: String,
    #[serde(default)]
    description: String,
}

/// List a permission, which admins can then give to keys
#[utoipa::path(post, path = "/api/v1/permissions", operation_id = "addPermission", tag = "permissions", request_body = AddPermissionBody,
    responses((status = 201, description = "The permission", body = PermissionBody), (status = 401), (status = 403), (status = 422)))]
pub async fn add(
    State(app): State<App>,
    caller: ApiCaller,
    Body(new): Body<AddPermissionBody>,
) -> Result<Response, ApiError> {
    let new = NewPermission { name: new.name, description: new.description };
    let added = permissions::add(&app, &caller.actor, &new).await?;
    Ok(respond(StatusCode::CREATED, &caller.limits, PermissionBody::of(added)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PermissionEdit {
    description: String,
}

/// Change the description of a permission; its name stays
#[utoipa::path(patch, path = "/api/v1/permissions/{id}", operation_id = "describePermission", tag = "permissions",
    params(("id" = String, Path, description = "The permission's id")), request_body = PermissionEdit,
    responses((status = 200, description = "The permission as it is now", body = PermissionBody), (status = 401), (status = 403), (status = 404), (status = 422)))]
pub async fn describe(
    State(app): State<App>,
    caller: ApiCaller,
    PathId(id): PathId<PermissionId>,
    Body(edit): Body<PermissionEdit>,
) -> Result<Response, ApiError> {
    permissions::describe(&app, &caller.actor, id, &edit.description).await?;
    let permission = permissions::find(&app, &caller.actor, id).await?;
    Ok(respond(StatusCode::OK, &caller.limits, PermissionBody::of(permission)))
}

#[derive(Serialize, ToSchema)]
pub struct RemovedPermission {
    /// The number of keys that had it
    keys: u64,
}

/// Remove a permission from the list and from the keys that have it
#[utoipa::path(delete, path = "/api/v1/permissions/{id}", operation_id = "removePermission", tag = "permissions",
    params(("id" = String, Path, description = "The permission's id")),
    responses((status = 200, description = "It is removed", body = RemovedPermission), (status = 401), (status = 403), (status = 404)))]
pub async fn remove(
    State(app): State<App>,
    caller: ApiCaller,
    PathId(id): PathId<PermissionId>,
) -> Result<Response, ApiError> {
    let keys = permissions::remove(&app, &caller.actor, id).await?;
    Ok(respond(StatusCode::OK, &caller.limits, RemovedPermission { keys }))
}

impl From<PermissionRefusal> for ApiError {
    fn from(refusal: PermissionRefusal) -> Self {
        match refusal {
            PermissionRefusal::Input(field, why) => Refusal::Input(vec![(field, why)]).into(),
            PermissionRefusal::Error(error) => error.into(),
        }
    }
}
