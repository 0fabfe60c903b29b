//! Completions of key names in prompts, and of key ids in the template of resources.

use rmcp::ErrorData;
use rmcp::model::{CompleteRequestParams, CompleteResult, CompletionInfo, Reference};

use super::failure::internal;
use super::prompts::{KEY, MAY_IT_GO};
use super::resources::KEY_TEMPLATE;
use crate::keys::StatusFilter;
use crate::keys::server::{self as keys, Filter, Key, Order};
use crate::orgs::server::Actor;
use crate::platform::App;
use crate::shared::contains_token;

/// As many as a client shows.
const LIMIT: usize = 20;

pub async fn complete(
    app: &App,
    actor: &Actor,
    request: &CompleteRequestParams,
) -> Result<CompleteResult, ErrorData> {
    let argument = &request.argument;
    let value: fn(&Key) -> String = match &request.r#ref {
        Reference::Prompt(prompt) if prompt.name == MAY_IT_GO && argument.name == KEY => {
            |key| key.name.clone()
        }
        Reference::Resource(resource) if resource.uri == KEY_TEMPLATE && argument.name == "id" => {
            |key| key.id.to_string()
        }
        Reference::Prompt(_) | Reference::Resource(_) => return Ok(CompleteResult::default()),
        _ => return Err(ErrorData::invalid_params("There is no such reference.", None)),
    };
    let text = argument.value.trim();
    if contains_token(text) {
        return Ok(CompleteResult::default());
    }
    let mut filter = Filter {
        order: Order::Name,
        limit: LIMIT,
        status_filter: Some(StatusFilter::Active),
        ..Filter::default()
    };
    if !text.is_empty() {
        filter.search(text);
    }
    let page = keys::list(app, actor, &filter).await.map_err(internal)?;
    let values = page.keys.iter().map(value).collect();
    let completion = CompletionInfo::with_pagination(values, None, page.next.is_some());
    completion.map(CompleteResult::new).map_err(|why| ErrorData::internal_error(why, None))
}
