//! The form that creates a key: on its own page and in a dialog above the key list.

use leptos::prelude::*;
use serde::Deserialize;

use super::LazyView;
use super::customer::CustomerChoices;
use super::fields::{ExpiryField, FoldedLimits, KeyFields, NameField};
use crate::key_policy::PolicyRules;
use crate::keys::server as keys;
use crate::orgs::server::Member;
use crate::platform::{App, Error};
use crate::shared::{Kind, Role, Timestamp};
use crate::ui::form::{Form as PageForm, FormErrors, SubmitButton};
use crate::ui::parts::{
    Choice, ChoiceCells, ChoiceList, Dialog, DialogBody, DialogFoot, Glyph, HiddenFields, LinkButton, Pins,
};

pub const HERE: &str = "/settings/api-keys/new";

#[derive(Clone, Debug, Deserialize)]
pub struct CreateKeyForm {
    #[serde(flatten)]
    pub typed: KeyFields,
    #[serde(default)]
    pub kind: String,
    #[serde(default)]
    pub role: String,
    /// Random; generated with the form, so that submitting it twice creates one key.
    #[serde(default)]
    pub once: String,
}

impl CreateKeyForm {
    /// An empty form with a fresh `once`. It proposes the role Member to those who are more, because few programs need more.
    pub fn empty(app: &App, member: &Member) -> Self {
        let typed = KeyFields { expiry: "90".to_owned(), ..KeyFields::default() };
        let role = member.org.role.min(Role::Member).as_str().to_owned();
        Self { typed, kind: Kind::Live.as_str().to_owned(), role, once: app.random.base62(22) }
    }
}

/// Says when the key is shown, and which roles need an approval.
pub fn about(rules: &PolicyRules) -> String {
    match rules.approval_from {
        None => "You see the full key once, on the next page.".to_owned(),
        Some(role) => format!(
            "You see the full key once, on the next page. Keys with role {} or higher need the approval of a second person.",
            role.label()
        ),
    }
}

/// The form in a dialog above the list, whose address is `close`. It posts to its own page.
pub async fn dialog(app: &App, member: &Member, close: String) -> Result<LazyView, Error> {
    let (form, now) = (CreateKeyForm::empty(app, member), app.clock.now());
    let role = member.org.role;
    let choices = CustomerChoices::load(app, member, &FormErrors::default()).await?;
    let cancel = close.clone();
    let caption = about(&keys::policy_rules(app, member.org.org).await?);
    let draw = move || {
        view! {
            <Dialog id="create" title="Create key" close>
                <PageForm action=HERE>
                    <DialogBody>{fields(form, choices, role, now, false)}</DialogBody>
                    <DialogFoot caption>
                        <LinkButton href=cancel>"Cancel"</LinkButton>
                        <SubmitButton text="Create key" saving="Creating…"/>
                    </DialogFoot>
                </PageForm>
            </Dialog>
        }
        .into_any()
    };
    Ok(Box::new(draw))
}

pub fn fields(
    form: CreateKeyForm,
    choices: Option<CustomerChoices>,
    max_role: Role,
    now: Timestamp,
    open: bool,
) -> AnyView {
    let CreateKeyForm { typed, kind, role, once } = form;
    let kinds = Kind::ALL.map(|choice| {
        let sample = view! { <Glyph seed=format!("sample-{choice}") kind=choice/> };
        Choice::new(choice.as_str(), choice.label(), kind_caption(choice))
            .mark(sample)
            .code(format!("{}_", choice.prefix()))
            .checked(choice.as_str() == kind)
    });
    let roles = Role::OF_KEYS.map(|choice| {
        Choice::new(choice.as_str(), choice.label(), role_caption(choice))
            .mark(view! { <Pins role=choice/> })
            .checked(choice.as_str() == role)
            .disabled(choice > max_role)
    });
    let article = max_role.with_article();
    let hint = if max_role == Role::Owner {
        "The lowest role that works is the best one.".to_owned()
    } else {
        format!("You are {article}, so your keys can have this role at most.")
    };
    let open = open || typed.has_limits();
    view! {
        <HiddenFields fields=vec![("once", once)]/>
        <div data-draft="">
            <NameField value=typed.name.clone() focus=true/>
            <ChoiceList name="kind" label="Kind" choices=kinds.into_iter().collect() class="mt-4"/>
            <div class="role-choice mt-4">
                <ChoiceCells name="role" label="Role" remark="frozen at creation" hint choices=roles.into_iter().collect()/>
                {role_risks(max_role)}
            </div>
            <ExpiryField expiry=typed.expiry.clone() date=typed.date.clone() now first=None/>
            {choices.map(|choices| choices.fields(typed.customer.clone()))}
            <FoldedLimits typed open/>
        </div>
    }
    .into_any()
}

/// The risk of a stolen key, for each strong role that the person can choose. The style sheet emphasizes the risk of the chosen
/// role.
fn role_risks(max_role: Role) -> Option<AnyView> {
    let risks = ROLE_RISKS.into_iter().filter(|(role, ..)| *role <= max_role).map(|(role, who, what)| {
        view! {
            <li class=format!("role-risk risk-{}", role.as_str())><b class="font-semi">{who}</b>{what}</li>
        }
    });
    (max_role >= Role::Admin).then(|| {
        view! {
            <ul class="mt-2 grid gap-1 text-dense text-ink-2" aria-label="If the key is stolen">{risks.collect_view()}</ul>
        }
        .into_any()
    })
}

const ROLE_RISKS: [(Role, &str, &str); 2] = [
    (
        Role::Admin,
        "Whoever steals an admin key owns your keys.",
        " They can create, rotate and revoke keys up to that role, read the audit log, and have events sent to their own webhook.",
    ),
    (
        Role::Owner,
        "Whoever steals an owner key owns all of them.",
        " They can do the same with owner keys, and set a key policy that refuses every key.",
    ),
];

const fn kind_caption(kind: Kind) -> &'static str {
    match kind {
        Kind::Live => "Production traffic",
        Kind::Test => "Staging and local work",
        Kind::Claw => "Claw agents",
        Kind::Secret => "Server to server only",
        Kind::Mcp => "MCP clients",
    }
}

const fn role_caption(role: Role) -> &'static str {
    match role {
        Role::None => "For customers",
        Role::Viewer => "Read only",
        Role::Member => "Manage own keys",
        Role::Admin => "All keys, people",
        Role::Owner => "Everything",
    }
}
