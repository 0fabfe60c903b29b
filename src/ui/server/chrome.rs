//! What stands around the pages of people who are signed in, from the one who looks.

use leptos::prelude::*;

use super::page::Page;
use crate::orgs::server::{Member, SessionMessage};
use crate::platform::App;
use crate::ui::parts::{Outcome, Toast};
use crate::ui::shell::{Chrome, Nav, Organization, OtherOrganization, Person};

/// `back` is the page's own path: where a switch of theme or organization returns to.
pub fn chrome(app: &App, member: &Member, current: Option<Nav>, back: &str) -> Chrome {
    let (visitor, org) = (&member.visitor, &member.org);
    let others = visitor.memberships.iter().filter(|place| place.org != org.org);
    Chrome {
        person: Person { name: visitor.person.name.clone(), email: visitor.person.email.clone() },
        organization: Organization { id: org.org.to_string(), name: org.org_name.clone(), role: org.role },
        others: others
            .map(|place| OtherOrganization { id: place.org.to_string(), name: place.org_name.clone() })
            .collect(),
        // A place is offered from the day its page is there.
        places: vec![Nav::Overview, Nav::Keys, Nav::Agents, Nav::Members, Nav::Audit, Nav::Organization],
        current,
        theme: visitor.visit.theme,
        host: app.public_url.authority().to_owned(),
        back: back.to_owned(),
    }
}

/// What the page before left to say.
pub fn toast(word: SessionMessage) -> AnyView {
    let outcome = if word.refused { Outcome::Failed } else { Outcome::Done };
    view! { <Toast outcome title=word.text/> }.into_any()
}

pub fn page_for(app: &App, member: &Member, title: &str) -> Page {
    Page::new(app, &member.visitor.visit, title).made_for(member.org.org)
}
