//! Stored hashes of secrets: scrypt PHC strings. 256 random bits cannot be guessed at any cost, so the cost is low, which lets
//! a restarted server fill its cache quickly. The cost is read from the string, so a changed setting affects new secrets only.

use data_encoding::BASE64_NOPAD;
use scrypt::Params;

use crate::platform::{App, Error};

const BLOCK: u32 = 8;
const LANES: u32 = 1;
const LENGTH: usize = 32;

/// The cost of hashing a new secret, as the base-2 logarithm of scrypt's N.
pub fn cost_of_new(app: &App) -> u8 {
    u8::try_from(app.config.keys.key_hash_cost).unwrap_or(u8::MAX)
}

pub fn hash(secret: &str, salt: &[u8; 16], log_n: u8) -> Result<String, Error> {
    let out = run(secret, salt, params(log_n, BLOCK, LANES)?)?;
    let (salt, out) = (BASE64_NOPAD.encode(salt), BASE64_NOPAD.encode(&out));
    Ok(format!("$scrypt$ln={log_n},r={BLOCK},p={LANES}${salt}${out}"))
}

/// Compares in constant time.
pub fn matches(stored: &str, secret: &str) -> Result<bool, Error> {
    let (params, salt, expected) =
        parse(stored).ok_or_else(|| Error::internal("a stored secret is not a scrypt string"))?;
    let computed = run(secret, &salt, params)?;
    let difference = computed.iter().zip(&expected).fold(0, |difference, (a, b)| difference | (a ^ b));
    Ok(expected.len() == LENGTH && difference == 0)
}

/// Does the same work as `matches` for a secret whose hash was deleted.
pub fn matches_nothing(secret: &str, log_n: u8) -> Result<bool, Error> {
    run(secret, &[0; 16], params(log_n, BLOCK, LANES)?).map(|_| false)
}

fn run(secret: &str, salt: &[u8], params: Params) -> Result<[u8; LENGTH], Error> {
    let mut out = [0; LENGTH];
    scrypt::scrypt(secret.as_bytes(), salt, &params, &mut out)
        .map_err(|error| Error::internal(error.to_string()))?;
    Ok(out)
}

fn params(log_n: u8, block: u32, lanes: u32) -> Result<Params, Error> {
    Params::new(log_n, block, lanes).map_err(|error| Error::internal(error.to_string()))
}

fn parse(stored: &str) -> Option<(Params, Vec<u8>, Vec<u8>)> {
    let mut parts = stored.strip_prefix("$scrypt$")?.split('$');
    let mut costs = parts.next()?.split(',');
    let mut cost = |name: &str| costs.next()?.strip_prefix(name)?.strip_prefix('=')?.parse::<u32>().ok();
    let params = params(u8::try_from(cost("ln")?).ok()?, cost("r")?, cost("p")?).ok()?;
    let mut bytes = || BASE64_NOPAD.decode(parts.next()?.as_bytes()).ok();
    Some((params, bytes()?, bytes()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_matches_its_own_hash_at_any_cost() {
        for log_n in [1, 4, 10] {
            let stored = hash("secret", b"sixteen bytes ok", log_n).expect("a string");
            assert!(stored.starts_with(&format!("$scrypt$ln={log_n},r=8,p=1$")));
            assert!(matches(&stored, "secret").expect("a result"));
            assert!(!matches(&stored, "secreT").expect("a result"));
            assert!(!stored.contains("secret"));
        }
    }

    #[test]
    fn hashes_match_the_test_vector_of_rfc_7914() {
        // The second test vector: "password", "NaCl", N=1024, r=8, p=16; its first 32 bytes differ from a run of 64.
        let params = params(10, 8, 16).expect("a cost");
        let mut out = [0; 64];
        scrypt::scrypt(b"password", b"NaCl", &params, &mut out).expect("a result");
        assert!(out.starts_with(&[0xfd, 0xba, 0xbe, 0x1c, 0x9d, 0x34, 0x72, 0x00]));
    }

    #[test]
    fn a_damaged_hash_is_an_error_not_a_panic() {
        for stored in [
            "",
            "$scrypt$",
            "$scrypt$ln=99,r=8,p=1$AAAA$AAAA",
            "$scrypt$ln=4,r=8,p=1$AAAA",
            "$scrypt$ln=4,r=8,p=1$!$AAAA",
            "$argon2id$ln=4,r=8,p=1$AAAA$AAAA",
        ] {
            assert!(matches(stored, "secret").is_err(), "{stored}");
        }
        assert!(
            !matches("$scrypt$ln=1,r=8,p=1$AAAA$", "secret").expect("a result"),
            "an empty hash proves nothing"
        );
    }
}
