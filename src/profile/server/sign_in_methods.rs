//! The identity providers among the profile's sign-in methods: the linked ones and those that can be linked.

use leptos::prelude::*;

use super::provider_link::method_slug;
use crate::accounts::server::Provider;
use crate::accounts::server::{self as accounts, Person};
use crate::platform::{App, Error};
use crate::shared::Timestamp;
use crate::ui::parts::{Icon, LinkButton, Look, Symbol, Time};

pub struct SignInMethod {
    name: String,
    symbol: Symbol,
    slug: String,
    linked: Option<LinkedProvider>,
}

struct LinkedProvider {
    label: String,
    used_at: Timestamp,
    /// The provider is no longer configured.
    is_former: bool,
}

/// The linked providers, then the other configured ones.
pub async fn of(app: &App, person: &Person) -> Result<Vec<SignInMethod>, Error> {
    let identities = accounts::identities_of(app, person).await?;
    let mut methods: Vec<SignInMethod> = Vec::new();
    for (index, identity) in identities.iter().enumerate() {
        let provider = accounts::provider_of(app, &identity.issuer);
        methods.push(SignInMethod {
            name: provider.map_or_else(|| identity.issuer.clone(), |provider| provider.name(app)),
            symbol: provider.map_or(Symbol::Shield, Provider::symbol),
            slug: method_slug(app, index, &identity.issuer),
            linked: Some(LinkedProvider {
                label: identity.label.clone(),
                used_at: identity.used_at,
                is_former: provider.is_none(),
            }),
        });
    }
    for provider in Provider::configured(app) {
        if !identities.iter().any(|identity| identity.issuer == provider.issuer(app)) {
            methods.push(SignInMethod {
                name: provider.name(app),
                symbol: provider.symbol(),
                slug: provider.slug().to_owned(),
                linked: None,
            });
        }
    }
    Ok(methods)
}

pub fn row(method: SignInMethod, now: Timestamp) -> AnyView {
    let SignInMethod { name, symbol, slug, linked } = method;
    let href = format!("/settings/profile/sign-in-methods/{slug}");
    let (status, link) = match linked {
        None => {
            let label = format!("Link {name}");
            (
                "Not linked".into_any(),
                view! { <LinkButton href look=Look::Secondary>{label}</LinkButton> }.into_any(),
            )
        }
        Some(LinkedProvider { label, used_at, is_former }) => {
            let unlink = format!("Unlink {name}");
            let status = if is_former {
                view! { {label} " · No longer available on this server" }.into_any()
            } else {
                view! { {label} " · Last used: " <Time at=used_at now=now/> }.into_any()
            };
            let href = format!("{href}/remove");
            (status, view! { <LinkButton href look=Look::DangerQuiet>{unlink}</LinkButton> }.into_any())
        }
    };
    view! {
        <div class="flex flex-wrap items-center justify-between gap-3 border-t border-line pt-4">
            <div class="min-w-0">
                <p class="flex items-center gap-2 font-medium [overflow-wrap:anywhere]"><Icon symbol/>{name}</p>
                <p class="text-ink-2 [overflow-wrap:anywhere]">{status}</p>
            </div>
            <div>{link}</div>
        </div>
    }
    .into_any()
}
