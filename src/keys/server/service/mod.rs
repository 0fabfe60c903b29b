//! The operations on keys. Each one checks the permission, locks the key's row, decides, writes, and adds an audit row and a
//! change log entry in the same transaction. Hashing happens before the transaction begins.

mod agent_request;
mod approval;
mod approved;
mod bounds;
mod change;
mod create;
mod customer;
mod draft;
mod find;
mod leaked;
mod login;
mod policy;
mod refusal;
mod refusal_span;
mod refusals;
mod renew_login;
mod replace;
mod revoke;
mod rotate;
mod strong_keys;
mod top_keys;
mod trial;

pub use agent_request::{
    AGENT_CREATES, AGENT_REASON, AGENT_ROTATES, AgentRequest, confirm_agent_request, request_creation,
    request_rotation,
};
pub use approved::{KeyApprovalHandler, create_approved};
pub use change::{Edit, disable, edit, enable, undo_disable, undo_enable};
pub use create::create;
pub use customer::{CustomerDraft, QuotaDraft};
pub use draft::{Draft, MAX_RANGES, check_expiry, read_ranges};
pub use find::{
    Holders, KeyCount, MAX_COUNTED, PermissionHolders, children, count, count_within, creating_keys,
    creators, find, find_by_name, find_by_secret, list, permission_holders, secrets,
};
pub use leaked::{apply_leak_effect, created_by, leak_topic, lock_leaked};
pub use login::{
    LoginDraft, PreparedToken, RenewableLogin, RequestingKey, end_logins, log_in, logins_of, mint,
};
pub use policy::{
    active_keys, login_constraints, login_constraints_in_tx, old_secrets, policy_key_batch, policy_rules,
};
pub use refusal::Refusal;
pub use refusal_span::RefusalSpan;
pub use refusals::{RefusalPage, org_refusals, refusals, refused_keys};
pub use renew_login::{LoginRenewal, RefusedRenewal, end_login, plan_includes_api, renew_login};
pub use replace::replace;
pub use revoke::revoke;
pub use rotate::{MAX_OVERLAP, extend, finish, rotate};
pub use top_keys::top_keys;
pub use trial::{KeyTrial, TrialLimits, TrialRequest, permission_requirement, try_key};

use super::token::NewToken;
use super::{Key, KeyCache, KeyMetrics, hash, name_key, store};
use crate::audit::{self, By, Event};
use crate::key_policy::PolicyRules;
use crate::orgs::server::{Actor, CREATOR_GONE, Membership, find_current_member, lock_and_read_role};
use crate::platform::changes::{self, ChangeKind};
use crate::platform::db::Write;
use crate::platform::{App, Error, Secret};
use crate::shared::{KeyId, Kind, Permission, PrincipalKind};
use bounds::Bounds;
use std::sync::Arc;

/// A key together with its plaintext, which exists only here and in the one response that shows it.
#[derive(Debug)]
pub struct Revealed {
    pub key: Key,
    pub plaintext: Secret,
}

const TAKEN: &str = "Another key of this organization has this name.";

/// Generates a token and the hash that is stored for it.
async fn generate(app: &App, kind: Kind) -> Result<(NewToken, String), Error> {
    let fresh = NewToken::generate(&app.random, kind);
    let secret = fresh.token().secret().to_owned();
    let salt = app.random.bytes();
    let cost = hash::cost_of_new(app);
    app.slice::<KeyMetrics>().hashed();
    let cache = app.slice::<Arc<KeyCache>>();
    let stored = cache.new_secrets.run((), move || hash::hash(&secret, &salt, cost)).await??;
    Ok((fresh, stored))
}

/// Requires that the actor may manage keys at all. Called before any work, so that no hash is computed in vain.
async fn require(app: &App, actor: &Actor, verb: &'static str) -> Result<(), Error> {
    let why = if !actor.may(Permission::ManageOwnKeys) {
        "A key with the role viewer can only read."
    } else if actor.principal == PrincipalKind::Key
        && find_current_member(app, actor.org.org, actor.user).await?.is_none()
    {
        CREATOR_GONE
    } else {
        return Ok(());
    };
    Err(refused(app, actor, verb, None, why.to_owned()).await)
}

/// Requires that the actor may set owner, metadata, permissions and quota.
async fn require_for_customers(
    app: &App,
    actor: &Actor,
    verb: &'static str,
    key: Option<&Key>,
) -> Result<(), Error> {
    if actor.may(Permission::ManagePermissions) {
        return Ok(());
    }
    let who = Permission::ManagePermissions.least_role(actor.principal).plural();
    let why = format!("Only {who} set the owner, metadata, permissions and quota of a key.");
    Err(refused(app, actor, verb, key, why).await)
}

/// Whether the actor may manage this key: it is their own, or they may manage all keys. Operations that grant access require
/// more.
pub fn may_manage(actor: &Actor, key: &Key) -> bool {
    let own = key.created_by == actor.user && actor.may(Permission::ManageOwnKeys);
    own || actor.may(Permission::ManageAllKeys)
}

