//! Resources: the organization, and each key.

use rmcp::ErrorData;
use rmcp::model::{ReadResourceResult, Resource, ResourceContents, ResourceTemplate};
use serde_json::{Value, json};

use super::bodies::KeyDetail;
use super::failure::internal;
use crate::keys::StatusFilter;
use crate::keys::server::{self as keys, KeyCount};
use crate::orgs::server as orgs;
use crate::orgs::server::Actor;
use crate::platform::{App, Error};
use crate::shared::KeyId;

const ORGANIZATION: &str = "latchkey://organization";
const KEYS: &str = "latchkey://keys/";
pub const KEY_TEMPLATE: &str = "latchkey://keys/{id}";
const JSON: &str = "application/json";

pub fn list(actor: &Actor) -> Vec<Resource> {
    vec![
        Resource::new(ORGANIZATION, "organization")
            .with_title(actor.org.org_name.clone())
            .with_description("The organization, its plan and how many keys it has")
            .with_mime_type(JSON),
    ]
}

pub fn templates() -> Vec<ResourceTemplate> {
    vec![
        ResourceTemplate::new(KEY_TEMPLATE, "key")
            .with_title("API key")
            .with_description("One key, without its secret")
            .with_mime_type(JSON),
    ]
}

pub async fn read(app: &App, actor: &Actor, uri: &str) -> Result<ReadResourceResult, ErrorData> {
    let read = match uri.strip_prefix(KEYS).and_then(KeyId::parse) {
        Some(id) => key(app, actor, id).await,
        None if uri == ORGANIZATION => organization(app, actor).await,
        None => Err(Error::NotFound),
    };
    match read {
        Ok(value) => {
            let contents = ResourceContents::text(value.to_string(), uri).with_mime_type(JSON);
            Ok(ReadResourceResult::new(vec![contents]))
        }
        Err(Error::NotFound) => {
            let data = json!({ "uri": uri.chars().take(200).collect::<String>() });
            Err(ErrorData::resource_not_found("There is no such resource.", Some(data)))
        }
        Err(error) => Err(internal(error)),
    }
}

async fn key(app: &App, actor: &Actor, id: KeyId) -> Result<Value, Error> {
    let key = keys::find(app, actor, id).await?;
    Ok(json!(KeyDetail::load(app, &key).await?))
}

async fn organization(app: &App, actor: &Actor) -> Result<Value, Error> {
    let (name, plan) = orgs::find(app, actor.org.org).await?.ok_or(Error::NotFound)?;
    let asked = [None, Some(StatusFilter::Active), Some(StatusFilter::Idle), Some(StatusFilter::Leaked)];
    let counts = keys::count(app, actor, &asked).await?;
    let count = |at: usize| KeyCount::counted(counts.get(at).copied().unwrap_or(0)).to_string();
    Ok(json!({
        "id": actor.org.org.to_string(),
        "name": name,
        "plan": plan.to_string(),
        "keys": { "all": count(0), "active": count(1), "idle": count(2), "leaked": count(3) },
    }))
}
