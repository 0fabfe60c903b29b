//! Whole keys inside other text, found by their form alone: people paste them into names, notes and searches.

use super::{Kind, SecretId};

/// Characters of the secret and its checksum.
const REST: usize = 49;

/// Why a text is refused. It does not repeat the text.
pub const TOKEN_IN_TEXT: &str =
    "This contains a whole API key. Remove it, and rotate that key if anybody else may have seen it.";

/// Does the text contain something of the form `<prefix>_<public id>_<secret and checksum>`? The checksum is not
/// compared, since a key with a typo still has most of its secret.
pub fn contains_token(text: &str) -> bool {
    Kind::ALL.into_iter().any(|kind| {
        text.match_indices(kind.prefix()).any(|(at, prefix)| {
            let rest = text.as_bytes().get(at + prefix.len()..).unwrap_or_default();
            is_tail(rest)
        })
    })
}

fn is_tail(bytes: &[u8]) -> bool {
    let Some(rest) = bytes.strip_prefix(b"_") else { return false };
    let Some((id, rest)) = rest.split_at_checked(SecretId::LENGTH) else { return false };
    let secret = rest.strip_prefix(b"_").and_then(|rest| rest.get(..REST));
    id.iter().all(u8::is_ascii_alphanumeric)
        && secret.is_some_and(|secret| secret.iter().all(u8::is_ascii_alphanumeric))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_keys_are_found_wherever_they_stand() {
        for kind in Kind::ALL {
            let token = format!("{}_0AZaz9b8C7d6_{}", kind.prefix(), "k".repeat(REST));
            for text in [
                token.clone(),
                format!("Bearer {token}"),
                format!("X_{token}"),
                format!("{token}x"),
                format!("é{token}é"),
                format!("{}_ {token}", kind.prefix()),
                format!("{0}_{0}_{token}", kind.prefix()),
            ] {
                assert!(contains_token(&text), "{text}");
            }
            for text in [
                String::new(),
                kind.prefix().to_owned(),
                token[..token.len() - 1].to_owned(),
                token[1..].to_owned(),
                token.replace("_0", "-0"),
                token.replace("kkk", "k_k"),
                format!("{}_8fK2 is the old one", kind.prefix()),
                format!("{}_0AZaz9b8C7é", kind.prefix()),
            ] {
                assert!(!contains_token(&text), "{text}");
            }
        }
    }
}
