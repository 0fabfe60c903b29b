//! Avatars: the initials of a person or an organization.

use leptos::prelude::*;

/// The first letters of the first and the last word in upper case, or a question mark if there is no letter.
pub fn initials(name: &str) -> String {
    let letters: Vec<char> = name
        .split_whitespace()
        .filter_map(|word| word.chars().find(|letter| letter.is_alphanumeric()))
        .collect();
    let picked: String = match letters.as_slice() {
        [] => return "?".to_owned(),
        [only] => only.to_uppercase().collect(),
        [first, .., last] => first.to_uppercase().chain(last.to_uppercase()).collect(),
    };
    // The upper case of some letters, such as ß, has several letters, but the box has room for two.
    picked.chars().take(2).collect()
}

/// The avatar of a person. It is decoration, because the name is next to it.
#[component]
pub fn Avatar(#[prop(into)] name: String, #[prop(into, optional)] class: String) -> AnyView {
    view! { <span class=format!("avatar {class}").trim_end().to_owned() aria-hidden="true">{initials(&name)}</span> }.into_any()
}

/// The avatar of an organization, which has one letter.
#[component]
pub fn OrganizationAvatar(#[prop(into)] name: String) -> AnyView {
    let letter: String = initials(&name).chars().take(1).collect();
    view! { <span class="avatar size-5 text-micro" aria-hidden="true">{letter}</span> }.into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_has_initials() {
        for (name, letters) in [
            ("Alice Marsh", "AM"),
            ("mara", "M"),
            ("Ana de la Cruz", "AC"),
            ("  (Tomás)  Rivera ", "TR"),
            ("ßa", "SS"),
            ("مريم حسن", "مح"),
            ("", "?"),
            ("!!! 🦀", "?"),
        ] {
            assert_eq!(initials(name), letters, "{name}");
        }
    }
}
