//! An app that asks people for a login. It is a public client without a secret.

use crate::shared::{Timestamp, contains_token, is_invisible};

const MAX_NAME_LENGTH: usize = 60;
/// The longest id, which may be an address.
pub const MAX_ID_LENGTH: usize = 500;

#[derive(Clone, Debug)]
pub struct McpClient {
    pub id: String,
    pub name: String,
    pub origin: ClientOrigin,
    /// Each of them can be used.
    pub redirect_uris: Vec<String>,
}

/// The source of an app's name and redirect URIs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientOrigin {
    /// From the document at the app's address.
    Site { host: String },
    /// The app registered itself at this time, and nobody has checked its name.
    Registered { at: Timestamp },
}

/// The name of an app as people see it: without invisible characters, and not too long. Empty if nothing is left, or if it contains
/// a key.
pub fn clean_name(name: &str) -> String {
    if contains_token(name) {
        return String::new();
    }
    let visible: String = name.chars().filter(|c| !c.is_control() && !is_invisible(*c)).collect();
    visible.trim().chars().take(MAX_NAME_LENGTH).collect::<String>().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cleaned() {
        for (name, cleaned) in [
            ("Claude Code", "Claude Code"),
            ("  a\nb\u{202e}c\u{0}  ", "abc"),
            ("\u{200b}", ""),
            ("ak_live_8fK2mQ4pXv7d_0123456789012345678901234567890123456789012345678", ""),
        ] {
            assert_eq!(clean_name(name), cleaned);
        }
        assert_eq!(clean_name(&"x".repeat(500)).len(), MAX_NAME_LENGTH);
    }
}
