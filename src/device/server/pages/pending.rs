//! The approval page: the device, its address, the person's account and organization. Approve and Deny look equal.

use axum::http::StatusCode;
use axum::response::Response;
use leptos::prelude::*;

use super::address::HERE;
use super::guard::Guard;
use crate::accounts::server::sign_in_again;
use crate::device::UserCode;
use crate::device::server::store::LoginRequest;
use crate::device::server::{clients, service};
use crate::orgs::server::Membership;
use crate::platform::Error;
use crate::shared::{OrgId, Permission, PrincipalKind, ReturnPath, Role, Timestamp};
use crate::ui::form::{Form as PageForm, FormErrors};
use crate::ui::parts::{
    Avatar, Badge, Button, Checkbox, HiddenFields, Icon, Input, Look, Note, Select, SelectOption, Symbol,
    Time, Tone, words,
};
use crate::ui::server::page::Page;
use crate::ui::shell::{Solo, SoloWidth};

/// An organization that the key can be created in.
#[derive(Clone)]
pub struct OrgChoice {
    pub org: OrgId,
    name: String,
    /// The person's role.
    own: Role,
    /// The role that the key would have.
    key: Role,
}

pub struct ApprovalPage {
    pub login: LoginRequest,
    pub places: Vec<OrgChoice>,
    pub must_type: bool,
    pub ticked: bool,
    chosen: Option<OrgId>,
    elsewhere: bool,
    mark: String,
    here: ReturnPath,
}

impl ApprovalPage {
    pub fn new(guard: &Guard<'_>, login: LoginRequest, org: &str, mark: &str, here: &ReturnPath) -> Self {
        let may =
            |place: &&Membership| Permission::ManageOwnKeys.is_granted(place.role, PrincipalKind::Person);
        let places = guard.visitor.memberships.iter().filter(may);
        let places: Vec<OrgChoice> = places
            .map(|place| OrgChoice {
                org: place.org,
                name: place.org_name.clone(),
                own: place.role,
                key: service::role_of(&login, place.role),
            })
            .collect();
        let wanted = places.iter().find(|place| place.org.to_string() == org || place.name == org);
        let only = if places.len() == 1 { places.first() } else { None };
        let chosen = wanted.or(only).map(|place| place.org);
        let elsewhere = guard.is_elsewhere(&login.address);
        let is_marked = guard.is_marked(login.id, mark);
        let prefilled = guard.app.config.device.device_prefilled_codes;
        Self {
            must_type: (elsewhere || !prefilled) && !is_marked,
            mark: if is_marked { mark.to_owned() } else { String::new() },
            ticked: false,
            login,
            places,
            chosen,
            elsewhere,
            here: here.clone(),
        }
    }

    /// Checks the typed code. A right code need not be typed again; a wrong one counts against the limit.
    pub fn take_typed(
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
        service::typed_wrong(guard.app, guard.visitor)?;
        errors.add("typed", "This is not the code of this login. Type the one that your own terminal shows.");
        Ok(())
    }

