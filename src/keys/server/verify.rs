//! The hot path: is this token good for what is wanted of it? One function for all doors.
//!
//! 1. Length, shape and checksum of the text: no look-up.
//! 2. A token that was proven before is found by its public id, and known by its keyed hash; one that was wrong a moment ago is refused.
//! 3. Otherwise: the secret's row, then one scrypt, however many wait for it, in turn for each address and public id.
//!    Whoever has sent wrong secrets comes after the others.
//! 4. The key's state: revoked, expired, disabled. Then organization, plan, kind, role, address, and last the requests
//!    of its minute, so that what is refused for another reason takes nothing from them.
//!
//! Until a secret is proven nothing of the key is touched, and the outside is told the same for every reason. That a public
//! id exists is no secret: looking up one that does not is quicker.

use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::Guard;

use super::checking::Checked;
use super::memory::Memory;
use super::minute::Rate;
use super::proven::{Cell, Digest, Found};
use super::state::State;
use super::token::Token;
use super::tries::{AttemptSource, Before};
use super::wrong::Known;
use super::{first_check, store};
use crate::platform::db::Fault;
use crate::platform::{App, Error};
use crate::shared::{Compact, Kind, Role, SecretId, Timestamp};
use crate::usage::Outcome;
use crate::usage::server::{Usage, Use};

/// What a door wants of a key.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// Only keys of this organization.
    pub org: Option<Compact>,
    pub least_role: Role,
    pub kinds: Kinds,
    /// The organization's plan must include the API.
    pub plan: bool,
}

/// A set of kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kinds(u8);

impl Kinds {
    pub const ALL: Self = Self(u8::MAX);
    pub const NONE: Self = Self(0);
    /// The kinds that a check accepts unless it names others: Test keys must be asked for.
    pub const DEFAULT: Self = Self::ALL.without(Kind::Test);

    #[must_use]
    pub const fn and(self, kind: Kind) -> Self {
        Self(self.0 | 1 << kind as u8)
    }

    #[must_use]
    pub const fn without(self, kind: Kind) -> Self {
        Self(self.0 & !(1 << kind as u8))
    }

    pub const fn contains(self, kind: Kind) -> bool {
        self.0 & 1 << kind as u8 != 0
    }
}

/// Who presents the key.
#[derive(Clone, Copy, Debug, Default)]
pub struct From<'a> {
    pub address: Option<IpAddr>,
    /// The organization that says so, where the address is not the one that this server sees.
    pub told_by: Option<Compact>,
    pub user_agent: &'a str,
    /// What a refused caller is told, and an admin finds the reason by.
    pub request_id: &'a str,
}

/// What came out.
#[derive(Debug)]
pub struct Verdict {
    pub outcome: Outcome,
    /// Of a proven token: its key.
    pub state: Option<Proven>,
    /// Of a token that is wrong for a key that is known: that key and its organization.
    pub known: Option<Known>,
    /// Where the key has a limit and was asked for it.
    pub rate: Option<Rate>,
    /// For an attempt that came too soon after others: how long to wait.
    pub wait: Option<Duration>,
}

/// The key of a proven token, and how it was at that moment.
#[derive(Debug)]
pub struct Proven {
    pub key: Compact,
    state: Present,
}

impl Deref for Proven {
    type Target = State;

    fn deref(&self) -> &State {
        &self.state
    }
}

/// A state as it was found in its place. No count of holders is touched: all threads would write to it.
#[derive(Debug)]
struct Present(Found);

impl Present {
    fn of(found: Found) -> Option<Self> {
        found.is_some().then_some(Self(found))
    }

    fn read(state: Arc<State>) -> Self {
        Self(Guard::from_inner(Some(state)))
    }
}

impl Deref for Present {
    type Target = State;

    fn deref(&self) -> &State {
        self.0.as_ref().expect("it is made of a state only")
    }
}

impl Verdict {
    pub const fn of(outcome: Outcome) -> Self {
        Self { outcome, state: None, known: None, rate: None, wait: None }
    }

    fn wrong(known: Known) -> Self {
        Self { known: Some(known), ..Self::of(known.outcome) }
    }
}

pub async fn verify(app: &App, text: &str, wanted: &Wanted, from: &From<'_>) -> Result<Verdict, Error> {
    if let Some(verdict) = verify_at_once(app, text, wanted, from) {
        return Ok(verdict);
    }
    if app.db.is_away() {
        return Err(Fault::Away.into());
    }
    // Boxed: what is rarely needed shall not make every request's future large.
    let verdict = Box::pin(async {
        tokio::select! {
            verdict = look_up(app, text, wanted, from) => verdict,
            () = app.db.gone() => Err(Fault::Away.into()),
        }
    })
    .await?;
    app.metrics.key_checked(verdict.outcome as usize);
    Ok(verdict)
}

