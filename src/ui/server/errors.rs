//! Renders a problem as a page: what happened, what to do, and the request id that is in the log. It uses only data of the request and
//! its response, so that it works while the database is away.

use std::pin::Pin;

use axum::response::Response;
use leptos::prelude::*;

use super::page::Page;
use crate::platform::http::Visit;
use crate::platform::{App, Offer, Problem};
use crate::shared::{Kind, OrgId};
use crate::ui::form::Form;
use crate::ui::parts::{Button, Glyph, GlyphSize, HiddenFields, LinkButton, Look, Symbol};
use crate::ui::shell::{Chrome, Shell, Solo};

/// The page has navigation if a layer has added a `Chrome` to the response.
pub fn page(
    app: App,
    visit: Visit,
    problem: Problem,
    mut response: Response,
) -> Pin<Box<dyn Future<Output = Response> + Send>> {
    let id = visit.request_id.clone();
    let page = Page::new(&app, &visit, problem.title).status(problem.status);
    let chrome = response.extensions_mut().remove::<Chrome>();
    let page = match chrome.as_ref().and_then(|chrome| OrgId::parse(&chrome.organization.id)) {
        Some(org) => page.made_for(org),
        None => page,
    };
    let host = app.public_url.authority().to_owned();
    Box::pin(page.render(move || match chrome {
        Some(chrome) => view! { <Shell chrome><div class="pt-[6vh]"><ProblemText problem id/></div></Shell> },
        None => view! { <Solo host><ProblemText problem id/></Solo> },
    }))
}

/// The actions that the page offers.
fn actions(status: u16, offer: Option<Offer>) -> AnyView {
    match offer {
        Some(Offer::SwitchTo { id, name }) => {
            return view! {
                <Form action="/switch-organization">
                    <HiddenFields fields=vec![("organization", id), ("back", "/".to_owned())]/>
                    <Button look=Look::Primary>{format!("Switch to {name}")}</Button>
                </Form>
                <LinkButton href="/" look=Look::Ghost>"Go to the start page"</LinkButton>
            }
            .into_any();
        }
        Some(Offer::SignOut) => {
            return view! {
                <Form action="/sign-out"><Button>"Sign out"</Button></Form>
            }
            .into_any();
        }
        None => {}
    }
    match status {
        401 => view! { <LinkButton href="/sign-in" look=Look::Primary>"Sign in"</LinkButton> }.into_any(),
        // An empty address is the address of the page, so this link repeats the request.
        408 | 429 | 500.. => view! {
            <LinkButton href="" icon=Symbol::Rotate>"Try again"</LinkButton>
            <LinkButton href="/" look=Look::Ghost>"Go to the start page"</LinkButton>
        }
        .into_any(),
        _ => view! { <LinkButton href="/">"Go to the start page"</LinkButton> }.into_any(),
    }
}

#[component]
fn ProblemText(problem: Problem, id: String) -> AnyView {
    let status = problem.status.as_u16();
    view! {
        <div class="text-center">
            <div class="mb-5 flex justify-center">
                // A gray key whose cuts come from the status.
                <Glyph seed=status.to_string() kind=Kind::Live off=true size=GlyphSize::Huge/>
            </div>
            <h1 class="h-page">{problem.title}</h1>
            <p class="mx-auto mt-1.5 max-w-[24rem] text-balance text-ink-2 [overflow-wrap:anywhere]">{problem.detail}</p>
            <div class="mt-6 flex flex-wrap justify-center gap-2">{actions(status, problem.offer)}</div>
            <p class="cap mt-8">
                {format!("Status {status} · Request ")} <code class="select-all">{id}</code>
            </p>
        </div>
    }
    .into_any()
}
