//! Tests of the charts' links and ranges, of the list of refused requests by time, and of the keys with the most requests.

mod migration;
mod rotation;

use std::time::Duration;

use macro_rules_attribute::apply;

use super::harness::{Server, on_both_engines};
use super::keys::draft;
use super::personas::Persona;
use crate::keys::server::{self as keys, Revealed};
use crate::platform::Secret;
use crate::platform::db::Engine;
use crate::usage::Outcome;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const ALL: &str = "/settings/api-keys/refusals";

impl Server {
    async fn checks(&self, secret: &Secret, times: usize) {
        for _ in 0..times {
            assert_eq!(self.check(secret).await, Outcome::Valid);
        }
    }

    async fn write_usage(&self) {
        keys::flush(&self.app).await.expect("written and rolled up");
    }

    /// A key that was accepted and refused a few times, and its id.
    async fn disabled_key(&self, name: &str, (accepted, refused): (usize, usize)) -> String {
        let owner = self.actor(Persona::Owner).await;
        let Revealed { key, plaintext } =
            keys::create(&self.app, &owner, &draft(name), None).await.expect("a key");
        self.checks(&plaintext, accepted).await;
        keys::disable(&self.app, &owner, key.id).await.expect("disabled");
        for _ in 0..refused {
            // Each request has an id of its own.
            assert_eq!(self.get("/api/v1/me").key(&plaintext).send().await.status, 401);
        }
        key.id.to_string()
    }
}

/// The addresses that the bars of a page open.
fn opened(page: &str) -> Vec<String> {
    let links = page.split("class=\"plot-bar\" href=\"").skip(1);
    links.filter_map(|link| Some(link.split_once('"')?.0.replace("&amp;", "&"))).collect()
}

fn requests(page: &str) -> usize {
    page.matches("select-all").count()
}

#[apply(on_both_engines!)]
async fn a_bar_opens_the_refused_requests_of_its_span(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    let id = server.disabled_key("ci-deploy", (2, 3)).await;
    let path = format!("/settings/api-keys/{id}");
    for _ in 0..2 {
        let span = "from=2026-11-20T10:00:00.000Z&until=2026-11-20T11:00:00.000Z";
        let page = server.page(&owner, &path).await;
        assert_eq!(opened(&page), [format!("{path}/refusals?{span}")]);
        assert!(
            page.contains("2026-11-20T10:00:00.000Z") && page.contains(">20 Nov, 10:00–11:00 UTC</time>")
        );
        assert!(
            page.contains("swatch swatch-rejected") && page.contains(">Disabled</th>"),
            "the reason is a column"
        );
        let list = server.page(&owner, &opened(&page)[0]).await;
        assert!(requests(&list) == 3 && list.contains("20 Nov, 10:00–11:00 UTC"));
        // With one reason, the bar opens the requests that were refused for it.
        let by_reason = server.page(&owner, &format!("{path}?by=reason&range=7d")).await;
        let wider = "from=2026-11-20T06:00:00.000Z&until=2026-11-20T12:00:00.000Z";
        assert_eq!(opened(&by_reason), [format!("{path}/refusals?reason=disabled&{wider}")]);
        assert_eq!(requests(&server.page(&owner, &opened(&by_reason)[0]).await), 3);
        let overview = server.page(&owner, "/overview").await;
        assert_eq!(opened(&overview), [format!("{ALL}?{span}")]);
        let list = server.page(&owner, &opened(&overview)[0]).await;
        assert!(
            requests(&list) == 3 && list.contains(&format!("href=\"{path}\"")) && list.contains("ci-deploy")
        );
        server.write_usage().await;
    }
    server.clock.advance(DAY * 8);
    let owner = server.sign_in_as(Persona::Owner).await;
    let page = server.page(&owner, &format!("{path}?range=30d")).await;
    assert!(
        opened(&page).is_empty() && page.contains("Disabled</th>"),
        "refused requests are stored for 7 days"
    );
}

#[apply(on_both_engines!)]
async fn refused_requests_are_listed_by_time(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    let id = server.disabled_key("first", (0, 2)).await;
    server.write_usage().await;
    server.clock.advance(HOUR);
    server.disabled_key("second", (0, 1)).await;
    let one = format!("/settings/api-keys/{id}/refusals");
    for (query, of_org, of_key) in [
        ("", 3, 2),
        ("?from=2026-11-20T11:00:00Z", 1, 0),
        ("?until=2026-11-20T11:00:00Z", 2, 2),
        ("?from=2026-11-20T10:00:00Z&until=2026-11-20T10:00:01Z", 2, 2),
        ("?from=2026-11-20T10:00:01Z&until=2026-11-20T11:00:00Z", 0, 0),
        ("?from=2026-11-20T12:00:00%2B01:00", 1, 0),
        ("?reason=disabled&until=9999-12-31T23:59:59Z", 3, 2),
        ("?from=9999-12-31T23:59:59Z", 0, 0),
        ("?reason=expired&from=0001-01-01T00:00:00Z", 0, 0),
    ] {
        let pages = [
            server.page(&owner, &format!("{ALL}{query}")).await,
            server.page(&owner, &format!("{one}{query}")).await,
        ];
        assert_eq!(pages.map(|page| requests(&page)), [of_org, of_key], "{query}");
    }
    for wrong in [
        "from=yesterday",
        "until=-1",
        "from=10000-01-01T00:00:00Z",
        "from=1e99",
        "from=2026-11-20T11:00:00Z&until=2026-11-20T11:00:00Z",
        "from=2026-11-21T00:00:00Z&until=2026-11-20T00:00:00Z",
    ] {
        let page = server.page(&owner, &format!("{ALL}?{wrong}")).await;
        assert!(requests(&page) == 3 && page.contains("The time filter was not used."), "{wrong}");
    }
    let stranger = server.sign_in_as(Persona::Stranger).await;
    assert!(server.page(&stranger, ALL).await.contains("No refused requests"));
    assert_eq!(server.get(&one).browser().with(&stranger).send().await.status, 404);
}

