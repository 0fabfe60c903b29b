//! What a try says about a key, and that it leaves no trace.

use std::time::Duration;

use macro_rules_attribute::apply;
use serde_json::json;

use super::{PAGE, outcome};
use crate::keys::QuotaPeriod;
use crate::keys::server::{
    self as keys, CustomerDraft, Draft, QuotaDraft, Revealed, forged_token, fresh_token,
};
use crate::orgs::server::Actor;
use crate::platform::db::Engine;
use crate::platform::{Random, Secret};
use crate::policy_settings::server::PolicyDraft;
use crate::shared::{Kind, Role};
use crate::tests::harness::{Server, on_both_engines};
use crate::tests::keys::draft;
use crate::tests::personas::Persona;

const CHEAP_HASHING: &[(&str, &str)] = &[("LATCHKEY_KEY_HASH_COST", "1")];
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The tables to which requests with a key are written.
const TRACES: [&str; 8] = [
    "audit",
    "callers",
    "quota_use",
    "refused_requests",
    "usage_days",
    "usage_hours",
    "usage_journal",
    "usage_org_hours",
];

impl Server {
    async fn made(&self, owner: &Actor, draft: Draft) -> Revealed {
        keys::create(&self.app, owner, &draft, None).await.expect("a key")
    }

    /// Writes what is counted, and returns the numbers of rows in all tables that requests leave rows in.
    async fn traces(&self) -> Vec<i64> {
        keys::flush(&self.app).await.expect("a flush");
        keys::write_usage(&self.app).await.expect("quotas are written");
        crate::permissions::server::jobs::write_query_times(&self.app).await.expect("times are written");
        let mut counts = Vec::new();
        for table in TRACES {
            let text = crate::platform::db::sql(format!("SELECT COUNT(*) FROM {table}"));
            counts.push(sqlx::query_scalar(text).fetch_one(self.app.db.pool()).await.expect("a count"));
        }
        let asked = "SELECT COUNT(*) FROM permissions WHERE asked_at > 0";
        counts.push(sqlx::query_scalar(asked).fetch_one(self.app.db.pool()).await.expect("a count"));
        counts
    }

    /// The code of `verify`.
    async fn code(&self, service: &Secret, key: &str, permissions: &str, ip: &str) -> String {
        let mut body = json!({ "key": key });
        for (name, value) in [("permissions", permissions), ("ip", ip)] {
            if !value.is_empty() {
                body[name] = json!(value);
            }
        }
        let response = self.post("/api/v1/keys/verify").key(service).json(&body).send().await;
        assert_eq!(response.status, 200, "{}", response.text());
        response.json()["code"].as_str().expect("a code").to_owned()
    }
}

fn none(name: &str, permissions: &[&str]) -> Draft {
    let permissions = permissions.iter().map(|name| (*name).to_owned()).collect();
    let customer = CustomerDraft { permissions, ..CustomerDraft::default() };
    Draft { role: Some(Role::None), customer, ..draft(name) }
}

fn secret(made: &Revealed) -> String {
    made.plaintext.expose().to_owned()
}

