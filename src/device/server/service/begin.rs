//! Starts a login: a device requests a code.

use std::sync::Arc;
use std::time::Duration;

use super::super::metrics::{DeviceLogin, DeviceMetrics};
use super::super::polls::Polls;
use super::super::{clients, codes, limits::LoginLimits, store};
use super::{verification_uri, verification_uri_complete};
use crate::audit::{self, By, Event};
use crate::device::server::store::{LoginProtocol, LoginRequest};
use crate::device::{LoginStatus, UserCode};
use crate::platform::http::Visit;
use crate::platform::http::address::subscriber;
use crate::platform::{App, Error, Secret};
use crate::shared::{LoginId, Role, TOKEN_IN_TEXT, Timestamp, contains_token, is_invisible};

/// The most pending logins of all addresses together, because anybody may create one.
const MAX_PENDING: i64 = 10_000;
const MAX_DEVICE_NAME_LENGTH: usize = 60;
const MAX_IDENTIFIER_LENGTH: usize = 100;

/// A device's request to log in. Only its address is verified; everything else is the device's own claim.
#[derive(Clone, Debug)]
pub struct BeginLogin<'a> {
    pub wire: LoginProtocol,
    pub client_id: &'a str,
    /// Empty, or the name of the highest role the key may have.
    pub scope: &'a str,
    /// The product that the key is for; None for the client's id. Each product on a device has its own key.
    pub product: Option<&'a str>,
    /// The device's id. A later login of the same person, organization, device and product revokes this login's key.
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
pub enum BeginLoginError {
    UnknownClient,
    InvalidScope,
    /// The request is invalid; contains the reason as a sentence.
    Invalid(String),
    /// Any other error; `Error::TooMany` when a limit is exceeded.
    Error(Error),
}

impl<E: Into<Error>> From<E> for BeginLoginError {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

pub async fn begin(app: &App, request: &BeginLogin<'_>) -> Result<StartedLogin, BeginLoginError> {
    let tool = clients::name_of(app, request.client_id).ok_or(BeginLoginError::UnknownClient)?;
    let scope = match request.scope {
        "" => None,
        name => Some(Role::parse(name).ok_or(BeginLoginError::InvalidScope)?),
    };
    let product =
        check_identifier("product", request.product)?.unwrap_or_else(|| request.client_id.to_owned());
    let device_id = check_identifier("device id", request.device_id)?;
    let device_name = request.device_name.unwrap_or_default();
    if contains_token(device_name) {
        return Err(BeginLoginError::Invalid(TOKEN_IN_TEXT.to_owned()));
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
        device_name: clean_name(device_name),
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
    let _guard = LoginLimits::lock_creation(app).await;
    let mut write = app.db.write().await?;
    let (pending, first_expiry) = store::count_pending_of(&mut write, subscriber, now).await?;
    if pending >= i64::from(settings.device_codes_open) {
        return Err(Error::TooMany(time_until(first_expiry, now)).into());
    }
    if store::count_pending(&mut write, now).await? >= MAX_PENDING {
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
    app.slice::<DeviceMetrics>().count(DeviceLogin::Started);
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
fn check_identifier(what: &str, text: Option<&str>) -> Result<Option<String>, BeginLoginError> {
    match text {
        None | Some("") => Ok(None),
        Some(text) if contains_token(text) => Err(BeginLoginError::Invalid(TOKEN_IN_TEXT.to_owned())),
        Some(text)
            if text.len() <= MAX_IDENTIFIER_LENGTH && text.bytes().all(|byte| byte.is_ascii_graphic()) =>
        {
            Ok(Some(text.to_owned()))
        }
        Some(_) => Err(BeginLoginError::Invalid(format!(
            "The {what} has at most {MAX_IDENTIFIER_LENGTH} characters, all of them visible ASCII."
        ))),
    }
}

/// Cleans a display name: removes invisible characters and truncates it.
fn clean_name(name: &str) -> String {
    let visible: String = name.chars().filter(|c| !c.is_control() && !is_invisible(*c)).collect();
    visible.trim().chars().take(MAX_DEVICE_NAME_LENGTH).collect::<String>().trim_end().to_owned()
}

/// The time until `end` in whole seconds, rounded up.
fn time_until(end: Option<Timestamp>, now: Timestamp) -> Duration {
    let wait = end.map_or(Duration::from_secs(1), |end| end.since(now));
    Duration::from_secs(wait.as_millis().div_ceil(1_000) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn device_names_are_cleaned() {
        for (name, cleaned) in [
            ("thinkpad-alice", "thinkpad-alice"),
            ("  a\nb\u{202e}c\u{0}  ", "abc"),
            ("", ""),
            ("\u{200b}", ""),
            ("Büro 🔑", "Büro 🔑"),
        ] {
            assert_eq!(clean_name(name), cleaned);
        }
        assert_eq!(clean_name(&"x".repeat(500)).len(), MAX_DEVICE_NAME_LENGTH);
    }

    #[test]
    fn identifiers_are_accepted_unchanged_or_rejected() {
        assert!(matches!(check_identifier("product", None), Ok(None)));
        assert!(matches!(check_identifier("product", Some("")), Ok(None)));
        assert!(matches!(check_identifier("product", Some("armorclaude")), Ok(Some(_))));
        for wrong in ["a b", "ä", "a\0", &"x".repeat(101)] {
            assert!(
                matches!(check_identifier("product", Some(wrong)), Err(BeginLoginError::Invalid(_))),
                "{wrong:?}"
            );
        }
    }
}
