//! A person or organization as initials.

use leptos::prelude::*;

/// The first letters of the first and the last word, in capitals; a question mark where there is no letter.
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
    // Some letters become several capitals (ß); the box holds two.
    picked.chars().take(2).collect()
}

/// Decoration: the name stands next to it.
#[component]
pub fn Avatar(#[prop(into)] name: String, #[prop(into, optional)] class: String) -> AnyView {
    view! { <span class=format!("avatar {class}").trim_end().to_owned() aria-hidden="true">{initials(&name)}</span> }.into_any()
}

/// One letter, as organizations have it in the switcher.
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
