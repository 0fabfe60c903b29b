//! `/auth/device`: a person approves or denies the login of a command line. A GET request only displays the login. A POST
//! request, which needs a token of this session, decides and redirects to the GET page with the outcome.

mod address;
mod devices;
mod entry;
mod guard;
mod key_fields;
mod outcome;
mod pending;
mod role_permissions;

use axum::extract::{Form, Query, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use tower_sessions::Session;

use super::service::{self, DecisionOutcome};
use super::store::LoginRequest;
use crate::device::{LoginStatus, UserCode};
use crate::orgs::server::Visitor;
use crate::platform::http::{Audience, Routes};
use crate::platform::{App, Error};
use crate::shared::{OrgId, ReturnPath};
use crate::ui::form::FormErrors;
use address::{HERE, LoginQuery, address};
pub use devices::LoginDevices;
use guard::Guard;
use key_fields::KeyFieldTexts;
use pending::ApprovalPage;

const UNKNOWN_CODE_ADVICE: &str =
    "Check each letter, or start the login again in your terminal to get a new code.";

pub fn routes() -> Routes {
    Routes::default()
        .get(HERE, Audience::Person, show)
        .post(HERE, Audience::Person, submit)
        .get(devices::PATH, Audience::Person, devices::show)
        .post(devices::PATH, Audience::Person, devices::end)
}

#[derive(Deserialize)]
pub struct LoginDecisionForm {
    #[serde(default)]
    token: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    typed: String,
    #[serde(default)]
    mark: String,
    #[serde(default)]
    org: String,
    /// The checkbox "I started this login on my own device."
    #[serde(default)]
    mine: String,
    /// Empty: the highest role.
    #[serde(default)]
    role: String,
    /// Empty: the latest expiry.
    #[serde(default)]
    expiry: String,
    #[serde(default)]
    date: String,
    #[serde(default)]
    zone: String,
    /// "approve", "deny", "none" when Enter was pressed on the approval page, or empty when a code was entered.
    #[serde(default)]
    verdict: String,
}

impl LoginDecisionForm {
    fn key_fields(&self) -> KeyFieldTexts {
        let expiry =
            if self.expiry.is_empty() { KeyFieldTexts::default().expiry } else { self.expiry.clone() };
        KeyFieldTexts { role: self.role.clone(), expiry, date: self.date.clone(), zone: self.zone.clone() }
    }
}

pub async fn show(
    State(app): State<App>,
    visitor: Visitor,
    session: Session,
    uri: Uri,
    Query(query): Query<LoginQuery>,
) -> Result<Response, Error> {
    let here = ReturnPath::parse(uri.path_and_query().map_or(HERE, |whole| whole.as_str()));
    let here = here.unwrap_or_else(|| ReturnPath::or_home(HERE));
    let guard = Guard::new(&app, &visitor, &session)?;
    if guard.must_sign_in_again() {
        return Ok(guard.sign_in_again(&here));
    }
    if query.code.trim().is_empty() {
        return Ok(entry::page(&guard, &query, None, StatusCode::OK).await);
    }
    let Some(login) = look_up(&guard, &query.code).await? else {
        return Ok(entry::page(&guard, &query, Some(unknown_code(&query.code)), StatusCode::OK).await);
    };
    if is_open(&app, &login) {
        let pending = ApprovalPage::new(&guard, login, &query.org, &query.mark, &here);
        return Ok(pending.page(&guard, FormErrors::default(), StatusCode::OK).await);
    }
    outcome::page(&guard, login).await
}

pub async fn submit(
    State(app): State<App>,
    visitor: Visitor,
    session: Session,
    Form(form): Form<LoginDecisionForm>,
) -> Result<Response, Error> {
    let guard = Guard::new(&app, &visitor, &session)?;
    guard.check(&form.token)?;
    let code = UserCode::parse(&form.code);
    let here = address(code.as_ref(), &form.org, "");
    if guard.must_sign_in_again() {
        return Ok(guard.sign_in_again(&here));
    }
    let login = match code {
        Some(_) => look_up(&guard, &form.code).await?,
        None => None,
    };
    let Some(login) = login else {
        let query = LoginQuery { code: form.code, org: form.org, mark: String::new() };
        let why = if query.code.trim().is_empty() {
            "Enter the code.".to_owned()
        } else {
            unknown_code(&query.code)
        };
        return Ok(entry::page(&guard, &query, Some(why), StatusCode::UNPROCESSABLE_ENTITY).await);
    };
    let outcome = Redirect::to(here.as_str()).into_response();
    if !is_open(&app, &login) {
        return Ok(outcome);
    }
    match form.verdict.as_str() {
        "deny" => {
            service::deny(&app, &visitor, &login, OrgId::parse(&form.org)).await?;
            Ok(outcome)
        }
        "approve" => approve(&guard, login, form, &here, outcome).await,
        "none" => render_again(&guard, login, form, &here).await,
        _ => {
            let mark = guard.mark(login.id);
            let next = address(Some(&login.user_code), &form.org, &mark);
            Ok(Redirect::to(next.as_str()).into_response())
        }
    }
}

/// Renders the page again without a decision. Checks a typed code and keeps the entered values.
async fn render_again(
    guard: &Guard<'_>,
    login: LoginRequest,
    form: LoginDecisionForm,
    here: &ReturnPath,
) -> Result<Response, Error> {
    let mut pending = ApprovalPage::new(guard, login, &form.org, &form.mark, here);
    let mut errors = FormErrors::default();
    if pending.must_type && !form.typed.is_empty() {
        pending.check_typed(guard, &form.typed, &mut errors)?;
    }
    pending.ticked = !form.mine.is_empty();
    pending.key_fields = form.key_fields();
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok(pending.page(guard, errors, status).await)
}

async fn approve(
    guard: &Guard<'_>,
    login: LoginRequest,
    form: LoginDecisionForm,
    here: &ReturnPath,
    outcome: Response,
) -> Result<Response, Error> {
    let mut pending = ApprovalPage::new(guard, login, &form.org, &form.mark, here);
    let mut errors = FormErrors::default();
    if pending.must_type {
        pending.check_typed(guard, &form.typed, &mut errors)?;
    }
    let org = OrgId::parse(&form.org).unwrap_or(OrgId::NIL);
    if !pending.choices.iter().any(|choice| choice.org == org) {
        errors.add("org", "Choose an organization.");
    }
    pending.key_fields = form.key_fields();
    let choice = pending.key_fields.read(guard.app.clock.now(), &mut errors);
    if form.mine.is_empty() {
        errors.add("mine", "Tick this if you started the login yourself. If you did not, deny it.");
    } else {
        pending.ticked = true;
    }
    if !errors.is_empty() {
        return Ok(pending.page(guard, errors, StatusCode::UNPROCESSABLE_ENTITY).await);
    }
    match service::approve(guard.app, guard.visitor, &pending.login, org, &choice).await? {
        // If the login was decided meanwhile, the outcome page shows the result to people who may see it.
        DecisionOutcome::Done | DecisionOutcome::TooLate => Ok(outcome),
        DecisionOutcome::NotAllowed => {
            let errors = FormErrors::default().with("org", "You may not have keys in this organization.");
            Ok(pending.page(guard, errors, StatusCode::UNPROCESSABLE_ENTITY).await)
        }
        DecisionOutcome::AgainstPolicy(why) => {
            let errors = FormErrors::default().with("org", why);
            Ok(pending.page(guard, errors, StatusCode::UNPROCESSABLE_ENTITY).await)
        }
        DecisionOutcome::Invalid(wrong) => {
            for (field, why) in wrong {
                errors.add(field, why);
            }
            Ok(pending.page(guard, errors, StatusCode::UNPROCESSABLE_ENTITY).await)
        }
    }
}

/// Looks the code up. A malformed code needs no lookup and does not count as wrong.
async fn look_up(guard: &Guard<'_>, text: &str) -> Result<Option<LoginRequest>, Error> {
    match UserCode::parse(text) {
        Some(code) => service::look_up(guard.app, guard.visitor, &code).await,
        None => Ok(None),
    }
}

fn is_open(app: &App, login: &LoginRequest) -> bool {
    login.status == LoginStatus::Pending && login.expires_at > app.clock.now()
}

fn unknown_code(typed: &str) -> String {
    match UserCode::parse(typed) {
        Some(code) => format!("No login is waiting for {code}. {UNKNOWN_CODE_ADVICE}"),
        None => format!("No login is waiting for that code. {UNKNOWN_CODE_ADVICE}"),
    }
}
