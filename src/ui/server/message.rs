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
}

/// Reports a success on the next page.
pub async fn leave_message(session: &Session, text: &str) -> Result<(), Error> {
    Ok(session.insert(KEY, PageMessage { text: text.to_owned(), refused: false }).await?)
}

/// Reports a failure on the next page.
pub async fn leave_error(session: &Session, text: &str) -> Result<(), Error> {
    Ok(session.insert(KEY, PageMessage { text: text.to_owned(), refused: true }).await?)
}

/// Warns on the next page that the URL contained a whole key.
pub async fn warn_of_token_in_address(session: &Session) -> Result<(), Error> {
    let text =
        "A whole key was in that address, and so in the browser's history and perhaps in logs. Rotate it.";
    leave_error(session, text).await
}
