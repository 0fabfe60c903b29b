//! Letters about keys that expire soon or are unused. They go to the creator of a key, or to the organization's owners if the
//! creator is no longer a member.
//!
//! A round first marks the keys that are due and stores a reminder for each recipient, in one transaction, so that a crash
//! repeats nothing. Then it sends each person one letter about all stored reminders. If the mail server does not accept the
//! letter, the reminders stay for the next round.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use super::announcements::reminders;
use super::letters;
use super::store::{self, RemindedKey, WaitingReminder};
use crate::accounts::LetterKind;
use crate::accounts::server::{LetterRecipient, letter_recipient};
use crate::keys::IDLE;
use crate::orgs::server::responsible_people;
use crate::platform::db::Write;
use crate::platform::{App, Error, LetterOutcome};
use crate::shared::{KeyId, OrgId, Timestamp, UserId};

/// The maximum number of keys in one transaction.
const BATCH_SIZE: u32 = 200;
/// A round stops after this many letters that the mail server did not accept.
const MAX_FAILURES: u32 = 3;
/// Reminders that could not be sent for this long are dropped.
const MAX_WAIT: Duration = Duration::from_secs(2 * 24 * 60 * 60);

/// Runs one round.
pub async fn send_reminders(app: &App) -> Result<(), Error> {
    if !app.mail.is_on() {
        return Ok(());
    }
    mark_expiring(app).await?;
    mark_idle(app).await?;
    send_waiting(app).await
}

async fn mark_expiring(app: &App) -> Result<(), Error> {
    for reminder in reminders(app.clock.now(), "told_of_end", "told_days") {
        loop {
            let due = store::find_unannounced(app.db.pool(), reminder, BATCH_SIZE).await?;
            if due.is_empty() {
                break;
            }
            let mut write = app.db.write().await?;
            let mut recipients = Recipients::default();
            for id in due {
                if store::mark_announced(&mut write, reminder, id).await? {
                    recipients.add(app, &mut write, id, LetterKind::Expiring).await?;
                }
            }
            write.commit().await?;
        }
    }
    Ok(())
}

async fn mark_idle(app: &App) -> Result<(), Error> {
    let now = app.clock.now();
    let before = now.minus(IDLE);
    loop {
        let due = store::newly_idle(app.db.pool(), now, before, BATCH_SIZE).await?;
        if due.is_empty() {
            return Ok(());
        }
        let mut write = app.db.write().await?;
        let mut recipients = Recipients::default();
        for id in due {
            if store::mark_idle(&mut write, now, before, id).await? {
                recipients.add(app, &mut write, id, LetterKind::Idle).await?;
            }
        }
        write.commit().await?;
    }
}

/// A cache of the people who are responsible for the keys of each creator: one creator often has many keys that are due.
#[derive(Default)]
struct Recipients(HashMap<(OrgId, UserId), Vec<UserId>>);

impl Recipients {
    /// Stores a reminder about a key for each person who is responsible for it.
    async fn add(
        &mut self,
        app: &App,
        write: &mut Write,
        id: KeyId,
        letter: LetterKind,
    ) -> Result<(), Error> {
        let Some(key) = store::find_by_id(&mut **write, id).await? else { return Ok(()) };
        let unused_since = key.last_used_at.unwrap_or(key.created_at).max(key.created_at);
        let about = match letter {
            LetterKind::Expiring => key.expires_at.unwrap_or(unused_since),
            LetterKind::Idle => unused_since,
        };
        let creator = (key.org, key.created_by);
        let people = match self.0.get(&creator) {
            Some(people) => people.clone(),
            None => responsible_people(write, key.org, key.created_by).await?,
        };
        let reminder = WaitingReminder { key: id, letter, about, created_at: app.clock.now() };
        for user in &people {
            store::add_reminder(write, *user, &reminder).await?;
        }
        self.0.insert(creator, people);
        Ok(())
    }
}

/// Sends each person one letter about their stored reminders, except for kinds of letter that they have turned off.
async fn send_waiting(app: &App) -> Result<(), Error> {
    let mut failures = 0;
    for user in store::people_to_remind(app.db.pool()).await? {
        let mut write = app.db.write().await?;
        let waiting = store::take_reminders(&mut write, user).await?;
        let recipient = letter_recipient(&mut write, user).await?;
        write.commit().await?;
        let Some(LetterRecipient { email, unwanted }) = recipient else { continue };
        let enabled: Vec<WaitingReminder> =
            waiting.into_iter().filter(|reminder| !unwanted.contains(&reminder.letter)).collect();
        let (expiring, idle) = current(app, &enabled).await?;
        let Some(letter) = letters::reminder(app, &email, &expiring, &idle) else { continue };
        if app.mail.send(&letter).await != LetterOutcome::NotNow {
            continue;
        }
        let mut write = app.db.write().await?;
        for reminder in &enabled {
            store::add_reminder(&mut write, user, reminder).await?;
        }
        write.commit().await?;
        failures += 1;
        if failures == MAX_FAILURES {
            break;
        }
    }
    if failures == 0 {
        return Ok(());
    }
    Err(Error::internal("the mail server did not accept some reminders"))
}

/// The keys that still expire at the time of the reminder, and the keys that are still unused.
async fn current(
    app: &App,
    waiting: &[WaitingReminder],
) -> Result<(Vec<RemindedKey>, Vec<RemindedKey>), Error> {
    let now = app.clock.now();
    let oldest = now.minus(MAX_WAIT);
    let waiting: HashSet<(KeyId, LetterKind, Timestamp)> = waiting
        .iter()
        .filter(|reminder| reminder.created_at > oldest)
        .map(|reminder| (reminder.key, reminder.letter, reminder.about))
        .collect();
    let ids: BTreeSet<KeyId> = waiting.iter().map(|(key, ..)| *key).collect();
    let ids: Vec<KeyId> = ids.into_iter().collect();
    let keys = store::reminded_keys(app.db.pool(), &ids, now).await?;
    let expires = |key: &RemindedKey| {
        key.expires_at.is_some_and(|at| waiting.contains(&(key.key, LetterKind::Expiring, at)))
    };
    let is_idle = |key: &RemindedKey| waiting.contains(&(key.key, LetterKind::Idle, key.unused_since));
    let mut expiring: Vec<RemindedKey> = keys.iter().filter(|key| expires(key)).cloned().collect();
    expiring.sort_by_key(|key| key.expires_at);
    let mut idle: Vec<RemindedKey> = keys.into_iter().filter(is_idle).collect();
    idle.sort_by_key(|key| key.unused_since);
    Ok((expiring, idle))
}
