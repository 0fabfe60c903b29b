//! `/settings/api-keys/{id}/rotate`: creates a new secret for a key and shows it once; and the action that extends the time in which
//! both secrets are valid.

use std::time::Duration;

use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::Response;
use leptos::prelude::*;
use serde::Deserialize;
use tower_sessions::Session;

use super::key::{self, A_DAY, KeyPageState};
use super::reveal::{Occasion, reveal};
use super::{path_of, redirect_with_message, refused, rotating};
use crate::keys::Status;
use crate::keys::server::{self as keys, Key, Refusal, Revealed};
use crate::orgs::server::Member;
use crate::platform::http::PathId;
use crate::platform::{App, Error, Secret};
use crate::shared::KeyId;
use crate::ui::form::{ErrorSummary, Form as PageForm, FormErrors, SubmitButton};
use crate::ui::parts::{
    Dialog, DialogBody, DialogFoot, DialogWidth, Field, HiddenFields, Input, LinkButton, Note, RadioOption,
    RadioSegment, Tone, Wording, words,
};

const HOUR: u64 = 60 * 60;
const OVERLAPS: [(&str, &str); 5] =
    [("0", "None"), ("1", "1 hour"), ("24", "24 hours"), ("168", "7 days"), ("custom", "Custom")];

#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct RotateKeyForm {
    /// A number of hours, or `custom` with `hours`.
    overlap: String,
    hours: String,
    /// Random; generated with the form, so that submitting it twice rotates once.
    once: String,
}

impl Default for RotateKeyForm {
    fn default() -> Self {
        Self { overlap: "24".to_owned(), hours: String::new(), once: String::new() }
    }
}

impl RotateKeyForm {
    fn overlap(&self) -> Option<Duration> {
        let text = if self.overlap == "custom" { &self.hours } else { &self.overlap };
        let hours: u64 = text.trim().parse().ok()?;
        Some(Duration::from_secs(hours.saturating_mul(HOUR)))
    }
}

pub async fn show(
    State(app): State<App>,
    member: Member,
    session: Session,
    PathId(id): PathId<KeyId>,
) -> Result<Response, Error> {
    let key = keys::find(&app, &member, id).await?;
    keys::require_to_renew(&member, &key)?;
    if matches!(key.status(app.clock.now()), Status::Revoked | Status::Expired) {
        return redirect_with_message(
            &session,
            key.id,
            "Only a key that has neither expired nor been revoked can be rotated.",
        )
        .await;
    }
    if rotating::is_busy(&app, &key).await?
        && let Some(page) = rotating::page(&app, &member, &key, StatusCode::OK).await?
    {
        return Ok(page);
    }
    let form = RotateKeyForm { once: app.random.base62(22), ..RotateKeyForm::default() };
    dialog_page(&app, &member, &key, form, FormErrors::default(), StatusCode::OK).await
}

pub async fn submit(
    State(app): State<App>,
    member: Member,
    session: Session,
    PathId(id): PathId<KeyId>,
    Form(form): Form<RotateKeyForm>,
) -> Result<Response, Error> {
    let key = keys::find(&app, &member, id).await?;
    let Some(overlap) = form.overlap() else {
        keys::require_to_rotate(&app, &member, &key).await?;
        let errors = FormErrors::default().with("overlap", "Enter a number of hours.");
        return dialog_page(&app, &member, &key, form, errors, StatusCode::UNPROCESSABLE_ENTITY).await;
    };
    let repeat = (!form.once.is_empty()).then(|| Secret::new(form.once.as_str()));
    match keys::rotate(&app, &member, key.id, overlap, repeat.as_ref()).await {
        Ok(revealed) => reveal_page(&app, &member, revealed).await,
        Err(Refusal::Repeated(id)) => match keys::replace(&app, &member, id).await {
            Ok(Some(revealed)) => reveal_page(&app, &member, revealed).await,
            Ok(None) => {
                let message = "You sent this form before, and it rotated this key. If nobody saved the new secret then, \
                               rotate the key again.";
                redirect_with_message(&session, id, message).await
            }
            Err(refusal) => refused(&session, id, refusal).await,
        },
        Err(Refusal::Input(wrong)) => {
            let errors =
                wrong.into_iter().fold(FormErrors::default(), |errors, (field, why)| errors.with(field, why));
            dialog_page(&app, &member, &key, form, errors, StatusCode::UNPROCESSABLE_ENTITY).await
        }
        Err(Refusal::State(why)) => {
            let key = keys::find(&app, &member, id).await?;
            if let Some(page) = rotating::page(&app, &member, &key, StatusCode::CONFLICT).await? {
                return Ok(page);
            }
            let mut errors = FormErrors::default();
            errors.add_general(why);
            dialog_page(&app, &member, &key, form, errors, StatusCode::CONFLICT).await
        }
        Err(Refusal::Waits(_)) => Err(Error::OutOfStep),
        Err(Refusal::Error(error)) => Err(error),
    }
}

