//! `/search`, and what the command palette loads.

mod destinations;
mod find;
mod page;
mod results;
mod rows;

use axum::Json;
use axum::extract::{Query, State};
use serde::{Deserialize, Serialize};

use crate::orgs::server::Member;
use crate::platform::http::{Audience, Routes};
use crate::platform::{App, Error};

#[derive(Deserialize)]
pub struct SearchQuery {
    #[serde(default)]
    q: String,
}

/// The response to the palette.
#[derive(Serialize)]
struct PaletteResults {
    /// The options of the list box.
    html: String,
}

pub fn routes() -> Routes {
    Routes::default().get("/search", Audience::Person, page::show).get(
        "/search/found",
        Audience::Person,
        found,
    )
}

async fn found(
    State(app): State<App>,
    member: Member,
    Query(query): Query<SearchQuery>,
) -> Result<Json<PaletteResults>, Error> {
    let groups = find::search(&app, &member, &query.q).await?;
    Ok(Json(PaletteResults { html: results::options(&groups, query.q.trim()) }))
}
