//! Addresses of other servers: identity providers, the mail server and receivers of webhooks.

use std::fmt;

use ipnet::IpNet;
use lettre::message::Mailbox;
use url::{Host, Url};

use super::value::SettingValue;
use crate::platform::Secret;

impl SettingValue for Secret {
    const SECRET: bool = true;

    fn parse(text: &str) -> Result<Self, String> {
        Ok(Self::new(text))
    }
}

impl SettingValue for Mailbox {
    fn parse(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| "is not a sender such as Latchkey <keys@example.com>".to_owned())
    }
}

/// Whether the host is this machine, so that nobody can read the traffic.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// The address of an identity provider. Its text is not normalized, because it must be equal to the issuer that the provider reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderUrl(String);

impl ProviderUrl {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address followed by a path.
    pub fn join(&self, path: &str) -> String {
        format!("{}{path}", self.0.trim_end_matches('/'))
    }
}

impl SettingValue for ProviderUrl {
    fn parse(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| Err(format!("{why}; it looks like https://id.example.com"));
        let Ok(url) = Url::parse(text) else { return wrong("is not an address") };
        if url.scheme() != "https" && !(url.scheme() == "http" && is_loopback(&url)) {
            return wrong("is not https");
        }
        if url.host_str().is_none_or(str::is_empty) {
            return wrong("names no host");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return wrong("carries a user name");
        }
        if url.query().is_some() || url.fragment().is_some() {
            return wrong("has a query");
        }
        Ok(Self(text.to_owned()))
    }
}

/// The address of the mail server. `Debug` hides the password.
#[derive(Clone, PartialEq, Eq)]
pub struct SmtpUrl {
    url: Url,
    pub tls: SmtpTls,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpTls {
    /// smtps: TLS from the first byte.
    Wrapped,
    /// smtp: the connection begins without TLS and must switch to it before anything else is sent.
    StartTls,
    /// No TLS: for a server on this machine, or an address with `?tls=none`.
    None,
}

impl SmtpUrl {
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    pub fn port(&self) -> u16 {
        self.url.port().unwrap_or(match self.tls {
            SmtpTls::Wrapped => 465,
            SmtpTls::StartTls => 587,
            SmtpTls::None => 25,
        })
    }

    /// User name and password, if the address has them.
    pub fn credentials(&self) -> Option<(String, Secret)> {
        let plain = |text: &str| percent_decoded(text);
        (!self.url.username().is_empty()).then(|| {
            (plain(self.url.username()), Secret::new(plain(self.url.password().unwrap_or_default())))
        })
    }
}

fn percent_decoded(text: &str) -> String {
    // Decodes like a form, except that a plus sign is not a space.
    let pair = format!("x={}", text.replace('+', "%2B").replace('&', "%26"));
    url::form_urlencoded::parse(pair.as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

impl SettingValue for SmtpUrl {
    const SECRET: bool = true;

    fn parse(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| Err(format!("{why}; it looks like smtps://USER:PASSWORD@mail.example.com"));
        let Ok(url) = Url::parse(text) else { return wrong("is not an address") };
        if url.host_str().is_none_or(str::is_empty) {
            return wrong("names no host");
        }
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return wrong("has a path");
        }
        let local =
            is_loopback(&Url::parse(&text.replacen("smtp", "http", 1)).unwrap_or_else(|_| url.clone()));
        let tls = match (url.scheme(), url.query()) {
            ("smtps", None) => SmtpTls::Wrapped,
            ("smtp", None) if local => SmtpTls::None,
            ("smtp", None) => SmtpTls::StartTls,
            ("smtp", Some("tls=none")) => SmtpTls::None,
            ("smtp" | "smtps", Some(_)) => return wrong("has a query other than tls=none"),
            _ => return wrong("is neither smtp nor smtps"),
        };
        if tls == SmtpTls::None && !local && url.password().is_some() {
            return wrong("would send its password in the clear");
        }
        Ok(Self { url, tls })
    }
}

impl fmt::Debug for SmtpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}://{}:{}\"", self.url.scheme(), self.host(), self.port())
    }
}

