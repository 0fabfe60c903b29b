//! Asking for a key whose role needs the approval of a second person. The key is checked as if it were created now.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::customer::{CustomerDraft, QuotaDraft, resolve_permissions};
use super::draft::ValidatedDraft;
use super::policy::rules_in_tx;
use super::{BegunChange, Draft, Refusal, TAKEN, begin, beyond_bounds, name_key, role_too_high, store};
use crate::approvals::NewApproval;
use crate::approvals::server as approvals;
use crate::keys::QuotaPeriod;
use crate::orgs::server::Actor;
use crate::platform::{App, Secret};
use crate::shared::{ApprovalId, Kind, Role, Timestamp};
use crate::ui::parts::exact;

pub const KIND: &str = "key.create";

/// The requested key in the form that is stored with the request.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RequestedKey {
    name: String,
    kind: Kind,
    pub(super) role: Role,
    note: String,
    expires_at: Option<i64>,
    rate_limit: Option<i64>,
    ranges: Vec<String>,
    external_id: String,
    metadata: String,
    permissions: Vec<String>,
    /// The quota, and `day` or `month`.
    quota: Option<(i64, String)>,
}

impl RequestedKey {
    pub(super) fn of(kind: Kind, role: Role, new: &ValidatedDraft) -> Self {
        let CustomerDraft { external_id, metadata, permissions, quota } = CustomerDraft::of(&new.customer);
        Self {
            name: new.name.clone(),
            kind,
            role,
            note: new.note.clone(),
            expires_at: new.expires_at.map(Timestamp::millis),
            rate_limit: new.rate_limit.map(i64::from),
            ranges: new.ranges.iter().map(ToString::to_string).collect(),
            external_id,
            metadata,
            permissions,
            quota: quota.map(|quota| (quota.limit, quota.period.as_str().to_owned())),
        }
    }

    pub(super) fn draft(self) -> Option<Draft> {
        let quota = match self.quota {
            None => None,
            Some((limit, period)) => Some(QuotaDraft { limit, period: QuotaPeriod::parse(&period)? }),
        };
        Some(Draft {
            name: self.name,
            kind: self.kind,
            role: Some(self.role),
            note: self.note,
            expires_at: self.expires_at.map(Timestamp::from_millis),
            rate_limit: self.rate_limit,
            ranges: self.ranges,
            customer: CustomerDraft {
                external_id: self.external_id,
                metadata: self.metadata,
                permissions: self.permissions,
                quota,
            },
        })
    }
}

/// Files a request for a key that has been validated.
pub(super) async fn file_request(
    app: &App,
    actor: &Actor,
    draft: &Draft,
    new: &ValidatedDraft,
    role: Role,
    repeat: Option<&Secret>,
) -> Refusal {
    match try_file_request(app, actor, draft, new, role, repeat).await {
        Ok(id) => Refusal::Waits(id),
        Err(refusal) => refusal,
    }
}

async fn try_file_request(
    app: &App,
    actor: &Actor,
    draft: &Draft,
    new: &ValidatedDraft,
    role: Role,
    repeat: Option<&Secret>,
) -> Result<ApprovalId, Refusal> {
    if let Some(once) = repeat
        && let Some(id) = approvals::find_duplicate(app, actor, once).await?
    {
        return Ok(id);
    }
    let request = NewApproval {
        kind: KIND,
        title: format!("Create the key {} with role {}", new.name, role.label()),
        details: details(draft.kind, role, new),
        request: json!(RequestedKey::of(draft.kind, role, new)),
        least_role: role.max(Role::Admin),
        once: repeat.cloned(),
        key_receiver: None,
    };
    file_creation(app, actor, draft.kind, new, role, request).await
}

/// Files a request for a key after checking, in its transaction, that the key could be created.
pub(super) async fn file_creation(
    app: &App,
    actor: &Actor,
    kind: Kind,
    new: &ValidatedDraft,
    role: Role,
    request: NewApproval,
) -> Result<ApprovalId, Refusal> {
    let BegunChange { mut write, actor: current_actor, bounds } = begin(app, actor, "create").await?;
    if role > current_actor.org.role {
        drop(write);
        return Err(role_too_high(app, &current_actor).await);
    }
    let mut wrong = bounds
        .map(|bounds| bounds.exceeded(new.expires_at, new.rate_limit, &new.ranges, new.customer.quota))
        .unwrap_or_default();
    let rules = rules_in_tx(&mut write, actor.org.org).await?;
    wrong.extend(rules.violations(&new.facts(kind, app.clock.now())));
    if !wrong.is_empty() {
        drop(write);
        return Err(beyond_bounds(app, actor, "create", None, wrong).await);
    }
    if store::is_name_taken(&mut write, actor.org.org, &name_key(&new.name)).await? {
        return Err(Refusal::field("name", TAKEN));
    }
    resolve_permissions(&mut write, actor.org.org, &new.customer.permissions).await?;
    let key_receiver = match actor.key {
        Some(key) => store::receiver(&mut write, key).await?,
        None => None,
    };
    let request = NewApproval { key_receiver, ..request };
    Ok(approvals::file(app, write, &current_actor, request).await?)
}

pub(super) fn details(kind: Kind, role: Role, key: &ValidatedDraft) -> Vec<(String, String)> {
    let ranges: Vec<String> = key.ranges.iter().map(ToString::to_string).collect();
    let or = |text: String, empty: &str| if text.is_empty() { empty.to_owned() } else { text };
    let mut details = vec![
        ("Key", key.name.clone()),
        ("Kind", kind.label().to_owned()),
        ("Role", role.label().to_owned()),
        ("Expires", key.expires_at.map_or_else(|| "Never".to_owned(), exact)),
        ("Allowed addresses", or(ranges.join(", "), "Every address")),
        (
            "Requests per minute",
            key.rate_limit.map_or_else(|| "No limit".to_owned(), |limit| limit.to_string()),
        ),
    ];
    let customer = &key.customer;
    if let Some(owner) = &customer.external_id {
        details.push(("Owner", owner.clone()));
    }
    if !customer.permissions.is_empty() {
        details.push(("Permissions", customer.permissions.join(", ")));
    }
    if let Some(quota) = customer.quota {
        details.push(("Quota", quota.to_string()));
    }
    if let Some(metadata) = &customer.metadata {
        details.push(("Metadata", metadata.clone()));
    }
    if !key.note.is_empty() {
        details.push(("Note", key.note.clone()));
    }
    details.into_iter().map(|(label, text)| (label.to_owned(), text)).collect()
}
