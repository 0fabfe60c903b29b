//! Why a text is not a key.

use crate::shared::Kind;

/// `<prefix>_<public id>_<secret and checksum>`: the characters after the prefix.
const AFTER_PREFIX: usize = 1 + 12 + 1 + 49;

/// Why the text does not have the form of a key. It does not repeat the text.
pub fn form_problem(text: &str) -> String {
    if text.to_ascii_lowercase().starts_with("bearer ") {
        return "Paste the key alone, without the word Bearer.".to_owned();
    }
    if text.contains(char::is_whitespace) {
        return "It contains a space or a line break. Paste one key alone.".to_owned();
    }
    let kind = Kind::ALL
        .into_iter()
        .find(|kind| text.strip_prefix(kind.prefix()).is_some_and(|rest| rest.starts_with('_')));
    let Some(kind) = kind else {
        let prefixes: Vec<_> = Kind::ALL.iter().map(|kind| format!("{}_", kind.prefix())).collect();
        return format!("A Latchkey key begins with one of {}.", prefixes.join(", "));
    };
    let (length, expected) = (text.chars().count(), kind.prefix().len() + AFTER_PREFIX);
    let label = kind.label();
    if length != expected {
        return format!(
            "A {label} key has {expected} characters, and this has {length}. Copy the whole key."
        );
    }
    "The checksum at its end is wrong: a character was mistyped or lost. Copy the whole key again.".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::server::{Token, fresh_token};
    use crate::platform::Random;

    #[test]
    fn the_problem_of_a_text_is_named() {
        for kind in Kind::ALL {
            let key = fresh_token(&Random::seeded(4), kind);
            assert!(Token::parse(&key).is_some());
            assert_eq!(key.len(), kind.prefix().len() + AFTER_PREFIX);
            let last = if key.ends_with('a') { 'b' } else { 'a' };
            let mistyped = format!("{}{last}", &key[..key.len() - 1]);
            for (text, expected) in [
                (format!("Bearer {key}"), "without the word Bearer"),
                (format!("{key} {key}"), "one key alone"),
                (format!("{key}\n{key}"), "one key alone"),
                (format!("x{key}"), "A Latchkey key begins"),
                (key[..key.len() - 1].to_owned(), "Copy the whole key."),
                ("é".repeat(5_000), "A Latchkey key begins"),
                (mistyped, "checksum"),
            ] {
                let problem = form_problem(&text);
                assert!(problem.contains(expected), "{problem}");
                assert!(!problem.contains(&key[20..]), "{problem}");
            }
        }
    }
}
