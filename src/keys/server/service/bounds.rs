//! What a key may grant to other keys: no later expiry, no further addresses, no higher rate limit and no larger quota than its own. A key
//! that a limited key creates or rotates is counted together with it, so that its requests per minute do not multiply.

use ipnet::IpNet;

use super::draft::ValidatedDraft;
use crate::keys::server::{Customer, Key, KeyQuota, store};
use crate::orgs::server::Actor;
use crate::platform::db::Write;
use crate::platform::{App, Error};
use crate::shared::{KeyId, SecretId, Timestamp};

/// The limits of the calling key.
#[derive(Clone, Debug)]
pub(super) struct Bounds {
    pub expires_at: Option<Timestamp>,
    pub rate_limit: Option<u32>,
    /// The key under whose id its requests per minute are counted. None without a limit.
    pub counts_with: Option<KeyId>,
    /// Empty: any address.
    pub ranges: Vec<IpNet>,
    pub quota: Option<KeyQuota>,
    /// The key under whose id the use of its quota is counted. None without a quota.
    pub quota_with: Option<KeyId>,
}

const CALLER_ENDED: &str = "The calling key was revoked, disabled or rotated a moment ago.";

impl Bounds {
    /// A secret that is being replaced is valid until its cut-off only.
    pub fn of(key: &Key, secret: Option<SecretId>) -> Self {
        let replaced = key.previous.filter(|(previous, _)| Some(*previous) == secret);
        let cut_off = replaced.map(|(_, until)| until);
        Self {
            expires_at: [key.expires_at, cut_off].into_iter().flatten().min(),
            rate_limit: key.rate_limit,
            counts_with: key.rate_limit.map(|_| key.counts_with.unwrap_or(key.id)),
            ranges: key.ranges.clone(),
            quota: key.customer.quota,
            quota_with: key.customer.quota.map(|_| key.quota_with.unwrap_or(key.id)),
        }
    }

    /// The limits of the acting key. None if a person acts.
    pub async fn of_actor(app: &App, actor: &Actor) -> Result<Option<Self>, Error> {
        let Some(id) = &actor.key else { return Ok(None) };
        let key = store::find_by_id(app.db.pool(), *id).await?;
        Self::of_working(app, actor, key).map(Some)
    }

    /// The limits of the acting key, read within the transaction of a change.
    pub async fn of_present_actor(
        app: &App,
        write: &mut Write,
        actor: &Actor,
    ) -> Result<Option<Self>, Error> {
        let Some(id) = &actor.key else { return Ok(None) };
        let key = store::find_in_tx(write, *id).await?;
        Self::of_working(app, actor, key).map(Some)
    }

    /// Fails if the key has ended since its request began.
    fn of_working(app: &App, actor: &Actor, key: Option<Key>) -> Result<Self, Error> {
        let now = app.clock.now();
        let working = key.filter(|key| key.status(now).is_active());
        let working = working.filter(|key| actor.secret.is_none_or(|secret| key.accepts(secret, now)));
        let key = working.ok_or_else(|| Error::Forbidden(CALLER_ENDED.to_owned()))?;
        Ok(Self::of(&key, actor.secret))
    }

    /// Fills the unset limits of a new key with those of the calling key.
    pub fn fill(&self, new: ValidatedDraft) -> ValidatedDraft {
        ValidatedDraft {
            expires_at: new.expires_at.or(self.expires_at),
            rate_limit: new.rate_limit.or(self.rate_limit),
            ranges: if new.ranges.is_empty() { self.ranges.clone() } else { new.ranges },
            customer: Customer { quota: new.customer.quota.or(self.quota), ..new.customer },
            ..new
        }
    }

    /// The fields in which a key exceeds these limits, each with the reason.
    pub fn exceeded_by(&self, key: &Key) -> Vec<(&'static str, String)> {
        self.exceeded(key.expires_at, key.rate_limit, &key.ranges, key.customer.quota)
    }

    pub fn exceeded(
        &self,
        expires_at: Option<Timestamp>,
        rate_limit: Option<u32>,
        ranges: &[IpNet],
        quota: Option<KeyQuota>,
    ) -> Vec<(&'static str, String)> {
        const OTHER: &str = "a key that it creates, changes, enables or rotates";
        let mut wrong = Vec::new();
        if let Some(end) = self.expires_at.filter(|end| expires_at.is_none_or(|at| at > *end)) {
            wrong.push((
                "expires_at",
                format!("The calling key expires at {end}; {OTHER} must expire no later."),
            ));
        }
        if let Some(most) = self.rate_limit.filter(|most| rate_limit.is_none_or(|limit| limit > *most)) {
            let why = format!(
                "The calling key may make {most} requests a minute; {OTHER} must be limited to no more."
            );
            wrong.push(("rate_limit", why));
        }
        // A quota of another period cannot be compared.
        let is_tighter =
            |own: KeyQuota| quota.is_some_and(|quota| quota.period == own.period && quota.limit <= own.limit);
        if let Some(KeyQuota { limit, period }) = self.quota.filter(|own| !is_tighter(*own)) {
            let why = format!(
                "The calling key has a quota of {limit} a {}; {OTHER} must have one of the same period and no more.",
                period.as_str()
            );
            wrong.push(("quota", why));
        }
        if !self.covers(ranges) {
            let own: Vec<String> = self.ranges.iter().map(ToString::to_string).collect();
            let own = own.join(", ");
            let why =
                format!("The calling key works from {own} only; {OTHER} must be limited to these addresses.");
            wrong.push(("ranges", why));
        }
        wrong
    }

    /// Adjacent ranges together cover a range that spans them.
    fn covers(&self, ranges: &[IpNet]) -> bool {
        if self.ranges.is_empty() {
            return true;
        }
        let own = IpNet::aggregate(&self.ranges);
        !ranges.is_empty() && ranges.iter().all(|range| own.iter().any(|allowed| allowed.contains(range)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(texts: &[&str]) -> Vec<IpNet> {
        texts.iter().map(|text| text.parse().expect("a range")).collect()
    }

    #[test]
    fn ranges_are_covered_by_the_union_of_the_own_ranges() {
        for (own, requested, is_covered) in [
            (&[][..], &[][..], true),
            (&[], &["0.0.0.0/0"], true),
            (&["10.0.0.0/8"], &[], false),
            (&["10.0.0.0/8"], &["10.0.0.0/8"], true),
            (&["10.0.0.0/8"], &["10.1.0.0/16", "10.9.9.9/32"], true),
            (&["10.0.0.0/8"], &["10.1.0.0/16", "11.0.0.0/16"], false),
            (&["10.0.0.0/8"], &["8.0.0.0/5"], false),
            (&["10.0.0.0/8"], &["::ffff:10.0.0.0/104"], false),
            (&["10.0.0.0/9", "10.128.0.0/9"], &["10.0.0.0/8"], true),
            (&["10.0.0.0/9", "10.128.0.0/10"], &["10.0.0.0/8"], false),
            (&["2001:db8::/32"], &["2001:db8:1::/48"], true),
            (&["2001:db8::/32"], &["::/0"], false),
        ] {
            let bounds = Bounds {
                expires_at: None,
                rate_limit: None,
                counts_with: None,
                ranges: ranges(own),
                quota: None,
                quota_with: None,
            };
            assert_eq!(bounds.covers(&ranges(requested)), is_covered, "{own:?} {requested:?}");
        }
    }
}
