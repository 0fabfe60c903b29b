//! The frame of the pages for signed-in people: their organization, navigation and account menu.

use leptos::prelude::*;

use super::Member;
use crate::platform::App;
use crate::ui::parts::{Toast, ToastOutcome};
use crate::ui::server::form_page::FormPage;
use crate::ui::server::message::PageMessage;
use crate::ui::server::page::Page;
use crate::ui::shell::{Chrome, CurrentOrganization, Nav, OtherOrganization, SignedInPerson};

/// `back` is the page's own path: where a switch of theme or organization returns to.
pub fn chrome(app: &App, member: &Member, current: Option<Nav>, back: &str) -> Chrome {
    let (visitor, org) = (&member.visitor, &member.org);
    let others = visitor.memberships.iter().filter(|place| place.org != org.org);
    Chrome {
        person: SignedInPerson { name: visitor.person.name.clone(), email: visitor.person.email.clone() },
        organization: CurrentOrganization {
            id: org.org.to_string(),
            name: org.org_name.clone(),
            role: org.role,
        },
        others: others
            .map(|place| OtherOrganization { id: place.org.to_string(), name: place.org_name.clone() })
            .collect(),
        // A place is offered from the day its page is there.
        places: vec![
            Nav::Overview,
            Nav::Keys,
            Nav::Permissions,
            Nav::Agents,
            Nav::Members,
            Nav::Audit,
            Nav::Organization,
        ],
        current,
        theme: visitor.visit.theme,
        host: app.public_url.authority().to_owned(),
        back: back.to_owned(),
    }
}

/// The message of the previous request.
pub fn toast(message: PageMessage) -> AnyView {
    let outcome = if message.refused { ToastOutcome::Failed } else { ToastOutcome::Done };
    view! { <Toast outcome title=message.text/> }.into_any()
}

pub fn page_for(app: &App, member: &Member, title: &str) -> Page {
    Page::new(app, &member.visitor.visit, title).made_for(member.org.org)
}

/// A page with one form, whose own address is `action`.
pub fn form_page(
    app: &App,
    member: &Member,
    current: Option<Nav>,
    title: &str,
    action: impl Into<String>,
) -> FormPage {
    let action = action.into();
    FormPage::shell(page_for(app, member, title), chrome(app, member, current, &action), action)
}
