//! A cache of the permissions that organizations list. Queries are evaluated from memory.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use foldhash::fast::RandomState;

use super::store;
use crate::permissions::model::wider_wildcards;
use crate::permissions::query::PermissionQuery;
use crate::platform::App;
use crate::platform::changes::{ChangeEvent, ChangeKind};
use crate::shared::{OrgId, PermissionId, Timestamp};

/// In memory, the time of the last query is updated at most once in this many milliseconds.
const QUERY_TIME_PRECISION: i64 = 1_000;

/// The permissions that an organization lists.
#[derive(Debug, Default)]
pub struct OrgPermissions(HashMap<Box<str>, CachedPermission, RandomState>);

#[derive(Debug)]
struct CachedPermission {
    id: PermissionId,
    /// Its own id and those of the listed wildcards above it: a key with one of them has it.
    granted_by: Box<[PermissionId]>,
    /// When a query last used it, in milliseconds.
    asked_at: AtomicI64,
    /// The value of `asked_at` that was last stored in the database.
    stored_at: AtomicI64,
}

/// Which permissions of a query a key has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evaluation {
    pub is_met: bool,
    /// One bit for each name.
    granted: u64,
}

impl Evaluation {
    /// The names of the query that the key has, or those that it lacks.
    pub fn names<'t>(&self, query: &PermissionQuery<'t>, is_granted: bool) -> Vec<&'t str> {
        let has = |number: usize| (self.granted >> number & 1 == 1) == is_granted;
        query.names().iter().enumerate().filter(|(number, _)| has(*number)).map(|(_, name)| *name).collect()
    }
}

impl OrgPermissions {
    pub(super) fn new(rows: &[store::PermissionRow]) -> Self {
        let ids: HashMap<&str, PermissionId> = rows.iter().map(|row| (row.name.as_str(), row.id)).collect();
        let cached = rows.iter().map(|row| {
            let wider = wider_wildcards(&row.name).filter_map(|name| ids.get(name.as_str()).copied());
            let granted_by = std::iter::once(row.id).chain(wider).collect();
            let asked_at = row.asked_at.map_or(0, Timestamp::millis);
            let permission = CachedPermission {
                id: row.id,
                granted_by,
                asked_at: AtomicI64::new(asked_at),
                stored_at: AtomicI64::new(asked_at),
            };
            (row.name.as_str().into(), permission)
        });
        Self(cached.collect())
    }

    /// The names of the query that the organization does not list.
    pub fn unknown<'t>(&self, query: &PermissionQuery<'t>) -> Vec<&'t str> {
        query.names().iter().filter(|name| !self.0.contains_key(**name)).copied().collect()
    }

    /// `granted` are the permissions of a key, sorted. Names that are not listed count as not granted.
    pub fn evaluate(
        &self,
        query: &PermissionQuery<'_>,
        granted: &[PermissionId],
        now: Timestamp,
    ) -> Evaluation {
        self.compare(query, granted, |permission| permission.record_query(now))
    }

    /// The same, without recording when the permissions were last asked for.
    pub fn preview(&self, query: &PermissionQuery<'_>, granted: &[PermissionId]) -> Evaluation {
        self.compare(query, granted, |_| ())
    }

    fn compare(
        &self,
        query: &PermissionQuery<'_>,
        granted: &[PermissionId],
        record: impl Fn(&CachedPermission),
    ) -> Evaluation {
        let mut bits = 0;
        for (number, name) in query.names().iter().enumerate() {
            let Some(permission) = self.0.get(*name) else { continue };
            record(permission);
            let is_granted = permission.granted_by.iter().any(|id| granted.binary_search(id).is_ok());
            bits |= u64::from(is_granted) << number;
        }
        Evaluation { is_met: query.is_met(|number| bits >> number & 1 == 1), granted: bits }
    }

    /// The permissions whose time of the last query is not stored yet, with that time.
    pub(super) fn unstored_query_times(&self) -> impl Iterator<Item = (PermissionId, i64)> {
        let times = self.0.values().map(|permission| {
            let asked_at = permission.asked_at.load(Ordering::Relaxed);
            (permission.id, asked_at, permission.stored_at.load(Ordering::Relaxed))
        });
        times.filter(|(_, asked_at, stored_at)| asked_at != stored_at).map(|(id, asked_at, _)| (id, asked_at))
    }

    pub(super) fn mark_stored(&self, stored: &HashMap<PermissionId, i64>) {
        for permission in self.0.values() {
            if let Some(asked_at) = stored.get(&permission.id) {
                permission.stored_at.store(*asked_at, Ordering::Relaxed);
            }
        }
    }
}

