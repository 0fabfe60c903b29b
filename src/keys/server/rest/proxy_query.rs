//! The parameters of `/api/v1/authorize`, which operators write into the configuration of their proxy. A mistake in them refuses all
//! callers, because ignoring a misspelled `role` would admit callers whose role is too low.

use std::borrow::Cow;
use std::fmt;

use crate::keys::server::{Kinds, PermissionRequirement, Requirements};
use crate::permissions::query::{PermissionQuery, QueryError};
use crate::platform::{App, OnceAMinute};
use crate::shared::{Kind, OrgId, Role};

/// Longer names are cut in the log and the response; a whole token would not fit.
const MAX_NAME_LENGTH: usize = 20;

#[derive(Debug, PartialEq, Eq)]
pub enum Mistake {
    UnknownParameter(String),
    RepeatedParameter(&'static str),
    NoOrg,
    InvalidOrg,
    InvalidRole,
    InvalidKind,
    InvalidPermissions(QueryError),
    UnknownPermissions(String),
}

/// The parameters, parsed. Whether the organization lists the permissions is not known yet.
#[derive(Debug)]
pub struct ProxyQuery<'q> {
    pub org: OrgId,
    least_role: Role,
    kinds: Kinds,
    permissions: Option<Cow<'q, str>>,
}

impl<'q> ProxyQuery<'q> {
    pub fn parse(query: &'q str) -> Result<Self, Mistake> {
        let (mut org, mut role, mut kind, mut permissions) = (None, None, None, None);
        for (name, value) in pairs(query) {
            match &*name {
                "org" => set(&mut org, "org", value)?,
                "role" => set(&mut role, "role", value)?,
                "kind" => set(&mut kind, "kind", value)?,
                "permissions" => set(&mut permissions, "permissions", value)?,
                _ => return Err(Mistake::UnknownParameter(name.chars().take(MAX_NAME_LENGTH).collect())),
            }
        }
        let org = OrgId::parse(&org.ok_or(Mistake::NoOrg)?).ok_or(Mistake::InvalidOrg)?;
        // A query for permissions admits keys without a role: it says itself what is needed.
        let default_role = if permissions.is_some() { Role::None } else { Role::Viewer };
        let least_role =
            role.map_or(Some(default_role), |text| Role::parse_of_key(&text)).ok_or(Mistake::InvalidRole)?;
        let kinds = kind.map_or(Some(Kinds::DEFAULT), |text| kinds(&text)).ok_or(Mistake::InvalidKind)?;
        Ok(Self { org, least_role, kinds, permissions })
    }

    /// The query for permissions, if there is one.
    pub fn permissions(&self) -> Result<Option<PermissionQuery<'_>>, Mistake> {
        let query = self.permissions.as_deref().map(PermissionQuery::parse);
        query.transpose().map_err(Mistake::InvalidPermissions)
    }

    pub fn requirements<'a>(&self, permissions: Option<&'a PermissionRequirement<'a>>) -> Requirements<'a> {
        let Self { org, least_role, kinds, .. } = *self;
        Requirements { org: Some(org), audience: None, least_role, kinds, plan: true, permissions, cost: 1 }
    }
}

/// The names and values of a form-encoded query. Most contain nothing to decode, and are borrowed.
fn pairs(query: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        if pair.contains(['%', '+']) {
            return url::form_urlencoded::parse(pair.as_bytes()).next().unwrap_or_default();
        }
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (name.into(), value.into())
    })
}

fn set<'a>(slot: &mut Option<Cow<'a, str>>, name: &'static str, value: Cow<'a, str>) -> Result<(), Mistake> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(Mistake::RepeatedParameter(name)),
    }
}

fn kinds(list: &str) -> Option<Kinds> {
    list.split(',').try_fold(Kinds::NONE, |kinds, kind| Some(kinds.and(Kind::parse(kind.trim())?)))
}

/// Says what the operator has to correct in the configuration of the proxy.
impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownParameter(name) => {
                write!(
                    f,
                    "The query has the unknown parameter {name:?}. It may have org, role, kind and permissions."
                )
            }
            Self::RepeatedParameter(name) => {
                write!(f, "The query has the parameter {name:?} more than once.")
            }
            Self::NoOrg => f.write_str("The query has no parameter \"org\", the id of an organization."),
            Self::InvalidOrg => f.write_str("The query's \"org\" is not the id of an organization."),
            Self::InvalidRole => {
                write!(f, "The query's \"role\" is none of {}.", Role::OF_KEYS.map(Role::as_str).join(", "))
            }
            Self::InvalidKind => write!(
                f,
                "The query's \"kind\" is not a list of {}, separated by commas.",
                Kind::ALL.map(Kind::as_str).join(", ")
            ),
            Self::InvalidPermissions(error) => write!(f, "The query's \"permissions\" is wrong: {error}"),
            Self::UnknownPermissions(names) => write!(
                f,
                "The query's \"permissions\" names {names}, which the organization does not list in Settings, Permissions."
            ),
        }
    }
}

/// The log lines about mistakes. Anonymous callers can cause them, so each sort of mistake has a limit.
#[derive(Default)]
pub struct MistakeLog([OnceAMinute; 8]);

