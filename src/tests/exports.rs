//! Tests of exports as CSV: the audit log, the keys, and the lists of the REST API.

use macro_rules_attribute::apply;
use serde_json::json;

use super::harness::{Server, TestResponse, on_both_engines};
use super::keys::draft;
use super::people::EMAIL;
use super::personas::Persona;
use crate::keys::server::{self as keys, CustomerDraft, Draft};
use crate::orgs::server::Actor;
use crate::platform::db::Engine;
use crate::shared::Role;

const AUDIT: &str = "/settings/audit-log/export";
const KEYS: &str = "/settings/api-keys/export";
const MEDIA_TYPE: &str = "text/csv; charset=utf-8; header=present";
/// Names that are hard to write and to open: quotes, formulas, line breaks in the note, right-to-left.
const NAMES: [&str; 5] = ["say \"no\", twice", "=1+1", "@SUM(A1)", "مفتاح الإنتاج", "-5"];

/// Reads a file as RFC 4180 describes it, independently of how it is written.
fn parse(text: &str) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let (mut row, mut cell) = (Vec::new(), String::new());
    let (mut is_quoted, mut characters) = (false, text.chars().peekable());
    while let Some(c) = characters.next() {
        match (is_quoted, c) {
            (true, '"') if characters.peek() == Some(&'"') => {
                characters.next();
                cell.push('"');
            }
            (true, '"') => is_quoted = false,
            (true, c) => cell.push(c),
            (false, '"') => {
                assert!(cell.is_empty(), "a quote inside of a cell: {cell}");
                is_quoted = true;
            }
            (false, ',') => row.push(std::mem::take(&mut cell)),
            (false, '\r') => {
                assert_eq!(characters.next(), Some('\n'), "a line ends with CR and LF");
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            (false, c) => {
                assert_ne!(c, '\n', "a line break outside of quotes");
                cell.push(c);
            }
        }
    }
    assert!(row.is_empty() && cell.is_empty(), "the last line ends, too");
    rows
}

/// The cells of a column, without its name.
fn column<'a>(rows: &'a [Vec<String>], name: &str) -> Vec<&'a str> {
    let place =
        rows[0].iter().position(|column| column == name).unwrap_or_else(|| panic!("no column {name}"));
    assert!(rows.iter().all(|row| row.len() == rows[0].len()), "{rows:?}");
    rows[1..].iter().map(|row| row[place].as_str()).collect()
}

/// A text as it is in a cell.
fn safe(text: &str) -> String {
    if text.starts_with(['=', '@', '-']) { format!("'{text}") } else { text.to_owned() }
}

impl Server {
    async fn file(&self, cookies: &str, path: &str) -> (TestResponse, Vec<Vec<String>>) {
        let response = self.get(path).with(cookies).send().await;
        assert_eq!((response.status.as_u16(), response.header("content-type")), (200, MEDIA_TYPE), "{path}");
        let rows = parse(&response.text());
        (response, rows)
    }

    /// Creates a key with each name.
    async fn hard_keys(&self, owner: &Actor) -> Vec<keys::Revealed> {
        let mut made = Vec::new();
        for name in NAMES {
            let customer = CustomerDraft {
                external_id: "+49 30".to_owned(),
                metadata: "{\"tier\": \"gold, \\\"big\\\"\"}".to_owned(),
                ..CustomerDraft::default()
            };
            let note = "=one\r\ntwo, \"three\"".to_owned();
            let draft = Draft { note, customer, role: Some(Role::None), ..draft(name) };
            made.push(keys::create(&self.app, owner, &draft, None).await.expect("a key"));
        }
        made
    }
}

