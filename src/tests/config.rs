//! Tests of the configuration: invalid values prevent the start with one line, and the documentation matches the settings.

use std::path::Path;

use crate::platform::Config;
use crate::platform::config::{ConfigError, OUTPUT_NAME, SITE_PKG_DIR, Sources};

fn read(file: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::read(&Sources::from_parts(Path::new("Leptos.toml"), file, variables)?)
}

fn refusal(file: &str, variables: &[(&str, &str)]) -> String {
    read(file, variables).map(drop).expect_err("it is refused").to_string()
}

#[test]
fn variables_win_over_the_file_and_the_file_over_defaults() {
    let file = "[leptos]\nsite-addr = \"127.0.0.1:4000\"\n[latchkey]\nmax_body = 2048\nlog = \"warn\"\n\
                trusted_proxies = [\"10.0.0.0/8\", \"fd00::1\"]\n";
    let config = read(file, &[("LATCHKEY_LOG", "debug"), ("PATH", "/bin")]).expect("a valid configuration");
    assert_eq!(config.site.site_addr.port(), 4000);
    assert_eq!(config.public_url().origin(), "http://127.0.0.1:4000");
    assert_eq!(config.limits.max_body.get(), 2048);
    assert_eq!(config.log.log, "debug");
    assert_eq!(config.web.trusted_proxies.len(), 2);
    assert_eq!(config.database.database_connections, 8);
    let config =
        read("", &[("LEPTOS_SITE_ADDR", "127.0.0.1:5000")]).expect("what cargo-leptos sets is heard");
    assert_eq!(config.site.site_addr.port(), 5000);
}

#[test]
fn every_error_is_one_line_that_names_the_setting() {
    for (file, variables, told) in [
        ("[latchkey]\nmax_bodi = 1", &[][..], "Leptos.toml: there is no setting max_bodi in [latchkey]"),
        ("[latchkeys]\nlog = \"info\"", &[], "Leptos.toml: there is no setting log in [latchkeys]"),
        ("log = \"info\"", &[], "Leptos.toml: log must be in the table"),
        ("[latchkey]\nlog = ", &[], "Leptos.toml: line 2:"),
        ("[latchkey]\nlog = { a = 1 }", &[], "Leptos.toml: log in [latchkey] is neither"),
        ("[latchkey]\nmax_body = \"1 MB\"", &[], "Leptos.toml: max_body: \"1 MB\" is not a size"),
        ("", &[("LATCHKEY_PUBLIC_ULR", "x")], "there is no setting LATCHKEY_PUBLIC_ULR"),
        (
            "",
            &[("LATCHKEY_PUBLIC_URL", "keys.example")],
            "LATCHKEY_PUBLIC_URL: \"keys.example\" is not an address",
        ),
        ("", &[("LATCHKEY_SITE_ADDR", "3000")], "LATCHKEY_SITE_ADDR: \"3000\" is not an address with a port"),
        (
            "",
            &[("LATCHKEY_TRUSTED_PROXIES", "10.0.0.0/8, x")],
            "LATCHKEY_TRUSTED_PROXIES: \"10.0.0.0/8, x\" has a part \"x\"",
        ),
        (
            "",
            &[("LATCHKEY_DATABASE_CONNECTIONS", "0")],
            "LATCHKEY_DATABASE_CONNECTIONS must be between 1 and 1000",
        ),
        (
            "[latchkey]\nheader_timeout = \"0s\"",
            &[],
            "Leptos.toml: header_timeout must be between 100ms and 10m, not \"0s\"",
        ),
        ("", &[("LATCHKEY_LOG", "loud=verbose")], "log: \"loud=verbose\" is neither"),
        ("", &[("LATCHKEY_SIGN_UP", "open")], "sign_up: open needs smtp_url"),
        ("", &[("LATCHKEY_SMTP_URL", "smtps://mail.example")], "smtp_url and mail_from: mail needs both"),
        ("", &[("LATCHKEY_MAIL_FROM", "nobody")], "LATCHKEY_MAIL_FROM: \"nobody\" is not a sender"),
        ("", &[("LATCHKEY_GITHUB_CLIENT_ID", "x")], "github_client_id and github_client_secret"),
        ("", &[("LATCHKEY_GOOGLE_CLIENT_SECRET", "x")], "google_client_id and google_client_secret"),
        ("", &[("LATCHKEY_OIDC_ISSUER", "https://id.example")], "oidc_issuer and oidc_client_id"),
        (
            "",
            &[("LATCHKEY_OIDC_ISSUER", "http://id.example")],
            "LATCHKEY_OIDC_ISSUER: \"http://id.example\" is not https",
        ),
        (
            "",
            &[("LATCHKEY_SIGN_UP", "Closed")],
            "LATCHKEY_SIGN_UP: \"Closed\" is neither invitation, open nor closed",
        ),
        ("", &[("LATCHKEY_SESSION_IDLE", "0s")], "LATCHKEY_SESSION_IDLE must be between 5m and 400d"),
        ("", &[("LATCHKEY_MAX_HEADERS", "10B")], "LATCHKEY_MAX_HEADERS must be between 1KiB and 1MiB"),
        (
            "",
            &[("LATCHKEY_SITE_ADDR", "127.0.0.1:0")],
            "LATCHKEY_SITE_ADDR: \"127.0.0.1:0\" is not an address",
        ),
    ] {
        let line = refusal(file, variables);
        assert!(line.starts_with(told), "{line}");
        assert!(!line.contains('\n'), "{line}");
    }
}