/// Keys in every state: the token, the permissions and the address to ask with, the code, and how the refusing step begins.
async fn cases(
    server: &Server,
    owner: &Actor,
) -> Vec<(String, &'static str, &'static str, &'static str, &'static str)> {
    let app = &server.app;
    let random = Random::seeded(9);
    let fine = server.made(owner, draft("fine")).await;
    let disabled = server.made(owner, draft("disabled")).await;
    keys::disable(app, owner, disabled.key.id).await.expect("it is disabled");
    let revoked = server.made(owner, draft("revoked")).await;
    keys::revoke(app, owner, revoked.key.id).await.expect("it is revoked");
    let replaced = server.made(owner, draft("replaced")).await;
    let current =
        keys::rotate(app, owner, replaced.key.id, Duration::ZERO, None).await.expect("a new secret");
    let rotating = server.made(owner, draft("rotating")).await;
    keys::rotate(app, owner, rotating.key.id, DAY, None).await.expect("a new secret");
    let bound =
        server.made(owner, Draft { ranges: vec!["198.51.100.0/24".to_owned()], ..draft("bound") }).await;
    let test = server.made(owner, Draft { kind: Kind::Test, ..draft("test") }).await;
    let claw = server.made(owner, Draft { kind: Kind::Claw, ..draft("claw") }).await;
    let reader = server.made(owner, none("reader", &["a.read"])).await;
    let end = server.clock.now().plus(Duration::from_secs(1));
    let expired = server.made(owner, Draft { expires_at: Some(end), ..draft("expired") }).await;
    server.clock.advance(Duration::from_secs(1));
    vec![
        (secret(&fine), "", "", "valid", ""),
        (secret(&fine), "", "2001:db8::7", "valid", ""),
        (secret(&fine), "a.read", "", "insufficient_permissions", "It lacks a.read."),
        ("ak_live_x".to_owned(), "", "", "malformed", "It does not have the form of a key."),
        (
            fresh_token(&random, Kind::Live),
            "",
            "",
            "unknown",
            "No key of this organization has this public id.",
        ),
        (forged_token(&random, Kind::Live, fine.key.secret), "", "", "unknown", "The secret is wrong."),
        (secret(&disabled), "", "", "disabled", "It is disabled."),
        (secret(&expired), "", "", "expired", "It expired on 20 Nov 2026, 10:00:01 UTC."),
        (secret(&revoked), "", "", "revoked", "The key was revoked."),
        (secret(&replaced), "", "", "revoked", "This secret was replaced by a newer one."),
        (secret(&current), "", "", "valid", ""),
        (secret(&rotating), "", "", "valid", ""),
        (secret(&bound), "", "198.51.100.7", "valid", ""),
        (secret(&bound), "", "::ffff:198.51.100.7", "valid", ""),
        (secret(&bound), "", "10.0.0.7", "ip_not_allowed", "10.0.0.7 is not an allowed address."),
        (secret(&bound), "", "", "ip_not_allowed", "It works only from some addresses, and you gave none."),
        (secret(&test), "", "", "kind_not_allowed", "Test keys are not accepted."),
        (secret(&claw), "", "", "policy_refused", "The key policy refuses it."),
        (secret(&reader), "", "", "role_too_low", "Its role, none, is too low."),
        (secret(&reader), "a.read", "", "valid", ""),
        (secret(&reader), "b.read or a.read", "", "valid", ""),
        (secret(&reader), "b.read and a.read", "", "insufficient_permissions", "It lacks b.read."),
    ]
}

#[apply(on_both_engines!)]
async fn a_try_says_what_a_check_decides_and_leaves_no_trace(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    let owner = server.actor(Persona::Owner).await;
    let viewer = server.sign_in_as(Persona::Viewer).await;
    let service = server.key(&owner, "service").await.plaintext;
    for name in ["a.read", "b.read"] {
        let added =
            server.post("/api/v1/permissions").key(&service).json(&json!({ "name": name })).send().await;
        assert_eq!(added.status, 201, "{}", added.text());
    }
    let cases = cases(&server, &owner).await;
    let allowed = vec![Kind::Live, Kind::Test, Kind::Secret, Kind::Mcp];
    server.set_policy(&PolicyDraft { allowed_kinds: Some(allowed), ..PolicyDraft::default() }).await;
    let initial = server.traces().await;
    for (key, permissions, ip, code, refusing) in &cases {
        let fields = [("permissions", *permissions), ("ip", *ip)];
        for _ in 0..2 {
            let response = server.try_key(&viewer, key, &fields).await;
            assert_eq!(response.status, 200, "{code}");
            let page = response.text();
            let expected = Some(*refusing).filter(|title| !title.is_empty()).map(str::to_owned);
            assert_eq!(outcome(&page), ((*code).to_owned(), expected));
            assert!(!page.contains(key), "{code}: the page has the key");
        }
    }
    assert_eq!(server.traces().await, initial, "{TRACES:?}");
    for (key, permissions, ip, code, _) in &cases {
        assert_eq!(server.code(&service, key, permissions, ip).await, *code, "{permissions} {ip}");
        // Now the key is in the cache.
        let page = server.try_key(&viewer, key, &[("permissions", permissions), ("ip", ip)]).await.text();
        assert_eq!(outcome(&page).0, *code);
    }
    assert_ne!(server.traces().await, initial, "checks leave traces");
}

