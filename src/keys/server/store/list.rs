//! A page of an organization's keys: filtered, in one of five orders, from a position. However many keys there are, a page
//! reads about as many rows as it shows.

use sqlx::{AnyConnection, Row};

use super::super::{Key, name_key};
use super::condition::{
    Conditions, END, FEW, Lead, NUMBER, SqlValue, TEXT, has_permission, is_at, matches_filter,
};
use super::name_search::{beginning, contains, is_anywhere, name_lead};
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
    /// A text anywhere in the name, or its beginning if the text has less than three letters. In lower case.
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
    /// Whether it selects keys by anything but their status.
    pub fn has_conditions(&self) -> bool {
        self.kind.is_some()
            || self.creator.is_some()
            || self.external_id.is_some()
            || self.permission.is_some()
            || self.name.is_some()
            || self.secret.is_some()
    }

    /// Sets the search text: the beginning of a token, or a text in a name.
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
    /// How many keys match, up to one beyond `FEW`, if finding the page needed to know it.
    pub matches: Option<i64>,
}

/// How the keys that match a filter are found.
#[derive(Clone, Copy)]
pub struct Leads {
    rows: Lead,
    /// For the permission: with few holders, they are found first.
    holders: Lead,
    /// For a text anywhere in the name: if few names contain it, those are found first.
    name: Option<Lead>,
}

impl Leads {
    fn by_name(self) -> bool {
        self.name == Some(Lead::Condition)
    }
}

impl Filter {
    /// Whether the filter may exclude most keys of a large organization.
    fn is_selective(&self, holders: Lead, name: Option<Lead>) -> bool {
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
            || (self.name.is_some() && name != Some(Lead::Order))
            || is_of_few
    }

    pub fn conditions(&self, org: OrgId, now: Timestamp, leads: Leads) -> Conditions {
        // Beside the few names that contain the text, no other condition uses an index.
        let lead = if leads.by_name() { Lead::Order } else { leads.rows };
        let mut all = if leads.by_name() { Conditions::of_found(org) } else { Conditions::of(org) };
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
                && leads.rows == Lead::Order
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
            all.add(|bind| has_permission(permissions, leads.holders, bind));
        }
        if let Some(name) = &self.name {
            all.add(|bind| contains(name, leads.name.unwrap_or(lead), bind));
        }
        if let Some(id) = &self.secret {
            all.add(|bind| {
                let (from, to) = beginning(id);
                let (from, to) = (bind(from), bind(to));
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
    let (leads, matches) = leads(db, org, now, filter).await?;
    let lead = leads.rows;
    let mut all = filter.conditions(org, now, leads);
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
    Ok(KeyPage { keys, next, previous, matches })
}

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

/// How to find the keys that match a filter, and how many there are if they were counted, up to one beyond `FEW`. They are counted
/// because planners without statistics guess wrong where it costs most: for a filter that hardly any key matches, and for one that
/// almost all match.
pub async fn leads(
    db: &mut AnyConnection,
    org: OrgId,
    now: Timestamp,
    filter: &Filter,
) -> Result<(Leads, Option<i64>), sqlx::Error> {
    let holders = holders_lead(db, filter).await?;
    let name = match filter.name.as_deref().filter(|text| is_anywhere(text)) {
        Some(text) => Some(name_lead(db, org, text).await?),
        None => None,
    };
    let by = |rows| Leads { rows, holders, name };
    if filter.secret.is_some() || name == Some(Lead::Condition) {
        return Ok((by(Lead::Condition), None));
    }
    if !filter.is_selective(holders, name) {
        return Ok((by(Lead::Order), None));
    }
    let mut all = filter.conditions(org, now, by(Lead::Condition));
    let limit = all.bind(SqlValue::Number(FEW + 1));
    let text =
        format!("SELECT COUNT(*) FROM (SELECT 1 FROM keys WHERE {} LIMIT {limit}) AS found", all.text());
    let found: i64 = all.query(sql(text)).fetch_one(db).await?.try_get(0)?;
    let rows = if found <= FEW { Lead::Condition } else { Lead::Order };
    Ok((by(rows), Some(found)))
}
