//! Reads requests. People who can decide requests see all of the organization's; other members see their own.

use async_trait::async_trait;

use crate::approvals::ApprovalRequest;
use crate::approvals::server::store::{self, ApprovalQuery};
use crate::orgs::server::{Actor, WaitingCounter};
use crate::platform::{App, Error};
use crate::shared::{ApprovalId, OrgId, Permission, PrincipalKind, Role, UserId};

/// Counts above this number are not exact.
const MAX_COUNTED: i64 = 100;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ApprovalListFilter {
    #[default]
    Waiting,
    /// All requests of the actor.
    Own,
    Decided,
    All,
}

pub struct ApprovalListPage {
    pub requests: Vec<ApprovalRequest>,
    /// The last request of this page, if there are more.
    pub next: Option<ApprovalId>,
}

pub async fn list(
    app: &App,
    actor: &Actor,
    filter: ApprovalListFilter,
    before: Option<ApprovalId>,
    limit: usize,
) -> Result<ApprovalListPage, Error> {
    actor.require(Permission::See)?;
    let is_own = filter == ApprovalListFilter::Own || !actor.may(Permission::DecideApprovals);
    let listed = ApprovalQuery {
        org: actor.org.org,
        requester: is_own.then_some(actor.user),
        is_waiting: match filter {
            ApprovalListFilter::Waiting => Some(true),
            ApprovalListFilter::Decided => Some(false),
            ApprovalListFilter::Own | ApprovalListFilter::All => None,
        },
        before,
        now: app.clock.now(),
        limit: limit + 1,
    };
    let mut requests = store::list(app.db.pool(), &listed).await?;
    let has_more = requests.len() > limit;
    requests.truncate(limit);
    let next = requests.last().filter(|_| has_more).map(|request| request.id);
    Ok(ApprovalListPage { requests, next })
}

pub async fn find(app: &App, actor: &Actor, id: ApprovalId) -> Result<ApprovalRequest, Error> {
    actor.require(Permission::See)?;
    let found = store::find(app.db.pool(), actor.org.org, id).await?;
    found.filter(|request| request.is_visible_to(actor)).ok_or(Error::NotFound)
}

/// Counts the requests that a member can decide, for the navigation.
pub struct PendingApprovalCounter;

#[async_trait]
impl WaitingCounter for PendingApprovalCounter {
    async fn count(&self, app: &App, org: OrgId, user: UserId, role: Role) -> Result<i64, Error> {
        if !Permission::DecideApprovals.is_granted(role, PrincipalKind::Person) {
            return Ok(0);
        }
        Ok(store::count_waiting(app.db.pool(), org, user, role, app.clock.now(), MAX_COUNTED).await?)
    }
}