/// Refuses a change before its form is shown.
pub fn require_to_manage(actor: &Actor, key: &Key) -> Result<(), Error> {
    if may_manage(actor, key) { Ok(()) } else { Err(Error::Forbidden(not_theirs(actor))) }
}

/// Like `require_to_manage`, for a change that grants or prolongs access.
pub fn require_to_grant(actor: &Actor, key: &Key) -> Result<(), Error> {
    require_to_manage(actor, key)?;
    if actor.org.role >= key.role { Ok(()) } else { Err(Error::Forbidden(too_high(key))) }
}

/// Like `require_to_manage`, for a change that shows a new secret. A login's key gives access to all organizations of its person,
/// so nobody else, and no other key of that person, may receive its secret.
pub fn require_to_renew(actor: &Actor, key: &Key) -> Result<(), Error> {
    require_to_grant(actor, key)?;
    why_no_secret(actor, key).map_or(Ok(()), |why| Err(Error::Forbidden(why.to_owned())))
}

/// Why the actor may not receive a new secret of the key.
fn why_no_secret(actor: &Actor, key: &Key) -> Option<&'static str> {
    let is_person_of_login = actor.principal == PrincipalKind::Person && actor.user == key.created_by;
    match key.login {
        Some(_) if key.renewal.is_some() => Some(RENEWED_LOGIN),
        Some(_) if !is_person_of_login => Some(ANOTHERS_LOGIN),
        _ => None,
    }
}

/// Whether pages offer to enable the key. Under a policy that requires approval for its role, only its creator may do so.
pub fn may_enable(actor: &Actor, key: &Key, rules: &PolicyRules) -> bool {
    let is_creator = key.created_by == actor.user;
    require_to_grant(actor, key).is_ok() && (is_creator || !rules.needs_approval(key.role))
}

/// Whether pages offer to rotate the key.
pub fn may_rotate(actor: &Actor, key: &Key, rules: &PolicyRules) -> bool {
    may_enable(actor, key, rules) && why_no_secret(actor, key).is_none()
}

const ITSELF: &str = "A key cannot edit, enable or extend itself. Do it on its page, or with another key.";
const OLD_SECRET: &str = "This secret is being replaced and cannot rotate its key. Use the new secret, or rotate on the key's page.";
const RENEWED_LOGIN: &str = "This key belongs to the login of an MCP client, which renews its secret every hour. It cannot be rotated.";
const ANOTHERS_LOGIN: &str = "Only the person who logged in can renew this key, here or by logging in again.";

fn not_theirs(actor: &Actor) -> String {
    let admins = Permission::ManageAllKeys.least_role(actor.principal).plural();
    format!("Only the creator of this key and {admins} may do this.")
}

fn too_high(key: &Key) -> String {
    format!("This key is {}; that takes the same role or a higher one.", key.role.with_article())
}

/// A change whose transaction has begun.
struct BegunChange {
    write: Write,
    /// The actor with their current role.
    actor: Actor,
    /// The limits of the acting key, if a key acts.
    bounds: Option<Bounds>,
}

/// Begins a change and reads the actor's permissions again, since they may have changed since the request began.
async fn begin(app: &App, actor: &Actor, verb: &'static str) -> Result<BegunChange, Error> {
    require(app, actor, verb).await?;
    let mut write = app.db.write().await?;
    let present = async {
        let role = lock_and_read_role(&mut write, actor).await?;
        Ok::<_, Error>((role, Bounds::of_present_actor(app, &mut write, actor).await?))
    };
    match present.await {
        Ok((role, bounds)) => {
            let org = Membership { role, ..actor.org.clone() };
            Ok(BegunChange { write, actor: Actor { org, ..actor.clone() }, bounds })
        }
        Err(Error::Forbidden(why)) => {
            drop(write);
            Err(refused(app, actor, verb, None, why).await)
        }
        Err(error) => Err(error),
    }
}

/// Refuses a key with a role above the actor's.
async fn role_too_high(app: &App, actor: &Actor) -> Refusal {
    let why = format!("You are {} and cannot make a key with a higher role.", actor.org.role.with_article());
    refused(app, actor, "create", None, why).await.into()
}

/// What a change grants.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Grants {
    Nothing,
    /// Access is granted or prolonged. The actor's current role must be at least the key's. A key cannot do it to itself, nor
    /// to a key with looser limits than its own.
    Power,
    /// Like `Power`, and a new secret is shown. A key may do it to itself.
    Secret,
    /// Like `Power`, but the operation itself compares the limits of the result.
    NewLimits,
}

/// Locks a key that the actor may manage until the end of the transaction.
async fn lock_key(
    app: &App,
    actor: &Actor,
    id: KeyId,
    verb: &'static str,
    grants: Grants,
) -> Result<(Write, Key), Refusal> {
    let (write, key, _) = lock_key_with_bounds(app, actor, id, verb, grants).await?;
    Ok((write, key))
}

