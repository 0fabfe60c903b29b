//! The key of a login, as a section of the approval page: its role, what it may do, and its expiry.

use leptos::prelude::*;

use super::key_fields::{KeyFieldTexts, OrgChoice, common_role, expiry_field, lower_roles, role_field};
use crate::shared::{Permission, PrincipalKind, Role, Timestamp};
use crate::ui::parts::{Icon, Symbol};

/// The fields for the role and the expiry, and what the key can do with each role. The style sheet shows the list of the chosen
/// role.
pub fn key_section(choices: &[OrgChoice], typed: &KeyFieldTexts, now: Timestamp) -> AnyView {
    let lower = lower_roles(choices).into_iter().map(|role| {
        let first = format!("Call the API as {}", role.with_article());
        view! { <div class=format!("can can-{}", role.as_str())>{permission_list(first, role)}</div> }
    });
    let highest = common_role(choices).map_or("highest", Role::as_str);
    view! {
        <div class="login-key border-t border-line px-5 py-4">
            {role_field(choices, &typed.role)}
            <h2 class="label">"The new key will be able to"</h2>
            <div class=format!("can can-{highest}")>{permissions_by_org(choices)}</div>
            {lower.collect_view()}
            <ul class="mt-1 text-dense text-ink-3">
                <li class="flex gap-2">
                    <span class="mt-0.5"><Icon symbol=Symbol::Cross/></span>
                    "It cannot change your password or sign-in methods"
                </li>
            </ul>
            {expiry_field(choices, typed, now)}
            <p class="hint mt-2">"You can revoke it on your profile and under API keys."</p>
        </div>
    }
    .into_any()
}

/// Lists what a key with each possible highest role can do, because the organizations to choose from can allow different ones.
fn permissions_by_org(choices: &[OrgChoice]) -> AnyView {
    let roles: Vec<Role> = Role::ALL
        .into_iter()
        .rev()
        .filter(|role| choices.iter().any(|choice| choice.key_role == *role))
        .collect();
    let several = roles.len() > 1;
    let groups = roles.into_iter().map(|role| {
        let names: Vec<&str> = choices
            .iter()
            .filter(|choice| choice.key_role == role)
            .map(|choice| choice.name.as_str())
            .collect();
        let listed = listed(&names);
        let head = several.then(|| {
            view! { <h3 class="mt-2.5 text-dense font-medium" dir="auto">{format!("In {listed}")}</h3> }
        });
        let first = if several || names.len() > 1 {
            format!("Call the API as {}", role.with_article())
        } else {
            format!("Call the API as {} of {listed}", role.with_article())
        };
        view! { {head}{permission_list(first, role)} }
    });
    groups.collect_view().into_any()
}

fn permission_list(first: String, role: Role) -> AnyView {
    let texts = std::iter::once(first).chain(permission_texts(role).into_iter().map(str::to_owned));
    let items = texts.map(|text| {
        view! {
            <li class="flex gap-2">
                <span class="mt-0.5 text-ink"><Icon symbol=Symbol::Check/></span>
                <span class="min-w-0 [overflow-wrap:anywhere]" dir="auto">{text}</span>
            </li>
        }
    });
    view! { <ul class="mt-1.5 grid gap-1 text-dense text-ink-2">{items.collect_view()}</ul> }.into_any()
}

/// The permissions of a key with this role, in words.
fn permission_texts(role: Role) -> Vec<&'static str> {
    let may = |permission: Permission| permission.is_granted(role, PrincipalKind::Key);
    let mut texts = Vec::new();
    if may(Permission::ManageAllKeys) {
        texts.push("Create, change, rotate and revoke all API keys of the organization");
    } else if may(Permission::ManageOwnKeys) {
        texts.push("Create API keys, and change, rotate and revoke yours");
    }
    if may(Permission::ManageMembers) {
        texts.push("Invite, change and remove members");
    }
    texts.push("Read keys, usage and members");
    if may(Permission::ReadAudit) {
        texts.push("Read the audit log");
    }
    if may(Permission::ManageOrganization) {
        texts.push("Rename or delete the organization");
    }
    texts
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_listed() {
        assert_eq!(listed(&["A"]), "A");
        assert_eq!(listed(&["A", "B"]), "A and B");
        assert_eq!(listed(&["A", "B", "C"]), "A, B and C");
        assert_eq!(listed(&["A", "B", "C", "D", "E"]), "A, B, C and 2 more");
    }

    #[test]
    fn higher_roles_have_more_permissions() {
        assert_eq!(permission_texts(Role::Viewer), ["Read keys, usage and members"]);
        let counts: Vec<usize> = Role::ALL.into_iter().map(|role| permission_texts(role).len()).collect();
        assert!(counts.is_sorted() && counts[3] > counts[1], "{counts:?}");
    }
}
