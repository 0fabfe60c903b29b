//! The keys that have the permissions of a page.

use std::collections::BTreeSet;

use macro_rules_attribute::apply;
use serde_json::json;

use super::Shop;
use crate::keys::server as keys;
use crate::orgs::server::Actor;
use crate::permissions::model::wider_wildcards;
use crate::permissions::server as permissions;
use crate::platform::Random;
use crate::platform::db::Engine;
use crate::tests::harness::on_both_engines;
use crate::tests::personas::Persona;

const NAMES: [&str; 8] = ["a.*", "a.b.*", "a.b.c", "a.b.d", "a.e", "f", "g.*", "g.h"];

impl Shop {
    /// The number of keys of each permission, with the newest ones and the wildcard through which each has it.
    async fn holders(&self, actor: &Actor) -> Vec<(String, i64, Vec<(String, Option<String>)>)> {
        let all = permissions::list(&self.server.app, actor).await.expect("a list");
        let found = keys::permission_holders(&self.server.app, actor, &all, &all).await.expect("holders");
        let of = |listed: &permissions::ListedPermission| {
            let holders = &found[&listed.id];
            let first = holders.first.iter().map(|(key, through)| (key.name.clone(), through.clone()));
            (listed.name.clone(), holders.count, first.collect())
        };
        all.iter().map(of).collect()
    }
}

/// Compared with what follows from the permissions of each key.
#[apply(on_both_engines!)]
async fn the_newest_keys_of_each_permission_are_found(engine: Engine) {
    let shop = Shop::with(engine, &[("LATCHKEY_KEY_HASH_COST", "1")]).await.lists(&NAMES).await;
    let actor = shop.server.actor(Persona::Owner).await;
    let dice = Random::seeded(7);
    let mut made: Vec<(String, BTreeSet<&str>)> = Vec::new();
    for number in 0..40 {
        shop.server.clock.advance(std::time::Duration::from_millis(5));
        let own: BTreeSet<&str> =
            NAMES.into_iter().filter(|_| u32::from_le_bytes(dice.bytes()).is_multiple_of(5)).collect();
        let name = format!("key {number}");
        shop.sell(&name, json!({ "permissions": own })).await;
        made.push((name, own));
    }
    made.reverse();
    for (name, count, first) in shop.holders(&actor).await {
        let granting: Vec<String> = std::iter::once(name.clone()).chain(wider_wildcards(&name)).collect();
        let expected: Vec<(String, Option<String>)> = made
            .iter()
            .filter_map(|(key, own)| {
                let through = granting.iter().find(|granting| own.contains(granting.as_str()))?;
                Some((key.clone(), (*through != name).then(|| through.clone())))
            })
            .collect();
        assert_eq!(count, expected.len() as i64, "{name}");
        assert_eq!(first, expected[..expected.len().min(5)], "{name}");
    }
    let nothing = keys::permission_holders(&shop.server.app, &actor, &[], &[]).await.expect("holders");
    assert!(nothing.is_empty());
}
