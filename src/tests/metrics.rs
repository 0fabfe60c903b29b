//! Tests of `/metrics`: both formats, and that each metric changes with what it counts.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use macro_rules_attribute::apply;

use super::harness::{Folder, START, Server, on_both_engines};
use super::keys::draft;
use super::oauth::{self, provider::Behavior};
use super::personas::{PASSWORD, Persona};
use crate::accounts::server::set_enabled;
use crate::admin::{self, Task};
use crate::keys::server as keys;
use crate::platform::config::{DatabaseUrl, Sources};
use crate::platform::db::Engine;
use crate::platform::metrics::Format;
use crate::server;
use crate::usage::server as usage;

type Samples = BTreeMap<String, f64>;

impl Server {
    /// The metrics in the plain format, as an operator on the same machine reads them.
    pub async fn metrics(&self) -> String {
        self.metrics_as("").await
    }

    async fn metrics_as(&self, accept: &str) -> String {
        let call = self.call_at("/metrics").header("host", "127.0.0.1:3000").from("127.0.0.1");
        let call = if accept.is_empty() { call } else { call.header("accept", accept) };
        let response = call.send().await;
        assert_eq!(
            (response.status.as_u16(), response.header("vary")),
            (200, "Accept"),
            "{}",
            response.text()
        );
        let format = if accept.contains("openmetrics") { Format::OpenMetrics } else { Format::Text };
        assert_eq!(response.header("content-type"), format.content_type());
        response.text()
    }

    async fn samples(&self) -> Samples {
        parse(&self.metrics().await, Format::Text)
    }

    /// The value of one series.
    pub async fn sample(&self, series: &str) -> f64 {
        *self.samples().await.get(series).unwrap_or_else(|| panic!("there is no {series}"))
    }

    async fn try_to_sign_in(&self, email: &str, password: &str) -> u16 {
        let fields = [("email", email), ("password", password)];
        self.post("/sign-in").same_origin().form(&fields).send().await.status.as_u16()
    }
}

/// Parses a page strictly by the specification of the format. Returns the values by series.
fn parse(page: &str, format: Format) -> Samples {
    let open_metrics = format == Format::OpenMetrics;
    let page = match page.strip_suffix("# EOF\n") {
        Some(rest) if open_metrics => rest,
        _ => {
            assert!(!open_metrics, "OpenMetrics ends with # EOF");
            page
        }
    };
    assert!(page.ends_with('\n') && !page.contains("# EOF") && !page.contains("\n\n"));
    let (mut samples, mut families) = (Samples::new(), BTreeSet::new());
    let (mut helped, mut family) = ("", ("", ""));
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, text) = rest.split_once(' ').expect(line);
            assert!(is_name(name) && !text.is_empty(), "{line}");
            helped = name;
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            family = rest.split_once(' ').expect(line);
            assert_eq!(helped, family.0, "the help of a family stands before its type");
            assert!(families.insert(family.0), "{line} comes once");
            let known = if open_metrics {
                &["counter", "gauge", "histogram", "info"][..]
            } else {
                &["counter", "gauge", "histogram"]
            };
            assert!(known.contains(&family.1), "{line}");
            if !open_metrics && family.1 == "counter" {
                assert!(family.0.ends_with("_total"), "{line}");
            }
        } else {
            assert!(!line.starts_with('#'), "{line}");
            let (series, value) = line.rsplit_once(' ').expect(line);
            let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
            check_labels(labels.strip_suffix('}').expect(line), line);
            let suffixes: &[&str] = match family.1 {
                "counter" if open_metrics => &["_total"],
                "info" => &["_info"],
                "histogram" => &["_bucket", "_sum", "_count"],
                _ => &[""],
            };
            assert!(
                suffixes.iter().any(|suffix| format!("{}{suffix}", family.0) == name),
                "{line} is of {family:?}"
            );
            assert!(
                samples.insert(series.to_owned(), value.parse().expect(line)).is_none(),
                "{line} comes once"
            );
        }
    }
    samples
}

