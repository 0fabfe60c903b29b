//! The consent page: who asks, where the answer goes, the organization and the role. Approve and Deny look equal.

use axum::http::StatusCode;
use axum::response::Response;
use leptos::prelude::*;

use super::super::client::{ClientOrigin, McpClient};
use super::super::redirect::RedirectTarget;
use super::super::request::{AuthorizationParameters, AuthorizationRequest};
use super::address::{PATH, address};
use super::grants::{GrantChoice, grant_section, role_field};
use crate::accounts::server::sign_in_again;
use crate::keys::server::login_constraints;
use crate::orgs::server::{Membership, Visitor};
use crate::platform::App;
use crate::shared::{Kind, OrgId, Permission, PrincipalKind, Role, Timestamp};
use crate::ui::form::{Form as PageForm, FormErrors};
use crate::ui::parts::{
    Avatar, Badge, Button, HiddenFields, Look, Mark, Note, Select, SelectOption, Symbol, Time, Tone, initials,
};
use crate::ui::server::page::Page;
use crate::ui::shell::{Solo, SoloWidth};

/// The role that is chosen at first, if the app asks for that much.
const USUAL_ROLE: Role = Role::Member;

pub struct ConsentPage {
    app: App,
    visitor: Visitor,
    client: McpClient,
    request: AuthorizationRequest,
    parameters: AuthorizationParameters,
    token: String,
    choices: Vec<GrantChoice>,
    org: Option<OrgId>,
    role: Role,
}

impl ConsentPage {
    pub async fn new(
        app: &App,
        visitor: &Visitor,
        client: McpClient,
        request: AuthorizationRequest,
        parameters: &AuthorizationParameters,
        token: String,
    ) -> Self {
        let may_have_keys = |membership: &&Membership| {
            Permission::ManageOwnKeys.is_granted(membership.role, PrincipalKind::Person)
        };
        let mut choices = Vec::new();
        for membership in visitor.memberships.iter().filter(may_have_keys) {
            // A login that the policy forbids is refused when it is approved.
            let constraints =
                login_constraints(app, membership.org, Kind::Mcp).await.ok().and_then(Result::ok);
            choices.push(GrantChoice {
                org: membership.org,
                name: membership.org_name.clone(),
                own_role: membership.role,
                ends: constraints.and_then(|constraints| constraints.expires_by),
            });
        }
        let current = visitor.current.as_ref().map(|current| current.org);
        let org = current.filter(|org| choices.iter().any(|choice| choice.org == *org));
        let org = org.or(choices.first().map(|choice| choice.org));
        let own = choices.iter().find(|choice| Some(choice.org) == org).map(|choice| choice.own_role);
        let role = USUAL_ROLE.min(request.cap).min(own.unwrap_or(Role::Viewer));
        let (app, visitor, parameters) = (app.clone(), visitor.clone(), parameters.clone());
        Self { app, visitor, client, request, parameters, token, choices, org, role }
    }

    /// Keeps the choices of a submitted form.
    pub fn choose(&mut self, org: Option<OrgId>, role: Option<Role>) {
        self.org = org.filter(|org| self.choices.iter().any(|choice| choice.org == *org)).or(self.org);
        self.role = role.filter(|role| *role <= self.request.cap).unwrap_or(self.role);
    }

    pub async fn render(self, errors: FormErrors, status: StatusCode) -> Response {
        let app = self.app.clone();
        let now = app.clock.now();
        let host = app.public_url.authority().to_owned();
        let can_approve = !self.choices.is_empty();
        let title = match can_approve {
            true => format!("Let {} connect?", self.client.name),
            false => "You cannot approve this login".to_owned(),
        };
        let heading = title.clone();
        let fields = [vec![("token", self.token.clone())], self.parameters.fields()].concat();
        let visit = self.visitor.visit.clone();
        Page::new(&app, &visit, title)
            .status(status)
            .form_target(self.request.redirect.form_target())
            .render(move || {
                let grants = can_approve.then(|| {
                    let role = role_field(&self.choices, self.request.cap, self.role);
                    let grants = grant_section(&self.client.name, &self.choices, self.request.cap);
                    (role, grants)
                });
                let (role, grants) = grants.unzip();
                view! {
                    <Solo width=SoloWidth::Wide tall=true host>
                        <h1 class="h-page text-center [overflow-wrap:anywhere]" dir="auto">{heading}</h1>
                        <PageForm action=PATH errors failed="The login was not approved." class="grants mt-5">
                            <HiddenFields fields/>
                            // The default button for Enter; it neither approves nor denies.
                            <button
                                type="submit" name="verdict" value="none" formnovalidate tabindex="-1" aria-hidden="true"
                                class="sr-only"
                            ></button>
                            <div class="panel overflow-hidden">
                                {head(&self.client.name)}
                                {self.facts(now)}
                                <div class="border-t border-line px-5 py-4">
                                    {self.account()}
                                    {self.organization_field()}
                                    {role}
                                </div>
                                {grants}
                                <div class="border-t border-line px-5 py-4">
                                    {can_approve.then(|| self.warning())}
                                    {verdicts(can_approve)}
                                </div>
                            </div>
                        </PageForm>
                    </Solo>
                }
            })
            .await
    }

