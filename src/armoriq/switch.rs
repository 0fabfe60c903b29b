//! `armoriq switch-org`: the same person at the same device gets a key in another of their organizations. Only a key that
//! a login made does this: any other is one organization's and does not lead out of it. The new key may do no more than
//! the old one, nor more than the person may there. The old one stays, and goes with the next login into its
//! organization.

use axum::extract::State;
use axum::{Extension, Json};
use serde_json::{Value, json};

use super::caller::ArmorIqCaller;
use super::words;
use crate::api::{ApiError, Body};
use crate::audit::{self, By, Event, Origin};
use crate::device::server::LoginLimits;
use crate::keys::check_key_name;
use crate::keys::server::{self as keys, Asks, LoginWish};
use crate::orgs::server::{self as orgs, CREATOR_GONE, Membership};
use crate::platform::http::Visit;
use crate::platform::{App, Error};
use crate::shared::Permission;

/// What people call the program.
const TOOL: &str = "ArmorIQ CLI";

pub async fn organization(
    State(app): State<App>,
    Extension(visit): Extension<Visit>,
    caller: ArmorIqCaller,
    Body(body): Body<Value>,
) -> Result<Json<Value>, ApiError> {
    let body = words::object(&body)?;
    let wanted = words::text(body, "org")?.map(str::trim).filter(|text| !text.is_empty());
    let wanted = wanted.ok_or_else(|| words::refused("Name an organization, or give its id."))?;
    let name = words::text(body, "keyName")?.map(check_key_name).transpose().map_err(words::refused)?;
    let actor = &caller.actor;
    let key = keys::find(&app, actor, caller.key).await?;
    // The client takes a 403 for "not a member there", so what is refused for another reason is a 400, which it shows.
    if !actor.may(Permission::ManageOwnKeys) {
        let why = "A viewer's key may only read. Run `armoriq login --org` to log in there.";
        return Err(refused(&app, &caller, why).await);
    }
    if orgs::find_present(&app, actor.org.org, actor.user).await?.is_none() {
        return Err(refused(&app, &caller, CREATOR_GONE).await);
    }
    let Some(login) = key.login else {
        let why = "Only a key that `armoriq login` made can go to another organization.";
        return Err(refused(&app, &caller, why).await);
    };
    let target = match find(&app, &caller, wanted).await? {
        Ok(target) => target,
        Err(None) => {
            note_refusal(&app, &caller, "There is no such organization, or its person is no member.").await?;
            return Err(Error::NotFound.into());
        }
        Err(Some(why)) => return Err(words::refused(why)),
    };
    LoginLimits::new_key(&app, actor.user)?;
    let person = caller.person(&app).await?;
    let minted = keys::mint(&app).await?;
    let mut write = app.db.write().await.map_err(Error::from)?;
    if target.org != actor.org.org {
        // Those who look after the old organization see that its key was there; where it went is not theirs to know.
        let event = Event::new("login.switched").on("key", key.id, &key.name);
        audit::record(&app, &mut write, &actor.by, event).await?;
    }
    let wish = LoginWish {
        user: actor.user,
        org: target.org,
        cap: actor.org.role,
        tool: TOOL.to_owned(),
        device: Some(login.device),
        device_id: login.device_id,
        product: login.product,
        name,
        asks: Some(Asks { org: actor.org.org, key: caller.key, secret: caller.secret }),
    };
    let by = By {
        actor: audit::Actor::Person { id: person.id, name: person.name },
        org: Some(target.org),
        origin: Origin::of(&visit),
    };
    // They may have left it a moment ago, or lost the key that asks.
    let made = keys::log_in(&app, write, minted, &wish, &by).await?.ok_or(Error::NotFound)?;
    Ok(Json(json!({
        "success": true,
        "api_key": made.plaintext.expose(),
        "org_id": target.org.to_string(),
        "org_name": target.org_name,
    })))
}

/// By id, or by its exact name; or why it is none, where more can be told than that. Somebody else's and none are the same.
async fn find(
    app: &App,
    caller: &ArmorIqCaller,
    wanted: &str,
) -> Result<Result<Membership, Option<&'static str>>, Error> {
    let places = orgs::places_of(app, caller.actor.user).await?;
    let mut places: Vec<Membership> = places.into_iter().map(|(place, _)| place).collect();
    if let Some(at) = places.iter().position(|place| place.org.to_string() == wanted) {
        return Ok(Ok(places.swap_remove(at)));
    }
    places.retain(|place| place.org_name == wanted);
    Ok(match (places.pop(), places.is_empty()) {
        (Some(only), true) => Ok(only),
        (Some(_), false) => {
            Err(Some("Several of your organizations have this name. Give the id of the one."))
        }
        (None, _) => Err(None),
    })
}

async fn refused(app: &App, caller: &ArmorIqCaller, why: &'static str) -> ApiError {
    match note_refusal(app, caller, why).await {
        Ok(()) => words::refused(why),
        Err(error) => error.into(),
    }
}

/// It is told to the organization of the key.
async fn note_refusal(app: &App, caller: &ArmorIqCaller, why: &str) -> Result<(), Error> {
    let org = &caller.actor.org;
    let event = Event::new("login.switch_refused").on("organization", org.org, &org.org_name);
    audit::record_refusal(app, &caller.actor.by, event.detail("reason", why)).await
}
