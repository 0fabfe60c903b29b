//! Why a tool did not do what was asked for, in words that tell the model what to do next.

use axum::response::IntoResponse;
use rmcp::ErrorData;
use rmcp::model::{CallToolResponse, CallToolResult, ContentBlock};

use crate::keys::server::Refusal;
use crate::platform::Error;

const OURS: &str = "The fault is ours and was written to the log. Nothing was changed.";

#[derive(Debug)]
pub enum ToolFailure {
    /// A sentence for the model.
    Text(String),
    /// The request itself is wrong.
    Request(&'static str),
    Error(Error),
}

impl ToolFailure {
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// The answer to the call.
    pub fn answer(self) -> Result<CallToolResponse, ErrorData> {
        let text = match self {
            Self::Text(text) => text,
            Self::Request(why) => return Err(ErrorData::invalid_params(why, None)),
            Self::Error(error) => explain(error)?,
        };
        Ok(CallToolResult::error(vec![ContentBlock::text(text)]).into())
    }
}

/// Explains an error to the model: what is wrong and what to do next. Internal errors are not explained.
fn explain(error: Error) -> Result<String, ErrorData> {
    Ok(match error {
        Error::NotFound => {
            "There is nothing with this id in the organization. Find keys with list_keys.".to_owned()
        }
        Error::Forbidden(why) => {
            format!("{why} Nothing was changed. Do not try it again; tell the person what is needed.")
        }
        Error::OutOfStep => {
            "Something has changed in the meantime. Read the key with get_key, then decide.".to_owned()
        }
        Error::Internal(_) => return Err(internal(error)),
        Error::Unavailable(_) => {
            log(error);
            "The database cannot be used right now. Nothing was changed. Try again in a few seconds."
                .to_owned()
        }
        Error::Busy | Error::Stopping => format!("{error} Try again in a few seconds."),
        other => other.to_string(),
    })
}

/// Making a response of an error logs its cause.
fn log(error: Error) {
    let _ = error.into_response();
}

/// An error of JSON-RPC for a fault of this server, which is logged.
pub fn internal(error: Error) -> ErrorData {
    log(error);
    ErrorData::internal_error(OURS, None)
}

impl From<Error> for ToolFailure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<Refusal> for ToolFailure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Error(error) => Self::Error(error),
            Refusal::State(why) => Self::Text(format!("{why} Nothing was changed.")),
            Refusal::Input(wrong) => {
                let reasons: Vec<_> = wrong.iter().map(|(field, why)| reason(field, why)).collect();
                Self::Text(format!(
                    "{} Nothing was changed. Correct the arguments and call again.",
                    reasons.join(" ")
                ))
            }
            Refusal::Repeated(id) => Self::Text(format!("This was already done: see the key {id}.")),
            Refusal::Waits(id) => Self::Text(format!("A second person must approve the request {id} first.")),
        }
    }
}

fn reason(field: &str, why: &str) -> String {
    match argument(field) {
        "" => why.to_owned(),
        name => format!("{name}: {why}"),
    }
}

/// The name of an argument for a field of a service.
fn argument(field: &str) -> &str {
    match field {
        "rate_limit" => "rate_limit_per_minute",
        "ranges" => "allowed_ranges",
        "overlap" => "overlap_hours",
        other => other,
    }
}
