//! Time-based one-time passwords: six digits that change every 30 seconds (RFC 6238 with SHA-1, which every
//! authenticator supports).

use data_encoding::BASE32_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use subtle::ConstantTimeEq;

use crate::platform::Random;
use crate::shared::Timestamp;

const STEP_MILLIS: i64 = 30_000;
/// The previous and the next code are also accepted, because clocks differ.
const DRIFT: i64 = 1;

/// Generates a secret of 160 random bits in base32, the format that authenticators accept.
pub fn new_secret(random: &Random) -> String {
    BASE32_NOPAD.encode(&random.bytes::<20>())
}

/// Returns true if the text has the format of `new_secret`.
pub fn is_secret(text: &str) -> bool {
    BASE32_NOPAD.decode(text.as_bytes()).is_ok_and(|key| key.len() == 20)
}

/// Returns the time step that the code belongs to, if the code is valid now.
pub fn matching_step(secret: &str, code: &str, now: Timestamp) -> Option<i64> {
    let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    let key = BASE32_NOPAD.decode(secret.as_bytes()).ok()?;
    let current = now.millis().div_euclid(STEP_MILLIS);
    // Compute every code, even after a match, so that the time taken is constant.
    let steps = (current - DRIFT)..=(current + DRIFT);
    steps.filter(|step| code_at(&key, *step).as_bytes().ct_eq(code.as_bytes()).into()).max()
}

/// The code that an authenticator shows at this moment.
#[cfg(test)]
pub fn code_now(secret: &str, now: Timestamp) -> String {
    let key = BASE32_NOPAD.decode(secret.as_bytes()).expect("a secret of ours");
    code_at(&key, now.millis().div_euclid(STEP_MILLIS))
}

/// The URL that the QR code contains.
pub fn address(secret: &str, email: &str, host: &str) -> String {
    let encode = |text: &str| {
        url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
    };
    format!(
        "otpauth://totp/{0}:{1}?secret={secret}&issuer={0}",
        encode(&format!("Latchkey ({host})")),
        encode(email)
    )
}

fn code_at(key: &[u8], step: i64) -> String {
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(key) else { return String::new() };
    mac.update(&step.to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let at = usize::from(digest[19] & 0x0f);
    let number =
        u32::from_be_bytes([digest[at], digest[at + 1], digest[at + 2], digest[at + 3]]) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B, shortened to six digits.
    #[test]
    fn codes_match_the_test_vectors_of_the_rfc() {
        let key = b"12345678901234567890";
        for (seconds, code) in
            [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")]
        {
            assert_eq!(code_at(key, seconds / 30), code);
        }
    }

    #[test]
    fn a_code_is_valid_one_step_early_and_one_step_late() {
        let secret = new_secret(&Random::seeded(3));
        let at = |seconds: i64| Timestamp::from_millis(1_795_168_800_000 + seconds * 1_000);
        let code = code_now(&secret, at(0));
        assert_eq!(matching_step(&secret, &code, at(0)), Some(1_795_168_800_000 / 30_000));
        assert!(matching_step(&secret, &format!("{} {}", &code[..3], &code[3..]), at(31)).is_some());
        assert!(matching_step(&secret, &code, at(-30)).is_some());
        assert!(matching_step(&secret, &code, at(61)).is_none());
        assert!(matching_step(&secret, "", at(0)).is_none());
        assert!(matching_step(&secret, "０００００１", at(0)).is_none());
    }

    #[test]
    fn the_address_escapes_special_characters() {
        let address = address("ABC", "a+b@x.example", "127.0.0.1:3000");
        assert_eq!(
            address,
            "otpauth://totp/Latchkey%20%28127.0.0.1%3A3000%29:a%2Bb%40x.example?secret=ABC&issuer=Latchkey%20%28127.0.0.1%3A3000%29"
        );
    }
}