/// The same as far as it can be told from memory. None: what is not known there, and nothing has been counted.
pub fn verify_at_once(app: &App, text: &str, wanted: &Wanted, from: &From<'_>) -> Option<Verdict> {
    let verdict = recall(app, text, wanted, from)?;
    app.metrics.key_checked(verdict.outcome as usize);
    Some(verdict)
}

fn recall(app: &App, text: &str, wanted: &Wanted, from: &From<'_>) -> Option<Verdict> {
    let Some(token) = Token::parse(text) else { return Some(Verdict::of(Outcome::Malformed)) };
    let memory: &Memory = app.slice::<Arc<Memory>>();
    // The clock first: a processor that reads it waits for all that it has begun to fetch.
    let (now, steady) = (app.clock.now(), app.clock.steady());
    // Before a state is looked at: what a lease that begins meanwhile has made invalid may still be in hand.
    let may_use_states = memory.may_use_states(steady);
    let (digest, verdict) = memory.with_proven(&token, |digest, place, found| {
        let state = Present::of(found).filter(|_| may_use_states)?;
        let asked = Asked { secret: token.id(), key: place.key, digest, now, wanted, from };
        Some(judge(app, memory, &asked, &place.cell, state))
    });
    if let Some(verdict) = verdict.flatten() {
        return Some(verdict);
    }
    if memory.wrong.is_unknown(&digest, steady) {
        return Some(Verdict::of(Outcome::Unknown));
    }
    let known = memory.wrong.known(&digest, steady)?;
    count_wrong(app, token.id(), &known, from);
    Some(Verdict::wrong(known))
}

/// The way through the database.
async fn look_up(app: &App, text: &str, wanted: &Wanted, from: &From<'_>) -> Result<Verdict, Error> {
    let Some(token) = &Token::parse(text) else { return Ok(Verdict::of(Outcome::Malformed)) };
    let memory: &Memory = app.slice::<Arc<Memory>>();
    let digest = memory.digest(token);
    // A second turn is needed only where what was remembered was given up in the meantime.
    for _ in 0..3 {
        let cell = match memory.checking.once(digest, check(app, memory, token, &digest, from)).await? {
            Checked::Proven(cell) => cell,
            Checked::Unknown => return Ok(Verdict::of(Outcome::Unknown)),
            Checked::Wrong(known) => {
                count_wrong(app, token.id(), &known, from);
                return Ok(Verdict::wrong(known));
            }
            Checked::TooSoon(wait) => {
                return Ok(Verdict { wait: Some(wait), ..Verdict::of(Outcome::Unknown) });
            }
        };
        match load(app, memory, &cell).await? {
            Some(state) => {
                let (secret, key, now) = (token.id(), cell.key, app.clock.now());
                let asked = Asked { secret, key, digest: &digest, now, wanted, from };
                return Ok(judge(app, memory, &asked, &cell, Present::read(state)));
            }
            None => memory.proven.remove(token.id(), &cell),
        }
    }
    Err(Error::Busy)
}

/// The present state of a key, put in its places unless it has changed while it was read. None where the cell was given
/// up or the key is gone.
async fn load(app: &App, memory: &Memory, cell: &Cell) -> Result<Option<Arc<State>>, Error> {
    for _ in 0..100 {
        let may_use_states = memory.may_use_states(app.clock.steady());
        let Some((generation, known)) = cell.generation() else { return Ok(None) };
        let state = match known.filter(|_| may_use_states) {
            Some(state) => state, // found meanwhile, or missing beside this proof only
            None => {
                app.metrics.key_looked_up();
                let Some(state) = State::read(app, memory, cell.key).await? else { return Ok(None) };
                Arc::new(state)
            }
        };
        if memory.proven.put(cell, &state, generation) {
            return Ok(Some(state));
        }
    }
    Err(Error::Busy)
}