#[test]
fn a_wrong_database_address_is_refused_without_repeating_its_password() {
    let line = refusal("", &[("LATCHKEY_DATABASE_URL", "postgress://u:hunter2@h/db")]);
    assert!(
        line.starts_with("LATCHKEY_DATABASE_URL: the address is neither") && !line.contains("hunter2"),
        "{line}"
    );
}

#[test]
fn a_wrong_mail_address_is_refused_without_repeating_its_password() {
    let line = refusal("", &[("LATCHKEY_SMTP_URL", "smpt://u:hunter2@h")]);
    assert!(
        line.starts_with("LATCHKEY_SMTP_URL: the address is neither") && !line.contains("hunter2"),
        "{line}"
    );
}

#[test]
fn a_named_file_must_be_there() {
    let missing =
        Sources::load(Some(Path::new("/nowhere/Leptos.toml")), []).map(drop).expect_err("it is refused");
    assert!(missing.to_string().starts_with("/nowhere/Leptos.toml: "), "{missing}");
}

#[test]
fn help_names_every_setting_with_its_default() {
    let help = Config::help();
    for setting in Config::settings() {
        assert!(help.contains(&setting.variable()) && help.contains(setting.help), "{}", setting.name);
    }
}

/// README's table is `| name | table | default | meaning |`, a row a setting, in order.
#[test]
fn the_readme_lists_the_settings_as_they_are() {
    let readme = include_str!("../../README.md");
    let written: Vec<&str> = readme.lines().filter(|line| line.starts_with("| `LATCHKEY_")).collect();
    let real: Vec<String> = Config::settings()
        .iter()
        .map(|setting| {
            let default =
                if setting.default.is_empty() { "–".to_owned() } else { format!("`{}`", setting.default) };
            format!("| `{}` | `{}` | {default} | {} |", setting.variable(), setting.table, setting.help)
        })
        .collect();
    assert_eq!(written, real, "\n{}", real.join("\n"));
}

#[test]
fn cargo_toml_and_leptos_toml_agree_with_the_structs() {
    let cargo: toml::Table = include_str!("../../Cargo.toml").parse().expect("Cargo.toml");
    let built = &cargo["package"]["metadata"]["leptos"];
    assert_eq!(built["output-name"].as_str(), Some(OUTPUT_NAME));
    assert_eq!(built["site-pkg-dir"].as_str(), Some(SITE_PKG_DIR));
    let run = read(include_str!("../../Leptos.toml"), &[]).expect("Leptos.toml is valid");
    let defaults = read("", &[]).expect("the defaults are valid");
    for config in [run, defaults] {
        assert_eq!(built["site-addr"].as_str(), Some(config.site.site_addr.to_string().as_str()));
        assert_eq!(built["site-root"].as_str(), config.site.site_root.to_str());
        assert_eq!(built["reload-port"].as_integer(), Some(i64::from(config.site.reload_port)));
    }
}
