//! Trying a key on a page.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::super::verification::{
    Kinds, PermissionRequirement, Requirements, Trial, TrialStep, listed_permissions, try_token,
};
use super::Refusal;
use crate::orgs::server::Actor;
use crate::permissions::query::PermissionQuery;
use crate::platform::{App, Error, FixedWindow};
use crate::shared::{Permission, Role, UserId};

const WINDOW: Duration = Duration::from_secs(60);
/// As many as the API allows for one address and public id.
const MAX_WRONG: u32 = 20;
/// At this many people, windows that have ended are removed.
const MAX_PEOPLE: usize = 1_000;

/// The wrong keys that each person has tried within a minute.
#[derive(Default)]
pub struct TrialLimits(Mutex<HashMap<UserId, FixedWindow>>);

impl TrialLimits {
    /// Counts a try before its result is known, so that many at once are limited too.
    fn begin(&self, user: UserId, steady: Duration) -> Result<(), Error> {
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if windows.len() >= MAX_PEOPLE {
            windows.retain(|_, window| window.is_running(steady));
        }
        let window = windows.entry(user).or_insert(FixedWindow::of(WINDOW));
        if window.count(steady) >= MAX_WRONG {
            return Err(Error::TooMany(window.remaining(steady)));
        }
        window.add(steady);
        Ok(())
    }

    fn forgive(&self, user: UserId) {
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(window) = windows.get_mut(&user) {
            window.take_back();
        }
    }
}

/// The key and the requirements to try, with the same meaning as in `POST /api/v1/verify`.
#[derive(Clone, Copy, Default)]
pub struct TrialRequest<'a> {
    pub key: &'a str,
    /// A query for permissions; empty for none.
    pub permissions: &'a str,
    pub address: Option<IpAddr>,
    /// Accept Test keys, too.
    pub with_test: bool,
}

/// A trial with the names of the permission query.
#[derive(Debug)]
pub struct KeyTrial {
    pub trial: Trial,
    pub granted: Vec<String>,
    pub missing: Vec<String>,
}

/// Says what a check of the key would decide. The check is not counted.
pub async fn try_key(app: &App, actor: &Actor, request: &TrialRequest<'_>) -> Result<KeyTrial, Refusal> {
    actor.require(Permission::See)?;
    let org = actor.org.org;
    let permissions = permission_requirement(app, actor, request.permissions).await?;
    let kinds = if request.with_test { Kinds::ALL } else { Kinds::DEFAULT };
    let requirements = Requirements {
        org: Some(org),
        audience: None,
        least_role: if permissions.is_some() { Role::None } else { Role::Viewer },
        kinds,
        plan: true,
        permissions: permissions.as_ref(),
        cost: 1,
    };
    let limits = app.slice::<TrialLimits>();
    limits.begin(actor.user, app.clock.steady())?;
    let trial = try_token(app, org, request.key, &requirements, request.address).await?;
    let is_wrong = matches!(trial.failed, Some(TrialStep::Known | TrialStep::Secret));
    if !is_wrong {
        limits.forgive(actor.user);
    }
    let names = |is_granted: bool| -> Option<Vec<String>> {
        let (evaluation, requirement) = (trial.permissions?, permissions.as_ref()?);
        let names = evaluation.names(&requirement.query, is_granted);
        Some(names.into_iter().map(str::to_owned).collect())
    };
    let (granted, missing) = (names(true).unwrap_or_default(), names(false).unwrap_or_default());
    Ok(KeyTrial { trial, granted, missing })
}

/// The requirement of a query for permissions, or None if the text is empty. An error says what is wrong with the query.
pub async fn permission_requirement<'t>(
    app: &App,
    actor: &Actor,
    text: &'t str,
) -> Result<Option<PermissionRequirement<'t>>, Refusal> {
    actor.require(Permission::See)?;
    if text.trim().is_empty() {
        return Ok(None);
    }
    let query =
        PermissionQuery::parse(text).map_err(|error| Refusal::field("permissions", error.to_string()))?;
    let listed = listed_permissions(app, actor.org.org).await?;
    let unknown = listed.unknown(&query);
    if !unknown.is_empty() {
        let names = unknown.join(", ");
        let why = format!("Your organization does not list {names}. Add it under Permissions first.");
        return Err(Refusal::field("permissions", why));
    }
    Ok(Some(PermissionRequirement { query, listed }))
}