/// Is it proven? Asked by one at a time, who may be late: the one before has left what it found.
async fn check(
    app: &App,
    memory: &Memory,
    token: &Token<'_>,
    digest: &Digest,
    from: &From<'_>,
) -> Result<Checked, Error> {
    if let (_, Some(cell)) = memory.with_proven(token, |_, place, _| Arc::clone(&place.cell)) {
        return Ok(Checked::Proven(cell));
    }
    if memory.wrong.is_unknown(digest, app.clock.steady()) {
        return Ok(Checked::Unknown);
    }
    if let Some(known) = memory.wrong.known(digest, app.clock.steady()) {
        return Ok(Checked::Wrong(known));
    }
    let who = AttemptSource::new(from.told_by, from.address, token.id());
    let before = memory.tries.count(app.clock.steady(), who);
    let wait = match before {
        Before::TooMany(wait) => Some(wait),
        Before::Nothing | Before::Tries => None,
    };
    app.metrics.key_looked_up();
    let Some(row) = store::find_secret(app.db.pool(), token.id()).await? else {
        memory.wrong.remember_unknown(digest, app.clock.steady());
        return Ok(wait.map_or(Checked::Unknown, Checked::TooSoon));
    };
    let no_id = || Error::internal(format!("secret {} belongs to no key", token.id()));
    let (key, org) = (row.key.compact().ok_or_else(no_id)?, row.org.compact().ok_or_else(no_id)?);
    let is_right = match (first_check::is_right(app, memory, token, &row, who, before).await, wait) {
        (Err(Error::Busy), Some(wait)) => return Ok(Checked::TooSoon(wait)),
        (result, _) => result?,
    };
    if is_right {
        let cell = memory.cell(key);
        // Its hash is there, so another process may have given the key this secret a moment ago: what is remembered
        // of the key, or being read, may be older.
        if cell.state().is_none_or(|state| !state.has(token.id(), app.clock.now())) {
            memory.proven.forget(&cell);
        }
        memory.proven.remember(token.id(), *digest, Arc::clone(&cell));
        memory.tries.forgive(who);
        return Ok(Checked::Proven(cell));
    }
    let outcome = if row.hash.is_some() { Outcome::Unknown } else { Outcome::Revoked };
    let known = Known { key, org, outcome };
    memory.wrong.remember_known(digest, known, app.clock.steady());
    Ok(wait.map_or(Checked::Wrong(known), Checked::TooSoon))
}

/// A proven token, whose it is, and what is asked of it.
struct Asked<'a> {
    secret: SecretId,
    key: Compact,
    digest: &'a Digest,
    now: Timestamp,
    wanted: &'a Wanted,
    from: &'a From<'a>,
}

/// A proven token against the key's state and what is wanted.
fn judge(app: &App, memory: &Memory, asked: &Asked, cell: &Cell, state: Present) -> Verdict {
    let Asked { secret, key, digest, now, wanted, from } = *asked;
    if !state.has(secret, now) {
        memory.proven.remove(secret, cell);
        let known = Known { key, org: state.org.id, outcome: Outcome::Revoked };
        // Its hash may be there until the next sweep: it is not proven again and again until then.
        memory.wrong.remember_known(digest, known, app.clock.steady());
        count(app, now, secret, key, state.org.id, Outcome::Revoked, from);
        return Verdict::wrong(known);
    }
    let mut rate = None;
    let outcome = match state.standing(now) {
        Outcome::Valid => {
            let (outcome, taken) = admit(app, &state, wanted, from);
            rate = taken;
            outcome
        }
        refused => refused,
    };
    count(app, now, secret, key, state.org.id, outcome, from);
    let state = Some(Proven { key, state });
    Verdict { outcome, state, known: None, rate, wait: None }
}

fn admit(app: &App, state: &State, wanted: &Wanted, from: &From) -> (Outcome, Option<Rate>) {
    if wanted.org.is_some_and(|org| org != state.org.id) {
        return (Outcome::Unknown, None);
    }
    if wanted.plan && !app.config.keys.api_plans.contains(&state.org.plan) {
        return (Outcome::PlanNotEligible, None);
    }
    if !wanted.kinds.contains(state.kind) {
        return (Outcome::KindNotAllowed, None);
    }
    if state.role < wanted.least_role {
        return (Outcome::RoleTooLow, None);
    }
    if !state.allows(from.address) {
        return (Outcome::IpNotAllowed, None);
    }
    let rate = state.limit().map(|limit| limit.take(app.clock.steady()));
    match rate {
        Some(Rate { allowed: false, .. }) => (Outcome::RateLimited, rate),
        _ => (Outcome::Valid, rate),
    }
}

fn count_wrong(app: &App, secret: SecretId, known: &Known, from: &From) {
    count(app, app.clock.now(), secret, known.key, known.org, known.outcome, from);
}

fn count(
    app: &App,
    now: Timestamp,
    secret: SecretId,
    key: Compact,
    org: Compact,
    outcome: Outcome,
    from: &From,
) {
    let From { address, user_agent, request_id, .. } = *from;
    let used = Use { secret, key, org, outcome, address, user_agent, request_id };
    app.slice::<Usage>().count(now, &used);
}
