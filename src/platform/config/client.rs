//! A program that may log in: its id in requests, and the name that people see.

use super::value::SettingValue;

const LONGEST: usize = 60;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceClient {
    pub id: String,
    pub name: String,
}

impl SettingValue for DeviceClient {
    fn parse(text: &str) -> Result<Self, String> {
        let (id, name) = text.split_once('=').unwrap_or((text, text));
        let (id, name) = (id.trim(), name.trim());
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if id.is_empty() || id.len() > LONGEST || !id.bytes().all(is_plain) {
            return Err(format!(
                "has no id of letters, digits, \"-\", \"_\" and \".\", up to {LONGEST} of them"
            ));
        }
        if name.is_empty() || name.chars().count() > LONGEST || name.chars().any(char::is_control) {
            return Err(format!("has no name of 1 to {LONGEST} characters"));
        }
        Ok(Self { id: id.to_owned(), name: name.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_an_id_and_may_have_a_name() {
        let client = |id: &str, name: &str| DeviceClient { id: id.to_owned(), name: name.to_owned() };
        assert_eq!(DeviceClient::parse("acme-cli"), Ok(client("acme-cli", "acme-cli")));
        assert_eq!(DeviceClient::parse(" acme = Acme CLI "), Ok(client("acme", "Acme CLI")));
        for wrong in ["", "=Acme", "acme=", "a b", "acme/cli", "a=b\u{1b}"] {
            assert!(DeviceClient::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
