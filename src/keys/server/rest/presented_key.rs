//! Reads the key in a request's headers, and builds the response that refuses it.

use std::fmt::Write as _;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use crate::key_policy::PolicyRule;
use crate::keys::server::{QuotaState, Rate, Verdict};
use crate::platform::Problem;
use crate::usage::Outcome;

const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// `Authorization: Bearer …` or `X-API-Key: …`.
#[derive(Debug, PartialEq, Eq)]
pub enum PresentedKey<'a> {
    Missing,
    /// The headers contain several different keys.
    Several,
    One(&'a str),
}

impl<'a> PresentedKey<'a> {
    pub fn of(headers: &'a HeaderMap) -> Self {
        let keys = headers.iter().filter_map(|(name, value)| match name {
            name if *name == header::AUTHORIZATION => bearer(value.as_bytes()),
            name if *name == X_API_KEY => Some(value.as_bytes().trim_ascii()),
            _ => None,
        });
        let mut found: Option<&[u8]> = None;
        for key in keys.filter(|key| !key.is_empty()) {
            match found {
                Some(other) if other != key => return Self::Several,
                _ => found = Some(key),
            }
        }
        match found {
            None => Self::Missing,
            // A value that is not text becomes an empty key, which is malformed.
            Some(key) => Self::One(str::from_utf8(key).unwrap_or("")),
        }
    }

    /// The key to check, or the outcome without one.
    pub fn single(self) -> Result<&'a str, Outcome> {
        match self {
            Self::Missing => Err(Outcome::Missing),
            Self::Several => Err(Outcome::Malformed),
            Self::One(key) => Ok(key),
        }
    }
}

/// The token of a `Bearer` header. The case of the scheme does not matter; other schemes are ignored.
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, key) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| key.trim_ascii())
}

/// Builds the response to a refused key. Until the secret is verified, every refusal is the same. Afterwards the response still does
/// not say whether the key is revoked, disabled or expired.
pub fn refusal(verdict: &Verdict) -> (HeaderMap, Problem) {
    let problem = match verdict.outcome {
        Outcome::Missing => Problem::of(StatusCode::UNAUTHORIZED)
            .title("Missing Authorization Bearer token")
            .detail("Send a key as 'Authorization: Bearer …' or 'X-API-Key: …'."),
        Outcome::RateLimited => {
            let wait = verdict.rate.map_or(Duration::from_secs(60), |rate| rate.reset);
            Problem::of(StatusCode::TOO_MANY_REQUESTS)
                .detail("This key has used up the requests of this minute.")
                .retry_after(whole_seconds(wait))
        }
        Outcome::QuotaExceeded => {
            let wait = verdict.quota.map_or(Duration::from_secs(60), |quota| quota.reset);
            Problem::of(StatusCode::TOO_MANY_REQUESTS)
                .title("Quota used up")
                .detail("This key has used up its quota.")
                .more("code", Outcome::QuotaExceeded.as_str())
                .retry_after(whole_seconds(wait))
        }
        Outcome::InsufficientPermissions => Problem::of(StatusCode::FORBIDDEN)
            .title("Permission missing")
            .detail("This key lacks a permission that is needed here.")
            .more("code", Outcome::InsufficientPermissions.as_str()),
        Outcome::IpNotAllowed => Problem::of(StatusCode::FORBIDDEN)
            .title("Address not allowed")
            .detail("This key may not be used from this address."),
        Outcome::PlanNotEligible => Problem::of(StatusCode::FORBIDDEN)
            .title("Public API access requires Agency, Master/Business, or Enterprise plan.")
            .detail("The plan of this key's organization does not include the API."),
        Outcome::PolicyRefused => {
            let policy = verdict.key.as_ref().and_then(|key| key.org.policy.as_deref()).zip(verdict.rule);
            let why = policy.map(|(policy, rule)| policy.explain(rule));
            let problem = Problem::of(StatusCode::FORBIDDEN).title("Refused by the key policy");
            let rule = verdict.rule.map_or("", PolicyRule::as_str);
            let problem = problem.more("code", Outcome::PolicyRefused.as_str()).more("rule", rule);
            problem
                .detail(why.unwrap_or_else(|| "The organization's key policy refuses this key.".to_owned()))
        }
        Outcome::RoleTooLow => Problem::of(StatusCode::FORBIDDEN)
            .title("Role too low")
            .detail("This requires a key with a higher role."),
        Outcome::KindNotAllowed => Problem::of(StatusCode::FORBIDDEN)
            .title("Kind not allowed")
            .detail("Keys of this kind are not accepted here."),
        Outcome::WrongAudience => Problem::of(StatusCode::FORBIDDEN)
            .title("Key not accepted here")
            .detail("This key belongs to a login that is accepted at /api/mcp only.")
            .more("code", Outcome::WrongAudience.as_str()),
        _ => match verdict.retry_after {
            Some(wait) => Problem::of(StatusCode::TOO_MANY_REQUESTS)
                .detail("Too many wrong keys came from this address.")
                .retry_after(whole_seconds(wait)),
            None => Problem::of(StatusCode::UNAUTHORIZED)
                .title("Invalid API key")
                .detail("The key is wrong, or it is no longer accepted."),
        },
    };
    let challenge = (problem.status == StatusCode::UNAUTHORIZED).then(|| match verdict.outcome {
        Outcome::Missing => HeaderValue::from_static("Bearer realm=\"latchkey\""),
        _ => HeaderValue::from_static("Bearer realm=\"latchkey\", error=\"invalid_token\""),
    });
    let mut headers = HeaderMap::new();
    if let Some(challenge) = challenge {
        headers.insert(header::WWW_AUTHENTICATE, challenge);
    }
    put_limits(&mut headers, verdict.rate.as_ref(), verdict.quota.as_ref());
    (headers, problem)
}

