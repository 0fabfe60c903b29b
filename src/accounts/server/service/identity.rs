//! Maps identities to accounts. An identity belongs to the one person who linked it while signed in or created the
//! account with it. An equal email address links nothing.

use std::collections::HashMap;

use super::{Person, sign_in};
use crate::accounts::server::letters;
use crate::accounts::server::metrics::{AccountMetrics, SignInFailure};
use crate::accounts::server::oauth::{OAuthFlow, Provider, ProviderError, ProviderIdentity};
use crate::accounts::server::store::identities::{self, IdentitySummary};
use crate::accounts::server::store::users;
use crate::accounts::server::throttle::{Attempt, Throttle};
use crate::audit::{self, By, Event};
use crate::platform::db::Write;
use crate::platform::http::Visit;
use crate::platform::http::address::subscriber;
use crate::platform::{App, Error};
use crate::shared::UserId;

/// The result of a sign-in with an identity.
pub enum IdentitySignIn {
    Done(Person),
    /// The second factor is still required.
    NeedsFactor(Person),
    /// No account is linked to the identity.
    Unknown,
    /// The identity's account is disabled.
    Disabled,
}

pub async fn sign_in_with_identity(
    app: &App,
    visit: &Visit,
    identity: &ProviderIdentity,
) -> Result<IdentitySignIn, Error> {
    let found = identities::user_of(app.db.pool(), &identity.issuer, &identity.subject).await?;
    let Some(id) = found else { return Ok(IdentitySignIn::Unknown) };
    let Some(user) = users::by_id(app.db.pool(), id).await? else { return Ok(IdentitySignIn::Unknown) };
    if user.disabled_at.is_some() {
        app.slice::<AccountMetrics>().sign_in_failed(SignInFailure::Disabled);
        let event = Event::new("session.refused").on("person", user.id, &user.email);
        audit::record_refusal(app, &By::stranger(visit), event.detail("at", identity.provider.slug()))
            .await?;
        return Ok(IdentitySignIn::Disabled);
    }
    let person = Person::from(user);
    if person.has_factor {
        return Ok(IdentitySignIn::NeedsFactor(person));
    }
    let now = app.clock.now();
    let mut write = app.db.write().await?;
    // Read again: the identity may have been unlinked in the meantime.
    let owner = identities::user_of(&mut *write, &identity.issuer, &identity.subject).await?;
    if owner.as_ref() != Some(&person.id) {
        return Ok(IdentitySignIn::Unknown);
    }
    identities::touch(&mut write, &identity.issuer, &identity.subject, &identity.label, now).await?;
    let event = sign_in::session_started(&person, identity.provider.slug());
    audit::record(app, &mut write, &person.by(visit), event).await?;
    write.commit().await?;
    Ok(IdentitySignIn::Done(person))
}

/// Limits the callbacks per network, because checking one costs a request to the provider.
pub async fn admit_callback(app: &App, visit: &Visit) -> Result<(), Error> {
    let account = format!("provider {}", subscriber(visit.address));
    let attempt = Attempt { address: visit.address, account: &account, browser: None, is_shared: false };
    super::admit_sign_in(app, &By::stranger(visit), &attempt).await
}

pub fn forgive_callback(app: &App, visit: &Visit) {
    let account = format!("provider {}", subscriber(visit.address));
    app.slice::<Throttle>().forgive(&Attempt {
        address: visit.address,
        account: &account,
        browser: None,
        is_shared: false,
    });
}

/// Marks the provider's response as used. Returns false if it has been used already.
pub async fn spend_flow(app: &App, flow: &OAuthFlow) -> Result<bool, Error> {
    let mut write = app.db.write().await?;
    let first = identities::spend_flow(&mut write, &flow.state().fingerprint(), flow.expires()).await?;
    write.commit().await?;
    Ok(first)
}

/// Records that a provider's response failed a check.
pub async fn identity_refused(
    app: &App,
    visit: &Visit,
    provider: Provider,
    refusal: &ProviderError,
) -> Result<(), Error> {
    let (reason, why) = match refusal {
        ProviderError::Unavailable(why) => ("identity provider unavailable", why),
        ProviderError::InvalidResponse(why) => ("invalid response of the identity provider", why),
        ProviderError::CodeRejected(why) => ("code rejected by the identity provider", why),
    };
    app.slice::<AccountMetrics>().sign_in_failed(SignInFailure::Provider);
    tracing::warn!(provider = provider.slug(), why, "{reason}");
    let event = Event::new("session.refused").detail("at", provider.slug()).detail("why", reason);
    audit::record_refusal(app, &By::stranger(visit), event).await
}

