//! Finds the key that an argument names.

use super::failure::ToolFailure;
use crate::keys::server::{self as keys, Filter, Key};
use crate::orgs::server::Actor;
use crate::platform::App;
use crate::shared::{KeyId, contains_token};

/// How many keys with similar names an error names.
const SIMILAR: usize = 5;

const SECRET: &str = "This is the secret of a key. Never pass one to a tool. Name the key, or use its id. \
                      If the secret was written into this conversation, rotate the key.";

/// The key with this id, or the one that is not revoked and has this name or token prefix.
pub async fn find_key(app: &App, actor: &Actor, text: &str) -> Result<Key, ToolFailure> {
    let text = text.trim();
    if contains_token(text) {
        return Err(ToolFailure::text(SECRET));
    }
    if text.is_empty() {
        return Err(ToolFailure::text("key: Pass the id or the exact name of a key. list_keys finds them."));
    }
    let named = match KeyId::parse(text) {
        Some(id) => Some(id),
        None => keys::find_by_name(app, actor, text).await?,
    };
    if let Some(id) = named {
        return Ok(keys::find(app, actor, id).await?);
    }
    let mut filter = Filter { limit: SIMILAR, ..Filter::default() };
    filter.search(text.trim_end_matches('…'));
    let is_prefix = filter.secret.is_some();
    let found = keys::list(app, actor, &filter).await?.keys;
    let living: Vec<&Key> = found.iter().filter(|key| key.revoked_at.is_none()).collect();
    match living.as_slice() {
        [only] if is_prefix => Ok((*only).clone()),
        _ => Err(unknown(text, &living)),
    }
}

fn unknown(text: &str, similar: &[&Key]) -> ToolFailure {
    let shown: String = text.chars().take(80).collect();
    let names: Vec<_> = similar.iter().map(|key| format!("\"{}\"", key.name)).collect();
    ToolFailure::text(match names.as_slice() {
        [] => format!(
            "No key has the name \"{shown}\". list_keys finds keys, also revoked ones, with their ids."
        ),
        names => format!("No key has the name \"{shown}\". Similar names: {}.", names.join(", ")),
    })
}
