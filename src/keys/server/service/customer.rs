//! The fields of keys that are handed to customers: owner, metadata, permissions and quota. Only admins and owners set them.

use serde_json::Value;

use super::refusal::Refusal;
use crate::audit::Event;
use crate::keys::server::{Customer, KeyQuota};
use crate::keys::{MAX_METADATA, MAX_QUOTA, QuotaPeriod, check_external_id};
use crate::permissions::model::MAX_PERMISSIONS_PER_KEY;
use crate::permissions::server as permissions;
use crate::platform::db::Write;
use crate::shared::{OrgId, PermissionId, TOKEN_IN_TEXT, contains_token};

/// Deeper metadata is refused.
const MAX_DEPTH: usize = 8;

/// The requested fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CustomerDraft {
    pub external_id: String,
    /// A JSON object as text, or nothing.
    pub metadata: String,
    pub permissions: Vec<String>,
    pub quota: Option<QuotaDraft>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaDraft {
    pub limit: i64,
    pub period: QuotaPeriod,
}

impl CustomerDraft {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The current fields of a key, for edits that change some of them.
    pub fn of(customer: &Customer) -> Self {
        Self {
            external_id: customer.external_id.clone().unwrap_or_default(),
            metadata: customer.metadata.clone().unwrap_or_default(),
            permissions: customer.permissions.clone(),
            quota: customer.quota.map(|KeyQuota { limit, period }| QuotaDraft {
                limit: i64::try_from(limit).unwrap_or(i64::MAX),
                period,
            }),
        }
    }

    /// Validates all fields. Whether the permissions are listed is looked up later, in the transaction.
    pub fn check(&self, wrong: &mut Vec<(&'static str, String)>) -> Customer {
        let mut take = |field, checked: Result<Option<String>, String>| {
            checked.unwrap_or_else(|why| {
                wrong.push((field, why));
                None
            })
        };
        let external_id = take("external_id", check_external_id(&self.external_id));
        let metadata = take("metadata", check_metadata(&self.metadata));
        let mut permissions: Vec<String> =
            self.permissions.iter().map(|name| name.trim().to_owned()).collect();
        permissions.sort_unstable();
        permissions.dedup();
        if permissions.len() > MAX_PERMISSIONS_PER_KEY {
            wrong.push(("permissions", format!("A key has at most {MAX_PERMISSIONS_PER_KEY} permissions.")));
        }
        let quota = self.quota.as_ref().and_then(|quota| {
            let limit = u64::try_from(quota.limit).ok().filter(|_| (1..=MAX_QUOTA).contains(&quota.limit));
            if limit.is_none() {
                wrong.push(("quota", "Enter a quota from 1 to 1,000,000,000,000.".to_owned()));
            }
            limit.map(|limit| KeyQuota { limit, period: quota.period })
        });
        Customer { external_id, metadata, permissions, quota }
    }
}

/// The ids of permissions by name. Refuses names that the organization does not list.
pub async fn resolve_permissions(
    write: &mut Write,
    org: OrgId,
    names: &[String],
) -> Result<Vec<PermissionId>, Refusal> {
    let ids = permissions::ids_of_names(write, org, names).await?;
    match names.iter().find(|name| !ids.contains_key(*name)) {
        None => Ok(ids.into_values().collect()),
        Some(unknown) => {
            let unknown: String = unknown.chars().take(40).collect();
            let why =
                format!("\"{unknown}\" is not listed in Settings, Permissions. Admins add names there.");
            Err(Refusal::Input(vec![("permissions", why)]))
        }
    }
}

/// Adds the fields that are set to the event of a new key.
pub fn customer_details(customer: &Customer, event: Event) -> Event {
    let Customer { external_id, metadata, permissions, quota } = customer;
    let text = |event: Event, name, value: &Option<String>| match value {
        Some(value) => event.detail(name, value.clone()),
        None => event,
    };
    let event = text(text(event, "external_id", external_id), "metadata", metadata);
    let event = if permissions.is_empty() { event } else { event.detail("permissions", permissions.clone()) };
    match quota {
        Some(quota) => event.detail("quota", quota.to_string()),
        None => event,
    }
}

/// Metadata as compact JSON. None when it is empty.
fn check_metadata(text: &str) -> Result<Option<String>, String> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    if contains_token(text) {
        return Err(TOKEN_IN_TEXT.to_owned());
    }
    if text.len() > 4 * MAX_METADATA {
        return Err("Metadata has at most 4 KiB.".to_owned());
    }
    let too_deep = || format!("Metadata is nested at most {MAX_DEPTH} deep.");
    let value: Value = serde_json::from_str(text).map_err(|error| match error.classify() {
        // The parser has a limit of its own.
        serde_json::error::Category::Syntax if error.to_string().contains("recursion") => too_deep(),
        _ => format!("Enter a JSON object such as {{\"tier\": \"gold\"}}: {error}."),
    })?;
    let Value::Object(object) = &value else {
        return Err("Enter a JSON object such as {\"tier\": \"gold\"}.".to_owned());
    };
    if object.is_empty() {
        return Ok(None);
    }
    if depth(&value) > MAX_DEPTH {
        return Err(too_deep());
    }
    if has_null_character(&value) {
        return Err("Metadata has no NUL characters.".to_owned());
    }
    let compact = value.to_string();
    if compact.len() > MAX_METADATA {
        return Err("Metadata has at most 4 KiB.".to_owned());
    }
    Ok(Some(compact))
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(values) => 1 + values.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

fn has_null_character(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(values) => values.iter().any(has_null_character),
        Value::Object(fields) => {
            fields.iter().any(|(name, value)| name.contains('\0') || has_null_character(value))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_a_small_flat_object() {
        assert_eq!(check_metadata(" "), Ok(None));
        assert_eq!(check_metadata("{}"), Ok(None));
        assert_eq!(
            check_metadata(r#"{ "b": 1, "a": [true] }"#),
            Ok(Some(r#"{"a":[true],"b":1}"#.to_owned()))
        );
        let of_length = |length: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(length - 8));
        assert!(check_metadata(&of_length(MAX_METADATA)).is_ok());
        assert!(check_metadata(&of_length(MAX_METADATA + 1)).is_err());
        let nested = |levels: usize| format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels));
        assert!(check_metadata(&nested(MAX_DEPTH)).is_ok());
        for wrong in [
            "1",
            "[]",
            "null",
            "\"a\"",
            "{",
            "tier: gold",
            "{\"a\":1}{",
            r#"{"a":"\u0000"}"#,
            r#"{"\u0000":1}"#,
            &nested(MAX_DEPTH + 1),
            &nested(1_000),
        ] {
            assert!(check_metadata(wrong).is_err(), "{wrong:.40}");
        }
    }

    #[test]
    fn quotas_have_a_range() {
        for (limit, is_right) in [(0, false), (-1, false), (1, true), (MAX_QUOTA, true), (1 << 53, false)] {
            let quota = Some(QuotaDraft { limit, period: QuotaPeriod::Day });
            let mut wrong = Vec::new();
            let checked = CustomerDraft { quota, ..CustomerDraft::default() }.check(&mut wrong);
            assert_eq!((checked.quota.is_some(), wrong.is_empty()), (is_right, is_right), "{limit}");
        }
    }
}
