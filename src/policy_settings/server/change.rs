//! Changes the policy, for owners. If there are two or more owners, a change that weakens a rule needs a second owner's
//! approval.

use serde_json::json;

use super::draft::{PolicyDraft, RequestedPolicy, days};
use super::preview::{PolicyPreview, preview_of_change};
use super::saving::{label, rule_value, save};
use super::weakening::{KIND, StoredWeakening};
use crate::approvals::NewApproval;
use crate::approvals::server as approvals;
use crate::audit::{self, Event};
use crate::key_policy::server as store;
use crate::key_policy::{KeyPolicy, PolicyRule};
use crate::keys::server::Refusal;
use crate::orgs::server::{
    Actor, Membership, RoleTenure, SecondOwnerNeed, lock_and_read_role, second_owner_in_tx,
};
use crate::platform::db::Write;
use crate::platform::{App, Error};
use crate::shared::{Permission, PrincipalKind, Role};
use crate::ui::parts::{counted, exact};

/// A key can be held by another person than its creator, so a key does not stand for one of the two owners.
const NOT_WITH_A_KEY: &str =
    "Weakening a rule needs a second owner: ask for it in the browser, on the page Key policy.";

#[derive(Debug)]
pub enum PolicyChange {
    /// The requested rules are the current ones.
    Unchanged(KeyPolicy),
    Saved(KeyPolicy),
}

/// The policy as every member may see it.
pub async fn current(app: &App, actor: &Actor) -> Result<KeyPolicy, Error> {
    actor.require(Permission::See)?;
    Ok(store::of_org(app.db.pool(), actor.org.org).await?.unwrap_or_default())
}

/// Returns an error, and audits it, unless the actor is an owner.
pub async fn require_owner(app: &App, actor: &Actor) -> Result<(), Error> {
    if actor.may(Permission::ManageOrganization) {
        return Ok(());
    }
    let why = format!("Only owners of {} can change the key policy.", actor.org.org_name);
    Err(refuse(app, actor, why).await)
}

async fn refuse(app: &App, actor: &Actor, why: String) -> Error {
    let event = Event::new("key_policy.refused").on("organization", actor.org.org, &actor.org.org_name);
    audit::forbid(app, &actor.by, event, why).await
}

/// `confirm` must be the organization's name if the preview needs a confirmation. Returns `Refusal::Waits` if a second owner
/// must approve.
pub async fn change(
    app: &App,
    actor: &Actor,
    draft: &PolicyDraft,
    confirm: &str,
) -> Result<PolicyChange, Refusal> {
    require_owner(app, actor).await?;
    let requested = draft.check().map_err(Refusal::Input)?;
    let previewed = current(app, actor).await?;
    let preview = preview_of_change(app, actor, &previewed, &requested).await?;
    if let Some(preview) = preview.filter(PolicyPreview::needs_confirmation)
        && confirm.trim() != actor.org.org_name
    {
        let why = if preview.refuses_every_key {
            "This would refuse every key. Type the organization's name to confirm it."
        } else if !preview.refuses_own_owner_keys {
            "This would refuse the addresses that your keys are used from. Type the organization's name to confirm it."
        } else {
            "This would refuse your last owner key. Type the organization's name to confirm it."
        };
        return Err(Refusal::field("confirm", why));
    }
    let mut write = app.db.write().await?;
    let role = lock_and_read_role(&mut write, actor).await?;
    let actor = &Actor { org: Membership { role, ..actor.org.clone() }, ..actor.clone() };
    if !actor.may(Permission::ManageOrganization) {
        drop(write);
        require_owner(app, actor).await?;
        return Err(Error::OutOfStep.into());
    }
    let stored = store::of_org(&mut *write, actor.org.org).await?.unwrap_or_default();
    if stored != previewed {
        // The policy has changed since the preview was computed.
        return Err(Error::OutOfStep.into());
    }
    if stored.rules == requested.rules {
        return Ok(PolicyChange::Unchanged(stored));
    }
    let weakened = stored.rules.weakened_by(&requested.rules);
    if !weakened.is_empty() {
        let second = second_owner_in_tx(app, &mut write, actor.org.org).await?;
        if second.is_needed() {
            if actor.principal == PrincipalKind::Key {
                drop(write);
                return Err(refuse(app, actor, NOT_WITH_A_KEY.to_owned()).await.into());
            }
            if let (SecondOwnerNeed::Until(until), false) = (second.need, second.has_other(actor.user)) {
                let why = format!(
                    "An owner was removed, demoted or disabled less than a day ago. Until {} another owner must \
                     approve a weaker rule, and there is no other owner.",
                    exact(until)
                );
                return Err(Refusal::Input(vec![("", why)]));
            }
            if let RoleTenure::SettlesAt(until) = second.tenure(actor.user) {
                let why = format!(
                    "You have been an owner for less than a day. From {} on you can ask a second owner to weaken a rule.",
                    exact(until)
                );
                return Err(Refusal::Input(vec![("", why)]));
            }
            return Err(file_request(app, write, actor, &stored, &requested, &weakened).await);
        }
    }
    let policy = stored.changed_to(requested.rules, days(requested.grace_days), app.clock.now());
    save(app, &mut write, actor, &stored, &policy).await?;
    write.commit().await?;
    Ok(PolicyChange::Saved(policy))
}

async fn file_request(
    app: &App,
    write: Write,
    actor: &Actor,
    stored: &KeyPolicy,
    requested: &RequestedPolicy,
    weakened: &[PolicyRule],
) -> Refusal {
    let names: Vec<&str> = weakened.iter().map(|rule| rule.phrase()).collect();
    let change = StoredWeakening {
        base: stored.rules.clone(),
        rules: requested.rules.clone(),
        grace_days: requested.grace_days,
    };
    let details = stored.rules.changed_by(&requested.rules).into_iter().map(|rule| {
        let text =
            format!("{} (currently {})", rule_value(&requested.rules, rule), rule_value(&stored.rules, rule));
        (label(rule).to_owned(), text)
    });
    let grace = ("Grace period of new rules".to_owned(), counted(requested.grace_days.into(), "day", "days"));
    let new = NewApproval {
        kind: KIND,
        title: format!("Weaken the key policy: {}", names.join(", ")),
        details: details.chain([grace]).collect(),
        request: json!(change),
        least_role: Role::Owner,
        once: None,
        key_receiver: None,
    };
    match approvals::file(app, write, actor, new).await {
        Ok(id) => Refusal::Waits(id),
        Err(refusal) => refusal.into(),
    }
}
