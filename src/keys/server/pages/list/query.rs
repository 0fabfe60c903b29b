//! The query of the key list. It is in the address, so that lists can be linked and the Back button works. Secrets never are.

use crate::keys::StatusFilter;
use crate::keys::server::pages::HOME;
use crate::keys::server::{Filter, Order, Position, Token};
use crate::shared::{Kind, SecretId, UserId, contains_token};

const EXPORT: &str = "/settings/api-keys/export";
/// The keys per page.
pub const ROWS: usize = 50;
const LONGEST: usize = 200;
/// The address can say anything; a greater number is ignored.
const MAX_FROM: u64 = 1_000_000_000;

/// The selectable sort orders, each in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    #[default]
    LastUsed,
    Newest,
    Calls,
    Expiring,
    Name,
}

impl Sort {
    pub const ALL: [Self; 5] = [Self::LastUsed, Self::Newest, Self::Calls, Self::Expiring, Self::Name];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LastUsed => "last-used",
            Self::Newest => "newest",
            Self::Calls => "calls",
            Self::Expiring => "expiring",
            Self::Name => "name",
        }
    }

    pub const fn label(self) -> &'static str {
        match self {
            Self::LastUsed => "Last used first",
            Self::Newest => "Newest first",
            Self::Calls => "Most calls first",
            Self::Expiring => "Expiring first",
            Self::Name => "Name A to Z",
        }
    }

    fn parse(text: &str) -> Self {
        Self::ALL.into_iter().find(|sort| sort.as_str() == text).unwrap_or_default()
    }

    const fn order(self) -> (Order, bool) {
        match self {
            Self::LastUsed => (Order::LastUsed, true),
            Self::Newest => (Order::Created, true),
            Self::Calls => (Order::Calls, true),
            Self::Expiring => (Order::Expires, false),
            Self::Name => (Order::Name, false),
        }
    }
}

#[derive(Clone, Debug, Default)]
pub struct Query {
    /// The search text: part of a name, or the start of a key's visible prefix.
    pub text: String,
    pub status_filter: Option<StatusFilter>,
    pub kind: Option<Kind>,
    pub creator: Option<UserId>,
    /// The customer's id in the organization's own system.
    pub owner: String,
    /// The name of a permission.
    pub permission: String,
    pub sort: Sort,
    after: String,
    before: String,
    /// How many keys the pages before this one have. For display only.
    pub from: u64,
}

/// The content of the search field.
pub enum Sought {
    Text(String),
    /// A whole key, which must not appear in a URL.
    Token(SecretId),
}

impl Sought {
    /// Of a key that was truncated or mistyped, only the public beginning is used, because the text still contains most of the secret.
    pub fn read(typed: &str) -> Self {
        let typed = typed.trim();
        // Strip what is often copied with a key: "Bearer …", "KEY=…", quotes.
        let words = typed.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        if let Some(token) = words.filter_map(Token::parse).next() {
            return Self::Token(token.id());
        }
        for kind in Kind::ALL {
            let start = format!("{}_", kind.prefix());
            let Some((before, rest)) = typed.split_once(&start) else { continue };
            if before.is_empty() || rest.len() > SecretId::LENGTH {
                let id: String = rest.chars().take(SecretId::LENGTH).collect();
                return Self::Text(format!("{start}{id}"));
            }
        }
        // A secret without its prefix. No part of it goes into an address.
        let text = if contains_token(typed) { "" } else { typed };
        Self::Text(text.chars().filter(|c| !c.is_control()).take(LONGEST).collect())
    }
}

impl Query {
    pub fn of_text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// Reads the query and ignores unknown values. The id of a whole key in the query is returned separately.
    pub fn read(pairs: impl Iterator<Item = (String, String)>) -> (Self, Option<SecretId>) {
        let mut query = Self::default();
        let mut token = None;
        for (name, value) in pairs {
            match name.as_str() {
                "q" => match Sought::read(&value) {
                    Sought::Text(text) => query.text = text,
                    Sought::Token(id) => token = Some(id),
                },
                "status" => query.status_filter = StatusFilter::parse(&value),
                "kind" => query.kind = Kind::parse(&value),
                "creator" if !value.is_empty() => {
                    query.creator = Some(UserId::parse(&value).unwrap_or(UserId::NIL));
                }
                "owner" if !contains_token(&value) => query.owner = cut(&value),
                "permission" if !contains_token(&value) => query.permission = cut(&value),
                "sort" => query.sort = Sort::parse(&value),
                "after" => query.after = value,
                "before" => query.before = value,
                "from" => query.from = value.parse().ok().filter(|from| *from <= MAX_FROM).unwrap_or(0),
                _ => {}
            }
        }
        if query.after.is_empty() && query.before.is_empty() {
            query.from = 0;
        }
        (query, token)
    }

    /// The same query on its first page.
    #[must_use]
    pub fn changed(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut query = Self { after: String::new(), before: String::new(), from: 0, ..self.clone() };
        change(&mut query);
        query
    }

    /// The address of the next page. `shown` is the number of keys on this one.
    pub fn after(&self, position: &Position, shown: u64) -> String {
        let from = self.from.saturating_add(shown);
        Self { after: position.to_text(), before: String::new(), from, ..self.clone() }.address()
    }

