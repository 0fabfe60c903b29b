//! The examples. Each is a file that works as it is against a server on this machine. A page replaces the address of the server, the
//! organization and the permissions; README and the tests use the same files.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckEndpoint {
    /// `POST /api/v1/keys/verify`, called by a service.
    Verify,
    /// `/api/v1/authorize`, called by a proxy.
    Authorize,
}

#[derive(Debug)]
pub struct Snippet {
    /// The value of the parameter `for`.
    pub id: &'static str,
    pub label: &'static str,
    pub about: &'static str,
    pub endpoint: CheckEndpoint,
    pub file: &'static str,
    /// The part of the file that asks for `EXAMPLE`. It is removed when no permissions are asked for.
    pub permissions: &'static str,
}

/// The permission that the files ask for.
const EXAMPLE: &str = "invoices.read";
const ADDRESS: &str = "127.0.0.1:3000";
const ORGANIZATION: &str = "ORGANIZATION";

pub const SNIPPETS: [Snippet; 8] = [
    Snippet {
        id: "curl",
        label: "curl",
        about: "Ask from a terminal.",
        endpoint: CheckEndpoint::Verify,
        file: include_str!("../snippets/curl.sh"),
        permissions: ", \"permissions\": \"invoices.read\"",
    },
    Snippet {
        id: "http",
        label: "HTTP",
        about: "The request in any language.",
        endpoint: CheckEndpoint::Verify,
        file: include_str!("../snippets/verify.http"),
        permissions: ", \"permissions\": \"invoices.read\"",
    },
    Snippet {
        id: "express",
        label: "Express",
        about: "A middleware function. It needs no package.",
        endpoint: CheckEndpoint::Verify,
        file: include_str!("../snippets/express.mjs"),
        permissions: "        permissions: \"invoices.read\",\n",
    },
    Snippet {
        id: "fastapi",
        label: "FastAPI",
        about: "A dependency of your routes. It needs httpx.",
        endpoint: CheckEndpoint::Verify,
        file: include_str!("../snippets/fastapi.py"),
        permissions: "        \"permissions\": \"invoices.read\",\n",
    },
    Snippet {
        id: "go",
        label: "Go",
        about: "A middleware for net/http, with the standard library only.",
        endpoint: CheckEndpoint::Verify,
        file: include_str!("../snippets/require_key.go"),
        permissions: "\tasked[\"permissions\"] = \"invoices.read\"\n",
    },
    Snippet {
        id: "axum",
        label: "axum",
        about: "A middleware function. It needs reqwest.",
        endpoint: CheckEndpoint::Verify,
        file: include_str!("../snippets/axum.rs.txt"),
        permissions: "        \"permissions\": \"invoices.read\",\n",
    },
    Snippet {
        id: "nginx",
        label: "nginx",
        about: "Only requests with a valid key reach your service, which stays as it is.",
        endpoint: CheckEndpoint::Authorize,
        file: include_str!("../snippets/nginx.conf"),
        permissions: "&permissions=invoices.read",
    },
    Snippet {
        id: "caddy",
        label: "Caddy",
        about: "Only requests with a valid key reach your service, which stays as it is.",
        endpoint: CheckEndpoint::Authorize,
        file: include_str!("../snippets/Caddyfile"),
        permissions: "&permissions=invoices.read",
    },
];

/// The values that are filled into an example.
#[derive(Clone, Debug)]
pub struct SnippetTarget {
    /// The address of the server, such as `https://keys.example.com`.
    pub origin: String,
    pub org: String,
    /// A query for permissions; empty for none.
    pub permissions: String,
}

impl SnippetTarget {
    fn is_secure(&self) -> bool {
        self.origin.starts_with("https://")
    }

    /// Host and port.
    fn authority(&self) -> &str {
        self.origin.split_once("://").map_or(self.origin.as_str(), |(_, authority)| authority)
    }
}

impl Snippet {
    /// The first one if there is none with this id.
    pub fn find(id: &str) -> &'static Self {
        SNIPPETS.iter().find(|snippet| snippet.id == id).unwrap_or(&SNIPPETS[0])
    }

    pub fn render(&self, target: &SnippetTarget) -> String {
        let text = match target.permissions.as_str() {
            "" => self.file.replace(self.permissions, ""),
            query => self.file.replace(EXAMPLE, &self.written(query)),
        };
        let text = text.replace(ORGANIZATION, &target.org);
        match self.id {
            "nginx" => for_nginx(&text, target),
            "caddy" => for_caddy(&text, target),
            "http" => text.replace(ADDRESS, target.authority()),
            _ => text.replace(&format!("http://{ADDRESS}"), &target.origin),
        }
    }

    /// The query as it is written in the example.
    fn written(&self, query: &str) -> String {
        match self.endpoint {
            CheckEndpoint::Verify => query.to_owned(),
            CheckEndpoint::Authorize => {
                let encoded: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
                encoded.replace('+', "%20")
            }
        }
    }
}

