//! Tests that a key cannot create or change keys beyond its own limits: expiry, addresses and requests per minute.

use std::str::FromStr;
use std::time::Duration;

use axum::http::Method;
use ipnet::IpNet;
use macro_rules_attribute::apply;
use serde_json::{Map, Value, json};

use super::armoriq::DEVICE;
use super::harness::{Server, TestResponse, on_both_engines};
use super::keys::draft;
use super::personas::Persona;
use crate::keys::server::{self as keys, Draft, Edit, Revealed};
use crate::platform::Secret;
use crate::platform::db::Engine;
use crate::shared::{KeyId, Role, Timestamp};

const HOUR: Duration = Duration::from_secs(3_600);
const HERE: &str = "203.0.113.0/24";

/// The limits of a key, as the database has them.
#[derive(Clone, Debug, Default, PartialEq)]
struct Limits {
    expires_at: Option<Timestamp>,
    rate_limit: Option<u64>,
    ranges: Vec<String>,
}

impl Limits {
    fn of(body: &Value) -> Self {
        let ranges = body["allowed_ranges"].as_array().expect("a list").iter();
        Self {
            expires_at: body["expires_at"].as_str().map(|text| Timestamp::parse(text).expect("a moment")),
            rate_limit: body["rate_limit_per_minute"].as_u64(),
            ranges: ranges.map(|range| range.as_str().expect("a range").to_owned()).collect(),
        }
    }

    /// The fields in which `other` goes beyond these limits.
    fn exceeded_by(&self, other: &Self) -> Vec<&'static str> {
        let longer = self.expires_at.is_some_and(|end| other.expires_at.is_none_or(|at| at > end));
        let faster = self.rate_limit.is_some_and(|most| other.rate_limit.is_none_or(|limit| limit > most));
        let parse = |text: &String| IpNet::from_str(text).expect("a range");
        let own: Vec<IpNet> = self.ranges.iter().map(parse).collect();
        let inside = |range: &String| own.iter().any(|allowed| allowed.contains(&parse(range)));
        let wider = !own.is_empty() && (other.ranges.is_empty() || !other.ranges.iter().all(inside));
        [(longer, "expires_at"), (faster, "rate_limit_per_minute"), (wider, "allowed_ranges")]
            .into_iter()
            .filter_map(|(beyond, field)| beyond.then_some(field))
            .collect()
    }

    fn draft(&self, name: &str) -> Draft {
        Draft {
            expires_at: self.expires_at,
            rate_limit: self.rate_limit.and_then(|limit| i64::try_from(limit).ok()),
            ranges: self.ranges.clone(),
            ..draft(name)
        }
    }
}

/// Eight callers: with and without each limit.
fn callers(now: Timestamp) -> Vec<Limits> {
    let ends = [None, Some(now.plus(HOUR * 2))];
    let mut callers = Vec::new();
    for expires_at in ends {
        for rate_limit in [None, Some(60)] {
            for ranges in [vec![], vec![HERE.to_owned(), "2001:db8::/32".to_owned()]] {
                callers.push(Limits { expires_at, rate_limit, ranges });
            }
        }
    }
    callers
}

/// All combinations of limits in a request.
fn requests(now: Timestamp) -> Vec<Map<String, Value>> {
    let at = |hours: u32| json!(now.plus(HOUR * hours).to_string());
    let ends = [None, Some(Value::Null), Some(at(1)), Some(at(2)), Some(at(3))];
    let rates = [None, Some(Value::Null), Some(json!(30)), Some(json!(60)), Some(json!(61))];
    let ranges = [
        None,
        Some(json!([])),
        Some(json!(["203.0.113.7/32"])),
        Some(json!([HERE])),
        Some(json!(["203.0.112.0/23"])),
        Some(json!([HERE, "198.51.100.0/24"])),
        Some(json!(["::/0"])),
    ];
    let mut requests = Vec::new();
    for end in &ends {
        for rate in &rates {
            for range in &ranges {
                let fields =
                    [("expires_at", end), ("rate_limit_per_minute", rate), ("allowed_ranges", range)];
                let said = fields.into_iter().filter_map(|(name, value)| Some((name, value.clone()?)));
                requests.push(said.map(|(name, value)| (name.to_owned(), value)).collect());
            }
        }
    }
    requests
}

/// What a field becomes when it is changed to this value.
fn changed(old: &Limits, request: &Map<String, Value>) -> Limits {
    let mut body = json!({
        "expires_at": old.expires_at.map(|at| at.to_string()),
        "rate_limit_per_minute": old.rate_limit,
        "allowed_ranges": old.ranges,
    });
    for (name, value) in request {
        body[name] = value.clone();
    }
    Limits::of(&body)
}

