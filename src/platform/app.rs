//! What every request needs: made once at the start, cheap to clone, handed to the handlers as state.

use std::ops::Deref;
use std::sync::Arc;

use tokio::sync::watch;

use super::assets::Assets;
use super::config::PublicUrl;
use super::db::Db;
use super::metrics::Metrics;
use super::{Clock, Config, Random};

#[derive(Clone)]
pub struct App(Arc<Parts>);

pub struct Parts {
    pub config: Config,
    pub public_url: PublicUrl,
    pub db: Db,
    pub clock: Clock,
    pub random: Random,
    pub metrics: Metrics,
    pub assets: Assets,
    stopping: watch::Sender<bool>,
}

impl App {
    pub fn new(config: Config, db: Db, clock: Clock, random: Random, assets: Assets) -> Self {
        let public_url = config.public_url();
        let metrics = Metrics::new(db.engine());
        let stopping = watch::Sender::new(false);
        Self(Arc::new(Parts { config, public_url, db, clock, random, metrics, assets, stopping }))
    }

    /// From here on `/readyz` refuses, so that balancers send nothing new, and endless answers end themselves.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
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
