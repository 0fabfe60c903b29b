//! What an app asks for at the authorization endpoint.

use super::redirect::RedirectUri;
use super::resource;
use crate::platform::App;
use crate::shared::Role;

/// The parameters that are read. Others are ignored.
pub const PARAMETERS: [&str; 8] = [
    "response_type",
    "client_id",
    "redirect_uri",
    "state",
    "scope",
    "code_challenge",
    "code_challenge_method",
    "resource",
];

/// The role for an app that names none.
const DEFAULT_ROLE: Role = Role::Member;

/// The parameters of a request, from the query or from the form of the consent page. An empty one counts as omitted.
#[derive(Clone, Debug, Default)]
pub struct AuthorizationParameters {
    values: Vec<(&'static str, String)>,
    repeated: Vec<&'static str>,
}

impl AuthorizationParameters {
    pub fn read(encoded: &[u8]) -> Self {
        let mut parameters = Self::default();
        for (name, value) in url::form_urlencoded::parse(encoded).filter(|(_, value)| !value.is_empty()) {
            let Some(name) = PARAMETERS.into_iter().find(|parameter| name == *parameter) else { continue };
            match parameters.find(name) {
                Some(_) => parameters.repeated.push(name),
                None => parameters.values.push((name, value.into_owned())),
            }
        }
        parameters
    }

    pub fn find(&self, name: &str) -> Option<&str> {
        self.values.iter().find(|(parameter, _)| *parameter == name).map(|(_, value)| value.as_str())
    }

    pub fn is_repeated(&self, name: &str) -> bool {
        self.repeated.contains(&name)
    }

    /// The fields of a form that repeats the request.
    pub fn fields(&self) -> Vec<(&'static str, String)> {
        self.values.clone()
    }

    /// The query of a link that repeats the request.
    pub fn query(&self) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(&self.values);
        query.finish()
    }
}

/// A request of a known app that may be shown to the person.
#[derive(Clone, Debug)]
pub struct AuthorizationRequest {
    pub redirect: RedirectUri,
    pub state: Option<String>,
    /// The hash of the verifier.
    pub challenge: String,
    /// The highest role that the app asks for.
    pub cap: Role,
}

/// An error that the app receives (RFC 6749, section 4.1.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuthorizationError {
    pub code: &'static str,
    pub description: &'static str,
}

const fn error(code: &'static str, description: &'static str) -> AuthorizationError {
    AuthorizationError { code, description }
}

impl AuthorizationRequest {
    pub fn check(
        app: &App,
        parameters: &AuthorizationParameters,
        redirect: RedirectUri,
    ) -> Result<Self, AuthorizationError> {
        if !parameters.repeated.is_empty() {
            return Err(error("invalid_request", "A parameter occurs more than once."));
        }
        match parameters.find("response_type") {
            Some("code") => {}
            None => return Err(error("invalid_request", "response_type is missing.")),
            Some(_) => {
                return Err(error("unsupported_response_type", "Only the response type code is supported."));
            }
        }
        let challenge = parameters.find("code_challenge").unwrap_or_default();
        if parameters.find("code_challenge_method") != Some("S256") || !is_challenge(challenge) {
            return Err(error("invalid_request", "PKCE with code_challenge_method S256 is required."));
        }
        if !is_resource(app, parameters.find("resource")) {
            return Err(error(
                "invalid_target",
                "resource is not the address of this server's MCP endpoint.",
            ));
        }
        Ok(Self {
            redirect,
            state: parameters.find("state").map(str::to_owned),
            challenge: challenge.to_owned(),
            cap: highest_role(parameters.find("scope").unwrap_or_default()),
        })
    }
}

/// Whether a token may be for this resource: the MCP endpoint, which is also the default.
pub fn is_resource(app: &App, asked: Option<&str>) -> bool {
    let Some(asked) = asked else { return true };
    let ours = resource(app);
    let same = |url: url::Url| url.as_str().trim_end_matches('/') == ours;
    asked == ours || url::Url::parse(asked).is_ok_and(same)
}

/// The highest role that a scope names. Unknown names are ignored: apps also ask for scopes that only other servers have.
fn highest_role(scope: &str) -> Role {
    scope.split(' ').filter_map(Role::parse).max().unwrap_or(DEFAULT_ROLE)
}

/// 32 bytes in base64url.
fn is_challenge(text: &str) -> bool {
    text.len() == 43 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_parameters_are_omitted_and_repeated_ones_are_noted() {
        let read = AuthorizationParameters::read(b"state=&client_id=a&x=1&x=2&client_id=b&scope=member+x");
        assert_eq!((read.find("state"), read.find("client_id")), (None, Some("a")));
        assert!(read.is_repeated("client_id") && !read.is_repeated("scope"));
        assert_eq!(read.query(), "client_id=a&scope=member+x");
    }

    #[test]
    fn the_highest_role_of_a_scope_counts() {
        for (scope, role) in [
            ("", Role::Member),
            ("openid profile", Role::Member),
            ("viewer", Role::Viewer),
            ("viewer member admin owner", Role::Owner),
            ("mcp:tools admin viewer", Role::Admin),
            ("none", Role::Member),
            ("Owner", Role::Member),
        ] {
            assert_eq!(highest_role(scope), role, "{scope}");
        }
    }

    #[test]
    fn challenges_are_hashes() {
        assert!(is_challenge("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"));
        for wrong in
            ["", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-c", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM"]
        {
            assert!(!is_challenge(wrong), "{wrong}");
        }
    }
}
