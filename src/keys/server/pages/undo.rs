//! `POST /settings/api-keys/undo`: enables keys that were just disabled, or disables those that were just enabled. A key whose state
//! somebody else has changed since then stays as it is.

use axum::extract::{Form, State};
use axum::response::{IntoResponse, Redirect, Response};
use tower_sessions::Session;

use super::list::keys_of;
use super::{HOME, leave_refusal};
use crate::keys::server::{self as keys, Refusal};
use crate::orgs::server::Member;
use crate::platform::{App, Error};
use crate::shared::{KeyId, ReturnPath, Timestamp};
use crate::ui::parts::counted;
use crate::ui::server::message::{UndoForm, leave_error, leave_message};

pub const PATH: &str = "/settings/api-keys/undo";

/// A change that can be undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyStateChange {
    Disabled,
    Enabled,
}

impl KeyStateChange {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Enabled => "enabled",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Disabled, Self::Enabled].into_iter().find(|change| change.as_str() == text)
    }
}

/// The form that undoes a change that was made at or after `since`.
pub fn undo_form(change: KeyStateChange, since: Timestamp, keys: &[KeyId], back: &str) -> UndoForm {
    let form = UndoForm::new(PATH)
        .field("change", change.as_str())
        .field("since", since.millis())
        .field("back", back);
    keys.iter().fold(form, |form, key| form.field("key", key))
}

pub async fn submit(
    State(app): State<App>,
    member: Member,
    session: Session,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Result<Response, Error> {
    let field =
        |wanted: &str| pairs.iter().find(|(name, _)| name == wanted).map_or("", |(_, value)| value.as_str());
    let chosen = keys_of(&pairs);
    let change = KeyStateChange::parse(field("change"));
    let since = field("since").parse().ok().map(Timestamp::from_millis);
    let (Some(change), Some(since), false) = (change, since, chosen.is_empty()) else {
        leave_error(&session, "Nothing was undone.").await?;
        return Ok(Redirect::to(HOME).into_response());
    };
    let (mut changed, mut unchanged) = (Vec::new(), 0);
    for id in &chosen {
        let undone = match change {
            KeyStateChange::Disabled => keys::undo_disable(&app, &member, *id, since).await,
            KeyStateChange::Enabled => keys::undo_enable(&app, &member, *id, since).await,
        };
        match undone {
            Ok(key) => changed.push(key.name),
            Err(refusal) if chosen.len() == 1 => {
                leave_refusal(&session, refusal).await?;
                return Ok(back(field("back")));
            }
            Err(Refusal::Error(error)) if !matches!(error, Error::Forbidden(_) | Error::NotFound) => {
                return Err(error);
            }
            Err(_) => unchanged += 1,
        }
    }
    let text = summary(change, &changed);
    match (changed.len(), unchanged) {
        (0, _) => {
            leave_error(&session, "Nothing was undone: somebody has changed these keys since then.").await?
        }
        (_, 0) => leave_message(&session, &text).await?,
        (_, 1) => {
            let rest = "1 key stayed as it was, because somebody has changed it since then.";
            leave_error(&session, &format!("{text} {rest}")).await?;
        }
        (_, count) => {
            let rest =
                format!("{count} keys stayed as they were, because somebody has changed them since then.");
            leave_error(&session, &format!("{text} {rest}")).await?;
        }
    }
    Ok(back(field("back")))
}

/// "ci-deploy works again."
fn summary(change: KeyStateChange, names: &[String]) -> String {
    let what = match names {
        [name] => name.clone(),
        names => counted(names.len() as u64, "key", "keys"),
    };
    let outcome = match (change, names.len()) {
        (KeyStateChange::Disabled, 1) => "works again",
        (KeyStateChange::Disabled, _) => "work again",
        (KeyStateChange::Enabled, 1) => "is disabled again",
        (KeyStateChange::Enabled, _) => "are disabled again",
    };
    format!("{what} {outcome}.")
}

fn back(path: &str) -> Response {
    let path = ReturnPath::parse(path).map_or_else(|| HOME.to_owned(), |path| path.to_string());
    Redirect::to(&path).into_response()
}
