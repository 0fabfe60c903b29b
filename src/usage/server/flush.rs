//! From memory to the database, and the overlay for readers in between.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Deref;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use sqlx::Any;
use sqlx::pool::PoolConnection;
use tokio::sync::{RwLock, RwLockReadGuard};

use super::batch::{Batch, CallerKey, Requests};
use super::refusals::Refusals;
use super::store;
use super::tally::{Tally, Use};
use crate::platform::db::Write;
use crate::platform::{App, Error};
use crate::shared::Compact;
use crate::usage::Outcome;

/// What is counted and not yet written, for an app.
pub struct Usage {
    tally: Tally,
    refusals: Refusals,
    /// Taken for writing, until the commit is certain.
    flying: Mutex<Option<Arc<Flight>>>,
    /// Held by a flush while it commits, so that a reader sees a count in the database or in memory, never in both.
    gate: RwLock<()>,
    /// The number of the next flush. One flush at a time.
    next: tokio::sync::Mutex<i64>,
    seen: Mutex<Seen>,
}

/// What a reader holds: first a connection, then the gate, as a flush does. The other way round, a flush at the gate and a
/// reader that waits for a connection would wait for each other.
pub struct Reading<'a> {
    pub db: PoolConnection<Any>,
    _gate: RwLockReadGuard<'a, ()>,
}

struct Flight {
    number: i64,
    batch: Batch,
}

/// What a flush has written.
pub struct Landed(Arc<Flight>);

impl Deref for Landed {
    type Target = Batch;

    fn deref(&self) -> &Batch {
        &self.0.batch
    }
}

/// Callers that this process has written in the hour, as short hashes: of two that are taken for one both are told apart.
#[derive(Default)]
struct Seen {
    hour: i64,
    /// Of keys with one, which is most keys, and there may be a million of them: by the end of the key's identifier.
    one: HashMap<[u8; 8], [u8; 4]>,
    several: HashMap<Compact, Vec<[u8; 4]>>,
}

impl Seen {
    /// May this caller of the key be told apart?
    fn tells_apart(&mut self, key: Compact, caller: [u8; 4]) -> bool {
        if let Some(known) = self.several.get_mut(&key) {
            let is_known = known.contains(&caller);
            let room = known.len() < MOST_CALLERS;
            if room && !is_known {
                known.push(caller);
            }
            return is_known || room;
        }
        let first = *self.one.entry(key.tail()).or_insert(caller);
        if first != caller {
            self.one.remove(&key.tail());
            self.several.insert(key, vec![first, caller]);
        }
        true
    }
}

/// Beyond this many, callers of a key are counted together.
pub const MOST_CALLERS: usize = 100;

/// Adds a batch's totals where keys and secrets stand: their tables belong to another slice.
pub type AddTotals = for<'a> fn(
    &'a mut Write,
    &'a Batch,
) -> Pin<Box<dyn Future<Output = Result<(), sqlx::Error>> + Send + 'a>>;

impl Default for Usage {
    fn default() -> Self {
        Self {
            tally: Tally::new(),
            refusals: Refusals::default(),
            flying: Mutex::default(),
            gate: RwLock::default(),
            next: tokio::sync::Mutex::new(1),
            seen: Mutex::default(),
        }
    }
}

impl Usage {
    /// Never waits for anything but the moment of a flush.
    pub fn count(&self, app: &App, used: &Use) {
        let now = app.clock.now();
        self.tally.count(now, used);
        if used.outcome != Outcome::Valid {
            self.refusals.note(now, used);
        }
    }

    /// For reading what is written and then laying the rest over it.
    pub async fn reading(&self, app: &App) -> Result<Reading<'_>, Error> {
        let db = app.db.pool().acquire().await?;
        Ok(Reading { db, _gate: self.gate.read().await })
    }

    /// What is counted and not yet written.
    pub fn unwritten(&self) -> Batch {
        let flying = self.flying.lock().unwrap_or_else(PoisonError::into_inner);
        let mut batch = flying.as_ref().map(|flight| flight.batch.clone()).unwrap_or_default();
        self.tally.each(|slot, count| batch.add(slot, count));
        batch.refusals.extend(self.refusals.waiting());
        batch
    }

    /// The batch to write now: the one whose commit was in doubt, or what has come together since.
    fn take_off(&self, next: &mut i64) -> Option<Arc<Flight>> {
        let mut flying = self.flying.lock().unwrap_or_else(PoisonError::into_inner);
        if flying.is_none() {
            let mut batch = Batch::default();
            for (slot, count) in self.tally.take().iter().flatten() {
                batch.add(slot, count);
            }
            batch.refusals = self.refusals.take();
            if !batch.is_empty() {
                self.join_callers(&mut batch);
                *flying = Some(Arc::new(Flight { number: *next, batch }));
                *next += 1;
            }
        }
        flying.clone()
    }

    fn land(&self) {
        *self.flying.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Lets at most `MOST_CALLERS` of a key through in an hour and adds up the rest.
    fn join_callers(&self, batch: &mut Batch) {
        let Some((_, hour, _)) = batch.hours.keys().max_by_key(|(_, hour, _)| *hour).copied() else { return };
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.hour != hour {
            *seen = Seen { hour, ..Seen::default() };
        }
        for (caller, sum) in std::mem::take(&mut batch.callers) {
            let caller = if seen.tells_apart(caller.key, hash_of(&caller)) {
                caller
            } else {
                CallerKey { address: String::new(), user_agent: String::new(), ..caller }
            };
            batch.callers.entry(caller).or_insert(Requests::NONE).join(&sum);
        }
    }
}

fn hash_of(caller: &CallerKey) -> [u8; 4] {
    let mut hasher = DefaultHasher::new();
    (caller.secret, &caller.address, &caller.user_agent).hash(&mut hasher);
    (hasher.finish() as u32).to_ne_bytes()
}

/// Writes what was counted, in one transaction. After an error it is tried again with the next flush, under the same
/// number, so that a commit that did happen is not counted twice.
pub async fn flush(app: &App, add_totals: AddTotals) -> Result<Option<Landed>, Error> {
    let usage = app.slice::<Usage>();
    let mut next = usage.next.lock().await;
    let Some(flight) = usage.take_off(&mut next) else { return Ok(None) };
    let mut write = app.db.write().await?;
    if store::claim(&mut write, app.node(), flight.number, app.clock.now()).await? {
        store::add(&mut write, &flight.batch).await?;
        add_totals(&mut write, &flight.batch).await?;
        let _gate = usage.gate.write().await;
        write.commit().await?;
        usage.land();
    } else {
        let _gate = usage.gate.write().await;
        usage.land();
    }
    Ok(Some(Landed(flight)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::{KeyId, Timestamp};

    #[test]
    fn a_hundred_callers_of_a_key_are_told_apart() {
        let key = |n: u8| KeyId::new(Timestamp::from_millis(0), [n; 10]).compact().expect("an identifier");
        let mut seen = Seen::default();
        let caller = |n: u32| n.to_ne_bytes();
        let most = MOST_CALLERS as u32;
        for round in 0..2 {
            assert!((0..most).all(|n| seen.tells_apart(key(1), caller(n))), "{round}");
            assert!((most..2 * most).all(|n| !seen.tells_apart(key(1), caller(n))), "{round}");
        }
        assert!((0..10).all(|_| seen.tells_apart(key(2), caller(most))), "another key");
        assert_eq!((seen.one.len(), seen.several.len()), (1, 1));
    }
}
