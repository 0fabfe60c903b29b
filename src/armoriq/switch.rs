//! `armoriq switch-org`: creates a key for the same person and device in another of their organizations. Only a key that a
//! login created can do this; every other key is limited to its organization. The new key's role is at most that of the old
//! key and that of the person in the new organization. The old key stays valid until the next login to its organization.

use axum::extract::State;
use axum::{Extension, Json};
use serde_json::{Value, json};

use super::caller::ArmorIqCaller;
use super::json_body;
use crate::api::{AnyBody, ApiError};
use crate::audit::{self, By, Event, Origin};
use crate::device::server::LoginLimits;
use crate::keys::check_key_name;
use crate::keys::server::{self as keys, LoginDraft, RequestingKey};
use crate::orgs::server::{self as orgs, CREATOR_GONE, Membership};
use crate::platform::http::Visit;
use crate::platform::{App, Error};
use crate::shared::{Kind, Permission};

/// The program's display name.
const TOOL: &str = "ArmorIQ CLI";

pub async fn organization(
    State(app): State<App>,
    Extension(visit): Extension<Visit>,
    caller: ArmorIqCaller,
    AnyBody(body): AnyBody<Value>,
) -> Result<Json<Value>, ApiError> {
    let body = json_body::object(&body)?;
    let org = json_body::text(body, "org")?.map(str::trim).filter(|text| !text.is_empty());
    let org =
        org.ok_or_else(|| json_body::bad_request("org is missing: give an organization's name or id."))?;
    let name =
        json_body::text(body, "keyName")?.map(check_key_name).transpose().map_err(json_body::bad_request)?;
    let actor = &caller.actor;
    let key = keys::find(&app, actor, caller.key).await?;
    // The client reports every 403 as "not a member". Other refusals are a 400, whose message it shows.
    if !actor.may(Permission::ManageOwnKeys) {
        let why = "A viewer's key may only read. Run `armoriq login --org` to log in there.";
        return Err(refused(&app, &caller, why).await);
    }
    if orgs::find_current_member(&app, actor.org.org, actor.user).await?.is_none() {
        return Err(refused(&app, &caller, CREATOR_GONE).await);
    }
    let Some(login) = key.login else {
        let why = "Only a key that `armoriq login` created can switch to another organization.";
        return Err(refused(&app, &caller, why).await);
    };
    let target = match find(&app, &caller, org).await? {
        Ok(target) => target,
        Err(None) => {
            note_refusal(&app, &caller, "There is no such organization, or the person is not a member.")
                .await?;
            return Err(Error::NotFound.into());
        }
        Err(Some(why)) => return Err(json_body::bad_request(why)),
    };
    if let Err(why) = keys::login_constraints(&app, target.org, Kind::Live).await? {
        return Err(json_body::bad_request(why));
    }
    LoginLimits::new_key(&app, actor.user)?;
    let person = caller.person(&app).await?;
    let minted = keys::mint(&app, Kind::Live).await?;
    let mut write = app.db.write().await.map_err(Error::from)?;
    if target.org != actor.org.org {
        // Record the switch in the old organization too, without the name of the new one.
        let event = Event::new("login.switched").on("key", key.id, &key.name);
        audit::record(&app, &mut write, &actor.by, event).await?;
    }
    let draft = LoginDraft {
        user: actor.user,
        org: target.org,
        cap: actor.org.role,
        expires_by: None,
        tool: TOOL.to_owned(),
        device: Some(login.device),
        device_id: login.device_id,
        product: login.product,
        name,
        renewal: None,
        requested_by: Some(RequestingKey { org: actor.org.org, key: caller.key, secret: caller.secret }),
    };
    let by = By {
        actor: audit::EventActor::Person { id: person.id, name: person.name },
        org: Some(target.org),
        origin: Origin::of(&visit),
    };
    // None if the person has left the organization or the calling key was revoked in the meantime.
    let new_key = keys::log_in(&app, write, minted, &draft, &by).await?.ok_or(Error::NotFound)?;
    Ok(Json(json!({
        "success": true,
        "api_key": new_key.plaintext.expose(),
        "org_id": target.org.to_string(),
        "org_name": target.org_name,
    })))
}

/// Finds one of the person's organizations by its id or its exact name. The inner error is a message for the person, or None
/// if they are in no such organization, whether or not it exists.
async fn find(
    app: &App,
    caller: &ArmorIqCaller,
    id_or_name: &str,
) -> Result<Result<Membership, Option<&'static str>>, Error> {
    let memberships = orgs::memberships_with_counts(app, caller.actor.user).await?;
    let mut memberships: Vec<Membership> =
        memberships.into_iter().map(|(membership, _)| membership).collect();
    if let Some(at) = memberships.iter().position(|membership| membership.org.to_string() == id_or_name) {
        return Ok(Ok(memberships.swap_remove(at)));
    }
    memberships.retain(|membership| membership.org_name == id_or_name);
    Ok(match (memberships.pop(), memberships.is_empty()) {
        (Some(only), true) => Ok(only),
        (Some(_), false) => Err(Some("Several of your organizations have this name. Use the id instead.")),
        (None, _) => Err(None),
    })
}

/// Audits a refusal and returns the error to respond with.
async fn refused(app: &App, caller: &ArmorIqCaller, why: &'static str) -> ApiError {
    match note_refusal(app, caller, why).await {
        Ok(()) => json_body::bad_request(why),
        Err(error) => error.into(),
    }
}

/// Records a refusal in the audit log of the key's organization.
async fn note_refusal(app: &App, caller: &ArmorIqCaller, why: &str) -> Result<(), Error> {
    let org = &caller.actor.org;
    let event = Event::new("login.switch_refused").on("organization", org.org, &org.org_name);
    audit::record_refusal(app, &caller.actor.by, event.detail("reason", why)).await
}