    fn facts(&self, now: Timestamp) -> AnyView {
        let origin = match &self.client.origin {
            ClientOrigin::Site { host } => view! {
                <b class="font-medium">{host.clone()}</b>
                <span class="cap block">"Its name comes from this site."</span>
            }
            .into_any(),
            ClientOrigin::Registered { at } => view! {
                <span class="inline-flex flex-wrap items-center gap-2">
                    "None"<Badge tone=Tone::Warn text="Unverified name"/>
                </span>
                <span class="cap block">"It registered itself. First seen: "<Time at=*at now/></span>
            }
            .into_any(),
        };
        let on_computer = |place: &'static str, text: String| {
            view! {
                <span class="inline-flex flex-wrap items-center gap-x-2">
                    {place}<span class="mono text-cap text-ink-2">{text}</span>
                </span>
            }
            .into_any()
        };
        let target = match self.request.redirect.target() {
            RedirectTarget::Loopback { host } => on_computer("This computer", host),
            RedirectTarget::Program { scheme } => {
                on_computer("A program on this computer", format!("{scheme}:"))
            }
            RedirectTarget::Site { host } => view! { <b class="font-medium">{host}</b> }.into_any(),
        };
        let asked = format!("Latchkey’s tools, as {} at most", self.request.cap.as_str());
        view! {
            <dl class="facts facts-narrow px-5 py-2">
                <div><dt>"App address"</dt><dd>{origin}</dd></div>
                <div><dt>"Answer goes to"</dt><dd>{target}</dd></div>
                <div><dt>"Asks for"</dt><dd>{asked}</dd></div>
            </dl>
        }
        .into_any()
    }

    fn account(&self) -> AnyView {
        let (name, email) = (self.visitor.person.name.clone(), self.visitor.person.email.clone());
        let switch = sign_in_again(&address(&self.parameters));
        view! {
            <div class="flex items-center gap-2.5">
                <Avatar name=name.clone()/>
                <div class="min-w-0 flex-1 text-dense leading-4 [overflow-wrap:anywhere]">
                    <div class="font-medium" dir="auto">{name}</div>
                    <div class="cap">{email}</div>
                </div>
                <a class="link flex-none text-dense" href=switch>"Use another account"</a>
            </div>
        }
        .into_any()
    }

    /// The organization whose keys the app will see, or a select field if there are several.
    fn organization_field(&self) -> AnyView {
        match self.choices.as_slice() {
            [] => view! {
                <Note tone=Tone::Info class="mt-3.5">
                    "You are in no organization in which you may have keys. Ask an admin of your organization to \
                    invite you."
                </Note>
            }
            .into_any(),
            [only] => {
                let (org, name, role) = (only.org.to_string(), only.name.clone(), only.own_role.with_article());
                view! {
                    <HiddenFields fields=vec![("org", org)]/>
                    <p class="mt-3.5 text-dense" dir="auto">
                        <span class="label block">"Organization"</span>
                        <span class="mt-1 block [overflow-wrap:anywhere]">{format!("{name} (you are {role})")}</span>
                    </p>
                }
                .into_any()
            }
            several => {
                let options = several.iter().map(|choice| {
                    let label = format!("{} (you are {})", choice.name, choice.own_role.with_article());
                    SelectOption::new(choice.org.to_string(), label, self.org == Some(choice.org))
                });
                view! { <Select name="org" label="Organization" options=options.collect() class="mt-3.5"/> }
                    .into_any()
            }
        }
    }

    fn warning(&self) -> AnyView {
        let name = &self.client.name;
        let (bold, text) = match (self.request.redirect.target(), &self.client.origin) {
            (RedirectTarget::Loopback { .. } | RedirectTarget::Program { .. }, _) => (
                format!("Any program on this computer can call itself {name}."),
                " Approve only if you started this login there a moment ago.".to_owned(),
            ),
            (RedirectTarget::Site { host }, ClientOrigin::Registered { .. }) => (
                "Nobody has checked this name.".to_owned(),
                format!(" Approve only if you know {host}. That site gets the access."),
            ),
            (RedirectTarget::Site { host }, ClientOrigin::Site { host: own }) if host != *own => (
                "The answer goes to another site than the app’s.".to_owned(),
                format!(" Approve only if you know {host}. That site gets the access."),
            ),
            (RedirectTarget::Site { .. }, ClientOrigin::Site { .. }) => (
                "Only continue if you started this login yourself.".to_owned(),
                " If a website or another person sent you here, deny it.".to_owned(),
            ),
        };
        view! { <Note tone=Tone::Warn><p dir="auto"><b>{bold}</b>{text}</p></Note> }.into_any()
    }
}

fn head(name: &str) -> AnyView {
    let (letters, name) = (initials(name), name.to_owned());
    view! {
        <div class="border-b border-line bg-sunken px-5 py-5">
            <div class="flex items-center justify-center gap-3">
                <span class="tile tile-lg" aria-hidden="true">{letters}</span>
                <svg class="bolt" viewBox="0 0 80 8" preserveAspectRatio="none" aria-hidden="true">
                    <path d="M0 1.5h74l6 3v3H0z" fill="currentColor"></path>
                </svg>
                <Mark class="size-11"/>
            </div>
            <p class="mt-3.5 text-center text-ink-2 [overflow-wrap:anywhere]" dir="auto">
                <b class="text-ink">{name}</b>" wants to use Latchkey as you"
            </p>
        </div>
    }
    .into_any()
}

fn verdicts(can_approve: bool) -> AnyView {
    let approve = can_approve.then(|| {
        view! {
            <Button look=Look::Verdict icon=Symbol::Check name="verdict" value="approve">"Approve"</Button>
        }
    });
    view! {
        <div class=if can_approve { "mt-4 grid grid-cols-2 gap-3" } else { "grid" }>
            <Button look=Look::Verdict icon=Symbol::Cross name="verdict" value="deny" unchecked=true>"Deny"</Button>
            {approve}
        </div>
    }
    .into_any()
}