    pub async fn page(self, guard: &Guard<'_>, errors: FormErrors, status: StatusCode) -> Response {
        let (app, visitor) = (guard.app, guard.visitor);
        let host = app.public_url.authority().to_owned();
        let now = app.clock.now();
        let tool = clients::name_of(app, &self.login.client_id).unwrap_or(&self.login.client_id).to_owned();
        let switch = sign_in_again(&self.here);
        let (name, email) = (visitor.person.name.clone(), visitor.person.email.clone());
        let life = app.config.device.login_key_life.map(|life| now.plus(life));
        let fields = vec![
            ("token", guard.token()),
            ("code", self.login.user_code.shown()),
            ("mark", self.mark.clone()),
        ];
        let title =
            if self.places.is_empty() { "You cannot approve this login" } else { "Approve this login?" };
        Page::new(app, &visitor.visit, title)
            .status(status)
            .render(move || {
                let can = !self.places.is_empty();
                let abilities = can.then(|| abilities(&self.places, life, now));
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
                                    {self.place()}
                                </div>
                                {abilities}
                                <div class="border-t border-line px-5 py-4">
                                    {can.then(|| view! {
                                        <Note tone=Tone::Warn>
                                            <p>
                                                <b>"Only continue if you started this login yourself."</b>
                                                " If a website or another person gave you this code, deny it. Approving \
                                                would hand them your access."
                                            </p>
                                        </Note>
                                    })}
                                    {can.then(|| view! {
                                        <Checkbox
                                            name="mine" label="I started this login on my own device" value="yes"
                                            checked=ticked required=true class="mt-4"
                                        />
                                    })}
                                    {verdicts(can)}
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
        let warning = self.elsewhere.then(|| {
            let address = self.login.address.clone();
            view! {
                <div class="border-b border-line px-5 py-4">
                    <Note tone=Tone::Danger>
                        <p>
                            <b>"This login comes from another network than yours."</b>
                            {format!(" It was started at {address}. That is right if you work on a remote machine. \
                            If you do not, deny it.")}
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
        let shown = self.login.user_code.shown();
        let spelled = spelled(self.login.user_code.as_str());
        view! {
            {warning}
            <div class=format!("{BAND} text-center")>
                <p class="text-dense text-brass-ink font-medium">"Your terminal must show exactly this code"</p>
                <p class="mt-1">
                    <span class="sr-only">{spelled}</span>
                    <span aria-hidden="true" class="mono text-code font-medium tracking-[0.1em] -mr-[0.1em]">{shown}</span>
                </p>
            </div>
        }
        .into_any()
    }

    fn facts(&self, tool: &str, now: Timestamp) -> AnyView {
        let LoginRequest { device_name, address, user_agent, created_at, expires_at, .. } =
            self.login.clone();
        let left = words(expires_at, now, Default::default()).replacen("In", "in", 1);
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
                    <dt>"Asked"</dt>
                    <dd><Time at=created_at now/><span class="text-ink-3">{format!(", expires {left}")}</span></dd>
                </div>
            </dl>
        }
        .into_any()
    }

    fn place(&self) -> AnyView {
        match self.places.as_slice() {
            [] => view! {
                <Note tone=Tone::Info class="mt-3.5">
                    "You belong to no organization here, so there is nothing that a key could be for. Ask an admin \
                    of yours to invite you."
                </Note>
            }
            .into_any(),
            [only] => {
                let (org, name, role) = (only.org.to_string(), only.name.clone(), only.own.with_article());
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
                let options = several.iter().map(|place| {
                    let label = format!("{} (you are {})", place.name, place.own.with_article());
                    SelectOption::new(place.org.to_string(), label, self.chosen.as_ref() == Some(&place.org))
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

/// Lists what the key can do, for each role that it could get.
fn abilities(places: &[OrgChoice], life: Option<Timestamp>, now: Timestamp) -> AnyView {
    let roles: Vec<Role> =
        Role::ALL.into_iter().rev().filter(|role| places.iter().any(|place| place.key == *role)).collect();
    let several = roles.len() > 1;
    let groups = roles.into_iter().map(|role| {
        let names: Vec<&str> =
            places.iter().filter(|place| place.key == role).map(|place| place.name.as_str()).collect();
        let listed = listed(&names);
        let head = several.then(|| {
            view! { <h3 class="mt-2.5 text-dense font-medium" dir="auto">{format!("In {listed}")}</h3> }
        });
        let first = if several || names.len() > 1 {
            format!("Call the API as {}", role.with_article())
        } else {
            format!("Call the API as {} of {listed}", role.with_article())
        };
        let items = std::iter::once(first).chain(able(role).into_iter().map(str::to_owned)).map(|text| {
            view! {
                <li class="flex gap-2">
                    <span class="mt-0.5 text-ink"><Icon symbol=Symbol::Check/></span>
                    <span class="min-w-0 [overflow-wrap:anywhere]" dir="auto">{text}</span>
                </li>
            }
        });
        view! { {head}<ul class="mt-1.5 grid gap-1 text-dense text-ink-2">{items.collect_view()}</ul> }
    });
    let groups = groups.collect_view();
    let until = match life {
        Some(end) => {
            format!("It works for {}.", words(end, now, Default::default()).replacen("In ", "", 1))
        }
        None => "It works until it is revoked.".to_owned(),
    };
    view! {
        <div class="border-t border-line px-5 py-4">
            <h2 class="label">"The new key will be able to"</h2>
            {groups}
            <ul class="mt-1 text-dense text-ink-3">
                <li class="flex gap-2">
                    <span class="mt-0.5"><Icon symbol=Symbol::Cross/></span>
                    "Not: change your password or sign-in"
                </li>
            </ul>
            <p class="hint mt-2">{until}" You can revoke it on your profile and under API keys."</p>
        </div>
    }
    .into_any()
}

/// The permissions of a key with this role, in words.
fn able(role: Role) -> Vec<&'static str> {
    let may = |permission: Permission| permission.is_granted(role, PrincipalKind::Key);
    let mut able = Vec::new();
    if may(Permission::ManageAllKeys) {
        able.push("Create, change, rotate and revoke API keys, everybody's too");
    } else if may(Permission::ManageOwnKeys) {
        able.push("Create API keys, and change, rotate and revoke yours");
    }
    if may(Permission::ManageMembers) {
        able.push("Invite, change and remove members");
    }
    able.push("Read keys, usage and members");
    if may(Permission::ReadAudit) {
        able.push("Read the audit log");
    }
    if may(Permission::ManageOrganization) {
        able.push("Rename or delete the organization");
    }
    able
}

/// "A", "A and B", "A, B, C and 4 more".
fn listed(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] if names.len() <= 3 => format!("{} and {last}", first.join(", ")),
        many => format!("{} and {} more", many[..3].join(", "), many.len() - 3),
    }
}

fn verdicts(can: bool) -> AnyView {
    let approve = can.then(|| {
        view! {
            <Button look=Look::Verdict icon=Symbol::Check name="verdict" value="approve">"Approve"</Button>
        }
    });
    view! {
        <div class=if can { "mt-4 grid grid-cols-2 gap-3" } else { "grid" }>
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
    fn lists_and_spelling_read_well() {
        assert_eq!(listed(&["A"]), "A");
        assert_eq!(listed(&["A", "B"]), "A and B");
        assert_eq!(listed(&["A", "B", "C"]), "A, B and C");
        assert_eq!(listed(&["A", "B", "C", "D", "E"]), "A, B, C and 2 more");
        assert_eq!(spelled("WDJBMJHT"), "W D J B, M J H T");
    }

    #[test]
    fn higher_roles_can_more() {
        assert_eq!(able(Role::Viewer), ["Read keys, usage and members"]);
        let counts: Vec<usize> = Role::ALL.into_iter().map(|role| able(role).len()).collect();
        assert!(counts.is_sorted() && counts[3] > counts[1], "{counts:?}");
    }
}
