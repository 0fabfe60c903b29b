//! The preview names exactly the keys that are refused later.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use macro_rules_attribute::apply;

use super::*;
use crate::keys::server::{Presenter, Revealed};
use crate::platform::db::Engine;
use crate::platform::{Error, Random};
use crate::policy_settings::server::{PolicyPreview, PreviewSlots, change, current, preview};
use crate::shared::{KeyId, Role};
use crate::tests::harness::on_both_engines;
use crate::tests::keys::ANYTHING;
use crate::usage::Outcome;

const NETS: [&str; 6] =
    ["10.0.0.0/8", "10.1.0.0/16", "192.168.0.0/16", "2001:db8::/32", "2001:db8:1::/48", "203.0.113.7/32"];

struct Dice(Random);

impl Dice {
    fn below(&self, count: u32) -> u32 {
        u32::from_le_bytes(self.0.bytes()) % count
    }

    fn one_of<T: Copy>(&self, items: &[T]) -> T {
        items[self.below(u32::try_from(items.len()).expect("few")) as usize]
    }

    /// One or two of the networks that do not overlap.
    fn ranges(&self) -> Vec<String> {
        let first = self.one_of(&NETS);
        let second = self.one_of(&["172.16.0.0/12", "198.51.100.0/24"]);
        if self.below(2) == 0 { vec![first.to_owned()] } else { vec![first.to_owned(), second.to_owned()] }
    }

    fn policy(&self) -> PolicyDraft {
        let some_kinds: Vec<Kind> = Kind::ALL.into_iter().filter(|_| self.below(3) > 0).collect();
        PolicyDraft {
            max_life_days: (self.below(2) == 0).then(|| i64::from(1 + self.below(120))),
            allowed_kinds: (self.below(2) == 0 && !some_kinds.is_empty()).then_some(some_kinds),
            allowed_ranges: (self.below(2) == 0).then(|| self.ranges()),
            grace_days: self.one_of(&[0, 7, 30, 90]),
            ..PolicyDraft::default()
        }
    }
}

/// An address from which the key could be used: of its own ranges and, if possible, allowed by the policy.
fn best_address(own: &[IpNet], allowed: &[IpNet]) -> IpAddr {
    let candidates: Vec<IpNet> = own.iter().chain(allowed).copied().collect();
    let is_in =
        |nets: &[IpNet], address: &IpAddr| nets.is_empty() || nets.iter().any(|net| net.contains(address));
    let addresses = candidates.iter().map(IpNet::network);
    let both = addresses.clone().find(|address| is_in(own, address) && is_in(allowed, address));
    let own_only = addresses.clone().find(|address| is_in(own, address));
    both.or(own_only).unwrap_or_else(|| "203.0.113.7".parse().expect("an address"))
}

async fn preview_of(server: &Server, owner: &Actor, draft: &PolicyDraft) -> PolicyPreview {
    let now = current(&server.app, owner).await.expect("the policy");
    let requested = draft.check().unwrap_or_else(|wrong| panic!("{wrong:?}"));
    preview(&server.app, owner, &now, &requested).await.expect("a preview")
}

#[apply(on_both_engines!)]
async fn the_preview_lists_exactly_the_keys_that_are_refused(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    let owner = server.actor(Persona::Owner).await;
    let mut totals = (0, 0);
    for seed in 1..=12 {
        let dice = Dice(Random::seeded(seed));
        let mut created: Vec<Revealed> = Vec::new();
        server.set_policy(&PolicyDraft::default()).await;
        for number in 0..30 {
            let ranges = if dice.below(2) == 0 { Vec::new() } else { dice.ranges() };
            let expires_at = (dice.below(3) > 0).then(|| server.in_days(20 + dice.below(150))).flatten();
            let kind = dice.one_of(&Kind::ALL);
            let name = format!("{seed}-{number}");
            let draft = Draft { kind, ranges, expires_at, role: Some(Role::Viewer), ..draft(&name) };
            created.push(server.make_key(&owner, draft).await);
            server.clock.advance(DAY * dice.below(4));
        }
        for key in created.iter().filter(|_| dice.below(8) == 0) {
            keys::disable(&server.app, &owner, key.key.id).await.expect("it is disabled");
        }
        // An earlier policy, whose grace period may not be over.
        if dice.below(2) == 0 {
            server.set_policy(&dice.policy()).await;
            server.clock.advance(DAY * dice.below(20));
        }
        let policy = dice.policy();
        let preview = preview_of(&server, &owner, &policy).await;
        let is_usable = |key: &Revealed, now: Timestamp| key.key.expires_at.is_none_or(|end| end > now);
        change(&server.app, &owner, &policy, &owner.org.org_name).await.expect("it is saved");
        server.clock.advance(preview.from.since(server.clock.now()));
        crate::keys::server::read_change_log(&server.app).await.expect("a reading");
        let allowed: Vec<IpNet> =
            policy.allowed_ranges.iter().flatten().map(|net| net.parse().expect("a net")).collect();
        let (mut refused, mut expired): (BTreeSet<KeyId>, usize) = (BTreeSet::new(), 0);
        for key in &created {
            let presenter =
                Presenter { address: Some(best_address(&key.key.ranges, &allowed)), ..Presenter::default() };
            let verdict = keys::verify(&server.app, key.plaintext.expose(), &ANYTHING, &presenter).await;
            let outcome = verdict.expect("a verdict").outcome;
            match outcome {
                Outcome::PolicyRefused => {
                    refused.insert(key.key.id);
                }
                Outcome::Expired => {
                    expired += 1;
                    assert!(!is_usable(key, server.clock.now()));
                }
                Outcome::Valid | Outcome::Disabled => {}
                other => panic!("{other:?}"),
            }
        }
        for key in &created {
            keys::revoke(&server.app, &owner, key.key.id).await.expect("it is revoked");
        }
        let listed: BTreeSet<KeyId> = preview.refused_keys.iter().map(|listed| listed.key.id).collect();
        assert_eq!(listed, refused, "seed {seed}: {policy:?}");
        assert_eq!(preview.refused, refused.len() as u64);
        totals = (totals.0 + refused.len(), totals.1 + expired);
    }
    assert!(totals.0 > 30 && totals.1 > 10, "refused and expired keys: {totals:?}");
}

