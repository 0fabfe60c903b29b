//! Parses the body of `armoriq register`, an armoriq.yaml as JSON. Clients send the file's values unchanged, with unexpanded
//! `$VARIABLE`s and with secrets in the clear. Secrets (`identity.api_key`, a server's `auth.token`) are never read, so they
//! are neither stored nor logged, and variables are not expanded.

use serde_json::{Map, Value};

use crate::agents::server::{AgentDraft, ServerDraft};
use crate::agents::{Environment, ServerAuth};

type Object = Map<String, Value>;

/// Unknown fields are ignored, because newer clients may send more.
pub fn read(body: &Value) -> Result<AgentDraft, String> {
    let body = body.as_object().ok_or("The body must be an object: an armoriq.yaml as JSON.")?;
    let version = text(body, "version", "version")?;
    if !version.is_empty() && version != "v1" {
        return Err("version must be v1.".to_owned());
    }
    let identity = object(body, "identity", "identity")?.ok_or("identity is missing.")?;
    let environment = match text(body, "environment", "environment")?.as_str() {
        "" => Environment::default(),
        name => Environment::parse(name).ok_or("environment must be sandbox or production.")?,
    };
    let servers = list(body, "mcp_servers", "mcp_servers")?.iter().enumerate();
    let policy = object(body, "policy", "policy")?;
    let refs = |name: &str| policy.map_or(Ok(Vec::new()), |policy| texts(policy, name));
    Ok(AgentDraft {
        agent_id: text(identity, "agent_id", "identity.agent_id")?,
        user_id: text(identity, "user_id", "identity.user_id")?,
        environment,
        servers: servers.map(|(index, value)| server(index, value)).collect::<Result<_, _>>()?,
        allow: refs("allow")?,
        deny: refs("deny")?,
    })
}

fn server(index: usize, value: &Value) -> Result<ServerDraft, String> {
    let at = |field: &str| format!("mcp_servers[{index}].{field}");
    let server = value.as_object().ok_or_else(|| format!("mcp_servers[{index}] must be an object."))?;
    let auth_name = match server.get("auth") {
        None | Some(Value::Null) => Some(ServerAuth::None.as_str()),
        Some(Value::String(name)) => Some(name.as_str()),
        Some(auth) => auth.get("type").and_then(Value::as_str),
    };
    let auth = auth_name.and_then(ServerAuth::parse);
    Ok(ServerDraft {
        id: text(server, "id", &at("id"))?,
        url: text(server, "url", &at("url"))?,
        description: text(server, "description", &at("description"))?,
        auth: auth.ok_or_else(|| format!("{} must be none, bearer or api_key.", at("auth")))?,
    })
}

/// The value of a field. A null counts as missing.
fn value<'a>(object: &'a Object, name: &str) -> Option<&'a Value> {
    object.get(name).filter(|value| !value.is_null())
}

/// The text of a field; empty if the field is missing. `path` names the field in errors.
fn text(object: &Object, name: &str, path: &str) -> Result<String, String> {
    match value(object, name) {
        None => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(_) => Err(format!("{path} must be a string.")),
    }
}

fn object<'a>(object: &'a Object, name: &str, path: &str) -> Result<Option<&'a Object>, String> {
    match value(object, name) {
        None => Ok(None),
        Some(Value::Object(object)) => Ok(Some(object)),
        Some(_) => Err(format!("{path} must be an object.")),
    }
}

fn list<'a>(object: &'a Object, name: &str, path: &str) -> Result<&'a [Value], String> {
    match value(object, name) {
        None => Ok(&[]),
        Some(Value::Array(list)) => Ok(list),
        Some(_) => Err(format!("{path} must be a list.")),
    }
}

fn texts(policy: &Object, name: &str) -> Result<Vec<String>, String> {
    let path = format!("policy.{name}");
    let text = |value: &Value| value.as_str().map(str::to_owned);
    list(policy, name, &path)?
        .iter()
        .map(|value| text(value).ok_or_else(|| format!("{path} must be a list of strings.")))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_not_read() {
        let body = json!({
            "version": "v1",
            "identity": { "api_key": "ak_live_s3cret", "user_id": "default", "agent_id": "my-agent" },
            "environment": "production",
            "proxy": { "url": "http://127.0.0.1:3000", "timeout": 30, "max_retries": 3 },
            "mcp_servers": [
                { "id": "weather", "url": "http://127.0.0.1:9/mcp", "auth": "none", "description": null },
                { "id": "mail", "url": "http://127.0.0.1:8/mcp", "auth": { "type": "bearer", "token": "s3cret" } },
                { "id": "notes", "url": "http://127.0.0.1:7/mcp", "auth": { "type": "api_key", "api_key": "$HOME" } },
            ],
            "policy": { "allow": ["weather.*"], "deny": ["mail.send"] },
            "intent": { "ttl_seconds": 300, "require_csrg": true },
            "later": [1, 2, 3],
        });
        let draft = read(&body).expect("a draft");
        assert_eq!((draft.agent_id.as_str(), draft.user_id.as_str()), ("my-agent", "default"));
        assert_eq!(draft.environment, Environment::Production);
        let auths: Vec<_> = draft.servers.iter().map(|server| server.auth).collect();
        assert_eq!(auths, [ServerAuth::None, ServerAuth::Bearer, ServerAuth::ApiKey]);
        assert_eq!((draft.allow, draft.deny), (vec!["weather.*".to_owned()], vec!["mail.send".to_owned()]));
        assert!(!format!("{:?}", draft.servers).contains("s3cret"));
        let minimal = read(&json!({ "identity": { "agent_id": "a" } })).expect("a draft");
        assert_eq!((minimal.environment, minimal.servers.len()), (Environment::Sandbox, 0));
    }

    #[test]
    fn errors_name_the_field_and_not_its_value() {
        let identity = json!({ "agent_id": "a" });
        for (body, why) in [
            (json!([]), "The body must be an object: an armoriq.yaml as JSON."),
            (json!({}), "identity is missing."),
            (json!({ "identity": "ak_live_s3cret" }), "identity must be an object."),
            (json!({ "identity": { "agent_id": ["s3cret"] } }), "identity.agent_id must be a string."),
            (json!({ "identity": identity, "version": "v2" }), "version must be v1."),
            (
                json!({ "identity": identity, "environment": "moon" }),
                "environment must be sandbox or production.",
            ),
            (json!({ "identity": identity, "mcp_servers": {} }), "mcp_servers must be a list."),
            (json!({ "identity": identity, "mcp_servers": [1] }), "mcp_servers[0] must be an object."),
            (
                json!({ "identity": identity, "mcp_servers": [{ "id": "a", "auth": { "token": "s3cret" } }] }),
                "mcp_servers[0].auth must be none, bearer or api_key.",
            ),
            (
                json!({ "identity": identity, "mcp_servers": [{ "auth": 7 }] }),
                "mcp_servers[0].auth must be none, bearer or api_key.",
            ),
            (json!({ "identity": identity, "policy": [] }), "policy must be an object."),
            (
                json!({ "identity": identity, "policy": { "deny": [7] } }),
                "policy.deny must be a list of strings.",
            ),
        ] {
            assert_eq!(read(&body).expect_err("an error"), why);
        }
    }
}
