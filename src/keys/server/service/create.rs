//! Creating a key.

use super::approval::file_request;
use super::bounds::Bounds;
use super::customer::{customer_details, resolve_permissions};
use super::draft::{ValidatedDraft, check};
use super::policy::{policy_rules, rules_in_tx};
use super::strong_keys::acting_person;
use super::{
    BegunChange, Draft, Refusal, Revealed, TAKEN, begin, beyond_bounds, conclude, generate, name_key,
    require, require_for_customers, role_too_high, sender, store,
};
use crate::approvals::ApprovalRequest;
use crate::approvals::server as approvals;
use crate::audit::Event;
use crate::key_policy::PolicyRules;
use crate::keys::server::Key;
use crate::orgs::server::Actor;
use crate::permissions::server as permissions;
use crate::platform::{App, Error, Secret};
use crate::shared::{KeyId, Role};

/// Creates a key. Its role is fixed: later changes of its creator's role do not affect it. `repeat` is an idempotency key.
/// If the role needs the approval of a second person, a request is filed instead (`Refusal::Waits`).
pub async fn create(
    app: &App,
    actor: &Actor,
    draft: &Draft,
    repeat: Option<&Secret>,
) -> Result<Revealed, Refusal> {
    create_with(app, actor, draft, repeat, Grounds::Own).await
}

/// Creates the key that a request asks for, and marks the request as used in the same transaction.
pub(super) async fn create_approved_draft(
    app: &App,
    actor: &Actor,
    draft: &Draft,
    request: &ApprovalRequest,
) -> Result<Revealed, Refusal> {
    create_with(app, actor, draft, None, Grounds::Approved(request)).await
}

/// Creates the key that an agent asks for, as the person who confirms the request, in the same transaction.
pub(super) async fn create_confirmed_draft(
    app: &App,
    actor: &Actor,
    draft: &Draft,
    request: &ApprovalRequest,
) -> Result<Revealed, Refusal> {
    create_with(app, actor, draft, None, Grounds::Confirmed(request)).await
}

/// Why a key is created.
#[derive(Clone, Copy)]
enum Grounds<'a> {
    /// The actor wants it.
    Own,
    /// A second person has approved it.
    Approved(&'a ApprovalRequest),
    /// An agent asked for it, and the actor confirms that.
    Confirmed(&'a ApprovalRequest),
}

impl Grounds<'_> {
    /// Whether the role is allowed without (another) approval.
    fn suffice(self, rules: &PolicyRules, role: Role) -> bool {
        matches!(self, Self::Approved(_)) || !rules.needs_approval(role)
    }
}

pub(super) const NEEDS_SECOND_PERSON: &str = "The key policy asks for a second person before a key gets this role, so an agent cannot ask for it. \
     Create the key in Settings, API keys.";

/// A draft that is valid for the actor as far as this is known before the transaction.
pub(super) struct CheckedDraft {
    pub role: Role,
    pub new: ValidatedDraft,
    pub rules: PolicyRules,
}

/// Checks whether the actor may create such a key, and fills the limits that are not set with those of an acting key.
pub(super) async fn check_draft(app: &App, actor: &Actor, draft: &Draft) -> Result<CheckedDraft, Refusal> {
    require(app, actor, "create").await?;
    let role = draft.role.unwrap_or(actor.org.role);
    if role > actor.org.role {
        return Err(role_too_high(app, actor).await);
    }
    let now = app.clock.now();
    if !draft.customer.is_empty() {
        require_for_customers(app, actor, "create", None).await?;
    }
    let Draft { name, note, expires_at, rate_limit, ranges, customer, .. } = draft;
    let checked = check(now, name, note, *expires_at, *rate_limit, ranges, customer)?;
    let bounds = Bounds::of_actor(app, actor).await?;
    let new = match &bounds {
        Some(bounds) => bounds.fill(checked),
        None => checked,
    };
    let mut wrong = bounds
        .map(|bounds| bounds.exceeded(new.expires_at, new.rate_limit, &new.ranges, new.customer.quota))
        .unwrap_or_default();
    let rules = policy_rules(app, actor.org.org).await?;
    wrong.extend(rules.violations(&new.facts(draft.kind, now)));
    if !wrong.is_empty() {
        return Err(beyond_bounds(app, actor, "create", None, wrong).await);
    }
    Ok(CheckedDraft { role, new, rules })
}

