//! `/auth/{provider}` leads to an identity provider, `/auth/{provider}/callback` is where it sends people back to.

use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use tower_sessions::Session;

use super::oauth_error_page::{self, OAuthFailure};
use super::{enter, onward};
use crate::accounts::server::oauth::{
    self, CallbackQuery, Identity, OAuthFlow, Provider, ProviderError, Purpose,
};
use crate::accounts::server::service::{self, Arrival, LinkOutcome};
use crate::accounts::server::session_person::SessionPerson;
use crate::audit::By;
use crate::platform::config::SignUp;
use crate::platform::http::{Visit, cookie};
use crate::platform::metrics::SignInFailure;
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
            Ok(oauth_error_page::page(&app, &visit, provider, &next, trouble(&refusal)).await)
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
    Query(answer): Query<CallbackQuery>,
) -> Result<Response, Error> {
    let provider = Provider::find(&app, &slug).ok_or(Error::NotFound)?;
    let flow = cookie(&headers, flow_cookie(&app)).and_then(OAuthFlow::from_text);
    let flow = flow.filter(|flow| flow.answered(&app, provider, &answer));
    let next = flow.as_ref().map_or_else(ReturnPath::home, OAuthFlow::next);
    let (session, headers) = (&session, &headers);
    let callback_request = Callback { app: &app, visit: &visit, session, headers, person, provider, next };
    // Keep the cookie: it may belong to another sign-in, in another tab.
    let Some(flow) = flow else { return Ok(callback_request.fail(OAuthFailure::NotOurs).await) };
    let mut response = callback_request.judge(&flow, &answer).await?;
    set_flow(&app, &mut response, "", 0);
    Ok(response)
}

impl Callback<'_> {
    async fn fail(&self, what: OAuthFailure) -> Response {
        oauth_error_page::page(self.app, self.visit, self.provider, &self.next, what).await
    }

    /// The answer is this browser's. It counts once, whatever comes of it.
    async fn judge(self, flow: &OAuthFlow, answer: &CallbackQuery) -> Result<Response, Error> {
        service::admit_answer(self.app, self.visit).await?;
        if !service::spend_flow(self.app, flow).await? {
            return Ok(self.fail(OAuthFailure::NotOurs).await);
        }
        let identity = match &answer.error {
            None => oauth::identify(self.app, flow, answer).await,
            Some(code) if code == "access_denied" => return Ok(self.fail(OAuthFailure::SaidNo).await),
            Some(code) if matches!(code.as_str(), "temporarily_unavailable" | "server_error") => {
                Err(ProviderError::Away(code.clone()))
            }
            Some(code) => Err(ProviderError::Nonsense(format!("it answers with the error {code:.100}"))),
        };
        let identity = match identity {
            Ok(identity) => identity,
            Err(refusal) => {
                service::identity_refused(self.app, self.visit, self.provider, &refusal).await?;
                return Ok(self.fail(trouble(&refusal)).await);
            }
        };
        service::forgive_answer(self.app, self.visit);
        match flow.purpose {
            Purpose::SignIn => self.sign_in(identity).await,
            Purpose::Link => self.link(identity).await,
        }
    }

    async fn sign_in(self, identity: Identity) -> Result<Response, Error> {
        let Self { app, visit, session, headers, .. } = self;
        match service::arrive(app, visit, &identity).await? {
            Arrival::Done(person) => enter(app, session, visit, headers, &person, &self.next).await,
            Arrival::NeedsFactor(person) => {
                service::start_pending(app, session, visit, &person).await?;
                Ok(onward("/sign-in/second-factor", &self.next))
            }
            Arrival::Disabled => Ok(self.fail(OAuthFailure::Disabled).await),
            Arrival::Unknown if self.person.is_some() => {
                app.metrics.operations.sign_in_failed(SignInFailure::UnknownIdentity);
                Ok(self.fail(OAuthFailure::NotLinked).await)
            }
            Arrival::Unknown => self.newcomer(identity).await,
        }
    }

    /// Nobody here has this identity: whether they may make an account is the sign-up mode's to say.
    async fn newcomer(self, identity: Identity) -> Result<Response, Error> {
        let Self { app, visit, session, .. } = self;
        let mode = app.config.accounts.sign_up;
        if mode != SignUp::Closed && self.next.as_str().starts_with(INVITATIONS) {
            service::keep_proven(app, session, visit, identity).await?;
            return Ok(Redirect::to(self.next.as_str()).into_response());
        }
        if mode != SignUp::Open {
            app.metrics.operations.sign_in_failed(SignInFailure::UnknownIdentity);
            return Ok(self.fail(OAuthFailure::NoAccount).await);
        }
        let confirmed = identity.email_verified && crate::accounts::check_email(&identity.email).is_ok();
        let page = if confirmed {
            // An equal address opens nothing: whoever has that account links this from inside.
            let Some(page) = service::confirmed_by_provider(app, &identity).await? else {
                return Ok(self.fail(OAuthFailure::AddressTaken).await);
            };
            page
        } else {
            "/sign-up".to_owned()
        };
        service::keep_proven(app, session, visit, identity).await?;
        Ok(Redirect::to(&page).into_response())
    }

    async fn link(self, identity: Identity) -> Result<Response, Error> {
        let Self { app, session, provider, .. } = self;
        let permission = service::link_permission(app, session, provider).await?;
        let (Some(SessionPerson(person)), Some(permission)) = (&self.person, permission) else {
            return Ok(self.fail(OAuthFailure::NotOurs).await);
        };
        let by = By { org: permission.org, ..person.by(self.visit) };
        service::end_leave(session).await?;
        let word = match service::link(app, &by, person, &identity).await? {
            LinkOutcome::Done => format!("{} opens your account from now on.", provider.name(app)),
            LinkOutcome::IsYours => format!("{} opened your account already.", provider.name(app)),
            LinkOutcome::IsTaken => return Ok(self.fail(OAuthFailure::Taken).await),
            LinkOutcome::HasAnother => return Ok(self.fail(OAuthFailure::HasAnother).await),
        };
        leave_message(session, &word).await?;
        Ok(Redirect::to(PROFILE).into_response())
    }
}

fn trouble(refusal: &ProviderError) -> OAuthFailure {
    match refusal {
        ProviderError::Away(_) => OAuthFailure::Away,
        ProviderError::Nonsense(_) => OAuthFailure::Nonsense,
        ProviderError::Stale(_) => OAuthFailure::NotOurs,
    }
}

fn flow_cookie(app: &App) -> &'static str {
    if app.public_url.is_secure() { "__Host-latchkey_flow" } else { "latchkey_flow" }
}

/// Lax, because the provider sends the browser back from another site.
fn set_flow(app: &App, response: &mut Response, value: &str, life: u64) {
    let secure = if app.public_url.is_secure() { "; Secure" } else { "" };
    let name = flow_cookie(app);
    let line = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={life}{secure}");
    if let Ok(value) = HeaderValue::from_str(&line) {
        response.headers_mut().append(SET_COOKIE, value);
    }
}
