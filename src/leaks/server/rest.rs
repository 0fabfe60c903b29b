//! `/api/v1/leaks`: reports of leaked keys, which need no credentials, and the leak policy of an organization.

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::policy;
use super::queue::{LeakQueue, ReportOrigin};
use super::report::{self, LeakReportBody};
use crate::api::{ApiError, Body};
use crate::audit::Origin;
use crate::keys::LeakEffect;
use crate::keys::server::rest::{ApiCaller, respond};
use crate::leaks::LeakPolicy;
use crate::platform::http::{Audience, Routes, Visit};
use crate::platform::{App, Error, Problem};

pub fn routes() -> Routes {
    Routes::default()
        .documented(Audience::Anyone, routes!(report_leaks))
        .documented(Audience::Key, routes!(show_policy, change_policy))
}

/// The headers of GitHub's signature.
const KEY_ID: &str = "github-public-key-identifier";
const SIGNATURE: &str = "github-public-key-signature";

/// Report keys that were found in public
///
/// No credentials are needed: anyone who has the complete key can report it. Within seconds, the leak policy of its
/// organization is applied to the key. The response does not say whether a key exists. A report has at most 100 tokens. The
/// body can also be one of GitHub's secret scanning; its signature is checked if GitHub's public keys are configured.
#[utoipa::path(post, path = "/api/v1/leaks", operation_id = "reportLeaks", tag = "leaks", security(()), request_body = LeakReportBody,
    responses((status = 202, description = "The tokens will be examined"), (status = 400, description = "The body cannot be read, has more than 100 tokens, or has a wrong signature"),
        (status = 408, description = "The body did not arrive in time"), (status = 413, description = "The body is too large"),
        (status = 503, description = "Too many reports wait; Retry-After says when to send it again")))]
pub async fn report_leaks(
    State(app): State<App>,
    Extension(visit): Extension<Visit>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, ApiError> {
    let is_signed = check_signature(&app, &headers, &body)?;
    let tokens = report::read(&body).map_err(bad_request)?;
    let report = ReportOrigin { origin: Origin::of(&visit), is_signed };
    // Only well-formed tokens are queued. This check takes the same time whether or not a token exists.
    let tokens =
        tokens.into_iter().filter(|found| crate::keys::server::Token::parse(found.token.expose()).is_some());
    if app.slice::<LeakQueue>().add(report, tokens.collect()) {
        Ok(StatusCode::ACCEPTED)
    } else {
        Err(Error::Busy.into())
    }
}

/// Whether the body is signed by GitHub. A wrong signature is an error; without configured keys none is checked.
fn check_signature(app: &App, headers: &HeaderMap, body: &[u8]) -> Result<bool, ApiError> {
    let Some(keys) = &app.config.leaks.github_scanning_keys else { return Ok(false) };
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if !headers.contains_key(KEY_ID) && !headers.contains_key(SIGNATURE) {
        return Ok(false);
    }
    match (text(KEY_ID), text(SIGNATURE)) {
        (Some(id), Some(signature)) if keys.verify(id, signature, body) => Ok(true),
        _ => Err(bad_request("The signature does not match the body and the named public key.".to_owned())),
    }
}

fn bad_request(why: String) -> ApiError {
    ApiError::new(Problem::of(StatusCode::BAD_REQUEST).detail(why))
}

crate::word_schemas!(LeakEffect);

/// What happens to keys that were found in public
#[derive(Serialize, ToSchema)]
#[schema(as = LeakPolicy)]
pub struct LeakPolicyBody {
    /// report (the owners and the creator only get an email), disable or revoke
    effect: LeakEffect,
    /// The same for Test keys
    test_effect: LeakEffect,
}

impl From<LeakPolicy> for LeakPolicyBody {
    fn from(LeakPolicy { effect, test_effect }: LeakPolicy) -> Self {
        Self { effect, test_effect }
    }
}

/// What happens to leaked keys of the organization
#[utoipa::path(get, path = "/api/v1/leaks/policy", operation_id = "getLeakPolicy", tag = "leaks",
    responses((status = 200, description = "The choice of the owners, or the default", body = LeakPolicyBody), (status = 401)))]
pub async fn show_policy(State(app): State<App>, caller: ApiCaller) -> Result<Response, ApiError> {
    let policy = policy::policy(&app, &caller.actor).await?;
    Ok(respond(StatusCode::OK, &caller.limits, LeakPolicyBody::from(policy)))
}

#[derive(Deserialize, ToSchema)]
#[schema(as = LeakPolicyEdit)]
#[serde(deny_unknown_fields)]
pub struct EditLeakPolicyBody {
    effect: Option<LeakEffect>,
    test_effect: Option<LeakEffect>,
}

/// Choose what happens to leaked keys; needs a key with the role owner
#[utoipa::path(patch, path = "/api/v1/leaks/policy", operation_id = "editLeakPolicy", tag = "leaks", request_body = EditLeakPolicyBody,
    responses((status = 200, description = "The choice as it is now", body = LeakPolicyBody), (status = 401), (status = 403), (status = 422)))]
pub async fn change_policy(
    State(app): State<App>,
    caller: ApiCaller,
    Body(edit): Body<EditLeakPolicyBody>,
) -> Result<Response, ApiError> {
    let old = policy::policy(&app, &caller.actor).await?;
    let new = LeakPolicy {
        effect: edit.effect.unwrap_or(old.effect),
        test_effect: edit.test_effect.unwrap_or(old.test_effect),
    };
    policy::set_policy(&app, &caller.actor, new).await?;
    Ok(respond(StatusCode::OK, &caller.limits, LeakPolicyBody::from(new)))
}
