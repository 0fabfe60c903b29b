//! A registration as sent by a client, and its validation. Credentials of servers are never read.

use std::collections::BTreeSet;

use url::Url;

use crate::agents::{Environment, McpServer, ServerAuth};
use crate::shared::{TOKEN_IN_TEXT, contains_token, has_hidden_characters};

const MAX_ID_LENGTH: usize = 200;
const MAX_URL_LENGTH: usize = 2_000;
const MAX_DESCRIPTION_LENGTH: usize = 500;
/// The longest entry of a policy.
const MAX_REF_LENGTH: usize = 300;
const MAX_SERVERS: usize = 100;
const MAX_REFS: usize = 1_000;
/// The most text of one agent in bytes, because clients list many agents at once.
const MAX_TEXT_BYTES: usize = 64 * 1024;

#[derive(Clone, Debug, Default)]
pub struct AgentDraft {
    pub agent_id: String,
    pub user_id: String,
    pub environment: Environment,
    pub servers: Vec<ServerDraft>,
    /// `<server>.<tool>`, or a pattern of them.
    pub allow: Vec<String>,
    pub deny: Vec<String>,
}

#[derive(Clone, Debug, Default)]
pub struct ServerDraft {
    pub id: String,
    pub url: String,
    pub description: String,
    pub auth: ServerAuth,
}

/// Validates the draft. Returns the servers to store, or the first error.
pub(super) fn check(draft: &AgentDraft) -> Result<Vec<McpServer>, String> {
    check_label(&draft.agent_id, "identity.agent_id", MAX_ID_LENGTH)?;
    if !draft.user_id.is_empty() {
        check_label(&draft.user_id, "identity.user_id", MAX_ID_LENGTH)?;
    }
    if draft.servers.len() > MAX_SERVERS {
        return Err(format!("mcp_servers: an agent has at most {MAX_SERVERS} servers."));
    }
    for (name, refs) in [("policy.allow", &draft.allow), ("policy.deny", &draft.deny)] {
        if refs.len() > MAX_REFS {
            return Err(format!("{name} has at most {MAX_REFS} entries."));
        }
        refs.iter().try_for_each(|text| check_label(text, &format!("an entry of {name}"), MAX_REF_LENGTH))?;
    }
    let mut names = BTreeSet::new();
    let mut servers = Vec::with_capacity(draft.servers.len());
    for (index, server) in draft.servers.iter().enumerate() {
        let at = format!("mcp_servers[{index}]");
        check_label(&server.id, &format!("{at}.id"), MAX_ID_LENGTH)?;
        if !names.insert(&server.id) {
            return Err(format!("{at}.id: two servers cannot have the same id."));
        }
        let url = without_secrets(&server.url).ok_or_else(|| {
            format!("{at}.url is an http or https address of at most {MAX_URL_LENGTH} characters.")
        })?;
        let description = server.description.trim();
        if contains_token(&url) || contains_token(description) {
            return Err(format!("{at}: {TOKEN_IN_TEXT}"));
        }
        if description.chars().count() > MAX_DESCRIPTION_LENGTH {
            return Err(format!("{at}.description has at most {MAX_DESCRIPTION_LENGTH} characters."));
        }
        if description.chars().any(|c| c.is_control() && c != '\n' && c != '\r' && c != '\t') {
            return Err(format!("{at}.description has no control characters."));
        }
        servers.push(McpServer {
            name: server.id.clone(),
            url,
            description: description.to_owned(),
            auth: server.auth,
        });
    }
    let servers_text =
        servers.iter().map(|server| server.name.len() + server.url.len() + server.description.len());
    let refs_text = draft.allow.iter().chain(&draft.deny).map(String::len);
    if servers_text.chain(refs_text).sum::<usize>() > MAX_TEXT_BYTES {
        return Err("The agent's servers and policy together are more than 64 KiB of text.".to_owned());
    }
    Ok(servers)
}

/// Validates a name without changing it, because clients refer to it.
fn check_label(text: &str, what: &str, longest: usize) -> Result<(), String> {
    if text.trim().is_empty() {
        return Err(format!("{what} is missing or empty."));
    }
    if contains_token(text) {
        return Err(format!("{what}: {TOKEN_IN_TEXT}"));
    }
    if text.trim().len() != text.len() {
        return Err(format!("{what} begins or ends with a space."));
    }
    if text.chars().count() > longest {
        return Err(format!("{what} has at most {longest} characters."));
    }
    if has_hidden_characters(text) {
        return Err(format!("{what} has invisible characters."));
    }
    Ok(())
}

/// Removes the parts of a URL that may contain secrets: user, password, query and fragment.
fn without_secrets(text: &str) -> Option<String> {
    if text.len() > MAX_URL_LENGTH {
        return None;
    }
    let mut url = Url::parse(text.trim()).ok()?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return None;
    }
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    url.set_query(None);
    url.set_fragment(None);
    Some(url.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(change: impl FnOnce(&mut AgentDraft)) -> AgentDraft {
        let server = ServerDraft {
            id: "weather".to_owned(),
            url: "http://127.0.0.1:9/mcp".to_owned(),
            ..ServerDraft::default()
        };
        let mut draft = AgentDraft {
            agent_id: "my-agent".to_owned(),
            servers: vec![server],
            allow: vec!["weather.*".to_owned()],
            ..AgentDraft::default()
        };
        change(&mut draft);
        draft
    }

    #[test]
    fn secrets_are_removed_from_urls() {
        for (url, stored) in [
            ("https://mcp.example/mcp", Some("https://mcp.example/mcp")),
            ("https://u:p4ss@mcp.example:8443/mcp?key=s3cret#t0ken", Some("https://mcp.example:8443/mcp")),
            ("http://127.0.0.1:9", Some("http://127.0.0.1:9/")),
            ("http://[::1]:9/x", Some("http://[::1]:9/x")),
            ("$MCP_URL", None),
            ("file:///etc/passwd", None),
            ("https://", None),
            ("", None),
        ] {
            assert_eq!(without_secrets(url).as_deref(), stored, "{url}");
        }
        assert_eq!(without_secrets(&format!("https://a.example/{}", "x".repeat(2_000))), None);
    }

    #[test]
    fn errors_name_the_field() {
        assert!(check(&draft(|_| {})).is_ok());
        for (wrong, part) in [
            (draft(|draft| draft.agent_id.clear()), "identity.agent_id is missing"),
            (draft(|draft| draft.agent_id = " a".to_owned()), "begins or ends with a space"),
            (draft(|draft| draft.agent_id = "a\0".to_owned()), "invisible"),
            (draft(|draft| draft.user_id = "x".repeat(201)), "identity.user_id has at most 200"),
            (draft(|draft| draft.servers[0].url = "mcp.example".to_owned()), "mcp_servers[0].url"),
            (draft(|draft| draft.servers.push(draft.servers[0].clone())), "mcp_servers[1].id: two"),
            (draft(|draft| draft.servers[0].description = "\u{7}".to_owned()), "control"),
            (draft(|draft| draft.deny = vec![String::new()]), "policy.deny"),
            (draft(|draft| draft.deny = vec!["x".repeat(300); 250]), "more than 64 KiB"),
            (draft(|draft| draft.allow = vec!["a.b".to_owned(); 1_001]), "policy.allow has at most 1000"),
            (
                draft(|draft| draft.servers = vec![ServerDraft::default(); 101]),
                "mcp_servers: an agent has at most 100",
            ),
        ] {
            let why = check(&wrong).expect_err("an error");
            assert!(why.contains(part), "{why}");
        }
    }
}
