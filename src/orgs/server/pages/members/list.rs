//! The member list with the invite form and the pending invitations. The response to the invite form is the same page with
//! the invitation links, which are not shown again.

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use leptos::prelude::*;
use serde::Deserialize;
use tower_sessions::Session;

use super::HOME;
use super::invitation_view::{InviteForm, fresh_links, invite_form, pending_list};
use crate::orgs::server::Member;
use crate::orgs::server::page_frame::{chrome, page_for, toast};
use crate::orgs::server::service::{
    self, Invited, MAX_COUNTED, MAX_LISTED, MemberCursor, MemberEntry, MemberSummary,
};
use crate::platform::{App, Error};
use crate::shared::{Permission, Timestamp, contains_token};
use crate::ui::form::FormErrors;
use crate::ui::parts::{
    Avatar, Badge, Button, Cell, Column, EmptyState, LinkButton, Menu, MenuItem, Pagination, Panel, RolePins,
    Row, SearchField, Symbol, Table, Time, Tone, Wording, capped, counted, grouped,
};
use crate::ui::server::message::warn_of_token_in_address;
use crate::ui::shell::{Nav, PageHead, Shell};

/// Members not seen for longer than this are highlighted.
const INACTIVE_AFTER: std::time::Duration = std::time::Duration::from_secs(30 * 24 * 60 * 60);

#[derive(Default, Deserialize)]
pub struct MembersQuery {
    #[serde(default)]
    q: String,
    #[serde(default)]
    after: String,
}

pub async fn show(
    State(app): State<App>,
    member: Member,
    session: Session,
    Query(mut query): Query<MembersQuery>,
) -> Result<Response, Error> {
    let fields = [&mut query.q, &mut query.after];
    let pasted: Vec<_> = fields.into_iter().filter(|text| contains_token(text)).collect();
    if !pasted.is_empty() {
        pasted.into_iter().for_each(String::clear);
        warn_of_token_in_address(&session).await?;
        return Ok(Redirect::to(&address(&query.q, &query.after)).into_response());
    }
    page(&app, &member, query, InviteForm::default(), Vec::new(), FormErrors::default(), StatusCode::OK).await
}

pub async fn page(
    app: &App,
    member: &Member,
    query: MembersQuery,
    typed: InviteForm,
    fresh: Vec<Invited>,
    errors: FormErrors,
    status: StatusCode,
) -> Result<Response, Error> {
    let after = MemberCursor::parse(&query.after);
    let search = query.q.trim().to_owned();
    let found = service::list(app, member, &search, after.as_ref()).await?;
    let pending = service::pending(app, member).await?;
    let count = service::count(app, member).await?;
    let now = app.clock.now();
    let chrome = chrome(app, member, Some(Nav::Members), HOME);
    let message = member.visitor.message.clone();
    let (me, role, org) = (member.user, member.org.role, member.org.org_name.clone());
    let may_invite = member.may(Permission::ManageMembers);
    let may_audit = member.may(Permission::ReadAudit);
    let rendered = page_for(app, member, "Members").status(status).render(move || {
        let text = format!("People who can sign in to {org}. Their role limits the role of their keys.");
        let row_count = found.members.len() as u64;
        let next = found.next.map(|next| address(&search, &next.to_text())).unwrap_or_default();
        let previous = after.map(|_| address(&search, "")).unwrap_or_default();
        let rows = found
            .members
            .into_iter()
            .map(|entry| {
                let is_self = entry.listed.user == me;
                let may = service::may_change(role, entry.listed.role, is_self);
                row(entry, is_self, may, may_audit, now)
            })
            .collect_view();
        let list = if row_count == 0 {
            no_match(&search).into_any()
        } else {
            view! {
                <Panel class="mt-3">
                    <Table caption="Members" columns=columns()>{rows}</Table>
                    <Pagination
                        summary=counted(row_count, "member", "members") previous next previous_label="First page"
                    />
                </Panel>
            }
            .into_any()
        };
        let toast = message.map(toast);
        let total = u64::try_from(pending.len()).unwrap_or(0);
        let pending_title = match pending.len() {
            MAX_LISTED.. => format!("{}+ pending invites", grouped(MAX_LISTED as u64)),
            _ => counted(total, "pending invite", "pending invites"),
        };
        let invites = (!pending.is_empty()).then(|| {
            view! {
                <section class="mt-10" aria-labelledby="pending">
                    <h2 class="h-sect" id="pending">{pending_title}</h2>
                    {pending_list(pending, role, now)}
                </section>
            }
        });
        view! {
            <Shell chrome toast>
                <PageHead title="Members" text/>
                {fresh_links(fresh)}
                {may_invite.then(|| invite_form(role, typed, errors))}
                <section class="mt-8" aria-labelledby="members">
                    <div class="flex flex-wrap items-center justify-between gap-3">
                        <h2 class="h-sect" id="members">{title(count)}</h2>
                        <form method="get" action=HOME role="search" class="flex gap-2 max-sm:w-full">
                            <SearchField
                                name="q" label="Search members" value=search placeholder="Name or email"
                                class="sm:w-60 max-sm:flex-1"
                            />
                            <Button>"Search"</Button>
                        </form>
                    </div>
                    {list}
                </section>
                {invites}
            </Shell>
        }
    });
    Ok(rendered.await)
}

