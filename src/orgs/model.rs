//! Rules about members and invitations.

use std::time::Duration;

use crate::accounts::{check_email, email_key};
use crate::shared::{TOKEN_IN_TEXT, contains_token};

/// The lifetime of an invitation link.
pub const INVITATION_LIFE: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// The most addresses in one invite form.
const MAX_INVITED: usize = 20;

/// Parses the addresses of the invite form, separated by commas, semicolons, spaces or line breaks, and removes duplicates.
/// The error is displayed beside the field.
pub fn read_addresses(text: &str) -> Result<Vec<String>, String> {
    if contains_token(text) {
        return Err(TOKEN_IN_TEXT.to_owned());
    }
    let mut addresses: Vec<String> = Vec::new();
    for part in
        text.split(|c: char| c == ',' || c == ';' || c.is_whitespace()).filter(|part| !part.is_empty())
    {
        let address = check_email(part).map_err(|why| format!("{}: {why}", shortened(part)))?;
        if !addresses.iter().any(|existing| email_key(existing) == email_key(&address)) {
            addresses.push(address);
        }
        if addresses.len() > MAX_INVITED {
            return Err(format!("Invite at most {MAX_INVITED} people at once."));
        }
    }
    if addresses.is_empty() { Err("Enter an email address.".to_owned()) } else { Ok(addresses) }
}

/// Shortens the text for an error message and removes control characters.
fn shortened(text: &str) -> String {
    let start: String = text.chars().filter(|c| !c.is_control()).take(40).collect();
    if start.len() < text.len() { format!("{start}…") } else { start }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pasted_addresses_are_parsed() {
        let read = read_addresses(" a@x.example, b@x.example;A@X.example\n\tc@x.example ");
        assert_eq!(
            read,
            Ok(vec!["a@x.example".to_owned(), "b@x.example".to_owned(), "c@x.example".to_owned()])
        );
        for text in ["", " , ;", "a", "a@x.example, b", "a@x.example \0", "а@x.example"] {
            assert!(read_addresses(text).is_err(), "{text:?}");
        }
        let many: Vec<String> = (0..21).map(|n| format!("p{n}@x.example")).collect();
        assert!(read_addresses(&many.join(" ")).is_err());
        assert!(read_addresses(&"x".repeat(10_000)).expect_err("no address").len() < 300);
    }
}
