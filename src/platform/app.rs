//! `App` holds what every request needs. It is built once at the start, is cheap to clone, and is the state of all handlers.

use std::any::{Any, TypeId};
use std::cell::Cell;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};

use prometheus_client::registry::Registry;
use tokio::sync::watch;

use super::assets::Assets;
use super::config::PublicUrl;
use super::db::Db;
use super::http::ProxyHint;
use super::job_status::Jobs;
use super::live::Live;
use super::mail::Mailer;
use super::metrics::Metrics;
use super::outbound::Outbound;
use super::readiness::Readiness;
use super::{Clock, Config, Random};

#[derive(Clone)]
pub struct App(Arc<Parts>);

/// State that a slice keeps in memory, such as a limit or a cache. The composition root implements this for each type that
/// it adds to the app, and for no other.
pub trait SliceState: Any + Send + Sync {}

/// The state of all slices, by type.
#[derive(Default)]
pub struct Slices {
    states: HashMap<TypeId, Box<dyn Any + Send + Sync>, BuildHasherDefault<TypeIdHasher>>,
    metrics: Registry,
    /// Functions that update metrics.
    measures: Vec<fn(&App)>,
}

impl Slices {
    #[must_use]
    pub fn with<T: SliceState>(mut self, state: T) -> Self {
        self.states.insert(TypeId::of::<T>(), Box::new(state));
        self
    }

    /// Adds the registry in which the slices have registered their metrics.
    #[must_use]
    pub fn with_metrics(mut self, metrics: Registry) -> Self {
        self.metrics = metrics;
        self
    }

    /// Adds a function that sets metrics from values in memory. It runs whenever the metrics are read.
    #[must_use]
    pub fn measured_by(mut self, measure: fn(&App)) -> Self {
        self.measures.push(measure);
        self
    }
}

/// Uses a `TypeId` as its own hash, because it is evenly distributed already.
#[derive(Default)]
pub struct TypeIdHasher(u64);

impl Hasher for TypeIdHasher {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut number = [0; 8];
            number[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(number));
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = self.0.rotate_left(32) ^ number;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

pub struct Parts {
    pub config: Config,
    pub public_url: PublicUrl,
    pub db: Db,
    pub readiness: Readiness,
    pub clock: Clock,
    pub random: Random,
    pub metrics: Metrics,
    pub assets: Assets,
    pub live: Live,
    pub mail: Mailer,
    pub outbound: Outbound,
    pub jobs: Jobs,
    pub proxy_hint: ProxyHint,
    slices: Slices,
    stopping: watch::Sender<bool>,
    id_count: AtomicU16,
    node: String,
    next_request: AtomicU64,
}

impl App {
    pub fn new(
        config: Config,
        db: Db,
        clock: Clock,
        random: Random,
        assets: Assets,
        mut slices: Slices,
    ) -> Self {
        let public_url = config.public_url();
        let metrics = Metrics::new(&db, &clock, std::mem::take(&mut slices.metrics));
        let mail = Mailer::new(&config.mail, &clock, &random, metrics.letters());
        let outbound = Outbound::new(config.providers.provider_timeout);
        let stopping = watch::Sender::new(false);
        let node = random.base62(12);
        let first_request = u64::from_le_bytes(random.bytes());
        let live = Live::new(&clock);
        Self(Arc::new(Parts {
            config,
            public_url,
            db,
            readiness: Readiness::default(),
            clock,
            random,
            metrics,
            assets,
            live,
            mail,
            outbound,
            jobs: Jobs::default(),
            proxy_hint: ProxyHint::default(),
            slices,
            stopping,
            id_count: AtomicU16::new(0),
            node,
            next_request: AtomicU64::new(first_request),
        }))
    }

    /// Ten bytes for a new identifier: a counter, so that identifiers of the same millisecond sort in the order of their
    /// creation, followed by random bytes.
    pub fn random_for_id(&self) -> [u8; 10] {
        let mut bytes: [u8; 10] = self.random.bytes();
        let count = self.id_count.fetch_add(1, Ordering::Relaxed);
        bytes[..2].copy_from_slice(&count.to_be_bytes());
        bytes
    }

    /// A new request id, which is also in the log. It is unique, and not a secret.
    pub fn request_id(&self) -> String {
        const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let mut number = self.request_number();
        let mut text = String::with_capacity(15);
        text.push_str("req_");
        // Eleven digits hold any number of 64 bits.
        for _ in 0..11 {
            text.push(char::from(DIGITS[(number % 62) as usize]));
            number /= 62;
        }
        text
    }

    /// A unique number. Each thread reserves many at a time, so that threads do not contend for the counter.
    fn request_number(&self) -> u64 {
        const BATCH: u64 = 256;
        // An odd step visits every number once. With random starts, the numbers of two processes differ.
        const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
        thread_local! {
            /// The next reserved number, and how many are available.
            static RESERVED: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
        }
        let (next, available) = match RESERVED.get() {
            (_, 0) => (self.next_request.fetch_add(STEP.wrapping_mul(BATCH), Ordering::Relaxed), BATCH),
            reserved => reserved,
        };
        RESERVED.set((next.wrapping_add(STEP), available - 1));
        next
    }

    /// A random name of this process, unique among those that use the same database.
    pub fn node(&self) -> &str {
        &self.node
    }

    /// The state of a slice.
    pub fn slice<T: SliceState>(&self) -> &T {
        let state = self.slices.states.get(&TypeId::of::<T>()).and_then(|state| state.downcast_ref());
        state.expect("the composition root implements SliceState only for what it adds")
    }

    /// Sets the metrics whose values are in memory.
    pub fn measure(&self) {
        self.slices.measures.iter().for_each(|measure| measure(self));
    }

    /// Begins the shutdown: `/readyz` fails from now on, so that load balancers send no new requests, and open streams end.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Waits until `stop` is called.
    pub async fn stopped(&self) {
        // The sender lives as long as the app, which is borrowed here.
        let _ = self.stopping.subscribe().wait_for(|stopping| *stopping).await;
    }

    pub fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}
