//! The box with a new secret for the person who confirmed the request of an agent.

use leptos::prelude::*;

use super::reveal::{head, secret};
use super::{LazyView, path_of};
use crate::keys::islands::RevealGuard;
use crate::keys::server::Revealed;
use crate::ui::parts::LinkButton;

/// Shows the secret, and `answer`, which is what the agent learns.
pub fn reveal_for_agent(revealed: Revealed, answer: String) -> LazyView {
    Box::new(move || {
        let Revealed { key, plaintext } = revealed;
        let start = format!("{}_{}_", key.kind.prefix(), key.secret);
        let masked = plaintext.expose().strip_prefix(&start).unwrap_or_default().to_owned();
        let (length, visible) = (start.len() + masked.len(), start.len() - 1);
        let (dots, page) = ("•".repeat(masked.len()), path_of(key.id));
        let head = head(key.name.clone(), &key);
        let secret = secret(start, masked, dots, length, visible);
        view! {
            <section class="reveal mt-5 overflow-hidden rounded-panel border border-brass-line bg-surface" aria-labelledby="new-key">
                {head}
                <div class="[&>div]:border-r-0">{secret}</div>
                <p class="hint px-4 pb-4 sm:px-5">"Do not paste it into the chat with the agent."</p>
                <div class="border-t border-line px-4 py-4 sm:px-5">
                    <h3 class="label">"What the agent learns"</h3>
                    <pre class="code mt-2" tabindex="0" role="group" aria-label="Answer to the agent">{answer}</pre>
                </div>
                <div class="flex flex-wrap items-center gap-3 border-t border-line px-4 py-3 text-dense sm:px-5">
                    <p class="mr-auto text-ink-2">"Then return to the agent."</p>
                    <LinkButton href=page.clone() class="stored max-sm:w-full">"I've saved it"</LinkButton>
                </div>
                <RevealGuard reload_address=page/>
            </section>
        }
        .into_any()
    })
}