/// A server that is called although it is not public.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowedTarget {
    Range(IpNet),
    /// The name is in lower case, an IPv6 address without brackets.
    Host {
        name: String,
        port: u16,
    },
}

impl SettingValue for AllowedTarget {
    fn parse(text: &str) -> Result<Self, String> {
        if let Ok(range) = IpNet::parse(text) {
            return Ok(Self::Range(range));
        }
        let wrong = || {
            "is neither a range such as 10.1.0.0/16 nor a host with a port such as hooks.internal:8080"
                .to_owned()
        };
        let (name, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let port = port.parse().ok().filter(|port| *port != 0).ok_or_else(wrong)?;
        let name = match Host::parse(name).map_err(|_| wrong())? {
            Host::Domain(name) => name,
            Host::Ipv4(ip) => ip.to_string(),
            Host::Ipv6(ip) => ip.to_string(),
        };
        Ok(Self::Host { name, port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_ranges_or_hosts_with_a_port() {
        let host = |name: &str, port| AllowedTarget::Host { name: name.to_owned(), port };
        assert_eq!(AllowedTarget::parse("Hooks.Internal:8080"), Ok(host("hooks.internal", 8080)));
        assert_eq!(AllowedTarget::parse("[::1]:80"), Ok(host("::1", 80)));
        for range in ["10.1.0.0/16", "127.0.0.1", "fd00::/8", "::1"] {
            assert!(matches!(AllowedTarget::parse(range), Ok(AllowedTarget::Range(_))), "{range}");
        }
        for wrong in [
            "",
            "hooks.internal",
            "hooks.internal:",
            "hooks.internal:0",
            "a b:1",
            "http://x:1",
            "10.0.0.0/33",
        ] {
            assert!(AllowedTarget::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn providers_are_asked_over_https_or_on_this_machine() {
        for fine in
            ["https://id.example", "https://id.example/realms/a", "http://127.0.0.1:4000", "http://[::1]:1/x"]
        {
            assert_eq!(ProviderUrl::parse(fine).map(|url| url.0), Ok(fine.to_owned()));
        }
        for wrong in
            ["", "id.example", "http://id.example", "ftp://x", "https://u:p@x", "https://x?y", "https://x#y"]
        {
            assert!(ProviderUrl::parse(wrong).is_err(), "{wrong}");
        }
        let url = ProviderUrl::parse("https://id.example/a/").expect("an address");
        assert_eq!(url.join("/b"), "https://id.example/a/b");
    }

    #[test]
    fn mail_goes_protected_unless_it_stays_here_or_the_operator_says_so() {
        let read = |text| SmtpUrl::parse(text).map(|smtp| (smtp.tls, smtp.port()));
        assert_eq!(read("smtps://u:p@mail.example"), Ok((SmtpTls::Wrapped, 465)));
        assert_eq!(read("smtp://u:p@mail.example"), Ok((SmtpTls::StartTls, 587)));
        assert_eq!(read("smtp://127.0.0.1:2525"), Ok((SmtpTls::None, 2525)));
        assert_eq!(read("smtp://localhost"), Ok((SmtpTls::None, 25)));
        assert_eq!(read("smtp://relay.internal?tls=none"), Ok((SmtpTls::None, 25)));
        for wrong in [
            "",
            "mail.example",
            "http://x",
            "smtp:",
            "smtp://x/path",
            "smtp://x?tls=maybe",
            "smtp://u:p@x?tls=none",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_mail_address_never_shows_its_password() {
        let smtp = SmtpUrl::parse("smtps://a%40b:hunter+2%25@mail.example").expect("an address");
        assert_eq!(format!("{smtp:?}"), "\"smtps://mail.example:465\"");
        let (user, password) = smtp.credentials().expect("credentials");
        assert_eq!((user.as_str(), password.expose()), ("a@b", "hunter+2%"));
    }
}
