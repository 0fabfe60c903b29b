//! Logins of programs: a person gets a key for a command line on one of their devices, or for an MCP client. The caller begins the transaction and may
//! already have written to it (the approval is consumed). It is committed here, or not at all.

use super::bounds::Bounds;
use super::find::overlay;
use super::policy::login_constraints_in_tx;
use super::{Revealed, about, conclude_by, generate, name_key, store};
use crate::accounts::server::letters;
use crate::audit::{self, By, Event};
use crate::keys::server::token::NewToken;
use crate::keys::server::{Customer, Key, KeyAudience, Login, SecretRenewal};
use crate::keys::{MAX_NAME_LENGTH, check_key_name};
use crate::orgs::server::{CurrentMember, lock_and_read_member};
use crate::platform::changes::{self, ChangeKind};
use crate::platform::db::Write;
use crate::platform::{App, Error};
use crate::shared::{KeyId, Kind, OrgId, Permission, PrincipalKind, Role, SecretId, Timestamp, UserId};
use crate::usage::server::Usage;

/// The lengths of the person's and the device's part of a name, which leave room for a number.
const MAX_USER_LENGTH: usize = 30;
const MAX_DEVICE_LENGTH: usize = 40;
/// How many numbered names are read. If there are more, the chosen name may be taken, and the login must be repeated.
const MAX_NAMESAKES: i64 = 10_000;

/// The person, organization and program of a login.
#[derive(Clone, Debug)]
pub struct LoginDraft {
    pub user: UserId,
    pub org: OrgId,
    /// The key's role is at most this, and at most the person's current role.
    pub cap: Role,
    /// The key expires at this time or earlier.
    pub expires_by: Option<Timestamp>,
    /// The name of the program.
    pub tool: String,
    /// None: the tool's name is used instead.
    pub device: Option<String>,
    /// With it, the key of the last login for the same person, organization, device and product is revoked.
    pub device_id: Option<String>,
    pub product: String,
    /// None: `<user>@<device>`. If the name is taken, a number is added.
    pub name: Option<String>,
    /// For a program that renews its login (`renew_login`). None: the key has one secret, until it is rotated.
    pub renewal: Option<RenewableLogin>,
    /// The key that requests the login, if one does.
    pub requested_by: Option<RequestingKey>,
}

/// A login whose key is accepted at one place, and whose secret ends soon unless it is renewed.
#[derive(Clone, Copy, Debug)]
pub struct RenewableLogin {
    pub audience: KeyAudience,
    pub secret_until: Timestamp,
}

/// A key that requests another one, and the secret that was presented.
#[derive(Clone, Debug)]
pub struct RequestingKey {
    pub org: OrgId,
    pub key: KeyId,
    pub secret: SecretId,
}

/// A token and its hash. Hashing is slow, so this is created before the transaction begins.
pub struct PreparedToken {
    /// The id of the future key, so that a caller can store it before the key exists.
    pub id: KeyId,
    pub(super) kind: Kind,
    pub(super) fresh: NewToken,
    pub(super) stored: String,
}

pub async fn mint(app: &App, kind: Kind) -> Result<PreparedToken, Error> {
    let (fresh, stored) = generate(app, kind).await?;
    Ok(PreparedToken { id: KeyId::new(app.clock.now(), app.random_for_id()), kind, fresh, stored })
}

