//! "Is it really you?" before what a stranger at an unlocked screen must not do. Whoever has a password gives it; whoever
//! has none must have signed in a moment ago.

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

/// So long a sign-in stands in for a password that there is none of.
const FRESH: Duration = Duration::from_secs(10 * 60);

#[derive(Clone)]
pub struct Confirm {
    person: Person,
    visit: Visit,
    is_fresh: bool,
    /// Where to sign in anew: name and address of what opens the account.
    again: Vec<(String, String)>,
}

impl Confirm {
    pub fn of(app: &App, member: &Member) -> Self {
        let visitor = &member.visitor;
        let back = ReturnPath::or_home("/settings/profile");
        let ways = Provider::offered(app).into_iter();
        Self {
            person: visitor.person.clone(),
            visit: visitor.visit.clone(),
            is_fresh: app.clock.now().since(visitor.since) <= FRESH,
            again: ways.map(|provider| (provider.name(app), start_link(provider, &back))).collect(),
        }
    }

    pub fn has_password(&self) -> bool {
        self.person.has_password
    }

    /// Is there anything to send?
    pub fn is_possible(&self) -> bool {
        self.person.has_password || self.is_fresh
    }

    /// The inner error is what the form says.
    pub async fn check(&self, app: &App, given: Secret) -> Result<Result<(), FormErrors>, Error> {
        if !self.person.has_password {
            let why = "You signed in some time ago. Sign in again first.";
            return Ok(if self.is_fresh { Ok(()) } else { Err(FormErrors::default().with("", why)) });
        }
        if accounts::confirm_password(app, &self.visit, &self.person, given).await? {
            return Ok(Ok(()));
        }
        Ok(Err(FormErrors::default().with("password", "This is not your password.")))
    }
}

#[component]
pub fn ConfirmField(confirm: Confirm, #[prop(default = true)] focus: bool) -> AnyView {
    let Confirm { person, is_fresh, again, .. } = confirm;
    if person.has_password {
        return view! {
            <input type="hidden" name="username" value=person.email autocomplete="username"/>
            <Input
                name="password" label="Your password" kind="password" autocomplete="current-password" focus
            />
        }
        .into_any();
    }
    if is_fresh {
        return view! { <HiddenFields fields=vec![("password", String::new())]/> }.into_any();
    }
    let ways = again.into_iter().map(|(name, href)| view! { " " <a class="link" href=href>{name}</a> });
    view! {
        <Note tone=Tone::Info>
            "You have no password, and signed in some time ago. Sign in again first:" {ways.collect_view()}
        </Note>
    }
    .into_any()
}
