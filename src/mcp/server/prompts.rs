//! Prompts that people start from their client.

use rmcp::ErrorData;
use rmcp::model::{GetPromptResult, JsonObject, Prompt, PromptArgument, PromptMessage, Role};
use serde_json::Value;

pub const ROTATE_OLD: &str = "rotate_old_keys";
pub const MAY_IT_GO: &str = "who_uses_key";
/// The argument that names a key.
pub const KEY: &str = "key";
const DAYS: &str = "days";
const DEFAULT_DAYS: u32 = 90;

pub fn list() -> Vec<Prompt> {
    let days =
        PromptArgument::new(DAYS).with_description("The age in days; the default is 90").with_required(false);
    let key = PromptArgument::new(KEY).with_description("The key's name or id").with_required(true);
    vec![
        Prompt::new(
            ROTATE_OLD,
            Some("Find keys that are older than a number of days, and rotate them one by one"),
            Some(vec![days]),
        )
        .with_title("Rotate keys that are older than …"),
        Prompt::new(MAY_IT_GO, Some("See who uses a key, and whether it can be revoked"), Some(vec![key]))
            .with_title("Who uses this key, and may it go?"),
    ]
}

pub fn get(name: &str, arguments: &JsonObject) -> Result<GetPromptResult, ErrorData> {
    let argument =
        |name: &str| arguments.get(name).and_then(Value::as_str).map(str::trim).unwrap_or_default();
    let text = match name {
        ROTATE_OLD => {
            let days: u32 = match argument(DAYS) {
                "" => DEFAULT_DAYS,
                text => text
                    .parse()
                    .map_err(|_| ErrorData::invalid_params("days: A whole number such as 90.", None))?,
            };
            format!(
                "Find the active keys that were created more than {days} days ago and not rotated since: list_keys with sort \
                 created shows the oldest first, and search_audit, if you have it, knows rotations (action key.rotated). \
                 For each one tell me its name, role and last use, and ask me whether to rotate it. Rotate with rotate_key, \
                 one key at a time, and give me the link. Before a rotation is finished, check with who_uses_key that \
                 nobody sends the old secret any more."
            )
        }
        MAY_IT_GO => match argument(KEY) {
            "" => return Err(ErrorData::invalid_params("key: Name the key.", None)),
            key => format!(
                "Who uses the key {key:?}, and can it be revoked? Look at get_key, key_usage (720 hours) and who_uses_key. \
                 Say who would stop working, when each was seen last, and whether you would revoke it, disable it first, or \
                 leave it. Change nothing before I agree."
            ),
        },
        _ => return Err(ErrorData::invalid_params("There is no such prompt.", None)),
    };
    Ok(GetPromptResult::new(vec![PromptMessage::new_text(Role::User, text)]))
}
