//! A part of a page that shows its current state by itself, after something has changed elsewhere. Without a script it stays as it
//! was rendered.

use leptos::prelude::*;

use super::button::filled;

/// `topic` is the name that `platform::live::Live::expect` returns, or empty for a region that stays. `rows` is for lists: new rows wait behind a bar, so that
/// nothing moves under the pointer. Each row has an attribute `data-row` with its id.
#[component]
pub fn LiveRegion(
    #[prop(into)] topic: String,
    #[prop(into)] id: String,
    #[prop(optional)] rows: bool,
    #[prop(into, optional)] class: String,
    children: Children,
) -> AnyView {
    let bar = rows.then(|| {
        view! {
            <div role="status" data-live-bar="" hidden>
                <button type="button" class="livebar"><b data-live-count=""></b>" Show"</button>
            </div>
        }
    });
    let topic = (!topic.is_empty()).then_some(topic);
    view! {
        {bar}
        <div id=id class=filled(class) data-live-region=topic>{children()}</div>
    }
    .into_any()
}
