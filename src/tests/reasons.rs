//! Tests of reasons for refusals: on a key's page, in its log, on the overview and in live parts.

use std::time::Duration;

use macro_rules_attribute::apply;

use super::harness::{Server, on_both_engines};
use super::keys::draft;
use super::personas::Persona;
use crate::keys::server::{self as keys, Draft, Revealed, forged_token};
use crate::platform::Secret;
use crate::platform::db::Engine;
use crate::shared::{Kind, SecretId};
use crate::usage::Outcome;

const RANGE: &str = "198.51.100.0/24";
const ALLOWED: &str = "198.51.100.24";
const REFUSED: &str = "10.0.0.7";

impl Server {
    /// A key of the owner that is allowed from one range.
    async fn ranged_key(&self) -> Revealed {
        let owner = self.actor(Persona::Owner).await;
        let draft = Draft { ranges: vec![RANGE.to_owned()], ..draft("northbound") };
        keys::create(&self.app, &owner, &draft, None).await.expect("a key")
    }

    async fn calls_from(&self, key: &Secret, address: &str, times: usize) {
        for _ in 0..times {
            self.get("/api/v1/me").key(key).header("user-agent", "tms/4").from(address).send().await;
        }
    }

    /// The section of a page with this id in its heading, up to the next section.
    async fn section(&self, cookies: &str, path: &str, id: &str) -> String {
        let page = self.page(cookies, path).await;
        let begins = page.split(&format!("aria-labelledby=\"{id}\"")).nth(1).unwrap_or_default();
        begins.split("</section>").next().unwrap_or_default().to_owned()
    }

    fn wrong_secret(&self, secret: SecretId) -> Secret {
        Secret::new(forged_token(&self.app.random, Kind::Live, secret))
    }

    async fn roll_up(&self) {
        keys::flush(&self.app).await.expect("written and rolled up");
    }
}

#[test]
fn labels_differ() {
    let labels: std::collections::BTreeSet<&str> =
        Outcome::ALL.iter().map(|outcome| outcome.label()).collect();
    assert_eq!(labels.len(), Outcome::ALL.len());
    assert_eq!(Outcome::refusals().count(), Outcome::ALL.len() - 3);
}

#[apply(on_both_engines!)]
async fn a_key_page_says_why_callers_were_refused(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    let Revealed { key, plaintext } = server.ranged_key().await;
    let path = format!("/settings/api-keys/{}", key.id);
    assert!(!server.section(&owner, &path, "calls").await.contains("id=\"why\""), "nothing was refused");
    server.calls_from(&plaintext, ALLOWED, 3).await;
    server.calls_from(&plaintext, REFUSED, 2).await;
    server.calls_from(&server.wrong_secret(key.secret), "185.220.101.4", 1).await;
    // First in memory, then in the tables and in memory.
    for round in 1..=3 {
        let calls = server.section(&owner, &path, "calls").await;
        let (address, secret) = (2 * round, round);
        assert!(calls.contains(&format!("Why {} requests were not accepted", address + secret)), "{calls}");
        assert!(
            calls.contains("This key allows only 198.51.100.0/24. Last from 10.0.0.7, just now."),
            "{calls}"
        );
        assert!(
            calls.contains("with a wrong secret") && calls.contains("Last from 185.220.101.4"),
            "{calls}"
        );
        let (most, fewer) = (calls.find("?reason=ip_not_allowed"), calls.find("?reason=unknown"));
        assert!(most.is_some() && most < fewer, "the most frequent reason comes first");
        let callers = server.section(&owner, &path, "callers").await;
        let rows: Vec<&str> = callers.split("<tr").filter(|row| row.contains("tms/4")).collect();
        let row = |address| rows.iter().find(|row| row.contains(address)).copied().unwrap_or_default();
        assert!(row(ALLOWED).contains("Accepted") && !row(ALLOWED).contains("class=\"reason"), "{callers}");
        assert!(
            row(REFUSED).contains("Address not allowed") && row(REFUSED).contains("/allow?address=10.0.0.7")
        );
        assert!(
            !row(REFUSED).contains("Accepted") && row(REFUSED).contains(&format!(">{address}<")),
            "{callers}"
        );
        assert!(row("185.220.101.4").contains("Wrong secret") && !row("185.220.101.4").contains("/allow?"));
        match round {
            1 => server.roll_up().await,
            2 => {}
            _ => break,
        }
        server.calls_from(&plaintext, REFUSED, 2).await;
        server.calls_from(&server.wrong_secret(key.secret), "185.220.101.4", 1).await;
    }
    let viewer = server.sign_in_as(Persona::Viewer).await;
    let callers = server.section(&viewer, &path, "callers").await;
    assert!(callers.contains("Address not allowed") && !callers.contains("/allow?"), "{callers}");
    // The last refusal of a caller counts, whether or not it is rolled up.
    keys::disable(&server.app, &server.actor(Persona::Owner).await, key.id).await.expect("disabled");
    server.clock.advance(Duration::from_secs(1));
    server.calls_from(&plaintext, REFUSED, 1).await;
    for _ in 0..2 {
        let callers = server.section(&owner, &path, "callers").await;
        assert!(callers.contains("Disabled") && !callers.contains("Address not allowed"), "{callers}");
        server.roll_up().await;
    }
}

