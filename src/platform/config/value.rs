//! The types of settings: how their texts are parsed, and what is wrong with invalid ones.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;
use url::Url;

use crate::shared::{Kind, Plan};

/// A type of a setting. The error of `parse` completes the sentence `"<text>" …`.
pub trait SettingValue: Sized {
    /// Whether the text is secret, so that error messages do not repeat it.
    const SECRET: bool = false;
    /// What error messages call a secret text.
    const SUBJECT: &'static str = "the address";

    fn parse(text: &str) -> Result<Self, String>;

    /// The number that a range limits: milliseconds, bytes or a count. None for values without an amount.
    fn amount(&self) -> Option<u64> {
        None
    }
}

impl SettingValue for String {
    fn parse(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }
}

impl SettingValue for PathBuf {
    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() { Err("is not a folder".to_owned()) } else { Ok(Self::from(text)) }
    }
}

impl SettingValue for u16 {
    fn parse(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| "is not a whole number from 0 to 65535".to_owned())
    }

    fn amount(&self) -> Option<u64> {
        Some(u64::from(*self))
    }
}

impl SettingValue for u32 {
    fn parse(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| "is not a whole number".to_owned())
    }

    fn amount(&self) -> Option<u64> {
        Some(u64::from(*self))
    }
}

impl SettingValue for bool {
    fn parse(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| "is neither true nor false".to_owned())
    }
}

impl SettingValue for Plan {
    fn parse(text: &str) -> Result<Self, String> {
        Self::parse(text).ok_or_else(|| "is none of free, agency, business and enterprise".to_owned())
    }
}

impl SettingValue for Kind {
    fn parse(text: &str) -> Result<Self, String> {
        Self::parse(text).ok_or_else(|| "is none of live, test, claw, secret and mcp".to_owned())
    }
}

impl SettingValue for SocketAddr {
    fn parse(text: &str) -> Result<Self, String> {
        // With port 0 the system would choose a port that public_url could not contain.
        let address = text.parse().ok().filter(|address: &Self| address.port() != 0);
        address
            .ok_or_else(|| "is not an address with a port, such as 127.0.0.1:3000 or [::1]:3000".to_owned())
    }
}

impl<T: SettingValue> SettingValue for Option<T> {
    const SECRET: bool = T::SECRET;
    const SUBJECT: &'static str = T::SUBJECT;

    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() { Ok(None) } else { T::parse(text).map(Some) }
    }

    fn amount(&self) -> Option<u64> {
        self.as_ref().and_then(T::amount)
    }
}

impl SettingValue for IpNet {
    fn parse(text: &str) -> Result<Self, String> {
        IpNet::from_str(text)
            .or_else(|_| IpAddr::from_str(text).map(IpNet::from))
            .map_err(|_| "is neither an address nor a range such as 10.0.0.0/8".to_owned())
    }
}

impl<T: SettingValue> SettingValue for Vec<T> {
    fn parse(text: &str) -> Result<Self, String> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts
            .map(|part| T::parse(part).map_err(|why| format!("has a part \"{part}\", which {why}")))
            .collect()
    }
}

impl SettingValue for Duration {
    fn parse(text: &str) -> Result<Self, String> {
        let wrong = || "is not a span of time such as 500ms, 30s, 10m, 24h or 7d".to_owned();
        let (number, unit) = split_number(text).ok_or_else(wrong)?;
        let millis = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(wrong()),
        };
        number.checked_mul(millis).map(Duration::from_millis).ok_or_else(wrong)
    }

    fn amount(&self) -> Option<u64> {
        u64::try_from(self.as_millis()).ok()
    }
}

/// A size in bytes, written with or without a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bytes(usize);

impl Bytes {
    pub fn get(self) -> usize {
        self.0
    }
}

impl SettingValue for Bytes {
    fn parse(text: &str) -> Result<Self, String> {
        let wrong = || "is not a size such as 512B, 64KiB or 1MiB".to_owned();
        let (number, unit) = split_number(text).ok_or_else(wrong)?;
        let factor = match unit {
            "" | "B" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            _ => return Err(wrong()),
        };
        let bytes = number.checked_mul(factor).and_then(|bytes| usize::try_from(bytes).ok());
        bytes.map(Self).ok_or_else(wrong)
    }

    fn amount(&self) -> Option<u64> {
        u64::try_from(self.0).ok()
    }
}

fn split_number(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..end].parse().ok()?, text[end..].trim_start()))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Human,
    Json,
}

impl SettingValue for LogFormat {
    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "human" => Ok(Self::Human),
            "json" => Ok(Self::Json),
            _ => Err("is neither human nor json".to_owned()),
        }
    }
}

/// Who can create an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignUp {
    Invitation,
    /// Everybody who confirms an email address.
    Open,
    Closed,
}

