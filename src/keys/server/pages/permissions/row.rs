//! A row of the list: it opens to the keys that have the permission.

use leptos::prelude::*;

use super::HOME;
use crate::keys::server::{Holders, Key};
use crate::permissions::server::ListedPermission;
use crate::shared::Timestamp;
use crate::ui::parts::{Glyph, Icon, LinkButton, Look, Size, Symbol, Time, capped};

/// Counting stops here.
pub const MAX_COUNTED: i64 = 1_000;

pub fn row(permission: ListedPermission, holders: Holders, may_manage: bool, now: Timestamp) -> AnyView {
    let ListedPermission { id, name, description, asked_at } = permission;
    let Holders { count, first } = holders;
    let keys = if count == 0 { "None".to_owned() } else { capped(count, MAX_COUNTED) };
    let keys_class = if count == 0 { "o-keys num text-right text-ink-3" } else { "o-keys num text-right" };
    let asked = match asked_at {
        Some(at) => view! { <span class="o-used text-ink-2"><Time at now/></span> }.into_any(),
        None => view! { <span class="o-used text-ink-3">"Never"</span> }.into_any(),
    };
    let title = match count {
        0 => format!("No key may use {name}"),
        1 => format!("1 key may use {name}"),
        _ => format!("{keys} keys may use {name}"),
    };
    let actions = may_manage.then(|| {
        view! {
            <div class="flex gap-2">
                <LinkButton href=format!("{HOME}/{id}/edit") size=Size::Small icon=Symbol::Edit>"Edit"</LinkButton>
                <LinkButton href=format!("{HOME}/{id}/remove") size=Size::Small look=Look::DangerQuiet>"Remove…"</LinkButton>
            </div>
        }
    });
    let items = first.into_iter().map(|(key, through)| holder(&key, through, now)).collect_view();
    let all = (count > 0).then(|| {
        let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("permission", &name).finish();
        let text = if count == 1 { "Show it among the API keys".to_owned() } else { format!("All {keys} keys") };
        view! { <a class="link mt-3 inline-block text-dense" href=format!("/settings/api-keys?{query}")>{text}</a> }
    });
    view! {
        <details class="openrow">
            <summary class="g-perm">
                <span class="min-w-0"><span class="perm">{name.clone()}</span></span>
                <span class="o-say truncate text-ink-2" dir="auto">{description}</span>
                <span class=keys_class>{keys.clone()}</span>
                {asked}
                <span class="chev"><Icon symbol=Symbol::Right/></span>
            </summary>
            <div class="border-t border-line bg-sunken px-4 pt-3 pb-4">
                <div class="flex flex-wrap items-center justify-between gap-3">
                    <h2 class="text-dense font-semi [overflow-wrap:anywhere]">{title}</h2>
                    {actions}
                </div>
                <ul class="mt-2">{items}</ul>
                {all}
            </div>
        </details>
    }
    .into_any()
}

fn holder(key: &Key, through: Option<String>, now: Timestamp) -> AnyView {
    let is_active = key.status(now).is_active();
    let owner = match &key.customer.external_id {
        Some(id) => view! { <span class="mono text-cap">{id.clone()}</span> }.into_any(),
        None => view! { <span class="text-ink-3">"No owner"</span> }.into_any(),
    };
    let how = match through {
        Some(wildcard) => format!("Through {wildcard}"),
        None if is_active => "Granted".to_owned(),
        None => format!("Granted, key {}", key.status(now).as_str()),
    };
    view! {
        <li class="grid grid-cols-[2.5rem_minmax(0,1fr)_12rem_10rem] items-center gap-x-3 border-t border-line py-2 text-dense max-sm:grid-cols-[2.5rem_minmax(0,1fr)_auto]">
            <Glyph seed=key.secret.to_string() kind=key.kind off=!is_active/>
            <a
                class="truncate font-medium underline-offset-3 hover:underline" dir="auto"
                href=format!("/settings/api-keys/{}", key.id)
            >
                {key.name.clone()}
            </a>
            <span class="truncate text-ink-2 max-sm:hidden">{owner}</span>
            <span class="cap text-right">{how}</span>
        </li>
    }
    .into_any()
}
