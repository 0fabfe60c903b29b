//! The tools, in the order in which they are listed. A tool that the role of the key does not allow is neither listed nor callable;
//! what a tool may do to which object is decided by the service that it calls.

mod ask;
mod audit;
mod change;
mod keys;
mod organization;
mod usage;

use std::sync::Arc;

use rmcp::ErrorData;
use rmcp::handler::server::common::{schema_for_empty_input, schema_for_input, schema_for_output};
use rmcp::model::{CallToolResponse, CallToolResult, ContentBlock, JsonObject, Tool, ToolAnnotations};
use rmcp::schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::arguments::{
    CreateKeyArguments, KeyArgument, KeyCallersArguments, KeyUsageArguments, ListKeysArguments,
    ListMembersArguments, NoArguments, RotateKeyArguments, SearchAuditArguments, StaleKeysArguments,
};
use super::bodies::{
    AskedPersonBody, AuditBody, ChangedKeyBody, KeyCallersBody, KeyDetail, KeyPageBody, KeyUsageBody,
    MembersBody, StaleKeysBody, WhoamiBody,
};
use super::failure::ToolFailure;
use crate::orgs::server::Actor;
use crate::platform::{App, Error};
use crate::shared::Permission;

/// A call of a tool.
pub struct ToolCall<'a> {
    pub app: &'a App,
    pub actor: &'a Actor,
    /// Whether the client can show a link to its person.
    pub can_open_links: bool,
    /// The state of an earlier answer, if this call continues it.
    pub state: Option<&'a str>,
}

/// The effect of a tool, from which its hints for clients follow.
#[derive(Clone, Copy)]
enum ToolEffect {
    Reads,
    /// Adds something.
    Adds,
    /// Takes away access, or asks for that. Repeating it has no further effect.
    Ends,
    /// Like `Ends`, but each call has an effect.
    Replaces,
    /// Gives back access. Repeating it has no further effect.
    Restores,
}

type SchemaOf = fn() -> Arc<JsonObject>;

struct ToolSpec {
    name: &'static str,
    title: &'static str,
    about: &'static str,
    permission: Permission,
    effect: ToolEffect,
    input: SchemaOf,
    output: SchemaOf,
}

fn input<T: JsonSchema + 'static>() -> Arc<JsonObject> {
    // Every argument type is a struct, whose schema is that of an object; a test checks it.
    schema_for_input::<T>().unwrap_or_default()
}

fn output<T: JsonSchema + 'static>() -> Arc<JsonObject> {
    schema_for_output::<T>()
}

const TOOLS: [ToolSpec; 14] = [
    ToolSpec {
        name: "whoami",
        title: "Who am I",
        about: "The key that you use, its role, its organization, and the person in whose name you act.",
        permission: Permission::See,
        effect: ToolEffect::Reads,
        input: schema_for_empty_input,
        output: output::<WhoamiBody>,
    },
    ToolSpec {
        name: "list_keys",
        title: "List API keys",
        about: "The organization's API keys, filtered and sorted, in pages. Without their secrets, which nobody can read.",
        permission: Permission::See,
        effect: ToolEffect::Reads,
        input: input::<ListKeysArguments>,
        output: output::<KeyPageBody>,
    },
    ToolSpec {
        name: "get_key",
        title: "Show an API key",
        about: "One key: role, status, limits, rotation, and a link to its page.",
        permission: Permission::See,
        effect: ToolEffect::Reads,
        input: input::<KeyArgument>,
        output: output::<KeyDetail>,
    },
    ToolSpec {
        name: "key_usage",
        title: "Requests with a key",
        about: "How many requests with a key were accepted and refused, over time, and why they were refused.",
        permission: Permission::See,
        effect: ToolEffect::Reads,
        input: input::<KeyUsageArguments>,
        output: output::<KeyUsageBody>,
    },
    ToolSpec {
        name: "who_uses_key",
        title: "Who uses a key",
        about: "The addresses and programs that send a key, and whether they send its current secret. Look at it before you \
                revoke or disable a key.",
        permission: Permission::See,
        effect: ToolEffect::Reads,
        input: input::<KeyCallersArguments>,
        output: output::<KeyCallersBody>,
    },
    ToolSpec {
        name: "find_stale_keys",
        title: "Find unused keys",
        about: "Active keys that nobody has used for a number of days, the longest unused first.",
        permission: Permission::See,
        effect: ToolEffect::Reads,
        input: input::<StaleKeysArguments>,
        output: output::<StaleKeysBody>,
    },
    ToolSpec {
        name: "list_members",
        title: "List members",
        about: "The people of the organization and their roles.",
        permission: Permission::See,
        effect: ToolEffect::Reads,
        input: input::<ListMembersArguments>,
        output: output::<MembersBody>,
    },
    ToolSpec {
        name: "search_audit",
        title: "Search the audit log",
        about: "Who changed what and when, and what was refused.",
        permission: Permission::ReadAudit,
        effect: ToolEffect::Reads,
        input: input::<SearchAuditArguments>,
        output: output::<AuditBody>,
    },
    ToolSpec {
        name: "create_key",
        title: "Ask for a new key",
        about: "Asks a person to create a key. The answer contains a link for that person, who alone sees the secret. Call it \
                again with the same arguments to learn what the person decided.",
        permission: Permission::ManageOwnKeys,
        effect: ToolEffect::Adds,
        input: input::<CreateKeyArguments>,
        output: output::<AskedPersonBody>,
    },
    ToolSpec {
        name: "rotate_key",
        title: "Ask for a new secret",
        about: "Asks a person to give a key a new secret, which that person alone sees. The old one goes on working for a while. \
                Call it again with the same arguments to learn what the person decided.",
        permission: Permission::ManageOwnKeys,
        effect: ToolEffect::Replaces,
        input: input::<RotateKeyArguments>,
        output: output::<AskedPersonBody>,
    },
    ToolSpec {
        name: "finish_rotation",
        title: "End the old secret",
        about: "Ends the old secret of a rotation now. Programs that still send it are refused: who_uses_key shows them.",
        permission: Permission::ManageOwnKeys,
        effect: ToolEffect::Ends,
        input: input::<KeyArgument>,
        output: output::<ChangedKeyBody>,
    },
    ToolSpec {
        name: "disable_key",
        title: "Disable a key",
        about: "Refuses all requests with a key until it is enabled again.",
        permission: Permission::ManageOwnKeys,
        effect: ToolEffect::Ends,
        input: input::<KeyArgument>,
        output: output::<ChangedKeyBody>,
    },
    ToolSpec {
        name: "enable_key",
        title: "Enable a key",
        about: "Lets a disabled key work again.",
        permission: Permission::ManageOwnKeys,
        effect: ToolEffect::Restores,
        input: input::<KeyArgument>,
        output: output::<ChangedKeyBody>,
    },
    ToolSpec {
        name: "revoke_key",
        title: "Revoke a key",
        about: "Ends a key for ever. This cannot be undone; disable_key can.",
        permission: Permission::ManageOwnKeys,
        effect: ToolEffect::Ends,
        input: input::<KeyArgument>,
        output: output::<ChangedKeyBody>,
    },
];

