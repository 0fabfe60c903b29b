//! Conditions over keys, as text with numbered places and the values that belong there.

use sqlx::any::AnyArguments;
use sqlx::query::Query;
use sqlx::{Any, AssertSqlSafe};

use crate::keys::{IDLE, SOON, Standing, Status};
use crate::shared::{OrgId, Timestamp};

pub enum Value {
    Text(String),
    Number(i64),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Timestamp> for Value {
    fn from(at: Timestamp) -> Self {
        Self::Number(at.millis())
    }
}

/// When a key ends; one without an end ends with time itself. As the index has it.
pub const END: &str = "COALESCE(expires_at, 9223372036854775807)";

/// Until when a key is usable: never, where it was revoked or disabled. As the index has it.
pub const USABLE: &str = "CASE WHEN revoked_at IS NULL AND disabled_at IS NULL THEN \
     COALESCE(expires_at, 9223372036854775807) ELSE -1 END";

/// All of them hold.
pub struct Conditions {
    wheres: Vec<String>,
    values: Vec<Value>,
}

impl Conditions {
    /// `$1` is the organization.
    pub fn of(org: &OrgId) -> Self {
        Self { wheres: vec!["org_id = $1".to_owned()], values: vec![org.as_str().into()] }
    }

    /// Where the value stands.
    pub fn bind(&mut self, value: Value) -> String {
        self.values.push(value);
        format!("${}", self.values.len())
    }

    pub fn add(&mut self, condition: impl FnOnce(&mut dyn FnMut(Value) -> String) -> String) {
        let text = condition(&mut |value| self.bind(value));
        self.wheres.push(text);
    }

    pub fn text(&self) -> String {
        self.wheres.join(" AND ")
    }

    pub fn query(self, text: AssertSqlSafe<String>) -> Query<'static, Any, AnyArguments> {
        self.values.into_iter().fold(sqlx::query(text), |query, value| match value {
            Value::Text(text) => query.bind(text),
            Value::Number(number) => query.bind(number),
        })
    }
}

/// The status of `model::Status::at`.
pub fn is_at(status: Status, now: &str, lead: Lead) -> String {
    let alive = format!("revoked_at IS NULL AND (expires_at IS NULL OR expires_at > {now})");
    match status {
        // The number is named in every case, since it is bound in every case.
        Status::Revoked => format!("revoked_at IS NOT NULL AND {now} = {now}"),
        Status::Expired => {
            let end = lead.column("expires_at", NUMBER);
            format!("revoked_at IS NULL AND expires_at IS NOT NULL AND {end} <= {now}")
        }
        Status::Disabled => format!("{alive} AND disabled_at IS NOT NULL"),
        Status::Rotating => format!("{alive} AND disabled_at IS NULL AND previous_until > {now}"),
        Status::Active => {
            format!("{alive} AND disabled_at IS NULL AND (previous_until IS NULL OR previous_until <= {now})")
        }
    }
}

/// Which index answers: that of the condition, or that of the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lead {
    /// Few rows are meant: they are found, then sorted.
    Condition,
    /// Many are meant: the order is followed until a page is full.
    Order,
}

impl Lead {
    /// A column of a condition. An index does not know it by an expression.
    pub fn column(self, name: &str, zero: &str) -> String {
        if self == Self::Condition { format!("({name})") } else { format!("({name} {zero})") }
    }

    /// A column that is ordered by.
    pub fn ordered(self, name: &str, zero: &str) -> String {
        if self == Self::Order { name.to_owned() } else { format!("({name} {zero})") }
    }
}

/// What leaves a number and a text as they are.
pub const NUMBER: &str = "+ 0";
pub const TEXT: &str = "|| ''";

pub fn stands(
    standing: Standing,
    now: Timestamp,
    lead: Lead,
    bind: &mut dyn FnMut(Value) -> String,
) -> String {
    let at = bind(now.into());
    let usable = lead.column(USABLE, NUMBER);
    match standing {
        Standing::Active => format!("{usable} > {at}"),
        Standing::Expiring => {
            let soon = bind(now.plus(SOON).into());
            format!("{usable} > {at} AND {usable} <= {soon}")
        }
        Standing::Rotating => is_at(Status::Rotating, &at, lead),
        Standing::Disabled => is_at(Status::Disabled, &at, lead),
        Standing::Expired => is_at(Status::Expired, &at, lead),
        Standing::Revoked => is_at(Status::Revoked, &at, lead),
        Standing::Idle => {
            let (idle, used) = (bind(now.minus(IDLE).into()), lead.column("last_used_at", NUMBER));
            // The use leads, since few are idle.
            let usable = Lead::Order.column(USABLE, NUMBER);
            format!("{usable} > {at} AND {used} < {idle} AND created_at < {idle}")
        }
        Standing::Endless => format!("{usable} = 9223372036854775807 AND {at} = {at}"),
    }
}
