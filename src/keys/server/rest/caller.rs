//! The caller of a REST endpoint: the key in the request's headers becomes an `Actor`, as a session does for pages. Cookies
//! are ignored.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::presented_key::{PresentedKey, refusal};
use crate::accounts::server::find_any_person;
use crate::api::ApiError;
use crate::audit::{self, By, Origin};
use crate::keys::server::{self as keys, Kinds, Presenter, QuotaState, Rate, Requirements, Token, Verdict};
use crate::orgs::server::{Actor, Membership};
use crate::platform::http::Visit;
use crate::platform::{App, Error};
use crate::shared::{KeyId, PrincipalKind, Role, SecretId};
use crate::usage::Outcome;

/// A request with a valid key.
pub struct ApiCaller {
    pub actor: Actor,
    /// The calling key.
    pub key: KeyId,
    /// The secret that was presented.
    pub secret: SecretId,
    pub limits: CallerLimits,
}

/// Accepts any key with a role in Latchkey. The services check what the role allows.
pub const ANY_KEY: Requirements<'static> = Requirements {
    org: None,
    audience: None,
    least_role: Role::Viewer,
    kinds: Kinds::ALL,
    plan: true,
    permissions: None,
    cost: 1,
};

/// What is left of the calling key's rate limit and quota.
#[derive(Debug, Default)]
pub struct CallerLimits {
    pub rate: Option<Rate>,
    pub quota: Option<QuotaState>,
}

impl FromRequestParts<App> for ApiCaller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        Self::of(parts, app, &ANY_KEY).await
    }
}

impl ApiCaller {
    /// Verifies the key in the request's headers.
    pub async fn of(parts: &Parts, app: &App, requirements: &Requirements<'_>) -> Result<Self, ApiError> {
        let missing = || Error::internal("the visit layer is around every route");
        let visit = parts.extensions.get::<Visit>().ok_or_else(missing)?;
        let presented = PresentedKey::of(&parts.headers).single();
        let verdict = match presented {
            Err(outcome) => Verdict::of(outcome),
            Ok(key) => {
                let presenter = Presenter {
                    address: Some(visit.address),
                    reported_by: None,
                    user_agent: &visit.user_agent,
                    request_id: &visit.request_id,
                };
                keys::verify(app, key, requirements, &presenter).await?
            }
        };
        let token = presented.ok().and_then(Token::parse);
        let (state, secret) = match (&verdict.key, token) {
            (Some(state), Some(token)) if verdict.outcome == Outcome::Valid => (state, token.id()),
            _ => return Err(ApiError::new(refusal(&verdict))),
        };
        let (key, org, user) = (state.id, state.org.id, state.creator);
        let actor = audit::EventActor::Key { id: key, name: state.name.to_string() };
        let by = By { actor, org: Some(org), origin: Origin::of(visit) };
        let org = Membership { org, org_name: state.org.name.clone(), role: state.role };
        let actor =
            Actor { user, principal: PrincipalKind::Key, key: Some(key), secret: Some(secret), org, by };
        let limits = CallerLimits { rate: verdict.rate, quota: verdict.quota };
        Ok(Self { actor, key, secret, limits })
    }

    /// The person in whose name the key acts. They may be disabled by now, which does not affect requests that only read.
    pub async fn person(&self, app: &App) -> Result<crate::accounts::server::Person, Error> {
        find_any_person(app, self.actor.user).await?.ok_or(Error::NotFound)
    }
}