pub enum LinkOutcome {
    Done,
    /// The identity is already linked to this person.
    IsYours,
    /// The identity is linked to another person.
    IsTaken,
    /// The person has linked another identity of the same provider.
    HasAnother,
}

pub async fn link(
    app: &App,
    by: &By,
    person: &Person,
    identity: &ProviderIdentity,
) -> Result<LinkOutcome, Error> {
    let mut write = app.db.write().await?;
    if !users::lock(&mut write, person.id, person.epoch).await? {
        return Err(Error::OutOfStep);
    }
    match identities::user_of(&mut *write, &identity.issuer, &identity.subject).await? {
        Some(owner) if owner == person.id => return Ok(LinkOutcome::IsYours),
        Some(_) => return Ok(LinkOutcome::IsTaken),
        None => {}
    }
    if !add_identity(app, &mut write, person, identity).await? {
        return Ok(LinkOutcome::HasAnother);
    }
    let event = Event::new("sign_in_method.added").on("person", person.id, &person.email);
    let event = event.detail("provider", identity.provider.name(app)).detail("as", identity.label.clone());
    audit::record(app, &mut write, by, event).await?;
    write.commit().await?;
    letters::method_added(app, person, &identity.provider.name(app), &identity.label);
    Ok(LinkOutcome::Done)
}

/// Links the identity within the caller's transaction. Returns false if it is already linked to an account.
pub async fn add_identity(
    app: &App,
    write: &mut Write,
    person: &Person,
    identity: &ProviderIdentity,
) -> Result<bool, Error> {
    let ProviderIdentity { issuer, subject, label, .. } = identity;
    Ok(identities::insert(write, person.id, issuer, subject, label, app.clock.now()).await?)
}

pub async fn identities_of(app: &App, person: &Person) -> Result<Vec<IdentitySummary>, Error> {
    Ok(identities::of_user(app.db.pool(), person.id).await?)
}

/// The names of the configured providers that each of these people can sign in with. People without one are missing from
/// the map.
pub async fn providers_of(app: &App, people: &[UserId]) -> Result<HashMap<UserId, Vec<String>>, Error> {
    let mut providers: HashMap<UserId, Vec<String>> = HashMap::new();
    for (person, issuer) in identities::issuers_of(app.db.pool(), people).await? {
        if let Some(provider) = provider_of(app, &issuer) {
            providers.entry(person).or_default().push(provider.name(app));
        }
    }
    Ok(providers)
}

#[derive(Debug, PartialEq, Eq)]
pub enum UnlinkOutcome {
    Done,
    /// It is the person's last sign-in method.
    LastMethod,
    NotLinked,
}

/// Unlinks the person's identity of this issuer, unless it is their last sign-in method. Identities of providers that are
/// no longer configured do not count, because nobody can sign in with them.
pub async fn unlink(app: &App, by: &By, person: &Person, issuer: &str) -> Result<UnlinkOutcome, Error> {
    let mut write = app.db.write().await?;
    // Lock the person's row, so that two concurrent requests cannot remove the last two sign-in methods.
    if !users::lock(&mut write, person.id, person.epoch).await? {
        return Err(Error::OutOfStep);
    }
    let has_password =
        users::by_id(&mut *write, person.id).await?.is_some_and(|user| user.password_hash.is_some());
    let linked = identities::of_user(&mut *write, person.id).await?;
    let Some(unlinked) = linked.iter().find(|identity| identity.issuer == issuer) else {
        return Ok(UnlinkOutcome::NotLinked);
    };
    let has_other_identity = linked
        .iter()
        .any(|identity| identity.issuer != issuer && provider_of(app, &identity.issuer).is_some());
    if !has_password && !has_other_identity {
        return Ok(UnlinkOutcome::LastMethod);
    }
    identities::delete(&mut write, person.id, issuer).await?;
    let provider = provider_of(app, issuer).map_or_else(|| issuer.to_owned(), |provider| provider.name(app));
    let event = Event::new("sign_in_method.removed").on("person", person.id, &person.email);
    let event = event.detail("provider", provider).detail("as", unlinked.label.clone());
    audit::record(app, &mut write, by, event).await?;
    write.commit().await?;
    Ok(UnlinkOutcome::Done)
}

/// The configured provider with this issuer.
pub fn provider_of(app: &App, issuer: &str) -> Option<Provider> {
    Provider::configured(app).into_iter().find(|provider| provider.issuer(app) == issuer)
}
