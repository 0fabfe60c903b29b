//! The parts of the member list about invitations: the invite form, the links of new invitations, and the pending ones.

use leptos::prelude::*;
use serde::Deserialize;

use super::HOME;
use super::role::assignable_roles;
use crate::orgs::server::service::{Invitation, Invited};
use crate::platform::Posted;
use crate::shared::{Role, Timestamp};
use crate::ui::form::{ErrorSummary, Form as PageForm, FormErrors, SubmitButton};
use crate::ui::islands::CopyButton;
use crate::ui::parts::{
    Button, Cell, Column, Icon, Input, Look, Note, Panel, RolePins, Row, Select, SelectOption, Size, Symbol,
    Table, Time, Tone, button_class, counted,
};

/// The submitted invite form.
#[derive(Clone, Default, Deserialize)]
pub struct InviteForm {
    #[serde(default)]
    pub emails: String,
    #[serde(default)]
    pub role: String,
}

/// The links of the invitations just sent, to copy and pass on.
pub fn fresh_links(invited: Vec<Invited>) -> Option<AnyView> {
    if invited.is_empty() {
        return None;
    }
    let note = delivery_note(&invited);
    let links = invited.into_iter().enumerate().map(|(index, Invited { email, role, link, .. })| {
        let id = format!("link-{index}");
        view! {
            <li class="border-t border-line pt-3">
                <p class="[overflow-wrap:anywhere]"><b class="font-semi">{email.clone()}</b>{format!(" as {}", role.with_article())}</p>
                <div class="mt-1.5 flex flex-wrap items-center gap-2">
                    <code class="mono min-w-0 select-all [overflow-wrap:anywhere]" id=id.clone()>{link.expose().to_owned()}</code>
                    <CopyButton
                        target=id
                        class=button_class(Look::Secondary, Size::Small, "")
                        name=format!("Copy the link for {email}")
                    >
                        <Icon symbol=Symbol::Copy/>
                        "Copy"
                    </CopyButton>
                </div>
            </li>
        }
    });
    let view = view! {
        <Note tone=Tone::Ok class="mt-6">
            <p>{note}</p>
            <ul class="mt-3 grid gap-3" id="invite-links">{links.collect_view()}</ul>
        </Note>
    };
    Some(view.into_any())
}

/// The text above the links. They are shown even when mail was queued, because mail may get lost.
fn delivery_note(invited: &[Invited]) -> String {
    let all = |posted| invited.iter().all(|invited| invited.posted == posted);
    let (sent, send, each_link) = if invited.len() == 1 {
        ("This person gets an email with the link.", "Send this person the link.", "It")
    } else {
        ("Each person gets an email with their link.", "Send each person their link.", "Each link")
    };
    let delivery = if all(Posted::Queued) {
        sent.to_owned()
    } else if all(Posted::NoMail) {
        send.to_owned()
    } else {
        format!("Not every email could be sent. {send}")
    };
    let count = counted(invited.len() as u64, "invite", "invites");
    format!("{count} created. {delivery} {each_link} works once, within a week, and is shown only now.")
}

pub fn invite_form(own: Role, typed: InviteForm, errors: FormErrors) -> AnyView {
    let chosen = Role::parse(&typed.role).unwrap_or(Role::Member);
    let options: Vec<_> = assignable_roles(own)
        .map(|role| SelectOption::new(role.as_str(), role.label(), role == chosen))
        .collect();
    view! {
        <PageForm action=HOME errors class="panel mt-6 grid gap-4 p-4 sm:px-5">
            <ErrorSummary failed="Nobody was invited."/>
            <div class="flex flex-wrap items-start gap-3">
                <Input
                    name="emails" label="Invite people" value=typed.emails autocomplete="off" verbatim=true
                    placeholder="name@company.example, another@company.example" class="min-w-56 flex-1 max-sm:basis-full"
                />
                <Select name="role" label="Role" options class="w-40 max-sm:flex-1"/>
                <SubmitButton
                    text="Invite" saving="Inviting…" icon=Symbol::Mail class="mt-6.5 h-[2.125rem] max-sm:h-10"
                />
            </div>
        </PageForm>
    }
    .into_any()
}

pub fn pending_list(pending: Vec<Invitation>, own: Role, now: Timestamp) -> AnyView {
    let columns = vec![
        Column::new("Email"),
        Column::new("Role"),
        Column::new("Invited by"),
        Column::new("Sent"),
        Column::new("Expires"),
        Column::hidden("Actions"),
    ];
    let rows = pending.into_iter().map(|invitation| row(invitation, own, now)).collect_view();
    view! { <Panel class="mt-3"><Table caption="Pending invites" columns>{rows}</Table></Panel> }.into_any()
}

fn row(invitation: Invitation, own: Role, now: Timestamp) -> AnyView {
    let Invitation { id, email, role, inviter, sent_at, expires_at, .. } = invitation;
    let is_expired = expires_at <= now;
    let needs_attention = is_expired || expires_at.since(now) < std::time::Duration::from_secs(48 * 60 * 60);
    let may_change = own >= Role::Admin && role <= own;
    let base = format!("{HOME}/invitations/{id}");
    let expires =
        if is_expired { "Expired".into_any() } else { view! { <Time at=expires_at now/> }.into_any() };
    let actions = may_change.then(|| {
        view! {
            <div class="flex gap-2 sm:justify-end max-sm:pt-2">
                <PageForm action=format!("{base}/resend")>
                    <Button size=Size::Small>"New link"</Button>
                </PageForm>
                <PageForm action=format!("{base}/withdraw")>
                    <Button look=Look::Ghost size=Size::Small>"Cancel invite"</Button>
                </PageForm>
            </div>
        }
    });
    view! {
        <Row>
            <Cell class="font-semi align-middle full [overflow-wrap:anywhere]">{email}</Cell>
            <Cell class="align-middle" label="Role"><RolePins role/></Cell>
            <Cell class="align-middle text-ink-2 [overflow-wrap:anywhere]" label="Invited by">{inviter}</Cell>
            <Cell class="align-middle text-ink-2" label="Sent"><Time at=sent_at now/></Cell>
            <Cell class=format!("align-middle {}", if needs_attention { "tone-warn" } else { "text-ink-2" }) label="Expires">{expires}</Cell>
            <Cell class="align-middle full">{actions}</Cell>
        </Row>
    }
    .into_any()
}
