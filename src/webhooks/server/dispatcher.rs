//! Sends deliveries. A round finds the endpoints with due deliveries, claims some of them, and starts a run for each endpoint:
//! a task that sends them, several lanes concurrently, each lane in order. Rounds also record the deliveries that runs have
//! finished, many of them in one transaction.
//!
//! If a process is killed, at most the deliveries that it had claimed are sent again, once their leases have ended.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::{Notify, Semaphore};

use super::attempt::attempt;
use super::metrics::{WebhookEnd, WebhookMetrics};
use super::retry::{MAX_FAILING_TIME, pause_after};
use super::service::about;
use super::store::{self, ClaimedDelivery, ClaimedEndpoint, DeliveryRecord, EndpointRecord, MANY_FAILURES};
use super::{Endpoint, letters};
use crate::audit::{self, By, Event};
use crate::orgs::server::{emails_of_managers, find as find_org};
use crate::platform::db::Write;
use crate::platform::outbound::{NameResolver, PublicClient, SystemResolver, TargetPolicy};
use crate::platform::{App, Error, GrowingLimit, PutBack};
use crate::shared::{DeliveryId, Timestamp, WebhookId};

/// The maximum number of concurrent requests, in total and to one endpoint.
const MAX_REQUESTS: usize = 64;
const MAX_REQUESTS_PER_ENDPOINT: usize = 8;
/// The maximum number of deliveries and of lanes in one run.
const MAX_DELIVERIES: usize = 256;
const MAX_LANES: usize = 128;
/// A run begins no attempt after this time. An attempt takes a minute at most, so the lease outlives the run.
const MAX_RUN_TIME: Duration = Duration::from_secs(60);
const LEASE: Duration = Duration::from_secs(180);
/// A round ends after this time, though there may be more to do.
const MAX_ROUND_TIME: Duration = Duration::from_secs(5);
/// How long finished deliveries are collected before they are recorded together.
const COLLECT_TIME: Duration = Duration::from_millis(100);
/// The time limit of one transaction or query.
const STEP_TIMEOUT: Duration = Duration::from_secs(5);
/// How long shutdown waits for requests that are in progress.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// Deliveries that are under way in this process.
pub struct DeliveryDispatcher {
    client: OnceLock<PublicClient>,
    running: Mutex<HashSet<WebhookId>>,
    finished: Mutex<Vec<Finished>>,
    run_ended: Notify,
    requests: Semaphore,
    step_limit: GrowingLimit,
}

enum Finished {
    Tried(DeliveryRecord),
    /// Claimed but not attempted.
    Released(DeliveryId),
}

