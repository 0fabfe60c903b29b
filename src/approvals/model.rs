//! A request, its states, and who may decide it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::orgs::server::Actor;
use crate::platform::Secret;
use crate::shared::{ApprovalId, KeyId, OrgId, Permission, PrincipalKind, Role, Timestamp, UserId};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a request can be decided.
pub const DECISION_TIME: Duration = DAY.saturating_mul(7);
/// How long an approved request can be used.
pub const USE_TIME: Duration = DAY.saturating_mul(7);
/// How long a request of an agent can be confirmed.
pub const CONFIRMATION_TIME: Duration = Duration::from_secs(10 * 60);
/// The maximum number of pending requests of one person in an organization.
pub const MAX_PENDING: i64 = 50;
pub const MAX_REASON_LENGTH: usize = 500;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApprovalState {
    Pending,
    /// Its requester may use it.
    Approved,
    Used,
    Denied,
    /// Nobody decided it, or nobody used it, in time.
    Expired,
    Withdrawn,
}

impl ApprovalState {
    pub const ALL: [Self; 6] =
        [Self::Pending, Self::Approved, Self::Used, Self::Denied, Self::Expired, Self::Withdrawn];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Used => "used",
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// The name as people see it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Pending => "Waiting",
            Self::Approved => "Approved",
            Self::Used => "Used",
            Self::Denied => "Denied",
            Self::Expired => "Expired",
            Self::Withdrawn => "Withdrawn",
        }
    }

    /// Whether the request can still change.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::Approved)
    }
}

/// The address of a request's page.
pub fn approval_path(id: ApprovalId) -> String {
    format!("/approvals/{id}")
}

/// The address of the page where a person confirms a request of an agent.
pub fn agent_request_path(id: ApprovalId) -> String {
    format!("/agents/requests/{id}")
}

/// Whether an agent filed requests of this kind, through its key.
pub fn is_of_agent(kind: &str) -> bool {
    kind.starts_with("agent.")
}

/// A request to file.
#[derive(Clone, Debug)]
pub struct NewApproval {
    /// Such as `key.create`.
    pub kind: &'static str,
    /// A sentence such as "Create the key ci-deploy with role Admin".
    pub title: String,
    /// Labels and texts for the page.
    pub details: Vec<(String, String)>,
    /// The exact request. It must contain no secret.
    pub request: Value,
    /// The lowest role that can decide: the role that could do the same without a request.
    pub least_role: Role,
    /// An idempotency key: filing again with the same key returns the existing request.
    pub once: Option<Secret>,
    /// The person who received the present secret of the key that asks, if it was rotated.
    pub key_receiver: Option<UserId>,
}

#[derive(Clone, Debug)]
pub struct ApprovalRequest {
    pub id: ApprovalId,
    pub org: OrgId,
    pub kind: String,
    pub requester: UserId,
    pub requester_name: String,
    /// The key that asked, if one did, and the person who created it.
    pub key: Option<KeyId>,
    pub key_name: String,
    pub key_creator: Option<UserId>,
    /// The person who received the secret of that key last, by rotating it.
    pub key_receiver: Option<UserId>,
    pub title: String,
    pub details: Vec<(String, String)>,
    /// JSON.
    pub request: String,
    /// The value of `computed_hash` when the request was filed.
    pub hash: String,
    pub least_role: Role,
    /// As stored: see `state`.
    pub(super) stored_state: ApprovalState,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub decided_at: Option<Timestamp>,
    pub decided_by: Option<UserId>,
    pub decided_by_name: String,
    pub reason: String,
    pub ended_at: Option<Timestamp>,
    /// The id of what it created.
    pub result: String,
}

impl ApprovalRequest {
    /// The state at a time. A request counts as expired even if the job has not marked it yet.
    pub fn state(&self, now: Timestamp) -> ApprovalState {
        if self.stored_state.is_open() && self.expires_at <= now {
            ApprovalState::Expired
        } else {
            self.stored_state
        }
    }

    /// Computes the SHA-256 of the request and its requester.
    pub fn computed_hash(&self) -> String {
        let key = self.key.map(|key| key.to_string());
        let text = json!([
            self.org,
            self.kind,
            self.requester,
            key,
            self.title,
            self.details,
            self.request,
            self.least_role,
        ]);
        Secret::new(text.to_string()).fingerprint()
    }

    /// Whether the request is still the one that was filed.
    pub fn is_intact(&self) -> bool {
        self.hash == self.computed_hash()
    }

    /// Whether the actor may see it: their own, or any for people who decide.
    pub fn is_visible_to(&self, actor: &Actor) -> bool {
        self.org == actor.org.org && (self.requester == actor.user || actor.may(Permission::DecideApprovals))
    }

    /// Why the actor may not decide the request. None if they may.
    pub fn why_cannot_decide(&self, actor: &Actor) -> Option<String> {
        if is_of_agent(&self.kind) {
            Some("A person confirms this request on its own page.".to_owned())
        } else if actor.principal == PrincipalKind::Key {
            Some("A key cannot decide requests. A person must do this in the browser.".to_owned())
        } else if !actor.may(Permission::DecideApprovals) {
            let who = Permission::DecideApprovals.least_role(actor.principal).plural();
            Some(format!("Only {who} can decide requests."))
        } else if self.requester == actor.user {
            Some("Nobody can decide their own request.".to_owned())
        } else if self.key_creator == Some(actor.user) {
            Some("This was requested with a key that you created, so another person must decide.".to_owned())
        } else if self.key_receiver == Some(actor.user) {
            Some("A key whose secret you have asked for this, so another person must decide.".to_owned())
        } else if actor.org.role < self.least_role {
            let who = self.least_role.plural();
            Some(format!("Only {who} can decide this request, because only they could do the same directly."))
        } else {
            None
        }
    }
}