/// The status with which a proxy gets an outcome.
pub fn status_of(outcome: Outcome) -> StatusCode {
    match outcome {
        Outcome::Valid => StatusCode::OK,
        refused => refusal(&Verdict::of(refused)).1.status,
    }
}

/// The states of rate limit and quota, in the headers of the IETF draft.
pub fn put_limits(headers: &mut HeaderMap, rate: Option<&Rate>, quota: Option<&QuotaState>) {
    if rate.is_none() && quota.is_none() {
        return;
    }
    let (mut policy, mut state) = (String::with_capacity(64), String::with_capacity(64));
    if let Some(Rate { limit, remaining, reset, .. }) = rate {
        let seconds = whole_seconds(*reset).as_secs();
        let _ = write!(policy, "\"minute\";q={limit};w=60");
        let _ = write!(state, "\"minute\";r={remaining};t={seconds}");
    }
    if rate.is_some() && quota.is_some() {
        policy.push_str(", ");
        state.push_str(", ");
    }
    if let Some(QuotaState { limit, remaining, period, reset }) = quota {
        let (period, seconds) = (period.as_str(), whole_seconds(*reset).as_secs());
        let _ = write!(policy, "\"{period}\";q={limit}");
        let _ = write!(state, "\"{period}\";r={remaining};t={seconds}");
    }
    for (name, items) in [(RATE_LIMIT_POLICY, policy), (RATE_LIMIT, state)] {
        if let Ok(value) = HeaderValue::try_from(items) {
            headers.insert(name, value);
        }
    }
}

/// Rounds up, so that nobody tries again too early.
fn whole_seconds(span: Duration) -> Duration {
    Duration::from_secs(span.as_millis().div_ceil(1_000) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &[(&'static str, &[u8])]) -> String {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_bytes(value).expect("a header"));
        }
        format!("{:?}", PresentedKey::of(&headers))
    }

    #[test]
    fn a_key_comes_in_one_of_two_headers() {
        for (lines, expected) in [
            (&[] as &[(&'static str, &[u8])], "Missing"),
            (&[("authorization", b"Bearer abc")], "One(\"abc\")"),
            (&[("authorization", b"bearer   abc ")], "One(\"abc\")"),
            (&[("x-api-key", b"abc")], "One(\"abc\")"),
            (&[("authorization", b"Bearer abc"), ("x-api-key", b"abc")], "One(\"abc\")"),
            (&[("authorization", b"Bearer abc"), ("x-api-key", b"abd")], "Several"),
            (&[("authorization", b"Bearer abc"), ("authorization", b"Bearer abd")], "Several"),
            (&[("authorization", b"Basic abc")], "Missing"),
            (&[("authorization", b"Basic abc"), ("x-api-key", b"abc")], "One(\"abc\")"),
            (&[("authorization", b"Bearer")], "Missing"),
            (&[("authorization", b"Bearer ")], "Missing"),
            (&[("x-api-key", b"")], "Missing"),
            (&[("authorization", b"Bearer \xff\xfe")], "One(\"\")"),
        ] {
            assert_eq!(of(lines), expected, "{lines:?}");
        }
    }
}
