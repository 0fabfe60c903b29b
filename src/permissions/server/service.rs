//! Adds, describes and removes the permissions of an organization. For admins; everybody may see them.

use super::store::{self, PermissionRow};
use crate::audit::{self, Event};
use crate::orgs::server::Actor;
use crate::permissions::model::{MAX_DESCRIPTION_LENGTH, MAX_PERMISSIONS_PER_ORG, PermissionName};
use crate::platform::changes::{self, ChangeKind};
use crate::platform::db::Write;
use crate::platform::{App, Error};
use crate::shared::{Permission, PermissionId, TOKEN_IN_TEXT, contains_token};

pub use store::PermissionRow as ListedPermission;

pub struct NewPermission {
    pub name: String,
    pub description: String,
}

/// A field and what is wrong with it; or an error.
#[derive(Debug)]
pub enum PermissionRefusal {
    Input(&'static str, String),
    Error(Error),
}

impl<E: Into<Error>> From<E> for PermissionRefusal {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

pub async fn list(app: &App, actor: &Actor) -> Result<Vec<ListedPermission>, Error> {
    actor.require(Permission::See)?;
    Ok(store::list(app.db.pool(), actor.org.org).await?)
}

pub async fn find(app: &App, actor: &Actor, id: PermissionId) -> Result<ListedPermission, Error> {
    actor.require(Permission::See)?;
    store::find(app.db.pool(), actor.org.org, id).await?.ok_or(Error::NotFound)
}

pub async fn add(
    app: &App,
    actor: &Actor,
    new: &NewPermission,
) -> Result<ListedPermission, PermissionRefusal> {
    actor.require(Permission::ManagePermissions)?;
    let input = |field, why: &str| PermissionRefusal::Input(field, why.to_owned());
    let name = PermissionName::parse(new.name.trim()).map_err(|why| input("name", why))?;
    let description = check_description(&new.description)?;
    let now = app.clock.now();
    let org = actor.org.org;
    let id = PermissionId::new(now, app.random.bytes());
    let row = PermissionRow { id, name: name.to_string(), description, asked_at: None };
    let mut write = app.db.write().await?;
    if store::list(&mut *write, org).await?.len() >= MAX_PERMISSIONS_PER_ORG {
        return Err(input("name", "An organization lists at most 1,000 permissions."));
    }
    if !store::insert(&mut write, org, &row, now).await? {
        return Err(input("name", "This permission is already listed."));
    }
    conclude(app, actor, write, "permission.added", &row).await?;
    Ok(row)
}

pub async fn describe(
    app: &App,
    actor: &Actor,
    id: PermissionId,
    description: &str,
) -> Result<(), PermissionRefusal> {
    actor.require(Permission::ManagePermissions)?;
    let description = check_description(description)?;
    let mut write = app.db.write().await?;
    let found = store::find(&mut *write, actor.org.org, id).await?.ok_or(Error::NotFound)?;
    if found.description == description {
        return Ok(());
    }
    store::set_description(&mut write, id, &description).await?;
    let row = PermissionRow { description, ..found };
    Ok(conclude(app, actor, write, "permission.described", &row).await?)
}

/// Removes a permission from the list and from the keys that have it.
pub async fn remove(app: &App, actor: &Actor, id: PermissionId) -> Result<u64, Error> {
    actor.require(Permission::ManagePermissions)?;
    let mut write = app.db.write().await?;
    let row = store::find(&mut *write, actor.org.org, id).await?.ok_or(Error::NotFound)?;
    let keys = store::delete(&mut write, id).await?;
    conclude(app, actor, write, "permission.removed", &row).await?;
    Ok(keys)
}

fn check_description(text: &str) -> Result<String, PermissionRefusal> {
    let text = text.trim();
    let why = if contains_token(text) {
        TOKEN_IN_TEXT.to_owned()
    } else if text.chars().count() > MAX_DESCRIPTION_LENGTH {
        format!("A description has at most {MAX_DESCRIPTION_LENGTH} characters.")
    } else if text.chars().any(char::is_control) {
        "A description has no line breaks or control characters.".to_owned()
    } else {
        return Ok(text.to_owned());
    };
    Err(PermissionRefusal::Input("description", why))
}

async fn conclude(
    app: &App,
    actor: &Actor,
    mut write: Write,
    action: &'static str,
    row: &PermissionRow,
) -> Result<(), Error> {
    let event = Event::new(action).on("permission", row.id, &row.name);
    audit::record(app, &mut write, &actor.by, event).await?;
    changes::record(&mut write, app.clock.now(), ChangeKind::Permissions, actor.org.org).await?;
    write.commit().await?;
    Ok(())
}
