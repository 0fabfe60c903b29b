//! The composition root, the only module that knows all slices: it puts their state, routes and jobs together, serves, and
//! stops everything in order.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state};
use prometheus_client::registry::Registry;
use utoipa_axum::routes;

use crate::platform::config::Sources;
use crate::platform::http::fast_path::Dispatcher;
use crate::platform::http::{Audience, Availability, Routes, serve as serve_http, stack, static_files};
use crate::platform::jobs::{self, Job};
use crate::platform::metrics::latchkey_registry;
use crate::platform::process::{self, FatalError};
use crate::platform::{
    App, Assets, Clock, Config, Downloads, Error, Problem, Random, SliceState, Slices, db, health, telemetry,
};
use crate::shared::VERSION;
use crate::ui::server::{errors, theme};
use crate::{
    accounts, agents, api, approvals, armoriq, audit, audit_log, device, keys, leaks, mcp, oauth, orgs,
    overview, permissions, policy_settings, profile, protect, search, usage, webhooks,
};

/// How long the shutdown waits for the database connections to close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Runs the server until the process receives a signal to stop. Errors of the configuration, the port or the database are returned
/// before the first request is accepted.
pub async fn serve(sources: &Sources) -> Result<(), FatalError> {
    let config = Config::read(sources)?;
    let clock = Clock::system();
    telemetry::start(&config.log, clock.clone());
    let address = config.site.site_addr;
    let listener = process::listen(address)?;
    let mut stop_signal = Box::pin(process::stop_signal()?);
    let db = tokio::select! {
        db = db::open_when_reachable(&config.database, &clock) => db?,
        () = serve_http::serve_starting(&listener) => return Ok(()), // this future never ends by itself
        () = &mut stop_signal => {
            tracing::info!("stopped before the database could be reached");
            return Ok(());
        }
    };
    let assets = front_end(&config);
    let random = Random::system();
    let slices = slices(&random);
    let app = App::new(config, db, clock, random, assets, slices);
    process::warn_of_plain_http(&app);
    start(&app).await?;

    let (engine, url) = (app.db.engine(), app.public_url.origin());
    tracing::info!("Latchkey {VERSION} with {engine} is ready on {url} (listening on {address})");
    let stopping = async {
        stop_signal.await;
        app.stop();
        tracing::info!("stopping: running requests may finish");
    };
    serve_http::serve(listener, dispatcher(&app), &app.config.limits, stopping).await;
    if let Err(error) = stop(&app).await {
        tracing::error!(%error, "cannot write the last counts");
    }
    app.mail.finish().await;
    // Without the timeout, a database that does not respond would keep the process alive for ever.
    if tokio::time::timeout(CLOSE_TIMEOUT, app.db.close()).await.is_err() {
        tracing::warn!("cannot close the database connections in time");
    }
    tracing::info!("stopped");
    Ok(())
}

#[cfg(feature = "embed")]
fn front_end(_config: &Config) -> Assets {
    Assets::embedded()
}

#[cfg(not(feature = "embed"))]
fn front_end(config: &Config) -> Assets {
    Assets::folder(&config.site.site_root)
}

/// The inputs for the initial state of slices.
struct SliceParts<'a> {
    random: &'a Random,
    metrics: &'a mut Registry,
}

