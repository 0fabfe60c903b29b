//! The parts of an agent's registration.

/// The environment in which an agent says it runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Environment {
    #[default]
    Sandbox,
    Production,
}

impl Environment {
    pub const ALL: [Self; 2] = [Self::Sandbox, Self::Production];

    /// The name in the database and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sandbox => "sandbox",
            Self::Production => "production",
        }
    }

    pub const fn label(self) -> &'static str {
        match self {
            Self::Sandbox => "Sandbox",
            Self::Production => "Production",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|environment| environment.as_str() == text)
    }
}

/// How clients authenticate at an MCP server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ServerAuth {
    #[default]
    None,
    Bearer,
    ApiKey,
}

impl ServerAuth {
    pub const ALL: [Self; 3] = [Self::None, Self::Bearer, Self::ApiKey];

    /// The name in the database and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Bearer => "bearer",
            Self::ApiKey => "api_key",
        }
    }

    pub const fn label(self) -> &'static str {
        match self {
            Self::None => "Open",
            Self::Bearer => "Bearer token",
            Self::ApiKey => "API key",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|auth| auth.as_str() == text)
    }
}

/// An MCP server that an agent uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct McpServer {
    pub name: String,
    pub url: String,
    /// Empty when the registration has none.
    pub description: String,
    pub auth: ServerAuth,
}
