//! The page, its preview, and saving.

use axum::extract::{RawForm, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use leptos::prelude::*;
use tower_sessions::Session;

use super::fields::fields;
use super::form::PolicyForm;
use super::{HERE, preview};
use crate::approvals::approval_path;
use crate::key_policy::KeyPolicy;
use crate::keys::server::Refusal;
use crate::orgs::server::page_frame::{chrome, page_for, toast};
use crate::orgs::server::{Member, SecondOwner, SecondOwnerNeed, second_owner};
use crate::platform::{App, Error};
use crate::policy_settings::server::change::{self, PolicyChange};
use crate::policy_settings::server::draft::RequestedPolicy;
use crate::policy_settings::server::preview::{PolicyPreview, preview as compute};
use crate::shared::{Permission, Timestamp};
use crate::ui::form::{Form, FormErrors};
use crate::ui::parts::{Button, ExactTime, LinkButton, Look, Note};
use crate::ui::server::message::leave_message;
use crate::ui::shell::{Nav, PageHead, Shell};

pub async fn show(State(app): State<App>, member: Member) -> Result<Response, Error> {
    let policy = change::current(&app, &member).await?;
    let form = PolicyForm::of(&policy.rules);
    page(&app, &member, &policy, form, None, FormErrors::default()).await
}

pub async fn submit(
    State(app): State<App>,
    member: Member,
    session: Session,
    RawForm(body): RawForm,
) -> Result<Response, Error> {
    change::require_owner(&app, &member).await?;
    let form = PolicyForm::read(&body);
    let policy = change::current(&app, &member).await?;
    let mut errors = FormErrors::default();
    let draft = form.draft(&mut errors);
    let requested = match draft.check() {
        Ok(requested) if errors.is_empty() => requested,
        checked => {
            checked.err().unwrap_or_default().into_iter().for_each(|(field, why)| errors.add(field, why));
            return page(&app, &member, &policy, form, None, errors).await;
        }
    };
    if form.button != "save" {
        return preview_page(&app, &member, &policy, &requested, form, errors).await;
    }
    match change::change(&app, &member, &draft, &form.confirm).await {
        Ok(PolicyChange::Saved(_)) => leave_message(&session, "The key policy was saved.").await?,
        Ok(PolicyChange::Unchanged(_)) => leave_message(&session, "Nothing was changed.").await?,
        Err(Refusal::Waits(id)) => {
            leave_message(&session, "Your change needs the approval of a second owner.").await?;
            return Ok(Redirect::to(&approval_path(id)).into_response());
        }
        Err(Refusal::Input(wrong)) => {
            wrong.into_iter().for_each(|(field, why)| errors.add(field, why));
            return preview_page(&app, &member, &policy, &requested, form, errors).await;
        }
        Err(Refusal::Error(Error::AlreadyRunning(why))) => {
            errors.add("", why);
            return page(&app, &member, &policy, form, None, errors).await;
        }
        Err(Refusal::Error(error)) => return Err(error),
        Err(Refusal::State(_) | Refusal::Repeated(_)) => return Err(Error::OutOfStep),
    }
    Ok(Redirect::to(HERE).into_response())
}

/// The page with the preview, or the sentence that another one is running.
async fn preview_page(
    app: &App,
    member: &Member,
    policy: &KeyPolicy,
    requested: &RequestedPolicy,
    form: PolicyForm,
    mut errors: FormErrors,
) -> Result<Response, Error> {
    let preview = match compute(app, member, policy, requested).await {
        Ok(preview) => Some((preview, needs_second_owner(app, member, policy, &requested.rules).await?)),
        Err(Error::AlreadyRunning(why)) => {
            errors.add("", why);
            None
        }
        Err(error) => return Err(error),
    };
    page(app, member, policy, form, preview, errors).await
}

async fn needs_second_owner(
    app: &App,
    member: &Member,
    policy: &KeyPolicy,
    rules: &crate::key_policy::PolicyRules,
) -> Result<bool, Error> {
    let is_weaker = !policy.rules.weakened_by(rules).is_empty();
    Ok(is_weaker && second_owner(app, member.org.org).await?.is_needed())
}

async fn page(
    app: &App,
    member: &Member,
    policy: &KeyPolicy,
    form: PolicyForm,
    preview: Option<(PolicyPreview, bool)>,
    errors: FormErrors,
) -> Result<Response, Error> {
    let now = app.clock.now();
    let is_owner = member.may(Permission::ManageOrganization);
    let owners = second_owner(app, member.org.org).await?;
    let note = note(&owners, is_owner);
    let grace = grace_note(policy, now);
    let org = member.org.org_name.clone();
    let about = format!("Rules for every key of {org}. Owners can change them.");
    let chrome = chrome(app, member, Some(Nav::KeyPolicy), HERE);
    let message = member.visitor.message.clone();
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let response = page_for(app, member, "Key policy").status(status).render(move || {
        let toast = message.map(toast);
        let has_preview = preview.is_some();
        let aside = preview.map(|(preview, needs_approval)| preview::preview(preview, org, needs_approval, now));
        let look = if has_preview { Look::Secondary } else { Look::Primary };
        let text = if has_preview { "Preview again" } else { "Preview changes" };
        let buttons = is_owner.then(|| {
            view! {
                <div class="flex flex-wrap items-center gap-x-3 gap-y-2 border-t border-line pt-4">
                    <Button look name="do" value="preview" unchecked=true>{text}</Button>
                    <LinkButton href=HERE look=Look::Ghost>"Discard changes"</LinkButton>
                </div>
            }
        });
        view! {
            <Shell chrome toast>
                <PageHead title="Key policy" text=about/>
                {grace}
                <Form action=HERE errors failed="The key policy was not saved." class="mt-6">
                    <div class="grid grid-cols-[minmax(0,1fr)] gap-x-12 gap-y-6 lg:grid-cols-[minmax(0,1fr)_22rem]">
                        // The default button for Enter.
                        <button type="submit" name="do" value="preview" tabindex="-1" aria-hidden="true" class="sr-only"></button>
                        <fieldset disabled=!is_owner class="min-w-0">
                            <legend class="h-sect pb-2">"Rules"</legend>
                            {fields(&form)}
                        </fieldset>
                        {aside}
                        <div>
                            {buttons}
                            <Note class="mt-4"><p>{note}</p></Note>
                        </div>
                    </div>
                </Form>
            </Shell>
        }
    });
    Ok(response.await)
}

/// Who has to agree when a rule is weakened.
fn note(owners: &SecondOwner, is_owner: bool) -> AnyView {
    if let SecondOwnerNeed::Until(until) = owners.need
        && is_owner
    {
        return view! {
            "An owner was removed, demoted or disabled less than a day ago. Until "<ExactTime at=until/>" a second owner must \
            approve when a rule is weakened."
        }
        .into_any();
    }
    view! { {note_words(owners, is_owner)} }.into_any()
}

fn note_words(owners: &SecondOwner, is_owner: bool) -> &'static str {
    match owners.need {
        _ if !is_owner => "Only owners can change these rules.",
        SecondOwnerNeed::No => {
            "You are the only owner, so you can also weaken a rule alone. With a second owner, both have to agree."
        }
        SecondOwnerNeed::Several | SecondOwnerNeed::Until(_) => {
            "Weakening a rule takes effect only when a second owner approves it. Making a rule stricter does not need an approval."
        }
    }
}

/// Says when the changed rules begin to apply to existing keys, if they do not yet.
fn grace_note(policy: &KeyPolicy, now: Timestamp) -> Option<AnyView> {
    let from = policy.all_apply_from();
    (from > now).then(|| {
        view! {
            <Note class="mt-4"><p>"From "<ExactTime at=from/>", the last change also applies to existing keys."</p></Note>
        }
        .into_any()
    })
}
