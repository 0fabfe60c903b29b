//! Delivering. A round looks for endpoints with something due, claims deliveries of each, and starts a run for each endpoint:
//! a task that sends them, several lanes at once, each lane in its order. Rounds also record what runs have finished, many
//! deliveries in one transaction.
//!
//! A process that is killed repeats at most what it had claimed, once the leases have ended.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::{Notify, Semaphore};

use super::attempt::attempt;
use super::retry::{MAX_FAILING_TIME, pause_after};
use super::service::about;
use super::store::{self, ClaimedDelivery, ClaimedEndpoint, DeliveryRecord, EndpointRecord, MANY_FAILURES};
use super::{Endpoint, letters};
use crate::audit::{self, By, Event};
use crate::orgs::server::{emails_of_managers, find as find_org};
use crate::platform::db::Write;
use crate::platform::metrics::WebhookEnd;
use crate::platform::outbound::{NameResolver, PublicClient, SystemResolver, TargetPolicy};
use crate::platform::{App, Error, GrowingLimit, PutBack};
use crate::shared::{DeliveryId, Timestamp, WebhookId};

/// Requests at a time, of all endpoints and of one.
const MAX_REQUESTS: usize = 64;
const MAX_REQUESTS_OF_ENDPOINT: usize = 8;
/// Deliveries and lanes of one run.
const MAX_DELIVERIES: usize = 256;
const MAX_LANES: usize = 128;
/// A run begins no attempt after this time. An attempt takes a minute at most, so the lease outlives the run.
const RUN: Duration = Duration::from_secs(60);
const LEASE: Duration = Duration::from_secs(180);
/// A round ends after this time, though there may be more to do.
const ROUND: Duration = Duration::from_secs(5);
/// How long finished deliveries are collected before they are recorded together.
const COLLECT: Duration = Duration::from_millis(100);
/// The time limit of one step with the database.
const STEP: Duration = Duration::from_secs(5);
/// How long the stop of the server waits for requests that are under way.
const STOP: Duration = Duration::from_secs(5);

/// Deliveries that are under way in this process.
pub struct Courier {
    client: OnceLock<PublicClient>,
    running: Mutex<HashSet<WebhookId>>,
    finished: Mutex<Vec<Finished>>,
    run_ended: Notify,
    requests: Semaphore,
    step_limit: GrowingLimit,
}

enum Finished {
    Tried(DeliveryRecord),
    /// Claimed and not tried.
    Released(DeliveryId),
}

