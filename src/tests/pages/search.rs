//! Tests of the search for a text anywhere in the names of keys.

use macro_rules_attribute::apply;

use super::*;
use crate::keys::server::{self as keys, Filter, Order};
use crate::platform::db::{self, Opener};
use crate::shared::OrgId;
use crate::tests::harness::TestDatabase;

impl Server {
    async fn endings_of(&self, key: &str) -> Vec<String> {
        sqlx::query_scalar("SELECT ending FROM key_name_endings WHERE key_id = $1 ORDER BY ending")
            .bind(key)
            .fetch_all(self.app.db.pool())
            .await
            .expect("the endings")
    }

    /// Copies a key under the names "key-0000", "key-0001", …
    async fn copy_key(&self, key: &str, org: OrgId, copies: i64) {
        let copy = "INSERT INTO keys (id, org_id, name, name_key, kind, role, note, ranges, secret_id, created_at, created_by, \
                    generation, calls, last_used_at) WITH RECURSIVE numbers (n) AS \
                    (SELECT CAST(0 AS BIGINT) UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < $3) \
                    SELECT '00000000-0000-7000-8000-' || CAST(100000000000 + n AS TEXT), org_id, \
                    'key-' || substr(CAST(10000 + n AS TEXT), 2), 'key-' || substr(CAST(10000 + n AS TEXT), 2), kind, role, \
                    note, ranges, secret_id, created_at, created_by, 0, n / 7, n / 7 FROM keys, numbers \
                    WHERE id = $1 AND org_id = $2";
        sqlx::query(copy).bind(key).bind(org).bind(copies).execute(self.app.db.pool()).await.expect("copies");
        let migration = include_str!("../../../migrations/0026_name_search.sql");
        let fill = &migration[migration.find("INSERT").expect("the statement that fills the table")..];
        sqlx::raw_sql(fill).execute(self.app.db.pool()).await.expect("their endings");
    }
}

#[apply(on_both_engines!)]
async fn search_finds_a_text_anywhere_in_a_name(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    let long = format!("{}-the-very-end-of-it", "a".repeat(60));
    for name in ["ci-deploy", "Deploy prod", "staging deploy", "100%_sure", "Wörkshop", "aaaa", long.as_str()]
    {
        server.made_key(&owner, name).await;
    }
    let found = async |text: &str| {
        let text: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
        server.listed(&owner, &format!("?sort=name&q={text}")).await
    };
    let all_three = ["ci-deploy", "Deploy prod", "staging deploy"];
    let long = long.as_str();
    let cases: &[(&str, &[&str])] = &[
        ("eploy", &all_three),
        ("DEPLOY", &all_three),
        ("  ploy  ", &all_three),
        ("oy p", &["Deploy prod"]),
        ("ÖRK", &["Wörkshop"]),
        ("the-very-end-of-it", &[long]),
        ("e-very-end-of-it", &[long]),
        ("the-very-end-of-us", &[]),
        ("aaa", &["aaaa", long]),
        ("0%_", &["100%_sure"]),
        ("%de", &[]),
        ("_deploy", &[]),
        // One or two letters match the beginning.
        ("de", &["Deploy prod"]),
        ("s", &["staging deploy"]),
        ("%", &[]),
        ("_", &[]),
        ("!!!", &[]),
        ("'\"\\", &[]),
        ("c\0i-deploy", &["ci-deploy"]),
        (&"x".repeat(10_000), &[]),
        (&"%".repeat(10_000), &[]),
    ];
    for (text, names) in cases {
        assert_eq!(found(text).await, *names, "{text}");
    }
    let strange = server.sign_in_as(Persona::Stranger).await;
    assert!(server.listed(&strange, "?q=eploy").await.is_empty());
}

#[apply(on_both_engines!)]
async fn the_index_follows_creating_renaming_and_revoking(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    let (id, _) = server.made_key(&owner, "Depot").await;
    assert_eq!(server.endings_of(&id).await, ["depot", "epot", "pot"]);
    let rows = "SELECT COUNT(*) FROM key_name_endings";
    let response = server.submit(&owner, "/settings/api-keys/new", &filled("DEPOT", "")).await;
    assert_eq!((response.status.as_u16(), server.count(rows).await), (422, 3), "the name is taken");
    let edit = async |name: &str| {
        let form = [("name", name), ("expiry", "never")];
        server.submit(&owner, &format!("{KEYS}/{id}/edit"), &form).await.status.as_u16()
    };
    assert_eq!(edit("spot").await, 303);
    assert_eq!(server.endings_of(&id).await, ["pot", "spot"]);
    assert!(server.listed(&owner, "?q=depo").await.is_empty());
    server.made_key(&owner, "gate").await;
    assert_eq!(edit("Gate").await, 422);
    assert_eq!(server.endings_of(&id).await, ["pot", "spot"]);
    assert_eq!(edit("SPOT").await, 303);
    assert_eq!((edit("ab").await, server.endings_of(&id).await.len()), (303, 0));
    assert_eq!(edit("spot").await, 303);
    server.submit(&owner, &format!("{KEYS}/{id}/revoke"), &[("confirm", "spot")]).await;
    assert_eq!(server.listed(&owner, "?q=pot&status=revoked").await, ["spot"]);
    assert!(server.listed(&owner, "?q=pot&status=active").await.is_empty());
    let (again, _) = server.made_key(&owner, "spot").await;
    assert_eq!(server.endings_of(&again).await, ["pot", "spot"]);
    assert_eq!(server.listed(&owner, "?q=pot").await.len(), 2);
}

