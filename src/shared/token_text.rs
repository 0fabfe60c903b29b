//! Finds whole keys in other text by their form, because people paste them into names, notes and searches.

use super::{Kind, SecretId};

/// With this many characters of a secret, somebody could guess the missing ones.
const GUESSABLE_LENGTH: usize = 32;
/// The length of a whole secret, without its checksum.
const SECRET_LENGTH: usize = 43;

/// Why a text is refused. It does not repeat the text.
pub const TOKEN_IN_TEXT: &str =
    "This contains a whole API key. Remove it, and rotate that key if anybody else may have seen it.";

/// Whether the text contains something of the form `<prefix>_<public id>_<secret and checksum>`. The checksum is not compared, and a
/// part of the secret may be missing, because a key that was mistyped or truncated still has most of its secret. A whole secret
/// without its prefix is found too. Characters that look alike count as the same.
pub fn contains_token(text: &str) -> bool {
    let text: String = text.chars().filter(|c| !is_invisible(*c)).map(plain).collect();
    let bytes = text.as_bytes();
    let has_prefix = Kind::ALL.into_iter().any(|kind| {
        text.match_indices(kind.prefix()).any(|(at, prefix)| {
            let after = bytes.get(at + prefix.len()..).unwrap_or_default();
            after.strip_prefix(b"_").is_some_and(|after| is_secret(after, GUESSABLE_LENGTH))
        })
    });
    has_prefix || (0..bytes.len()).any(|at| is_secret(&bytes[at..], SECRET_LENGTH))
}

/// The same for a text of a stranger: also finds a token that is percent-encoded, or whose characters are separated by others.
pub fn hides_token(text: &str) -> bool {
    /// A text can be encoded several times, for example as part of an address in another one.
    const MAX_ROUNDS: usize = 4;
    let mut text = text.to_owned();
    for _ in 0..MAX_ROUNDS {
        let letters: String = text.chars().map(plain).filter(char::is_ascii_alphanumeric).collect();
        let joined: String =
            text.chars().map(plain).filter(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        if contains_token(&text) || contains_token(&joined) || has_unseparated_token(&letters) {
            return true;
        }
        match percent_decoded(&text) {
            Some(decoded) => text = decoded,
            None => return false,
        }
    }
    false
}

/// Whether the letters and digits of a token, with its prefix, are in the text. Short prefixes are part of many words.
fn has_unseparated_token(letters: &str) -> bool {
    const LENGTH: usize = SecretId::LENGTH + SECRET_LENGTH;
    let long_prefixes = Kind::ALL.into_iter().map(Kind::prefix).filter(|prefix| prefix.contains('_'));
    long_prefixes.map(|prefix| prefix.replace('_', "")).any(|prefix| {
        letters.match_indices(&prefix).any(|(at, _)| letters.len() - at - prefix.len() >= LENGTH)
    })
}

/// None when nothing is encoded.
fn percent_decoded(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let hex = |at: usize| char::from(*bytes.get(at)?).to_digit(16);
    let (mut decoded, mut at, mut is_changed) = (Vec::with_capacity(bytes.len()), 0, false);
    while let Some(byte) = bytes.get(at) {
        match (byte, hex(at + 1), hex(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                // Two digits of 16 fit into a byte.
                decoded.push((high * 16 + low) as u8);
                is_changed = true;
                at += 3;
            }
            _ => {
                decoded.push(*byte);
                at += 1;
            }
        }
    }
    is_changed.then(|| String::from_utf8_lossy(&decoded).into_owned())
}

/// The ASCII character for its fullwidth form, and an underscore for all lines and hyphens.
fn plain(c: char) -> char {
    let c = match c {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
        _ => c,
    };
    match c {
        '-' | '\u{2010}'..='\u{2015}' | '\u{2017}' | '\u{203F}' | '\u{2212}' => '_',
        '\u{FE33}' | '\u{FE34}' | '\u{FE4D}'..='\u{FE4F}' | '\u{FE58}' | '\u{FE63}' => '_',
        _ => c,
    }
}

/// Whether a character changes the direction of text, breaks lines or is invisible, so that two names could look the same.
pub fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}'
    )
}

/// Whether the bytes begin with a public id and at least `min` characters of a secret.
fn is_secret(bytes: &[u8], min: usize) -> bool {
    let Some((id, after)) = bytes.split_at_checked(SecretId::LENGTH) else { return false };
    let secret = after.strip_prefix(b"_").and_then(|after| after.get(..min));
    id.iter().all(u8::is_ascii_alphanumeric)
        && secret.is_some_and(|secret| secret.iter().all(u8::is_ascii_alphanumeric))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fullwidth(c: char) -> char {
        char::from_u32(u32::from(c) + 0xFEE0).expect("a character")
    }

    #[test]
    fn whole_keys_are_found_anywhere_in_a_text() {
        for kind in Kind::ALL {
            let token = format!("{}_0AZaz9b8C7d6_{}", kind.prefix(), "k".repeat(49));
            for text in [
                token.clone(),
                format!("Bearer {token}"),
                format!("X_{token}"),
                format!("{token}x"),
                token[..token.len() - 6].to_owned(),
                token[..token.len() - 17].to_owned(),
                token.trim_start_matches(kind.prefix()).to_owned(),
                format!("é{token}é"),
                format!("{}_ {token}", kind.prefix()),
                format!("{0}_{0}_{token}", kind.prefix()),
                token.replace('_', "-"),
                token.replace('_', "\u{2013}"),
                token.replacen('_', "\u{FF3F}", 1),
                token.chars().map(fullwidth).collect(),
                token.replace("kkkk", "k\u{200B}k\u{AD}kk"),
            ] {
                assert!(contains_token(&text), "{text}");
            }
            for text in [
                String::new(),
                kind.prefix().to_owned(),
                token[..token.len() - 18].to_owned(),
                token.replace("kkk", "k_k"),
                format!("{}_8fK2 is the old one", kind.prefix()),
                format!("{}_0AZaz9b8C7é", kind.prefix()),
                token.replace('_', " "),
                "0AZaz9b8C7d6-0AZaz9b8C7d6-0AZaz9b8C7d6".to_owned(),
            ] {
                assert!(!contains_token(&text), "{text}");
            }
        }
    }
}
