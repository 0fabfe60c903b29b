//! Messages that a request stores in the session for the next page, which shows them once.

use serde::{Deserialize, Serialize};
use tower_sessions::Session;

use crate::platform::Error;

/// The key of the message in the session.
pub const KEY: &str = "word";

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PageMessage {
    pub text: String,
    /// True if the message reports a failure.
    pub refused: bool,
    /// Takes back what the message reports.
    #[serde(default)]
    pub undo: Option<UndoForm>,
}

/// A form with hidden fields and one button that takes the last change back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndoForm {
    pub action: String,
    pub fields: Vec<(String, String)>,
}

impl UndoForm {
    pub fn new(action: impl Into<String>) -> Self {
        Self { action: action.into(), fields: Vec::new() }
    }

    #[must_use]
    pub fn field(mut self, name: &str, value: impl ToString) -> Self {
        self.fields.push((name.to_owned(), value.to_string()));
        self
    }
}

/// Reports a success on the next page.
pub async fn leave_message(session: &Session, text: &str) -> Result<(), Error> {
    leave_undoable(session, text, None).await
}

/// Reports a success on the next page, which offers to take it back if there is a form for that.
pub async fn leave_undoable(session: &Session, text: &str, undo: Option<UndoForm>) -> Result<(), Error> {
    Ok(session.insert(KEY, PageMessage { text: text.to_owned(), refused: false, undo }).await?)
}

/// Reports a failure on the next page.
pub async fn leave_error(session: &Session, text: &str) -> Result<(), Error> {
    Ok(session.insert(KEY, PageMessage { text: text.to_owned(), refused: true, undo: None }).await?)
}

/// Warns on the next page that the URL contained a whole key.
pub async fn warn_of_token_in_address(session: &Session) -> Result<(), Error> {
    let text =
        "A whole key was in that address, and so in the browser's history and perhaps in logs. Rotate it.";
    leave_error(session, text).await
}