#[apply(on_both_engines!)]
async fn numbers_and_pages_follow_the_search(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    let actor = server.actor(Persona::Owner).await;
    let (id, _) = server.made_key(&owner, "ci-deploy").await;
    server.copy_key(&id, actor.org.org, 5_200).await;
    let number = async |query: &str, label: &str| {
        let page = server.page(&owner, &format!("{KEYS}{query}")).await;
        let (_, rest) =
            page.split_once(&format!(">{label}<span class=\"count max-sm:hidden\">")).expect("it");
        rest.split_once('<').expect("its end").0.to_owned()
    };
    let foot = async |query: &str| {
        let page = server.page(&owner, &format!("{KEYS}{query}")).await;
        let (_, rest) = page.split_once("class=\"foot\">").expect("a footer");
        let (_, rest) = rest.split_once('>').expect("its text");
        rest.split_once('<').expect("its end").0.to_owned()
    };
    assert_eq!(foot("").await, "1–50 of 1,000+ keys");
    assert_eq!(foot("?q=ey-012").await, "10 keys");
    assert_eq!(foot("?q=ey-01").await, "1–50 of 100 keys");
    // Rare and common texts: most names contain both, some, or hardly any.
    assert_eq!(foot("?q=key").await, "1–50 of 1,000+ keys");
    for (query, active, all) in [("", "1,000+", "1,000+"), ("?q=ey-01", "100", "100"), ("?q=ey", "0", "0")] {
        assert_eq!((number(query, "Active").await, number(query, "All").await), (active.into(), all.into()));
    }
    assert_eq!(
        (number("?q=key", "All").await, number("?q=ey-01", "Revoked").await),
        ("1,000+".into(), "0".into())
    );
    let page = server.page(&owner, &format!("{KEYS}?q=ey-01&sort=name")).await;
    let next = link(&page, "Next").expect("a next page");
    assert_eq!(foot(next.strip_prefix(KEYS).expect("the list")).await, "51–100 of 100 keys");
    let last = server.page(&owner, &next).await;
    assert!(link(&last, "Next").is_none());
    let back = link(&last, "Previous").expect("a page before");
    assert_eq!(foot(back.strip_prefix(KEYS).expect("the list")).await, "1–50 of 100 keys");
    // What an address says about the position is only shown.
    for odd in ["18446744073709551615", "-1", "x", ""] {
        let position = next.replace("from=50", &format!("from={odd}"));
        assert_eq!(server.listed(&owner, position.strip_prefix(KEYS).expect("the list")).await.len(), 50);
    }
    for order in Order::ALL {
        for (text, many) in [("ey-01", 100), ("key-004", 10), ("9", 0), ("99", 0), ("199", 16)] {
            let mut filter = Filter { name: Some(text.to_owned()), order, limit: 7, ..Filter::default() };
            let mut ids = std::collections::BTreeSet::new();
            loop {
                let page = keys::list(&server.app, &actor, &filter).await.expect("a page");
                for key in &page.keys {
                    assert!(key.name.contains(text), "{}", key.name);
                    assert!(ids.insert(key.id), "{} twice", key.name);
                }
                let Some(next) = page.next else { break };
                filter.after = Some(next);
            }
            assert_eq!(ids.len(), many, "{text} {order:?}");
        }
    }
}

#[apply(on_both_engines!)]
async fn names_of_the_version_before_are_found(engine: Engine) {
    let database = TestDatabase::empty(engine).await;
    db::migrate_to(&database.config(&[]).database, 24).await.expect("an earlier version's tables");
    sqlx::any::install_default_drivers();
    let old = sqlx::AnyPool::connect(&match engine {
        Engine::Sqlite => database.url.replace("sqlite:", "sqlite://"),
        Engine::Postgres => database.url.clone(),
    })
    .await
    .expect("a connection");
    for text in [
        "INSERT INTO organizations (id, name, plan, created_at) VALUES ('o', 'o', '', 0)",
        "INSERT INTO users (id, email, email_key, name, name_key, epoch, created_at) VALUES ('u', 'u', 'u', 'u', 'u', 0, 0)",
    ] {
        sqlx::query(text).execute(&old).await.expect("a row");
    }
    let names = ["depot", "ab", "äöü", "aaaaaaaaaaaaaaaaaaaa"];
    for name in names {
        sqlx::query(
            "INSERT INTO keys (id, org_id, name, name_key, kind, role, note, ranges, secret_id, created_at, created_by, \
             generation, calls, last_used_at) VALUES ($1, 'o', $1, $1, 'live', 'viewer', '', '', '', 0, 'u', 0, 0, 0)",
        )
        .bind(name)
        .execute(&old)
        .await
        .expect("a key");
    }
    old.close().await;
    let db = database.open(Opener::Server).await;
    let rows: Vec<(String, String)> = sqlx::query_as(
        "SELECT key_id, ending FROM key_name_endings WHERE org_id = 'o' ORDER BY key_id, ending",
    )
    .fetch_all(db.pool())
    .await
    .expect("rows");
    let endings = |key: &str| {
        rows.iter().filter(|(id, _)| id == key).map(|(_, ending)| ending.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(endings("depot"), ["depot", "epot", "pot"]);
    assert_eq!((endings("ab").len(), endings("äöü")), (0, vec!["äöü"]));
    let run: Vec<String> = (3..=16).map(|letters| "a".repeat(letters)).collect();
    assert_eq!(endings(names[3]), run);
}
