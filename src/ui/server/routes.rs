//! The table of routes, put together from the slices' own.

use axum::Router;

use super::{errors, start};
use crate::platform::http::{Doors, Who, stack};
use crate::platform::{App, assets, health};

pub fn doors() -> Doors {
    Doors::default()
        .get("/", Who::Anyone, start::show)
        .get("/assets/{hash}/{*path}", Who::Anyone, assets::hashed)
        .get("/favicon.svg", Who::Anyone, assets::favicon)
        .get("/robots.txt", Who::Anyone, assets::robots)
        .and(health::doors())
}

pub fn router(app: &App) -> Router {
    // Leptos spawns through this; a second call (tests make many apps) finds it done.
    let _ = any_spawner::Executor::init_tokio();
    stack(app, doors().into_router(), errors::page)
}
