//! The table of routes, put together from the slices' own.

use std::sync::Arc;
use std::time::Duration;

use axum::middleware::{from_fn, from_fn_with_state};

use super::{errors, live, start, theme};
use crate::platform::boot::Product;
use crate::platform::http::lean::Entrance;
use crate::platform::http::{Doors, Who, stack};
use crate::platform::{App, Random, Slices, assets, health};
use crate::usage::Outcome;
use crate::{accounts, agents, api, armoriq, audit, device, keys, orgs, overview, usage};

/// How often what has ended is removed.
const SWEEP: Duration = Duration::from_secs(60 * 60);
/// How often what the database must be asked for is brought up to date in the metrics, and how long that may take.
const FIGURES: Duration = Duration::from_secs(5 * 60);
const MOST_FOR_FIGURES: Duration = Duration::from_secs(30);
/// How often refusals that were counted are written; each is due a minute after the one before.
const FLUSH: Duration = Duration::from_secs(10);
/// How often open streams check whether they still may: other processes end sessions too.
const RECHECK: Duration = Duration::from_secs(5);

pub const PRODUCT: Product =
    Product { slices, entrance, start: |app| Box::pin(begin(app)), stop: |app| Box::pin(end(app)) };

/// What the capabilities keep in memory.
pub fn slices(random: &Random) -> Slices {
    Slices::default()
        .with(accounts::server::Throttle::default())
        .with(audit::Refusals::default())
        .with(orgs::server::Legacy(Box::new(keys::server::Left)))
        .with(Arc::new(keys::server::Memory::new(random)))
        .with(usage::server::Usage::default())
        .with(accounts::server::Discoveries::default())
        .with(device::server::Limits::default())
        .with(Arc::new(device::server::Polls::default()))
        .with(accounts::server::Devices(Box::new(device::server::Listed)))
        .with(api::MistakeLog::default())
        .with_outcomes(Outcome::ALL.map(Outcome::as_str))
        .measured_by(keys::server::measure)
        .measured_by(usage::server::measure)
}

/// From here on those who remember hear of changes.
pub fn listen(app: &App) {
    let keys = Arc::clone(app.slice::<Arc<keys::server::Memory>>());
    let logins = Arc::clone(app.slice::<Arc<device::server::Polls>>());
    app.db.listener.set(move |heard| {
        keys.hear(heard);
        logins.hear(heard);
    });
}

async fn begin(app: App) -> Result<(), crate::platform::Error> {
    accounts::server::print_setup_link(&app).await?;
    listen(&app);
    keys::server::watch(&app).await?;
    let measured = app.clone();
    tokio::spawn(async move {
        loop {
            match tokio::time::timeout(MOST_FOR_FIGURES, refresh_figures(&measured)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(%error, "figures for the metrics could not be read"),
                Err(_) => tracing::warn!("figures for the metrics took too long to read"),
            }
            tokio::time::sleep(FIGURES).await;
        }
    });
    tokio::spawn({
        let app = app.clone();
        async move {
            loop {
                tokio::time::sleep(FLUSH).await;
                if let Err(error) = audit::flush_refusals(&app, false).await {
                    tracing::warn!(%error, "repeated refusals could not be written; trying again later");
                }
            }
        }
    });
    tokio::spawn({
        let app = app.clone();
        async move {
            loop {
                tokio::time::sleep(RECHECK).await;
                app.live.recheck_all();
            }
        }
    });
    tokio::spawn(async move {
        loop {
            if let Err(error) = sweep(&app).await {
                tracing::warn!(%error, "what has ended could not be removed; trying again later");
            }
            tokio::time::sleep(SWEEP).await;
        }
    });
    Ok(())
}

/// Brings the metrics that the database must be asked for up to date.
pub async fn refresh_figures(app: &App) -> Result<(), crate::platform::Error> {
    let operations = &app.metrics.operations;
    operations.set_database_size(app.db.size().await?);
    operations.set_last_backup(app.db.last_backup().await?);
    keys::server::count_all(app).await
}

/// What is in memory only is written before the process ends.
async fn end(app: App) -> Result<(), crate::platform::Error> {
    let refusals = audit::flush_refusals(&app, true).await;
    keys::server::settle(&app).await?;
    refusals
}

/// Removes what has ended or is older than it may be.
pub async fn sweep(app: &App) -> Result<(), crate::platform::Error> {
    accounts::server::sweep(app).await?;
    orgs::server::sweep(app).await?;
    keys::server::sweep(app).await?;
    device::server::sweep(app).await?;
    let settings = &app.config.accounts;
    audit::sweep(app, settings.audit_retention, settings.refusal_retention).await.map(drop)
}

pub fn doors() -> Doors {
    let doors = Doors::default()
        .get("/", Who::Anyone, start::show)
        .get("/assets/{hash}/{*path}", Who::Anyone, assets::hashed)
        .get("/favicon.svg", Who::Anyone, assets::favicon)
        .get("/robots.txt", Who::Anyone, assets::robots)
        .get("/live", Who::Person, live::listen)
        .post("/preferences/theme", Who::Anyone, theme::choose)
        .and(health::doors())
        .and(accounts::server::doors())
        .and(orgs::server::doors())
        .and(audit::doors())
        .and(keys::server::doors())
        .and(overview::server::doors())
        .and(agents::server::doors())
        .and(device::server::doors())
        .and(api::doors())
        .and(armoriq::doors());
    #[cfg(debug_assertions)]
    let doors = doors.and(super::specimen::doors());
    doors
}

pub fn entrance(app: &App) -> Entrance {
    // Leptos spawns through this; a second call (tests make many apps) finds it done.
    let _ = any_spawner::Executor::init_tokio();
    let doors = doors();
    let bound = orgs::server::Bound::among(doors.list());
    let (routes, before) = doors.into_parts();
    let routes = routes
        .layer(from_fn_with_state((app.clone(), bound), orgs::server::refuse_other_org))
        .layer(accounts::server::layer(app))
        .layer(from_fn(accounts::server::explain_unsaved));
    Entrance::new(app, before, stack(app, routes, errors::page))
}
