//! `/settings/api-keys/new`. The response to the form is the key list with a box that shows the secret. It is not a
//! redirect, so no address leads to the secret again.

use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use tower_sessions::Session;

use super::create_form::{CreateKeyForm, HERE, about, fields};
use super::customer::CustomerChoices;
use super::list::{self, ListPageState};
use super::reveal::{Occasion, reveal};
use super::{HOME, path_of};
use crate::approvals::approval_path;
use crate::keys::server::{self as keys, Draft, Refusal, Revealed, name_key};
use crate::orgs::server::Member;
use crate::orgs::server::page_frame::form_page;
use crate::platform::{App, Error, Secret};
use crate::shared::{Kind, Role, Timestamp};
use crate::ui::form::FormErrors;
use crate::ui::server::form_page::FormLayout;
use crate::ui::server::message::{leave_error, leave_message};
use crate::ui::shell::Nav;

pub async fn show(State(app): State<App>, member: Member) -> Result<Response, Error> {
    let form = CreateKeyForm::empty(&app, &member);
    page(&app, &member, form, FormErrors::default()).await
}

pub async fn submit(
    State(app): State<App>,
    member: Member,
    session: Session,
    Form(form): Form<CreateKeyForm>,
) -> Result<Response, Error> {
    let end = form.typed.end(app.clock.now(), None);
    let mut errors = FormErrors::default();
    let kind = Kind::parse(&form.kind).unwrap_or_else(|| {
        errors.add("kind", "Choose a kind.");
        Kind::Live
    });
    let role = Role::parse_of_key(&form.role).unwrap_or_else(|| {
        errors.add("role", "Choose a role.");
        Role::Viewer
    });
    let customer = form.typed.customer.draft(&mut errors);
    if !errors.is_empty() {
        return page(&app, &member, form, errors).await;
    }
    let draft = Draft {
        name: form.typed.name.clone(),
        kind,
        role: Some(role),
        note: form.typed.note.clone(),
        // An invalid date becomes the epoch, which the service rejects like any past date.
        expires_at: end.clone().unwrap_or(Some(Timestamp::from_millis(0))),
        rate_limit: form.typed.limit(),
        ranges: form.typed.lines(),
        customer,
    };
    match create_once(&app, &member, &draft, &form.once).await {
        Ok(CreateOutcome::Now(revealed)) => reveal_page(&app, &member, *revealed).await,
        Ok(CreateOutcome::Before(path)) => {
            let message = "You sent this form before, and it created this key. If nobody saved its secret then, \
                           rotate the key.";
            leave_error(&session, message).await?;
            Ok(Redirect::to(&path).into_response())
        }
        Err(Refusal::Input(wrong)) => {
            let errors = form.typed.explain(wrong, &end);
            page(&app, &member, form, errors).await
        }
        Err(Refusal::Waits(id)) => {
            leave_message(&session, "Your request waits for the approval of a second person.").await?;
            Ok(Redirect::to(&approval_path(id)).into_response())
        }
        Err(Refusal::Error(error)) => Err(error),
        Err(Refusal::State(_) | Refusal::Repeated(_)) => Err(Error::OutOfStep),
    }
}

enum CreateOutcome {
    Now(Box<Revealed>),
    /// An earlier submission of the same form created the key, too long ago to show a secret again. Contains the key's
    /// page.
    Before(String),
}

/// Creates one key per form. If the form is sent again at once, the same key gets a new secret, because the response with the first
/// one may have been lost.
async fn create_once(
    app: &App,
    member: &Member,
    draft: &Draft,
    once: &str,
) -> Result<CreateOutcome, Refusal> {
    let repeat = (!once.is_empty()).then(|| Secret::new(once));
    let created = match keys::create(app, member, draft, repeat.as_ref()).await {
        Err(Refusal::Repeated(id)) => {
            let key = keys::find(app, member, id).await?;
            // The form was reached with the browser's Back button and submitted with another name.
            if name_key(draft.name.trim()) != name_key(&key.name) {
                keys::create(app, member, draft, None).await?
            } else if let Some(revealed) = keys::replace(app, member, id).await? {
                revealed
            } else {
                return Ok(CreateOutcome::Before(path_of(id)));
            }
        }
        created => created?,
    };
    Ok(CreateOutcome::Now(Box::new(created)))
}

pub async fn reveal_page(app: &App, member: &Member, revealed: Revealed) -> Result<Response, Error> {
    let key = revealed.key.clone();
    let reveal = reveal(app, revealed, Occasion::Created);
    list::page(
        app,
        member,
        ListPageState { fresh: Some((key, reveal)), ..ListPageState::default() },
        StatusCode::OK,
    )
    .await
}

async fn page(
    app: &App,
    member: &Member,
    form: CreateKeyForm,
    errors: FormErrors,
) -> Result<Response, Error> {
    let (role, now) = (member.org.role, app.clock.now());
    let open = ["rate_limit", "ranges", "note"].iter().any(|field| errors.of(field).is_some());
    let choices = CustomerChoices::load(app, member, &errors).await?;
    let page = form_page(app, member, Some(Nav::Keys), "Create key", HERE)
        .up(HOME, "API keys")
        .text(about(&keys::policy_rules(app, member.org.org).await?))
        .layout(FormLayout::Grouped)
        .failed("The key was not created.")
        .submit("Create key")
        .saving("Creating…");
    Ok(page.render(errors, move || fields(form, choices, role, now, open)).await)
}
