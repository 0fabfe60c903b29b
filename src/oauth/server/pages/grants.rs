//! The role of a login, and what the app can do with it.

use leptos::prelude::*;

use crate::shared::{OrgId, Permission, PrincipalKind, Role, Timestamp};
use crate::ui::parts::{Choice, ChoiceCells, ExactTime, HiddenFields, Icon, Pins, Symbol};

/// An organization that the login can be for.
#[derive(Clone, Debug)]
pub struct GrantChoice {
    pub org: OrgId,
    pub name: String,
    /// The person's role.
    pub own_role: Role,
    /// When the key policy ends the login at the latest.
    pub ends: Option<Timestamp>,
}

/// The person's highest role in any of the organizations.
fn highest_own(choices: &[GrantChoice]) -> Role {
    choices.iter().map(|choice| choice.own_role).max().unwrap_or(Role::Viewer)
}

/// The roles that the login can have in some organization.
fn possible_roles(choices: &[GrantChoice], cap: Role) -> Vec<Role> {
    let highest = highest_own(choices).min(cap);
    Role::ALL.into_iter().filter(|role| *role <= highest).collect()
}

/// The field for the role. It also shows the person's roles that the app does not ask for.
pub fn role_field(choices: &[GrantChoice], cap: Role, chosen: Role) -> AnyView {
    if let [only] = possible_roles(choices, cap).as_slice() {
        let (value, label) = (only.as_str().to_owned(), only.label());
        return view! {
            <HiddenFields fields=vec![("role", value)]/>
            <p class="mt-3.5 text-dense">
                <span class="label block">"Role"</span>
                <span class="mt-1 block">{label}</span>
            </p>
        }
        .into_any();
    }
    let highest = highest_own(choices);
    let shown = Role::ALL.into_iter().filter(|role| *role <= highest);
    let choices = shown.map(|role| {
        let caption = if role > cap { "Not asked for" } else { caption_of(role) };
        Choice::new(role.as_str(), role.label(), caption)
            .mark(view! { <Pins role/> })
            .checked(role == chosen)
            .disabled(role > cap)
    });
    view! {
        <ChoiceCells
            name="role" label="Role" choices=choices.collect() class="mt-3.5"
            hint="You can give it less than it asks for."
        />
    }
    .into_any()
}

const fn caption_of(role: Role) -> &'static str {
    match role {
        Role::None => "Nothing",
        Role::Viewer => "Read only",
        Role::Member => "Own keys",
        Role::Admin => "All keys",
        Role::Owner => "Everything",
    }
}

/// Lists what the app will be able to do, once for each role. The style sheet shows only the list of the chosen role.
pub fn grant_section(name: &str, choices: &[GrantChoice], cap: Role) -> AnyView {
    let heading = format!("{name} will be able to");
    let roles = possible_roles(choices, cap);
    let is_only = roles.len() == 1;
    let lists = roles.into_iter().map(|role| {
        let class = if is_only { String::new() } else { format!("can can-{}", role.as_str()) };
        view! { <div class=class>{grant_list(role)}</div> }
    });
    let ends = choices.iter().filter_map(|choice| Some((choice.name.clone(), choice.ends?)));
    let ends = ends.map(|(name, at)| {
        view! { <p class="hint mt-1" dir="auto">{format!("In {name} it ends by ")}<ExactTime at/>"."</p> }
    });
    view! {
        <div class="border-t border-line px-5 py-4">
            <h2 class="label [overflow-wrap:anywhere]" dir="auto">{heading}</h2>
            {lists.collect_view()}
            <p class="hint mt-2">
                "Access is renewed every hour while it is used, and ends after 30 days without use. You can end it at any \
                time under API keys or on your profile."
            </p>
            {ends.collect_view()}
        </div>
    }
    .into_any()
}

fn grant_list(role: Role) -> AnyView {
    let can = granted(role).into_iter().map(|text| item("text-ink", Symbol::Check, "", text));
    let cannot = withheld(role).into_iter().map(|text| item("", Symbol::Cross, "text-ink-3", text));
    view! {
        <ul class="mt-1.5 grid gap-1 text-dense text-ink-2">{can.collect_view()}{cannot.collect_view()}</ul>
    }
    .into_any()
}

fn item(icon: &str, symbol: Symbol, text_class: &str, text: String) -> AnyView {
    let icon = format!("mt-0.5 {icon}").trim_end().to_owned();
    let class = format!("flex gap-2 {text_class}").trim_end().to_owned();
    view! {
        <li class=class><span class=icon><Icon symbol/></span><span class="min-w-0">{text}</span></li>
    }
    .into_any()
}

fn granted(role: Role) -> Vec<String> {
    let may = |permission: Permission| permission.is_granted(role, PrincipalKind::Key);
    let mut texts = vec!["See keys, usage and members of the organization".to_owned()];
    if may(Permission::ManageAllKeys) {
        texts.push(format!("Create keys with the role {} or lower, and manage all keys", role.as_str()));
    } else if may(Permission::ManageOwnKeys) {
        texts.push(format!("Create keys with the role {} or lower, and manage your own", role.as_str()));
    }
    if may(Permission::ManageOwnKeys) {
        texts.push("Ask you to open a link when a new key must be shown".to_owned());
    }
    if may(Permission::ReadAudit) {
        texts.push("Read the audit log".to_owned());
    }
    texts
}

fn withheld(role: Role) -> Vec<String> {
    let mut texts =
        vec!["Cannot see the secret of any key", "Cannot change your password or sign-in methods"];
    if !Permission::ManageOwnKeys.is_granted(role, PrincipalKind::Key) {
        texts.insert(0, "Cannot create or change anything");
    }
    texts.into_iter().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(own_role: Role) -> GrantChoice {
        GrantChoice { org: OrgId::NIL, name: String::new(), own_role, ends: None }
    }

    #[test]
    fn roles_are_limited_by_the_request_and_by_the_person() {
        use Role::{Admin, Member, Owner, Viewer};
        assert_eq!(possible_roles(&[choice(Admin)], Owner), [Viewer, Member, Admin]);
        assert_eq!(possible_roles(&[choice(Admin), choice(Viewer)], Member), [Viewer, Member]);
        assert_eq!(possible_roles(&[choice(Viewer)], Owner), [Viewer]);
    }

    #[test]
    fn higher_roles_can_do_more() {
        assert_eq!(granted(Role::Viewer), ["See keys, usage and members of the organization"]);
        assert!(withheld(Role::Viewer).len() > withheld(Role::Member).len());
        let counts: Vec<usize> = Role::ALL.into_iter().map(|role| granted(role).len()).collect();
        assert!(counts.is_sorted(), "{counts:?}");
    }
}
