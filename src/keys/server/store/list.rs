//! A page of an organization's keys: filtered, in one of five orders, from a position. However many keys there are, a page
//! reads about as many rows as it shows.

use sqlx::{AnyConnection, AnyPool, Row};

use super::super::{Key, name_key};
use super::condition::{
    Conditions, END, Lead, NUMBER, SqlValue, TEXT, has_permission, is_at, matches_filter,
};
use super::read::key;
use crate::keys::{SOON, Status, StatusFilter};
use crate::platform::db::sql;
use crate::shared::{Kind, OrgId, PermissionId, SecretId, Timestamp, UserId};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    Name,
    #[default]
    Created,
    LastUsed,
    Calls,
    Expires,
}

impl Order {
    pub const ALL: [Self; 5] = [Self::Name, Self::Created, Self::LastUsed, Self::Calls, Self::Expires];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Created => "created",
            Self::LastUsed => "last_used",
            Self::Calls => "calls",
            Self::Expires => "expires",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|order| order.as_str() == text)
    }

    /// The sort column and its neutral operation. None: by id alone, which is by time of creation.
    fn column(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Name => Some(("name_key", TEXT)),
            Self::Created => None,
            Self::LastUsed => Some(("last_used_at", NUMBER)),
            Self::Calls => Some(("calls", NUMBER)),
            Self::Expires => Some((END, NUMBER)),
        }
    }

    fn position(self, key: &Key) -> Position {
        let value = match self {
            Self::Name => PositionValue::Text(name_key(&key.name)),
            Self::Created => PositionValue::None,
            Self::LastUsed => PositionValue::Number(key.last_used_at.map_or(0, Timestamp::millis)),
            Self::Calls => PositionValue::Number(key.calls),
            Self::Expires => PositionValue::Number(key.expires_at.map_or(i64::MAX, Timestamp::millis)),
        };
        Position { value, id: key.id.to_string() }
    }
}

/// Where a page ends and the next begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    value: PositionValue,
    id: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum PositionValue {
    None,
    Number(i64),
    Text(String),
}

/// The text form in URLs, which is opaque to clients.
impl Position {
    pub fn to_text(&self) -> String {
        let value = match &self.value {
            PositionValue::None => String::new(),
            PositionValue::Number(number) => number.to_string(),
            PositionValue::Text(text) => text.clone(),
        };
        data_encoding::BASE64URL_NOPAD.encode(format!("{}\n{value}", self.id).as_bytes())
    }

    /// Returns None when the text is not a position of this order.
    pub fn parse(text: &str, order: Order) -> Option<Self> {
        let bytes = data_encoding::BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
        let whole = String::from_utf8(bytes).ok()?;
        let (id, value) = whole.split_once('\n')?;
        let value = match order {
            Order::Created => PositionValue::None,
            Order::Name => PositionValue::Text(value.to_owned()),
            _ => PositionValue::Number(value.parse().ok()?),
        };
        Some(Self { value, id: id.to_owned() })
    }
}

#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub status: Option<Status>,
    pub status_filter: Option<StatusFilter>,
    pub kind: Option<Kind>,
    pub creator: Option<UserId>,
    /// The customer's id in the organization's own system.
    pub external_id: Option<String>,
    /// The name of a permission that the keys have, themselves or through a wildcard.
    pub permission: Option<String>,
    /// The permissions that grant it. The service finds them.
    pub granted_by: Option<Vec<PermissionId>>,
    /// The beginning of the name, in lower case.
    pub name: Option<String>,
    /// The beginning of the public id of any of its secrets.
    pub secret: Option<String>,
    pub order: Order,
    pub descending: bool,
    pub after: Option<Position>,
    /// Requests the page that ends before this position.
    pub before: Option<Position>,
    pub limit: usize,
}

impl Filter {
    /// Sets the search text: the beginning of a token or of a name.
    pub fn search(&mut self, text: &str) {
        let token =
            Kind::ALL.into_iter().find_map(|kind| text.strip_prefix(kind.prefix())?.strip_prefix('_'));
        match token {
            Some(rest) => {
                let id: String =
                    rest.chars().take_while(char::is_ascii_alphanumeric).take(SecretId::LENGTH).collect();
                self.secret = Some(id);
            }
            None => self.name = Some(name_key(text)),
        }
    }
}

