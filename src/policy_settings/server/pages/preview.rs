//! What the change would refuse, beside the rules, with the button that saves.

use leptos::prelude::*;

use crate::key_policy::PolicyRule;
use crate::policy_settings::server::{MAX_LISTED, PolicyPreview, PreviewedKey};
use crate::shared::Timestamp;
use crate::ui::form::SubmitButton;
use crate::ui::parts::{ExactTime, Glyph, Input, Note, Time, Tone, counted, grouped};

pub fn preview(preview: PolicyPreview, org: String, needs_approval: bool, now: Timestamp) -> AnyView {
    let from = preview.from;
    let in_use = (preview.refused_in_use > 0).then(|| {
        let keys = if preview.refused_in_use == 1 {
            "1 of them was".to_owned()
        } else {
            format!("{} of them were", grouped(preview.refused_in_use))
        };
        let callers = counted(preview.callers as u64, "caller", "callers");
        view! {
            <Note tone=Tone::Warn class="mt-3">
                <p><b>{format!("{keys} used in the last 7 days")}</b>{format!(", by at least {callers}.")}</p>
            </Note>
        }
    });
    let mut more = Vec::new();
    if preview.refused_later > 0 {
        let keys = counted(preview.refused_later, "more key", "more keys");
        more.push(format!(
            "{keys} would be refused later, on reaching the maximum lifetime before expiring."
        ));
    }
    if preview.idle > 0 {
        let keys = counted(preview.idle, "key", "keys");
        more.push(format!("{keys} would be disabled because nobody uses them."));
    }
    if preview.outside_callers > 0 {
        let callers = counted(preview.outside_callers as u64, "caller", "callers");
        more.push(format!("At least {callers} of other keys came from addresses that would be refused."));
    }
    let more = more.into_iter().map(|text| view! { <p class="mt-2 text-dense text-ink-2">{text}</p> });
    let more = more.collect_view();
    let needs_name = preview.needs_confirmation();
    let confirm = needs_name.then(|| {
        let why = if preview.refuses_every_key {
            "This refuses every key of the organization."
        } else if preview.refuses_own_owner_keys {
            "This refuses your last owner key."
        } else {
            "This refuses the addresses that your keys are used from."
        };
        let label = format!("Type {org} to confirm");
        view! {
            <Note tone=Tone::Danger class="mb-3"><p>{why}</p></Note>
            <Input name="confirm" label verbatim=true autocomplete="off"/>
        }
    });
    let rest = preview.refused.saturating_sub(preview.refused_keys.len() as u64);
    let rest = (rest > 0).then(|| {
        let text = format!(
            "These are the {MAX_LISTED} most recently used keys. {} more are not listed.",
            grouped(rest)
        );
        view! { <p class="border-t border-line px-4 py-2.5 text-dense text-ink-3 sm:px-5">{text}</p> }
    });
    let (refused, keys) = (grouped(preview.refused), counted(preview.keys, "active key", "active keys"));
    let items = preview.refused_keys.into_iter().map(|key| item(key, now)).collect_view();
    let save = if needs_approval { "Ask a second owner" } else { "Save policy" };
    view! {
        <aside class="panel self-start lg:col-start-2 lg:row-span-2 lg:row-start-1" aria-labelledby="prev">
            <div class="border-b border-line px-4 py-3 sm:px-5"><h2 class="h-sect" id="prev">"Before you save"</h2></div>
            <div class="px-4 py-4 sm:px-5">
                <p class="text-figure font-semi tracking-[-0.02em]">
                    {refused}" "
                    <span class="text-lead font-normal tracking-normal text-ink-3">{format!("of {keys}")}</span>
                </p>
                <p class="text-dense text-ink-2">"would be refused from "<ExactTime at=from/>" on."</p>
                {in_use}
                {more}
            </div>
            <ul class="border-t border-line">{items}</ul>
            {rest}
            <div class="border-t border-line px-4 py-4 sm:px-5">
                {confirm}
                <div class="mt-3">
                    <SubmitButton text=save saving="Saving…" name="do" value="save"/>
                </div>
            </div>
        </aside>
    }
    .into_any()
}

fn item(previewed: PreviewedKey, now: Timestamp) -> AnyView {
    let PreviewedKey { key, rule, creator, callers, last_caller } = previewed;
    let why = match rule {
        PolicyRule::AllowedKinds => format!("{} is not allowed", key.kind.label()),
        PolicyRule::MaxLife => "Exceeds the maximum lifetime".to_owned(),
        _ => "None of its addresses are allowed".to_owned(),
    };
    let last = key
        .last_used_at
        .map_or_else(|| view! { "Never used" }.into_any(), |at| view! { <Time at now/> }.into_any());
    let by = match last_caller {
        Some(address) => {
            format!("At least {}, last from {address}", counted(callers as u64, "caller", "callers"))
        }
        None => "No callers in 7 days".to_owned(),
    };
    let href = format!("/settings/api-keys/{}", key.id);
    let (seed, kind, name) = (key.secret.to_string(), key.kind, key.name);
    view! {
        <li class="flex gap-3 border-b border-line px-4 py-2.5 text-dense last:border-b-0 sm:px-5">
            <Glyph seed kind/>
            <div class="min-w-0 flex-1">
                <div class="flex items-baseline justify-between gap-3">
                    <a class="font-semi underline-offset-3 [overflow-wrap:anywhere] hover:underline" href=href dir="auto">{name}</a>
                    <span class="cap flex-none">{last}</span>
                </div>
                <div class="cap">{why}</div>
                <div class="cap" dir="auto">{format!("{by}. Created by {creator}")}</div>
            </div>
        </li>
    }
    .into_any()
}
