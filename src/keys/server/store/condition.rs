//! SQL conditions on keys: text with numbered parameters, and their values.

use sqlx::any::AnyArguments;
use sqlx::query::Query;
use sqlx::{Any, AssertSqlSafe};

use crate::keys::{ENDING, IDLE, SOON, Status, StatusFilter};
use crate::shared::{OrgId, PermissionId, Timestamp};

pub enum SqlValue {
    Text(String),
    Number(i64),
}

impl From<&str> for SqlValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Timestamp> for SqlValue {
    fn from(at: Timestamp) -> Self {
        Self::Number(at.millis())
    }
}

/// The expiry of a key, or the largest number. An index has this expression.
pub const END: &str = "COALESCE(expires_at, 9223372036854775807)";

/// Until when a key is usable; -1 if it is revoked or disabled. An index has this expression.
pub const USABLE: &str = "CASE WHEN revoked_at IS NULL AND disabled_at IS NULL THEN \
     COALESCE(expires_at, 9223372036854775807) ELSE -1 END";

/// Whether a secret of the key was found in public, and the key had to end or still has that secret.
const LEAKED: &str = "leaked_secret_id IS NOT NULL AND (revoked_at IS NOT NULL OR leaked_secret_id = secret_id \
     OR leaked_secret_id = previous_secret_id)";

/// Conditions joined with AND.
pub struct Conditions {
    wheres: Vec<String>,
    values: Vec<SqlValue>,
}

impl Conditions {
    /// `$1` is the organization.
    pub fn of(org: OrgId) -> Self {
        Self { wheres: vec!["org_id = $1".to_owned()], values: vec![SqlValue::Text(org.to_string())] }
    }

    /// As `of`, for keys that another condition finds: no index on the organization is used.
    pub fn of_found(org: OrgId) -> Self {
        let mut all = Self::of(org);
        all.wheres = vec![format!("{} = $1", Lead::Order.column("org_id", TEXT))];
        all
    }

    /// Adds a value and returns its parameter.
    pub fn bind(&mut self, value: SqlValue) -> String {
        self.values.push(value);
        format!("${}", self.values.len())
    }

    pub fn add(&mut self, condition: impl FnOnce(&mut dyn FnMut(SqlValue) -> String) -> String) {
        let text = condition(&mut |value| self.bind(value));
        self.wheres.push(text);
    }

    pub fn text(&self) -> String {
        self.wheres.join(" AND ")
    }

    pub fn query(self, text: AssertSqlSafe<String>) -> Query<'static, Any, AnyArguments> {
        self.values.into_iter().fold(sqlx::query(text), |query, value| match value {
            SqlValue::Text(text) => query.bind(text),
            SqlValue::Number(number) => query.bind(number),
        })
    }
}

/// The SQL of `model::Status::at`.
pub fn is_at(status: Status, now: &str, lead: Lead) -> String {
    let not_ended = format!("revoked_at IS NULL AND (expires_at IS NULL OR expires_at > {now})");
    match status {
        // Every case uses the parameter, since it is bound in every case.
        Status::Revoked => format!("revoked_at IS NOT NULL AND {now} = {now}"),
        Status::Expired => {
            let end = lead.column("expires_at", NUMBER);
            format!("revoked_at IS NULL AND expires_at IS NOT NULL AND {end} <= {now}")
        }
        Status::Disabled => format!("{not_ended} AND disabled_at IS NOT NULL"),
        Status::Rotating => format!("{not_ended} AND disabled_at IS NULL AND previous_until > {now}"),
        Status::Active => {
            format!(
                "{not_ended} AND disabled_at IS NULL AND (previous_until IS NULL OR previous_until <= {now})"
            )
        }
    }
}

/// Up to this many matching rows are read and sorted. With more, the index of the order is used instead.
pub const FEW: i64 = 5_000;

/// Which index the query uses: that of the condition, or that of the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lead {
    /// Few rows match: they are found, then sorted.
    Condition,
    /// Many rows match: the index of the order is followed until a page is full.
    Order,
}

impl Lead {
    /// A column in a condition. As part of an expression, it cannot use an index.
    pub fn column(self, name: &str, zero: &str) -> String {
        if self == Self::Condition { format!("({name})") } else { format!("({name} {zero})") }
    }

    /// A column in ORDER BY.
    pub fn ordered(self, name: &str, zero: &str) -> String {
        if self == Self::Order { name.to_owned() } else { format!("({name} {zero})") }
    }
}

/// Operations that leave a number and a text unchanged.
pub const NUMBER: &str = "+ 0";
pub const TEXT: &str = "|| ''";

/// Whether a key has one of these permissions. With few matching keys they are found first; otherwise each key is looked up.
pub fn has_permission(
    permissions: &[PermissionId],
    lead: Lead,
    bind: &mut dyn FnMut(SqlValue) -> String,
) -> String {
    if permissions.is_empty() {
        return "1 = 0".to_owned();
    }
    let ids: Vec<String> = permissions.iter().map(|id| bind(SqlValue::Text(id.to_string()))).collect();
    let ids = ids.join(", ");
    match lead {
        Lead::Condition => {
            format!("id IN (SELECT key_id FROM key_permissions WHERE permission_id IN ({ids}))")
        }
        Lead::Order => format!(
            "EXISTS (SELECT 1 FROM key_permissions WHERE key_permissions.key_id = keys.id AND permission_id IN ({ids}))"
        ),
    }
}

pub fn matches_filter(
    status_filter: StatusFilter,
    now: Timestamp,
    lead: Lead,
    bind: &mut dyn FnMut(SqlValue) -> String,
) -> String {
    let at = bind(now.into());
    let usable = lead.column(USABLE, NUMBER);
    match status_filter {
        StatusFilter::Active => format!("{usable} > {at}"),
        StatusFilter::Expiring => {
            let soon = bind(now.plus(SOON).into());
            format!("{usable} > {at} AND {usable} <= {soon}")
        }
        StatusFilter::Ending => {
            let (soon, late) = (bind(now.plus(SOON).into()), bind(now.plus(ENDING).into()));
            let life = ENDING.as_millis();
            format!(
                "{usable} > {soon} AND {usable} <= {late} AND expires_at - created_at > {life} AND {at} = {at}"
            )
        }
        StatusFilter::Rotating => is_at(Status::Rotating, &at, lead),
        StatusFilter::Disabled => is_at(Status::Disabled, &at, lead),
        StatusFilter::Expired => is_at(Status::Expired, &at, lead),
        StatusFilter::Revoked => is_at(Status::Revoked, &at, lead),
        StatusFilter::Idle => {
            let (idle, used) = (bind(now.minus(IDLE).into()), lead.column("last_used_at", NUMBER));
            // Uses the index on last_used_at, since few keys are idle.
            let usable = Lead::Order.column(USABLE, NUMBER);
            format!("{usable} > {at} AND {used} < {idle} AND created_at < {idle}")
        }
        StatusFilter::Endless => format!("{usable} = 9223372036854775807 AND {at} = {at}"),
        StatusFilter::Leaked => format!("{LEAKED} AND {at} = {at}"),
    }
}