/// Like `lock_key`, and returns the limits of the acting key.
async fn lock_key_with_bounds(
    app: &App,
    actor: &Actor,
    id: KeyId,
    verb: &'static str,
    grants: Grants,
) -> Result<(Write, Key, Option<Bounds>), Refusal> {
    let BegunChange { mut write, actor, bounds } = begin(app, actor, verb).await?;
    let Some(key) = store::lock(&mut write, actor.org.org, id).await? else {
        return Err(Error::NotFound.into());
    };
    let why = why_refused(&actor, &key, grants, bounds.as_ref());
    match why {
        None => Ok((write, key, bounds)),
        Some(why) => {
            drop(write);
            Err(refused(app, &actor, verb, Some(&key), why).await.into())
        }
    }
}

/// Why the actor may not make such a change of this key.
fn why_refused(actor: &Actor, key: &Key, grants: Grants, bounds: Option<&Bounds>) -> Option<String> {
    if !may_manage(actor, key) {
        Some(not_theirs(actor))
    } else if grants != Grants::Nothing && actor.org.role < key.role {
        Some(too_high(key))
    } else if grants == Grants::Secret
        && let Some(why) = why_no_secret(actor, key)
    {
        Some(why.to_owned())
    } else if actor.key == Some(key.id) {
        why_not_itself(actor, key, grants).map(str::to_owned)
    } else if matches!(grants, Grants::Power | Grants::Secret) {
        let beyond = bounds.map(|bounds| bounds.exceeded_by(key)).unwrap_or_default();
        beyond.into_iter().next().map(|(_, why)| why)
    } else {
        None
    }
}

/// Refuses actors who may not revoke the key, so that this error comes before errors of the form.
pub async fn require_to_revoke(app: &App, actor: &Actor, key: &Key) -> Result<(), Error> {
    require_for(app, actor, key, "revoke", Grants::Nothing).await
}

/// Refuses actors who may not do `verb`, which grants nothing, to the key.
pub async fn require_to_change(app: &App, actor: &Actor, key: &Key, verb: &'static str) -> Result<(), Error> {
    require_for(app, actor, key, verb, Grants::Nothing).await
}

/// Refuses actors who may not rotate the key.
pub async fn require_to_rotate(app: &App, actor: &Actor, key: &Key) -> Result<(), Error> {
    require_for(app, actor, key, "rotate", Grants::Secret).await
}

async fn require_for(
    app: &App,
    actor: &Actor,
    key: &Key,
    verb: &'static str,
    grants: Grants,
) -> Result<(), Error> {
    match why_refused(actor, key, grants, None) {
        None => Ok(()),
        Some(why) => Err(refused(app, actor, verb, Some(key), why).await),
    }
}

/// Why a key may not do this to itself. A secret that is being replaced may not create one that outlives its own cut-off.
fn why_not_itself(actor: &Actor, key: &Key, grants: Grants) -> Option<&'static str> {
    match grants {
        Grants::Nothing => None,
        Grants::Power | Grants::NewLimits => Some(ITSELF),
        Grants::Secret => actor.secret.filter(|secret| *secret != key.secret).map(|_| OLD_SECRET),
    }
}

/// Refuses a change beyond the acting key's limits. Each field is named; the audit log records the first reason.
async fn beyond_bounds(
    app: &App,
    actor: &Actor,
    verb: &'static str,
    key: Option<&Key>,
    wrong: Vec<(&'static str, String)>,
) -> Refusal {
    let why = wrong.first().map(|(_, why)| why.clone()).unwrap_or_default();
    match refused(app, actor, verb, key, why).await {
        Error::Forbidden(_) => Refusal::Input(wrong),
        error => Refusal::Error(error),
    }
}

/// Records a refused operation in the audit log.
async fn refused(app: &App, actor: &Actor, verb: &'static str, key: Option<&Key>, why: String) -> Error {
    let event = Event::new("key.refused").detail("verb", verb);
    let event = match key {
        Some(key) => event.on("key", key.id, &key.name),
        None => event.on("organization", actor.org.org, &actor.org.org_name),
    };
    audit::forbid(app, &actor.by, event, why).await
}

/// Ends a change: writes its audit row and its change log entry, and commits.
async fn conclude(app: &App, actor: &Actor, write: Write, key: &Key, event: Event) -> Result<(), Error> {
    conclude_by(app, &actor.by, write, key, event).await
}

async fn conclude_by(app: &App, by: &By, mut write: Write, key: &Key, event: Event) -> Result<(), Error> {
    audit::record(app, &mut write, by, about(key, event)).await?;
    changes::record(&mut write, app.clock.now(), ChangeKind::Key, key.id).await?;
    write.commit().await?;
    Ok(())
}

/// Adds the key to an event.
pub fn about(key: &Key, event: Event) -> Event {
    event
        .on("key", key.id, &key.name)
        .detail("prefix", key.prefix())
        .fact("kind", key.kind.as_str())
        .fact("role", key.role.as_str())
        .fact("prefix", format!("{}_{}", key.kind.prefix(), key.secret))
        .fact("created_by", key.created_by.to_string())
        .fact("expires_at", key.expires_at.map(|at| at.to_string()))
}

/// The owner of an idempotency key, since two actors may send the same text.
fn sender(actor: &Actor) -> String {
    actor.key.map_or_else(|| actor.user.to_string(), |key| key.to_string())
}