async fn reveal_page(app: &App, member: &Member, revealed: Revealed) -> Result<Response, Error> {
    let id = revealed.key.id;
    let reveal = Some(reveal(app, revealed, Occasion::Rotated));
    key::page(app, member, id, KeyPageState { reveal, ..KeyPageState::default() }, StatusCode::OK).await
}

/// The key's page with the form above it.
async fn dialog_page(
    app: &App,
    member: &Member,
    key: &Key,
    form: RotateKeyForm,
    errors: FormErrors,
    status: StatusCode,
) -> Result<Response, Error> {
    let path = path_of(key.id);
    let is_rotating = key.rotation(app.clock.now()).is_some();
    let title = format!("Rotate {}?", key.name);
    let options = OVERLAPS
        .map(|(value, label)| RadioOption::new(value, label, form.overlap == value).id(format!("o-{value}")));
    let RotateKeyForm { hours, once, .. } = form;
    let close = path.clone();
    let action = format!("{path}/rotate");
    let dialog = move || {
        view! {
        <Dialog id="rotate" title close width=DialogWidth::Narrow described_by="rotate-text">
            <PageForm action errors>
                <DialogBody>
                    <ErrorSummary failed="The key was not rotated." class="mb-4"/>
                    <p class="text-ink-2" id="rotate-text">
                        "The key keeps its name, role and history and gets a new secret, which you see once. The old secret \
                        goes on working for a while, so that programs can change over one by one."
                    </p>
                    {is_rotating.then(|| view! {
                        <Note tone=Tone::Info class="mt-4">
                            <p>"A rotation is under way. A new secret that nobody has used yet is replaced; the old one \
                            keeps its cut-off."</p>
                        </Note>
                    })}
                    <HiddenFields fields=vec![("once", once)]/>
                    <Field name="overlap" label="The old secret stays valid for" class="overlap mt-4">
                        <div class="mt-1.5 grid justify-items-start gap-3">
                            <RadioSegment label="The old secret stays valid for" name="overlap" options=options.to_vec()/>
                            <div class="custom-hours">
                                <Input
                                    name="hours" label="Hours" value=hours optional=true inputmode="numeric"
                                    control="max-w-32" hint="At most 2,160, which is 90 days." autocomplete="off"
                                />
                            </div>
                        </div>
                    </Field>
                </DialogBody>
                <DialogFoot>
                    <LinkButton href=path>"Keep secret"</LinkButton>
                    <SubmitButton text="Rotate key" saving="Rotating…"/>
                </DialogFoot>
            </PageForm>
        </Dialog>
    }
    .into_any()
    };
    let state = KeyPageState { dialog: Some(Box::new(dialog)), ..KeyPageState::default() };
    key::page(app, member, key.id, state, status).await
}

/// Extends the rotation by a day, or until the key expires.
pub async fn extend(
    State(app): State<App>,
    member: Member,
    session: Session,
    PathId(id): PathId<KeyId>,
) -> Result<Response, Error> {
    let key = keys::find(&app, &member, id).await?;
    let cut_off = key.rotation(app.clock.now()).map_or(app.clock.now(), |(_, until)| until);
    let until = key.expires_at.map_or(cut_off.plus(A_DAY), |end| end.min(cut_off.plus(A_DAY)));
    match keys::extend(&app, &member, key.id, until).await {
        Ok(_) => {
            let message =
                format!("The old secret now works until {}.", words(until, app.clock.now(), Wording::Moment));
            redirect_with_message(&session, key.id, &message).await
        }
        Err(refusal) => refused(&session, key.id, refusal).await,
    }
}
