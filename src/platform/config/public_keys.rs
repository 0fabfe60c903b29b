//! The public keys with which somebody else signs requests to this server, in the form in which GitHub publishes them.

use std::fmt;

use data_encoding::BASE64;
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use serde::Deserialize;

use super::value::SettingValue;

/// The beginning of a P-256 key in DER (SubjectPublicKeyInfo). The uncompressed point follows.
const P256: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// The length of an uncompressed point.
const POINT: usize = 65;

#[derive(Clone)]
pub struct PublicKeys(Vec<NamedKey>);

#[derive(Clone)]
struct NamedKey {
    id: String,
    point: Vec<u8>,
}

/// `{"public_keys": [{"key_identifier": "…", "key": "-----BEGIN PUBLIC KEY-----…"}]}`
#[derive(Deserialize)]
struct KeyDocument {
    public_keys: Vec<DocumentKey>,
}

#[derive(Deserialize)]
struct DocumentKey {
    key_identifier: String,
    /// PEM.
    key: String,
}

impl PublicKeys {
    /// Whether the key with this id has signed the body: ECDSA with SHA-256, in ASN.1 and Base64.
    pub fn verify(&self, id: &str, signature: &str, body: &[u8]) -> bool {
        let Ok(signature) = BASE64.decode(signature.trim().as_bytes()) else { return false };
        let mut keys = self.0.iter().filter(|key| key.id == id);
        keys.any(|key| {
            UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &key.point).verify(body, &signature).is_ok()
        })
    }
}

impl fmt::Debug for PublicKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|key| &key.id)).finish()
    }
}

impl SettingValue for PublicKeys {
    /// The text is too long for a message.
    const SECRET: bool = true;
    const SUBJECT: &'static str = "the document";

    fn parse(text: &str) -> Result<Self, String> {
        let document: KeyDocument = serde_json::from_str(text)
            .map_err(|_| "is not JSON of the form {\"public_keys\": […]}".to_owned())?;
        if document.public_keys.is_empty() {
            return Err("has no public key".to_owned());
        }
        let key = |DocumentKey { key_identifier: id, key }: DocumentKey| match point(&key) {
            Some(point) => Ok(NamedKey { id, point }),
            None => Err("has a key that is not a P-256 key in PEM".to_owned()),
        };
        document.public_keys.into_iter().map(key).collect::<Result<_, _>>().map(Self)
    }
}

/// The point of a P-256 key in PEM.
fn point(pem: &str) -> Option<Vec<u8>> {
    let base64: String = pem.lines().map(str::trim).filter(|line| !line.starts_with("-----")).collect();
    let der = BASE64.decode(base64.as_bytes()).ok()?;
    let point = der.strip_prefix(&P256)?;
    (point.len() == POINT && point.first() == Some(&4)).then(|| point.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example in GitHub's documentation of its partner program.
    const ID: &str = "f9525bf080f75b3506ca1ead061add62b8633a346606dc5fe544e29231c6ee0d";
    const KEY: &str = "-----BEGIN PUBLIC KEY-----\\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEsz9ugWDj5jK5ELBK42ynytbo38gP\\nHzZFI03Exwz8Lh/tCfL3YxwMdLjB+bMznsanlhK0RwcGP3IDb34kQDIo3Q==\\n-----END PUBLIC KEY-----\\n";
    const SIGNATURE: &str =
        "MEUCIFLZzeK++IhS+y276SRk2Pe5LfDrfvTXu6iwKKcFGCrvAiEAhHN2kDOhy2I6eGkOFmxNkOJ+L2y8oQ9A2T9GGJo6WJY=";
    const BODY: &[u8] =
        br#"[{"token":"some_token","type":"some_type","url":"some_url","source":"some_source"}]"#;

    fn document(keys: &[(&str, &str)]) -> String {
        let keys = keys.iter().map(|(id, key)| {
            format!("{{\"key_identifier\": \"{id}\", \"key\": \"{key}\", \"is_current\": true}}")
        });
        format!("{{\"public_keys\": [{}]}}", keys.collect::<Vec<_>>().join(", "))
    }

    #[test]
    fn the_example_of_github_verifies() {
        let keys = PublicKeys::parse(&document(&[("other", KEY), (ID, KEY)])).expect("two keys");
        assert!(keys.verify(ID, SIGNATURE, BODY));
        assert!(!keys.verify(ID, SIGNATURE, b"[]"), "another body");
        assert!(!keys.verify("unknown", SIGNATURE, BODY), "another key");
        for wrong in ["", "MEUC", "?", &SIGNATURE.replace('L', "M")] {
            assert!(!keys.verify(ID, wrong, BODY), "{wrong}");
        }
    }

    #[test]
    fn only_lists_of_p256_keys_are_accepted() {
        for wrong in [
            "",
            "{}",
            "[]",
            "{\"public_keys\": []}",
            "x",
            &document(&[(ID, "x")]),
            &document(&[(ID, "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEsz9u")]),
            &document(&[(ID, KEY), (ID, "")]),
        ] {
            assert!(PublicKeys::parse(wrong).is_err(), "{wrong}");
        }
    }
}
