//! Letters to the creators of keys that stop working because of a policy change. Nobody can turn them off. A job sends them,
//! so that saving does not wait for them: each person gets one letter about all changes since the last round.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use crate::key_policy::server::{self as key_policy, UnannouncedPolicy};
use crate::key_policy::{PolicyRefusal, PolicyRules};
use crate::keys::server::{self as keys, PolicyKey};
use crate::orgs::server::{find as find_org, responsible_emails};
use crate::platform::{App, Error, Letter, Posted};
use crate::shared::{KeyId, Timestamp, UserId};
use crate::ui::parts::{counted, exact};

/// The maximum number of keys that a letter lists.
const MAX_NAMED: usize = 50;
/// How many keys are read at once.
const BATCH_SIZE: usize = 2_000;

/// The keys of one letter.
#[derive(Default)]
struct StoppedKeys {
    count: usize,
    /// The listed keys: the first to stop, and the most recently used of those that stop at the same time.
    named: Vec<(PolicyKey, PolicyRefusal)>,
}

impl StoppedKeys {
    fn add(&mut self, key: PolicyKey, stop: PolicyRefusal) {
        self.count += 1;
        self.named.push((key, stop));
        if self.named.len() >= 4 * MAX_NAMED {
            self.trim();
        }
    }

    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.named.extend(other.named.iter().cloned());
        self.trim();
    }

    fn trim(&mut self) {
        self.named.sort_by_key(|(key, stop)| (stop.at, Reverse((key.last_used_at, key.id))));
        self.named.truncate(MAX_NAMED);
    }
}

/// Sends letters about the changes since the last round.
pub async fn announce_changes(app: &App) -> Result<(), Error> {
    for changed in key_policy::unannounced(app.db.pool()).await? {
        announce(app, &changed).await?;
    }
    Ok(())
}

async fn announce(app: &App, changed: &UnannouncedPolicy) -> Result<(), Error> {
    let now = app.clock.now();
    // Without a mail server the change still counts as announced, so that no outdated letter is sent later.
    let stopped = if app.mail.is_on() { stopped_keys(app, changed, now).await? } else { HashMap::new() };
    let mut write = app.db.write().await?;
    if !key_policy::set_announced(&mut write, changed).await? {
        return Ok(());
    }
    let mut letters: BTreeMap<String, StoppedKeys> = BTreeMap::new();
    for (creator, keys) in &stopped {
        for to in responsible_emails(&mut write, changed.org, *creator).await? {
            letters.entry(to).or_default().merge(keys);
        }
    }
    write.commit().await?;
    let Some((org_name, _)) = find_org(app, changed.org).await? else { return Ok(()) };
    for (to, keys) in &letters {
        let letter = letter(app, to, &org_name, &changed.policy.rules, keys, now);
        if app.mail.post(&letter) == Posted::Refused {
            tracing::warn!(org = %changed.org, "a letter about keys that the key policy stops was lost");
        }
    }
    Ok(())
}

/// By creator, the keys that stop under the changed policy but not under the announced one, or that now stop earlier.
async fn stopped_keys(
    app: &App,
    changed: &UnannouncedPolicy,
    now: Timestamp,
) -> Result<HashMap<UserId, StoppedKeys>, Error> {
    let UnannouncedPolicy { policy, announced, org, .. } = changed;
    let mut stopped: HashMap<UserId, StoppedKeys> = HashMap::new();
    let mut after: Option<KeyId> = None;
    loop {
        let batch = keys::active_keys(app, *org, after, BATCH_SIZE).await?;
        let is_last = batch.len() < BATCH_SIZE;
        after = batch.last().map(|key| key.id);
        for key in batch {
            let Some(stop) = policy.first_refusal(&key.facts(), now) else { continue };
            let announced_stop = announced.first_refusal(&key.facts(), now);
            if announced_stop.is_none_or(|announced| announced.at > stop.at) {
                stopped.entry(key.created_by).or_default().add(key, stop);
            }
        }
        if is_last {
            return Ok(stopped);
        }
    }
}

fn letter(app: &App, to: &str, org: &str, rules: &PolicyRules, keys: &StoppedKeys, now: Timestamp) -> Letter {
    let home = format!("{}/settings/api-keys", app.public_url.origin());
    let (subject, link) = match keys.named.as_slice() {
        [(key, _)] if keys.count == 1 => {
            (format!("The key {} of {org} stops working", key.name), format!("{home}/{}", key.id))
        }
        _ => (format!("{} API keys of {org} stop working", keys.count), home),
    };
    let text = "The owners changed the organization's key policy. From the stated time on, every request with the key is refused.";
    let mut letter = Letter::new(to, subject).paragraph(text);
    for (key, stop) in &keys.named {
        let when = match stop.at <= now {
            true => "is refused from now on".to_owned(),
            false => format!("stops on {}", exact(stop.at)),
        };
        letter = letter.paragraph(format!(
            "The API key {} of {org} {when}, because of the rule \u{201c}{}\u{201d}. {}",
            key.name,
            super::saving::label(stop.rule),
            rules.advice(stop.rule)
        ));
    }
    if let Some(more) = keys.count.checked_sub(keys.named.len()).filter(|more| *more > 0) {
        letter = letter.paragraph(format!("And {}.", counted(more as u64, "more key", "more keys")));
    }
    let link_text = if keys.count == 1 { "See the key" } else { "See the keys" };
    letter.link(link_text, link).paragraph("The page of each key says when it stops and who calls with it.")
}
