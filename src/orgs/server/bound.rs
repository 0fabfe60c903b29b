//! Middleware that binds forms to the organization that they were rendered for. `ui::form::Form` writes the organization
//! into each form. A form that is submitted while another organization is current is refused, with an offer to switch. This
//! applies to every POST route for signed-in people, so new pages are covered without further code.

use std::collections::HashSet;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, FromRequestParts, MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Member;
use crate::platform::http::{Audience, Route};
use crate::platform::{App, Error};

/// Routes whose forms are not bound: the switch that the refusal offers, and the approvals of logins, in which the person
/// chooses the organization.
const UNBOUND: [&str; 3] = ["/switch-organization", "/auth/device", "/oauth/authorize"];

/// The routes whose forms are bound.
#[derive(Clone)]
pub struct BoundForms(Arc<HashSet<&'static str>>);

impl BoundForms {
    pub fn among(routes: &[Route]) -> Self {
        let bound = routes.iter().filter(|route| Self::is_bound(route)).map(|route| route.path);
        Self(Arc::new(bound.collect()))
    }

    /// Returns true for POST routes for signed-in people, except `UNBOUND`.
    pub fn is_bound(route: &Route) -> bool {
        route.method == Method::POST && route.audience == Audience::Person && !UNBOUND.contains(&route.path)
    }
}

pub async fn refuse_other_org(
    State((app, BoundForms(routes))): State<(App, BoundForms)>,
    request: Request,
    next: Next,
) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    if request.method() != Method::POST || !routes.contains(route) {
        return next.run(request).await;
    }
    match check(&app, request).await {
        Ok(request) => next.run(request).await,
        Err(refusal) => refusal,
    }
}

/// Checks the form's organization. Returns the request with the visitor as an extension, so that handlers need not load the
/// visitor again.
async fn check(app: &App, request: Request) -> Result<Request, Response> {
    let (mut parts, body) = request.into_parts();
    let member = Member::from_request_parts(&mut parts, app).await.map_err(Error::into_response)?;
    let request = Request::from_parts(parts.clone(), body);
    let body = Bytes::from_request(request, app).await.map_err(IntoResponse::into_response)?;
    let mut fields = url::form_urlencoded::parse(&body);
    let org = fields.find(|(name, _)| name == "org").map(|(_, org)| org).unwrap_or_default();
    member.refuse_other_org(&org).map_err(Error::into_response)?;
    parts.extensions.insert(member.visitor);
    Ok(Request::from_parts(parts, Body::from(body)))
}