fn is_name(name: &str) -> bool {
    let fits = |(place, c): (usize, char)| {
        c.is_ascii_alphabetic() || "_:".contains(c) || place > 0 && c.is_ascii_digit()
    };
    !name.is_empty() && name.chars().enumerate().all(fits)
}

/// `a="b",c="d"`; the values here need no escapes.
fn check_labels(labels: &str, line: &str) {
    for label in labels.split(',').filter(|label| !label.is_empty()) {
        let (name, value) = label.split_once('=').expect(line);
        let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).expect(line);
        assert!(is_name(name) && !value.contains(['"', '\\']), "{line}");
    }
}

#[apply(on_both_engines!)]
async fn both_formats_are_what_prometheus_reads(engine: Engine) {
    let server = Server::on(engine).await;
    server.get("/healthz").send().await;
    let plain = parse(&server.metrics().await, Format::Text);
    let open_metrics =
        parse(&server.metrics_as("application/openmetrics-text; version=1.0.0").await, Format::OpenMetrics);
    let names = |samples: &Samples| samples.keys().cloned().collect::<BTreeSet<_>>();
    // The second response counts the first one.
    let first = "latchkey_http_requests_total{method=\"GET\",route=\"/metrics\",status=\"200\"}";
    assert!(!plain.contains_key(first) && open_metrics.contains_key(first));
    assert!(names(&plain).is_subset(&names(&open_metrics)));
    assert!(plain.keys().any(|series| series.starts_with("latchkey_build_info{")));
}

#[apply(on_both_engines!)]
async fn readme_lists_every_family(engine: Engine) {
    let server = Server::on(engine).await;
    let page = server.metrics().await;
    let readme = include_str!("../../README.md");
    let lines: Vec<_> = page.lines().filter_map(|line| line.strip_prefix("# TYPE latchkey_")).collect();
    assert!(lines.len() > 20, "{page}");
    for line in lines {
        let name = line.split(' ').next().expect("a name");
        assert!(readme.contains(&format!("`{name}`")), "README does not list {name}");
    }
}

#[apply(on_both_engines!)]
async fn the_process_and_the_database_have_figures(engine: Engine) {
    let server = Server::on(engine).await;
    server::refresh_figures(&server.app).await.expect("figures");
    let samples = server.samples().await;
    for (series, least) in [
        ("process_resident_memory_bytes", 1e6),
        ("process_virtual_memory_bytes", 1e6),
        ("process_open_fds", 3.0),
        ("process_max_fds", 3.0),
        ("process_threads", 1.0),
        ("process_cpu_seconds_total", 0.0),
        ("latchkey_database_size_bytes", 10_000.0),
        ("latchkey_database_connections", 1.0),
        ("latchkey_database_connections_idle", 0.0),
    ] {
        assert!(samples[series] >= least, "{series}: {}", samples[series]);
    }
    assert_eq!(samples["process_start_time_seconds"], START.millis() as f64 / 1_000.0);
}

#[apply(on_both_engines!)]
async fn errors_of_the_database_and_waits_for_it_are_counted(engine: Engine) {
    let server = Server::on(engine).await;
    let waits = "latchkey_database_write_wait_seconds_count";
    let initial = server.sample(waits).await;
    drop(server.app.db.write().await.expect("a turn"));
    assert_eq!(server.sample(waits).await, initial + 1.0);

    // The counts are those of the whole process, in which other tests run.
    let errors = "latchkey_database_errors_total{kind=\"connection\"}";
    let initial = server.sample(errors).await;
    server.app.db.close().await;
    assert_eq!(server.get("/").browser().send().await.status, 503);
    assert!(server.sample(errors).await > initial);
}

