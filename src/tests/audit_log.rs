//! Tests of the audit log's page and export.

use macro_rules_attribute::apply;

use super::harness::{Server, on_both_engines};
use super::people::EMAIL;
use super::personas::Persona;
use crate::accounts::server::Person;
use crate::keys::server as keys;
use crate::platform::db::Engine;
use crate::shared::Role;

const PAGE: &str = "/settings/audit-log";

impl Server {
    async fn log(&self, cookies: &str, query: &str) -> String {
        let response = self.get(&format!("{PAGE}{query}")).browser().with(cookies).send().await;
        assert_eq!(response.status, 200, "{query}");
        response.text()
    }

    async fn export(&self, cookies: &str, query: &str) -> Vec<serde_json::Value> {
        let response = self.get(&format!("{PAGE}/export{query}")).with(cookies).send().await;
        assert_eq!((response.status.as_u16(), response.header("content-type")), (200, "application/jsonl"));
        response.text().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// Copies every event of the log `times` times.
    pub async fn copy_events(&self, times: u32) {
        let copy = "INSERT INTO audit (id, at, org_id, actor_kind, actor_id, actor_name, action, target_kind, \
                    target_id, target_name, target_key, address, user_agent, request_id, details) \
                    WITH RECURSIVE numbers (n) AS \
                    (SELECT CAST(1 AS BIGINT) UNION ALL SELECT n + 1 FROM numbers WHERE n < $1) \
                    SELECT substr(id, 1, 24) || substr('000000000000' || CAST(n AS TEXT), length(CAST(n AS TEXT)) + 1), \
                    at, org_id, actor_kind, actor_id, actor_name, action, \
                    target_kind, target_id, target_name, target_key, address, user_agent, request_id, details \
                    FROM audit, numbers";
        sqlx::query(copy).bind(i64::from(times)).execute(self.app.db.pool()).await.expect("copies");
    }

    /// Alice with three events of her own.
    async fn busy_alice(&self) -> (Person, String) {
        let alice = self.alice().await;
        let here = self.session_of(&alice).await;
        for name in ["Al", "Alice"] {
            self.clock.advance(std::time::Duration::from_secs(60));
            self.submit(&here, "/settings/profile", &[("name", name)]).await;
        }
        let fields = [("plan", "free"), ("from", "enterprise"), ("confirm", "Tidewater Freight")];
        self.submit(&here, "/settings/organization/plan", &fields).await;
        (alice, here)
    }
}

fn shown(page: &str) -> usize {
    page.matches("class=\"audit-row\"").count()
}

#[apply(on_both_engines!)]
async fn filters_find_what_they_name(engine: Engine) {
    let server = Server::on(engine).await;
    let (alice, here) = server.busy_alice().await;
    let bob = server.colleague("bob@tidewater.example", Role::Member).await;
    server.invited(&here, "ingrid@tidewater.example", "viewer").await;
    let request: String = sqlx::query_scalar("SELECT request_id FROM audit WHERE action = 'member.invited'")
        .fetch_one(server.app.db.pool())
        .await
        .expect("a request");
    for (query, count) in [
        (String::new(), 4),
        ("?action=person.renamed".to_owned(), 2),
        (format!("?actor={EMAIL}"), 4),
        (format!("?actor={}", alice.id), 4),
        (format!("?actor={}", bob.email), 0),
        ("?actor=nobody@x.example".to_owned(), 0),
        ("?target=INGRID%40tidewater.example".to_owned(), 1),
        (format!("?target={}", alice.id), 2),
        (format!("?request={request}"), 1),
        (format!("?request={request}&action=person.renamed"), 0),
        ("?time=1d".to_owned(), 4),
        ("?time=nonsense&before=zzz".to_owned(), 4),
    ] {
        let page = server.log(&here, &query).await;
        assert_eq!(shown(&page), count, "{query}");
        assert_eq!(page.contains("No such events"), count == 0, "{query}");
        assert_eq!(server.export(&here, &query).await.len(), count, "{query}");
    }
    let page = server.log(&here, "?action=member.invited").await;
    assert!(
        page.contains("export?action=member.invited") && page.contains("ingrid@tidewater.example"),
        "{page}"
    );
    for odd in ["?actor=%00", "?target=%00", "?request=%E2%80%AE", "?before=%27", "?action=%3Cscript%3E"] {
        let response = server.get(&format!("{PAGE}{odd}")).browser().with(&here).send().await;
        assert!(response.status.as_u16() < 500 && !response.text().contains("<script>\""), "{odd}");
    }
    server.clock.advance(std::time::Duration::from_secs(3 * 24 * 60 * 60));
    assert_eq!(shown(&server.log(&here, "?time=1d").await), 0);
    assert_eq!(shown(&server.log(&here, "?time=7d").await), 4);
}

#[apply(on_both_engines!)]
async fn pages_follow_each_other_without_a_gap(engine: Engine) {
    let server = Server::on(engine).await;
    let alice = server.alice().await;
    let here = server.session_of(&alice).await;
    for n in 0..53 {
        server.submit(&here, "/settings/profile", &[("name", &format!("Alice {n}"))]).await;
    }
    let first = server.log(&here, "?action=person.renamed").await;
    assert_eq!(shown(&first), 50);
    let older = first.split("before=").nth(1).and_then(|rest| rest.split('"').next()).expect("older ones");
    let second = server.log(&here, &format!("?action=person.renamed&before={older}")).await;
    assert_eq!(shown(&second), 3);
    assert!(second.contains("Newest") && !second.contains("before="), "{second}");
    let lines = server.export(&here, "").await;
    assert_eq!((lines.len(), lines[0]["details"]["to"].as_str()), (53, Some("Alice 52")));
    assert!(lines.iter().map(|line| line["id"].as_str()).is_sorted_by(|a, b| a > b));
}

#[apply(on_both_engines!)]
async fn the_id_of_a_refused_check_leads_to_its_reason(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let created = server.key(&owner, "ci").await;
    let check = || async {
        let bearer = format!("Bearer {}", created.plaintext.expose());
        let response = server
            .get(&format!("/api/v1/authorize?org={}&role=owner", owner.org.org))
            .header("authorization", &bearer)
            .send()
            .await;
        (response.status.as_u16(), response.header("x-request-id").to_owned(), response.text())
    };
    assert_eq!(check().await.0, 200);
    keys::disable(&server.app, &owner, created.key.id).await.expect("a disabled key");
    let (status, id, told) = check().await;
    assert!(status == 401 && !told.contains("disabled"), "{told}");
    let (here, elsewhere) =
        (server.sign_in_as(Persona::Admin).await, server.sign_in_as(Persona::Stranger).await);
    // Before and after it is written.
    for _ in 0..2 {
        let page = server.log(&here, &format!("?request={id}")).await;
        assert!(
            page.contains("The key was disabled.") && page.contains(&created.key.id.to_string()),
            "{page}"
        );
        let page = server.log(&elsewhere, &format!("?request={id}")).await;
        assert!(page.contains("No such events") && !page.contains("disabled"), "{page}");
        keys::flush(&server.app).await.expect("a flush");
    }
    server.clock.advance(std::time::Duration::from_secs(8 * 24 * 60 * 60));
    keys::sweep(&server.app).await.expect("a sweep");
    let here = server.sign_in_as(Persona::Admin).await;
    assert!(!server.log(&here, &format!("?request={id}")).await.contains("The key was disabled."));
}

#[apply(on_both_engines!)]
async fn an_export_of_several_pieces_is_whole(engine: Engine) {
    let server = Server::on(engine).await;
    let (_, here) = server.busy_alice().await;
    server.copy_events(999).await;
    assert_eq!(server.export(&here, "").await.len(), 3_000);
    assert_eq!(server.export(&here, "?action=person.renamed").await.len(), 2_000);
}

#[apply(on_both_engines!)]
async fn nobody_reads_the_log_of_another_organization(engine: Engine) {
    let server = Server::on(engine).await;
    let (alice, _) = server.busy_alice().await;
    let stranger = server.sign_in_as(Persona::Stranger).await;
    for query in [String::new(), format!("?actor={EMAIL}"), format!("?target={}", alice.id)] {
        assert_eq!(shown(&server.log(&stranger, &query).await), 0, "{query}");
        assert_eq!(server.export(&stranger, &query).await.len(), 0, "{query}");
    }
}

/// Every filter reads an index in the order of the page, without sorting and without scanning a table.
#[tokio::test]
async fn every_filter_reads_an_index_in_order() {
    use crate::audit::{AuditFilter, Target, statement};
    use crate::platform::db::Engine;
    use crate::shared::{EventId, OrgId, Timestamp};
    use sqlx::Row;
    let server = Server::on(Engine::Sqlite).await;
    let one = || vec!["x".to_owned()];
    let two = || vec!["x".to_owned(), "y".to_owned()];
    let target = |target: fn(String) -> Target| vec![target("x".to_owned())];
    for (filter, index) in [
        (AuditFilter::default(), "audit_of_org"),
        (AuditFilter { before: Some(EventId::NIL), ..AuditFilter::default() }, "audit_of_org"),
        (AuditFilter { since: Some(Timestamp::from_millis(0)), ..AuditFilter::default() }, "audit_of_org"),
        (AuditFilter { actors: one(), ..AuditFilter::default() }, "audit_of_actor"),
        (AuditFilter { actions: one(), ..AuditFilter::default() }, "audit_of_action"),
        (AuditFilter { request: Some("x".to_owned()), ..AuditFilter::default() }, "audit_of_request"),
        (AuditFilter { targets: target(Target::Name), ..AuditFilter::default() }, "audit_of_target_name"),
        (AuditFilter { targets: target(Target::Id), ..AuditFilter::default() }, "audit_of_target"),
    ] {
        let (text, values) = statement(OrgId::NIL, &filter, 0);
        let text = crate::platform::db::sql(format!("EXPLAIN QUERY PLAN {text}"));
        let query = values.into_iter().fold(sqlx::query(text), |query, value| query.bind(value));
        let rows = query.bind(51_i64).fetch_all(server.app.db.pool()).await.expect("a plan");
        let plan: Vec<String> = rows.iter().map(|row| row.get("detail")).collect();
        assert!(
            plan.len() == 1 && plan[0].contains(&format!("USING INDEX {index} ")),
            "{filter:?}: {plan:?}"
        );
    }
    // Of several values, each reads its own range. The second part filters what the first one finds.
    for (lead, index) in [(0, "audit_of_actor"), (1, "audit_of_action")] {
        let filter = AuditFilter { actors: two(), actions: two(), ..AuditFilter::default() };
        let (text, values) = statement(OrgId::NIL, &filter, lead);
        let text = crate::platform::db::sql(format!("EXPLAIN QUERY PLAN {text}"));
        let query = values.into_iter().fold(sqlx::query(text), |query, value| query.bind(value));
        let rows = query.bind(51_i64).fetch_all(server.app.db.pool()).await.expect("a plan");
        let plan: Vec<String> = rows.iter().map(|row| row.get("detail")).collect();
        let searches = plan.iter().filter(|step| step.contains("audit"));
        let uses_index = |step: &&String| step.contains(&format!("USING INDEX {index} "));
        assert!(searches.clone().count() == 2 && searches.clone().all(|step| uses_index(&step)), "{plan:?}");
    }
}

#[apply(on_both_engines!)]
async fn parts_of_names_and_actions_find_events(engine: Engine) {
    let server = Server::on(engine).await;
    let (_, here) = server.busy_alice().await;
    let bob = server.colleague("bob.stone@tidewater.example", Role::Member).await;
    let of_bob = server.session_of(&bob).await;
    server.submit(&of_bob, "/settings/profile", &[("name", "Robert 100%_Stone")]).await;
    let owner = server.actor(Persona::Owner).await;
    let gate = server.key(&owner, "depot-gate").await;
    keys::disable(&server.app, &owner, gate.key.id).await.expect("a disabled key");
    server.key(&owner, "depot").await;
    let cases = [
        ("?actor=robert", 1),
        ("?actor=STONE", 1),
        ("?actor=00%25_s", 1),
        ("?actor=%25", 1),
        ("?actor=_", 1),
        ("?actor=tidewater", 4),
        ("?actor=nobody", 0),
        ("?action=renamed", 3),
        ("?action=person.ren", 3),
        ("?action=key+cre", 2),
        ("?action=reated", 0),
        ("?target=epot", 3),
        ("?target=d", 6),
        ("?target=DEPOT-GATE", 2),
        ("?target=depot-gat", 2),
        ("?target=depo", 3),
        ("?target=stone", 1),
        ("?target=%25", 1),
        ("?target=xyz", 0),
        ("?target=epot&action=created", 2),
        ("?target=stone&action=renamed&actor=tidewater", 1),
        ("?target=epot&actor=robert", 0),
    ];
    for (query, count) in cases {
        let page = server.log(&here, query).await;
        assert_eq!(shown(&page), count, "{query}");
        assert_eq!(server.export(&here, query).await.len(), count, "{query}");
    }
    for long in ["actor", "action", "target", "request"] {
        assert_eq!(shown(&server.log(&here, &format!("?{long}={}", "%25".repeat(5_000))).await), 0, "{long}");
    }
    let page = server.log(&here, "").await;
    for offered in ["bob.stone@tidewater.example", "person.renamed", "depot-gate"] {
        assert!(page.contains(&format!("<option value=\"{offered}\">")), "{offered}");
    }
    let stranger = server.sign_in_as(Persona::Stranger).await;
    assert_eq!(shown(&server.log(&stranger, "?target=epot").await), 0);
    assert!(!server.log(&stranger, "").await.contains("bob.stone"));
}
