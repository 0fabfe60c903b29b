//! Tests of the ranges of settings: every amount has one, and a server works with the smallest values.

use macro_rules_attribute::apply;

use super::harness::{Server, TestDatabase, on_both_engines};
use super::personas::Persona;
use super::sockets::{ListeningServer, status_of};
use crate::platform::Config;
use crate::platform::config::{ConfigError, Sources};
use crate::platform::db::Engine;

/// Name, a value below the minimum (empty if there is none), the minimum, the maximum, a value above it.
const RANGES: &[[&str; 5]] = &[
    ["reload_port", "0", "1", "65535", "65536"],
    ["database_connections", "0", "1", "1000", "1001"],
    ["database_timeout", "99ms", "100ms", "5m", "300001ms"],
    ["max_body", "1023B", "1KiB", "1GiB", "1073741825B"],
    ["max_headers", "1023B", "1KiB", "1MiB", "1048577B"],
    ["header_timeout", "99ms", "100ms", "10m", "600001ms"],
    ["keep_alive_timeout", "999ms", "1s", "1h", "3600001ms"],
    ["body_timeout", "99ms", "100ms", "10m", "600001ms"],
    ["request_timeout", "999ms", "1s", "10m", "600001ms"],
    ["send_timeout", "99ms", "100ms", "10m", "600001ms"],
    ["shutdown_grace", "", "0s", "10m", "600001ms"],
    ["session_idle", "299999ms", "5m", "400d", "34560000001ms"],
    ["session_life", "299999ms", "5m", "400d", "34560000001ms"],
    ["audit_retention", "86399999ms", "1d", "36500d", "3153600000001ms"],
    ["refusal_retention", "86399999ms", "1d", "36500d", "3153600000001ms"],
    ["key_hash_cost", "0", "1", "20", "21"],
    ["remembered_tokens", "0", "1", "100000000", "100000001"],
    ["usage_retention", "86399999ms", "1d", "3650d", "315360000001ms"],
    ["device_code_life", "59999ms", "1m", "1d", "86400001ms"],
    ["device_poll_interval", "999ms", "1s", "30s", "30001ms"],
    ["device_codes_per_minute", "0", "1", "100000", "100001"],
    ["device_codes_open", "0", "1", "10000", "10001"],
    ["device_wrong_codes_per_person", "0", "1", "10000", "10001"],
    ["device_wrong_codes_per_address", "0", "1", "10000", "10001"],
    ["device_session_age", "59999ms", "1m", "400d", "34560000001ms"],
    ["login_key_life", "3599999ms", "1h", "36500d", "3153600000001ms"],
    ["provider_timeout", "99ms", "100ms", "2m", "120001ms"],
    ["webhook_timeout", "99ms", "100ms", "1m", "60001ms"],
    ["mail_timeout", "99ms", "100ms", "10m", "600001ms"],
];

/// Settings that are not amounts.
const OTHERS: &[&str] = &[
    "site_addr",
    "site_root",
    "public_url",
    "trusted_proxies",
    "metrics_token",
    "database_url",
    "sign_up",
    "api_plans",
    "default_plan",
    "device_clients",
    "device_prefilled_codes",
    "mcp_kinds",
    "oauth_client_targets",
    "github_client_id",
    "github_client_secret",
    "github_url",
    "google_client_id",
    "google_client_secret",
    "oidc_issuer",
    "oidc_client_id",
    "oidc_client_secret",
    "oidc_name",
    "webhook_targets",
    "github_scanning_keys",
    "smtp_url",
    "mail_from",
    "log",
    "log_format",
];

fn variable(name: &str) -> String {
    format!("LATCHKEY_{}", name.to_uppercase())
}

fn read(name: &str, value: &str) -> Result<Config, ConfigError> {
    let variables = [(variable(name), value.to_owned())];
    Config::read(&Sources::from_parts("Leptos.toml".as_ref(), "", variables)?)
}

