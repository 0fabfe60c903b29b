//! Which language an address speaks: pages for browsers, JSON for programs. Decided by the path alone, so that an
//! answer to an unknown address has the right form too.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// HTML, cookies, the cross-site check.
    Page,
    /// problem+json; no cookies.
    Api,
    /// RFC 6749's `error` and `error_description`; no cookies.
    OAuth,
    /// The published ArmorIQ clients at their login: the same, but only for what ends it; no cookies.
    ArmorIq,
}

/// Where programs ask, the published clients among them: also what is not served here is refused in their language.
const PROGRAMS: [&str; 16] = [
    "/api",
    "/iap",
    "/api-keys",
    "/invoke",
    "/policies",
    "/policy",
    "/delegation",
    "/mcp",
    "/dashboard/token-usage",
    "/observability",
    "/v1/traces",
    "/.well-known",
    "/health",
    "/healthz",
    "/readyz",
    "/metrics",
];

impl Wire {
    pub fn of(path: &str) -> Self {
        let below = |folder: &str| {
            path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if below("/oauth") {
            Self::OAuth
        } else if below("/auth/device/code") || below("/auth/device/token") {
            Self::ArmorIq
        } else if PROGRAMS.into_iter().any(below) {
            Self::Api
        } else {
            Self::Page
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_decide_the_wire() {
        for (path, wire) in [
            ("/", Wire::Page),
            ("/settings/api-keys", Wire::Page),
            ("/auth/device", Wire::Page),
            ("/auth/device/token", Wire::ArmorIq),
            ("/oauth/token", Wire::OAuth),
            ("/api/v1/keys", Wire::Api),
            ("/api-keys", Wire::Api),
            ("/apiary", Wire::Page),
            ("/invoke", Wire::Api),
            ("/dashboard/api-keys", Wire::Page),
            ("/dashboard/token-usage/x", Wire::Api),
            ("/metrics", Wire::Api),
        ] {
            assert_eq!(Wire::of(path), wire, "{path}");
        }
    }
}
