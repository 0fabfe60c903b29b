//! The frame of the pages for signed-in people: their organization, navigation and account menu.

use leptos::prelude::*;

use super::Member;
use crate::platform::App;
use crate::ui::form::Form;
use crate::ui::parts::{Button, Look, Size, Toast, ToastOutcome};
use crate::ui::server::form_page::FormPage;
use crate::ui::server::message::{PageMessage, UndoForm};
use crate::ui::server::page::Page;
use crate::ui::shell::{Chrome, CurrentOrganization, Nav, OtherOrganization, SignedInPerson};

/// Builds the frame. `back` is the page's own path, to which a switch of theme or organization returns.
pub fn chrome(app: &App, member: &Member, current: Option<Nav>, back: &str) -> Chrome {
    let (visitor, org) = (&member.visitor, &member.org);
    let others = visitor.memberships.iter().filter(|membership| membership.org != org.org);
    Chrome {
        person: SignedInPerson { name: visitor.person.name.clone(), email: visitor.person.email.clone() },
        organization: CurrentOrganization {
            id: org.org.to_string(),
            name: org.org_name.clone(),
            role: org.role,
        },
        others: others
            .map(|membership| OtherOrganization {
                id: membership.org.to_string(),
                name: membership.org_name.clone(),
            })
            .collect(),
        places: Nav::ALL.to_vec(),
        current,
        waiting: u64::try_from(member.waiting).unwrap_or(0),
        theme: visitor.visit.theme,
        host: app.public_url.authority().to_owned(),
        back: back.to_owned(),
    }
}

/// The message of the previous request.
pub fn toast(message: PageMessage) -> AnyView {
    let outcome = match &message.undo {
        _ if message.refused => ToastOutcome::Failed,
        Some(_) => ToastOutcome::Undoable,
        None => ToastOutcome::Done,
    };
    let undo = message.undo.map(|UndoForm { action, fields }| {
        let fields = fields
            .into_iter()
            .map(|(name, value)| view! { <input type="hidden" name=name value=value/> })
            .collect_view();
        view! {
            <Form action>
                {fields}
                <Button look=Look::Ghost size=Size::Small>"Undo"</Button>
            </Form>
        }
    });
    view! { <Toast outcome title=message.text>{undo}</Toast> }.into_any()
}

pub fn page_for(app: &App, member: &Member, title: &str) -> Page {
    Page::new(app, &member.visitor.visit, title).made_for(member.org.org)
}

/// A page with one form. `action` is the page's own path.
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