#[apply(on_both_engines!)]
async fn the_chart_shows_reasons_on_request(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    let Revealed { key, plaintext } = server.ranged_key().await;
    let path = format!("/settings/api-keys/{}", key.id);
    server.calls_from(&plaintext, ALLOWED, 1).await;
    let folded = server.section(&owner, &path, "calls").await;
    assert!(!folded.contains("by=reason#calls"), "there is nothing to unfold");
    server.calls_from(&plaintext, REFUSED, 2).await;
    let folded = server.section(&owner, &path, "calls").await;
    assert!(folded.contains("1 valid, 0 rate limited, 2 rejected.") && folded.contains("by=reason#calls"));
    let open = server.section(&owner, &format!("{path}?range=7d&by=reason"), "calls").await;
    assert!(open.contains("1 valid, 2 address not allowed."), "{open}");
    assert!(open.contains(">Address not allowed</th>") && !open.contains(">Rejected</th>"), "{open}");
    assert!(open.contains("range=30d&amp;by=reason"), "another range stays unfolded: {open}");
}

#[apply(on_both_engines!)]
async fn a_refused_address_is_allowed_with_a_form(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    let Revealed { key, plaintext } = server.ranged_key().await;
    let allow = format!("/settings/api-keys/{}/allow", key.id);
    server.calls_from(&plaintext, REFUSED, 2).await;
    let page = server.page(&owner, &format!("{allow}?address={REFUSED}")).await;
    for text in
        ["Allow 10.0.0.7?", "2 requests", "tms/4", RANGE, "value=\"10.0.0.7/32\"", "is a private address"]
    {
        assert!(page.contains(text), "{text}");
    }
    for (range, why) in [
        ("10.0.0.0/8 or so", "is neither an address nor a range"),
        ("203.0.113.0/24", "This range does not contain 10.0.0.7."),
    ] {
        let response = server.submit(&owner, &allow, &[("address", REFUSED), ("range", range)]).await;
        assert_eq!(response.status, 422, "{range}");
        assert!(response.text().contains(why), "{range}");
    }
    let viewer = server.sign_in_as(Persona::Viewer).await;
    assert_eq!(server.submit(&viewer, &allow, &[("address", REFUSED), ("range", REFUSED)]).await.status, 403);
    assert_eq!(server.audit_actions().await.last().map(String::as_str), Some("key.refused"));
    let response = server.submit(&owner, &allow, &[("address", REFUSED), ("range", "10.0.0.7/32")]).await;
    assert_eq!(response.status, 303);
    assert_eq!(server.audit_actions().await.last().map(String::as_str), Some("key.edited"));
    let ranges = async || {
        let found =
            keys::find(&server.app, &server.actor(Persona::Owner).await, key.id).await.expect("a key");
        found.ranges.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(ranges().await, [RANGE, "10.0.0.7/32"]);
    let called = server.get("/api/v1/me").key(&plaintext).from(REFUSED).send().await;
    assert_eq!(called.status, 200, "the address is accepted at once");
    let again = server.get(&format!("{allow}?address={REFUSED}")).browser().with(&owner).send().await;
    assert_eq!(again.status, 303, "nothing is left to allow");
    // A wider range replaces what it contains.
    let fields = [("address", "198.51.101.1"), ("range", "198.51.0.0/16")];
    assert_eq!(server.submit(&owner, &allow, &fields).await.status, 303);
    assert_eq!(ranges().await, ["10.0.0.7/32", "198.51.0.0/16"]);
}

/// A first range would lock out every other address.
#[apply(on_both_engines!)]
async fn a_key_for_every_address_gets_no_range(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    let (id, _) = server.made_key(&owner, "ci-deploy").await;
    let allow = format!("/settings/api-keys/{id}/allow");
    let fields = [("address", REFUSED), ("range", REFUSED)];
    assert_eq!(server.submit(&owner, &allow, &fields).await.status, 303);
    assert!(!server.audit_actions().await.contains(&"key.edited".to_owned()));
    let page = server.page(&owner, &format!("/settings/api-keys/{id}")).await;
    assert!(page.contains("This key allows every address.") && page.contains("Every address"));
    assert_eq!(server.submit(&owner, &allow, &[("address", "here")]).await.status, 303);
}

#[apply(on_both_engines!)]
async fn the_log_has_the_last_refusals_by_page(engine: Engine) {
    let server = Server::on(engine).await;
    let Revealed { key, plaintext } = server.ranged_key().await;
    let viewer = server.sign_in_as(Persona::Viewer).await;
    let path = format!("/settings/api-keys/{}/refusals", key.id);
    assert!(server.page(&viewer, &path).await.contains("No recent requests"));
    let mut ids = Vec::new();
    for number in 0..55 {
        // Several in the same millisecond, some of them written.
        if number % 10 == 0 {
            server.clock.advance(Duration::from_secs(1));
        }
        if number == 30 {
            server.roll_up().await;
        }
        let response = server.get("/api/v1/me").key(&plaintext).from(REFUSED).send().await;
        ids.push(response.header("x-request-id").to_owned());
    }
    server.calls_from(&server.wrong_secret(key.secret), "185.220.101.4", 1).await;
    let link = |page: &str| {
        let query = page.split("before=").nth(1)?.split('"').next()?;
        Some(format!("{path}?before={}", query.replace("&amp;", "&")))
    };
    let requests = |page: &str| page.matches("select-all").count();
    for _ in 0..2 {
        let page = server.page(&viewer, &path).await;
        let newest = ["185.220.101.4", "Wrong secret", "Address not allowed", REFUSED, &ids[54]];
        assert!(newest.iter().all(|text| page.contains(text)), "{page}");
        let next = link(&page).expect("a next page");
        let second = server.page(&viewer, &next).await;
        assert_eq!((requests(&page), requests(&second), link(&second)), (50, 6, None));
        for id in &ids {
            assert!(page.contains(id) != second.contains(id), "{id} is on one page");
        }
        let wrong = server.page(&viewer, &format!("{path}?reason=unknown")).await;
        assert_eq!((requests(&wrong), wrong.contains(REFUSED)), (1, false));
        server.roll_up().await;
    }
    assert!(server.page(&viewer, &format!("{path}?reason=expired")).await.contains("No such requests"));
    let stranger = server.sign_in_as(Persona::Stranger).await;
    assert_eq!(server.get(&path).browser().with(&stranger).send().await.status, 404);
    server.clock.advance(Duration::from_secs(7 * 24 * 60 * 60 + 1));
    let viewer = server.sign_in_as(Persona::Viewer).await;
    assert!(server.page(&viewer, &path).await.contains("No recent requests"), "they are stored for a week");
}

#[apply(on_both_engines!)]
async fn programs_read_the_log(engine: Engine) {
    let server = Server::on(engine).await;
    let Revealed { key, plaintext } = server.ranged_key().await;
    let reader = server.key_of(Persona::Viewer).await;
    let path = format!("/api/v1/keys/{}/refusals", key.id);
    server.calls_from(&plaintext, REFUSED, 3).await;
    let first = server.get(&format!("{path}?limit=2")).key(&reader).send().await.json();
    assert_eq!(first["data"].as_array().map(Vec::len), Some(2), "{first}");
    let entry = &first["data"][0];
    assert_eq!(
        (entry["outcome"].as_str(), entry["address"].as_str()),
        (Some("ip_not_allowed"), Some(REFUSED))
    );
    assert_eq!(entry["secret_id"].as_str(), Some(key.secret.as_str()));
    let cursor = first["next_cursor"].as_str().expect("a cursor");
    let second = server.get(&format!("{path}?limit=2&cursor={cursor}")).key(&reader).send().await.json();
    assert_eq!((second["data"].as_array().map(Vec::len), second["next_cursor"].is_null()), (Some(1), true));
    let other = server.get(&format!("{path}?outcome=expired")).key(&reader).send().await.json();
    assert_eq!(other["data"].as_array().map(Vec::len), Some(0));
    for query in ["limit=0", "limit=101", "outcome=none", "cursor=5", "cursor=5-%00", "cursor=a-req"] {
        let response = server.get(&format!("{path}?{query}")).key(&reader).send().await;
        assert_eq!(response.status, 422, "{query}");
    }
}

#[apply(on_both_engines!)]
async fn the_overview_names_floods_and_refused_addresses(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    let Revealed { key, plaintext } = server.ranged_key().await;
    let overview = async || {
        server.roll_up().await;
        server.page(&owner, "/overview").await
    };
    let wrong = server.wrong_secret(key.secret);
    server.calls_from(&plaintext, ALLOWED, 1).await;
    server.calls_from(&wrong, "185.220.101.4", 99).await;
    let page = overview().await;
    assert!(!page.contains("Many wrong secrets") && !page.contains("does not allow"), "{page}");
    server.calls_from(&wrong, "185.220.101.4", 1).await;
    server.calls_from(&plaintext, REFUSED, 2).await;
    let page = overview().await;
    assert!(page.contains("100 tries with ") && page.contains(">09:00 UTC</time>."), "{page}");
    assert!(page.contains("called from an address that it does not allow"), "{page}");
    assert!(page.contains("2 requests in 24 h with "), "{page}");
    let stranger = server.sign_in_as(Persona::Stranger).await;
    assert!(!server.page(&stranger, "/overview").await.contains("Many wrong secrets"));
    server.clock.advance(Duration::from_secs(2 * 60 * 60));
    let page = overview().await;
    assert!(!page.contains("Many wrong secrets") && page.contains("does not allow"), "{page}");
    server.clock.advance(Duration::from_secs(24 * 60 * 60));
    assert!(!overview().await.contains("does not allow"));
}

#[apply(on_both_engines!)]
async fn the_overview_says_that_the_plan_stops_every_key(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    let (_, secret) = server.made_key(&owner, "ci-deploy").await;
    let plan = "/settings/organization/plan";
    let fields = [("plan", "free"), ("from", "enterprise"), ("confirm", "Tidewater Freight")];
    assert_eq!(server.submit(&owner, plan, &fields).await.status, 303);
    assert!(!server.page(&owner, "/overview").await.contains("plan stops"), "nothing was refused");
    assert_eq!(server.check(&secret).await, Outcome::PlanNotEligible);
    let page = server.page(&owner, "/overview").await;
    assert!(
        page.contains("The Free plan stops every key") && page.contains("You can change the plan."),
        "{page}"
    );
    let viewer = server.sign_in_as(Persona::Viewer).await;
    assert!(server.page(&viewer, "/overview").await.contains("An owner can change the plan."));
    let back = [("plan", "enterprise"), ("from", "free")];
    assert_eq!(server.submit(&owner, plan, &back).await.status, 303);
    assert!(!server.page(&owner, "/overview").await.contains("plan stops"));
}

#[apply(on_both_engines!)]
async fn a_waiting_page_is_told_of_a_refused_first_call(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    let Revealed { key, plaintext } = server.ranged_key().await;
    let page = server.page(&owner, &format!("/settings/api-keys/{}", key.id)).await;
    let topic =
        page.split_once("data-live=\"").and_then(|(_, rest)| rest.split_once('"')).expect("a live part").0;
    let listen = || server.get(&format!("/live?topic={topic}")).with(&owner).open();
    server.calls_from(&server.wrong_secret(key.secret), "185.220.101.4", 1).await;
    server.calls_from(&plaintext, REFUSED, 1).await;
    server.roll_up().await;
    let waiting = listen().await;
    server.calls_from(&plaintext, ALLOWED, 1).await;
    server.roll_up().await;
    // A later refusal does not replace the first call for pages that connect afterwards.
    server.calls_from(&plaintext, REFUSED, 1).await;
    server.roll_up().await;
    let late = listen().await;
    server.app.stop();
    let (early, late) = (waiting.rest().await, late.rest().await);
    let refused = early.find("Your first call came from 10.0.0.7, which this key does not allow.");
    let arrived = early.find("First call received from 198.51.100.24.");
    assert!(refused.is_some() && refused < arrived && early.contains("event: refused"), "{early}");
    assert!(!early.contains("185.220.101.4"), "the refusal of the right secret is told: {early}");
    assert!(late.contains("event: arrived") && !late.contains("event: refused"), "{late}");
}
