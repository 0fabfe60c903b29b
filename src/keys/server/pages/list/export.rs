//! `/settings/api-keys/export`: the keys that the list's filters select, as CSV. It is sorted by time of creation, the newest first,
//! whatever the order of the list: in that order keys that are used meanwhile are neither missing nor repeated.

use axum::extract::{RawQuery, State};
use axum::response::Response;
use tower_sessions::Session;

use super::by_secret;
use super::load::found;
use super::query::{Query, Sort};
use crate::keys::server::columns;
use crate::keys::server::{self as keys, Filter, KeyPage};
use crate::orgs::server::Member;
use crate::platform::download::{self, FileFormat, Portion};
use crate::platform::{App, Downloads, Error};
use crate::shared::{Permission, Timestamp};
use crate::ui::server::message::warn_of_token_in_address;

/// The keys per query.
const PORTION_KEYS: usize = 250;

pub async fn export(
    State(app): State<App>,
    member: Member,
    session: Session,
    RawQuery(raw): RawQuery,
) -> Result<Response, Error> {
    member.require(Permission::See)?;
    let raw = raw.unwrap_or_default();
    let pairs = url::form_urlencoded::parse(raw.as_bytes());
    let (query, token) = Query::read(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())));
    if let Some(secret) = token {
        warn_of_token_in_address(&session).await?;
        return by_secret(&app, &member, secret).await;
    }
    let permit = app.slice::<Downloads>().begin(member.org.org)?;
    let query = query.changed(|query| query.sort = Sort::Newest);
    let (page, filter) = found(&app, &member, &query).await?;
    let now = app.clock.now();
    let text = columns::table(&page.keys, now);
    let filter = Filter { limit: PORTION_KEYS, ..filter };
    let first = Portion { text, next: following(page, filter) };
    let actor = (*member).clone();
    let read = move |filter: Filter| {
        let (app, actor) = (app.clone(), actor.clone());
        async move {
            let page = download::in_time(&app, keys::list(&app, &actor, &filter)).await;
            page.map(|page| portion(page, filter, now)).map_err(|error| error.to_string())
        }
    };
    Ok(download::download("api-keys", FileFormat::Csv, permit, first, read))
}

fn portion(page: KeyPage, filter: Filter, now: Timestamp) -> Portion<Filter> {
    let mut text = String::new();
    columns::push_all(&mut text, &page.keys, now);
    Portion { text, next: following(page, filter) }
}

/// The filter of the next portion.
fn following(page: KeyPage, filter: Filter) -> Option<Filter> {
    page.next.map(|position| Filter { after: Some(position), ..filter })
}