impl ToolSpec {
    fn tool(&self) -> Tool {
        let hints = ToolAnnotations::with_title(self.title).open_world(false);
        let hints = match self.effect {
            ToolEffect::Reads => hints.read_only(true).destructive(false).idempotent(true),
            ToolEffect::Adds => hints.read_only(false).destructive(false).idempotent(false),
            ToolEffect::Ends => hints.read_only(false).destructive(true).idempotent(true),
            ToolEffect::Replaces => hints.read_only(false).destructive(true).idempotent(false),
            ToolEffect::Restores => hints.read_only(false).destructive(false).idempotent(true),
        };
        Tool::new(self.name, self.about, (self.input)())
            .with_title(self.title)
            .with_raw_output_schema((self.output)())
            .with_annotations(hints)
    }
}

/// The tools that the actor may use.
pub fn list(actor: &Actor) -> Vec<Tool> {
    TOOLS.iter().filter(|tool| actor.may(tool.permission)).map(ToolSpec::tool).collect()
}

pub async fn call(
    call: &ToolCall<'_>,
    name: &str,
    arguments: JsonObject,
) -> Result<CallToolResponse, ErrorData> {
    let found = TOOLS.iter().find(|tool| tool.name == name && call.actor.may(tool.permission));
    let Some(tool) = found else {
        return Err(ErrorData::invalid_params(
            "There is no such tool. tools/list names those of this key.",
            None,
        ));
    };
    run(call, tool.name, arguments).await.or_else(ToolFailure::answer)
}

async fn run(
    call: &ToolCall<'_>,
    name: &str,
    arguments: JsonObject,
) -> Result<CallToolResponse, ToolFailure> {
    match name {
        "whoami" => {
            let NoArguments {} = read(arguments)?;
            organization::whoami(call).await
        }
        "list_keys" => keys::list_keys(call, read(arguments)?).await,
        "get_key" => keys::get_key(call, read(arguments)?).await,
        "key_usage" => usage::key_usage(call, read(arguments)?).await,
        "who_uses_key" => usage::who_uses_key(call, read(arguments)?).await,
        "find_stale_keys" => keys::find_stale_keys(call, read(arguments)?).await,
        "list_members" => organization::list_members(call, read(arguments)?).await,
        "search_audit" => audit::search_audit(call, read(arguments)?).await,
        "create_key" => ask::create_key(call, read(arguments)?).await,
        "rotate_key" => ask::rotate_key(call, read(arguments)?).await,
        "finish_rotation" => change::finish_rotation(call, read(arguments)?).await,
        "disable_key" => change::disable_key(call, read(arguments)?).await,
        "enable_key" => change::enable_key(call, read(arguments)?).await,
        "revoke_key" => change::revoke_key(call, read(arguments)?).await,
        _ => Err(Error::internal(format!("the tool {name} does nothing")).into()),
    }
}

fn read<T: DeserializeOwned>(arguments: JsonObject) -> Result<T, ToolFailure> {
    serde_json::from_value(Value::Object(arguments)).map_err(|error| {
        let why: String = error.to_string().chars().take(300).collect();
        ToolFailure::Text(format!(
            "The arguments have another form than the schema says: {why}. Nothing was changed."
        ))
    })
}

/// A number within a range, or its default.
fn within(name: &str, value: Option<i64>, default: i64, least: i64, most: i64) -> Result<i64, ToolFailure> {
    match value.unwrap_or(default) {
        number if (least..=most).contains(&number) => Ok(number),
        _ => Err(ToolFailure::Text(format!("{name}: A whole number from {least} to {most}."))),
    }
}

/// An answer: a sentence, and the same as JSON, for clients with and without structured output.
fn answer(sentence: impl Into<String>, body: &impl Serialize) -> Result<CallToolResponse, ToolFailure> {
    let value = serde_json::to_value(body).map_err(|error| Error::internal(error.to_string()))?;
    let mut result = CallToolResult::structured(value);
    result.content.insert(0, ContentBlock::text(sentence));
    Ok(result.into())
}
