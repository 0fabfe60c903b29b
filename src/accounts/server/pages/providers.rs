//! The buttons that lead to identity providers. They are links, because the Content-Security-Policy forbids forms that
//! leave this server.

use leptos::prelude::*;

use crate::accounts::server::oauth::Provider;
use crate::platform::App;
use crate::shared::ReturnPath;
use crate::ui::parts::{LinkButton, Look, Size, Symbol};

/// A button that leads to one provider.
#[derive(Clone, Debug)]
pub struct ProviderButton {
    href: String,
    symbol: Symbol,
    name: String,
}

/// The buttons of the configured providers. After signing in, they lead to `next`.
pub fn provider_buttons(app: &App, next: &ReturnPath) -> Vec<ProviderButton> {
    let button = |provider: Provider| ProviderButton {
        href: start_link(provider, next),
        symbol: provider.symbol(),
        name: provider.name(app),
    };
    Provider::configured(app).into_iter().map(button).collect()
}

/// The link that starts a sign-in with the provider.
pub fn start_link(provider: Provider, next: &ReturnPath) -> String {
    let next: String = url::form_urlencoded::byte_serialize(next.as_str().as_bytes()).collect();
    format!("/auth/{}?next={next}", provider.slug())
}

/// The buttons below a form, after "or". Renders nothing without a button.
#[component]
pub fn ProviderButtons(buttons: Vec<ProviderButton>) -> AnyView {
    if buttons.is_empty() {
        return ().into_any();
    }
    let buttons = buttons.into_iter().map(|ProviderButton { href, symbol, name }| {
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