#[apply(on_both_engines!)]
async fn a_try_uses_up_neither_a_quota_nor_a_rate_limit(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    let owner = server.actor(Persona::Owner).await;
    let member = server.sign_in_as(Persona::Member).await;
    let service = server.key(&owner, "service").await.plaintext;
    let customer = CustomerDraft {
        quota: Some(QuotaDraft { limit: 1, period: QuotaPeriod::Day }),
        ..CustomerDraft::default()
    };
    let quota = secret(&server.made(&owner, Draft { customer, ..draft("quota") }).await);
    let limited = secret(&server.made(&owner, Draft { rate_limit: Some(1), ..draft("limited") }).await);
    for (key, left, code, title) in [
        (&quota, "1 of 1 are left for this day.", "quota_exceeded", "Its quota is used up."),
        (&limited, "1 of 1 are left.", "rate_limited", "Its requests of this minute are used up."),
    ] {
        for _ in 0..3 {
            let page = server.try_key(&member, key, &[]).await.text();
            assert_eq!(outcome(&page), ("valid".to_owned(), None));
            assert!(page.contains(left), "{left}");
        }
        assert_eq!(server.code(&service, key, "", "").await, "valid", "tries used it up");
        for _ in 0..3 {
            let page = server.try_key(&member, key, &[]).await.text();
            assert_eq!(outcome(&page), (code.to_owned(), Some(title.to_owned())));
        }
        assert_eq!(server.code(&service, key, "", "").await, code);
    }
    let quota_page = server.try_key(&member, &quota, &[]).await.text();
    assert!(quota_page.contains("21 Nov 2026, 00:00:00 UTC"));
    server.clock.advance(Duration::from_secs(60));
    assert_eq!(outcome(&server.try_key(&member, &limited, &[]).await.text()).0, "valid");
}

#[apply(on_both_engines!)]
async fn the_plan_and_test_keys(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    let owner = server.actor(Persona::Owner).await;
    let here = server.sign_in_as(Persona::Owner).await;
    let test = secret(&server.made(&owner, Draft { kind: Kind::Test, ..draft("test") }).await);
    assert_eq!(outcome(&server.try_key(&here, &test, &[]).await.text()).0, "kind_not_allowed");
    assert_eq!(outcome(&server.try_key(&here, &test, &[("test", "on")]).await.text()).0, "valid");
    sqlx::query("UPDATE organizations SET plan = 'free'")
        .execute(server.app.db.pool())
        .await
        .expect("a plan");
    let page = server.try_key(&here, &test, &[("test", "on")]).await.text();
    let title = "The plan Free does not include the API.".to_owned();
    assert_eq!(outcome(&page), ("plan_not_eligible".to_owned(), Some(title)));
}