fn title(count: i64) -> String {
    if count == 1 { "1 member".to_owned() } else { format!("{} members", capped(count, MAX_COUNTED)) }
}

fn address(search: &str, after: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in [("q", search), ("after", after)] {
        if !value.is_empty() {
            query.append_pair(name, value);
        }
    }
    let query = query.finish();
    if query.is_empty() { HOME.to_owned() } else { format!("{HOME}?{query}") }
}

fn columns() -> Vec<Column> {
    vec![
        Column::new("Member"),
        Column::new("Role"),
        Column::new("Signs in with"),
        Column::right("API keys"),
        Column::new("Last active"),
        Column::new("Joined"),
        Column::hidden("Actions"),
    ]
}

fn no_match(search: &str) -> AnyView {
    view! {
        <EmptyState
            class="mt-3" title="Nobody found" text=format!("No name and no email address begins with \u{201c}{search}\u{201d}.")
        >
            <LinkButton href=HOME>"Show all members"</LinkButton>
        </EmptyState>
    }
    .into_any()
}

/// The sign-in methods in words, such as "GitHub or password and code".
fn sign_in_methods(listed: &MemberSummary, providers: Vec<String>) -> String {
    if listed.is_disabled {
        return "Disabled".to_owned();
    }
    let mut methods = providers;
    if listed.has_password {
        let password = if methods.is_empty() { "Password" } else { "password" };
        methods.push(if listed.has_factor { format!("{password} and code") } else { password.to_owned() });
    }
    if methods.is_empty() { "\u{2013}".to_owned() } else { methods.join(" or ") }
}

fn row(entry: MemberEntry, is_self: bool, may: bool, may_audit: bool, now: Timestamp) -> AnyView {
    let MemberEntry { listed, keys, providers } = entry;
    let is_inactive = listed.last_seen_at.is_some_and(|at| now.since(at) > INACTIVE_AFTER);
    let last_active = match listed.last_seen_at {
        Some(at) => view! { <Time at now/> }.into_any(),
        None => "Never".into_any(),
    };
    let base = format!("{HOME}/{}", listed.user);
    let methods = sign_in_methods(&listed, providers);
    let activity = may_audit.then(|| {
        let href = format!("/settings/audit-log?actor={}", listed.user);
        MenuItem::link(href, Symbol::Audit, "See activity")
    });
    let id = format!("menu-{}", listed.user);
    let key_count = match keys {
        0 => view! { "0" }.into_any(),
        _ => {
            let href = format!("/settings/api-keys?creator={}", listed.user);
            view! { <a class="link" href=href>{capped(keys, MAX_COUNTED)}</a> }.into_any()
        }
    };
    let MemberSummary { name, email, role, joined_at, .. } = listed;
    let actions = may.then(|| {
        let leave = if is_self { "Leave…" } else { "Remove…" };
        let role = MenuItem::link(format!("{base}/role"), Symbol::Shield, "Change role…");
        let leave = MenuItem::danger(format!("{base}/remove"), Symbol::Out, leave);
        let items = [role].into_iter().chain(activity).chain([MenuItem::Rule, leave]).collect();
        let label = format!("Actions for {name}");
        view! { <Menu id label items/> }
    });
    view! {
        <Row>
            <Cell class="full max-sm:mb-1 max-sm:pr-10">
                <div class="flex items-center gap-3">
                    <Avatar name=name.clone()/>
                    <div class="min-w-0 flex-1">
                        <div class="flex items-center gap-2">
                            <b class="min-w-0 font-semi [overflow-wrap:anywhere]" dir="auto">{name.clone()}</b>
                            {is_self.then(|| view! { <Badge tone=Tone::Line text="You"/> })}
                        </div>
                        <div class="cap [overflow-wrap:anywhere]">{email.clone()}</div>
                    </div>
                </div>
            </Cell>
            <Cell class="align-middle" label="Role"><RolePins role/></Cell>
            <Cell class="align-middle text-ink-2" label="Signs in with">{methods}</Cell>
            <Cell class="align-middle sm:text-right num" label="API keys">{key_count}</Cell>
            <Cell class=format!("align-middle {}", if is_inactive { "tone-warn" } else { "text-ink-2" }) label="Last active">
                {last_active}
            </Cell>
            <Cell class="align-middle text-ink-2" label="Joined"><Time at=joined_at now wording=Wording::Day/></Cell>
            <Cell class="align-middle sm:text-right max-sm:absolute max-sm:top-2.5 max-sm:right-2.5">{actions}</Cell>
        </Row>
    }
    .into_any()
}
