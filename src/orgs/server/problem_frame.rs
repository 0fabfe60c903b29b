//! Pages that report a problem to somebody who is signed in have the navigation.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use tower_sessions::Session;

use super::actor::{Member, Visitor};
use super::page_frame::chrome;
use crate::platform::http::{Visit, accepts_html};
use crate::platform::{App, Problem};

/// Adds the frame of the page to a response that reports a problem to a browser. Not for problems that come in floods or mean that the
/// database cannot be read.
pub async fn add_frame(State(app): State<App>, request: Request, next: Next) -> Response {
    let visitor = match (request.extensions().get::<Session>(), request.extensions().get::<Visit>()) {
        (Some(session), Some(visit)) if accepts_html(request.headers()) => {
            Some((session.clone(), visit.clone()))
        }
        _ => None,
    };
    let mut response = next.run(request).await;
    let status = response.status();
    let has_frame = status.is_client_error()
        && !matches!(status, StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS)
        && response.extensions().get::<Problem>().is_some();
    if let Some((session, visit)) = visitor.filter(|_| has_frame)
        && let Ok(Some(visitor)) = Visitor::load(&app, &session, &visit).await
        && let Some(org) = visitor.current.clone()
        && let Ok(member) = Member::load(&app, visitor, org).await
    {
        response.extensions_mut().insert(chrome(&app, &member, None, "/"));
    }
    response
}
