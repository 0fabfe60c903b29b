//! `/settings/api-keys`: the list of the organization's keys, and its export. The query of the address filters and sorts it. The search form is sent
//! by POST, because people paste whole keys into it, and redirects to an address with the search text, unless that is a secret.

mod export;
mod load;
mod query;
mod row;
mod select;
mod view;

use axum::extract::{Form, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use tower_sessions::Session;

pub use export::export;
pub use query::Query;
pub use select::keys_of;
pub use view::{ListPageState, page};

use super::{create_form, path_of};
use crate::keys::server::find_by_secret;
use crate::orgs::server::Member;
use crate::platform::{App, Error};
use crate::ui::server::message::warn_of_token_in_address;
use query::Sought;

pub async fn show(
    State(app): State<App>,
    member: Member,
    session: Session,
    RawQuery(query): RawQuery,
) -> Result<Response, Error> {
    let raw = query.unwrap_or_default();
    let pairs = url::form_urlencoded::parse(raw.as_bytes());
    let (query, token) = Query::read(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())));
    if let Some(secret) = token {
        warn_of_token_in_address(&session).await?;
        return by_secret(&app, &member, secret).await;
    }
    let wants_form =
        url::form_urlencoded::parse(raw.as_bytes()).any(|pair| pair == ("dialog".into(), "create".into()));
    let dialog = match wants_form {
        true => Some(create_form::dialog(&app, &member, query.address()).await?),
        false => None,
    };
    let state = ListPageState { query, dialog, ..ListPageState::default() };
    page(&app, &member, state, StatusCode::OK).await
}

/// Searches for the typed text. The other fields are the current filter.
pub async fn search(
    State(app): State<App>,
    member: Member,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Result<Response, Error> {
    let typed = pairs.iter().find(|(name, _)| name == "q").map_or("", |(_, value)| value).to_owned();
    match Sought::read(&typed) {
        Sought::Token(secret) => by_secret(&app, &member, secret).await,
        Sought::Text(text) => {
            let others = pairs.into_iter().filter(|(name, _)| name != "q");
            let query = Query::read(others).0.changed(|query| query.text = text);
            Ok(Redirect::to(&query.address()).into_response())
        }
    }
}

/// Redirects to the page of the key that has or had this secret; otherwise to the list without results.
async fn by_secret(app: &App, member: &Member, secret: crate::shared::SecretId) -> Result<Response, Error> {
    let to = match find_by_secret(app, member, secret).await? {
        Some(key) => path_of(key),
        None => Query::of_text(secret.to_string()).address(),
    };
    Ok(Redirect::to(&to).into_response())
}
