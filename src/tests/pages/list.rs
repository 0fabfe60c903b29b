//! Tests of the key list: search, filters, sorting, pages, and changes of several keys.

use macro_rules_attribute::apply;

use super::*;
use crate::keys::server as keys;
use crate::platform::db::Engine;

#[apply(on_both_engines!)]
async fn a_list_is_found_filtered_and_sorted_by_its_address(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    for name in ["beta", "alpha", "alpine", "gamma"] {
        server.made_key(&owner, name).await;
        server.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(server.listed(&owner, "?sort=name").await, ["alpha", "alpine", "beta", "gamma"]);
    assert_eq!(server.listed(&owner, "?sort=newest").await, ["gamma", "alpine", "alpha", "beta"]);
    assert_eq!(server.listed(&owner, "?q=ALP&sort=name").await, ["alpha", "alpine"]);
    let (id, secret) = server.made_key(&owner, "delta").await;
    let start = secret.expose().rsplit_once('_').expect("a start").0.to_owned();
    assert_eq!(server.listed(&owner, &format!("?q={start}")).await, ["delta"]);
    assert_eq!(server.listed(&owner, &format!("?q={}", &start[8..14])).await, ["delta"]);
    assert!(server.listed(&owner, &format!("?q={start}&kind=mcp")).await.is_empty());
    server.check(&secret).await;
    assert_eq!(server.listed(&owner, "").await.first().map(String::as_str), Some("delta"), "used last");
    assert_eq!(server.listed(&owner, "?sort=calls").await.first().map(String::as_str), Some("delta"));

    server.submit(&owner, &format!("{KEYS}/{id}/disable"), &[("confirmed", "yes")]).await;
    assert_eq!(server.listed(&owner, "?status=disabled").await, ["delta"]);
    assert_eq!(server.listed(&owner, "?status=active&sort=name").await, ["alpha", "alpine", "beta", "gamma"]);
    server.submit(&owner, &format!("{KEYS}/{id}/rotate"), &[("overlap", "24")]).await;
    // A rotated key is also found by the beginning of its old secret.
    assert_eq!(server.listed(&owner, &format!("?q={start}")).await, ["delta"]);
    let nothing = server.page(&owner, &format!("{KEYS}?q=omega&status=revoked")).await;
    assert!(nothing.contains("No revoked key matches “omega”"));
    let strange = server.sign_in_as(Persona::Stranger).await;
    assert!(server.page(&strange, KEYS).await.contains("Create your first key"));
    assert!(server.page(&strange, &format!("{KEYS}?q={start}")).await.contains("Create your first key"));
}

#[apply(on_both_engines!)]
async fn pages_of_the_list_lead_on_and_back(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    let created = server.made_key(&owner, "key-000").await.0;
    let copy = "INSERT INTO keys (id, org_id, name, name_key, kind, role, note, ranges, secret_id, created_at, created_by, \
                generation, calls, last_used_at) SELECT $1, org_id, $2, $2, kind, role, note, ranges, secret_id, created_at, \
                created_by, 0, $3, $3 FROM keys WHERE id = $4";
    for number in 1..120_i64 {
        let (id, name) = (format!("00000000-0000-7000-8000-{number:012}"), format!("key-{number:03}"));
        let query = sqlx::query(copy).bind(id).bind(name).bind(number / 7).bind(&created);
        query.execute(server.app.db.pool()).await.expect("a key");
    }
    for sort in ["name", "newest", "calls", "last-used", "expiring"] {
        let mut pages = vec![server.listed(&owner, &format!("?sort={sort}")).await];
        let mut addresses = vec![format!("{KEYS}?sort={sort}")];
        for _ in 0..2 {
            let page = server.page(&owner, addresses.last().expect("one")).await;
            let next = link(&page, "Next").expect("a next page");
            pages.push(server.listed(&owner, next.strip_prefix(KEYS).expect("the list")).await);
            addresses.push(next);
        }
        assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [50, 50, 20], "{sort}");
        let mut all = pages.concat();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 120, "{sort}: each once");
        let last = server.page(&owner, &addresses[2]).await;
        assert!(link(&last, "Next").is_none());
        let back = link(&last, "Previous").expect("a page before");
        assert_eq!(
            server.listed(&owner, back.strip_prefix(KEYS).expect("the list")).await,
            pages[1],
            "{sort}"
        );
        let second = server.page(&owner, &back).await;
        let first = link(&second, "Previous").expect("a page before");
        assert_eq!(
            server.listed(&owner, first.strip_prefix(KEYS).expect("the list")).await,
            pages[0],
            "{sort}"
        );
        assert!(link(&server.page(&owner, &first).await, "Previous").is_none());
    }
    for odd in
        ["?after=x", "?after=AA&sort=name", "?before=%00", "?creator=%00", "?q=%00", "?status=x&kind=y"]
    {
        assert!(!server.listed(&owner, odd).await.is_empty() || odd.starts_with("?creator"), "{odd}");
    }
}

