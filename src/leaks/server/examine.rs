//! Examines reported tokens: proves them, and does to their keys what the organizations want.

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
/// After this time a round ends, although tokens wait, so that it is not taken for one that hangs.
const LONGEST_ROUND: Duration = Duration::from_secs(20);
/// How long the stop of the server waits for tokens that were reported.
const SETTLE_TIME: Duration = Duration::from_secs(5);
/// Places of one secret that are stored.
const MAX_PLACES: usize = 20;

/// One round: waits a moment for a report, and examines what has arrived.
pub async fn wait_and_examine(app: &App) -> Result<(), Error> {
    let queue = app.slice::<LeakQueue>();
    if queue.is_empty() {
        let _ = tokio::time::timeout(WAIT, queue.arrival()).await;
    }
    examine_all(app).await
}

/// Examines what waits. A token that could not be examined, because the database is away, stays the next one.
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
        if app.clock.steady().saturating_sub(began) >= LONGEST_ROUND {
            break;
        }
    }
    if examined {
        letters::send(app).await?;
    }
    result
}

/// Examines what waits before the process ends.
pub async fn settle(app: &App) -> Result<(), Error> {
    let examined = tokio::time::timeout(SETTLE_TIME, examine_all(app)).await;
    let left = app.slice::<LeakQueue>().len();
    if left > 0 {
        tracing::error!(left, "stopped before all reported keys were examined; they must be reported again");
    }
    examined.unwrap_or(Ok(()))
}

/// Whether this place is stored, or enough places are, and the key has had the effect that its organization wants.
async fn is_repeat(app: &App, found: ProvenSecret, url: &str) -> Result<bool, Error> {
    let earlier = store::of_secret(app.db.pool(), found.secret).await?;
    let Some(first) = earlier.first() else { return Ok(false) };
    let policy = store::policy(app.db.pool(), first.org).await?.unwrap_or_default();
    let effect = policy.effect_on(first.kind);
    let is_known = earlier.len() >= MAX_PLACES || earlier.iter().any(|report| report.url == url);
    Ok(is_known && earlier.iter().any(|report| report.has_had(effect)))
}

async fn examine(app: &App, token: &Arc<WaitingToken>) -> Result<(), Error> {
    let WaitingToken { reported: ReportedToken { token, url, source }, report } = &**token;
    let Some(found) = keys::prove(app, token.expose(), report.origin.address).await? else { return Ok(()) };
    // Most repeats end here, without waiting for other writers.
    if is_repeat(app, found, url).await? {
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
        maker: key.created_by,
        url: url.clone(),
        source: source.clone(),
        is_signed: report.is_signed,
        at: now,
        outcome: None,
        mailed_at: None,
    };
    let effect = store::policy(&mut *write, key.org).await?.unwrap_or_default().effect_on(key.kind);
    let earlier = store::of_secret(&mut *write, found.secret).await?;
    // Each effect happens once, so that a key that was enabled again after a report stays enabled.
    if earlier.iter().any(|earlier| earlier.has_had(effect)) {
        if earlier.len() < MAX_PLACES {
            stored.mailed_at = Some(now);
            store::insert(&mut write, &stored).await?;
            write.commit().await?;
        }
        return Ok(());
    }
    let by = By { actor: EventActor::System, org: Some(key.org), origin: report.origin.clone() };
    let outcome = keys::end_leaked(app, &mut write, &by, &mut key, found, effect).await?;
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
    let text = "This key was found in public. Load the page again to see what was done.";
    app.live.publish(keys::leak_topic(key.org, key.id), text);
    Ok(())
}