#[apply(on_both_engines!)]
async fn the_preview_lists_the_callers_of_refused_keys(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    let owner = server.actor(Persona::Owner).await;
    let claw = |name: &str| Draft { kind: Kind::Claw, role: Some(Role::Viewer), ..draft(name) };
    let (used, unused) =
        (server.make_key(&owner, claw("used")).await, server.make_key(&owner, claw("unused")).await);
    let live = server.make_key(&owner, draft("live")).await;
    for address in ["10.0.0.1", "10.0.0.2", "198.51.100.9"] {
        for key in [&used, &live] {
            let status = server.get("/api/v1/me").from(address).key(&key.plaintext).send().await.status;
            assert_eq!(status, 200);
        }
    }
    keys::flush(&server.app).await.expect("a flush");
    let preview = preview_of(&server, &owner, &kinds(&[Kind::Live])).await;
    assert_eq!((preview.keys, preview.refused, preview.refused_in_use, preview.callers), (3, 2, 1, 3));
    let names: Vec<&str> = preview.refused_keys.iter().map(|listed| listed.key.name.as_str()).collect();
    assert_eq!(names, ["used", "unused"]);
    assert_eq!((preview.refused_keys[0].callers, preview.refused_keys[0].creator.as_str()), (3, "Owner"));
    assert!(preview.refused_keys[0].last_caller.is_some() && preview.refused_keys[1].last_caller.is_none());
    assert!(!preview.needs_confirmation());
    let outside = preview_of(&server, &owner, &ranges(&["10.0.0.0/8"])).await;
    assert_eq!((outside.refused, outside.outside_callers), (0, 1));
    let later = preview_of(&server, &owner, &life(30)).await;
    assert_eq!((later.refused, later.refused_later), (0, 3));
    let idle = PolicyDraft { idle_days: Some(30), ..PolicyDraft::default() };
    server.clock.advance(DAY * 31);
    assert_eq!(preview_of(&server, &owner, &idle).await.idle, 3);
    keys::disable(&server.app, &owner, unused.key.id).await.expect("it is disabled");
    assert_eq!(preview_of(&server, &owner, &kinds(&[Kind::Live])).await.refused, 1);
}

#[apply(on_both_engines!)]
async fn refusing_every_key_or_the_last_owner_key_needs_the_name(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    let owner = server.actor(Persona::Owner).await;
    let own = server.make_key(&owner, draft("own")).await;
    server.make_key(&owner, Draft { kind: Kind::Test, role: Some(Role::Viewer), ..draft("test") }).await;
    let save = async |draft: &PolicyDraft, name: &str| change(&server.app, &owner, draft, name).await;
    assert_eq!(fields(save(&kinds(&[Kind::Test]), "").await).0, ["confirm"]);
    assert_eq!(fields(save(&kinds(&[Kind::Mcp]), "tidewater").await).0, ["confirm"]);
    let second = server.make_key(&owner, Draft { kind: Kind::Test, ..draft("second") }).await;
    save(&with_grace(kinds(&[Kind::Test]), 0), "").await.expect("an owner key is left");
    assert_eq!(server.check(&own.plaintext).await, Outcome::PolicyRefused);
    assert_eq!(server.check(&second.plaintext).await, Outcome::Valid);
    save(&kinds(&[Kind::Mcp]), "Tidewater Freight").await.expect("it is confirmed");
    assert_eq!(server.check(&second.plaintext).await, Outcome::PolicyRefused);
}

