//! The form that tries a key. The key is in the request only: it is neither stored nor logged, and the page does not repeat it.

use std::net::IpAddr;

use axum::extract::{Form, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Deserialize;

use super::page::{ProtectPage, one_line, page};
use super::steps::{TriedKey, result};
use crate::keys::server::{self as keys, KeyTrial, LazyView, Refusal, Token, TrialRequest};
use crate::orgs::server::Member;
use crate::platform::{App, Error, minutes};
use crate::shared::{TOKEN_IN_TEXT, contains_token};

#[derive(Deserialize)]
pub struct TryKeyForm {
    #[serde(default, rename = "for")]
    example: String,
    #[serde(default)]
    key: String,
    #[serde(default)]
    permissions: String,
    #[serde(default)]
    ip: String,
    #[serde(default)]
    test: String,
}

pub async fn submit(
    State(app): State<App>,
    member: Member,
    Form(form): Form<TryKeyForm>,
) -> Result<Response, Error> {
    let mut state = ProtectPage {
        example: form.example.clone(),
        permissions: one_line(&form.permissions),
        ip: one_line(&form.ip),
        with_test: !form.test.is_empty(),
        ..ProtectPage::default()
    };
    let key = form.key.trim();
    if key.is_empty() {
        state.errors.add("key", "Paste a key.");
    }
    if contains_token(&state.permissions) {
        state.errors.add("permissions", TOKEN_IN_TEXT);
        state.permissions.clear();
    }
    let address = match state.ip.as_str() {
        "" => None,
        text => {
            let parsed = text.parse::<IpAddr>().ok();
            if parsed.is_none() {
                state
                    .errors
                    .add("ip", "This is not an address. Addresses look like 203.0.113.9 or 2001:db8::7.");
            }
            parsed
        }
    };
    if !state.errors.is_empty() {
        return Ok(page(&app, &member, state, StatusCode::UNPROCESSABLE_ENTITY).await);
    }
    let permissions = state.permissions.clone();
    let request = TrialRequest { key, permissions: &permissions, address, with_test: state.with_test };
    match keys::try_key(&app, &member, &request).await {
        Ok(trial) => {
            state.result = Some(drawn(&app, &member, &form.key, trial, address).await?);
            Ok(page(&app, &member, state, StatusCode::OK).await)
        }
        Err(Refusal::Input(wrong)) => {
            wrong.into_iter().for_each(|(field, why)| state.errors.add(field, why));
            Ok(page(&app, &member, state, StatusCode::UNPROCESSABLE_ENTITY).await)
        }
        Err(Refusal::Error(Error::TooMany(wait))) => {
            let why = format!("You tried too many wrong keys. Wait {}, and try again.", minutes(wait));
            state.errors.add("key", why);
            let mut response = page(&app, &member, state, StatusCode::TOO_MANY_REQUESTS).await;
            let seconds = HeaderValue::from(wait.as_millis().div_ceil(1_000) as u64);
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
            Ok(response)
        }
        Err(Refusal::Error(error)) => Err(error),
        Err(_) => Err(Error::OutOfStep),
    }
}

/// The result with the data of the key, if it is one of the organization.
async fn drawn(
    app: &App,
    member: &Member,
    text: &str,
    trial: KeyTrial,
    address: Option<IpAddr>,
) -> Result<LazyView, Error> {
    let key = match trial.trial.key {
        Some(id) => Some(keys::find(app, member, id).await?),
        None => None,
    };
    let may_manage = key.as_ref().is_some_and(|key| keys::may_manage(member, key));
    let tried = TriedKey {
        token: Token::parse(text.trim()).map(|token| (token.kind(), token.id())),
        problem: super::form_problem::form_problem(text.trim()),
        is_padded: text.trim() != text,
        key,
        may_manage,
        address,
        trial,
        now: app.clock.now(),
    };
    Ok(Box::new(move || result(&tried)))
}