/// Without these lines nginx would not check the certificate of the server.
const NGINX_TLS: &str = "  internal;
  proxy_ssl_server_name on;
  proxy_ssl_verify on;
  proxy_ssl_verify_depth 3;
  proxy_ssl_trusted_certificate /etc/ssl/certs/ca-certificates.crt;
";

fn for_nginx(text: &str, target: &SnippetTarget) -> String {
    let text = text.replace(&format!("http://{ADDRESS}"), &target.origin);
    if target.is_secure() { text.replace("  internal;\n", NGINX_TLS) } else { text }
}

/// Caddy passes on the Host header of the original request. A proxy in front of the server may need that of the server.
fn for_caddy(text: &str, target: &SnippetTarget) -> String {
    let authority = target.authority();
    if target.is_secure() {
        let host = format!("{} {{\n\t\t\theader_up Host {authority}\n", target.origin);
        return text.replace(&format!("{ADDRESS} {{\n"), &host);
    }
    let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let port = if has_port { "" } else { ":80" };
    text.replace(ADDRESS, &format!("{authority}{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const README: &str = include_str!("../../../README.md");

    fn target(address: &str, permissions: &str) -> SnippetTarget {
        SnippetTarget {
            origin: address.to_owned(),
            org: "01a1f866".to_owned(),
            permissions: permissions.to_owned(),
        }
    }

    /// The only code block of README in a language.
    fn recipe(language: &str) -> &'static str {
        let mut blocks = README.split("```").skip(1).step_by(2);
        let start = format!("{language}\n");
        let block = blocks.find_map(|block| block.strip_prefix(start.as_str()));
        block.expect("a block of this language")
    }

    #[test]
    fn readme_recommends_the_same() {
        for (id, language) in [("nginx", "nginx"), ("caddy", "caddyfile")] {
            let snippet = Snippet::find(id);
            assert_eq!(snippet.file.replace(snippet.permissions, "&role=member"), recipe(language), "{id}");
        }
        let curl = Snippet::find("curl");
        assert!(README.contains(&curl.file.replace(curl.permissions, "")));
    }

    #[test]
    fn an_example_names_this_server_and_organization_only() {
        for snippet in &SNIPPETS {
            assert_eq!(snippet.file.matches(snippet.permissions).count(), 1, "{}", snippet.id);
            assert_eq!(snippet.file.matches(EXAMPLE).count(), 1, "{}", snippet.id);
            for address in ["https://keys.example.com", "http://10.1.2.3:8080", "http://keys.internal"] {
                for query in ["", "a.read", "a.read and (b.* or c.read)"] {
                    let text = snippet.render(&target(address, query));
                    let authority = address.split_once("://").expect("a scheme").1;
                    assert!(text.contains(authority), "{} {address}: {text}", snippet.id);
                    for example in ["127.0.0.1", "3000/", ORGANIZATION, EXAMPLE] {
                        assert!(!text.contains(example), "{} {address} {query}: {text}", snippet.id);
                    }
                    let asks = text.contains("permissions=a") || text.contains("a.read");
                    assert_eq!(asks, !query.is_empty(), "{} {query}: {text}", snippet.id);
                }
            }
        }
    }

    #[test]
    fn proxies_check_the_certificate_and_get_an_encoded_query() {
        let secure = target("https://keys.example.com", "a.read and (b.* or c.read)");
        let nginx = Snippet::find("nginx").render(&secure);
        let asked = "/api/v1/authorize?org=01a1f866&permissions=a.read%20and%20%28b.*%20or%20c.read%29";
        assert!(nginx.contains(&format!("proxy_pass https://keys.example.com{asked};")), "{nginx}");
        assert!(nginx.contains("proxy_ssl_verify on;"));
        let caddy = Snippet::find("caddy").render(&secure);
        assert!(
            caddy
                .contains("forward_auth https://keys.example.com {\n\t\t\theader_up Host keys.example.com\n")
        );
        assert!(caddy.contains(&format!("uri {asked}\n")), "{caddy}");
        let plain = Snippet::find("caddy").render(&target("http://keys.internal", ""));
        assert!(plain.contains("forward_auth keys.internal:80 {\n"), "{plain}");
        assert!(!Snippet::find("nginx").render(&target("http://keys.internal", "")).contains("proxy_ssl"));
    }
}