/// Declares the state that slices keep in memory. `App::slice` does not compile for a type that is not listed here.
macro_rules! slice_states {
    ($($State:ty = $state:expr;)+) => {
        $(impl SliceState for $State {})+

        pub fn slices(random: &Random) -> Slices {
            let mut registry = Registry::default();
            let mut parts = SliceParts { random, metrics: latchkey_registry(&mut registry) };
            let mut slices = Slices::default();
            $(
                let new: fn(&mut SliceParts<'_>) -> $State = $state;
                slices = slices.with::<$State>(new(&mut parts));
            )+
            slices
                .with_metrics(registry)
                .measured_by(keys::server::measure)
                .measured_by(usage::server::measure)
                .measured_by(leaks::server::measure)
        }
    };
}

slice_states! {
    accounts::server::Devices = |_| accounts::server::Devices(Box::new(device::server::LoginDevices));
    accounts::server::Discoveries = |_| Default::default();
    accounts::server::Throttle = |_| Default::default();
    Arc<device::server::Polls> = |_| Default::default();
    Arc<keys::server::KeyCache> = |parts| Arc::new(keys::server::KeyCache::new(parts.random));
    Arc<webhooks::server::DeliveryDispatcher> = |_| Default::default();
    approvals::server::ApprovalLetters = |_| Default::default();
    policy_settings::server::PreviewSlots = |_| Default::default();
    approvals::server::ApprovalHandlers = |_| approvals::server::ApprovalHandlers(vec![
        Box::new(keys::server::KeyApprovalHandler),
        Box::new(policy_settings::server::PolicyWeakeningHandler),
    ]);
    audit::Refusals = |_| Default::default();
    audit::RegisteredListener = |_| audit::RegisteredListener(Box::new(webhooks::server::WebhookListener));
    Downloads = |_| Default::default();
    device::server::LoginLimits = |_| Default::default();
    oauth::server::ClientDocuments = |_| Default::default();
    oauth::server::ClientLimits = |_| Default::default();
    keys::server::RegisteredKeyNotice = |_| keys::server::RegisteredKeyNotice(Box::new(leaks::server::LeakNotice));
    keys::server::rest::MistakeLog = |_| Default::default();
    keys::server::TrialLimits = |_| Default::default();
    leaks::server::LeakQueue = |_| Default::default();
    Arc<permissions::server::PermissionCache> = |_| Default::default();
    orgs::server::RegisteredCounter =
        |_| orgs::server::RegisteredCounter(Box::new(approvals::server::PendingApprovalCounter));
    orgs::server::OpenStreams = |_| Default::default();
    orgs::server::Offboarding = |_| orgs::server::Offboarding(Box::new(keys::server::OrgKeyOffboarding));
    usage::server::Usage = |_| Default::default();
    usage::server::WatchedOrgs = |_| Default::default();
    accounts::server::AccountMetrics = |parts| accounts::server::AccountMetrics::register(parts.metrics);
    device::server::DeviceMetrics = |parts| device::server::DeviceMetrics::register(parts.metrics);
    keys::server::KeyMetrics = |parts| keys::server::KeyMetrics::register(parts.metrics);
    leaks::server::LeakMetrics = |parts| leaks::server::LeakMetrics::register(parts.metrics);
    usage::server::UsageMetrics = |parts| usage::server::UsageMetrics::register(parts.metrics);
    webhooks::server::WebhookMetrics = |parts| webhooks::server::WebhookMetrics::register(parts.metrics);
}

/// Connects the caches of the slices to the change log.
pub fn listen(app: &App) {
    let keys = Arc::clone(app.slice::<Arc<keys::server::KeyCache>>());
    let logins = Arc::clone(app.slice::<Arc<device::server::Polls>>());
    let permissions = Arc::clone(app.slice::<Arc<permissions::server::PermissionCache>>());
    app.db.listener().set(move |event| {
        keys.receive(event);
        logins.receive(event);
        permissions.receive(event);
    });
}

/// Runs once before the first request.
async fn start(app: &App) -> Result<(), Error> {
    accounts::server::print_setup_link(app).await?;
    listen(app);
    keys::server::prepare(app).await?;
    webhooks::server::prepare(app).await?;
    jobs::start(app, &jobs());
    Ok(())
}

/// Runs once after the last response: writes what is in memory only.
pub async fn stop(app: &App) -> Result<(), Error> {
    app.jobs.stop().await;
    // Usage first: its writing is repeated for a while, so that a database that comes back takes the rest too.
    let settled = keys::server::drain(app).await;
    let refusals = app.db.retry_within(Duration::ZERO, async || audit::flush_refusals(app, true).await).await;
    // Ending leaked keys writes events, which the webhooks then drain.
    let leaks = leaks::server::drain(app).await;
    settled.and(refusals).and(leaks).and(webhooks::server::drain(app).await)
}

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// All background jobs.
pub fn jobs() -> Vec<Job> {
    vec![
        Job {
            name: "change_log",
            every: SECOND,
            time_limit: 10 * SECOND,
            overdue_after: 30 * SECOND,
            run: |app| Box::pin(async move { keys::server::follow_change_log(&app).await }),
        },
        Job {
            name: "usage",
            every: usage::server::FLUSH_INTERVAL,
            time_limit: MINUTE,
            overdue_after: 5 * MINUTE,
            run: |app| Box::pin(async move { keys::server::write_usage(&app).await }),
        },
        Job {
            name: "refusals",
            every: 10 * SECOND,
            time_limit: 10 * SECOND,
            overdue_after: 10 * MINUTE,
            run: |app| Box::pin(async move { audit::flush_refusals(&app, false).await }),
        },
        Job {
            name: "permissions",
            every: 10 * SECOND,
            time_limit: 10 * SECOND,
            overdue_after: 5 * MINUTE,
            run: |app| Box::pin(async move { permissions::server::jobs::write_query_times(&app).await }),
        },
        Job {
            name: "leaks",
            every: SECOND / 10,
            time_limit: MINUTE,
            overdue_after: 5 * MINUTE,
            run: |app| Box::pin(async move { leaks::server::wait_and_examine(&app).await }),
        },
        Job {
            name: "leak_letters",
            every: MINUTE,
            time_limit: 20 * SECOND,
            overdue_after: HOUR,
            run: |app| Box::pin(async move { leaks::server::send_letters(&app).await }),
        },
        Job {
            name: "reminders",
            every: HOUR,
            time_limit: HOUR / 12,
            overdue_after: DAY,
            run: |app| Box::pin(async move { keys::server::send_reminders(&app).await }),
        },
        Job {
            name: "webhooks",
            every: SECOND,
            time_limit: MINUTE,
            overdue_after: 5 * MINUTE,
            run: |app| Box::pin(async move { webhooks::server::deliver(&app).await }),
        },
        Job {
            name: "webhook_upkeep",
            every: MINUTE,
            time_limit: MINUTE,
            overdue_after: HOUR,
            run: |app| {
                Box::pin(async move {
                    keys::server::announce_expiries(&app).await?;
                    webhooks::server::upkeep(&app).await
                })
            },
        },
        Job {
            name: "approvals",
            every: MINUTE,
            time_limit: 5 * MINUTE,
            overdue_after: HOUR,
            run: |app| Box::pin(async move { approvals::server::expire(&app).await }),
        },
        Job {
            name: "key_policies",
            every: HOUR,
            time_limit: HOUR / 4,
            overdue_after: 6 * HOUR,
            run: |app| Box::pin(async move { keys::server::apply_policies(&app).await }),
        },
        Job {
            name: "key_policy_letters",
            every: MINUTE,
            time_limit: 5 * MINUTE,
            overdue_after: HOUR,
            run: |app| Box::pin(async move { policy_settings::server::announce_changes(&app).await }),
        },
        // Needed because other processes end sessions too.
        Job {
            name: "live_sessions",
            every: 5 * SECOND,
            time_limit: MINUTE,
            overdue_after: 5 * MINUTE,
            run: |app| Box::pin(async move { orgs::server::end_streams_without_access(&app).await }),
        },
        Job {
            name: "live_changes",
            every: 2 * SECOND,
            time_limit: 10 * SECOND,
            overdue_after: 5 * MINUTE,
            run: |app| Box::pin(async move { usage::server::publish_changes(&app).await }),
        },
        Job {
            name: "figures",
            every: 5 * MINUTE,
            time_limit: 10 * SECOND,
            overdue_after: HOUR,
            run: |app| Box::pin(async move { refresh_figures(&app).await }),
        },
        Job {
            name: "sweep",
            every: HOUR,
            time_limit: HOUR / 12,
            overdue_after: 3 * HOUR,
            run: |app| Box::pin(async move { sweep(&app).await }),
        },
    ]
}

/// Reads the figures for `/metrics` that only the database has.
pub async fn refresh_figures(app: &App) -> Result<(), Error> {
    let metrics = &app.metrics.database;
    metrics.set_size(app.db.size().await?);
    metrics.set_last_backup(app.db.last_backup().await?);
    keys::server::count_all(app).await?;
    webhooks::server::count_waiting(app).await
}

/// Removes what has ended or is older than its retention.
pub async fn sweep(app: &App) -> Result<(), Error> {
    accounts::server::sweep(app).await?;
    orgs::server::sweep(app).await?;
    keys::server::sweep(app).await?;
    device::server::sweep(app).await?;
    oauth::server::sweep(app).await?;
    webhooks::server::sweep(app).await?;
    app.db.checkpoint().await;
    let settings = &app.config.accounts;
    audit::sweep(app, settings.audit_retention, settings.refusal_retention).await.map(drop)
}

/// The table of routes, put together from those of the slices.
pub fn routes() -> Routes {
    let routes = Routes::default()
        .get("/assets/{hash}/{*path}", Audience::Anyone, static_files::hashed)
        .without_database()
        .get("/favicon.svg", Audience::Anyone, static_files::favicon)
        .without_database()
        .get("/robots.txt", Audience::Anyone, static_files::robots)
        .without_database()
        .post("/preferences/theme", Audience::Anyone, theme::choose)
        .merge(health::routes())
        .merge(accounts::server::routes())
        .merge(orgs::server::routes())
        .merge(keys::server::routes())
        .merge(profile::server::routes())
        .merge(audit_log::server::routes())
        .merge(overview::server::routes())
        .merge(protect::server::routes())
        .merge(search::server::routes())
        .merge(agents::server::routes())
        .merge(device::server::routes())
        .merge(oauth::server::routes())
        .merge(webhooks::server::routes())
        .merge(approvals::server::routes())
        .merge(mcp::server::routes())
        .merge(policy_settings::server::routes())
        .merge(leaks::server::routes())
        .merge(keys::server::rest::routes())
        .merge(webhooks::server::rest::routes())
        .merge(policy_settings::server::rest::routes())
        .merge(leaks::server::rest::routes())
        .documented(Audience::Anyone, routes!(api::document::show))
        .merge(armoriq::routes());
    #[cfg(debug_assertions)]
    let routes = routes.merge(crate::ui::gallery::routes());
    routes
}

pub fn dispatcher(app: &App) -> Dispatcher {
    // Leptos spawns tasks with this executor. Further calls, in tests with many apps, fail and change nothing.
    let _ = any_spawner::Executor::init_tokio();
    let routes = routes();
    let bound = orgs::server::BoundForms::among(routes.list());
    let document = api::document::build(app, routes.description().clone());
    let availability = Availability::of(app, routes.list());
    let protocols = routes.protocols();
    let (router, fast_routes) = routes.into_parts();
    let router = router
        .fallback(|| async { Problem::of(StatusCode::NOT_FOUND) })
        .layer(from_fn_with_state((app.clone(), bound), orgs::server::refuse_other_org))
        .layer(from_fn_with_state(app.clone(), orgs::server::add_frame))
        .layer(accounts::server::layer(app))
        .layer(from_fn(accounts::server::mark_refresh))
        .layer(from_fn(accounts::server::explain_unsaved))
        .layer(Extension(document));
    Dispatcher::new(app, fast_routes, stack(app, router, availability, protocols, errors::page))
}