    pub fn before(&self, position: &Position) -> String {
        let from = self.from.saturating_sub(ROWS as u64);
        Self { before: position.to_text(), after: String::new(), from, ..self.clone() }.address()
    }

    /// The parameters that differ from the defaults.
    pub fn pairs(&self) -> Vec<(&'static str, String)> {
        let sort = Some(self.sort).filter(|sort| *sort != Sort::default());
        [
            ("q", self.text.clone()),
            ("status", self.status_filter.map_or("", StatusFilter::as_str).to_owned()),
            ("kind", self.kind.map_or("", Kind::as_str).to_owned()),
            ("creator", self.creator.map_or_else(String::new, |id| id.to_string())),
            ("owner", self.owner.clone()),
            ("permission", self.permission.clone()),
            ("sort", sort.map_or("", Sort::as_str).to_owned()),
            ("after", self.after.clone()),
            ("before", self.before.clone()),
            (
                "from",
                Some(self.from).filter(|from| *from > 0).map_or_else(String::new, |from| from.to_string()),
            ),
        ]
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .collect()
    }

    pub fn address(&self) -> String {
        self.address_at(HOME)
    }

    /// The address of a file with the keys of all pages.
    pub fn export_address(&self) -> String {
        self.changed(|query| query.sort = Sort::default()).address_at(EXPORT)
    }

    fn address_at(&self, path: &str) -> String {
        let pairs = self.pairs();
        if pairs.is_empty() {
            return path.to_owned();
        }
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        format!("{path}?{query}")
    }

    pub fn filter(&self) -> Filter {
        let (order, descending) = self.sort.order();
        let mut filter = Filter {
            status_filter: self.status_filter,
            kind: self.kind,
            creator: self.creator,
            external_id: Some(self.owner.clone()).filter(|owner| !owner.is_empty()),
            permission: Some(self.permission.clone()).filter(|name| !name.is_empty()),
            order,
            descending,
            after: Position::parse(&self.after, order),
            before: Position::parse(&self.before, order),
            limit: ROWS,
            ..Filter::default()
        };
        let begins =
            |kind: &Kind| self.text.strip_prefix(kind.prefix()).and_then(|rest| rest.strip_prefix('_'));
        match Kind::ALL.into_iter().find_map(|kind| begins(&kind).map(|id| (kind, id))) {
            Some((kind, id)) => {
                // The filter selects another kind, so nothing matches.
                let other = filter.kind.is_some_and(|chosen| chosen != kind);
                filter.secret =
                    Some(if other { "-".to_owned() } else { id.to_owned() }).filter(|id| !id.is_empty());
                filter.kind = Some(kind);
            }
            None if self.text.is_empty() => {}
            None => filter.name = Some(crate::keys::server::name_key(&self.text)),
        }
        filter
    }

    /// The search text, if it may be the beginning of a public id without the prefix. Short texts would match too many keys.
    pub fn bare_start(&self) -> Option<&str> {
        let plain = self.text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        Some(self.text.as_str()).filter(|text| plain && (6..=SecretId::LENGTH).contains(&text.len()))
    }
}

fn cut(text: &str) -> String {
    text.trim().chars().filter(|c| !c.is_control()).take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::server::token::NewToken;
    use crate::platform::Random;

    fn read(query: &str) -> (Query, Option<SecretId>) {
        let pairs = url::form_urlencoded::parse(query.as_bytes());
        Query::read(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())))
    }

    #[test]
    fn an_address_reads_back_as_itself() {
        for address in [
            "/settings/api-keys",
            "/settings/api-keys?q=ci+deploy%2F%26",
            "/settings/api-keys?q=ak_live_8fK2&status=active&kind=mcp&creator=01a1f866-0d00-7fff-bfff-ffffffffffff&owner=carrier_1&permission=a.*&sort=name&after=abc&from=50",
        ] {
            let (query, token) = read(address.split_once('?').map_or("", |(_, query)| query));
            assert_eq!((query.address().as_str(), token), (address, None));
        }
        assert_eq!(read("status=none&kind=x&sort=y&z=1").0.address(), "/settings/api-keys");
    }

    #[test]
    fn nothing_secret_stays_in_an_address() {
        for kind in Kind::ALL {
            let fresh = NewToken::generate(&Random::seeded(3), kind);
            let (id, whole) = (fresh.id(), fresh.into_secret());
            let whole = whole.expose();
            for whole in [format!("+{whole}+"), format!("Bearer+{whole}"), format!("KEY%3D%22{whole}%22,")] {
                assert_eq!(read(&format!("q={whole}")).1, Some(id), "{whole}");
            }
            for cut in [whole[..whole.len() - 1].to_owned(), format!("{whole}x"), format!("Bearer+{whole}x")]
            {
                let (query, token) = read(&format!("q={cut}"));
                assert_eq!((query.text, token), (format!("{}_{id}", kind.prefix()), None));
            }
        }
    }

    #[test]
    fn another_page_keeps_the_filter_and_a_changed_filter_begins_anew() {
        let (query, _) = read("status=revoked&sort=name&after=abc");
        assert_eq!(
            query.changed(|query| query.status_filter = None).address(),
            "/settings/api-keys?sort=name"
        );
    }
}