fn refused_fields(response: &TestResponse) -> Vec<String> {
    let body = response.json();
    let errors = body["errors"].as_array().cloned().unwrap_or_default();
    errors.iter().map(|error| error["field"].as_str().expect("a field").to_owned()).collect()
}

impl Server {
    async fn limited_key(&self, limits: &Limits, name: &str) -> Revealed {
        let owner = self.actor(Persona::Owner).await;
        keys::create(&self.app, &owner, &limits.draft(name), None).await.expect("a key")
    }

    async fn patch(&self, by: &Secret, id: KeyId, body: &Value) -> TestResponse {
        self.call(Method::PATCH, &format!("/api/v1/keys/{id}")).key(by).json(body).send().await
    }

    async fn verb(&self, by: &Secret, id: KeyId, verb: &str, body: &Value) -> TestResponse {
        self.post(&format!("/api/v1/keys/{id}/{verb}")).key(by).json(body).send().await
    }

    async fn limits_of(&self, id: KeyId) -> Limits {
        let owner = self.actor(Persona::Owner).await;
        let key = keys::find(&self.app, &owner, id).await.expect("a key");
        Limits {
            expires_at: key.expires_at,
            rate_limit: key.rate_limit.map(u64::from),
            ranges: key.ranges.iter().map(ToString::to_string).collect(),
        }
    }
}

fn forbidden(response: &TestResponse, part: &str) {
    assert_eq!(response.status, 403, "{}", response.text());
    let why = response.json()["detail"].as_str().expect("a sentence").to_owned();
    assert!(why.contains(part), "{why}");
}

#[apply(on_both_engines!)]
async fn a_key_never_edits_enables_or_extends_itself(engine: Engine) {
    let server = Server::on(engine).await;
    let now = server.clock.now();
    let limits =
        Limits { expires_at: Some(now.plus(HOUR)), rate_limit: Some(600), ranges: vec![HERE.to_owned()] };
    let Revealed { key, plaintext } = server.limited_key(&limits, "stolen").await;
    for body in [
        json!({ "expires_at": null }),
        json!({ "rate_limit_per_minute": null }),
        json!({ "allowed_ranges": [] }),
        json!({ "name": "mine" }),
    ] {
        forbidden(&server.patch(&plaintext, key.id, &body).await, "itself");
    }
    forbidden(&server.verb(&plaintext, key.id, "enable", &json!({})).await, "itself");
    let owner = server.actor(Persona::Owner).await;
    let rotated = keys::rotate(&server.app, &owner, key.id, HOUR / 2, None).await.expect("a secret");
    let until = json!({ "until": now.plus(HOUR * 3 / 4).to_string() });
    forbidden(&server.verb(&rotated.plaintext, key.id, "extend", &until).await, "itself");
    assert_eq!(server.limits_of(key.id).await, limits);
    assert!(server.audit_actions().await.contains(&"key.refused".to_owned()));
    // It may give up power, and take a new secret with the same limits.
    assert_eq!(server.verb(&rotated.plaintext, key.id, "finish", &json!({})).await.status, 200);
    let renewed = server.verb(&rotated.plaintext, key.id, "rotate", &json!({})).await;
    assert_eq!(renewed.status, 200, "{}", renewed.text());
    assert_eq!(Limits::of(&renewed.json()), limits);
    let newest = Secret::new(renewed.json()["key"].as_str().expect("a plaintext"));
    assert_eq!(server.verb(&newest, key.id, "disable", &json!({})).await.status, 200);
}

/// A secret that is being replaced ends at its cut-off, and so do the keys that it creates.
#[apply(on_both_engines!)]
async fn a_secret_that_is_being_replaced_does_not_outlive_its_cut_off(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let old = server.limited_key(&Limits::default(), "leaked").await;
    keys::rotate(&server.app, &owner, old.key.id, HOUR, None).await.expect("a secret");
    forbidden(&server.verb(&old.plaintext, old.key.id, "rotate", &json!({})).await, "being replaced");
    let created =
        server.post("/api/v1/keys").key(&old.plaintext).json(&json!({ "name": "child" })).send().await;
    assert_eq!(created.status, 201, "{}", created.text());
    assert_eq!(Limits::of(&created.json()).expires_at, Some(server.clock.now().plus(HOUR)));
}

