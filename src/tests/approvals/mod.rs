//! Requests that a second person decides: who may decide them, what happens afterwards, and one winner in every race.

mod creating;
mod leaving;
mod letters;
mod pages;
mod races;
mod rules;
mod strong_keys;

use super::harness::Server;
use super::keys::draft;
use super::personas::Persona;
use crate::approvals::ApprovalRequest;
use crate::approvals::server::{self as approvals, ApprovalRefusal, ApprovalVerdict, DecisionDraft};
use crate::keys::server::{self as keys, Draft, Refusal};
use crate::orgs::server::Actor;
use crate::platform::Error;
use crate::policy_settings::server::{PolicyDraft, change};
use crate::shared::{ApprovalId, PrincipalKind, Role};

/// A policy that requires an approval for this role and higher ones.
pub fn approval_from(role: Role) -> PolicyDraft {
    PolicyDraft { approval_from: Some(role), ..PolicyDraft::default() }
}

impl Server {
    /// Sets the key policy as the owner.
    pub async fn set_policy(&self, draft: &PolicyDraft) {
        let owner = self.actor(Persona::Owner).await;
        let name = owner.org.org_name.clone();
        change(&self.app, &owner, draft, &name).await.expect("the policy is saved");
    }

    /// Requests a key that needs an approval. Returns the id of the request.
    pub async fn request_key(&self, actor: &Actor, name: &str, role: Role) -> ApprovalId {
        let draft = Draft { role: Some(role), ..draft(name) };
        match keys::create(&self.app, actor, &draft, None).await {
            Err(Refusal::Waits(id)) => id,
            other => panic!("no request was filed: {other:?}"),
        }
    }

    pub async fn decide_request(
        &self,
        actor: &Actor,
        id: ApprovalId,
        verdict: ApprovalVerdict,
    ) -> Result<ApprovalRequest, ApprovalRefusal> {
        let hash: Option<String> =
            sqlx::query_scalar("SELECT request_hash FROM approval_requests WHERE id = $1")
                .bind(id)
                .fetch_optional(self.app.db.pool())
                .await
                .expect("a result");
        let draft = DecisionDraft { verdict, hash: hash.unwrap_or_default(), reason: "No.".to_owned() };
        approvals::decide(&self.app, actor, id, &draft).await
    }

    pub async fn approve_request(&self, actor: &Actor, id: ApprovalId) {
        self.decide_request(actor, id, ApprovalVerdict::Approve).await.expect("it is approved");
    }

    /// A pending request for an admin's key.
    pub async fn request_of(&self, persona: Persona) -> ApprovalId {
        let actor = self.actor(persona).await;
        self.set_policy(&approval_from(Role::Admin)).await;
        self.request_key(&actor, "asked for", Role::Admin).await
    }

    pub async fn request_hash(&self, id: ApprovalId) -> String {
        sqlx::query_scalar("SELECT request_hash FROM approval_requests WHERE id = $1")
            .bind(id)
            .fetch_one(self.app.db.pool())
            .await
            .expect("a request")
    }

    pub async fn state_of(&self, id: ApprovalId) -> String {
        sqlx::query_scalar("SELECT state FROM approval_requests WHERE id = $1")
            .bind(id)
            .fetch_one(self.app.db.pool())
            .await
            .expect("a request")
    }

    /// Creates a key of the actor. Returns the actor that a request with this key has.
    async fn as_key(&self, actor: &Actor, role: Role) -> Actor {
        let draft = Draft { role: Some(role), ..draft(&format!("{role} key of {}", actor.user)) };
        let key = keys::create(&self.app, actor, &draft, None).await.expect("a key").key;
        let mut org = actor.org.clone();
        org.role = role;
        let (principal, secret) = (PrincipalKind::Key, Some(key.secret));
        Actor { principal, key: Some(key.id), secret, org, ..actor.clone() }
    }
}

fn is_forbidden<T>(result: &Result<T, ApprovalRefusal>) -> bool {
    matches!(result, Err(ApprovalRefusal::Error(Error::Forbidden(_))))
}

fn is_not_found<T>(result: &Result<T, ApprovalRefusal>) -> bool {
    matches!(result, Err(ApprovalRefusal::Error(Error::NotFound)))
}

/// What a refused creation says.
fn input(refusal: Refusal) -> Vec<(&'static str, String)> {
    match refusal {
        Refusal::Input(wrong) => wrong,
        other => panic!("no input was refused: {other:?}"),
    }
}