#[apply(on_both_engines!)]
async fn a_whole_key_in_the_search_leads_to_its_page_and_into_no_address(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    let (id, secret) = server.made_key(&owner, "ci-deploy").await;
    let rest = secret.expose().rsplit_once('_').expect("a secret").1;
    let found = server.submit(&owner, KEYS, &[("q", secret.expose())]).await;
    assert_eq!(found.header("location"), format!("{KEYS}/{id}"));
    let by_get = server.get(&format!("{KEYS}?q={}", secret.expose())).browser().with(&owner).send().await;
    assert_eq!((by_get.status.as_u16(), by_get.header("location")), (303, format!("{KEYS}/{id}").as_str()));
    assert!(server.word(&owner).await.contains("Rotate it."));
    for typed in [&secret.expose()[..60], &format!("Bearer {}x", secret.expose())] {
        let response = server.submit(&owner, KEYS, &[("q", typed), ("sort", "name")]).await;
        let to = response.header("location").to_owned();
        assert!(to.starts_with(&format!("{KEYS}?q=ak_live_")) && to.ends_with("&sort=name"), "{to}");
        assert!(!to.contains(&rest[..8]), "{to}");
    }
    let strange = server.sign_in_as(Persona::Stranger).await;
    let org = server.organization_of(Persona::Stranger).await;
    let call = server.post(KEYS).same_origin().with(&strange);
    let response = call.form(&[("org", &org.to_string()), ("q", secret.expose())]).send().await;
    assert!(
        response.header("location").starts_with(&format!("{KEYS}?q="))
            && !response.header("location").contains(rest)
    );
}

#[apply(on_both_engines!)]
async fn several_keys_are_disabled_or_revoked_at_once(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    let (one, first) = server.made_key(&owner, "one").await;
    let (two, second) = server.made_key(&owner, "two").await;
    let chosen = [("key", one.as_str()), ("key", two.as_str()), ("key", one.as_str()), ("key", "none")];
    let form: Vec<(&str, &str)> =
        std::iter::once(("do", "disable")).chain(chosen[..3].iter().copied()).collect();
    server.submit(&owner, &format!("{KEYS}/selected"), &form).await;
    assert!(server.word(&owner).await.contains("2 keys disabled."));
    assert_eq!(server.check(&first).await, Outcome::Disabled);
    let form: Vec<(&str, &str)> = std::iter::once(("do", "revoke")).chain(chosen.iter().copied()).collect();
    let response = server.submit(&owner, &format!("{KEYS}/selected"), &form).await;
    let to = response.header("location").to_owned();
    let page = server.page(&owner, &to).await;
    assert!(page.contains("Revoke 2 keys"), "{to}");
    server.submit(&owner, &format!("{KEYS}/revoke"), &chosen).await;
    assert_eq!(
        (server.check(&first).await, server.check(&second).await),
        (Outcome::Revoked, Outcome::Revoked)
    );
}

#[apply(on_both_engines!)]
async fn everybody_sees_keys_and_manages_their_own(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    let member = server.sign_in_as(Persona::Member).await;
    let (id, _) = server.made_key(&owner, "the owner's").await;
    let page = server.page(&member, &format!("{KEYS}/{id}")).await;
    assert!(!page.contains("Revoke key…") && !page.contains("/rotate") && !page.contains("Recent events"));
    for action in ["edit", "rotate", "revoke"] {
        let response = server.get(&format!("{KEYS}/{id}/{action}")).browser().with(&member).send().await;
        assert_eq!(response.status, 403, "{action}");
    }
    for action in ["edit", "rotate", "revoke", "disable"] {
        let form = [("name", "mine"), ("expiry", "never"), ("overlap", "24")];
        assert_eq!(
            server.submit(&member, &format!("{KEYS}/{id}/{action}"), &form).await.status,
            403,
            "{action}"
        );
    }
    let (own, _) = server.made_key(&member, "the member's").await;
    assert!(server.page(&member, &format!("{KEYS}/{own}")).await.contains("Revoke key…"));
    let form = [("name", "too high"), ("kind", "live"), ("role", "owner"), ("expiry", "never")];
    assert_eq!(server.submit(&member, "/settings/api-keys/new", &form).await.status, 403);
    let strange = server.sign_in_as(Persona::Stranger).await;
    assert_eq!(server.get(&format!("{KEYS}/{id}")).browser().with(&strange).send().await.status, 404);
}

/// The list says since when it counts requests beyond the limit.
#[apply(on_both_engines!)]
async fn requests_beyond_the_limit_are_counted_since_the_previous_hour(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let draft = keys::Draft { rate_limit: Some(1), ..crate::tests::keys::draft("busy") };
    let key = keys::create(&server.app, &owner, &draft, None).await.expect("a key");
    for _ in 0..3 {
        server.check(&key.plaintext).await;
    }
    let cookies = server.sign_in_as(Persona::Owner).await;
    let page = server.page(&cookies, "/settings/api-keys").await;
    assert!(page.contains("2 refused since <time") && page.contains(">09:00 UTC</time>"), "{page}");
    server.clock.advance(std::time::Duration::from_secs(60 * 60));
    let page = server.page(&cookies, "/settings/api-keys").await;
    assert!(page.contains("2 refused since <time") && page.contains(">10:00 UTC</time>"), "{page}");
    server.clock.advance(std::time::Duration::from_secs(60 * 60));
    assert!(!server.page(&cookies, "/settings/api-keys").await.contains("refused since"));
}
