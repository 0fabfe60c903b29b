//! The path to open after a form or a sign-in. It comes from the client, so it must be a path on this server: an address that a
//! browser reads as another host would let phishing links begin with this server's name.

use std::fmt;

/// A path with an optional query on this server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnPath(String);

/// The longest paths are requests of apps at `/oauth/authorize`, which may contain a long `state`.
const LONGEST: usize = 16_384;

impl ReturnPath {
    pub fn home() -> Self {
        Self("/".to_owned())
    }

    /// Accepts one leading slash and then visible ASCII without a backslash. Browsers read `//` and `/\` as the start of a host, and
    /// remove tabs and line breaks before that. Characters outside of ASCII are always escaped in an address.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
        let rooted = text.starts_with('/') && !text.starts_with("//");
        (plain && rooted && text.len() <= LONGEST).then(|| Self(text.to_owned()))
    }

    /// The path, or the start page if the path is refused.
    pub fn or_home(text: &str) -> Self {
        Self::parse(text).unwrap_or_else(Self::home)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ReturnPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_this_server_are_accepted() {
        for path in ["/", "/overview", "/settings/api-keys?status=active&q=a%20b", "/a//b", "/@user", "/x#y"]
        {
            assert_eq!(ReturnPath::or_home(path).as_str(), path);
        }
    }

    #[test]
    fn other_hosts_are_refused() {
        for path in [
            "",
            "overview",
            "?q=1",
            "https://evil.example",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/a\\b",
            "/\t/evil.example",
            "/\n/evil.example",
            "\t//evil.example",
            " /overview",
            "/over view",
            "/a\r\nSet-Cookie: x=1",
            "/\u{0}",
            "/\u{7f}",
            "/\u{2028}",
            "/ü",
            "javascript:alert(1)",
        ] {
            assert_eq!(ReturnPath::parse(path), None, "{path:?}");
        }
        assert_eq!(ReturnPath::or_home("//evil.example"), ReturnPath::home());
        assert_eq!(
            ReturnPath::parse(&format!("/{}", "a".repeat(LONGEST - 1))).map(|path| path.0.len()),
            Some(LONGEST)
        );
        assert_eq!(ReturnPath::parse(&format!("/{}", "a".repeat(LONGEST))), None);
    }
}
