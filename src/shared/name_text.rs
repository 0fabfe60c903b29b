//! Which characters names may have, and how names are compared.

use super::is_invisible;

const NON_JOINER: char = '\u{200c}';
const JOINER: char = '\u{200d}';

/// Whether the text has control characters or characters that cannot be seen or change the direction of text. A joiner or
/// non-joiner between two characters outside of ASCII is part of the spelling of Indic and Persian words, and of emoji.
pub fn has_hidden_characters(text: &str) -> bool {
    let mut before = None;
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        let joins = is_joiner(c) && is_joinable(before) && is_joinable(characters.peek().copied());
        if !joins && (c.is_control() || is_invisible(c)) {
            return true;
        }
        before = Some(c);
    }
    false
}

fn is_joiner(c: char) -> bool {
    matches!(c, NON_JOINER | JOINER)
}

fn is_joinable(neighbour: Option<char>) -> bool {
    neighbour.is_some_and(|c| !c.is_ascii() && !is_invisible(c))
}

/// The form in which names are compared: names that look the same are the same.
pub fn name_key(name: &str) -> String {
    name.chars().filter(|c| !is_joiner(*c)).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joiners_belong_to_words_and_emoji() {
        for name in ["शर्मा", "क्\u{200d}ष", "می\u{200c}خواهم", "👩\u{200d}🚀 Ada", "👨\u{200d}👩\u{200d}👧"]
        {
            assert!(!has_hidden_characters(name), "{name}");
        }
        for name in [
            "a\u{200d}b",
            "\u{200d}",
            "क\u{200d}",
            "\u{200c}क",
            "क\u{200d}\u{200d}ष",
            "a\u{202e}b",
            "क\u{202e}ष",
            "a\u{200b}b",
            "a\u{ad}b",
            "a\nb",
        ] {
            assert!(has_hidden_characters(name), "{name:?}");
        }
    }

    #[test]
    fn names_that_look_the_same_have_one_key() {
        assert_eq!(name_key("می\u{200c}خواهم"), name_key("میخواهم"));
        assert_eq!(name_key("CI Ünit"), "ci ünit");
    }
}
