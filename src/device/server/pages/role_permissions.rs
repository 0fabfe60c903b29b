//! What a login with each role may do, as a section of the approval page.

use leptos::prelude::*;

use crate::shared::{OrgId, Permission, PrincipalKind, Role, Timestamp};
use crate::ui::parts::{Icon, Symbol, words};

/// An organization that the key can be created in.
#[derive(Clone)]
pub struct OrgChoice {
    pub org: OrgId,
    pub name: String,
    /// The person's role.
    pub own_role: Role,
    /// The role that the key would have.
    pub key_role: Role,
}

/// Lists what the key can do, for each role that it could get.
pub fn permissions_section(choices: &[OrgChoice], life: Option<Timestamp>, now: Timestamp) -> AnyView {
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
        let items =
            std::iter::once(first).chain(permission_texts(role).into_iter().map(str::to_owned)).map(|text| {
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
                    "It cannot change your password or sign-in methods"
                </li>
            </ul>
            <p class="hint mt-2">{until}" You can revoke it on your profile and under API keys."</p>
        </div>
    }
    .into_any()
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
