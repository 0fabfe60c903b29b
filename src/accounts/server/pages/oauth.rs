//! `/auth/{provider}` redirects to an identity provider, which redirects back to `/auth/{provider}/callback`.

use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use tower_sessions::Session;

use super::oauth_error_page::{self, OAuthFailure};
use super::{complete_sign_in, onward};
use crate::accounts::server::metrics::{AccountMetrics, SignInFailure};
use crate::accounts::server::oauth::{
    self, CallbackQuery, OAuthFlow, Provider, ProviderError, ProviderIdentity, Purpose,
};
use crate::accounts::server::service::{self, IdentitySignIn, LinkOutcome};
use crate::accounts::server::session_person::SessionPerson;
use crate::audit::By;
use crate::platform::config::SignUp;
use crate::platform::http::{Visit, cookie};
use crate::platform::{App, Error};
use crate::shared::ReturnPath;
use crate::ui::server::message::leave_message;

/// The path of invitations. A visitor from there may create an account with an identity.
const INVITATIONS: &str = "/invite/";
const PROFILE: &str = "/settings/profile";

#[derive(Deserialize)]
pub struct StartQuery {
    #[serde(default)]
    next: String,
    /// Not empty: link the identity to the signed-in account.
    #[serde(default)]
    link: String,
}

/// The context of a provider's callback.
struct Callback<'a> {
    app: &'a App,
    visit: &'a Visit,
    session: &'a Session,
    headers: &'a HeaderMap,
    person: Option<SessionPerson>,
    provider: Provider,
    next: ReturnPath,
}

pub async fn start(
    State(app): State<App>,
    Extension(visit): Extension<Visit>,
    Path(slug): Path<String>,
    person: Option<SessionPerson>,
    session: Session,
    Query(query): Query<StartQuery>,
) -> Result<Response, Error> {
    let provider = Provider::find(&app, &slug).ok_or(Error::NotFound)?;
    let mut purpose = Purpose::SignIn;
    if !query.link.is_empty() {
        // Linking requires a recent confirmation; without one, ask for it now.
        if person.is_none() || service::link_permission(&app, &session, provider).await?.is_none() {
            return Ok(Redirect::to(&format!("{PROFILE}/sign-in-methods/{slug}")).into_response());
        }
        purpose = Purpose::Link;
    }
    let next = ReturnPath::or_home(&query.next);
    match oauth::start(&app, provider, purpose, next.clone()).await {
        Ok((url, flow)) => {
            let mut response = Redirect::to(&url).into_response();
            set_flow(&app, &mut response, &flow.to_text(), oauth::FLOW_LIFE.as_secs());
            Ok(response)
        }
        Err(refusal) => {
            tracing::warn!(
                provider = slug,
                ?refusal,
                "could not start the sign-in with the identity provider"
            );
            Ok(oauth_error_page::page(&app, &visit, provider, &next, failure_of(&refusal)).await)
        }
    }
}

pub async fn callback(
    State(app): State<App>,
    Extension(visit): Extension<Visit>,
    Path(slug): Path<String>,
    person: Option<SessionPerson>,
    session: Session,
    headers: HeaderMap,
    Query(query): Query<CallbackQuery>,
) -> Result<Response, Error> {
    let provider = Provider::find(&app, &slug).ok_or(Error::NotFound)?;
    let flow = cookie(&headers, flow_cookie(&app)).and_then(OAuthFlow::from_text);
    let flow = flow.filter(|flow| flow.is_callback(&app, provider, &query));
    let next = flow.as_ref().map_or_else(ReturnPath::home, OAuthFlow::next);
    let (session, headers) = (&session, &headers);
    let callback_request = Callback { app: &app, visit: &visit, session, headers, person, provider, next };
    // Keep the cookie: it may belong to another sign-in, in another tab.
    let Some(flow) = flow else { return Ok(callback_request.fail(OAuthFailure::UnknownFlow).await) };
    let mut response = callback_request.process(&flow, &query).await?;
    set_flow(&app, &mut response, "", 0);
    Ok(response)
}

