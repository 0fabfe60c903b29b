//! A part of a page that waits for an event. It changes from *waiting* to *arrived* by itself, shows *refused* after an attempt that
//! was refused, and *lost* while there is no connection. Without a script, it says how to check again.

use leptos::prelude::*;

use super::icon::{Icon, Symbol};
use super::spark::Tumbler;

/// `topic` is the name that `platform::live::Live::expect` returns.
#[component]
pub fn LivePart(
    /// Empty for the gallery, where the part opens no connection.
    #[prop(into, optional)]
    topic: String,
    /// The event has happened before the page was rendered.
    #[prop(optional)]
    arrived: bool,
    /// Shows *lost*. Outside of the gallery, the browser sets this state.
    #[prop(optional)]
    lost: bool,
    #[prop(into)] waiting: String,
    /// A text that is only shown while a script waits for the event.
    #[prop(into, optional)]
    soon: String,
    /// The address and text of a link for people without a script. Without it, the part says to reload the page.
    #[prop(into, optional)]
    elsewhere: Option<(String, String)>,
    /// Hides the part until the event has happened.
    #[prop(optional)]
    quiet: bool,
    /// A refused attempt, before the event. The gallery shows it; elsewhere, the signal contains the text.
    #[prop(into, optional)]
    refused: String,
    /// The text after the event, which is replaced if the signal contains a text.
    #[prop(into)]
    done: String,
) -> AnyView {
    let by_hand = match elsewhere {
        Some((href, label)) => view! { <a class="link" href=href>{label}</a> }.into_any(),
        None => "Load the page again to see.".into_any(),
    };
    let state = match (arrived, refused.is_empty()) {
        (true, _) => "arrived",
        (false, true) => "waiting",
        (false, false) => "refused",
    };
    view! {
        <div class=if quiet { "live live-quiet" } else { "live" } aria-live="polite" data-live=(!arrived && !topic.is_empty()).then_some(topic) data-state=state data-link=lost.then_some("lost")>
            <p class="live-waiting">
                <Tumbler/>
                <span>
                    <span class="font-medium">{waiting}</span>
                    {(!soon.is_empty()).then(|| view! { <span class="needs-script">" "{soon}</span> })}
                </span>
                <span class="scriptless text-ink-3">{by_hand}</span>
            </p>
            <p class="live-arrived">
                <Tumbler set=true/>
                <span data-live-text="arrived">{done}</span>
            </p>
            <p class="live-refused tone-warn">
                <Icon symbol=Symbol::Warning/>
                <span class="text-ink" data-live-text="refused">{refused}</span>
            </p>
            <p class="live-lost cap">"Live updates paused. Reconnecting…"</p>
        </div>
    }
    .into_any()
}
