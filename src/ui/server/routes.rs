//! The table of routes, put together from the slices' own.

use std::time::Duration;

use axum::Router;

use super::{errors, live, start, theme};
use crate::platform::boot::Product;
use crate::platform::http::{Doors, Who, stack};
use crate::platform::{App, Slices, assets, health};
use crate::{accounts, audit, orgs};

/// How often what has ended is removed.
const SWEEP: Duration = Duration::from_secs(60 * 60);

pub const PRODUCT: Product = Product { slices, router, start: |app| Box::pin(begin(app)) };

/// What the capabilities keep in memory.
pub fn slices() -> Slices {
    Slices::default().with(accounts::server::Throttle::default())
}

async fn begin(app: App) -> Result<(), crate::platform::Error> {
    accounts::server::print_setup_link(&app).await?;
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

/// Removes what has ended or is older than it may be.
pub async fn sweep(app: &App) -> Result<(), crate::platform::Error> {
    accounts::server::sweep(app).await?;
    audit::sweep(app, app.config.accounts.audit_retention).await.map(drop)
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
        .and(orgs::server::doors());
    #[cfg(debug_assertions)]
    let doors = doors.and(super::specimen::doors());
    doors
}

pub fn router(app: &App) -> Router {
    // Leptos spawns through this; a second call (tests make many apps) finds it done.
    let _ = any_spawner::Executor::init_tokio();
    stack(app, doors().into_router().layer(accounts::server::layer(app)), errors::page)
}