impl CachedPermission {
    /// Writes rarely, so that cores do not contend for the cache line.
    fn record_query(&self, now: Timestamp) {
        let now = now.millis();
        if now - self.asked_at.load(Ordering::Relaxed) >= QUERY_TIME_PRECISION {
            self.asked_at.store(now, Ordering::Relaxed);
        }
    }
}

#[derive(Default)]
pub struct PermissionCache(RwLock<CachedOrgs>);

#[derive(Default)]
struct CachedOrgs {
    by_id: HashMap<OrgId, Arc<OrgPermissions>, RandomState>,
    /// Increased by every change, so that a list that was read before it is not cached after it.
    generation: u64,
}

impl PermissionCache {
    pub fn get(&self, org: OrgId) -> Option<Arc<OrgPermissions>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).by_id.get(&org).cloned()
    }

    /// Reads the list and caches it, unless it changed meanwhile.
    pub async fn load(&self, app: &App, org: OrgId) -> Result<Arc<OrgPermissions>, sqlx::Error> {
        let generation = self.0.read().unwrap_or_else(PoisonError::into_inner).generation;
        let permissions = Arc::new(OrgPermissions::new(&store::list(app.db.pool(), org).await?));
        let mut cached = self.0.write().unwrap_or_else(PoisonError::into_inner);
        // Anybody can query organizations that do not exist. Their empty lists must not fill the memory.
        if cached.generation == generation && !permissions.0.is_empty() {
            cached.by_id.insert(org, Arc::clone(&permissions));
        }
        Ok(permissions)
    }

    /// Drops the lists that a change concerns.
    pub fn receive(&self, event: ChangeEvent<'_>) {
        let mut cached = self.0.write().unwrap_or_else(PoisonError::into_inner);
        match event {
            ChangeEvent::Change(change) if change.kind == ChangeKind::Permissions => {
                cached.generation += 1;
                if let Some(org) = OrgId::parse(&change.id) {
                    cached.by_id.remove(&org);
                }
            }
            ChangeEvent::Change(_) => {}
            ChangeEvent::Gap => {
                cached.generation += 1;
                cached.by_id.clear();
            }
        }
    }

    pub(super) fn all(&self) -> Vec<Arc<OrgPermissions>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).by_id.values().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u8) -> PermissionId {
        PermissionId::new(Timestamp::from_millis(0), [number; 10])
    }

    fn listed(names: &[&str]) -> OrgPermissions {
        let row = |(number, name): (usize, &&str)| store::PermissionRow {
            id: id(number as u8),
            name: (*name).to_owned(),
            description: String::new(),
            asked_at: None,
        };
        OrgPermissions::new(&names.iter().enumerate().map(row).collect::<Vec<_>>())
    }

    #[test]
    fn wildcards_grant_what_is_below_them() {
        let all = listed(&["a.*", "a.b.*", "a.b.c", "a.d", "e"]);
        let now = Timestamp::from_millis(1);
        for (granted, query, expected) in [
            (&[0][..], "a.b.c and a.d", true),
            (&[1], "a.b.c", true),
            (&[1], "a.d", false),
            (&[1], "a.b.*", true),
            (&[0], "a.b.*", true),
            (&[2], "a.b.*", false),
            (&[1], "a.*", false),
            (&[2, 4], "a.b.c and e", true),
            (&[2, 4], "a.d or (e and a.b.c)", true),
            (&[], "e", false),
        ] {
            let granted: Vec<_> = granted.iter().map(|number| id(*number)).collect();
            let parsed = PermissionQuery::parse(query).expect("a query");
            assert!(all.unknown(&parsed).is_empty());
            assert_eq!(all.evaluate(&parsed, &granted, now).is_met, expected, "{query} with {granted:?}");
        }
    }

    #[test]
    fn an_evaluation_names_what_is_granted_and_what_is_missing() {
        let all = listed(&["a.*", "a.b", "c"]);
        let query = PermissionQuery::parse("c and a.b").expect("a query");
        let evaluation = all.evaluate(&query, &[id(0)], Timestamp::from_millis(5_000));
        assert_eq!(evaluation.names(&query, true), ["a.b"]);
        assert_eq!(evaluation.names(&query, false), ["c"]);
        let asked: HashMap<_, _> = all.unstored_query_times().collect();
        assert!(asked.len() == 2 && asked.contains_key(&id(1)) && asked.contains_key(&id(2)));
        assert_eq!(all.unstored_query_times().count(), 2, "they are not stored yet");
        all.mark_stored(&asked);
        assert_eq!(all.unstored_query_times().count(), 0);
        let unknown = PermissionQuery::parse("a.b or d or e.*").expect("a query");
        assert_eq!(all.unknown(&unknown), ["d", "e.*"]);
    }
}
