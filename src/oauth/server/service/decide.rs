//! A person approves or denies the request of an app.

use std::time::Duration;

use super::super::client::{ClientOrigin, McpClient};
use super::super::request::AuthorizationRequest;
use super::super::store::{self, AuthorizationCode};
use super::random_token;
use crate::audit::{self, Event};
use crate::keys::server as keys;
use crate::orgs::server::{Visitor, lock_and_read_member};
use crate::platform::{App, Error, Secret};
use crate::shared::{Kind, LoginId, OrgId, Permission, PrincipalKind, Role};

/// How long a code can be redeemed.
const CODE_LIFE: Duration = Duration::from_secs(60);

/// The person's choices.
#[derive(Clone, Copy, Debug)]
pub struct ConsentDecision {
    pub org: OrgId,
    pub role: Role,
}

#[derive(Debug)]
pub enum ConsentOutcome {
    /// Approved; the app redeems this code.
    Code(Secret),
    /// A field of the form and its error.
    Refused(&'static str, String),
    /// The app was removed meanwhile.
    UnknownClient,
}

/// Approves the request, for a key with at most the chosen role.
pub async fn approve(
    app: &App,
    visitor: &Visitor,
    client: &McpClient,
    request: &AuthorizationRequest,
    ConsentDecision { org, role }: ConsentDecision,
) -> Result<ConsentOutcome, Error> {
    let (person, now) = (&visitor.person, app.clock.now());
    let by = person.by(&visitor.visit).in_org(org);
    let login = LoginId::new(now, app.random_for_id());
    let is_in_plan = keys::plan_includes_api(app, org).await?;
    let mut write = app.db.write().await?;
    let member = lock_and_read_member(&mut write, org, person.id).await?;
    let may_have_keys = |role| Permission::ManageOwnKeys.is_granted(role, PrincipalKind::Person);
    let Some(member) = member.filter(|member| may_have_keys(member.role)) else {
        drop(write);
        // The person may not be a member, so the organization does not learn of it.
        audit::record_refusal(app, &visitor.by(), event("login.refused", client, login)).await?;
        return Ok(ConsentOutcome::Refused("org", "You may not have keys in this organization.".to_owned()));
    };
    let constraints = keys::login_constraints_in_tx(app, &mut write, org, Kind::Mcp).await?;
    let problem = match &constraints {
        _ if !is_in_plan => {
            Some(("org", "The plan of this organization does not include the API.".to_owned()))
        }
        Err(why) => Some(("org", why.clone())),
        Ok(_) if role > request.cap => {
            Some(("role", format!("The app asks for {} at most.", request.cap.with_article())))
        }
        Ok(_) if role > member.role => Some((
            "role",
            format!("You are {} there. Choose that role or a lower one.", member.role.with_article()),
        )),
        Ok(constraints) if role > constraints.highest_role => Some((
            "role",
            format!(
                "A login to this organization gets at most the role {}: stronger keys need the approval of a second \
                 person.",
                constraints.highest_role.label()
            ),
        )),
        Ok(_) => None,
    };
    if let Some((field, why)) = problem {
        drop(write);
        let event = event("login.refused", client, login).detail("reason", why.clone());
        audit::record_refusal(app, &by, event).await?;
        return Ok(ConsentOutcome::Refused(field, why));
    }
    let is_registered = matches!(client.origin, ClientOrigin::Registered { .. });
    if is_registered && !store::mark_client_used(&mut write, &client.id, now).await? {
        return Ok(ConsentOutcome::UnknownClient);
    }
    let code = random_token(app);
    let approved = AuthorizationCode {
        client_id: client.id.clone(),
        client_name: client.name.clone(),
        redirect_uri: request.redirect.as_str().to_owned(),
        challenge: request.challenge.clone(),
        user: person.id,
        org,
        role,
        created_at: now,
        expires_at: now.plus(CODE_LIFE),
        redeemed_at: None,
        key: None,
    };
    store::insert_code(&mut write, &code.fingerprint(), &approved).await?;
    let event = event("login.approved", client, login)
        .detail("role", role.as_str())
        .detail("requested_role", request.cap.min(member.role).as_str());
    audit::record(app, &mut write, &by, event).await?;
    write.commit().await?;
    Ok(ConsentOutcome::Code(code))
}

/// Denies the request. The event goes to the chosen organization or, without one, to the current one.
pub async fn deny(app: &App, visitor: &Visitor, client: &McpClient, org: Option<OrgId>) -> Result<(), Error> {
    let login = LoginId::new(app.clock.now(), app.random_for_id());
    let org = org.filter(|org| visitor.memberships.iter().any(|membership| membership.org == *org));
    let by = org.map_or_else(|| visitor.by(), |org| visitor.by().in_org(org));
    let mut write = app.db.write().await?;
    audit::record(app, &mut write, &by, event("login.denied", client, login)).await?;
    Ok(write.commit().await?)
}

fn event(action: &'static str, client: &McpClient, login: LoginId) -> Event {
    let site = match &client.origin {
        ClientOrigin::Site { host } => host.clone(),
        ClientOrigin::Registered { .. } => "registered itself".to_owned(),
    };
    Event::new(action).on("login", login, &client.name).detail("app", site)
}