async fn create_with(
    app: &App,
    actor: &Actor,
    draft: &Draft,
    repeat: Option<&Secret>,
    grounds: Grounds<'_>,
) -> Result<Revealed, Refusal> {
    let CheckedDraft { role, new, rules } = check_draft(app, actor, draft).await?;
    let now = app.clock.now();
    if !grounds.suffice(&rules, role) {
        return Err(match grounds {
            Grounds::Confirmed(_) => Refusal::State(NEEDS_SECOND_PERSON),
            _ => file_request(app, actor, draft, &new, role, repeat).await,
        });
    }
    let ValidatedDraft { name, note, expires_at, rate_limit, ranges, customer } = new;
    let repeat = repeat.map(Secret::fingerprint);
    if let Some(hash) = &repeat
        && let Some(key) = store::repeated(app.db.pool(), actor.org.org, &sender(actor), hash).await?
    {
        return Err(Refusal::Repeated(key));
    }
    let (fresh, stored) = generate(app, draft.kind).await?;
    let mut key = Key {
        id: KeyId::new(now, app.random_for_id()),
        org: actor.org.org,
        name,
        kind: draft.kind,
        role,
        note,
        rate_limit,
        counts_with: None,
        ranges,
        secret: fresh.id(),
        previous: None,
        created_at: now,
        created_by: actor.user,
        created_by_key: actor.key,
        expires_at,
        disabled_at: None,
        revoked_at: None,
        leaked: None,
        calls: 0,
        last_used_at: None,
        login: None,
        customer,
        quota_with: None,
        sample: None,
        audience: None,
        renewal: None,
    };
    let BegunChange { mut write, actor: current, bounds } = begin(app, actor, "create").await?;
    if role > current.org.role {
        drop(write);
        return Err(role_too_high(app, &current).await);
    }
    // The acting key's limits and the policy may have changed meanwhile.
    let rules = rules_in_tx(&mut write, key.org).await?;
    if !grounds.suffice(&rules, role) {
        return Err(Error::OutOfStep.into());
    }
    let mut wrong = bounds.as_ref().map(|bounds| bounds.exceeded_by(&key)).unwrap_or_default();
    wrong.extend(rules.violations(&key.facts()));
    if !wrong.is_empty() {
        drop(write);
        return Err(beyond_bounds(app, actor, "create", None, wrong).await);
    }
    if let Some(bounds) = bounds {
        (key.counts_with, key.quota_with) = (bounds.counts_with, bounds.quota_with);
    }
    let permissions = resolve_permissions(&mut write, key.org, &key.customer.permissions).await?;
    if let Some(hash) = &repeat
        && !store::note_idempotency(&mut write, key.org, &sender(actor), hash, key.id, now).await?
    {
        drop(write);
        let first = store::repeated(app.db.pool(), actor.org.org, &sender(actor), hash).await?;
        return Err(Refusal::Repeated(first.unwrap_or(key.id)));
    }
    if !store::insert(&mut write, &key, &name_key(&key.name)).await? {
        return Err(Refusal::field("name", TAKEN));
    }
    store::insert_secret(&mut write, key.secret, key.id, &stored, now).await?;
    let receiver = acting_person(&mut write, actor).await?;
    if receiver != actor.user {
        store::set_receiver(&mut write, key.id, receiver).await?;
    }
    permissions::set_of_key(&mut write, key.id, &permissions).await?;
    let result = key.id.to_string();
    match grounds {
        Grounds::Own => {}
        Grounds::Approved(request) => {
            approvals::record_use(app, &mut write, actor, request, &result).await?;
        }
        Grounds::Confirmed(request) => {
            approvals::record_confirmation(app, &mut write, actor, request, &result).await?;
        }
    }
    let event = Event::new("key.created").detail("kind", key.kind.as_str()).detail("role", key.role.as_str());
    let event = customer_details(&key.customer, event);
    conclude(app, actor, write, &key, event).await?;
    Ok(Revealed { key, plaintext: fresh.into_secret() })
}
