//! `/settings/organization/leaked-keys`: what happens to keys that were found in public.

use axum::extract::{Form, State};
use axum::response::{IntoResponse, Redirect, Response};
use leptos::prelude::*;
use serde::Deserialize;
use tower_sessions::Session;

use super::policy;
use crate::keys::LeakEffect;
use crate::leaks::LeakPolicy;
use crate::orgs::server::Member;
use crate::orgs::server::page_frame::form_page;
use crate::platform::http::{Audience, Routes};
use crate::platform::{App, Error};
use crate::shared::Permission;
use crate::ui::form::FormErrors;
use crate::ui::parts::{Choice, ChoiceList};
use crate::ui::server::form_page::FormLayout;
use crate::ui::server::message::leave_message;
use crate::ui::shell::Nav;

const UP: &str = "/settings/organization";
const HERE: &str = "/settings/organization/leaked-keys";

pub fn routes() -> Routes {
    Routes::default().get(HERE, Audience::Person, show).post(HERE, Audience::Person, submit)
}

#[derive(Deserialize)]
pub struct LeakPolicyForm {
    #[serde(default)]
    effect: String,
    #[serde(default)]
    test_effect: String,
}

async fn show(State(app): State<App>, member: Member) -> Result<Response, Error> {
    member.require(Permission::ManageOrganization)?;
    let policy = policy::policy(&app, &member).await?;
    Ok(page(&app, &member, Some(policy.effect), Some(policy.test_effect), FormErrors::default()).await)
}

async fn submit(
    State(app): State<App>,
    member: Member,
    session: Session,
    Form(form): Form<LeakPolicyForm>,
) -> Result<Response, Error> {
    member.require(Permission::ManageOrganization)?;
    let (effect, test_effect) = (LeakEffect::parse(&form.effect), LeakEffect::parse(&form.test_effect));
    let (Some(new_effect), Some(new_test_effect)) = (effect, test_effect) else {
        let mut errors = FormErrors::default();
        for (name, choice) in [("effect", effect), ("test_effect", test_effect)] {
            if choice.is_none() {
                errors.add(name, "Choose what happens.");
            }
        }
        return Ok(page(&app, &member, effect, test_effect, errors).await);
    };
    policy::set_policy(&app, &member, LeakPolicy { effect: new_effect, test_effect: new_test_effect })
        .await?;
    leave_message(&session, "Your choice was saved.").await?;
    Ok(Redirect::to(UP).into_response())
}

async fn page(
    app: &App,
    member: &Member,
    effect: Option<LeakEffect>,
    test_effect: Option<LeakEffect>,
    errors: FormErrors,
) -> Response {
    form_page(app, member, Some(Nav::Organization), "Leaked keys", HERE)
        .up(UP, "Organization")
        .text("What happens when somebody reports one of your keys that was found in public. Owners and the creator are notified if this server sends email.")
        .failed("Your choice was not saved.")
        .submit("Save")
        .layout(FormLayout::Wide)
        .render(errors, move || {
            view! {
                <ChoiceList name="effect" label="Keys" choices=choices(effect)/>
                <ChoiceList name="test_effect" label="Test keys" choices=choices(test_effect)/>
            }
            .into_any()
        })
        .await
}

fn choices(chosen: Option<LeakEffect>) -> Vec<Choice> {
    let choice = |effect: LeakEffect| {
        let (label, caption) = match effect {
            LeakEffect::Revoke => ("Revoke", "Every request fails at once, permanently."),
            LeakEffect::Disable => {
                ("Disable", "Every request fails at once, until somebody enables the key.")
            }
            LeakEffect::Report => ("Only report", "The key keeps working, even for whoever found it."),
        };
        Choice::new(effect.as_str(), label, caption).checked(chosen == Some(effect))
    };
    LeakEffect::ALL.map(choice).into()
}

/// "Tidewater Freight revokes keys that leak. Test keys are only reported."
pub fn policy_sentence(org: &str, policy: LeakPolicy) -> String {
    let LeakPolicy { effect, test_effect } = policy;
    let keys = match effect {
        LeakEffect::Revoke => "revokes keys that leak",
        LeakEffect::Disable => "disables keys that leak",
        LeakEffect::Report => "only reports keys that leak",
    };
    let tests = match test_effect {
        _ if test_effect == effect => return format!("{org} {keys}."),
        LeakEffect::Revoke => "Test keys are revoked",
        LeakEffect::Disable => "Test keys are disabled",
        LeakEffect::Report => "Test keys are only reported",
    };
    format!("{org} {keys}. {tests}.")
}