impl Default for DeliveryDispatcher {
    fn default() -> Self {
        Self {
            client: OnceLock::new(),
            running: Mutex::default(),
            finished: Mutex::default(),
            run_ended: Notify::new(),
            requests: Semaphore::new(MAX_REQUESTS),
            step_limit: GrowingLimit::new(STEP_TIMEOUT),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl DeliveryDispatcher {
    /// The client for all endpoints.
    pub fn client(app: &App) -> &PublicClient {
        app.slice::<Arc<Self>>().client.get_or_init(|| client(app, Arc::new(SystemResolver)))
    }

    /// For tests: uses this resolver. Call it before the first request.
    #[cfg(test)]
    pub fn resolve_with(app: &App, resolver: Arc<dyn NameResolver>) {
        let _ = app.slice::<Arc<Self>>().client.set(client(app, resolver));
    }

    fn is_idle(&self) -> bool {
        lock(&self.running).is_empty() && lock(&self.finished).is_empty()
    }
}

fn client(app: &App, resolver: Arc<dyn NameResolver>) -> PublicClient {
    let settings = &app.config.webhooks;
    PublicClient::new(TargetPolicy::new(&settings.webhook_targets), settings.webhook_timeout, resolver)
}

/// Runs one round, until nothing is due or in progress, but at most for a few seconds.
pub async fn deliver(app: &App) -> Result<(), Error> {
    let dispatcher = app.slice::<Arc<DeliveryDispatcher>>();
    let began = app.clock.steady();
    loop {
        record_finished(app, dispatcher).await?;
        if !app.is_stopping() {
            start_runs(app, dispatcher).await?;
        }
        if dispatcher.is_idle() || app.clock.steady().saturating_sub(began) >= MAX_ROUND_TIME {
            return Ok(());
        }
        let _ = tokio::time::timeout(COLLECT_TIME, dispatcher.run_ended.notified()).await;
    }
}

/// Runs once at the start. If no other process works on this database, the leases are those of a process that was killed.
pub async fn prepare(app: &App) -> Result<(), Error> {
    if app.db.is_exclusive() {
        let mut write = app.db.write().await?;
        store::release_all(&mut write).await?;
        write.commit().await?;
    }
    Ok(())
}

/// Runs once at shutdown: waits for requests that are in progress, and records them.
pub async fn drain(app: &App) -> Result<(), Error> {
    let dispatcher = app.slice::<Arc<DeliveryDispatcher>>();
    let idle = async {
        while !lock(&dispatcher.running).is_empty() {
            let _ = tokio::time::timeout(COLLECT_TIME, dispatcher.run_ended.notified()).await;
        }
    };
    if tokio::time::timeout(STOP_TIMEOUT, idle).await.is_err() {
        tracing::info!("webhooks that were under way are sent again after the next start");
    }
    app.db.retry_within(Duration::ZERO, async || record_finished(app, dispatcher).await).await
}

async fn start_runs(app: &App, dispatcher: &Arc<DeliveryDispatcher>) -> Result<(), Error> {
    let limit = &dispatcher.step_limit;
    let due = app.db.in_time(limit, store::due_endpoints(app.db.pool(), app.clock.now())).await?;
    let mut result = Ok(());
    for id in due {
        if lock(&dispatcher.running).len() >= MAX_REQUESTS {
            break;
        }
        if !lock(&dispatcher.running).insert(id) {
            continue;
        }
        // From here on the endpoint counts as running until this is dropped.
        let run = Run { id, dispatcher: Arc::clone(dispatcher) };
        match app.db.in_time(limit, claim(app, &run)).await {
            Ok(Some((endpoint, lanes))) => drop(tokio::spawn(run.send_all(app.clone(), endpoint, lanes))),
            Ok(None) => {}
            // A dead connection may hold the lock of one endpoint, and the others must not wait for it. A second error ends
            // the round.
            Err(error) if result.is_ok() => result = Err(error),
            Err(error) => return Err(error),
        }
    }
    result
}

type ClaimedRun = (ClaimedEndpoint, Vec<Vec<ClaimedDelivery>>);

async fn claim(app: &App, run: &Run) -> Result<Option<ClaimedRun>, Error> {
    let now = app.clock.now();
    let mut write = app.db.write().await?;
    let claimed = store::claim(&mut write, run.id, now, now.plus(LEASE), MAX_LANES, MAX_DELIVERIES).await?;
    let Some((endpoint, lanes)) = claimed.filter(|(_, lanes)| !lanes.is_empty()) else { return Ok(None) };
    // If the commit fails, the claim may have succeeded all the same, so the deliveries are released.
    let lanes = PutBack::new(lanes, |lanes: Vec<Vec<ClaimedDelivery>>| {
        lanes.iter().flatten().for_each(|delivery| run.finish(Finished::Released(delivery.id)));
    });
    write.commit().await?;
    Ok(Some((endpoint, lanes.finish())))
}

/// The deliveries of one endpoint that are under way.
struct Run {
    id: WebhookId,
    dispatcher: Arc<DeliveryDispatcher>,
}

impl Drop for Run {
    fn drop(&mut self) {
        lock(&self.dispatcher.running).remove(&self.id);
        self.dispatcher.run_ended.notify_one();
    }
}

impl Run {
    async fn send_all(self, app: App, endpoint: ClaimedEndpoint, lanes: Vec<Vec<ClaimedDelivery>>) {
        // After many failures the rest of the run waits.
        let (failures, ends) = (AtomicI64::new(0), app.clock.steady() + MAX_RUN_TIME);
        let (app, endpoint, failures) = (&app, &endpoint, &failures);
        futures_util::stream::iter(lanes)
            .for_each_concurrent(MAX_REQUESTS_PER_ENDPOINT, |lane| async {
                let mut lane = lane.into_iter();
                for delivery in lane.by_ref() {
                    let is_over = failures.load(Ordering::Relaxed) >= MANY_FAILURES
                        || app.clock.steady() >= ends
                        || app.is_stopping();
                    if is_over || !self.send(app, endpoint, &delivery, failures).await {
                        if is_over {
                            self.finish(Finished::Released(delivery.id));
                        }
                        break;
                    }
                }
                // The deliveries behind a failed one must wait until it has ended.
                lane.for_each(|delivery| self.finish(Finished::Released(delivery.id)));
            })
            .await;
    }

    /// Returns true if it was delivered, or given up: the next one of its lane may follow.
    async fn send(
        &self,
        app: &App,
        endpoint: &ClaimedEndpoint,
        delivery: &ClaimedDelivery,
        failures: &AtomicI64,
    ) -> bool {
        let record = {
            let _permit = self.dispatcher.requests.acquire().await;
            attempt(app, DeliveryDispatcher::client(app), endpoint, delivery).await
        };
        if record.busy_until.is_some() {
            failures.fetch_add(MANY_FAILURES, Ordering::Relaxed);
        } else if !record.is_delivered {
            failures.fetch_add(1, Ordering::Relaxed);
        }
        let has_ended = record.due_at.is_none();
        self.finish(Finished::Tried(record));
        has_ended
    }

    fn finish(&self, finished: Finished) {
        lock(&self.dispatcher.finished).push(finished);
    }
}

/// Records everything that runs have finished. If that fails, it is tried again in the next round.
async fn record_finished(app: &App, dispatcher: &DeliveryDispatcher) -> Result<(), Error> {
    let finished = std::mem::take(&mut *lock(&dispatcher.finished));
    if finished.is_empty() {
        return Ok(());
    }
    let finished = PutBack::new(finished, |finished| drop(lock(&dispatcher.finished).splice(0..0, finished)));
    let turned_off = app.db.in_time(&dispatcher.step_limit, record(app, &finished)).await?;
    finished.finish();
    for (endpoint, recipients) in &turned_off {
        let find = find_org(app, endpoint.org);
        let org =
            app.db.in_time(&dispatcher.step_limit, find).await?.map(|(name, _)| name).unwrap_or_default();
        for to in recipients {
            letters::turned_off(app, to, &org, endpoint);
        }
    }
    Ok(())
}

/// An endpoint that was turned off, and the email addresses to notify.
type TurnedOff = (Endpoint, Vec<String>);

/// Records attempts. Those that were recorded before, by a commit whose response was lost, change nothing.
async fn record(app: &App, finished: &[Finished]) -> Result<Vec<TurnedOff>, Error> {
    let mut tried: BTreeMap<WebhookId, Vec<DeliveryRecord>> = BTreeMap::new();
    let mut released = Vec::new();
    for each in finished {
        match each {
            Finished::Tried(record) => tried.entry(record.endpoint).or_default().push(record.clone()),
            Finished::Released(id) => released.push(*id),
        }
    }
    let mut write = app.db.write().await?;
    // Lock all endpoints first, in the order of their ids, so that two processes cannot deadlock.
    let mut endpoints = Vec::new();
    for id in tried.keys() {
        endpoints.extend(store::lock_endpoint(&mut write, *id).await?);
    }
    for records in tried.values_mut() {
        let new = store::insert_attempts(&mut write, records).await?;
        records.retain(|record| new.contains(&record.id));
    }
    let mut turned_off = Vec::new();
    for endpoint in endpoints {
        let records = tried.get(&endpoint.id).map(Vec::as_slice).unwrap_or_default();
        turned_off.extend(record_endpoint(app, &mut write, endpoint, records).await?);
    }
    for records in tried.values() {
        for record in records {
            store::record_delivery(&mut write, record).await?;
        }
    }
    store::release(&mut write, &released).await?;
    write.commit().await?;
    count_outcomes(app, tried.values().flatten());
    Ok(turned_off)
}

fn count_outcomes<'a>(app: &App, records: impl Iterator<Item = &'a DeliveryRecord>) {
    let metrics = app.slice::<WebhookMetrics>();
    for record in records {
        metrics.attempted(record.is_delivered);
        if record.is_delivered {
            metrics.ended(WebhookEnd::Delivered, 1);
        } else if record.due_at.is_none() {
            metrics.ended(WebhookEnd::GivenUp, 1);
        }
    }
}

/// Updates the endpoint after attempts. Returns it, with the addresses to notify, when it was turned off.
async fn record_endpoint(
    app: &App,
    write: &mut Write,
    mut endpoint: EndpointRecord,
    records: &[DeliveryRecord],
) -> Result<Option<TurnedOff>, Error> {
    // One delivery that always fails, among others that succeed, is not a failing endpoint.
    let was_failing = endpoint.failures >= MANY_FAILURES;
    let mut is_gone = false;
    for record in records {
        endpoint.last_attempt_at = Some(record.at);
        endpoint.last_status = record.status;
        if record.is_delivered {
            (endpoint.failing_since, endpoint.failures) = (None, 0);
            endpoint.paused_until = Timestamp::from_millis(0);
            endpoint.last_success_at = Some(record.at);
        } else {
            endpoint.failing_since.get_or_insert(record.at);
            endpoint.failures += 1;
            if endpoint.failures >= MANY_FAILURES {
                endpoint.paused_until = record.at.plus(pause_after(endpoint.failures - MANY_FAILURES));
            }
            is_gone |= record.given_up_because == "gone";
        }
    }
    if let Some(until) = records.iter().filter_map(|record| record.busy_until).max() {
        endpoint.paused_until = endpoint.paused_until.max(until);
    }
    store::record_endpoint(write, &endpoint).await?;
    let now = app.clock.now();
    if was_failing && endpoint.failures == 0 {
        store::resume(write, endpoint.id, now).await?;
    }
    let has_failed_too_long =
        endpoint.failing_since.is_some_and(|since| now.since(since) >= MAX_FAILING_TIME);
    if !endpoint.is_on || !(is_gone || has_failed_too_long) {
        return Ok(None);
    }
    let because = if is_gone { "gone" } else { "failing" };
    store::set_disabled(write, endpoint.id, because, now).await?;
    let Some(endpoint) = store::find_in_tx(write, endpoint.org, endpoint.id).await? else { return Ok(None) };
    let event = about(&endpoint, Event::new("webhook.turned_off").detail("because", because));
    audit::record(app, write, &By::system().in_org(endpoint.org), event).await?;
    let recipients = emails_of_managers(write, endpoint.org).await?;
    Ok(Some((endpoint, recipients)))
}