#[apply(on_both_engines!)]
async fn what_a_key_creates_lies_within_its_limits(engine: Engine) {
    let server = Server::on(engine).await;
    let now = server.clock.now();
    for (turn, limits) in callers(now).iter().enumerate() {
        let caller = server.limited_key(limits, &format!("caller {turn}")).await.plaintext;
        // Each caller meets another part of the combinations.
        for (number, request) in
            requests(now).into_iter().enumerate().filter(|(number, _)| number % 8 == turn)
        {
            let mut body = request.clone();
            body.insert("name".to_owned(), json!(format!("child {turn} {number}")));
            let response = server.post("/api/v1/keys").key(&caller).json(&Value::Object(body)).send().await;
            // A limit that is missing, null or empty becomes that of the caller.
            let empty = |value: &Value| value.is_null() || value.as_array().is_some_and(Vec::is_empty);
            let said: Map<String, Value> = request.into_iter().filter(|(_, value)| !empty(value)).collect();
            let expected = changed(limits, &said);
            let beyond = limits.exceeded_by(&expected);
            if beyond.is_empty() {
                assert_eq!(response.status, 201, "{limits:?} {said:?}: {}", response.text());
                let created = Limits::of(&response.json());
                assert_eq!(created, expected, "{limits:?} {said:?}");
                assert_eq!(limits.exceeded_by(&created), [] as [&str; 0], "{limits:?} {said:?}");
            } else {
                assert_eq!(response.status, 422, "{limits:?} {said:?}: {}", response.text());
                assert_eq!(refused_fields(&response), beyond, "{limits:?} {said:?}");
            }
        }
    }
}

#[apply(on_both_engines!)]
async fn what_a_key_edits_lies_within_its_limits(engine: Engine) {
    let server = Server::on(engine).await;
    let now = server.clock.now();
    let targets = callers(now);
    for (turn, limits) in callers(now).iter().enumerate() {
        let caller = server.limited_key(limits, &format!("caller {turn}")).await.plaintext;
        for (number, request) in
            requests(now).into_iter().enumerate().filter(|(number, _)| number % 8 == turn)
        {
            let old = &targets[(number / 8) % 8];
            let target = server.limited_key(old, &format!("target {turn} {number}")).await.key.id;
            let response = server.patch(&caller, target, &Value::Object(request.clone())).await;
            let after = changed(old, &request);
            let same = server.limits_of(target).await;
            let context = format!("{limits:?} {old:?} {request:?}: {}", response.text());
            if response.status == 200 {
                let stays = same == *old;
                assert!(stays || limits.exceeded_by(&same).is_empty(), "{context}");
                assert_eq!(
                    (same.expires_at, same.rate_limit),
                    (after.expires_at, after.rate_limit),
                    "{context}"
                );
            } else {
                assert_eq!(response.status, 422, "{context}");
                assert_eq!(same, *old, "{context}");
                assert_eq!(refused_fields(&response), limits.exceeded_by(&after), "{context}");
                assert!(!limits.exceeded_by(&after).is_empty(), "{context}");
            }
            let renamed =
                server.patch(&caller, target, &json!({ "name": format!("renamed {turn} {number}") })).await;
            assert_eq!(renamed.status, 200, "a name hands out nothing: {}", renamed.text());
        }
    }
}

#[apply(on_both_engines!)]
async fn a_key_enables_rotates_and_extends_only_what_lies_within_its_limits(engine: Engine) {
    let server = Server::on(engine).await;
    let now = server.clock.now();
    let owner = server.actor(Persona::Owner).await;
    let limits =
        Limits { expires_at: Some(now.plus(HOUR * 2)), rate_limit: Some(600), ranges: vec![HERE.to_owned()] };
    let caller = server.limited_key(&limits, "caller").await.plaintext;
    let shorter = Limits { expires_at: Some(now.plus(HOUR)), ..limits.clone() };
    for (number, (target, fits)) in [
        (shorter, true),
        (limits.clone(), true),
        (Limits { expires_at: None, ..limits.clone() }, false),
        (Limits { rate_limit: None, ..limits.clone() }, false),
        (Limits { ranges: Vec::new(), ..limits.clone() }, false),
    ]
    .into_iter()
    .enumerate()
    {
        let id = server.limited_key(&target, &format!("target {number}")).await.key.id;
        let expected = if fits { 200 } else { 403 };
        keys::disable(&server.app, &owner, id).await.expect("disabled");
        let response = server.verb(&caller, id, "enable", &json!({})).await;
        assert_eq!(response.status.as_u16(), expected, "{target:?}: {}", response.text());
        if !fits {
            keys::enable(&server.app, &owner, id).await.expect("enabled");
        }
        let response = server.verb(&caller, id, "rotate", &json!({ "overlap_seconds": 60 })).await;
        assert_eq!(response.status.as_u16(), expected, "{target:?}: {}", response.text());
        if !fits {
            keys::rotate(&server.app, &owner, id, Duration::from_secs(60), None).await.expect("a secret");
        }
        let until = json!({ "until": now.plus(HOUR / 2).to_string() });
        let response = server.verb(&caller, id, "extend", &until).await;
        assert_eq!(response.status.as_u16(), expected, "{target:?}: {}", response.text());
        for (verb, body) in [("finish", json!({})), ("disable", json!({})), ("revoke", json!({}))] {
            assert_eq!(server.verb(&caller, id, verb, &body).await.status, 200, "{verb} takes power away");
        }
    }
}

