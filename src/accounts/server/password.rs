//! Password hashing with argon2id on a pool of two threads, each with a reused memory buffer, so that a flood of sign-ins
//! neither exhausts the memory nor delays other requests.

use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use data_encoding::BASE64_NOPAD;

use super::metrics::AccountMetrics;
use crate::platform::{App, BlockingPool, Error, Secret};

/// 19 MiB and two passes, as OWASP recommends for argon2id.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const CONCURRENCY: usize = 2;
/// When more passwords than this are queued, or one waits longer than `QUEUE_TIMEOUT`, the request fails with 503.
const MAX_QUEUED: usize = 64;
const QUEUE_TIMEOUT: Duration = Duration::from_secs(10);
/// Longer passwords are never valid, so only this much is hashed.
const LONGEST: usize = 1_024;

/// Shared by all apps in the process (tests run several), because the pool limits the memory of the process.
static WORKERS: LazyLock<BlockingPool> =
    LazyLock::new(|| BlockingPool::new(CONCURRENCY, MAX_QUEUED, QUEUE_TIMEOUT));
/// The buffers, allocated at the first use and never freed: freed buffers of this size would stay in each thread's heap.
static MEMORY: Mutex<Vec<Vec<Block>>> = Mutex::new(Vec::new());

/// A parsed PHC string.
struct StoredPassword {
    params: Params,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

/// Hashes the password with a new salt and returns a PHC string.
pub async fn hash(app: &App, password: Secret) -> Result<String, Error> {
    let salt: [u8; 16] = app.random.bytes();
    off_thread(app, move || {
        let hash = argon2id(params(MEMORY_KIB, PASSES, 1)?, &password, &salt)?;
        let (salt, hash) = (BASE64_NOPAD.encode(&salt), BASE64_NOPAD.encode(&hash));
        Ok(format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p=1${salt}${hash}"))
    })
    .await
}

/// Returns true if the password matches the hash. Without a hash (an unknown address, or an account without a password) it
/// does the same work and returns false, so that the response time reveals nothing.
pub async fn verify(app: &App, stored: Option<String>, password: Secret) -> Result<bool, Error> {
    off_thread(app, move || match stored {
        None => {
            argon2id(params(MEMORY_KIB, PASSES, 1)?, &password, &[0; 16])?;
            Ok(false)
        }
        Some(stored) => {
            let StoredPassword { params, salt, hash } = parse(&stored)
                .ok_or_else(|| Error::internal("a stored password is not an argon2id PHC string"))?;
            let computed = argon2id(params, &password, &salt)?;
            let same = computed.iter().zip(&hash).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0;
            Ok(same && computed.len() == hash.len() && password.expose().len() <= LONGEST)
        }
    })
    .await
}

fn params(memory: u32, passes: u32, lanes: u32) -> Result<Params, Error> {
    Params::new(memory, passes, lanes, None).map_err(|error| Error::internal(error.to_string()))
}

fn argon2id(params: Params, password: &Secret, salt: &[u8]) -> Result<[u8; 32], Error> {
    let bytes = password.expose().as_bytes();
    let bytes = &bytes[..bytes.len().min(LONGEST)];
    let blocks = params.block_count();
    let mut memory = MEMORY.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
    if memory.len() < blocks {
        memory.resize(blocks, Block::new());
    }
    let mut out = [0; 32];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let done = argon2.hash_password_into_with_memory(bytes, salt, &mut out, &mut memory[..blocks]);
    MEMORY.lock().unwrap_or_else(PoisonError::into_inner).push(memory);
    done.map(|()| out).map_err(|error| Error::internal(error.to_string()))
}

fn parse(stored: &str) -> Option<StoredPassword> {
    let mut parts = stored.strip_prefix("$argon2id$v=19$")?.split('$');
    let mut costs = parts.next()?.split(',');
    let mut cost = |name: &str| costs.next()?.strip_prefix(name)?.strip_prefix('=')?.parse::<u32>().ok();
    let params = Params::new(cost("m")?, cost("t")?, cost("p")?, None).ok()?;
    let mut bytes = || BASE64_NOPAD.decode(parts.next()?.as_bytes()).ok();
    Some(StoredPassword { params, salt: bytes()?, hash: bytes()? })
}

async fn off_thread<T: Send + 'static>(
    app: &App,
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let clock = app.clock.clone();
    let timed = WORKERS.run((), move || {
        let began = clock.steady();
        let done = work();
        (done, clock.steady().saturating_sub(began))
    });
    let (done, took) = timed.await?;
    app.slice::<AccountMetrics>().password_hashed(took);
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_strings_are_parsed_with_their_own_cost() {
        let stored = parse("$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHQ$AAAA").expect("a string");
        assert_eq!(
            (stored.params.m_cost(), stored.params.t_cost(), stored.salt.as_slice()),
            (64, 2, &b"somesalt"[..])
        );
        for wrong in [
            "",
            "$argon2i$v=19$m=64,t=2,p=1$c29tZXNhbHQ$AAAA",
            "$argon2id$v=19$m=64,t=2$c29tZXNhbHQ$AAAA",
            "$argon2id$v=19$m=64,t=2,p=1$!$AAAA",
            "$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHQ",
        ] {
            assert!(parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_reused_buffer_gives_the_same_hash() {
        let secret = Secret::new("correct horse battery");
        let params = || params(64, 2, 1).expect("a cost");
        let first = argon2id(params(), &secret, b"somesaltsomesalt").expect("a hash");
        for _ in 0..20 {
            assert_eq!(argon2id(params(), &secret, b"somesaltsomesalt").expect("a hash"), first);
        }
        assert_ne!(
            argon2id(params(), &Secret::new("correct horse batterz"), b"somesaltsomesalt").expect("a hash"),
            first
        );
    }
}