/// The page with the parts that differ between two responses removed.
fn comparable(page: &str, key: &str) -> String {
    let nonce = page.split("nonce=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
    let page = if nonce.is_empty() { page.to_owned() } else { page.replace(nonce, "") };
    page.replace(&key[..20], "")
}

#[apply(on_both_engines!)]
async fn a_key_of_another_organization_is_like_one_that_does_not_exist(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    let (here, stranger) = (server.sign_in_as(Persona::Owner).await, server.actor(Persona::Stranger).await);
    let foreign = server.made(&stranger, draft("foreign")).await;
    let wrong = forged_token(&Random::seeded(3), Kind::Live, foreign.key.secret);
    let unknown = fresh_token(&Random::seeded(4), Kind::Live);
    let expected = server.try_key(&here, &unknown, &[]).await.text();
    let work = server.key_work();
    for key in [secret(&foreign), wrong] {
        let page = server.try_key(&here, &key, &[]).await.text();
        assert!(!page.contains("foreign") && !page.contains(&foreign.key.id.to_string()));
        assert_eq!(comparable(&page, &key), comparable(&expected, &unknown));
    }
    assert_eq!(server.key_work(), work, "its secret is not even hashed");
    keys::revoke(&server.app, &stranger, foreign.key.id).await.expect("it is revoked");
    let page = server.try_key(&here, &secret(&foreign), &[]).await.text();
    assert_eq!(comparable(&page, &secret(&foreign)), comparable(&expected, &unknown));
}

#[apply(on_both_engines!)]
async fn wrong_keys_are_limited_for_each_person(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    let owner = server.actor(Persona::Owner).await;
    let (member, viewer) =
        (server.sign_in_as(Persona::Member).await, server.sign_in_as(Persona::Viewer).await);
    let fine = server.made(&owner, draft("fine")).await;
    let random = Random::seeded(5);
    let status = async |cookies: &str, key: &str| server.try_key(cookies, key, &[]).await.status.as_u16();
    for turn in 0..20 {
        let wrong = match turn % 2 {
            0 => fresh_token(&random, Kind::Live),
            _ => forged_token(&random, Kind::Live, fine.key.secret),
        };
        assert_eq!(status(&member, &secret(&fine)).await, 200, "right keys do not count");
        assert_eq!(status(&member, "nothing").await, 200, "other texts do not count");
        assert_eq!(status(&member, &wrong).await, 200, "{turn}");
    }
    let work = server.key_work();
    for key in [fresh_token(&random, Kind::Live), secret(&fine)] {
        let response = server.try_key(&member, &key, &[("ip", "198.51.100.7")]).await;
        assert_eq!((response.status.as_u16(), response.header("retry-after")), (429, "60"));
        let page = response.text();
        assert!(
            page.contains("You tried too many wrong keys. Wait 1 minute") && page.contains("198.51.100.7")
        );
        assert!(!page.contains(&key));
    }
    assert_eq!(server.key_work(), work);
    assert_eq!(status(&viewer, &secret(&fine)).await, 200, "somebody else");
    server.clock.advance(Duration::from_secs(60));
    let member = server.sign_in_as(Persona::Member).await;
    assert_eq!(status(&member, &secret(&fine)).await, 200, "a minute later");
}

/// Many at once are limited, too.
#[apply(on_both_engines!)]
async fn of_sixty_wrong_keys_at_once_twenty_are_tried(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    let member = server.sign_in_as(Persona::Member).await;
    let random = Random::seeded(6);
    let wrong: Vec<String> = (0..60).map(|_| fresh_token(&random, Kind::Live)).collect();
    let tries = wrong.iter().map(|key| server.try_key(&member, key, &[]));
    let responses = futures_util::future::join_all(tries).await;
    let tried = responses.iter().filter(|response| response.status == 200).count();
    let limited = responses.iter().filter(|response| response.status == 429).count();
    assert_eq!((tried, limited), (20, 40));
}

#[apply(on_both_engines!)]
async fn the_result_leads_to_what_helps(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    let owner = server.actor(Persona::Owner).await;
    let (owner_page, viewer) =
        (server.sign_in_as(Persona::Owner).await, server.sign_in_as(Persona::Viewer).await);
    let name = "<b>قفل</b>";
    let bound =
        server.made(&owner, Draft { ranges: vec!["198.51.100.0/24".to_owned()], ..draft(name) }).await;
    let path = format!("/settings/api-keys/{}", bound.key.id);
    for (cookies, may_allow) in [(&owner_page, true), (&viewer, false)] {
        let page = server.try_key(cookies, &secret(&bound), &[("ip", "10.0.0.7")]).await.text();
        assert!(
            page.contains(&format!("href=\"{path}\"")) && page.contains("&lt;b&gt;قفل&lt;/b&gt;"),
            "{page}"
        );
        assert!(page.contains("It allows 198.51.100.0/24."));
        assert_eq!(page.contains(&format!("href=\"{path}/allow?address=10.0.0.7\"")), may_allow);
        assert!(page.contains("Not reached: key policy, permissions, quota, requests per minute."));
    }
    let anonymous = server.post(PAGE).same_origin().form(&[("key", "x")]).send().await;
    assert!(anonymous.header("location").starts_with("/sign-in"), "{}", anonymous.status);
}
