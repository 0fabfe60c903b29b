//! Starts a login: a device requests a code.

use std::sync::Arc;
use std::time::Duration;

use super::super::polls::Polls;
use super::super::{clients, codes, limits::LoginLimits, store};
use super::{verification_uri, verification_uri_complete};
use crate::audit::{self, By, Event};
use crate::device::server::store::{LoginProtocol, LoginRequest};
use crate::device::{LoginStatus, UserCode};
use crate::platform::http::Visit;
use crate::platform::http::address::subscriber;
use crate::platform::metrics::DeviceLogin;
use crate::platform::{App, Error, Secret};
use crate::shared::{LoginId, Role, TOKEN_IN_TEXT, Timestamp, contains_token};

/// The most pending logins of all addresses together, because anybody may create one.
const MOST_OPEN: i64 = 10_000;
const LONGEST_DEVICE_NAME: usize = 60;
const LONGEST_WORD: usize = 100;

/// What a device claims about itself. Only its address is verified.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    pub wire: LoginProtocol,
    pub client_id: &'a str,
    /// Empty, or the name of the highest role the key may have.
    pub scope: &'a str,
    /// What shares the key of a device; None: the client.
    pub product: Option<&'a str>,
    /// With it, the next login of the same device takes the place of this one.
    pub device_id: Option<&'a str>,
    pub device_name: Option<&'a str>,
    pub visit: &'a Visit,
}

#[derive(Debug)]
pub struct StartedLogin {
    pub device_code: Secret,
    pub user_code: UserCode,
    pub verification_uri: String,
    /// None when the configuration forbids links with codes.
    pub verification_uri_complete: Option<String>,
    pub expires_in: Duration,
    pub interval: Duration,
}

#[derive(Debug)]
pub enum NotBegun {
    UnknownClient,
    InvalidScope,
    /// The request is invalid; contains the reason as a sentence.
    Invalid(String),
    /// Any other error; `Error::TooMany` when a limit is exceeded.
    Error(Error),
}

impl<E: Into<Error>> From<E> for NotBegun {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

pub async fn begin(app: &App, request: &Request<'_>) -> Result<StartedLogin, NotBegun> {
    let tool = clients::name_of(app, request.client_id).ok_or(NotBegun::UnknownClient)?;
    let scope = match request.scope {
        "" => None,
        name => Some(Role::parse(name).ok_or(NotBegun::InvalidScope)?),
    };
    let product = word("product", request.product)?.unwrap_or_else(|| request.client_id.to_owned());
    let device_id = word("device id", request.device_id)?;
    let device_name = request.device_name.unwrap_or_default();
    if contains_token(device_name) {
        return Err(NotBegun::Invalid(TOKEN_IN_TEXT.to_owned()));
    }
    LoginLimits::new_code(app, request.visit.address)?;

    let (now, settings) = (app.clock.now(), &app.config.device);
    let device_code = codes::device_code(&app.random);
    let mut login = LoginRequest {
        id: LoginId::new(now, app.random_for_id()),
        user_code: codes::user_code(&app.random),
        wire: request.wire,
        client_id: request.client_id.to_owned(),
        scope,
        product,
        device_id,
        device_name: visible(device_name),
        address: request.visit.address.to_string(),
        user_agent: request.visit.user_agent.clone(),
        created_at: now,
        expires_at: now.plus(settings.device_code_life),
        status: LoginStatus::Pending,
        redeem_until: None,
        decided_by: None,
        org: None,
        role: None,
        key: None,
    };
    let subscriber = subscriber(request.visit.address);
    let _opening = LoginLimits::opening(app).await;
    let mut write = app.db.write().await?;
    let (open, first) = store::open_of(&mut write, subscriber, now).await?;
    if open >= i64::from(settings.device_codes_open) {
        return Err(Error::TooMany(until(first, now)).into());
    }
    if store::open(&mut write, now).await? >= MOST_OPEN {
        return Err(Error::Busy.into());
    }
    let hash = device_code.fingerprint();
    let polls = app.slice::<Arc<Polls>>();
    let generation = polls.generation();
    while !store::insert(&mut write, &login, &hash, subscriber).await? {
        login.user_code = codes::user_code(&app.random);
    }
    let event = Event::new("login.asked").on("login", login.id, tool);
    let event = event.detail("device", login.device_name.clone());
    audit::record_stranger(app, &mut write, &By::stranger(request.visit), event).await?;
    write.commit().await?;
    app.metrics.operations.device_login(DeviceLogin::Started);
    polls.begin(generation, &hash, &login, settings.device_poll_interval);
    let complete = verification_uri_complete(app, &login.user_code, request.product);
    Ok(StartedLogin {
        device_code,
        user_code: login.user_code,
        verification_uri: verification_uri(app),
        verification_uri_complete: settings.device_prefilled_codes.then_some(complete),
        expires_in: settings.device_code_life,
        interval: settings.device_poll_interval,
    })
}

/// Validates an identifier without changing it.
fn word(what: &str, given: Option<&str>) -> Result<Option<String>, NotBegun> {
    match given {
        None | Some("") => Ok(None),
        Some(text) if contains_token(text) => Err(NotBegun::Invalid(TOKEN_IN_TEXT.to_owned())),
        Some(text) if text.len() <= LONGEST_WORD && text.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Ok(Some(text.to_owned()))
        }
        Some(_) => Err(NotBegun::Invalid(format!(
            "The {what} has at most {LONGEST_WORD} characters, all of them visible ASCII."
        ))),
    }
}

/// Cleans a display name: removes invisible characters and truncates it.
fn visible(name: &str) -> String {
    let unseen = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let shown: String = name.chars().filter(|c| !unseen(*c)).collect();
    shown.trim().chars().take(LONGEST_DEVICE_NAME).collect::<String>().trim_end().to_owned()
}

fn until(first: Option<Timestamp>, now: Timestamp) -> Duration {
    let wait = first.map_or(Duration::from_secs(1), |first| first.since(now));
    Duration::from_secs(wait.as_millis().div_ceil(1_000) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_devices_are_made_fit_to_be_seen() {
        for (given, shown) in [
            ("thinkpad-alice", "thinkpad-alice"),
            ("  a\nb\u{202e}c\u{0}  ", "abc"),
            ("", ""),
            ("\u{200b}", ""),
            ("Büro 🔑", "Büro 🔑"),
        ] {
            assert_eq!(visible(given), shown);
        }
        assert_eq!(visible(&"x".repeat(500)).len(), LONGEST_DEVICE_NAME);
    }

    #[test]
    fn words_are_taken_as_they_are_or_refused() {
        assert!(matches!(word("product", None), Ok(None)));
        assert!(matches!(word("product", Some("")), Ok(None)));
        assert!(matches!(word("product", Some("armorclaude")), Ok(Some(_))));
        for wrong in ["a b", "ä", "a\0", &"x".repeat(101)] {
            assert!(matches!(word("product", Some(wrong)), Err(NotBegun::Invalid(_))), "{wrong:?}");
        }
    }
}
