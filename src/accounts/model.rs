//! Validates names and email addresses. Each error is displayed beside the field.

use crate::shared::{TOKEN_IN_TEXT, contains_token, has_hidden_characters};

const MAX_NAME_LENGTH: usize = 80;
const MAX_EMAIL_LENGTH: usize = 254;

/// Validates a person's or an organization's name and trims it. `whose` completes the error "Enter …".
pub fn check_name(text: &str, whose: &str) -> Result<String, String> {
    let name = text.trim();
    if name.is_empty() {
        return Err(format!("Enter {whose}."));
    }
    if contains_token(name) {
        return Err(TOKEN_IN_TEXT.to_owned());
    }
    if name.chars().count() > MAX_NAME_LENGTH {
        return Err(format!(
            "A name has at most {MAX_NAME_LENGTH} characters; this one has {}.",
            name.chars().count()
        ));
    }
    if has_hidden_characters(name) {
        return Err("The name has characters that cannot be seen. Type it instead of pasting it.".to_owned());
    }
    Ok(name.to_owned())
}

/// Validates and trims an email address. Only ASCII is allowed, because two addresses that look alike must not belong to
/// different people.
pub fn check_email(text: &str) -> Result<String, String> {
    let email = text.trim();
    if email.is_empty() {
        return Err("Enter an email address.".to_owned());
    }
    if email.len() > MAX_EMAIL_LENGTH {
        return Err(format!("An email address has at most {MAX_EMAIL_LENGTH} characters."));
    }
    if !email.is_ascii() {
        return Err("Use the form of the address that has only plain Latin letters.".to_owned());
    }
    let wrong = || Err("This is not an email address. It looks like alice@example.com.".to_owned());
    let Some((local, domain)) = email.rsplit_once('@') else { return wrong() };
    let local_fine = !local.is_empty()
        && local.len() <= 64
        && local.bytes().all(|byte| byte.is_ascii_graphic() && !br#"@,;:<>()[]\""#.contains(&byte));
    let labels_fine = domain.split('.').all(|label| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    });
    if local_fine && labels_fine { Ok(email.to_owned()) } else { wrong() }
}

/// The form in which addresses are compared.
pub fn email_key(email: &str) -> String {
    email.trim().to_lowercase()
}

/// Describes a user agent, such as "Firefox on Linux". For display only, because the client can send any text.
pub fn device(user_agent: &str) -> String {
    let first = |names: &[(&str, &'static str)]| {
        names.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, name)| *name)
    };
    let browser = first(&[
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
        ("curl/", "curl"),
    ]);
    let system = first(&[
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ]);
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(name), None) | (None, Some(name)) => name.to_owned(),
        (None, None) if user_agent.is_empty() => "Unknown program".to_owned(),
        (None, None) => user_agent.chars().take(40).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_any_script_are_accepted() {
        for name in [
            "A",
            "Alice Marsh",
            "Tomás Rivera",
            "山田太郎",
            "עדן",
            "👩\u{200d}🚀 Ada",
            "می\u{200c}خواهم",
            &"x".repeat(80),
        ] {
            assert_eq!(check_name(&format!("  {name} "), "your name"), Ok(name.to_owned()));
        }
        for name in [
            "",
            "   ",
            "\u{0}",
            "a\u{0}b",
            "a\nb",
            "a\u{202e}b",
            "\u{200b}",
            &"x".repeat(81),
            &"é".repeat(10_000),
        ] {
            assert!(check_name(name, "your name").is_err(), "{name:?}");
        }
    }

    #[test]
    fn user_agents_are_described() {
        let chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36";
        assert_eq!(device(chrome), "Chrome on Linux");
        assert_eq!(
            device("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1"),
            "Safari on iPhone"
        );
        assert_eq!(device("curl/8.5.0"), "curl");
        assert_eq!(device(""), "Unknown program");
        assert_eq!(device("<script>"), "<script>");
    }

    #[test]
    fn only_email_addresses_are_accepted() {
        for email in ["a@b", "alice@tidewater.example", "a.b+c@x-y.example.com", "o'hara@example.com"] {
            assert_eq!(check_email(email), Ok(email.to_owned()));
        }
        for email in [
            "",
            "a",
            "@",
            "a@",
            "@b",
            "a b@c",
            "a@b c",
            "a@b..c",
            "a@-b",
            "a@b@c",
            "аlice@example.com",
            "a@exämple.com",
            "a\u{0}@b",
            "<a@b>",
            &format!("{}@b", "a".repeat(65)),
            &"x".repeat(10_000),
        ] {
            assert!(check_email(email).is_err(), "{email:?}");
        }
        assert_eq!(email_key(" Alice@Example.COM "), "alice@example.com");
    }
}
