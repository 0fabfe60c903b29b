//! `/oauth/authorize`: a person approves or denies the request of an app. A GET request only displays it. A POST request, which needs
//! a token of this session, decides and sends the browser to the app. Until the app and its redirect URI are known to belong
//! together, nothing is sent anywhere: errors are shown here.

mod address;
mod consent;
mod grants;
mod refused;

use axum::extract::{RawForm, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use tower_sessions::Session;

use super::client::McpClient;
use super::clients::{self, ClientFault};
use super::redirect::RedirectUri;
use super::request::{AuthorizationError, AuthorizationParameters, AuthorizationRequest};
use super::service::{self, ConsentDecision, ConsentOutcome};
use crate::accounts::server::sign_in_again;
use crate::orgs::server::Visitor;
use crate::platform::http::{Audience, Protocol, Routes};
use crate::platform::{App, Error, Secret};
use crate::shared::{OrgId, Role};
use crate::ui::form::FormErrors;
use address::{PATH, address};
use consent::ConsentPage;
use refused::RefusedAuthorization;

pub fn routes() -> Routes {
    Routes::default()
        .get(PATH, Audience::Person, show)
        .post(PATH, Audience::Person, submit)
        // Unlike the endpoints for programs below /oauth, it takes a session.
        .protocol(&[PATH], Protocol::Pages)
}

/// A request, as far as it can be handled.
enum OpenedRequest {
    Consent(Box<(McpClient, AuthorizationRequest)>),
    /// The app is told of an error.
    Answer(Response),
    Refused(RefusedAuthorization),
}

async fn show(
    State(app): State<App>,
    visitor: Visitor,
    session: Session,
    RawQuery(query): RawQuery,
) -> Result<Response, Error> {
    let parameters = AuthorizationParameters::read(query.unwrap_or_default().as_bytes());
    if is_old(&app, &visitor) {
        return Ok(Redirect::to(&sign_in_again(&address(&parameters))).into_response());
    }
    match open(&app, &visitor, &parameters).await? {
        OpenedRequest::Answer(response) => Ok(response),
        OpenedRequest::Refused(refused) => Ok(refused.page(&app, &visitor).await),
        OpenedRequest::Consent(opened) => {
            let (client, request) = *opened;
            let page =
                ConsentPage::new(&app, &visitor, client, request, &parameters, form_token(&session)?).await;
            Ok(page.render(FormErrors::default(), StatusCode::OK).await)
        }
    }
}

async fn submit(
    State(app): State<App>,
    visitor: Option<Visitor>,
    session: Session,
    RawForm(body): RawForm,
) -> Result<Response, Error> {
    let parameters = AuthorizationParameters::read(&body);
    // After signing in, the person sees the request again.
    let Some(visitor) = visitor else {
        return Err(Error::SignInFirst { next: address(&parameters).as_str().to_owned() });
    };
    let token = form_token(&session)?;
    if !is_same(&field(&body, "token"), &token) {
        let why = "This form was made for another session, so nothing was decided. Open the page again.";
        return Err(Error::Forbidden(why.to_owned()));
    }
    if is_old(&app, &visitor) {
        return Ok(Redirect::to(&sign_in_again(&address(&parameters))).into_response());
    }
    let (client, request) = match open(&app, &visitor, &parameters).await? {
        OpenedRequest::Answer(response) => return Ok(response),
        OpenedRequest::Refused(refused) => return Ok(refused.page(&app, &visitor).await),
        OpenedRequest::Consent(opened) => *opened,
    };
    let org = OrgId::parse(&field(&body, "org"));
    let role = field(&body, "role");
    let mut errors = FormErrors::default();
    match field(&body, "verdict").as_str() {
        "deny" => {
            service::deny(&app, &visitor, &client, org).await?;
            let error =
                AuthorizationError { code: "access_denied", description: "The person denied the request." };
            return Ok(error_answer(&app, &request.redirect, request.state.as_deref(), error));
        }
        "approve" => {
            let org = org.filter(|org| visitor.memberships.iter().any(|membership| membership.org == *org));
            match (org, Role::parse(&role)) {
                (Some(org), Some(role)) => {
                    let decision = ConsentDecision { org, role };
                    match service::approve(&app, &visitor, &client, &request, decision).await? {
                        ConsentOutcome::Code(code) => {
                            return Ok(answer(
                                &app,
                                &request.redirect,
                                request.state.as_deref(),
                                &[("code", code.expose())],
                            ));
                        }
                        ConsentOutcome::Refused(field, why) => errors.add(field, why),
                        ConsentOutcome::UnknownClient => {
                            return Ok(RefusedAuthorization::UnknownClient.page(&app, &visitor).await);
                        }
                    }
                }
                (org, role) => {
                    if org.is_none() {
                        errors.add("org", "Choose an organization.");
                    }
                    if role.is_none() {
                        errors.add("role", "Choose one of these roles.");
                    }
                }
            }
        }
        // Enter was pressed, which decides nothing.
        _ => {}
    }
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let mut page = ConsentPage::new(&app, &visitor, client, request, &parameters, token).await;
    page.choose(org, Role::parse(&role));
    Ok(page.render(errors, status).await)
}

/// Finds the app and checks the request, in the order that keeps answers from going to a wrong address.
async fn open(
    app: &App,
    visitor: &Visitor,
    parameters: &AuthorizationParameters,
) -> Result<OpenedRequest, Error> {
    let single = |name: &str| parameters.find(name).filter(|_| !parameters.is_repeated(name));
    let Some(id) = single("client_id") else {
        return Ok(OpenedRequest::Refused(RefusedAuthorization::NoClient));
    };
    let client = match clients::find(app, visitor.person.id, id).await? {
        Ok(client) => client,
        Err(ClientFault::Unknown) => return Ok(OpenedRequest::Refused(RefusedAuthorization::UnknownClient)),
        Err(ClientFault::Document { host, why }) => {
            return Ok(OpenedRequest::Refused(RefusedAuthorization::Document { host, why }));
        }
    };
    let Some(asked) = single("redirect_uri") else {
        return Ok(OpenedRequest::Refused(RefusedAuthorization::NoRedirect(client)));
    };
    let redirect = match RedirectUri::parse(asked) {
        Ok(redirect) if client.redirect_uris.iter().any(|uri| redirect.is_registered_as(uri)) => redirect,
        Ok(redirect) => {
            let registered = client.redirect_uris.iter().map(|uri| redirect.as_compared(uri)).collect();
            let asked = asked.to_owned();
            return Ok(OpenedRequest::Refused(RefusedAuthorization::OtherRedirect {
                client,
                asked,
                registered,
            }));
        }
        Err(why) => {
            let asked = asked.to_owned();
            return Ok(OpenedRequest::Refused(RefusedAuthorization::UnusableRedirect { client, asked, why }));
        }
    };
    Ok(match AuthorizationRequest::check(app, parameters, redirect.clone()) {
        Ok(request) => OpenedRequest::Consent(Box::new((client, request))),
        Err(error) => OpenedRequest::Answer(error_answer(app, &redirect, single("state"), error)),
    })
}

/// Sends the browser to the app, with `state` as the app sent it and the issuer (RFC 9207).
fn answer(app: &App, redirect: &RedirectUri, state: Option<&str>, parameters: &[(&str, &str)]) -> Response {
    let state = state.map(|state| ("state", state));
    let issuer = ("iss", app.public_url.origin());
    let parameters: Vec<_> = parameters.iter().copied().chain(state).chain([issuer]).collect();
    Redirect::to(&redirect.with_parameters(&parameters)).into_response()
}

fn error_answer(
    app: &App,
    redirect: &RedirectUri,
    state: Option<&str>,
    error: AuthorizationError,
) -> Response {
    let parameters = [("error", error.code), ("error_description", error.description)];
    answer(app, redirect, state, &parameters)
}

fn is_old(app: &App, visitor: &Visitor) -> bool {
    app.clock.now().since(visitor.since) > app.config.device.device_session_age
}

/// The token in every form of this page: a hash of the session's id, which does not reveal it.
fn form_token(session: &Session) -> Result<String, Error> {
    let id = session.id().ok_or_else(|| Error::internal("a signed-in person has no session"))?;
    Ok(Secret::new(format!("consent form: {id}")).fingerprint())
}

/// Compares the hashes, so that the time taken does not reveal where the texts differ.
fn is_same(one: &str, other: &str) -> bool {
    Secret::new(one).fingerprint() == Secret::new(other).fingerprint()
}

/// A field of the form; empty when it is missing.
fn field(body: &[u8], name: &str) -> String {
    let found = url::form_urlencoded::parse(body).find(|(field, _)| field == name);
    found.map(|(_, value)| value.into_owned()).unwrap_or_default()
}