#[apply(on_both_engines!)]
async fn the_audit_log_as_csv_has_the_events_of_the_json_lines(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let here = server.sign_in_as(Persona::Owner).await;
    server.hard_keys(&owner).await;
    let lines = server.get(AUDIT).with(&here).send().await.text();
    let events: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let (response, rows) = server.file(&here, &format!("{AUDIT}?format=csv")).await;
    assert_eq!(response.header("content-disposition"), "attachment; filename=\"audit-log.csv\"");
    assert_eq!(rows.len(), events.len() + 1);
    let texts = |path: &[&str]| -> Vec<String> {
        let value = |event: &serde_json::Value| {
            let value = path.iter().fold(event, |value, name| &value[*name]);
            value.as_str().map_or_else(|| value.to_string(), str::to_owned)
        };
        events.iter().map(|event| safe(&value(event))).collect()
    };
    for (name, path) in [
        ("id", &["id"] as &[&str]),
        ("at", &["at"]),
        ("actor_kind", &["actor", "kind"]),
        ("actor_id", &["actor", "id"]),
        ("actor_name", &["actor", "name"]),
        ("action", &["action"]),
        ("target_kind", &["target", "kind"]),
        ("target_id", &["target", "id"]),
        ("target_name", &["target", "name"]),
        ("address", &["address"]),
        ("user_agent", &["user_agent"]),
        ("request_id", &["request_id"]),
        ("details", &["details"]),
        ("times", &["times"]),
    ] {
        assert_eq!(column(&rows, name), texts(path), "{name}");
    }
    // The header Accept asks for the same, and the filters apply.
    let accepted = server.get(AUDIT).with(&here).header("accept", "text/csv").send().await;
    assert_eq!(accepted.body, response.body);
    let (_, none) = server.file(&here, &format!("{AUDIT}?format=csv&actor={EMAIL}&action=key.revoked")).await;
    assert_eq!(none.len(), 1, "only the names of the columns");
    let (_, created) =
        server.file(&here, &format!("{AUDIT}?format=csv&action=key.created&target=%3D1%2B1")).await;
    assert_eq!(column(&created, "target_name"), ["'=1+1"]);
    let page = server.get("/settings/audit-log?action=key.created").browser().with(&here).send().await.text();
    assert!(page.contains("href=\"/settings/audit-log/export?action=key.created&amp;format=csv\""), "{page}");
}

#[apply(on_both_engines!)]
async fn a_long_csv_is_whole_and_compressed(engine: Engine) {
    use std::io::Read;
    let server = Server::on(engine).await;
    let here = server.reader_of_much().await;
    let (plain, rows) = server.file(&here, &format!("{AUDIT}?format=csv")).await;
    assert_eq!(rows.len(), 3_001);
    assert_eq!(rows.iter().filter(|row| row[0] == "id").count(), 1, "the names of the columns come once");
    let call = server.get(&format!("{AUDIT}?format=csv")).with(&here).header("accept-encoding", "gzip");
    let response = call.send().await;
    assert_eq!(response.header("content-encoding"), "gzip");
    let mut body = Vec::new();
    flate2::read::GzDecoder::new(&response.body[..]).read_to_end(&mut body).expect("a whole body");
    assert!(body == plain.body, "not the same bytes");
}

#[apply(on_both_engines!)]
async fn the_list_of_keys_as_csv(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let viewer = server.sign_in_as(Persona::Viewer).await;
    let made = server.hard_keys(&owner).await;
    keys::disable(&server.app, &owner, made[0].key.id).await.expect("it is disabled");
    let (response, rows) = server.file(&viewer, KEYS).await;
    assert_eq!(response.header("content-disposition"), "attachment; filename=\"api-keys.csv\"");
    let names: Vec<String> = NAMES.iter().rev().map(|name| safe(name)).collect();
    assert_eq!(column(&rows, "name"), names, "the newest first");
    assert_eq!(column(&rows, "note"), vec![safe(&made[0].key.note); 5]);
    assert!(made[0].key.note.starts_with('=') && made[0].key.note.contains('\n'));
    assert_eq!(column(&rows, "external_id"), ["'+49 30"; 5]);
    assert_eq!(column(&rows, "status"), ["active", "active", "active", "active", "disabled"]);
    let text = response.text();
    for revealed in &made {
        assert!(text.contains(&revealed.key.secret.to_string()));
        assert!(!text.contains(revealed.plaintext.expose()));
    }
    // The columns are those of the REST endpoint.
    let key = server.key(&owner, "caller").await.plaintext;
    let json = server.get("/api/v1/keys?sort=created&limit=5").key(&key).send().await.json();
    for (row, key) in rows[1..].iter().rev().zip(json["data"].as_array().expect("keys")) {
        for (name, cell) in rows[0].iter().zip(row) {
            match &key[name] {
                serde_json::Value::String(text) if name != "note" => {
                    assert_eq!(*cell, safe_cell(text), "{name}")
                }
                serde_json::Value::Bool(value) => assert_eq!(*cell, value.to_string(), "{name}"),
                serde_json::Value::Number(value) => assert_eq!(*cell, value.to_string(), "{name}"),
                _ => {}
            }
        }
    }
}

fn safe_cell(text: &str) -> String {
    if text.starts_with('+') { format!("'{text}") } else { safe(text) }
}