impl MistakeLog {
    pub fn report(app: &App, mistake: &Mistake, request_id: &str) {
        let Self(limits) = app.slice::<Self>();
        let limit = &limits[match mistake {
            Mistake::UnknownParameter(_) => 0,
            Mistake::RepeatedParameter(_) => 1,
            Mistake::NoOrg => 2,
            Mistake::InvalidOrg => 3,
            Mistake::InvalidRole => 4,
            Mistake::InvalidKind => 5,
            Mistake::InvalidPermissions(_) => 6,
            Mistake::UnknownPermissions(_) => 7,
        }];
        if let Some(requests) = limit.count(app.clock.steady()) {
            tracing::error!(
                id = request_id,
                requests,
                "authorize refuses everybody because the proxy's configuration is wrong: {mistake}"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORG: &str = "01a1f866-0d00-7fff-bfff-ffffffffffff";

    fn mistake(query: &str) -> Option<Mistake> {
        ProxyQuery::parse(&query.replace("ORG", ORG)).and_then(|query| query.permissions().map(drop)).err()
    }

    #[test]
    fn a_query_names_an_organization_and_may_name_a_role_and_kinds() {
        for query in [
            "org=ORG",
            "org=ORG&",
            "&&org=ORG",
            "role=owner&org=ORG",
            "%6Frg=ORG",
            "org=ORG&kind=live,test",
            "org=ORG&kind=live%2C+test&role=%6Dember",
        ] {
            assert_eq!(mistake(query), None, "{query}");
        }
        let test = Kinds::NONE.and(Kind::Test);
        for (rest, role, kinds) in [
            ("", Role::Viewer, Kinds::DEFAULT),
            ("&kind=test&role=admin", Role::Admin, test),
            ("&role=none", Role::None, Kinds::DEFAULT),
            ("&permissions=a.read", Role::None, Kinds::DEFAULT),
            ("&permissions=a.read+and+(b.*+or+c)&role=viewer", Role::Viewer, Kinds::DEFAULT),
        ] {
            let text = format!("org={ORG}{rest}");
            let query = ProxyQuery::parse(&text).expect("a query");
            assert!(query.permissions().is_ok(), "{rest}");
            assert_eq!(
                (query.least_role, query.kinds, query.org),
                (role, kinds, OrgId::parse(ORG).expect("an id"))
            );
        }
    }

    #[test]
    fn a_query_is_decoded_like_a_form() {
        for query in
            ["", "&", "=", "a", "a=b", "a=b=c&&d=", "a+b=%20&c=d", "%=%4&%FF=+&é=ü", "=x&y==", "a=b;c=d"]
        {
            let form: Vec<_> = url::form_urlencoded::parse(query.as_bytes()).collect();
            assert_eq!(pairs(query).collect::<Vec<_>>(), form, "{query}");
        }
    }

    #[test]
    fn every_mistake_is_found() {
        let unknown = |name: &str| Mistake::UnknownParameter(name.to_owned());
        for (query, expected) in [
            ("", Mistake::NoOrg),
            ("role=admin", Mistake::NoOrg),
            ("org=", Mistake::InvalidOrg),
            ("org=ORG;role=owner", Mistake::InvalidOrg),
            ("org=ORG%00", Mistake::InvalidOrg),
            ("org=ORG&rol=owner", unknown("rol")),
            ("org=ORG&Role=owner", unknown("Role")),
            ("ORG_=x&org=ORG", unknown("01a1f866-0d00-7fff-b")),
            ("org=ORG&=x", unknown("")),
            ("org=ORG& role=owner", unknown(" role")),
            ("org=ORG&role%00=owner", unknown("role\0")),
            ("org=ORG&r%C3%B6le=owner", unknown("röle")),
            ("org=ORG&%FF=owner", unknown("\u{fffd}")),
            ("org=ORG&kind[]=live", unknown("kind[]")),
            ("org=ORG&org=ORG", Mistake::RepeatedParameter("org")),
            ("org=ORG&role=owner&role=owner", Mistake::RepeatedParameter("role")),
            ("org=ORG&role=owner&%72ole=viewer", Mistake::RepeatedParameter("role")),
            ("org=ORG&kind=live&kind=test", Mistake::RepeatedParameter("kind")),
            ("org=ORG&role=", Mistake::InvalidRole),
            ("org=ORG&role", Mistake::InvalidRole),
            ("org=ORG&role=Owner", Mistake::InvalidRole),
            ("org=ORG&kind=", Mistake::InvalidKind),
            ("org=ORG&kind=live,", Mistake::InvalidKind),
            ("org=ORG&kind=live,all", Mistake::InvalidKind),
            ("org=ORG&permissions=", Mistake::InvalidPermissions(QueryError::Empty)),
            ("org=ORG&permissions=a&permissions=b", Mistake::RepeatedParameter("permissions")),
            ("org=ORG&permissions=a+and", Mistake::InvalidPermissions(QueryError::Incomplete)),
        ] {
            assert_eq!(mistake(query), Some(expected), "{query}");
        }
    }
}
