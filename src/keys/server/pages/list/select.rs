//! The selected keys of the list.

use super::query::ROWS;
use crate::shared::KeyId;

/// The selected keys without duplicates, at most one page of them.
pub fn keys_of(pairs: &[(String, String)]) -> Vec<KeyId> {
    let mut keys: Vec<KeyId> = Vec::new();
    for (_, id) in pairs.iter().filter(|(name, _)| name == "key").take(ROWS) {
        if let Some(key) = KeyId::parse(id).filter(|key| !keys.contains(key)) {
            keys.push(key);
        }
    }
    keys
}
