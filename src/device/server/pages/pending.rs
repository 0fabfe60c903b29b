//! The approval page: the device, its address, the person's account and organization. Approve and Deny look equal.

use axum::http::StatusCode;
use axum::response::Response;
use leptos::prelude::*;

use super::address::HERE;
use super::guard::Guard;
use super::key_fields::{KeyFieldTexts, OrgChoice};
use super::role_permissions::key_section;
use crate::accounts::server::sign_in_again;
use crate::device::UserCode;
use crate::device::server::store::LoginRequest;
use crate::device::server::{clients, service};
use crate::keys::server as keys;
use crate::orgs::server::Membership;
use crate::platform::Error;
use crate::shared::{Kind, OrgId, Permission, PrincipalKind, ReturnPath, Timestamp};
use crate::ui::form::{Form as PageForm, FormErrors};
use crate::ui::parts::{
    Avatar, Badge, Button, Checkbox, HiddenFields, Input, Look, Note, Select, SelectOption, Symbol, Time,
    Tone, words,
};
use crate::ui::server::page::Page;
use crate::ui::shell::{Solo, SoloWidth};

pub struct ApprovalPage {
    pub login: LoginRequest,
    pub choices: Vec<OrgChoice>,
    /// The person must type the code.
    pub must_type: bool,
    /// The checkbox "I started this login on my own device" is ticked.
    pub ticked: bool,
    pub key_fields: KeyFieldTexts,
    chosen: Option<OrgId>,
    /// The device is in another network than the browser.
    other_network: bool,
    mark: String,
    here: ReturnPath,
}

impl ApprovalPage {
    pub fn new(guard: &Guard<'_>, login: LoginRequest, org: &str, mark: &str, here: &ReturnPath) -> Self {
        let may_have_keys = |membership: &&Membership| {
            Permission::ManageOwnKeys.is_granted(membership.role, PrincipalKind::Person)
        };
        let memberships = guard.visitor.memberships.iter().filter(may_have_keys);
        let choices: Vec<OrgChoice> = memberships
            .map(|membership| OrgChoice {
                org: membership.org,
                name: membership.org_name.clone(),
                own_role: membership.role,
                key_role: service::role_of(&login, membership.role),
                key_ends: None,
            })
            .collect();
        let requested = choices.iter().find(|choice| choice.org.to_string() == org || choice.name == org);
        let only = if choices.len() == 1 { choices.first() } else { None };
        let chosen = requested.or(only).map(|choice| choice.org);
        let other_network = guard.is_other_network(&login.address);
        let is_marked = guard.is_marked(login.id, mark);
        let prefilled = guard.app.config.device.device_prefilled_codes;
        Self {
            must_type: (other_network || !prefilled) && !is_marked,
            mark: if is_marked { mark.to_owned() } else { String::new() },
            ticked: false,
            key_fields: KeyFieldTexts::default(),
            login,
            choices,
            chosen,
            other_network,
            here: here.clone(),
        }
    }

    /// Checks the typed code. A correct code need not be typed again; a wrong one counts against the limit.
    pub fn check_typed(
        &mut self,
        guard: &Guard<'_>,
        typed: &str,
        errors: &mut FormErrors,
    ) -> Result<(), Error> {
        if UserCode::parse(typed).as_ref() == Some(&self.login.user_code) {
            self.must_type = false;
            self.mark = guard.mark(self.login.id);
            return Ok(());
        }
        service::count_wrong_code(guard.app, guard.visitor)?;
        errors.add("typed", "This is not the code of this login. Type the one that your own terminal shows.");
        Ok(())
    }

    pub async fn page(mut self, guard: &Guard<'_>, errors: FormErrors, status: StatusCode) -> Response {
        let (app, visitor) = (guard.app, guard.visitor);
        for choice in &mut self.choices {
            // A login that the policy forbids is refused when it is approved.
            if let Ok(Ok(constraints)) = keys::login_constraints(app, choice.org, Kind::Live).await {
                choice.key_role = choice.key_role.min(constraints.highest_role);
                choice.key_ends = service::latest_expiry(app, &constraints);
            }
        }
        let host = app.public_url.authority().to_owned();
        let now = app.clock.now();
        let tool = clients::name_of(app, &self.login.client_id).unwrap_or(&self.login.client_id).to_owned();
        let switch = sign_in_again(&self.here);
        let (name, email) = (visitor.person.name.clone(), visitor.person.email.clone());
        let fields = vec![
            ("token", guard.token()),
            ("code", self.login.user_code.to_string()),
            ("mark", self.mark.clone()),
        ];
        let title =
            if self.choices.is_empty() { "You cannot approve this login" } else { "Approve this login?" };
        Page::new(app, &visitor.visit, title)
            .status(status)
            .render(move || {
                let can_approve = !self.choices.is_empty();
                let permissions = can_approve.then(|| key_section(&self.choices, &self.key_fields, now));
                let ticked = self.ticked;
                view! {
                    <Solo width=SoloWidth::Wide tall=true host>
                        <h1 class="h-page text-center">{title}</h1>
                        <PageForm action=HERE errors failed="The login was not approved." class="mt-5">
                            <HiddenFields fields/>
                            // The default button for Enter; it neither approves nor denies.
                            <button
                                type="submit" name="verdict" value="none" formnovalidate tabindex="-1" aria-hidden="true"
                                class="sr-only"
                            ></button>
                            <div class="panel overflow-hidden">
                                {self.head()}
                                {self.facts(&tool, now)}
                                <div class="border-t border-line px-5 py-4">
                                    <div class="flex items-center gap-2.5">
                                        <Avatar name=name.clone()/>
                                        <div class="min-w-0 flex-1 text-dense leading-4 [overflow-wrap:anywhere]">
                                            <div class="font-medium" dir="auto">{name.clone()}</div>
                                            <div class="cap">{email}</div>
                                        </div>
                                        <a class="link flex-none text-dense" href=switch>"Use another account"</a>
                                    </div>
                                    {self.organization_field()}
                                </div>
                                {permissions}
                                <div class="border-t border-line px-5 py-4">
                                    {can_approve.then(|| view! {
                                        <Note tone=Tone::Warn>
                                            <p>
                                                <b>"Only continue if you started this login yourself."</b>
                                                " If a website or another person gave you this code, deny it. Approving \
                                                would hand them your access."
                                            </p>
                                        </Note>
                                    })}
                                    {can_approve.then(|| view! {
                                        <Checkbox
                                            name="mine" label="I started this login on my own device" value="yes"
                                            checked=ticked required=true class="mt-4"
                                        />
                                    })}
                                    {verdicts(can_approve)}
                                </div>
                            </div>
                        </PageForm>
                    </Solo>
                }
            })
            .await
    }

