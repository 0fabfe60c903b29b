//! The search for browsers without scripts, and for links.

use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use leptos::prelude::*;
use tower_sessions::Session;

use super::SearchQuery;
use super::find::search;
use super::results::lists;
use crate::orgs::server::Member;
use crate::orgs::server::page_frame::{chrome, page_for, toast};
use crate::platform::{App, Error};
use crate::shared::contains_token;
use crate::ui::parts::{Button, EmptyState, LinkButton, SearchField};
use crate::ui::server::message::warn_of_token_in_address;
use crate::ui::shell::{PageHead, Shell};

const HOME: &str = "/search";

pub async fn show(
    State(app): State<App>,
    member: Member,
    session: Session,
    Query(query): Query<SearchQuery>,
) -> Result<Response, Error> {
    if contains_token(&query.q) {
        warn_of_token_in_address(&session).await?;
        return Ok(Redirect::to(HOME).into_response());
    }
    let text = query.q.trim().to_owned();
    let groups = search(&app, &member, &text).await?;
    let chrome = chrome(&app, &member, None, HOME);
    let message = member.visitor.message.clone();
    let page = page_for(&app, &member, "Search").render(move || {
        let toast = message.map(toast);
        let results = if groups.is_empty() {
            view! {
                <EmptyState
                    class="mt-3" title=format!("Nothing matches “{text}”")
                    text="The search finds keys by a part of their name, members by a part of their name or email, pages and actions by their words."
                >
                    <LinkButton href=HOME>"Clear search"</LinkButton>
                </EmptyState>
            }
            .into_any()
        } else {
            lists(&groups, &text).into_any()
        };
        view! {
            <Shell chrome toast>
                <PageHead title="Search" text="Keys, members, pages and actions of this organization."/>
                <form method="get" action=HOME role="search" class="mt-6 flex max-w-[40rem] gap-2">
                    <SearchField name="q" label="Search" placeholder="Search" value=text class="flex-1"/>
                    <Button>"Search"</Button>
                </form>
                <div class="max-w-[40rem]">{results}</div>
            </Shell>
        }
    });
    Ok(page.await)
}
