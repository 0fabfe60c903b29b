//! What every request needs: made once at the start, cheap to clone, handed to the handlers as state.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use tokio::sync::watch;

use super::assets::Assets;
use super::config::PublicUrl;
use super::db::Db;
use super::live::Live;
use super::metrics::Metrics;
use super::{Clock, Config, Random};

#[derive(Clone)]
pub struct App(Arc<Parts>);

/// What slices keep in memory for an app (limits, caches), by type: the platform need not know them.
#[derive(Default)]
pub struct Slices(HashMap<TypeId, Box<dyn Any + Send + Sync>>);

impl Slices {
    #[must_use]
    pub fn with<T: Any + Send + Sync>(mut self, part: T) -> Self {
        self.0.insert(TypeId::of::<T>(), Box::new(part));
        self
    }
}

pub struct Parts {
    pub config: Config,
    pub public_url: PublicUrl,
    pub db: Db,
    pub clock: Clock,
    pub random: Random,
    pub metrics: Metrics,
    pub assets: Assets,
    pub live: Live,
    slices: Slices,
    stopping: watch::Sender<bool>,
    ids: AtomicU16,
}

impl App {
    pub fn new(config: Config, db: Db, clock: Clock, random: Random, assets: Assets, slices: Slices) -> Self {
        let public_url = config.public_url();
        let metrics = Metrics::new(db.engine());
        let stopping = watch::Sender::new(false);
        Self(Arc::new(Parts {
            config,
            public_url,
            db,
            clock,
            random,
            metrics,
            assets,
            live: Live::default(),
            slices,
            stopping,
            ids: AtomicU16::new(0),
        }))
    }

    /// Ten bytes for a new identifier: a count, so that what is made within one millisecond sorts as it was made, then
    /// chance.
    pub fn chance_for_id(&self) -> [u8; 10] {
        let mut bytes: [u8; 10] = self.random.bytes();
        let count = self.ids.fetch_add(1, Ordering::Relaxed);
        bytes[..2].copy_from_slice(&count.to_be_bytes());
        bytes
    }

    /// A slice's part, put in when the app was made.
    pub fn slice<T: Any + Send + Sync>(&self) -> &T {
        let part = self.slices.0.get(&TypeId::of::<T>()).and_then(|part| part.downcast_ref());
        part.expect("every slice's part is put in when the app is made")
    }

    /// From here on `/readyz` refuses, so that balancers send nothing new, and endless answers end themselves.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Ready once the server stops.
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
