//! The number beside "Approvals" in the navigation. `approvals`, a higher slice, counts.

use async_trait::async_trait;

use crate::platform::{App, Error};
use crate::shared::{OrgId, Role, UserId};

#[async_trait]
pub trait WaitingCounter: Send + Sync {
    /// How much waits for a member with this role.
    async fn count(&self, app: &App, org: OrgId, user: UserId, role: Role) -> Result<i64, Error>;
}

pub struct RegisteredCounter(pub Box<dyn WaitingCounter>);
