//! Which letters the person gets: a part of the profile.

use axum::extract::{RawForm, State};
use axum::response::{IntoResponse, Response};
use leptos::prelude::*;
use tower_sessions::Session;

use super::redirect_home;
use crate::accounts::LetterKind;
use crate::accounts::server as accounts;
use crate::orgs::server::Member;
use crate::platform::{App, Error};
use crate::ui::form::{Form as PageForm, SubmitButton};
use crate::ui::parts::Look;

/// Each ticked box is a field `letters`. Other values are ignored.
pub async fn submit(
    State(app): State<App>,
    member: Member,
    session: Session,
    RawForm(form): RawForm,
) -> Result<Response, Error> {
    let fields = url::form_urlencoded::parse(&form).filter(|(name, _)| name == "letters");
    let chosen: Vec<LetterKind> = fields.filter_map(|(_, letter)| LetterKind::parse(&letter)).collect();
    let visitor = &member.visitor;
    accounts::choose_letters(&app, &visitor.by(), &visitor.person, &chosen).await?;
    Ok(redirect_home(&session, "Your choice of emails was saved.").await?.into_response())
}

pub fn section(unwanted: &[LetterKind], has_mail: bool) -> AnyView {
    let boxes = LetterKind::ALL.into_iter().map(|letter| {
        let checked = !unwanted.contains(&letter);
        view! {
            <label class="flex min-h-6 items-start gap-2.5">
                <input class="check mt-px" type="checkbox" name="letters" value=letter.as_str() checked=checked/>
                <span class="min-w-0">{letter.caption()}</span>
            </label>
        }
    });
    let boxes = boxes.collect_view();
    let note = if has_mail {
        "Emails about your sign-in and about leaked keys are always sent."
    } else {
        "This server sends no mail at the moment."
    };
    view! {
        <section class="mt-10 max-w-[40rem]" aria-labelledby="letters">
            <h2 class="h-sect" id="letters">"Emails"</h2>
            <PageForm action="/settings/profile/letters" class="mt-4 grid gap-4 border-t border-line pt-4">
                <fieldset class="grid gap-2">
                    <legend class="label mb-1.5">"Email me when"</legend>
                    {boxes}
                </fieldset>
                <p class="cap">{note}</p>
                <div><SubmitButton text="Save emails" look=Look::Secondary/></div>
            </PageForm>
        </section>
    }
    .into_any()
}
