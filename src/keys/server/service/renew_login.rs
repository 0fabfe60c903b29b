//! Renewing and ending the login of a program. A renewal gives the key a new secret. It is no rotation by its owner: it is not
//! audited, sends no letter and no event, and checks each time what the person may have now.

use std::time::Duration;

use super::login::PreparedToken;
use super::policy::login_constraints_in_tx;
use super::{Revealed, conclude_by, store};
use crate::audit::{By, Event};
use crate::keys::server::SecretRenewal;
use crate::orgs::server::{find as find_org, lock_and_read_member};
use crate::platform::changes::{self, ChangeKind};
use crate::platform::db::Write;
use crate::platform::{App, Error};
use crate::shared::{KeyId, OrgId, Permission, PrincipalKind, Role, Timestamp, UserId};

/// How long the replaced secret still works, for requests that are under way.
const OVERLAP: Duration = Duration::from_secs(60);

#[derive(Clone, Debug)]
pub struct LoginRenewal {
    pub key: KeyId,
    pub org: OrgId,
    pub user: UserId,
    /// The role that the person approved. The key gets at most their present one.
    pub approved_role: Role,
    pub secret_until: Timestamp,
    /// The program did not receive the current secret, so that one is replaced, and the one before it stays.
    pub replaces_unused: bool,
}

/// Why a login is not renewed. It may be renewed later unless the key has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefusedRenewal {
    NotMember,
    KeyEnded,
    Disabled,
    AgainstPolicy(String),
}

/// Whether the organization's plan includes the API. Not for use within a transaction.
pub async fn plan_includes_api(app: &App, org: OrgId) -> Result<bool, Error> {
    let plan = find_org(app, org).await?.map(|(_, plan)| plan);
    Ok(plan.is_some_and(|plan| app.config.keys.api_plans.contains(&plan)))
}

/// Gives the key its next secret and commits. Changes nothing when the renewal is refused. The caller may already have written to
/// the transaction.
pub async fn renew_login(
    app: &App,
    mut write: Write,
    minted: PreparedToken,
    renewal: &LoginRenewal,
) -> Result<Result<Revealed, RefusedRenewal>, Error> {
    let now = app.clock.now();
    let member = lock_and_read_member(&mut write, renewal.org, renewal.user).await?;
    let may_have_keys = |role| Permission::ManageOwnKeys.is_granted(role, PrincipalKind::Person);
    let Some(member) = member.filter(|member| may_have_keys(member.role)) else {
        return Ok(Err(RefusedRenewal::NotMember));
    };
    let constraints = match login_constraints_in_tx(app, &mut write, renewal.org, minted.kind).await? {
        Ok(constraints) => constraints,
        Err(why) => return Ok(Err(RefusedRenewal::AgainstPolicy(why))),
    };
    let key = store::lock(&mut write, renewal.org, renewal.key).await?;
    let Some(mut key) =
        key.filter(|key| key.revoked_at.is_none() && key.expires_at.is_none_or(|end| end > now))
    else {
        return Ok(Err(RefusedRenewal::KeyEnded));
    };
    if key.disabled_at.is_some() {
        return Ok(Err(RefusedRenewal::Disabled));
    }
    let Some(secrets) = key.renewal else { return Ok(Err(RefusedRenewal::KeyEnded)) };
    let until = key.expires_at.map_or(renewal.secret_until, |end| end.min(renewal.secret_until));
    if renewal.replaces_unused {
        store::end_secret(&mut write, key.secret, now).await?;
        key.renewal = Some(SecretRenewal { until, ..secrets });
    } else {
        if let Some((earlier, end)) = secrets.replaced {
            store::end_secret(&mut write, earlier, now.min(end)).await?;
        }
        key.renewal = Some(secrets.renewed(key.secret, now.plus(OVERLAP), until));
    }
    let PreparedToken { fresh, stored, .. } = minted;
    key.secret = fresh.id();
    key.role = renewal.approved_role.min(member.role).min(constraints.highest_role);
    store::insert_secret(&mut write, key.secret, key.id, &stored, now).await?;
    store::set_renewed(&mut write, &key).await?;
    changes::record(&mut write, now, ChangeKind::Key, key.id).await?;
    write.commit().await?;
    Ok(Ok(Revealed { key, plaintext: fresh.into_secret() }))
}

/// Revokes the key of a login, unless it has ended, and commits.
pub async fn end_login(
    app: &App,
    mut write: Write,
    org: OrgId,
    key: KeyId,
    by: &By,
    because: &str,
) -> Result<(), Error> {
    match store::lock(&mut write, org, key).await?.filter(|key| key.revoked_at.is_none()) {
        Some(key) => {
            store::revoke(&mut write, key.id, app.clock.now()).await?;
            let event = Event::new("key.revoked").detail("because", because);
            conclude_by(app, &by.clone().in_org(org), write, &key, event).await
        }
        None => Ok(write.commit().await?),
    }
}