/// Creates the key and commits. Returns None, and changes nothing, when the person may not have a key there (any more).
pub async fn log_in(
    app: &App,
    mut write: Write,
    minted: PreparedToken,
    draft: &LoginDraft,
    by: &By,
) -> Result<Option<Revealed>, Error> {
    let now = app.clock.now();
    let Some(member) = lock_members(&mut write, draft).await? else { return Ok(None) };
    if !Permission::ManageOwnKeys.is_granted(member.role, PrincipalKind::Person) {
        return Ok(None);
    }
    // A key that requests another one grants no more than it has.
    let bounds = match &draft.requested_by {
        Some(requested_by) => match present_bounds(&mut write, requested_by, now).await? {
            Some(bounds) => Some(bounds),
            None => return Ok(None),
        },
        None => None,
    };
    // Whoever approved the login has seen the reason, unless the policy was changed since.
    let constraints = login_constraints_in_tx(app, &mut write, draft.org, minted.kind).await?;
    let Ok(constraints) = constraints else { return Ok(None) };
    let by = by.clone().in_org(draft.org);
    let device = draft.device.clone().unwrap_or_else(|| draft.tool.clone());
    let login = Login { device, device_id: draft.device_id.clone(), product: draft.product.clone() };
    let former = revoke_former(app, &mut write, draft, &login, &by, now).await?;
    let role = draft.cap.min(member.role).min(constraints.highest_role);
    let life_ends = app.config.device.login_key_life.map(|life| now.plus(life));
    let asking_ends = bounds.as_ref().and_then(|bounds| bounds.expires_at);
    let name = free_name(&mut write, draft.org, &requested_name(draft, &member.email, &login.device)).await?;
    let PreparedToken { id, kind, fresh, stored } = minted;
    let key = Key {
        id,
        org: draft.org,
        name,
        kind,
        role,
        note: String::new(),
        rate_limit: bounds.as_ref().and_then(|bounds| bounds.rate_limit),
        counts_with: bounds.as_ref().and_then(|bounds| bounds.counts_with),
        ranges: bounds.as_ref().map(|bounds| bounds.ranges.clone()).unwrap_or_default(),
        secret: fresh.id(),
        previous: None,
        created_at: now,
        created_by: draft.user,
        // Members of this organization must not learn about a key of another one.
        created_by_key: draft
            .requested_by
            .as_ref()
            .filter(|requested_by| requested_by.org == draft.org)
            .map(|requested_by| requested_by.key),
        expires_at: [life_ends, asking_ends, constraints.expires_by, draft.expires_by]
            .into_iter()
            .flatten()
            .min(),
        disabled_at: None,
        revoked_at: None,
        leaked: None,
        calls: 0,
        last_used_at: None,
        login: Some(login),
        customer: Customer { quota: bounds.as_ref().and_then(|bounds| bounds.quota), ..Customer::default() },
        quota_with: bounds.as_ref().and_then(|bounds| bounds.quota_with),
        sample: None,
        audience: draft.renewal.map(|renewal| renewal.audience),
        renewal: draft.renewal.map(|renewal| SecretRenewal { until: renewal.secret_until, replaced: None }),
    };
    if !store::insert(&mut write, &key, &name_key(&key.name)).await? {
        // The name was taken between the lookup and the insert.
        return Err(Error::OutOfStep);
    }
    store::insert_secret(&mut write, key.secret, key.id, &stored, now).await?;
    for id in former {
        changes::record(&mut write, now, ChangeKind::Key, id).await?;
    }
    let event = Event::new("key.created")
        .detail("kind", key.kind.as_str())
        .detail("role", key.role.as_str())
        .detail("login", draft.tool.clone())
        .detail("device", key.login.as_ref().map_or("", |login| &login.device));
    conclude_by(app, &by, write, &key, event).await?;
    let from = by.origin.address.map_or_else(|| "this server".to_owned(), |address| address.to_string());
    let kind = if draft.renewal.is_some() { "MCP" } else { "command-line" };
    letters::login(app, &member.email, kind, &draft.tool, &member.org_name, &from, now);
    Ok(Some(Revealed { key, plaintext: fresh.into_secret() }))
}

/// The keys of this person's logins that are not revoked, in all organizations, newest first.
pub async fn logins_of(app: &App, user: UserId) -> Result<Vec<Key>, Error> {
    let usage = app.slice::<Usage>();
    let mut reading = usage.reading(app).await?;
    let mut keys = store::logins_of(&mut *reading.db, user).await?;
    overlay(usage, &mut keys);
    Ok(keys)
}

