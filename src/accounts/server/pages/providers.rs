//! The buttons that lead to identity providers. They are links: a form that ends at a provider would be stopped by the
//! policy of our pages.

use leptos::prelude::*;

use crate::accounts::server::oauth::Provider;
use crate::platform::App;
use crate::shared::ReturnPath;
use crate::ui::parts::{LinkButton, Look, Size, Symbol};

/// One button.
#[derive(Clone, Debug)]
pub struct Offered {
    href: String,
    symbol: Symbol,
    name: String,
}

/// Those that are configured; after signing in, people get to `next`.
pub fn offered(app: &App, next: &ReturnPath) -> Vec<Offered> {
    let offer = |provider: Provider| Offered {
        href: start_link(provider, next),
        symbol: provider.symbol(),
        name: provider.name(app),
    };
    Provider::offered(app).into_iter().map(offer).collect()
}

pub fn start_link(provider: Provider, next: &ReturnPath) -> String {
    let next: String = url::form_urlencoded::byte_serialize(next.as_str().as_bytes()).collect();
    format!("/auth/{}?next={next}", provider.slug())
}

/// Below a form, after "or"; nothing where nothing is offered.
#[component]
pub fn ProviderButtons(offered: Vec<Offered>) -> AnyView {
    if offered.is_empty() {
        return ().into_any();
    }
    let buttons = offered.into_iter().map(|Offered { href, symbol, name }| {
        view! {
            <LinkButton href look=Look::Secondary size=Size::Large icon=symbol class="min-w-0">
                <span class="truncate leading-5" dir="auto">{format!("Continue with {name}")}</span>
            </LinkButton>
        }
    });
    view! {
        <div class="my-5 flex items-center gap-3 cap">
            <span class="h-px flex-1 bg-line"></span>
            "or"
            <span class="h-px flex-1 bg-line"></span>
        </div>
        <div class="grid gap-2">{buttons.collect_view()}</div>
    }
    .into_any()
}