impl SettingValue for SignUp {
    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "invitation" => Ok(Self::Invitation),
            "open" => Ok(Self::Open),
            "closed" => Ok(Self::Closed),
            _ => Err("is neither invitation, open nor closed".to_owned()),
        }
    }
}

/// The origin that browsers use for this server: scheme, host and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    origin: String,
    authority: String,
    secure: bool,
}

impl PublicUrl {
    /// The origin of a listener. One on all addresses gets 127.0.0.1 or [::1].
    pub fn of_listener(listener: SocketAddr) -> Self {
        let mut reached = listener;
        if reached.ip().is_unspecified() {
            reached.set_ip([127, 0, 0, 1].into());
        }
        let authority = if reached.port() == 80 { url_host(reached.ip()) } else { reached.to_string() };
        Self { origin: format!("http://{authority}"), authority, secure: false }
    }

    /// The origin, without a slash at the end.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Host and port, as in the Host header of a browser.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Whether the scheme is https. Cookies are then Secure and have the prefix `__Host-`.
    pub fn is_secure(&self) -> bool {
        self.secure
    }
}

fn url_host(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

impl SettingValue for PublicUrl {
    fn parse(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| Err(format!("{why}; it looks like https://keys.example.com"));
        let Ok(url) = Url::parse(text) else { return wrong("is not an address") };
        if !matches!(url.scheme(), "http" | "https") {
            return wrong("is neither http nor https");
        }
        let Some(host) = url.host_str() else { return wrong("names no host") };
        if !url.username().is_empty() || url.password().is_some() {
            return wrong("carries a user name");
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return wrong("has a path, and only scheme, host and port are meant");
        }
        let authority = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        Ok(Self {
            origin: format!("{}://{authority}", url.scheme()),
            authority,
            secure: url.scheme() == "https",
        })
    }
}

/// The engine and the address of the database. `Debug` and `Display` hide the password.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    Sqlite(PathBuf),
    Postgres(Url),
}

impl SettingValue for DatabaseUrl {
    const SECRET: bool = true;

    fn parse(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if path.is_empty() || path.contains(['?', '#']) || path == ":memory:" {
                return Err("names no file; SQLite is written sqlite:PATH".to_owned());
            }
            return Ok(Self::Sqlite(PathBuf::from(path)));
        }
        match Url::parse(text) {
            Ok(url) if matches!(url.scheme(), "postgres" | "postgresql") && url.host_str().is_some() => {
                Ok(Self::Postgres(url))
            }
            _ => Err("is neither sqlite:PATH nor postgres://USER:PASSWORD@HOST/NAME".to_owned()),
        }
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(url) => {
                write!(f, "postgres://{}", url.host_str().unwrap_or_default())?;
                if let Some(port) = url.port() {
                    write!(f, ":{port}")?;
                }
                write!(f, "{}", url.path())
            }
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_addresses_are_origins() {
        let url = PublicUrl::parse("https://keys.example.com:443/").expect("an origin");
        assert_eq!(
            (url.origin(), url.authority(), url.is_secure()),
            ("https://keys.example.com", "keys.example.com", true)
        );
        for wrong in
            ["keys.example.com", "ftp://x", "https://x/path", "https://x?y", "https://u@x", "https://", ""]
        {
            assert!(PublicUrl::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_listener_on_every_address_is_reached_on_this_machine() {
        let url = PublicUrl::of_listener("0.0.0.0:3000".parse().expect("an address"));
        assert_eq!(url.origin(), "http://127.0.0.1:3000");
        let url = PublicUrl::of_listener("[::1]:80".parse().expect("an address"));
        assert_eq!(url.origin(), "http://[::1]");
    }

    #[test]
    fn spans_and_sizes_need_their_units() {
        assert_eq!(Duration::parse("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(Duration::parse("2 d"), Ok(Duration::from_secs(172_800)));
        assert_eq!(Bytes::parse("64KiB"), Ok(Bytes(65_536)));
        for wrong in ["", "s", "10", "-1s", "1.5h", "99999999999999999999s", "18446744073709551615d"] {
            assert!(Duration::parse(wrong).is_err(), "{wrong}");
        }
        for wrong in ["", "MiB", "1MB", "-1", "99999999999999999GiB"] {
            assert!(Bytes::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_database_address_never_shows_its_password() {
        let url = DatabaseUrl::parse("postgres://latchkey:hunter2@db.example:5433/keys?sslmode=require")
            .expect("an address");
        assert_eq!(
            format!("{url} {url:?}"),
            "postgres://db.example:5433/keys \"postgres://db.example:5433/keys\""
        );
        for wrong in ["", "mysql://x", "sqlite:", "sqlite::memory:", "postgres:", "latchkey.db"] {
            assert!(DatabaseUrl::parse(wrong).is_err(), "{wrong}");
        }
    }
}
