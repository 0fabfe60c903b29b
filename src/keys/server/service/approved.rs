//! Creating the key of an approved request.

use async_trait::async_trait;

use super::approval::{KIND, RequestedKey};
use super::create::create_approved_draft;
use super::{Refusal, Revealed, store};
use crate::approvals::ApprovalRequest;
use crate::approvals::server::{
    self as approvals, ApprovalExecution, ApprovalHandler, ApprovalRefusal, NextStep,
};
use crate::orgs::server::{Actor, Membership, RoleTenure, role_tenure};
use crate::platform::db::Write;
use crate::platform::{App, Error};
use crate::shared::{ApprovalId, PrincipalKind};
use crate::ui::parts::exact;

/// The address that creates the key of an approved request.
fn creation_path(id: ApprovalId) -> String {
    format!("/settings/api-keys/approved/{id}")
}

/// Creates the key of an approved request, once. Everything is validated again, with the current role of the requester and
/// the current limits of the key that filed the request, if a key did.
pub async fn create_approved(app: &App, actor: &Actor, id: ApprovalId) -> Result<Revealed, Refusal> {
    let request = approvals::find_usable(app, actor, id, KIND).await?;
    let requested: RequestedKey = serde_json::from_str(&request.request)
        .map_err(|error| Error::internal(format!("the request {id} cannot be read: {error}")))?;
    let draft = requested.draft().ok_or_else(|| Error::internal(format!("the request {id} is not valid")))?;
    let acting = acting(app, actor, &request).await?;
    create_approved_draft(app, &acting, &draft, &request).await
}

/// Who creates the key: the requester, or the key that asked, in the requester's name.
async fn acting(app: &App, actor: &Actor, request: &ApprovalRequest) -> Result<Actor, Refusal> {
    let Some(id) = request.key else { return Ok(actor.clone()) };
    let found = store::find_by_id(app.db.pool(), id).await?.filter(|key| key.org == actor.org.org);
    let key = found.filter(|key| key.status(app.clock.now()).is_active());
    let Some(key) = key else {
        let why = "The key that requested this was revoked, disabled or has expired. File a new request."
            .to_owned();
        return Err(Refusal::Input(vec![("", why)]));
    };
    let role = key.role.min(actor.org.role);
    let org = Membership { role, ..actor.org.clone() };
    Ok(Actor { principal: PrincipalKind::Key, key: Some(id), secret: None, org, ..actor.clone() })
}

impl From<ApprovalRefusal> for Refusal {
    fn from(refusal: ApprovalRefusal) -> Self {
        match refusal {
            ApprovalRefusal::Input(field, why) => Self::Input(vec![(field, why)]),
            ApprovalRefusal::State(why) => Self::Input(vec![("", why)]),
            ApprovalRefusal::Error(error) => Self::Error(error),
        }
    }
}

/// Registers the requests for keys with `approvals`: after the approval, the requester creates the key.
pub struct KeyApprovalHandler;

#[async_trait]
impl ApprovalHandler for KeyApprovalHandler {
    fn kind(&self) -> &'static str {
        KIND
    }

    async fn on_approved(
        &self,
        app: &App,
        write: &mut Write,
        _approver: &Actor,
        request: &ApprovalRequest,
    ) -> Result<ApprovalExecution, Error> {
        let requested: RequestedKey = serde_json::from_str(&request.request).map_err(|error| {
            Error::internal(format!("the request {} cannot be read: {error}", request.id))
        })?;
        // Otherwise one person could add a second account, and approve its request at once.
        let tenure = role_tenure(app, write, request.org, request.requester, requested.role).await?;
        Ok(match tenure {
            RoleTenure::Settled => ApprovalExecution::Deferred,
            RoleTenure::Missing => ApprovalExecution::Refused(
                "The person who asked for this no longer has the role for it. Deny it.".to_owned(),
            ),
            RoleTenure::SettlesAt(until) => ApprovalExecution::Refused(format!(
                "The person who asked for this has been {} for less than a day, so it can be approved from {} on.",
                requested.role.with_article(),
                exact(until)
            )),
        })
    }

    fn next_step(&self, request: &ApprovalRequest) -> Option<NextStep> {
        Some(NextStep {
            label: "Create the key",
            action: creation_path(request.id),
            hint: "The next page shows the key once. Only you can do this, and only once.",
        })
    }
}
