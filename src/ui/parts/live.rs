//! A part of a page that waits for something: *waiting*, then *arrived* by itself; *lost* while the connection is away.
//! Without a script it says how to look again.

use leptos::prelude::*;

use super::spark::Tumbler;

/// `topic` is what `platform::live` gives to whoever says that a page waits for it.
#[component]
pub fn LivePart(
    /// Empty: only the look, without a connection.
    #[prop(into, optional)]
    topic: String,
    /// It has come already when the page is made.
    #[prop(optional)]
    arrived: bool,
    /// The connection is away; otherwise the browser finds out.
    #[prop(optional)]
    lost: bool,
    #[prop(into)] waiting: String,
    /// What more to say of the waiting while a script looks out.
    #[prop(into, optional)]
    soon: String,
    /// Where to look without a script, and what that is called; otherwise the page is to be loaded again.
    #[prop(into, optional)]
    elsewhere: Option<(String, String)>,
    /// Nothing is seen until it has come.
    #[prop(optional)]
    quiet: bool,
    /// Shown when it has come; what the server says about it takes its place.
    #[prop(into)]
    done: String,
) -> AnyView {
    let by_hand = match elsewhere {
        Some((href, label)) => view! { <a class="link" href=href>{label}</a> }.into_any(),
        None => "Load the page again to see.".into_any(),
    };
    let state = if arrived { "arrived" } else { "waiting" };
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
                <span data-live-text="">{done}</span>
            </p>
            <p class="live-lost cap">"Live updates paused. Reconnecting…"</p>
        </div>
    }
    .into_any()
}
