//! Step 4: parses and verifies an ID token, a signed JSON web token. Accepts only signatures by one of the provider's
//! asymmetric keys: the algorithm "none" and symmetric algorithms are rejected.

use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use crate::shared::Timestamp;

/// Tolerance for differing clocks.
const DRIFT: Duration = Duration::from_secs(60);

/// A public key of the provider (RFC 7517).
#[derive(Deserialize)]
pub struct SigningKey {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<serde_json::Value>,
}

/// A parsed token whose signature and claims are not verified yet.
pub struct Parsed<'a> {
    header: Header,
    signed: &'a str,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

/// The values that the token's claims must have.
pub struct ExpectedClaims<'a> {
    pub issuer: &'a str,
    pub audience: &'a str,
    pub nonce: &'a str,
    pub now: Timestamp,
}

#[derive(Deserialize)]
pub struct Claims {
    iss: String,
    pub sub: String,
    aud: AudienceClaim,
    azp: Option<String>,
    exp: f64,
    iat: f64,
    nbf: Option<f64>,
    nonce: Option<String>,
    pub email: Option<String>,
    #[serde(default, deserialize_with = "lenient_bool")]
    pub email_verified: bool,
    pub name: Option<String>,
    pub preferred_username: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum AudienceClaim {
    One(String),
    Several(Vec<String>),
}

/// Accepts `true` and `"true"`, because some providers send booleans as text. Any other value counts as false.
pub fn lenient_bool<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(value == true || value == "true")
}

/// Splits the token into its three parts, separated by dots.
pub fn parse(token: &str) -> Result<Parsed<'_>, String> {
    let malformed = || "the token has not three parts separated by dots".to_owned();
    let (signed, signature) = token.rsplit_once('.').ok_or_else(malformed)?;
    let (header, payload) = signed.split_once('.').ok_or_else(malformed)?;
    let decode = |part: &str| {
        BASE64URL_NOPAD.decode(part.as_bytes()).map_err(|_| "a part of the token is not base64url".to_owned())
    };
    let header: Header = json(&decode(header)?, "the token's header")?;
    Ok(Parsed { header, signed, payload: decode(payload)?, signature: decode(signature)? })
}

fn json<T: DeserializeOwned>(bytes: &[u8], what: &str) -> Result<T, String> {
    serde_json::from_slice(bytes).map_err(|error| format!("cannot parse {what}: {error}"))
}

impl Parsed<'_> {
    pub fn kid(&self) -> Option<&str> {
        self.header.kid.as_deref()
    }

    /// Returns the claims if a key of the provider signed them and they match the expected values.
    pub fn verified(&self, keys: &[SigningKey], expected: &ExpectedClaims<'_>) -> Result<Claims, String> {
        if self.header.crit.is_some() {
            return Err("the token requires extensions that are not supported".to_owned());
        }
        let alg = self.header.alg.as_str();
        let candidates = keys.iter().filter(|key| {
            let has_id = self.kid().is_none_or(|kid| key.has_id(kid));
            has_id && key.supports(alg)
        });
        let mut candidates = candidates.peekable();
        if candidates.peek().is_none() {
            return Err(format!("the provider has no matching key for the algorithm {alg:.20}"));
        }
        if !candidates.any(|key| key.has_signed(alg, self.signed.as_bytes(), &self.signature)) {
            return Err("the signature is wrong".to_owned());
        }
        let claims: Claims = json(&self.payload, "the claims")?;
        claims.check(expected)?;
        Ok(claims)
    }
}

impl Claims {
    fn check(&self, expected: &ExpectedClaims<'_>) -> Result<(), String> {
        if self.iss != expected.issuer {
            return Err(format!("the issuer is {:.200}", self.iss));
        }
        let (is_ours, several) = match &self.aud {
            AudienceClaim::One(aud) => (aud == expected.audience, false),
            AudienceClaim::Several(all) => (all.iter().any(|aud| aud == expected.audience), all.len() > 1),
        };
        // A token with several audiences must name this client as the authorized party.
        let authorized_party = self.azp.as_deref();
        if !is_ours || authorized_party.map_or(several, |azp| azp != expected.audience) {
            return Err("the token is for another client".to_owned());
        }
        if self.nonce.as_deref() != Some(expected.nonce) {
            return Err("the nonce belongs to another sign-in".to_owned());
        }
        let (now, drift) = (expected.now.millis() as f64 / 1_000.0, DRIFT.as_secs_f64());
        if self.exp + drift <= now {
            return Err("the token has expired".to_owned());
        }
        if self.iat - drift > now || self.nbf.is_some_and(|nbf| nbf - drift > now) {
            return Err("the token is not valid yet".to_owned());
        }
        if self.sub.is_empty() || self.sub.len() > 255 || self.sub.chars().any(char::is_control) {
            return Err("the subject is empty, too long or has control characters".to_owned());
        }
        Ok(())
    }
}

impl SigningKey {
    pub fn has_id(&self, kid: &str) -> bool {
        self.kid.as_deref() == Some(kid)
    }

