//! Proves that somebody who reports a leaked key holds its whole secret. This counts no use of the key, and hashes in a pool of
//! its own, so that a flood of reports delays no check.

use std::net::IpAddr;
use std::sync::Arc;

use super::attempt_limit::AttemptSource;
use super::digest::TokenDigest;
use super::first_check;
use super::key_cache::KeyCache;
use super::negative_cache::RejectedToken;
use crate::keys::server::KeyMetrics;
use crate::keys::server::store;
use crate::keys::server::token::Token;
use crate::platform::{App, Error};
use crate::shared::{KeyId, SecretId};
use crate::usage::Outcome;

/// A secret that was right. It may have ended since: `lock_leaked` checks that.
#[derive(Clone, Copy, Debug)]
pub struct ProvenSecret {
    pub key: KeyId,
    pub secret: SecretId,
}

/// Returns None when the text is no token, or not one that was ever right, or its secret has ended.
pub async fn prove(app: &App, text: &str, address: Option<IpAddr>) -> Result<Option<ProvenSecret>, Error> {
    let Some(token) = &Token::parse(text) else { return Ok(None) };
    let cache: &KeyCache = app.slice::<Arc<KeyCache>>();
    let digest = cache.digest(token);
    if let Some(entry) = cache.tokens.entry(token.id(), &digest) {
        return Ok(Some(ProvenSecret { key: entry.key, secret: token.id() }));
    }
    let steady = app.clock.steady();
    if cache.negative.is_unknown(&digest, steady) || cache.negative.rejected(&digest, steady).is_some() {
        return Ok(None);
    }
    prove_by_hash(app, cache, token, &digest, address).await
}

async fn prove_by_hash(
    app: &App,
    cache: &KeyCache,
    token: &Token<'_>,
    digest: &TokenDigest,
    address: Option<IpAddr>,
) -> Result<Option<ProvenSecret>, Error> {
    let source = AttemptSource::new(None, address, token.id());
    let prior = cache.attempts.record(app.clock.steady(), source);
    app.slice::<KeyMetrics>().looked_up();
    let Some(row) = store::find_secret(app.db.pool(), token.id()).await? else {
        cache.negative.insert_unknown(digest, app.clock.steady());
        return Ok(None);
    };
    if first_check::is_right_in_report(app, cache, token, &row, prior).await? {
        super::remember(app, cache, token, digest, row.key);
        cache.attempts.forgive(app.clock.steady(), source);
        return Ok(Some(ProvenSecret { key: row.key, secret: token.id() }));
    }
    let outcome = if row.hash.is_some() { Outcome::Unknown } else { Outcome::Revoked };
    let rejected = RejectedToken { key: row.key, org: row.org, outcome };
    cache.negative.insert_rejected(digest, rejected, app.clock.steady());
    Ok(None)
}
