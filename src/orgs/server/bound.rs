//! Forms are bound to the organization they were made for: `ui::form::Form` writes it into each, and here, before any
//! handler, one that comes back to another organization is refused with an offer to switch. It stands before every
//! changing route for people, so a new page need not think of it.

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

/// Forms that name their organization themselves: the way out of the refusal, which cannot be refused for the same
/// reason, and the approval of a login, which asks for it.
const UNBOUND: [&str; 2] = ["/switch-organization", "/auth/device"];

/// The routes whose forms are bound.
#[derive(Clone)]
pub struct BoundForms(Arc<HashSet<&'static str>>);

impl BoundForms {
    pub fn among(doors: &[Route]) -> Self {
        let bound = doors.iter().filter(|door| Self::is_bound(door)).map(|door| door.path);
        Self(Arc::new(bound.collect()))
    }

    /// Those that change something for somebody who is signed in.
    pub fn is_bound(door: &Route) -> bool {
        door.method == Method::POST && door.audience == Audience::Person && !UNBOUND.contains(&door.path)
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

/// The same request again, with the person who was met on the way.
async fn check(app: &App, request: Request) -> Result<Request, Response> {
    let (mut parts, body) = request.into_parts();
    let member = Member::from_request_parts(&mut parts, app).await.map_err(Error::into_response)?;
    let whole = Request::from_parts(parts.clone(), body);
    let body = Bytes::from_request(whole, app).await.map_err(IntoResponse::into_response)?;
    let mut fields = url::form_urlencoded::parse(&body);
    let org = fields.find(|(name, _)| name == "org").map(|(_, org)| org).unwrap_or_default();
    member.refuse_other_org(&org).map_err(Error::into_response)?;
    parts.extensions.insert(member.visitor);
    Ok(Request::from_parts(parts, Body::from(body)))
}
