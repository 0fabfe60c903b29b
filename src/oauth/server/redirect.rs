//! Redirect URIs of apps: which ones are accepted, how they are compared, and where they lead.

use url::{Host, Url};

/// The longest redirect URI.
const LONGEST: usize = 1_024;
/// Schemes that browsers handle themselves, so that a redirect to them would run code or show a page in our name.
const REFUSED_SCHEMES: [&str; 17] = [
    "javascript",
    "data",
    "file",
    "blob",
    "vbscript",
    "about",
    "filesystem",
    "view-source",
    "ws",
    "wss",
    "ftp",
    "mailto",
    "tel",
    "sms",
    "urn",
    "intent",
    "chrome",
];

/// A redirect URI that can be used, with the exact text of the app.
#[derive(Clone, Debug)]
pub struct RedirectUri {
    text: String,
    url: Url,
}

/// Where a redirect URI leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedirectTarget {
    /// A program on the person's computer that listens on a port.
    Loopback {
        host: String,
    },
    Site {
        host: String,
    },
    /// A program on the person's computer that is registered for a scheme.
    Program {
        scheme: String,
    },
}

impl RedirectUri {
    /// Accepts https, http to the person's own computer, and schemes of programs.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.len() > LONGEST {
            return Err("A redirect URI is too long.");
        }
        // Browsers change other characters, and read a backslash as a slash.
        if !text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\\\"<>`{|}^".contains(&byte)) {
            return Err("A redirect URI contains a character that must be escaped.");
        }
        if text.contains('#') {
            return Err("A redirect URI has no fragment.");
        }
        let Ok(url) = Url::parse(text) else { return Err("A redirect URI is not an absolute address.") };
        if !url.username().is_empty() || url.password().is_some() || authority_of(text).contains('@') {
            return Err("A redirect URI contains no user name.");
        }
        let uri = Self { text: text.to_owned(), url };
        match uri.url.scheme() {
            "https" if uri.url.host().is_some() => Ok(uri),
            "http" if uri.is_loopback() => Ok(uri),
            "http" => Err("A redirect URI with http leads to localhost, 127.0.0.1 or [::1] only. Use https."),
            scheme if REFUSED_SCHEMES.contains(&scheme) => {
                Err("A redirect URI has a scheme that is not allowed.")
            }
            _ => Ok(uri),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the app has registered this redirect URI. Texts are compared exactly, except that a program which listens on the
    /// person's computer may choose any port (RFC 8252, section 7.3).
    pub fn is_registered_as(&self, registered: &str) -> bool {
        if self.text == registered {
            return true;
        }
        self.is_loopback()
            && Self::parse(registered).is_ok_and(|registered| {
                registered.is_loopback() && without_port(&registered.text) == without_port(&self.text)
            })
    }

    /// A registered redirect URI as it is compared with this one: on the person's computer, with the port of this one.
    pub fn as_compared(&self, registered: &str) -> String {
        let is_loopback = Self::parse(registered).is_ok_and(|registered| registered.is_loopback());
        let port = authority_of(&self.text).strip_prefix(authority_of(&without_port(&self.text)));
        match port.filter(|_| is_loopback && self.is_loopback()) {
            Some(port) => {
                let plain = without_port(registered);
                let host = authority_of(&plain).to_owned();
                plain.replacen(&host, &format!("{host}{port}"), 1)
            }
            None => registered.to_owned(),
        }
    }

    pub fn is_loopback(&self) -> bool {
        self.url.scheme() == "http"
            && match self.url.host() {
                Some(Host::Domain(name)) => name == "localhost",
                Some(Host::Ipv4(ip)) => ip.is_loopback(),
                Some(Host::Ipv6(ip)) => ip.is_loopback(),
                None => false,
            }
    }

    pub fn target(&self) -> RedirectTarget {
        let host = || {
            let name = self.url.host_str().unwrap_or_default();
            self.url.port().map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"))
        };
        match self.url.scheme() {
            "http" => RedirectTarget::Loopback { host: host() },
            "https" => RedirectTarget::Site { host: host() },
            scheme => RedirectTarget::Program { scheme: scheme.to_owned() },
        }
    }

    /// What a content security policy must name so that a form may lead there. A policy cannot name an IPv6 address.
    pub fn form_target(&self) -> String {
        match (self.url.scheme(), self.url.host()) {
            ("http" | "https", Some(Host::Domain(_) | Host::Ipv4(_))) => {
                self.url.origin().ascii_serialization()
            }
            (scheme, _) => format!("{scheme}:"),
        }
    }

    /// The address to send the browser to, with these parameters added to the query.
    pub fn with_parameters(&self, parameters: &[(&str, &str)]) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(parameters);
        let separator = if self.text.contains('?') { '&' } else { '?' };
        format!("{}{separator}{}", self.text, query.finish())
    }
}

/// The part between `//` and the path, or an empty text.
fn authority_of(text: &str) -> &str {
    let after = text.split_once("://").map_or("", |(_, after)| after);
    after.split(['/', '?']).next().unwrap_or_default()
}