#[apply(on_both_engines!)]
async fn usage_that_is_not_written_is_counted_and_so_are_failures(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let key = server.key(&owner, "CI").await;
    let (unwritten, remembered) = ("latchkey_usage_unwritten_requests", "latchkey_remembered_tokens");
    assert_eq!((server.sample(unwritten).await, server.sample(remembered).await), (0.0, 0.0));
    for _ in 0..3 {
        server.check(&key.plaintext).await;
    }
    assert_eq!((server.sample(unwritten).await, server.sample(remembered).await), (3.0, 1.0));
    keys::flush(&server.app).await.expect("written");
    assert_eq!(server.sample(unwritten).await, 0.0);

    server.check(&key.plaintext).await;
    usage::write_journal(&server.app).await.expect("written down, and not yet added up");
    server.app.db.close().await;
    let failed = |step: &str| format!("latchkey_usage_failures_total{{step=\"{step}\"}}");
    for step in ["write_down", "add_up"] {
        assert_eq!(server.sample(&failed(step)).await, 0.0, "{step}");
    }
    keys::flush(&server.app).await.expect_err("the database is away");
    for (step, count) in [("write_down", 0.0), ("add_up", 1.0)] {
        assert_eq!(server.sample(&failed(step)).await, count, "{step}");
    }
    server.check(&key.plaintext).await;
    keys::flush(&server.app).await.expect_err("the database is away");
    assert_eq!(server.sample(&failed("write_down")).await, 1.0);
    // Removed from the counters, and not yet in the database.
    assert_eq!(server.sample(unwritten).await, 1.0);
}

#[apply(on_both_engines!)]
async fn the_age_of_the_change_log_grows_until_it_is_read(engine: Engine) {
    let server = Server::on(engine).await;
    let age = "latchkey_change_log_age_seconds";
    assert_eq!(server.sample(age).await, 0.0);
    server.clock.advance(Duration::from_millis(7_500));
    assert_eq!(server.sample(age).await, 7.5);
    keys::read_change_log(&server.app).await.expect("read");
    assert_eq!(server.sample(age).await, 0.0);
}

#[apply(on_both_engines!)]
async fn failed_sign_ins_are_counted_by_reason(engine: Engine) {
    let server = Server::on(engine).await;
    let failures = |reason: &str| format!("latchkey_sign_in_failures_total{{reason=\"{reason}\"}}");
    for reason in ["password", "second_factor", "slowed", "disabled", "provider", "unknown_identity"] {
        assert_eq!(server.sample(&failures(reason)).await, 0.0, "{reason}");
    }
    let alice = server.person("alice@tidewater.example", "Alice", Some(PASSWORD)).await;
    server.person("bob@tidewater.example", "Bob", Some(PASSWORD)).await;
    set_enabled(&server.app, "bob@tidewater.example", false).await.expect("disabled");
    assert_eq!(server.try_to_sign_in("bob@tidewater.example", PASSWORD).await, 422);
    assert_eq!(server.sample(&failures("disabled")).await, 1.0);
    assert_eq!(server.try_to_sign_in("alice@tidewater.example", PASSWORD).await, 200);
    assert_eq!(server.sample(&failures("password")).await, 0.0);
    while server.try_to_sign_in("alice@tidewater.example", "not the password").await == 422 {}
    assert_eq!(server.sample(&failures("password")).await, 10.0);
    assert_eq!(server.sample(&failures("slowed")).await, 1.0);

    server.guard(&alice).await;
    server.clock.advance(Duration::from_secs(60 * 60));
    let fields = [("email", "alice@tidewater.example"), ("password", PASSWORD)];
    let pending = server.post("/sign-in").same_origin().form(&fields).send().await.cookies();
    let code = server.post("/sign-in/second-factor").same_origin().with(&pending).form(&[("code", "000000")]);
    assert_eq!(code.send().await.status, 422);
    assert_eq!(server.sample(&failures("second_factor")).await, 1.0);
}

