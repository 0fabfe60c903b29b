//! A change that weakens the policy and waits for a second owner. It is executed when that owner approves.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::draft::days;
use super::saving::save;
use crate::approvals::ApprovalRequest;
use crate::approvals::server::{ApprovalExecution, ApprovalHandler, too_new};
use crate::key_policy::PolicyRules;
use crate::key_policy::server as store;
use crate::orgs::server::{Actor, RoleTenure, second_owner_in_tx};
use crate::platform::db::Write;
use crate::platform::{App, Error};
use crate::shared::Role;
use crate::ui::parts::exact;

pub const KIND: &str = "key_policy.weaken";

/// The change as it is stored until it is approved.
#[derive(Serialize, Deserialize)]
pub struct StoredWeakening {
    /// The rules at the time of the request. The change is executed only if they are still the current ones.
    pub base: PolicyRules,
    pub rules: PolicyRules,
    pub grace_days: u32,
}

/// Executes approved changes of key policies.
pub struct PolicyWeakeningHandler;

#[async_trait]
impl ApprovalHandler for PolicyWeakeningHandler {
    fn kind(&self) -> &'static str {
        KIND
    }

    async fn on_approved(
        &self,
        app: &App,
        write: &mut Write,
        approver: &Actor,
        request: &ApprovalRequest,
    ) -> Result<ApprovalExecution, Error> {
        let owners = second_owner_in_tx(app, write, request.org).await?;
        let why = match (owners.tenure(request.requester), owners.tenure(approver.user)) {
            (RoleTenure::Settled, RoleTenure::Settled) => None,
            (RoleTenure::Missing, _) => {
                Some("The person who asked for this is not an owner any more. Deny it.".to_owned())
            }
            (RoleTenure::SettlesAt(until), _) => Some(format!(
                "The person who asked for this has been an owner for less than a day, so it can be approved from {} on.",
                exact(until)
            )),
            (_, RoleTenure::Missing) => Some("You are not an owner any more.".to_owned()),
            (_, RoleTenure::SettlesAt(until)) => Some(too_new(Role::Owner, until)),
        };
        if let Some(why) = why {
            return Ok(ApprovalExecution::Refused(why));
        }
        let change: StoredWeakening = serde_json::from_str(&request.request).map_err(|error| {
            Error::internal(format!("the request {} cannot be read: {error}", request.id))
        })?;
        let current = store::of_org(&mut **write, request.org).await?.unwrap_or_default();
        if current.rules != change.base {
            let why =
                "The key policy was changed since this was requested. Deny it, and ask for a new request.";
            return Ok(ApprovalExecution::Refused(why.to_owned()));
        }
        let policy = current.changed_to(change.rules, days(change.grace_days), app.clock.now());
        save(app, write, approver, &current, &policy).await?;
        Ok(ApprovalExecution::Executed)
    }
}
