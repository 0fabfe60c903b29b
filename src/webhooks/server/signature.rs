//! Signatures as in Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`, with a secret written as `whsec_` and base64.

use data_encoding::BASE64;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::platform::{Random, Secret};
use crate::shared::Timestamp;

const PREFIX: &str = "whsec_";

/// Makes a signing secret of 32 random bytes.
pub fn new_secret(random: &Random) -> Secret {
    Secret::new(format!("{PREFIX}{}", BASE64.encode(&random.bytes::<32>())))
}

/// The value of the header `webhook-signature`: one signature for each secret, separated by spaces. A secret that cannot be
/// read gives none.
pub fn sign<'a>(
    secrets: impl IntoIterator<Item = &'a Secret>,
    id: &str,
    at: Timestamp,
    body: &str,
) -> String {
    let content = format!("{id}.{}.{body}", seconds(at));
    let signatures = secrets.into_iter().filter_map(|secret| {
        let key = BASE64.decode(secret.expose().strip_prefix(PREFIX)?.as_bytes()).ok()?;
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
        mac.update(content.as_bytes());
        Some(format!("v1,{}", BASE64.encode(&mac.finalize().into_bytes())))
    });
    signatures.collect::<Vec<_>>().join(" ")
}

/// The value of the header `webhook-timestamp`.
pub fn seconds(at: Timestamp) -> i64 {
    at.millis().div_euclid(1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's libraries.
    #[test]
    fn signatures_are_those_of_the_specification() {
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let at = Timestamp::from_millis(1_614_265_330_000);
        let body = "{\"test\": 2432232314}";
        let signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(sign([&secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", at, body), signature);
        let both = sign([&secret, &secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", at, body);
        assert_eq!(both, format!("{signature} {signature}"));
    }

    #[test]
    fn new_secrets_have_32_bytes_and_differ() {
        let random = Random::seeded(1);
        let (one, two) = (new_secret(&random), new_secret(&random));
        assert_ne!(one.expose(), two.expose());
        let bytes = one.expose().strip_prefix("whsec_").map(|text| BASE64.decode(text.as_bytes()));
        assert_eq!(bytes.expect("a prefix").expect("base64").len(), 32);
        assert!(!format!("{one:?}").contains("whsec_"));
    }
}
