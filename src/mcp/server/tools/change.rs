//! The tools that change a key at once.

use rmcp::model::CallToolResponse;

use super::{ToolCall, answer};
use crate::keys::server::{self as keys, Key};
use crate::mcp::server::arguments::KeyArgument;
use crate::mcp::server::bodies::{ChangedKeyBody, KeySummary};
use crate::mcp::server::failure::ToolFailure;
use crate::mcp::server::find_key::find_key;

pub async fn finish_rotation(
    call: &ToolCall<'_>,
    arguments: KeyArgument,
) -> Result<CallToolResponse, ToolFailure> {
    let key = find_key(call.app, call.actor, &arguments.key).await?;
    let key = keys::finish(call.app, call.actor, key.id, None).await?;
    changed(call, &key, "The old secret has ended").await
}

pub async fn disable_key(
    call: &ToolCall<'_>,
    arguments: KeyArgument,
) -> Result<CallToolResponse, ToolFailure> {
    let key = find_key(call.app, call.actor, &arguments.key).await?;
    let key = keys::disable(call.app, call.actor, key.id).await?;
    changed(call, &key, "The key is disabled").await
}

pub async fn enable_key(
    call: &ToolCall<'_>,
    arguments: KeyArgument,
) -> Result<CallToolResponse, ToolFailure> {
    let key = find_key(call.app, call.actor, &arguments.key).await?;
    let key = keys::enable(call.app, call.actor, key.id).await?;
    changed(call, &key, "The key is enabled").await
}

pub async fn revoke_key(
    call: &ToolCall<'_>,
    arguments: KeyArgument,
) -> Result<CallToolResponse, ToolFailure> {
    let key = find_key(call.app, call.actor, &arguments.key).await?;
    let key = keys::revoke(call.app, call.actor, key.id).await?;
    changed(call, &key, "The key is revoked").await
}

async fn changed(call: &ToolCall<'_>, key: &Key, what: &str) -> Result<CallToolResponse, ToolFailure> {
    let body = ChangedKeyBody { key: KeySummary::load(call.app, key).await? };
    answer(format!("{what}: {}.", key.name), &body)
}