#[apply(on_both_engines!)]
async fn the_file_has_the_keys_that_the_page_selects(engine: Engine) {
    let server = Server::with(engine, &[("LATCHKEY_KEY_HASH_COST", "1")]).await;
    let owner = server.actor(Persona::Owner).await;
    let here = server.sign_in_as(Persona::Owner).await;
    for number in 0..60 {
        server.key(&owner, &format!("depot-{number:02}")).await;
    }
    let gate = server.key(&owner, "gate").await;
    keys::revoke(&server.app, &owner, gate.key.id).await.expect("it is revoked");
    let stranger = server.actor(Persona::Stranger).await;
    server.key(&stranger, "depot-elsewhere").await;
    for (query, count) in [
        ("", 61),
        ("?q=depot", 60),
        ("?q=depot&sort=name", 60),
        ("?q=depot-1", 10),
        ("?status=active", 60),
        ("?status=revoked", 1),
        ("?kind=test", 0),
        ("?q=nothing", 0),
        ("?q=depot&after=abc&from=50", 60),
    ] {
        let (_, rows) = server.file(&here, &format!("{KEYS}{query}")).await;
        assert_eq!(rows.len() - 1, count, "{query}");
        assert!(column(&rows, "name").iter().all(|name| !name.contains("elsewhere")));
        let ids = column(&rows, "id");
        assert!(ids.is_sorted_by(|a, b| a > b), "{query}: the newest first, each once");
    }
    let (_, by_start) = server.file(&here, &format!("{KEYS}?q=ak_live_{}", gate.key.secret)).await;
    assert_eq!(column(&by_start, "name"), ["gate"]);
    let whole = server.get(&format!("{KEYS}?q={}", gate.plaintext.expose())).with(&here).send().await;
    assert_eq!(whole.header("location"), format!("/settings/api-keys/{}", gate.key.id));
    let page =
        server.get("/settings/api-keys?q=depot&status=active&sort=name").browser().with(&here).send().await;
    assert!(page.text().contains("href=\"/settings/api-keys/export?q=depot&amp;status=active\""));
}

#[apply(on_both_engines!)]
async fn downloads_of_keys_are_limited_like_others(engine: Engine) {
    let server = Server::on(engine).await;
    let here = server.sign_in_as(Persona::Owner).await;
    let mut running = Vec::new();
    for path in [KEYS, AUDIT, KEYS, AUDIT] {
        running.push(server.get(path).with(&here).open().await);
    }
    assert!(running.iter().all(|download| download.status == 200));
    assert_eq!(server.get(KEYS).with(&here).open().await.status, 503);
    running.pop();
    assert_eq!(server.get(KEYS).with(&here).open().await.status, 200);
}

#[apply(on_both_engines!)]
async fn programs_get_lists_as_csv_page_by_page(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    server.hard_keys(&owner).await;
    let key = server.key(&owner, "caller").await.plaintext;
    for path in ["/api/v1/keys", "/api/v1/audit"] {
        let json = server.get(&format!("{path}?limit=100")).key(&key).send().await.json();
        let all: Vec<&str> = json["data"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|item| item["id"].as_str().expect("an id"))
            .collect();
        let mut ids: Vec<String> = Vec::new();
        let mut next = Some(format!("{path}?limit=4"));
        while let Some(address) = next {
            let response = server.get(&address).key(&key).header("accept", "text/csv").send().await;
            assert_eq!(
                (response.status.as_u16(), response.header("content-type")),
                (200, MEDIA_TYPE),
                "{address}"
            );
            let rows = parse(&response.text());
            assert!(rows.len() <= 5, "{address}");
            ids.extend(column(&rows, "id").into_iter().map(str::to_owned));
            let link = response.header("link");
            next = link.strip_prefix('<').map(|rest| rest.replace(">; rel=\"next\"", ""));
        }
        assert_eq!(ids, all, "{path}");
        let by_parameter = server.get(&format!("{path}?format=csv")).key(&key).send().await;
        assert_eq!(by_parameter.header("content-type"), MEDIA_TYPE);
        for accepted in ["*/*", "application/json", "application/json, text/csv"] {
            let response = server.get(path).key(&key).header("accept", accepted).send().await;
            assert_eq!(response.header("content-type"), "application/json", "{accepted}");
        }
    }
    let viewer = Draft { role: Some(Role::Viewer), ..draft("viewer") };
    let viewer = keys::create(&server.app, &owner, &viewer, None).await.expect("a key").plaintext;
    let refused = server.get("/api/v1/audit").key(&viewer).header("accept", "text/csv").send().await;
    assert_eq!((refused.status.as_u16(), refused.header("content-type")), (403, "application/problem+json"));
    let limited = Draft { rate_limit: Some(9), ..draft("limited") };
    let limited = keys::create(&server.app, &owner, &limited, None).await.expect("a key").plaintext;
    let response = server.get("/api/v1/keys?format=csv").key(&limited).send().await;
    assert_eq!(response.header("ratelimit"), "\"minute\";r=8;t=60", "{}", json!(response.text()));
}
