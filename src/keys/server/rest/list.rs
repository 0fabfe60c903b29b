//! `GET /api/v1/keys`: a page of the organization's keys, as JSON or CSV.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::bodies::{KeyBody, respond, with_limits};
use super::caller::ApiCaller;
use super::schemas::KeyOrder;
use crate::api::{ApiError, Unreadable, csv_page};
use crate::keys::Status;
use crate::keys::server::{self as keys, Filter, Order, Position, Refusal, columns};
use crate::platform::App;
use crate::platform::download::FileFormat;
use crate::shared::{Kind, UserId};

fn wrong(field: &'static str, why: &'static str) -> ApiError {
    Refusal::Input(vec![(field, why.to_owned())]).into()
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct KeyListQuery {
    #[param(value_type = Option<Status>)]
    status: Option<String>,
    #[param(value_type = Option<Kind>)]
    kind: Option<String>,
    /// The identifier of a person
    created_by: Option<String>,
    /// The customer's id in your own system
    external_id: Option<String>,
    /// The name of a permission that the keys have, themselves or through a wildcard
    permission: Option<String>,
    /// A part of the name (one or two letters: its beginning), or how the token begins
    q: Option<String>,
    /// A minus reverses the order; the default is -created
    #[param(value_type = Option<KeyOrder>)]
    sort: Option<String>,
    /// The size of a page; the default is 50
    #[param(minimum = 1, maximum = 100)]
    limit: Option<usize>,
    /// The next_cursor of the previous page, with the same sort
    cursor: Option<String>,
    /// csv: the page as CSV, as with the header Accept: text/csv
    format: Option<String>,
}

impl KeyListQuery {
    fn filter(self) -> Result<Filter, ApiError> {
        let (descending, sort) = match self.sort.as_deref() {
            None => (true, "created"),
            Some(sort) => sort.strip_prefix('-').map_or((false, sort), |sort| (true, sort)),
        };
        let order = Order::parse(sort)
            .ok_or_else(|| wrong("sort", "Sort by name, created, last_used, calls or expires."))?;
        let status = self
            .status
            .as_deref()
            .map(|text| Status::parse(text).ok_or_else(|| wrong("status", "There is no such status.")));
        let kind = self
            .kind
            .as_deref()
            .map(|text| Kind::parse(text).ok_or_else(|| wrong("kind", "There is no such kind.")));
        let after = self.cursor.as_deref().map(|text| {
            Position::parse(text, order)
                .ok_or_else(|| wrong("cursor", "This cursor is not one of this list's."))
        });
        let limit = self.limit.unwrap_or(50);
        if !(1..=100).contains(&limit) {
            return Err(wrong("limit", "A page has from 1 to 100 keys."));
        }
        let mut filter = Filter {
            status: status.transpose()?,
            kind: kind.transpose()?,
            creator: self.created_by.map(|text| UserId::parse(&text).unwrap_or(UserId::NIL)),
            external_id: self.external_id,
            permission: self.permission,
            order,
            descending,
            after: after.transpose()?,
            limit,
            ..Filter::default()
        };
        if let Some(text) = self.q.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
            filter.search(text);
        }
        Ok(filter)
    }
}

#[derive(Serialize, ToSchema)]
pub struct KeyList {
    data: Vec<KeyBody>,
    next_cursor: Option<String>,
}

/// The organization's keys
///
/// As CSV, a page has one line for each key, after a line with the names of the columns; the address of the next page is in the header
/// Link.
#[utoipa::path(get, path = "/api/v1/keys", operation_id = "listKeys", tag = "keys", params(KeyListQuery),
    responses((status = 200, description = "A page of keys", content((KeyList = "application/json"), (String = "text/csv"))), (status = 401), (status = 422)))]
pub async fn list(
    State(app): State<App>,
    caller: ApiCaller,
    address: Uri,
    headers: HeaderMap,
    query: Result<Query<KeyListQuery>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(query) = query.map_err(Unreadable::from)?;
    let format = FileFormat::requested(query.format.as_deref().unwrap_or_default(), &headers);
    let filter = query.filter()?;
    let page = keys::list(&app, &caller.actor, &filter).await?;
    let now = app.clock.now();
    if format == FileFormat::Csv {
        let cursor = page.next.map(|next| next.to_text());
        let page = csv_page(&address, columns::table(&page.keys, now), cursor.as_deref());
        return Ok(with_limits(page, &caller.limits));
    }
    let body = KeyList {
        data: page.keys.iter().map(|key| KeyBody::of(key, now)).collect(),
        next_cursor: page.next.map(|next| next.to_text()),
    };
    Ok(respond(StatusCode::OK, &caller.limits, body))
}
