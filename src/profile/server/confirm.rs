//! The confirmation before sensitive changes, so that a stranger at an unlocked screen cannot make them. It asks for the
//! password. A person without a password must have signed in within the last ten minutes.

use std::time::Duration;

use leptos::prelude::*;

use crate::accounts::server::Provider;
use crate::accounts::server::start_link;
use crate::accounts::server::{self as accounts, Person};
use crate::orgs::server::Member;
use crate::platform::http::Visit;
use crate::platform::{App, Error, Secret};
use crate::shared::ReturnPath;
use crate::ui::form::FormErrors;
use crate::ui::parts::{HiddenFields, Input, Note, Tone};

/// How long after signing in a person without a password is confirmed.
const RECENT_SIGN_IN: Duration = Duration::from_secs(10 * 60);

#[derive(Clone)]
pub struct Confirm {
    person: Person,
    visit: Visit,
    has_signed_in_recently: bool,
    /// The names of the configured providers and the links to sign in with them again.
    provider_links: Vec<(String, String)>,
}

impl Confirm {
    pub fn of(app: &App, member: &Member) -> Self {
        let visitor = &member.visitor;
        let back = ReturnPath::or_home("/settings/profile");
        let providers = Provider::configured(app).into_iter();
        Self {
            person: visitor.person.clone(),
            visit: visitor.visit.clone(),
            has_signed_in_recently: app.clock.now().since(visitor.since) <= RECENT_SIGN_IN,
            provider_links: providers
                .map(|provider| (provider.name(app), start_link(provider, &back)))
                .collect(),
        }
    }

    pub fn has_password(&self) -> bool {
        self.person.has_password
    }

    /// Returns false if the person must sign in again first, so that the form cannot be submitted.
    pub fn is_possible(&self) -> bool {
        self.person.has_password || self.has_signed_in_recently
    }

    /// Checks the submitted password, or the time of the sign-in. The inner error is displayed in the form.
    pub async fn check(&self, app: &App, password: Secret) -> Result<Result<(), FormErrors>, Error> {
        if !self.person.has_password {
            let why = "You signed in more than ten minutes ago. Sign in again first.";
            return Ok(if self.has_signed_in_recently {
                Ok(())
            } else {
                Err(FormErrors::default().with("", why))
            });
        }
        if accounts::confirm_password(app, &self.visit, &self.person, password).await? {
            return Ok(Ok(()));
        }
        Ok(Err(FormErrors::default().with("password", "This is not your password.")))
    }
}

#[component]
pub fn ConfirmField(confirm: Confirm, #[prop(default = true)] focus: bool) -> AnyView {
    let Confirm { person, has_signed_in_recently, provider_links, .. } = confirm;
    if person.has_password {
        return view! {
            <input type="hidden" name="username" value=person.email autocomplete="username"/>
            <Input
                name="password" label="Your password" kind="password" autocomplete="current-password" focus
            />
        }
        .into_any();
    }
    if has_signed_in_recently {
        return view! { <HiddenFields fields=vec![("password", String::new())]/> }.into_any();
    }
    let links =
        provider_links.into_iter().map(|(name, href)| view! { " " <a class="link" href=href>{name}</a> });
    view! {
        <Note tone=Tone::Info>
            "You have no password and signed in more than ten minutes ago. Sign in again first:" {links.collect_view()}
        </Note>
    }
    .into_any()
}