/// The text of an http address without its port.
fn without_port(text: &str) -> String {
    let authority = authority_of(text);
    let host = match authority.rfind(']') {
        Some(end) => &authority[..=end],
        None => authority.split(':').next().unwrap_or_default(),
    };
    text.replacen(authority, host, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> RedirectUri {
        RedirectUri::parse(text).unwrap_or_else(|why| panic!("{text}: {why}"))
    }

    #[test]
    fn sites_programs_and_the_own_computer_are_accepted() {
        for text in [
            "https://app.example/callback",
            "https://app.example:8443/callback?x=1",
            "http://localhost/callback",
            "http://localhost:53682/callback",
            "http://127.0.0.1:1/",
            "http://[::1]:9000/callback",
            "cursor://anysphere.cursor-retrieval/oauth/callback",
            "com.example.app:/callback",
            "vscode://ms.mcp/auth",
        ] {
            assert_eq!(parsed(text).as_str(), text);
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for text in [
            "",
            "callback",
            "/callback",
            "//app.example/callback",
            "http://app.example/callback",
            "http://localhost.evil.example/",
            "http://127.0.0.1.evil.example/",
            "http://localhost@evil.example/",
            "http://localhost:80@evil.example/",
            "https://user@app.example/",
            "https://user:pass@app.example/",
            "https://@app.example/",
            "cursor://user@host/callback",
            "https://app.example/callback#code",
            "https://app.example\\@evil.example/",
            "https://app.example/a b",
            "https://app.example/\r\nSet-Cookie: x=1",
            "https://app.example/ü",
            "https://",
            "javascript:alert(1)",
            "JavaScript://app.example/%0aalert(1)",
            "java\tscript:alert(1)",
            "data:text/html,hello",
            "file:///etc/passwd",
            "blob:https://app.example/1",
            "vbscript:msgbox",
            "about:blank",
            &format!("https://app.example/{}", "a".repeat(1_024)),
        ] {
            assert!(RedirectUri::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn texts_are_compared_exactly_but_for_the_port_of_the_own_computer() {
        for (asked, registered, is_same) in [
            ("https://app.example/callback", "https://app.example/callback", true),
            ("https://app.example/callback/", "https://app.example/callback", false),
            ("https://app.example/Callback", "https://app.example/callback", false),
            ("https://APP.example/callback", "https://app.example/callback", false),
            ("https://app.example:443/callback", "https://app.example/callback", false),
            ("https://app.example/callback?x=1", "https://app.example/callback", false),
            ("https://app.example:8443/callback", "https://app.example/callback", false),
            ("https://app.example/a/../callback", "https://app.example/callback", false),
            ("http://localhost:53682/callback", "http://localhost/callback", true),
            ("http://localhost/callback", "http://localhost:3000/callback", true),
            ("http://localhost:53682/callback", "http://localhost:1/callback", true),
            ("http://localhost:53682/callback/", "http://localhost/callback", false),
            ("http://127.0.0.1:53682/callback", "http://localhost/callback", false),
            ("http://127.0.0.1:53682/callback", "http://127.0.0.1/callback", true),
            ("http://[::1]:53682/callback", "http://[::1]/callback", true),
            ("http://localhost:1/localhost:1", "http://localhost/localhost:1", true),
            ("http://localhost:1/x", "https://localhost/x", false),
            ("cursor://one/callback", "cursor://one/callback", true),
            ("cursor://one:1/callback", "cursor://one/callback", false),
        ] {
            assert_eq!(parsed(asked).is_registered_as(registered), is_same, "{asked} {registered}");
        }
    }

    #[test]
    fn registered_texts_get_the_port_that_is_asked_for() {
        for (asked, registered, expected) in [
            ("http://127.0.0.1:1/cb/", "http://127.0.0.1/cb", "http://127.0.0.1:1/cb"),
            ("http://[::1]:1/cb/", "http://[::1]:2/cb", "http://[::1]:1/cb"),
            ("http://127.0.0.1/cb/", "http://127.0.0.1:3/cb", "http://127.0.0.1/cb"),
            ("http://127.0.0.1:1/cb", "https://app.example/cb", "https://app.example/cb"),
            ("https://app.example:1/cb", "http://127.0.0.1/cb", "http://127.0.0.1/cb"),
        ] {
            assert_eq!(parsed(asked).as_compared(registered), expected, "{asked}");
        }
    }

    #[test]
    fn policies_name_the_origin_or_the_scheme() {
        for (text, source) in [
            ("https://app.example/callback", "https://app.example"),
            ("https://app.example:8443/callback;form-action", "https://app.example:8443"),
            ("http://localhost:53682/callback", "http://localhost:53682"),
            ("http://127.0.0.1:1/", "http://127.0.0.1:1"),
            ("http://[::1]:9000/callback", "http:"),
            ("cursor://anysphere/oauth", "cursor:"),
        ] {
            assert_eq!(parsed(text).form_target(), source);
        }
    }

    #[test]
    fn parameters_are_added_to_the_query() {
        let pairs = [("code", "a b"), ("state", "x&y=1")];
        for (text, expected) in [
            ("https://app.example/cb", "https://app.example/cb?code=a+b&state=x%26y%3D1"),
            ("https://app.example/cb?x=1", "https://app.example/cb?x=1&code=a+b&state=x%26y%3D1"),
            ("cursor://one/cb", "cursor://one/cb?code=a+b&state=x%26y%3D1"),
        ] {
            assert_eq!(parsed(text).with_parameters(&pairs), expected);
        }
    }
}