    /// The code to compare, or the field to type it into.
    fn head(&self) -> AnyView {
        const BAND: &str = "border-b border-brass-line bg-brass-tint px-5 py-4";
        let warning = self.other_network.then(|| {
            let address = self.login.address.clone();
            view! {
                <div class="border-b border-line px-5 py-4">
                    <Note tone=Tone::Danger>
                        <p>
                            <b>"This login comes from another network than yours."</b>
                            {format!(" It was started at {address}. That is expected if you work on a remote machine. \
                            Otherwise, deny it.")}
                        </p>
                    </Note>
                </div>
            }
        });
        if self.must_type {
            return view! {
                {warning}
                <div class=BAND>
                    <Input
                        name="typed" label="Type the code that your terminal shows" placeholder="XXXX-XXXX"
                        max_length=40 autocomplete="off" verbatim=true
                        control="mono !h-16 text-center !text-code font-medium uppercase tracking-[0.1em]"
                    />
                </div>
            }
            .into_any();
        }
        let code = self.login.user_code.to_string();
        let spelled = spelled(self.login.user_code.as_str());
        view! {
            {warning}
            <div class=format!("{BAND} text-center")>
                <p class="text-dense text-brass-ink font-medium">"Your terminal must show exactly this code"</p>
                <p class="mt-1">
                    <span class="sr-only">{spelled}</span>
                    <span aria-hidden="true" class="mono text-code font-medium tracking-[0.1em] -mr-[0.1em]">{code}</span>
                </p>
            </div>
        }
        .into_any()
    }

    fn facts(&self, tool: &str, now: Timestamp) -> AnyView {
        let LoginRequest { device_name, address, user_agent, created_at, expires_at, .. } =
            self.login.clone();
        let expiry = words(expires_at, now, Default::default()).replacen("In", "in", 1);
        let device = (!device_name.is_empty())
            .then(|| view! { <div><dt>"Device"</dt><dd dir="auto">{device_name}</dd></div> });
        let program = (!user_agent.is_empty())
            .then(|| view! { <span class="cap block basis-full">{user_agent}</span> });
        let tool = tool.to_owned();
        view! {
            <dl class="facts px-5 py-2">
                <div>
                    <dt>"App"</dt>
                    <dd class="flex flex-wrap items-center gap-x-2">
                        <span dir="auto">{tool}</span>
                        <Badge tone=Tone::Warn text="Unverified name"/>
                        {program}
                    </dd>
                </div>
                {device}
                <div><dt>"Address"</dt><dd class="mono text-cap leading-5">{address}</dd></div>
                <div>
                    <dt>"Requested"</dt>
                    <dd><Time at=created_at now/><span class="text-ink-3">{format!(", expires {expiry}")}</span></dd>
                </div>
            </dl>
        }
        .into_any()
    }

    /// The organization that the key is created in, or a select field if there are several.
    fn organization_field(&self) -> AnyView {
        match self.choices.as_slice() {
            [] => view! {
                <Note tone=Tone::Info class="mt-3.5">
                    "You are in no organization in which you may have keys. Ask an admin of your organization to \
                    invite you or to change your role."
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
                let none = SelectOption::new("", "Choose an organization", self.chosen.is_none());
                let options = several.iter().map(|choice| {
                    let label = format!("{} (you are {})", choice.name, choice.own_role.with_article());
                    SelectOption::new(choice.org.to_string(), label, self.chosen.as_ref() == Some(&choice.org))
                });
                let options = std::iter::once(none).chain(options).collect();
                view! { <Select name="org" label="Organization" options class="mt-3.5"/> }.into_any()
            }
        }
    }
}

/// Spells the code for screen readers: "W D J B, M J H T".
fn spelled(code: &str) -> String {
    let letters = |half: &str| half.chars().map(String::from).collect::<Vec<_>>().join(" ");
    let (front, back) = code.split_at(code.len() / 2);
    format!("{}, {}", letters(front), letters(back))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_spelled() {
        assert_eq!(spelled("WDJBMJHT"), "W D J B, M J H T");
    }
}