impl Callback<'_> {
    async fn fail(&self, failure: OAuthFailure) -> Response {
        oauth_error_page::page(self.app, self.visit, self.provider, &self.next, failure).await
    }

    /// Processes a callback that belongs to this browser. It works once, whatever the result.
    async fn process(self, flow: &OAuthFlow, query: &CallbackQuery) -> Result<Response, Error> {
        service::admit_callback(self.app, self.visit).await?;
        if !service::spend_flow(self.app, flow).await? {
            return Ok(self.fail(OAuthFailure::UnknownFlow).await);
        }
        let identity = match &query.error {
            None => oauth::identify(self.app, flow, query).await,
            Some(code) if code == "access_denied" => return Ok(self.fail(OAuthFailure::Denied).await),
            Some(code) if matches!(code.as_str(), "temporarily_unavailable" | "server_error") => {
                Err(ProviderError::Unavailable(code.clone()))
            }
            Some(code) => {
                Err(ProviderError::InvalidResponse(format!("the callback reports the error {code:.100}")))
            }
        };
        let identity = match identity {
            Ok(identity) => identity,
            Err(refusal) => {
                service::identity_refused(self.app, self.visit, self.provider, &refusal).await?;
                return Ok(self.fail(failure_of(&refusal)).await);
            }
        };
        service::forgive_callback(self.app, self.visit);
        match flow.purpose {
            Purpose::SignIn => self.sign_in(identity).await,
            Purpose::Link => self.link(identity).await,
        }
    }

    async fn sign_in(self, identity: ProviderIdentity) -> Result<Response, Error> {
        let Self { app, visit, session, headers, .. } = self;
        match service::sign_in_with_identity(app, visit, &identity).await? {
            IdentitySignIn::Done(person) => {
                complete_sign_in(app, session, visit, headers, &person, &self.next).await
            }
            IdentitySignIn::NeedsFactor(person) => {
                service::start_pending(app, session, visit, &person).await?;
                Ok(onward("/sign-in/second-factor", &self.next))
            }
            IdentitySignIn::Disabled => Ok(self.fail(OAuthFailure::Disabled).await),
            IdentitySignIn::Unknown if self.person.is_some() => {
                app.slice::<AccountMetrics>().sign_in_failed(SignInFailure::UnknownIdentity);
                Ok(self.fail(OAuthFailure::NotLinked).await)
            }
            IdentitySignIn::Unknown => self.offer_account(identity).await,
        }
    }

    /// Handles an identity without an account. The configured sign-up mode decides whether it can create one.
    async fn offer_account(self, identity: ProviderIdentity) -> Result<Response, Error> {
        let Self { app, visit, session, .. } = self;
        let mode = app.config.accounts.sign_up;
        if mode != SignUp::Closed && self.next.as_str().starts_with(INVITATIONS) {
            service::store_proven_identity(app, session, visit, identity).await?;
            return Ok(Redirect::to(self.next.as_str()).into_response());
        }
        if mode != SignUp::Open {
            app.slice::<AccountMetrics>().sign_in_failed(SignInFailure::UnknownIdentity);
            return Ok(self.fail(OAuthFailure::NoAccount).await);
        }
        let confirmed = identity.email_verified && crate::accounts::check_email(&identity.email).is_ok();
        let page = if confirmed {
            // An account with the same address is not opened; its owner can link the identity on the profile.
            let Some(page) = service::confirmed_by_provider(app, &identity).await? else {
                return Ok(self.fail(OAuthFailure::AddressTaken).await);
            };
            page
        } else {
            "/sign-up".to_owned()
        };
        service::store_proven_identity(app, session, visit, identity).await?;
        Ok(Redirect::to(&page).into_response())
    }

    async fn link(self, identity: ProviderIdentity) -> Result<Response, Error> {
        let Self { app, session, provider, .. } = self;
        let permission = service::link_permission(app, session, provider).await?;
        let (Some(SessionPerson(person)), Some(permission)) = (&self.person, permission) else {
            return Ok(self.fail(OAuthFailure::UnknownFlow).await);
        };
        let by = By { org: permission.org, ..person.by(self.visit) };
        service::end_link_permission(session).await?;
        let message = match service::link(app, &by, person, &identity).await? {
            LinkOutcome::Done => format!("{} was linked to your account.", provider.name(app)),
            LinkOutcome::IsYours => format!("{} is linked to your account already.", provider.name(app)),
            LinkOutcome::IsTaken => return Ok(self.fail(OAuthFailure::LinkedElsewhere).await),
            LinkOutcome::HasAnother => return Ok(self.fail(OAuthFailure::HasAnother).await),
        };
        leave_message(session, &message).await?;
        Ok(Redirect::to(PROFILE).into_response())
    }
}

fn failure_of(refusal: &ProviderError) -> OAuthFailure {
    match refusal {
        ProviderError::Unavailable(_) => OAuthFailure::Unavailable,
        ProviderError::InvalidResponse(_) => OAuthFailure::InvalidResponse,
        ProviderError::CodeRejected(_) => OAuthFailure::UnknownFlow,
    }
}

fn flow_cookie(app: &App) -> &'static str {
    if app.public_url.is_secure() { "__Host-latchkey_flow" } else { "latchkey_flow" }
}

/// Sets the flow cookie. It is SameSite=Lax, because the provider redirects the browser back from another site.
fn set_flow(app: &App, response: &mut Response, value: &str, life: u64) {
    let secure = if app.public_url.is_secure() { "; Secure" } else { "" };
    let name = flow_cookie(app);
    let line = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={life}{secure}");
    if let Ok(value) = HeaderValue::from_str(&line) {
        response.headers_mut().append(SET_COOKIE, value);
    }
}