/// Revokes the keys of all logins of a person in all organizations. Returns how many.
pub async fn end_logins(app: &App, write: &mut Write, user: UserId) -> Result<usize, Error> {
    let now = app.clock.now();
    let current = store::all_current_logins(write, user).await?;
    for (org, id) in &current {
        let Some(key) = store::lock(write, *org, *id).await? else { continue };
        store::revoke(write, *id, now).await?;
        let event = Event::new("key.revoked").detail("because", "its person was disabled");
        audit::record(app, write, &By::system().in_org(*org), about(&key, event)).await?;
    }
    for (_, id) in &current {
        changes::record(write, now, ChangeKind::Key, id).await?;
    }
    Ok(current.len())
}

/// Locks the person's memberships in the organizations concerned, so that two logins, or a login and a removal, run one after
/// the other. The order of the locks is fixed, so that two logins cannot deadlock.
async fn lock_members(write: &mut Write, draft: &LoginDraft) -> Result<Option<CurrentMember>, Error> {
    let mut orgs: Vec<OrgId> =
        draft.requested_by.iter().map(|requested_by| requested_by.org).chain([draft.org]).collect();
    orgs.sort();
    orgs.dedup();
    let mut there = None;
    for org in orgs {
        let Some(member) = lock_and_read_member(write, org, draft.user).await? else { return Ok(None) };
        if org == draft.org {
            there = Some(member);
        }
    }
    Ok(there)
}

/// The limits of the requesting key. None if it was revoked or replaced since its request began.
async fn present_bounds(
    write: &mut Write,
    requested_by: &RequestingKey,
    now: Timestamp,
) -> Result<Option<Bounds>, Error> {
    let key = store::lock(write, requested_by.org, requested_by.key).await?;
    let works = |key: &Key| key.status(now).is_active() && key.accepts(requested_by.secret, now);
    Ok(key.filter(works).map(|key| Bounds::of(&key, Some(requested_by.secret))))
}

/// Revokes the keys of earlier logins of the same device and program. The change log entries are written later, so that its
/// lock is held briefly.
async fn revoke_former(
    app: &App,
    write: &mut Write,
    draft: &LoginDraft,
    login: &Login,
    by: &By,
    now: Timestamp,
) -> Result<Vec<KeyId>, Error> {
    let former = store::current_logins(write, draft.org, draft.user, login).await?;
    for id in &former {
        let Some(key) = store::lock(write, draft.org, *id).await? else { continue };
        store::revoke(write, *id, now).await?;
        let event = Event::new("key.revoked").detail("because", "a newer login of the same device");
        audit::record(app, write, by, about(&key, event)).await?;
    }
    Ok(former)
}

fn requested_name(draft: &LoginDraft, email: &str, device: &str) -> String {
    if let Some(Ok(name)) = draft.name.as_deref().map(check_key_name) {
        return shortened(&name, MAX_NAME_LENGTH - 7);
    }
    let user = email.split('@').next().unwrap_or_default();
    let name = format!("{}@{}", shortened(user, MAX_USER_LENGTH), shortened(device, MAX_DEVICE_LENGTH));
    check_key_name(&name).unwrap_or_else(|_| draft.product.clone())
}

fn shortened(text: &str, most: usize) -> String {
    text.chars().take(most).collect::<String>().trim().to_owned()
}

/// The name itself, or with the first number that is not taken: `alice@laptop 2`.
async fn free_name(write: &mut Write, org: OrgId, name: &str) -> Result<String, Error> {
    let key = name_key(name);
    if !store::is_name_taken(write, org, &key).await? {
        return Ok(name.to_owned());
    }
    let taken = store::numbered_names(write, org, &key, MAX_NAMESAKES).await?;
    let free = (2..).map(|number| format!("{name} {number}")).find(|name| !taken.contains(&name_key(name)));
    free.ok_or_else(|| Error::internal("numbers have no end"))
}
