//! Tests who may use which route, with real objects. A route without a row in the table fails the test, and so does a row without a
//! route.

mod caller;
mod forms;
mod objects;
mod row;
mod table;
mod world;

use std::collections::BTreeSet;

use macro_rules_attribute::apply;

use self::caller::Caller;
use self::row::Access;
use self::table::rows;
use self::world::World;
use super::changes::EVERYTHING_ON;
use super::harness::{Server, on_both_engines};
use crate::platform::db::Engine;
use crate::server;

#[test]
fn the_table_names_every_route() {
    let named: BTreeSet<_> = rows().map(|row| format!("{} {}", row.method, row.route)).collect();
    let routes = server::routes();
    let built: BTreeSet<_> =
        routes.list().iter().map(|route| format!("{} {}", route.method, route.path)).collect();
    let missing: Vec<_> = built.difference(&named).collect();
    assert!(missing.is_empty(), "add a row in tests/routes/table for each of {missing:#?}");
    let gone: Vec<_> = named.difference(&built).collect();
    assert!(gone.is_empty(), "there is no such route: {gone:#?}");
}

/// A row whose object nobody can reach would pass without the object as well.
#[test]
fn somebody_reaches_every_object() {
    let reached = |status: u16| status < 400 || status == 422;
    let names: BTreeSet<_> = rows().filter(|row| row.address().contains('<')).map(|row| row.route).collect();
    for route in names {
        let mut rows = rows().filter(|row| row.route == route);
        assert!(
            rows.any(|row| Caller::ALL.into_iter().any(|caller| reached(row.access.status(caller)))),
            "everybody is refused at {route}"
        );
    }
}

#[apply(on_both_engines!)]
async fn every_caller_gets_the_status_in_the_table(engine: Engine) {
    // Hashing the secrets of the many keys would take most of the time.
    let settings = [EVERYTHING_ON, &[("LATCHKEY_KEY_HASH_COST", "1")]].concat();
    let server = Server::with(engine, &settings).await;
    let mut wrong = Vec::new();
    for caller in Caller::ALL {
        let mut world = World::new(&server, caller).await;
        for row in rows() {
            let request = format!("{caller:?}: {} {}", row.method, row.address());
            let initial = match row.is_change() && row.changes_nothing_for(caller) {
                true => Some(world.home_state(row).await),
                false => None,
            };
            let response = world.send(row).await;
            let (status, expected) = (response.status.as_u16(), row.access.status(caller));
            if status != expected {
                wrong.push(format!("{request}: {status} instead of {expected}"));
            } else if matches!(row.access, Access::People(_)) && caller.session_column().is_none() {
                let location = response.header("location");
                assert!(location.starts_with("/sign-in"), "{request} leads to {location}");
            }
            if let Some(initial) = initial
                && world.home_state(row).await != initial
            {
                wrong.push(format!("{request}: {status}, and it changed something"));
            }
            if row.is_change() && status < 400 {
                world = World::new(&server, caller).await;
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