impl Default for Courier {
    fn default() -> Self {
        Self {
            client: OnceLock::new(),
            running: Mutex::default(),
            finished: Mutex::default(),
            run_ended: Notify::new(),
            requests: Semaphore::new(MAX_REQUESTS),
            step_limit: GrowingLimit::new(STEP),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Courier {
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

/// One round: until nothing is due and nothing is under way, or for some seconds.
pub async fn deliver(app: &App) -> Result<(), Error> {
    let courier = app.slice::<Arc<Courier>>();
    let began = app.clock.steady();
    loop {
        record_finished(app, courier).await?;
        if !app.is_stopping() {
            start_runs(app, courier).await?;
        }
        if courier.is_idle() || app.clock.steady().saturating_sub(began) >= ROUND {
            return Ok(());
        }
        let _ = tokio::time::timeout(COLLECT, courier.run_ended.notified()).await;
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

/// Runs once at the stop: lets requests that are under way end, and records them.
pub async fn settle(app: &App) -> Result<(), Error> {
    let courier = app.slice::<Arc<Courier>>();
    let idle = async {
        while !lock(&courier.running).is_empty() {
            let _ = tokio::time::timeout(COLLECT, courier.run_ended.notified()).await;
        }
    };
    if tokio::time::timeout(STOP, idle).await.is_err() {
        tracing::info!("webhooks that were under way are sent again after the next start");
    }
    app.db.retry_within(Duration::ZERO, async || record_finished(app, courier).await).await
}

async fn start_runs(app: &App, courier: &Arc<Courier>) -> Result<(), Error> {
    let limit = &courier.step_limit;
    let due = app.db.in_time(limit, store::due_endpoints(app.db.pool(), app.clock.now())).await?;
    let mut result = Ok(());
    for id in due {
        if lock(&courier.running).len() >= MAX_REQUESTS {
            break;
        }
        if !lock(&courier.running).insert(id) {
            continue;
        }
        // From here on the endpoint counts as running until this is dropped.
        let run = Run { id, courier: Arc::clone(courier) };
        match app.db.in_time(limit, claim(app, &run)).await {
            Ok(Some((endpoint, lanes))) => drop(tokio::spawn(run.send_all(app.clone(), endpoint, lanes))),
            Ok(None) => {}
            // A dead connection may hold the lock of one endpoint, and the others must not wait for it. Two errors concern all.
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
    // A commit in doubt may have claimed them.
    let lanes = PutBack::new(lanes, |lanes: Vec<Vec<ClaimedDelivery>>| {
        lanes.iter().flatten().for_each(|delivery| run.finish(Finished::Released(delivery.id)));
    });
    write.commit().await?;
    Ok(Some((endpoint, lanes.finish())))
}

/// The deliveries of one endpoint that are under way.
struct Run {
    id: WebhookId,
    courier: Arc<Courier>,
}

impl Drop for Run {
    fn drop(&mut self) {
        lock(&self.courier.running).remove(&self.id);
        self.courier.run_ended.notify_one();
    }
}

impl Run {
    async fn send_all(self, app: App, endpoint: ClaimedEndpoint, lanes: Vec<Vec<ClaimedDelivery>>) {
        // After many failures the rest of the run waits.
        let (failures, ends) = (AtomicI64::new(0), app.clock.steady() + RUN);
        let (app, endpoint, failures) = (&app, &endpoint, &failures);
        futures_util::stream::iter(lanes)
            .for_each_concurrent(MAX_REQUESTS_OF_ENDPOINT, |lane| async {
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
                // What comes after a failure must wait for it.
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
            let _permit = self.courier.requests.acquire().await;
            attempt(app, Courier::client(app), endpoint, delivery).await
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
        lock(&self.courier.finished).push(finished);
    }
}

/// Records everything that runs have finished. If that fails, it is tried again in the next round.
async fn record_finished(app: &App, courier: &Courier) -> Result<(), Error> {
    let finished = std::mem::take(&mut *lock(&courier.finished));
    if finished.is_empty() {
        return Ok(());
    }
    let finished = PutBack::new(finished, |finished| drop(lock(&courier.finished).splice(0..0, finished)));
    let turned_off = app.db.in_time(&courier.step_limit, record(app, &finished)).await?;
    finished.finish();
    for (endpoint, recipients) in &turned_off {
        let find = find_org(app, endpoint.org);
        let org = app.db.in_time(&courier.step_limit, find).await?.map(|(name, _)| name).unwrap_or_default();
        for to in recipients {
            letters::turned_off(app, to, &org, endpoint);
        }
    }
    Ok(())
}

/// An endpoint that was turned off, with the addresses of those who are told.
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
    // All endpoints first, in the order of their ids, so that two processes cannot wait for each other.
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
    count(app, tried.values().flatten());
    Ok(turned_off)
}

fn count<'a>(app: &App, records: impl Iterator<Item = &'a DeliveryRecord>) {
    let operations = &app.metrics.operations;
    for record in records {
        operations.webhook_attempted(record.is_delivered);
        if record.is_delivered {
            operations.webhooks_ended(WebhookEnd::Delivered, 1);
        } else if record.due_at.is_none() {
            operations.webhooks_ended(WebhookEnd::GivenUp, 1);
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
    let is_hopeless = endpoint.failing_since.is_some_and(|since| now.since(since) >= MAX_FAILING_TIME);
    if !endpoint.is_on || !(is_gone || is_hopeless) {
        return Ok(None);
    }
    let because = if is_gone { "gone" } else { "failing" };
    store::set_disabled(write, endpoint.id, because, now).await?;
    let Some(endpoint) = store::find_now(write, endpoint.org, endpoint.id).await? else { return Ok(None) };
    let event = about(&endpoint, Event::new("webhook.turned_off").detail("because", because));
    audit::record(app, write, &By::system().in_org(endpoint.org), event).await?;
    let recipients = emails_of_managers(write, endpoint.org).await?;
    Ok(Some((endpoint, recipients)))
}