#[apply(on_both_engines!)]
async fn programs_list_refused_requests_by_time(engine: Engine) {
    let server = Server::on(engine).await;
    let id = server.disabled_key("first", (0, 2)).await;
    server.clock.advance(HOUR);
    server.disabled_key("second", (0, 1)).await;
    let reader = server.key_of(Persona::Viewer).await;
    let read = async |query: &str| server.get(&format!("/api/v1/refusals{query}")).key(&reader).send().await;
    let all = read("").await.json();
    assert_eq!(all["data"].as_array().map(Vec::len), Some(3), "{all}");
    assert_eq!((all["data"][2]["key_id"].as_str(), all["next_cursor"].is_null()), (Some(id.as_str()), true));
    let early = read("?until=2026-11-20T11:00:00Z").await.json();
    assert_eq!(early["data"].as_array().map(Vec::len), Some(2), "{early}");
    let first = read("?limit=1&from=2026-11-20T10:00:00Z").await.json();
    let cursor = first["next_cursor"].as_str().expect("a cursor");
    let second = read(&format!("?limit=2&cursor={cursor}")).await.json();
    assert_eq!((second["data"].as_array().map(Vec::len), second["next_cursor"].is_null()), (Some(2), true));
    let late = server.get(&format!("/api/v1/keys/{id}/refusals?from=2026-11-20T11:00:00Z"));
    assert_eq!(late.key(&reader).send().await.json()["data"].as_array().map(Vec::len), Some(0));
    for wrong in ["from=now", "until=", "from=2026-11-20T11:00:00Z&until=2026-11-20T10:00:00Z", "limit=0"] {
        assert_eq!(read(&format!("?{wrong}")).await.status, 422, "{wrong}");
    }
    let stranger = server.key_of(Persona::Stranger).await;
    let theirs = server.get("/api/v1/refusals").key(&stranger).send().await.json();
    assert_eq!(theirs["data"].as_array().map(Vec::len), Some(0));
}

#[apply(on_both_engines!)]
async fn the_overview_has_ranges(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    let (_, secret) = server.made_key(&owner, "ci-deploy").await;
    server.checks(&secret, 2).await;
    server.clock.advance(DAY * 3);
    let owner = server.sign_in_as(Persona::Owner).await;
    server.checks(&secret, 5).await;
    for (query, current, calls, heading) in [
        ("", "24h", "5 calls", "Requests per hour"),
        ("?range=7d", "7d", "7 calls", "Requests per 6 hours"),
        ("?range=30d", "30d", "7 calls", "Requests per day"),
        ("?range=-7d", "24h", "5 calls", "Requests per hour"),
        ("?range=9999999999999999999d&range=7d", "24h", "5 calls", "Requests per hour"),
        ("?range=%00", "24h", "5 calls", "Requests per hour"),
    ] {
        let page = server.page(&owner, &format!("/overview{query}")).await;
        assert!(
            page.contains(&format!("href=\"/overview?range={current}\" aria-current=\"true\"")),
            "{query}"
        );
        assert!(page.contains(heading) && page.contains(calls), "{query}");
    }
    let page = server.page(&owner, "/overview").await;
    assert!(page.contains("the 24 h before") && page.contains("None in the 24 h before"));
}

#[apply(on_both_engines!)]
async fn ranges_without_stored_counts_are_not_offered(engine: Engine) {
    let server = Server::with(engine, &[("LATCHKEY_USAGE_RETENTION", "10d")]).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    let (id, _) = server.made_key(&owner, "ci-deploy").await;
    for path in ["/overview".to_owned(), format!("/settings/api-keys/{id}")] {
        let page = server.page(&owner, &format!("{path}?range=30d")).await;
        assert!(page.contains("range=7d\" aria-current=\"true\"") && !page.contains("range=30d"), "{path}");
        assert!(!page.contains("The 7 days before"), "14 days are not stored");
    }
    assert!(server.page(&owner, "/overview").await.contains("The 24 h before"));
}