    /// Returns true if the key's type, curve and declared use allow this signature algorithm.
    fn supports(&self, alg: &str) -> bool {
        let is_absent_or =
            |field: &Option<String>, value: &str| field.as_deref().is_none_or(|text| text == value);
        let curve = self.crv.as_deref();
        let has_key_type = match alg {
            "RS256" | "RS384" | "RS512" | "PS256" | "PS384" | "PS512" => self.kty == "RSA",
            "ES256" => self.kty == "EC" && curve == Some("P-256"),
            "ES384" => self.kty == "EC" && curve == Some("P-384"),
            "EdDSA" => self.kty == "OKP" && curve == Some("Ed25519"),
            _ => false,
        };
        has_key_type && is_absent_or(&self.alg, alg) && is_absent_or(&self.purpose, "sig")
    }

    fn has_signed(&self, alg: &str, message: &[u8], signature: &[u8]) -> bool {
        match alg {
            "RS256" => self.verify_rsa(&signature::RSA_PKCS1_2048_8192_SHA256, message, signature),
            "RS384" => self.verify_rsa(&signature::RSA_PKCS1_2048_8192_SHA384, message, signature),
            "RS512" => self.verify_rsa(&signature::RSA_PKCS1_2048_8192_SHA512, message, signature),
            "PS256" => self.verify_rsa(&signature::RSA_PSS_2048_8192_SHA256, message, signature),
            "PS384" => self.verify_rsa(&signature::RSA_PSS_2048_8192_SHA384, message, signature),
            "PS512" => self.verify_rsa(&signature::RSA_PSS_2048_8192_SHA512, message, signature),
            "ES256" => self.verify_ecdsa(&signature::ECDSA_P256_SHA256_FIXED, 32, message, signature),
            "ES384" => self.verify_ecdsa(&signature::ECDSA_P384_SHA384_FIXED, 48, message, signature),
            "EdDSA" => match number(&self.x) {
                Some(x) => UnparsedPublicKey::new(&signature::ED25519, x).verify(message, signature).is_ok(),
                None => false,
            },
            _ => false,
        }
    }

    fn verify_rsa(
        &self,
        algorithm: &'static signature::RsaParameters,
        message: &[u8],
        signature: &[u8],
    ) -> bool {
        let (Some(n), Some(e)) = (number(&self.n), number(&self.e)) else { return false };
        // Some providers send leading zeros, which ring rejects.
        let strip = |bytes: Vec<u8>| bytes.iter().copied().skip_while(|byte| *byte == 0).collect::<Vec<u8>>();
        let key = RsaPublicKeyComponents { n: strip(n), e: strip(e) };
        key.verify(algorithm, message, signature).is_ok()
    }

    /// Verifies the signature with the public point, whose coordinates have `width` bytes each.
    fn verify_ecdsa(
        &self,
        algorithm: &'static dyn VerificationAlgorithm,
        width: usize,
        message: &[u8],
        signature: &[u8],
    ) -> bool {
        let (Some(x), Some(y)) = (number(&self.x), number(&self.y)) else { return false };
        if x.len() != width || y.len() != width {
            return false;
        }
        let point = [&[4], x.as_slice(), y.as_slice()].concat();
        UnparsedPublicKey::new(algorithm, point).verify(message, signature).is_ok()
    }
}

