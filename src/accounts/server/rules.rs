//! Rejects passwords that are too easy to guess: those on a list of the most frequently leaked passwords (collected by
//! Royce Williams, public), and those that follow patterns with which people lengthen one. Works offline.

use std::sync::OnceLock;

use crate::platform::Secret;

const SHORTEST: usize = 12;
const LONGEST: usize = 256;

/// One password per line, in lower case and in byte order.
const COMMON: &str = include_str!("common_passwords.txt");

/// Returns an error that is displayed beside the field.
pub fn check(password: &Secret, email: &str, name: &str) -> Result<(), String> {
    let text = password.expose();
    let length = text.chars().count();
    if length < SHORTEST {
        return Err(format!("Use at least {SHORTEST} characters; this has {length}."));
    }
    if length > LONGEST {
        return Err(format!("Use at most {LONGEST} characters; this has {length}."));
    }
    if text.contains('\0') {
        return Err("The password has a character that cannot be typed.".to_owned());
    }
    let text = text.to_lowercase();
    if is_repetition(&text) || is_run(&text) {
        return Err("This repeats itself or follows the keyboard. Use several unrelated words.".to_owned());
    }
    let words = [email.split('@').next().unwrap_or(""), email, name, "latchkey"];
    if words.iter().any(|word| is_mostly(&text, &word.to_lowercase())) {
        return Err("This is little more than your name or address. Use several unrelated words.".to_owned());
    }
    if is_common(&text) {
        return Err(
            "This is one of the passwords that attackers try first. Use several unrelated words.".to_owned()
        );
    }
    Ok(())
}

fn common() -> &'static [&'static str] {
    static LINES: OnceLock<Vec<&str>> = OnceLock::new();
    LINES.get_or_init(|| COMMON.lines().collect())
}

/// A common password, or one with up to six digits and signs around it, or two of them together.
fn is_common(text: &str) -> bool {
    let bare = text.trim_matches(|c: char| !c.is_alphabetic());
    let common = common();
    let listed = |text: &str| common.binary_search(&text).is_ok();
    if listed(text) || (text.chars().count() - bare.chars().count() <= 6 && listed(bare)) {
        return true;
    }
    let mut cuts = text.char_indices().map(|(at, _)| at).filter(|at| *at >= 6 && text.len() - at >= 6);
    cuts.any(|at| listed(&text[..at]) && listed(&text[at..]))
}

/// Returns true for fewer than five different characters, or a repeated unit of up to six characters.
fn is_repetition(text: &str) -> bool {
    let chars: Vec<char> = text.chars().collect();
    let mut different = chars.clone();
    different.sort_unstable();
    different.dedup();
    different.len() < 5 || (1..=6).any(|unit| chars.iter().zip(&chars[unit..]).all(|(a, b)| a == b))
}

/// Returns true if the whole text follows the alphabet, the digits or a keyboard row, forwards or backwards.
fn is_run(text: &str) -> bool {
    const ROWS: [&str; 5] = [
        "abcdefghijklmnopqrstuvwxyz",
        "012345678901234567890123456789",
        "qwertyuiopasdfghjklzxcvbnm",
        "qwertyuiop[]",
        "1234567890-=",
    ];
    ROWS.iter().any(|row| row.contains(text) || row.chars().rev().collect::<String>().contains(text))
}

/// Returns true if fewer than six characters remain without the word.
fn is_mostly(text: &str, word: &str) -> bool {
    word.chars().count() >= 4 && text.contains(word) && text.replace(word, "").chars().count() < 6
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_accepted(password: &str) -> bool {
        check(&Secret::new(password), "alice.marsh@tidewater.example", "Alice Marsh").is_ok()
    }

    #[test]
    fn easy_passwords_are_rejected() {
        for easy in [
            "",
            "short",
            "elevenchars",
            "password1234",
            "Password2024!",
            "qwertyuiop12",
            "aaaaaaaaaaaaaa",
            "abcabcabcabcabc",
            "abcdefghijklmnop",
            "098765432109876",
            "alice.marsh12",
            "AliceMarsh!",
            "Alice Marsh 1",
            "latchkey12345",
            "iloveyoupassword",
            "a\0b c d e f g h",
            "1q2w3e4r5t6y",
        ] {
            assert!(!is_accepted(easy), "{easy}");
        }
        assert!(!is_accepted(&"correct horse ".repeat(1_000)));
    }

    #[test]
    fn the_list_is_sorted() {
        assert!(common().is_sorted() && common().len() > 10_000);
    }

    #[test]
    fn passphrases_in_any_script_are_accepted() {
        for passphrase in [
            "correct horse battery",
            "Tr0ub4dor&3xyzzy",
            "шесть слов для двери",
            "🗝️ im Kasten, 3. Stock",
            "tide water marsh lantern",
        ] {
            assert!(is_accepted(passphrase), "{passphrase}");
        }
    }
}
