//! The devices and MCP clients that logged in.

use leptos::prelude::*;

use crate::accounts::server::LoggedInDevice;
use crate::orgs::server::Membership;
use crate::shared::Timestamp;
use crate::ui::parts::{Badge, LinkButton, Look, Size, Time, Tone};

pub fn section(devices: Vec<LoggedInDevice>, memberships: &[Membership], now: Timestamp) -> AnyView {
    let is_empty = devices.is_empty();
    let rows = devices.into_iter().map(|device| {
        let membership = memberships.iter().find(|membership| membership.org == device.org);
        row(device, membership.map_or("", |membership| &membership.org_name).to_owned(), now)
    });
    let rows = rows.collect_view();
    view! {
        <section class="mt-10 max-w-[40rem]" aria-labelledby="devices">
            <h2 class="h-sect" id="devices">"Devices that logged in"</h2>
            {is_empty.then(|| view! {
                <p class="mt-4 border-t border-line pt-4 text-ink-2">
                    "None. A login from a command line or an MCP client is listed here with its key."
                </p>
            })}
            {(!is_empty).then(|| view! { <ul class="mt-4 grid gap-4">{rows}</ul> })}
        </section>
    }
    .into_any()
}

fn row(device: LoggedInDevice, org_name: String, now: Timestamp) -> AnyView {
    let LoggedInDevice { key, key_name, name, since, last_used_at, is_off, .. } = device;
    let used = match last_used_at {
        Some(at) => view! { " · Last used: "<Time at now/> }.into_any(),
        None => " · Never used".into_any(),
    };
    view! {
        <li class="flex flex-wrap items-center justify-between gap-3 border-t border-line pt-4">
            <div class="min-w-0">
                <p class="flex flex-wrap items-center gap-2">
                    <span class="font-medium [overflow-wrap:anywhere]" dir="auto">{name}</span>
                    {is_off.then(|| view! { <Badge tone=Tone::Line text="Its key is off"/> })}
                </p>
                <p class="cap [overflow-wrap:anywhere]">
                    {format!("{key_name} in {org_name} · Logged in: ")}<Time at=since now/>{used}
                </p>
            </div>
            <LinkButton href=format!("/settings/profile/devices?key={key}") look=Look::DangerQuiet size=Size::Small>
                "Revoke key…"
            </LinkButton>
        </li>
    }
    .into_any()
}