fn number(text: &Option<String>) -> Option<Vec<u8>> {
    BASE64URL_NOPAD.decode(text.as_ref()?.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
    use serde_json::{Value, json};

    const NOW: Timestamp = Timestamp::from_millis(1_795_168_800_000);
    const SECONDS: i64 = 1_795_168_800;

    struct Signer(EcdsaKeyPair);

    impl Signer {
        fn new() -> Self {
            let (random, alg) = (SystemRandom::new(), &ECDSA_P256_SHA256_FIXED_SIGNING);
            let pkcs8 = EcdsaKeyPair::generate_pkcs8(alg, &random).expect("a key");
            Self(EcdsaKeyPair::from_pkcs8(alg, pkcs8.as_ref(), &random).expect("a key"))
        }

        fn key(&self) -> Value {
            let point = self.0.public_key().as_ref();
            let encode = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
            json!({ "kty": "EC", "crv": "P-256", "kid": "a", "x": encode(&point[1..33]), "y": encode(&point[33..]) })
        }

        fn token(&self, header: &Value, claims: &Value) -> String {
            let part = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
            let signed = format!("{}.{}", part(header), part(claims));
            let signature = self.0.sign(&SystemRandom::new(), signed.as_bytes()).expect("a signature");
            format!("{signed}.{}", BASE64URL_NOPAD.encode(signature.as_ref()))
        }
    }

    fn keys(keys: &[Value]) -> Vec<SigningKey> {
        keys.iter().map(|key| serde_json::from_value(key.clone()).expect("a key")).collect()
    }

    fn verify(token: &str, keys: &[SigningKey]) -> Result<String, String> {
        let expected =
            ExpectedClaims { issuer: "https://id.example", audience: "latchkey", nonce: "n", now: NOW };
        parse(token)?.verified(keys, &expected).map(|claims| claims.sub)
    }

    fn valid_claims() -> Value {
        json!({ "iss": "https://id.example", "aud": "latchkey", "sub": "alice", "nonce": "n", "iat": SECONDS, "exp": SECONDS + 60 })
    }

    fn claims_with(name: &str, value: Value) -> Value {
        let mut claims = valid_claims();
        claims[name] = value;
        claims
    }

    /// Signatures that another implementation made with each algorithm. Each key verifies only its own algorithm.
    #[test]
    fn signatures_by_another_implementation_are_verified() {
        let fixture: Value =
            serde_json::from_str(include_str!("../../../tests/oauth/signatures.json")).expect("JSON");
        let message = fixture["message"].as_str().expect("a message").as_bytes();
        let signatures = fixture["signatures"].as_array().expect("a list");
        assert_eq!(signatures.len(), 6);
        for one in signatures {
            let alg = one["alg"].as_str().expect("an algorithm");
            let key = &keys(std::slice::from_ref(&one["key"]))[0];
            let mut signature = number(&one["signature"].as_str().map(str::to_owned)).expect("bytes");
            assert!(key.supports(alg) && key.has_signed(alg, message, &signature), "{alg}");
            for other in
                ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA", "none"]
            {
                assert_eq!(key.has_signed(other, message, &signature), other == alg, "{alg} as {other}");
            }
            assert!(!key.has_signed(alg, b"another message", &signature), "{alg}");
            signature[10] ^= 1;
            assert!(!key.has_signed(alg, message, &signature), "{alg}");
        }
    }

    #[test]
    fn claims_for_another_client_or_time_are_rejected() {
        let signer = Signer::new();
        let keys = keys(&[signer.key()]);
        let header = json!({ "alg": "ES256", "kid": "a" });
        let check = |claims: &Value| verify(&signer.token(&header, claims), &keys);
        assert_eq!(check(&valid_claims()), Ok("alice".to_owned()));
        assert!(check(&claims_with("aud", json!(["latchkey"]))).is_ok());
        let mut several_audiences = claims_with("aud", json!(["latchkey", "other"]));
        assert!(check(&several_audiences).is_err(), "several audiences without an authorized party");
        several_audiences["azp"] = json!("latchkey");
        assert!(check(&several_audiences).is_ok());
        for (name, value) in [
            ("iss", json!("https://id.example/")),
            ("iss", json!(null)),
            ("aud", json!("other")),
            ("aud", json!([])),
            ("azp", json!("other")),
            ("nonce", json!("m")),
            ("nonce", json!(null)),
            ("exp", json!(SECONDS - 61)),
            ("exp", json!("tomorrow")),
            ("exp", json!(null)),
            ("iat", json!(SECONDS + 61)),
            ("nbf", json!(SECONDS + 61)),
            ("sub", json!("")),
            ("sub", json!(7)),
            ("sub", json!("a\u{0}b")),
            ("sub", json!("x".repeat(256))),
        ] {
            assert!(check(&claims_with(name, value.clone())).is_err(), "{name}: {value}");
        }
        assert!(check(&claims_with("exp", json!(SECONDS - 59))).is_ok(), "clocks differ");
    }

    #[test]
    fn only_signatures_by_the_providers_keys_are_accepted() {
        let (signer, other) = (Signer::new(), Signer::new());
        let provider_keys = keys(&[signer.key()]);
        let header = json!({ "alg": "ES256", "kid": "a" });
        assert!(verify(&other.token(&header, &valid_claims()), &provider_keys).is_err(), "another key");
        let good = signer.token(&header, &valid_claims());
        assert!(verify(&good, &provider_keys).is_ok() && verify(&good, &[]).is_err());
        let (_, signature) = good.rsplit_once('.').expect("a signature");
        let forged = claims_with("sub", json!("mallory"));
        let payload = BASE64URL_NOPAD.encode(forged.to_string().as_bytes());
        let head = good.split('.').next().expect("a header");
        assert!(verify(&format!("{head}.{payload}.{signature}"), &provider_keys).is_err(), "other claims");
        for header in [
            json!({ "alg": "none" }),
            json!({ "alg": "HS256", "kid": "a" }),
            json!({ "alg": "RS256", "kid": "a" }),
            json!({ "alg": "ES256", "kid": "b" }),
            json!({ "alg": "ES256", "kid": "a", "crit": ["x"] }),
        ] {
            assert!(verify(&signer.token(&header, &valid_claims()), &provider_keys).is_err(), "{header}");
        }
        let mut for_encryption = signer.key();
        for_encryption["use"] = json!("enc");
        assert!(verify(&good, &keys(&[for_encryption])).is_err());
        let unsigned = signer.token(&json!({ "alg": "none" }), &valid_claims());
        let (bare, _) = unsigned.rsplit_once('.').expect("a signature");
        for malformed in ["", ".", "..", "...", "a.b.c", &format!("{bare}."), "é.é.é"] {
            assert!(verify(malformed, &provider_keys).is_err(), "{malformed}");
        }
    }
}
