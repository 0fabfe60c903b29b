//! Passwords at rest: argon2id, off the async threads, two at a time, so that a flood of sign-ins can neither eat the
//! memory nor stall other requests.

use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;

use crate::platform::{App, Error, Secret};

/// 19 MiB, two passes: OWASP's choice for argon2id.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const AT_A_TIME: usize = 2;
/// Longer than this in the queue, and the answer is 503.
const PATIENCE: Duration = Duration::from_secs(10);

/// The process's, whatever number of apps live in it: memory is what it protects.
static TURNS: Semaphore = Semaphore::const_new(AT_A_TIME);

fn argon2() -> Result<Argon2<'static>, Error> {
    let params =
        Params::new(MEMORY_KIB, PASSES, 1, None).map_err(|error| Error::internal(error.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// A PHC string with a salt of its own.
pub async fn hash(app: &App, password: Secret) -> Result<String, Error> {
    let salt: [u8; 16] = app.random.bytes();
    off_thread(app, move || {
        let hash: Result<PasswordHash, _> =
            argon2()?.hash_password_with_salt(password.expose().as_bytes(), &salt);
        hash.map(|hash| hash.to_string()).map_err(|error| Error::internal(error.to_string()))
    })
    .await
}

/// Is it the password? Without a hash (an unknown address, an account without a password) the same work is done and the
/// answer is no, so that the time tells nothing.
pub async fn verify(app: &App, hash: Option<String>, password: Secret) -> Result<bool, Error> {
    off_thread(app, move || {
        let Some(hash) = hash else {
            let mut out = [0; 32];
            let _ = argon2()?.hash_password_into(password.expose().as_bytes(), b"sixteen bytes 16", &mut out);
            return Ok(false);
        };
        let hash = PasswordHash::new(&hash).map_err(|error| Error::internal(error.to_string()))?;
        Ok(argon2()?.verify_password(password.expose().as_bytes(), &hash).is_ok())
    })
    .await
}

async fn off_thread<T: Send + 'static>(
    app: &App,
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let turn = tokio::time::timeout(PATIENCE, TURNS.acquire()).await.map_err(|_| Error::Busy)?;
    // The turn goes with the work: a caller that hangs up does not free it while the memory is still in use.
    let turn = turn.map_err(|_| Error::Busy)?;
    let began = app.clock.steady();
    let done = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        work()
    });
    let done = done.await.map_err(|error| Error::internal(error.to_string()))?;
    app.metrics.password_hashed(app.clock.steady().saturating_sub(began));
    done
}