/// There are more keys than one batch reads, and more than the preview lists.
#[apply(on_both_engines!)]
async fn many_keys_are_counted_in_portions(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    let now = server.clock.now().millis();
    let mut write = server.app.db.write().await.expect("a turn");
    for number in 0..4_100_i64 {
        let id = KeyId::new(Timestamp::from_millis(now + number), [7; 10]);
        sqlx::query(
            "INSERT INTO keys (id, org_id, name, name_key, kind, role, note, ranges, secret_id, created_at, created_by, \
             generation, calls, last_used_at) VALUES ($1, $2, $3, $3, $4, 'viewer', '', '', $5, $6, $7, 0, 0, 0)",
        )
        .bind(id)
        .bind(owner.org.org)
        .bind(format!("key {number}"))
        .bind(if number % 2 == 0 { "claw" } else { "live" })
        .bind(format!("{number:012}"))
        .bind(now)
        .bind(owner.user)
        .execute(&mut *write)
        .await
        .expect("a key");
    }
    write.commit().await.expect("a commit");
    let preview = preview_of(&server, &owner, &kinds(&[Kind::Live])).await;
    assert_eq!((preview.keys, preview.refused, preview.refused_keys.len()), (4_100, 2_050, 50));
}

/// Keys in use from other addresses only, and one preview of an organization at a time.
#[apply(on_both_engines!)]
async fn refusing_the_addresses_of_ones_own_keys_needs_the_name(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    let owner = server.actor(Persona::Owner).await;
    let key = server.make_key(&owner, draft("own")).await;
    let call = server.get("/api/v1/me").from("198.51.100.9").key(&key.plaintext).send().await;
    assert_eq!(call.status, 200);
    keys::flush(&server.app).await.expect("a flush");
    let outside = preview_of(&server, &owner, &ranges(&["10.0.0.0/8"])).await;
    assert!(outside.refuses_caller && outside.needs_confirmation());
    assert!(!preview_of(&server, &owner, &ranges(&["198.51.100.0/24"])).await.needs_confirmation());
    let refused = change(&server.app, &owner, &ranges(&["10.0.0.0/8"]), "").await;
    assert_eq!(fields(refused).0, ["confirm"]);
}

#[apply(on_both_engines!)]
async fn one_preview_of_an_organization_runs_at_a_time(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    let owner = server.actor(Persona::Owner).await;
    let key = server.key_of(Persona::Owner).await;
    let cookies = server.sign_in_as(Persona::Owner).await;
    let slots = server.app.slice::<PreviewSlots>();
    let running = slots.begin(owner.org.org).expect("it is free");
    let call = server.post("/api/v1/key-policy/preview").key(&key).json(&no_rules()).send().await;
    assert_eq!(call.status, 429, "{}", call.text());
    assert!(call.headers.contains_key("retry-after") && call.text().contains("Another preview is running"));
    let page =
        server.submit(&cookies, "/settings/key-policy", &[("grace_days", "0"), ("do", "preview")]).await;
    assert_eq!(page.status, 422);
    assert!(page.text().contains("Another preview is running"));
    let stranger = server.organization_of(Persona::Stranger).await;
    let other = slots.begin(stranger).expect("a second one");
    drop(running);
    let third = crate::shared::OrgId::new(server.clock.now(), [9; 10]);
    let again = slots.begin(owner.org.org).expect("it ended");
    assert!(slots.begin(third).is_err(), "two run");
    drop((other, again));
    assert!(slots.begin(third).is_ok());
}

/// The previews that others ask for do not prevent a change.
#[apply(on_both_engines!)]
async fn a_change_waits_for_other_changes_only(engine: Engine) {
    let server = Server::with(engine, CHEAP_HASHING).await;
    let owner = server.actor(Persona::Owner).await;
    let stranger = server.organization_of(Persona::Stranger).await;
    let slots = server.app.slice::<PreviewSlots>();
    let running = (slots.begin(owner.org.org).expect("one"), slots.begin(stranger).expect("two"));
    change(&server.app, &owner, &life(30), "").await.expect("it is saved");
    drop(running);
    let other = slots.begin_saving(stranger).await.expect("a turn");
    let stricter = life(20);
    let ours = change(&server.app, &owner, &stricter, "");
    tokio::pin!(ours);
    assert!(futures_util::poll!(&mut ours).is_pending());
    let refused = slots.begin_saving(stranger).await.map(drop);
    assert!(matches!(refused, Err(Error::AlreadyRunning(_))), "{refused:?}");
    // Nothing that becomes stricter, so there is nothing to preview.
    drop(other);
    ours.await.expect("it is saved");
    let other = slots.begin_saving(stranger).await.expect("a turn");
    change(&server.app, &owner, &life(40), "").await.expect("a weaker rule");
    drop(other);
}