#[apply(on_both_engines!)]
async fn failed_sign_ins_by_a_provider_are_counted_by_reason(engine: Engine) {
    let (server, provider) = oauth::server(engine, &[]).await;
    let failures = |reason: &str| format!("latchkey_sign_in_failures_total{{reason=\"{reason}\"}}");
    server.sign_in_by_provider(&provider, "nobody-here", "/auth/sso", "").await;
    assert_eq!(server.sample(&failures("unknown_identity")).await, 1.0);
    assert_eq!(server.sample(&failures("provider")).await, 0.0);
    provider.set_behavior(Behavior::RejectsCode);
    server.sign_in_by_provider(&provider, "nobody-here", "/auth/sso", "").await;
    assert_eq!(server.sample(&failures("provider")).await, 1.0);
}

#[apply(on_both_engines!)]
async fn logins_of_devices_are_counted_by_outcome(engine: Engine) {
    let server = Server::on(engine).await;
    let cookies = server.sign_in_as(Persona::Member).await;
    let (first, second) = (server.device(&[]).await, server.device(&[]).await);
    server.approve(&cookies, &first.user_code).await;
    server.poll(&first.device_code).await;
    server.deny(&cookies, &second.user_code).await;
    // Approved by somebody who is no member any more when the device asks.
    let third = server.device(&[]).await;
    server.approve(&cookies, &third.user_code).await;
    sqlx::query("DELETE FROM memberships").execute(server.app.db.pool()).await.expect("deleted");
    server.poll(&third.device_code).await;
    let samples = server.samples().await;
    for (outcome, count) in
        [("started", 3.0), ("approved", 2.0), ("completed", 1.0), ("denied", 1.0), ("refused", 1.0)]
    {
        let series = format!("latchkey_device_logins_total{{outcome=\"{outcome}\"}}");
        assert_eq!(samples[&series], count, "{series}");
    }
}

#[apply(on_both_engines!)]
async fn keys_that_work_and_end_soon_are_counted(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let counts = || async {
        server::refresh_figures(&server.app).await.expect("figures");
        let samples = server.samples().await;
        (samples["latchkey_keys_active"], samples["latchkey_keys_expiring"])
    };
    assert_eq!(counts().await, (0.0, 0.0));
    let for_ever = server.key(&owner, "For ever").await;
    let day = Duration::from_secs(24 * 60 * 60);
    for (name, days) in [("Soon", 3), ("Later", 30)] {
        let draft = keys::Draft { expires_at: Some(server.clock.now().plus(days * day)), ..draft(name) };
        keys::create(&server.app, &owner, &draft, None).await.expect("a key");
    }
    assert_eq!(counts().await, (3.0, 1.0));
    keys::disable(&server.app, &owner, for_ever.key.id).await.expect("disabled");
    assert_eq!(counts().await, (2.0, 1.0));
    server.clock.advance(4 * day);
    assert_eq!(counts().await, (1.0, 0.0), "an expired key does not work");
}

#[apply(on_both_engines!)]
async fn a_backup_by_another_process_shows(engine: Engine) {
    let server = Server::on(engine).await;
    let last = "latchkey_last_backup_timestamp_seconds";
    server::refresh_figures(&server.app).await.expect("figures");
    assert_eq!(server.sample(last).await, 0.0);
    let url = match &server.app.config.database.database_url {
        DatabaseUrl::Sqlite(path) => format!("sqlite:{}", path.display()),
        DatabaseUrl::Postgres(url) => url.to_string(),
    };
    let sources = [("LATCHKEY_DATABASE_URL".to_owned(), url)];
    let sources = Sources::from_parts("Leptos.toml".as_ref(), "", sources).expect("sources");
    let folder = Folder::new();
    for name in ["first", "second"] {
        let target = folder.path().join(name);
        admin::run(&sources, Task::Backup { target }).await.unwrap_or_else(|failure| panic!("{failure}"));
        server::refresh_figures(&server.app).await.expect("figures");
        // The time of that process's clock.
        assert!(server.sample(last).await > 1.6e9, "{name}");
    }
}
