//! What happens to keys when a member is removed or an organization is deleted.

use std::collections::HashMap;

use async_trait::async_trait;

use super::service::about;
use super::store;
use crate::approvals::server as approvals;
use crate::audit::{self, Event};
use crate::orgs::server::{Actor, CreatedKey, KeyOffboarding};
use crate::platform::changes::{self, ChangeKind};
use crate::platform::db::Write;
use crate::platform::{App, Error};
use crate::shared::{KeyId, OrgId, UserId};
use crate::usage::Outcome;
use crate::usage::server::{self as usage, ChartRange};

/// The keys' part in removing members and deleting organizations.
pub struct OrgKeyOffboarding;

#[async_trait]
impl KeyOffboarding for OrgKeyOffboarding {
    async fn count_by_creator(
        &self,
        app: &App,
        org: OrgId,
        creators: &[UserId],
        max: i64,
    ) -> Result<HashMap<UserId, i64>, Error> {
        Ok(store::count_by_creator(app.db.pool(), org, creators, max).await?)
    }

    async fn unrevoked_keys_of(
        &self,
        app: &App,
        org: OrgId,
        creator: UserId,
    ) -> Result<Vec<CreatedKey>, Error> {
        let keys = store::unrevoked_of(app.db.pool(), org, creator).await?;
        let ids: Vec<KeyId> = keys.iter().map(|key| key.id).collect();
        let mut calls: HashMap<KeyId, u64> = HashMap::new();
        for (sum, requests) in usage::sums(app, &ids, ChartRange::Day.from(app.clock.now())).await? {
            if sum.outcome == Outcome::Valid {
                *calls.entry(sum.key).or_default() += requests;
            }
        }
        let created = keys.into_iter().map(|key| CreatedKey {
            calls: calls.get(&key.id).copied().unwrap_or_default(),
            prefix: key.prefix(),
            is_login: key.login.is_some(),
            id: key.id,
            name: key.name,
            kind: key.kind,
        });
        Ok(created.collect())
    }

    async fn count_unrevoked(&self, app: &App, org: OrgId) -> Result<i64, Error> {
        Ok(store::count_unrevoked(app.db.pool(), org).await?)
    }

    async fn revoke_for_member(
        &self,
        app: &App,
        write: &mut Write,
        actor: &Actor,
        creator: UserId,
        ticked: &[KeyId],
    ) -> Result<Vec<String>, Error> {
        let now = app.clock.now();
        approvals::withdraw_all_of(app, write, &actor.by, actor.org.org, creator).await?;
        let mut ticked = ticked.to_vec();
        ticked.extend(store::logins_in(write, actor.org.org, creator).await?);
        ticked.sort();
        ticked.dedup();
        let mut names = Vec::new();
        for id in &ticked {
            let Some(key) = store::lock(write, actor.org.org, *id).await? else { continue };
            if key.created_by != creator || key.revoked_at.is_some() {
                continue;
            }
            store::revoke(write, *id, now).await?;
            let event = about(&key, Event::new("key.revoked")).detail("because", "its creator was removed");
            audit::record(app, write, &actor.by, event).await?;
            changes::record(write, now, ChangeKind::Key, id).await?;
            names.push(key.name);
        }
        Ok(names)
    }

    async fn revoke_all(&self, app: &App, write: &mut Write, org: OrgId) -> Result<(), Error> {
        let now = app.clock.now();
        store::revoke_all(write, org, now).await?;
        changes::record(write, now, ChangeKind::Organization, org).await?;
        Ok(())
    }
}