pub struct KeyPage {
    pub keys: Vec<Key>,
    /// The position of the next page. None on the last page.
    pub next: Option<Position>,
    /// Where the page before ends, if there is one.
    pub previous: Option<Position>,
}

impl Filter {
    /// Whether the filter may exclude most keys of a large organization.
    fn is_selective(&self, holders: Lead) -> bool {
        let matches_filter = self.status_filter.is_some_and(|status_filter| {
            !matches!(status_filter, StatusFilter::Active | StatusFilter::Endless)
        });
        let status = self.status.is_some_and(|status| status != Status::Active);
        let is_of_few =
            self.external_id.is_some() || (self.granted_by.is_some() && holders == Lead::Condition);
        matches_filter
            || status
            || self.kind.is_some()
            || self.creator.is_some()
            || self.name.is_some()
            || is_of_few
    }

    /// `holders` is the lead for the permission: with few holders, they are found first.
    fn conditions(&self, org: OrgId, now: Timestamp, lead: Lead, holders: Lead) -> Conditions {
        let mut all = Conditions::of(org);
        if let Some(status) = self.status {
            all.add(|bind| is_at(status, &bind(now.into()), lead));
        }
        if let Some(status_filter) = self.status_filter {
            all.add(|bind| matches_filter(status_filter, now, lead, bind));
            // In the order of expiry, this skips the keys before with the index.
            let from = match status_filter {
                StatusFilter::Expiring => Some(now),
                StatusFilter::Ending => Some(now.plus(SOON)),
                _ => None,
            };
            if let Some(from) = from
                && lead == Lead::Order
                && self.order == Order::Expires
            {
                all.add(|bind| format!("{END} > {}", bind(from.into())));
            }
        }
        if let Some(kind) = self.kind {
            let column = lead.column("kind", TEXT);
            all.add(|bind| format!("{column} = {}", bind(kind.as_str().into())));
        }
        if let Some(creator) = &self.creator {
            let column = lead.column("created_by", TEXT);
            all.add(|bind| format!("{column} = {}", bind(SqlValue::Text(creator.to_string()))));
        }
        if let Some(owner) = &self.external_id {
            let column = lead.column("external_id", TEXT);
            all.add(|bind| format!("{column} = {}", bind(owner.as_str().into())));
        }
        if let Some(permissions) = &self.granted_by {
            all.add(|bind| has_permission(permissions, holders, bind));
        }
        // A range instead of LIKE, because both engines use an index for it.
        let end = |beginning: &str| SqlValue::Text(format!("{beginning}\u{10FFFF}"));
        if let Some(name) = &self.name {
            let column = lead.column("name_key", TEXT);
            all.add(|bind| {
                let (from, to) = (bind(name.as_str().into()), bind(end(name)));
                format!("{column} >= {from} AND {column} < {to}")
            });
        }
        if let Some(id) = &self.secret {
            all.add(|bind| {
                let (from, to) = (bind(id.as_str().into()), bind(end(id)));
                format!("id IN (SELECT key_id FROM secrets WHERE id >= {from} AND id < {to})")
            });
        }
        all
    }
}

pub async fn list(
    db: &mut AnyConnection,
    org: OrgId,
    now: Timestamp,
    filter: &Filter,
) -> Result<KeyPage, sqlx::Error> {
    let holders = holders_lead(db, filter).await?;
    let lead = lead(db, org, now, filter, holders).await?;
    let mut all = filter.conditions(org, now, lead, holders);
    // The page before a position is read backwards.
    let backwards = filter.before.is_some();
    let descending = filter.descending != backwards;
    let (direction, beyond) = if descending { ("DESC", "<") } else { ("ASC", ">") };
    let column = filter.order.column().map(|(name, zero)| lead.ordered(name, zero));
    let id_column = lead.ordered("id", TEXT);
    if let Some(from) = filter.before.as_ref().or(filter.after.as_ref()) {
        all.add(|bind| {
            let id = bind(from.id.as_str().into());
            let value = match &from.value {
                PositionValue::Text(text) => Some(text.as_str().into()),
                PositionValue::Number(number) => Some(SqlValue::Number(*number)),
                PositionValue::None => None,
            };
            match (value, &column) {
                (Some(value), Some(column)) => {
                    format!("({column}, {id_column}) {beyond} ({}, {id})", bind(value))
                }
                _ => format!("{id_column} {beyond} {id}"),
            }
        });
    }
    let order = match column {
        Some(column) => format!("{column} {direction}, {id_column} {direction}"),
        None => format!("{id_column} {direction}"),
    };
    let limit = all.bind(SqlValue::Number(filter.limit as i64 + 1));
    let text = format!("{} {} ORDER BY {order} LIMIT {limit}", super::read::select!("WHERE"), all.text());
    let rows = all.query(sql(text)).fetch_all(&mut *db).await?;
    let mut keys = rows.iter().map(key).collect::<Result<Vec<_>, _>>()?;
    let more = keys.len() > filter.limit;
    keys.truncate(filter.limit);
    super::read::with_permissions(&mut *db, &mut keys).await?;
    if backwards {
        keys.reverse();
    }
    let has_previous = if backwards { more } else { filter.after.is_some() };
    let position = |key: &Key| filter.order.position(key);
    let next = keys.last().filter(|_| more || backwards).map(position);
    let previous = keys.first().filter(|_| has_previous).map(position);
    Ok(KeyPage { keys, next, previous })
}

