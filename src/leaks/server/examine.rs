//! Examines reported tokens: verifies each one, and applies the leak policy of the organization to its key.

use std::sync::Arc;
use std::time::Duration;

use super::letters;
use super::queue::{LeakQueue, WaitingToken};
use super::report::ReportedToken;
use super::store::{self, LeakReport};
use crate::audit::{self, By, Event, EventActor};
use crate::keys::server::{self as keys, ProvenSecret};
use crate::platform::changes::{self, ChangeKind};
use crate::platform::{App, Error};
use crate::shared::LeakReportId;

/// How long a round waits for a report.
const WAIT: Duration = Duration::from_millis(500);
/// A round ends after this time even if tokens are left, so that it is not mistaken for a stuck job.
const MAX_ROUND_TIME: Duration = Duration::from_secs(20);
/// How long shutdown waits until the reported tokens are examined.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);
/// The maximum number of places that are stored for one secret.
const MAX_PLACES: usize = 20;

/// One round: waits a moment for a report, and examines what has arrived.
pub async fn wait_and_examine(app: &App) -> Result<(), Error> {
    let queue = app.slice::<LeakQueue>();
    if queue.is_empty() {
        let _ = tokio::time::timeout(WAIT, queue.arrival()).await;
    }
    examine_all(app).await
}

/// Examines all queued tokens. If the database is unavailable, the current token stays at the head of the queue.
pub async fn examine_all(app: &App) -> Result<(), Error> {
    let queue = app.slice::<LeakQueue>();
    let began = app.clock.steady();
    let (mut result, mut examined) = (Ok(()), false);
    while let Some(token) = queue.current() {
        examined = true;
        match app.db.in_time(&queue.limit, examine(app, &token)).await {
            Ok(()) => queue.finish(),
            Err(error @ (Error::Unavailable(_) | Error::Busy)) => {
                result = Err(error);
                break;
            }
            Err(error) => {
                tracing::error!(%error, "a reported key could not be examined");
                queue.finish();
            }
        }
        if app.clock.steady().saturating_sub(began) >= MAX_ROUND_TIME {
            break;
        }
    }
    if examined {
        letters::send(app).await?;
    }
    result
}

/// Examines the queued tokens before the process exits.
pub async fn drain(app: &App) -> Result<(), Error> {
    let examined = tokio::time::timeout(DRAIN_TIMEOUT, examine_all(app)).await;
    let remaining = app.slice::<LeakQueue>().len();
    if remaining > 0 {
        tracing::error!(
            remaining,
            "stopped before all reported keys were examined; they must be reported again"
        );
    }
    examined.unwrap_or(Ok(()))
}

/// Whether a report changes nothing: the place, or the maximum of places, is stored, and the policy's effect was already
/// applied. An unsigned report says nothing about a signed one: whoever holds a key could report it first.
async fn is_repeat(app: &App, found: ProvenSecret, url: &str, is_signed: bool) -> Result<bool, Error> {
    let earlier = as_credible(store::of_secret(app.db.pool(), found.secret).await?, is_signed);
    let Some(first) = earlier.first() else { return Ok(false) };
    let policy = store::policy(app.db.pool(), first.org).await?.unwrap_or_default();
    let effect = policy.effect_on(first.kind);
    let is_known = earlier.len() >= MAX_PLACES || earlier.iter().any(|report| report.url == url);
    Ok(is_known && earlier.iter().any(|report| report.has_applied(effect)))
}

/// The reports that are at least as credible as the new one.
fn as_credible(mut earlier: Vec<LeakReport>, is_signed: bool) -> Vec<LeakReport> {
    earlier.retain(|report| report.is_signed || !is_signed);
    earlier
}

async fn examine(app: &App, token: &Arc<WaitingToken>) -> Result<(), Error> {
    let WaitingToken { reported: ReportedToken { token, url, source }, report } = &**token;
    let Some(found) = keys::prove(app, token.expose(), report.origin.address).await? else { return Ok(()) };
    // Most repeats end here, without waiting for other writers.
    if is_repeat(app, found, url, report.is_signed).await? {
        return Ok(());
    }
    let now = app.clock.now();
    let mut write = app.db.write().await?;
    let Some(mut key) = keys::lock_leaked(app, &mut write, found).await? else { return Ok(()) };
    let mut stored = LeakReport {
        id: LeakReportId::new(now, app.random_for_id()),
        org: key.org,
        key: key.id,
        secret: found.secret,
        kind: key.kind,
        key_name: key.name.clone(),
        prefix: key.prefix(),
        creator: key.created_by,
        url: url.clone(),
        source: source.clone(),
        is_signed: report.is_signed,
        at: now,
        outcome: None,
        mailed_at: None,
    };
    let effect = store::policy(&mut *write, key.org).await?.unwrap_or_default().effect_on(key.kind);
    let earlier = as_credible(store::of_secret(&mut *write, found.secret).await?, report.is_signed);
    // Each effect happens once, so that a key that was enabled again after a report stays enabled.
    if earlier.iter().any(|earlier| earlier.has_applied(effect)) {
        if earlier.len() < MAX_PLACES {
            stored.mailed_at = Some(now);
            store::insert(&mut write, &stored).await?;
            write.commit().await?;
        }
        return Ok(());
    }
    let by = By { actor: EventActor::System, org: Some(key.org), origin: report.origin.clone() };
    let outcome = keys::apply_leak_effect(app, &mut write, &by, &mut key, found, effect).await?;
    stored.outcome = Some(outcome);
    store::insert(&mut write, &stored).await?;
    let event = keys::about(&key, Event::new("key.leaked"))
        .detail("outcome", outcome.as_str())
        .detail("url", url.clone())
        .detail("source", if report.is_signed { "GitHub secret scanning" } else { source.as_str() })
        .detail("signed_by", if report.is_signed { "GitHub" } else { "nobody" })
        .detail("secret", found.secret.to_string());
    audit::record(app, &mut write, &by, event).await?;
    changes::record(&mut write, now, ChangeKind::Key, key.id).await?;
    write.commit().await?;
    let text = "This key was found in public. Reload the page to see what was done.";
    app.live.publish(keys::leak_topic(key.org, key.id), text);
    Ok(())
}