/// The names and numbers of the keys that the overview lists.
fn listed(page: &str) -> Vec<(String, String)> {
    let text = |html: &str| {
        let after = html.split_once('>').map_or("", |(_, after)| after);
        after.split('<').next().unwrap_or_default().to_owned()
    };
    let rows = page.split("class=\"top-key ").skip(1);
    rows.filter_map(|row| {
        let name = text(row.split_once("<a ")?.1);
        let calls = row.rsplit("num text-right\"").next().map(text)?;
        Some((name, calls))
    })
    .collect()
}

#[apply(on_both_engines!)]
async fn the_overview_names_the_keys_with_the_most_requests(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    assert!(!server.page(&owner, "/overview").await.contains("Top keys"), "there are no keys");
    let (_, early) = server.made_key(&owner, "early").await;
    assert!(server.page(&owner, "/overview").await.contains("No key was used in the last 24 h."));
    server.checks(&early, 9).await;
    let stranger = server.actor(Persona::Stranger).await;
    let foreign = keys::create(&server.app, &stranger, &draft("foreign"), None).await.expect("a key");
    server.checks(&foreign.plaintext, 20).await;
    server.write_usage().await;
    server.clock.advance(DAY * 2);
    let owner = server.sign_in_as(Persona::Owner).await;
    let names = ["a", "b", "c", "d", "e", "f"];
    for (count, name) in (1..).zip(names) {
        let (_, secret) = server.made_key(&owner, name).await;
        server.checks(&secret, count).await;
    }
    server.disabled_key("refused", (1, 7)).await;
    // In memory, then in the tables.
    for _ in 0..2 {
        let day = server.page(&owner, "/overview").await;
        let expected =
            [("refused", "1 call"), ("f", "6 calls"), ("e", "5 calls"), ("d", "4 calls"), ("c", "3 calls")];
        let expected = expected.map(|(name, calls)| (name.to_owned(), calls.to_owned()));
        assert_eq!(listed(&day), expected);
        assert!(day.contains("7 refused"));
        for range in ["7d", "30d"] {
            let page = server.page(&owner, &format!("/overview?range={range}")).await;
            assert_eq!(listed(&page)[0], ("early".to_owned(), "9 calls".to_owned()), "{range}");
            assert_eq!(listed(&page).len(), 5, "{range}");
        }
        server.write_usage().await;
    }
    let stranger = server.sign_in_as(Persona::Stranger).await;
    let theirs = server.page(&stranger, "/overview?range=7d").await;
    assert_eq!(listed(&theirs), [("foreign".to_owned(), "20 calls".to_owned())]);
}

#[apply(on_both_engines!)]
async fn a_key_ends_with_a_day_of_the_person(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    let page = server.page(&owner, "/settings/api-keys/new").await;
    assert!(
        page.contains("name=\"zone\" data-end-of=\"date\"") && page.contains("class=\"scriptless\">, UTC<")
    );
    let end_of = async |name: &str| {
        let text = "SELECT expires_at FROM keys WHERE name = $1";
        let end: i64 =
            sqlx::query_scalar(text).bind(name).fetch_one(server.app.db.pool()).await.expect("an end");
        crate::shared::Timestamp::from_millis(end).to_string()
    };
    for (name, zone, end) in [
        ("utc", "", "2026-11-29T00:00:00.000Z"),
        ("kiritimati", "840", "2026-11-28T10:00:00.000Z"),
        ("baker", "-720", "2026-11-29T12:00:00.000Z"),
        ("kolkata", "330", "2026-11-28T18:30:00.000Z"),
        ("nonsense", "99999999999999999999", "2026-11-29T00:00:00.000Z"),
    ] {
        let fields = [
            ("name", name),
            ("kind", "live"),
            ("role", "viewer"),
            ("expiry", "custom"),
            ("date", "2026-11-28"),
            ("zone", zone),
        ];
        let response = server.submit(&owner, "/settings/api-keys/new", &fields).await;
        assert_eq!((response.status.as_u16(), end_of(name).await.as_str()), (200, end), "{name}");
    }
    let (id, _) = server.made_key(&owner, "edited").await;
    let path = format!("/settings/api-keys/{id}");
    let fields = [("name", "edited"), ("expiry", "custom"), ("date", "2026-11-28"), ("zone", "")];
    assert_eq!(server.submit(&owner, &format!("{path}/edit"), &fields).await.status, 303);
    for path in [path.clone(), "/settings/api-keys?q=edited".to_owned(), format!("{path}/edit")] {
        let page = server.page(&owner, &path).await;
        assert!(
            page.contains("title=\"29 Nov 2026, 00:00:00 UTC\"") && page.contains(">28 Nov</time>"),
            "{path}"
        );
    }
    // Here it is the 20th, 10:00. On Kiritimati, that day has ended.
    let fields = [("name", "edited"), ("expiry", "custom"), ("date", "2026-11-20"), ("zone", "840")];
    let late = server.submit(&owner, &format!("{path}/edit"), &fields).await;
    assert_eq!(late.status, 422, "it ended a moment ago");
    let fields = [("name", "edited"), ("expiry", "custom"), ("date", "9999-12-31"), ("zone", "-720")];
    assert_eq!(server.submit(&owner, &format!("{path}/edit"), &fields).await.status, 422);
}