/// Up to this many matching rows are read and sorted. With more, the index of the order is used instead.
const FEW: i64 = 5_000;

/// Whether few keys have the permission that the filter asks for, so that finding them first is quick.
async fn holders_lead(db: &mut AnyConnection, filter: &Filter) -> Result<Lead, sqlx::Error> {
    let Some(permissions) = filter.granted_by.as_ref().filter(|permissions| !permissions.is_empty()) else {
        return Ok(Lead::Condition);
    };
    let places: Vec<String> = (2..permissions.len() + 2).map(|place| format!("${place}")).collect();
    let text = format!(
        "SELECT COUNT(*) FROM (SELECT 1 FROM key_permissions WHERE permission_id IN ({}) LIMIT $1) AS found",
        places.join(", ")
    );
    let query = sqlx::query_scalar(sql(text)).bind(FEW + 1);
    let found: i64 = permissions.iter().fold(query, |query, id| query.bind(id)).fetch_one(db).await?;
    Ok(if found <= FEW { Lead::Condition } else { Lead::Order })
}

/// Counts the matching rows first, since planners without statistics guess wrong where it costs most: for a filter that
/// hardly any key matches, and for one that almost all match.
async fn lead(
    db: &mut AnyConnection,
    org: OrgId,
    now: Timestamp,
    filter: &Filter,
    holders: Lead,
) -> Result<Lead, sqlx::Error> {
    if filter.secret.is_some() {
        return Ok(Lead::Condition);
    }
    if !filter.is_selective(holders) {
        return Ok(Lead::Order);
    }
    let mut all = filter.conditions(org, now, Lead::Condition, holders);
    let limit = all.bind(SqlValue::Number(FEW + 1));
    let text =
        format!("SELECT COUNT(*) FROM (SELECT 1 FROM keys WHERE {} LIMIT {limit}) AS found", all.text());
    let found: i64 = all.query(sql(text)).fetch_one(db).await?.try_get(0)?;
    Ok(if found <= FEW { Lead::Condition } else { Lead::Order })
}

/// The number of keys that match each filter; None counts all keys. Counting stops one beyond `max`.
pub async fn count(
    pool: &AnyPool,
    org: OrgId,
    now: Timestamp,
    asked: &[Option<StatusFilter>],
    max: i64,
) -> Result<Vec<i64>, sqlx::Error> {
    let mut all = Conditions::of(org);
    let limit = all.bind(SqlValue::Number(max + 1));
    let counts: Vec<String> = asked
        .iter()
        .enumerate()
        .map(|(place, status_filter)| {
            let matches_filter = status_filter.map(|status_filter| {
                format!(" AND {}", matches_filter(status_filter, now, Lead::Condition, &mut |value| all.bind(value)))
            });
            format!(
                "(SELECT COUNT(*) FROM (SELECT 1 FROM keys WHERE org_id = $1{} LIMIT {limit}) AS c{place}) AS n{place}",
                matches_filter.unwrap_or_default()
            )
        })
        .collect();
    let row = all.query(sql(format!("SELECT {}", counts.join(", ")))).fetch_one(pool).await?;
    (0..asked.len()).map(|place| row.try_get(place)).collect()
}