/// The limits of keys do not apply to people.
#[apply(on_both_engines!)]
async fn people_edit_as_before(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let limits = Limits {
        expires_at: Some(server.clock.now().plus(HOUR)),
        rate_limit: Some(60),
        ranges: vec![HERE.to_owned()],
    };
    let id = server.limited_key(&limits, "short").await.key.id;
    let free =
        Edit { expires_at: Some(None), rate_limit: Some(None), ranges: Some(Vec::new()), ..Edit::default() };
    keys::edit(&server.app, &owner, id, &free).await.expect("a key");
    assert_eq!(server.limits_of(id).await, Limits::default());
}

/// Concurrent creations that start before a key's limits are lowered do not get more than the new limits.
#[apply(on_both_engines!)]
async fn limits_that_come_while_keys_are_created_count(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let Revealed { key, plaintext } = server.limited_key(&Limits::default(), "caller").await;
    let create = |number: u32| {
        server.post("/api/v1/keys").key(&plaintext).json(&json!({ "name": format!("child {number}") })).send()
    };
    let end = server.clock.now().plus(HOUR);
    let edit = Edit { expires_at: Some(Some(end)), ..Edit::default() };
    let (edited, responses) = tokio::join!(
        keys::edit(&server.app, &owner, key.id, &edit),
        futures_util::future::join_all((0..8).map(create))
    );
    edited.expect("a key");
    assert!(
        responses.iter().all(|response| [201, 422].contains(&response.status.as_u16())),
        "{:?}",
        responses.iter().map(|response| response.status).collect::<Vec<_>>()
    );
    let order: Vec<(String, Option<i64>)> = sqlx::query_as(
        "SELECT audit.action, keys.expires_at FROM audit JOIN keys ON keys.id = audit.target_id \
         WHERE action IN ('key.created', 'key.edited') AND target_id <> $1 OR action = 'key.edited' ORDER BY audit.id",
    ).bind(key.id).fetch_all(server.app.db.pool()).await.expect("rows");
    let after = order.iter().skip_while(|(action, _)| action != "key.edited");
    assert!(after.clone().count() > 0);
    for (_, expires_at) in after {
        assert_eq!(*expires_at, Some(end.millis()), "{order:?}");
    }
}

#[apply(on_both_engines!)]
async fn a_login_that_goes_over_keeps_its_limits(engine: Engine) {
    let server = Server::on(engine).await;
    let login = server.login_key(Persona::Owner, DEVICE).await;
    server.second_organization(Persona::Owner, "Beta", Role::Owner).await;
    let me = server.get("/api/v1/me").key(&login).send().await.json();
    let id = KeyId::parse(me["key"]["id"].as_str().expect("an id")).expect("an id");
    let owner = server.actor(Persona::Owner).await;
    let end = server.clock.now().plus(HOUR);
    let limits = Limits { expires_at: Some(end), rate_limit: Some(60), ranges: vec![HERE.to_owned()] };
    let edit = Edit {
        expires_at: Some(Some(end)),
        rate_limit: Some(Some(60)),
        ranges: Some(limits.ranges.clone()),
        ..Edit::default()
    };
    keys::edit(&server.app, &owner, id, &edit).await.expect("a key");
    let response = server
        .post("/iap/sdk/switch-org")
        .header("x-api-key", login.expose())
        .json(&json!({ "org": "Beta" }))
        .send()
        .await;
    assert_eq!(response.status, 200, "{}", response.text());
    let there = Secret::new(response.json()["api_key"].as_str().expect("a key"));
    let new = server.get("/api/v1/me").key(&there).send().await.json();
    assert_eq!(Limits::of(&new["key"]), limits);
}
