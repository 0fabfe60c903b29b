//! The page that shows a signing secret once. Copying reads the page's text, and leaving the page empties the box.

use axum::response::Response;
use leptos::prelude::*;

use super::{HOME, path_of};
use crate::keys::RevealGuard;
use crate::orgs::server::Member;
use crate::orgs::server::page_frame::{chrome, page_for};
use crate::platform::App;
use crate::ui::islands::CopyButton;
use crate::ui::parts::{Icon, LinkButton, Symbol};
use crate::ui::shell::{Breadcrumb, Nav, PageHead, Shell};
use crate::webhooks::server::{Endpoint, RevealedEndpoint};

/// The id of the element with the secret; `RevealGuard` looks for it.
const PLAINTEXT: &str = "plaintext";

pub async fn page(app: &App, member: &Member, revealed: RevealedEndpoint, is_new: bool) -> Response {
    let path = path_of(revealed.endpoint.id);
    let title = if is_new { "New webhook" } else { "New signing secret" };
    let chrome = chrome(app, member, Some(Nav::Webhooks), &path);
    let RevealedEndpoint { endpoint, secret } = revealed;
    let Endpoint { url, .. } = endpoint.clone();
    let content = move || {
        view! {
            <Shell chrome>
                <Breadcrumb up=vec![(HOME.to_owned(), "Webhooks".to_owned())] here=endpoint.host()/>
                <PageHead title text=url/>
                <section class="reveal mt-6 max-w-[44rem] overflow-hidden rounded-panel border border-brass-line bg-surface" aria-labelledby="new-secret">
                    <div class="border-b border-brass-line bg-brass-tint px-4 py-3 sm:px-5">
                        <h2 class="h-sect" id="new-secret">"Signing secret"</h2>
                        <p class="text-dense font-medium text-brass-ink">"Copy it now. This is the only time you will see it."</p>
                    </div>
                    <div class="p-4 sm:p-5">
                        <div class="mono rounded-control border border-control px-3.5 py-3 text-lead leading-7 select-all [overflow-wrap:anywhere]" translate="no">
                            <span id=PLAINTEXT>{secret.expose().to_owned()}</span>
                        </div>
                        <div class="mt-3 flex flex-wrap items-center gap-2">
                            <CopyButton target=PLAINTEXT.to_owned() class="btn btn-primary".to_owned() name=String::new()>
                                <Icon symbol=Symbol::Copy/>
                                "Copy secret"
                            </CopyButton>
                            <span class="scriptless cap">"A click on the secret selects all of it."</span>
                        </div>
                        <p class="hint mt-4">
                            "The receiver checks the signature of each request with it. If you lose it, rotate it."
                        </p>
                    </div>
                    <div class="border-t border-line px-4 py-3 sm:px-5">
                        <LinkButton href=path.clone() class="stored">"I've saved it"</LinkButton>
                    </div>
                    <RevealGuard reload_address=path/>
                </section>
            </Shell>
        }
    };
    page_for(app, member, title).render(content).await
}