#[test]
fn every_setting_is_in_the_table_or_no_amount() {
    for setting in Config::settings() {
        let listed = RANGES.iter().any(|[name, ..]| *name == setting.name);
        assert_eq!(setting.range.is_some(), listed, "{}", setting.name);
        assert_ne!(listed, OTHERS.contains(&setting.name), "{} is in one of the lists", setting.name);
    }
}

#[test]
fn values_outside_of_their_range_stop_the_start_with_one_line() {
    for [name, below, least, greatest, above] in RANGES {
        for value in [least, greatest] {
            assert!(read(name, value).is_ok(), "{name} = {value}");
        }
        for value in [below, above].into_iter().filter(|value| !value.is_empty()) {
            let line = read(name, value).map(drop).expect_err(name).to_string();
            let variable = variable(name);
            let expected = [
                format!("{variable} must be between {least} and {greatest}, not \"{value}\""),
                format!("{variable}: \"{value}\" is not a whole number from 0 to 65535"),
            ];
            assert!(expected.contains(&line), "{line}");
        }
        // Values that no duration, size or count can hold.
        let unit = greatest.trim_start_matches(|c: char| c.is_ascii_digit());
        for number in [u128::from(u64::MAX), u128::MAX] {
            assert!(read(name, &format!("{number}{unit}")).is_err(), "{name} = {number}{unit}");
        }
    }
}

#[test]
fn help_names_the_range_of_every_amount() {
    let help = Config::help();
    for [name, _, least, greatest, _] in RANGES {
        let setting = help.split("\n\n").find(|text| text.contains(&format!(": {name})"))).expect(name);
        assert!(setting.contains(&format!("between {least} and {greatest}")), "{setting}");
    }
}

#[apply(on_both_engines!)]
async fn a_server_with_the_smallest_values_works(engine: Engine) {
    let settings: Vec<(String, &str)> =
        RANGES.iter().map(|[name, _, least, ..]| (variable(name), *least)).collect();
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    let server = Server::with(engine, &settings).await;
    let listening = ListeningServer::start(&server).await;
    for path in ["/healthz", "/readyz", "/sign-in", "/metrics"] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
        let response = listening.exchange(request.as_bytes()).await;
        assert_eq!(status_of(&response), 200, "{path}: {response}");
    }
    // With one connection, no request needs a second one while it has the first.
    let cookies = server.sign_in_as(Persona::Owner).await;
    for path in
        ["/overview", "/settings/api-keys", "/settings/members", "/settings/audit-log", "/settings/profile"]
    {
        assert_eq!(server.get(path).browser().with(&cookies).send().await.status, 200, "{path}");
    }
    crate::server::sweep(&server.app).await.expect("a sweep");
    listening.stop().await;
}

#[apply(on_both_engines!)]
async fn a_server_with_the_largest_values_works(engine: Engine) {
    // Less than the greatest: hashing with 1 GiB, and more connections than a test's database takes.
    let except = ["key_hash_cost", "database_connections"];
    let settings: Vec<(String, &str)> = RANGES
        .iter()
        .filter(|[name, ..]| !except.contains(name))
        .map(|[name, _, _, greatest, _]| (variable(name), *greatest))
        .collect();
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    let server = Server::with(engine, &settings).await;
    let cookies = server.sign_in_as(Persona::Owner).await;
    assert_eq!(server.get("/overview").browser().with(&cookies).send().await.status, 200);
    crate::server::sweep(&server.app).await.expect("a sweep");
    crate::keys::server::flush(&server.app).await.expect("usage is written");
}

#[tokio::test]
async fn the_least_database_timeout_is_enough_to_open_one() {
    let database = TestDatabase::migrated(crate::platform::db::Engine::Sqlite).await;
    let config =
        database.config(&[("LATCHKEY_DATABASE_TIMEOUT", "1s"), ("LATCHKEY_DATABASE_CONNECTIONS", "1")]);
    let db = crate::platform::db::Db::open(&config.database, crate::platform::db::Opener::Server).await;
    db.expect("it opens").close().await;
}
