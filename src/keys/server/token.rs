//! Tokens: `<prefix>_<secret id>_<secret><checksum>`. The checksum makes it possible to refuse typos, truncations and random
//! strings without a look-up, and helps scanners to find leaked tokens. It proves nothing.

use std::fmt;

use crate::platform::{Random, Secret};
use crate::shared::{Kind, SecretId};

const SECRET: usize = 43;
const CHECKSUM: usize = 6;
const TAIL: usize = 1 + SecretId::LENGTH + 1 + SECRET + CHECKSUM;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The regular expression of a token, for scanners of logs and repositories. The README publishes it.
pub const PATTERN: &str = "\\b(?:ak_(?:live|test|claw)|sk_live|amt)_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}\\b";

/// A text with the right form and checksum. It may still belong to no key.
#[derive(Clone, Copy)]
pub struct Token<'a> {
    whole: &'a str,
    kind: Kind,
    id: SecretId,
}

impl<'a> Token<'a> {
    /// Checks length, shape and checksum. This costs no more than reading the text.
    pub fn parse(text: &'a str) -> Option<Self> {
        let prefix = text.get(..text.len().checked_sub(TAIL)?)?;
        let kind = Kind::ALL.into_iter().find(|kind| kind.prefix() == prefix)?;
        let tail = text.as_bytes().get(kind.prefix().len()..)?;
        let (id, secret) = tail.strip_prefix(b"_")?.split_at(SecretId::LENGTH);
        let id = SecretId::parse(str::from_utf8(id).ok()?)?;
        if !secret.strip_prefix(b"_")?.iter().all(u8::is_ascii_alphanumeric) {
            return None;
        }
        let (body, sum) = text.split_at(text.len() - CHECKSUM);
        (sum.as_bytes() == checksum(body)).then_some(Self { whole: text, kind, id })
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    pub fn id(&self) -> SecretId {
        self.id
    }

    /// Everything but the checksum, which is computed from it. It is no longer than one block of common hashes.
    pub fn body(&self) -> &'a str {
        &self.whole[..self.whole.len() - CHECKSUM]
    }

    /// The confidential part.
    pub fn secret(&self) -> &'a str {
        &self.body()[self.whole.len() - CHECKSUM - SECRET..]
    }
}

impl fmt::Debug for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({}_{}…)", self.kind.prefix(), self.id)
    }
}

/// A new token. It is shown once and not stored.
pub struct NewToken {
    plain: Secret,
    id: SecretId,
}

impl NewToken {
    pub fn generate(random: &Random, kind: Kind) -> Self {
        let id = random.base62(SecretId::LENGTH);
        let body = format!("{}_{id}_{}", kind.prefix(), random.base62(SECRET));
        let sum = checksum(&body);
        let id = SecretId::parse(&id).expect("twelve characters of base62");
        Self { plain: Secret::new(body + str::from_utf8(&sum).expect("base62 is ASCII")), id }
    }

    pub fn id(&self) -> SecretId {
        self.id
    }

    pub fn token(&self) -> Token<'_> {
        Token::parse(self.plain.expose()).expect("a generated token has the right form")
    }

    pub fn into_secret(self) -> Secret {
        self.plain
    }
}

/// A token of the right form that belongs to no key.
#[cfg(test)]
pub fn fresh_token(random: &Random, kind: Kind) -> String {
    NewToken::generate(random, kind).into_secret().expose().to_owned()
}

/// A token with the given public id and a random secret.
#[cfg(test)]
pub fn forged_token(random: &Random, kind: Kind, id: SecretId) -> String {
    let body = format!("{}_{id}_{}", kind.prefix(), random.base62(SECRET));
    let sum = checksum(&body);
    body + str::from_utf8(&sum).expect("base62 is ASCII")
}

/// CRC-32 in base 62, the most significant digit first.
fn checksum(body: &str) -> [u8; CHECKSUM] {
    let mut number = crc32fast::hash(body.as_bytes());
    let mut text = [b'0'; CHECKSUM];
    for digit in text.iter_mut().rev() {
        *digit = BASE62[(number % 62) as usize];
        number /= 62;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens() -> impl Iterator<Item = String> {
        let random = Random::seeded(5);
        (0..500).map(move |turn| {
            NewToken::generate(&random, Kind::ALL[turn % 5]).into_secret().expose().to_owned()
        })
    }

    #[test]
    fn a_generated_token_parses() {
        for text in tokens() {
            let token = Token::parse(&text).expect("a token");
            let (prefix, tail) = text.split_at(token.kind().prefix().len());
            assert_eq!(prefix, token.kind().prefix());
            assert_eq!(tail, format!("_{}_{}{}", token.id(), token.secret(), &text[text.len() - 6..]));
            assert!(!format!("{token:?}").contains(token.secret()));
        }
    }

    #[test]
    fn every_changed_character_is_detected() {
        for text in tokens().take(20) {
            for at in 0..text.len() {
                for other in ['0', 'A', 'z', '_', ' ', 'é', '\0'] {
                    let mut changed = text.clone();
                    changed.replace_range(at..=at, other.encode_utf8(&mut [0; 4]));
                    assert_eq!(Token::parse(&changed).is_some(), changed == text, "{changed}");
                }
                assert!(Token::parse(&text[..at]).is_none());
                assert!(Token::parse(&text[at + 1..]).is_none());
            }
            for longer in [format!("{text}0"), format!(" {text}"), format!("{text}\n")] {
                assert!(Token::parse(&longer).is_none());
            }
        }
    }

    #[test]
    fn random_text_of_the_right_length_is_no_token() {
        let random = Random::seeded(6);
        for kind in Kind::ALL {
            for _ in 0..2_000 {
                let text = format!("{}_{}_{}", kind.prefix(), random.base62(12), random.base62(49));
                assert!(Token::parse(&text).is_none());
            }
            for fill in ["é", "_", "\0", "🔑"] {
                let text = fill.repeat(80);
                for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
                    assert!(Token::parse(&text[..end]).is_none());
                }
            }
        }
    }

    #[test]
    fn the_published_pattern_matches_every_token_and_nothing_shorter() {
        assert!(include_str!("../../../README.md").contains(PATTERN), "README publishes another");
        let pattern = regex::Regex::new(PATTERN).expect("an expression");
        for text in tokens() {
            let log = format!("key={text}; next");
            assert_eq!(pattern.find(&log).map(|found| found.as_str()), Some(text.as_str()));
            assert!(!pattern.is_match(&text[..text.len() - 1]));
            assert!(!pattern.is_match(&text[1..]));
        }
    }
}
