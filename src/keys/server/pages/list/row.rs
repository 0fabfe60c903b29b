//! A row of the key list.

use leptos::prelude::*;

use super::super::{HOME, badge_of, path_of};
use super::load::{RowData, limited_since};
use crate::keys::server::{Key, first_call};
use crate::keys::{SOON, Status};
use crate::shared::Timestamp;
use crate::ui::parts::{
    Cell, Glyph, KeyText, Markup, Menu, MenuItem, RolePins, Row, RowLink, Spark, SparkDay, Symbol, Time,
    Wording, grouped, markup, time_markup, words,
};

/// The form that the selected keys belong to.
pub const SELECTION: &str = "selection";

/// `selectable` says whether any row of the list can be selected.
pub fn row(data: RowData, place: usize, selectable: bool, now: Timestamp) -> AnyView {
    let RowData {
        key,
        trend,
        limited,
        share,
        creator,
        creating_key,
        may_manage,
        may_enable,
        may_rotate,
        is_new,
    } = data;
    let status = key.status(now);
    let origin = match (&key.login, creating_key, is_new) {
        (Some(login), ..) if key.renewal.is_some() => format!("MCP login of {} by {creator}", login.device),
        (Some(login), ..) => format!("CLI login on {} by {creator}", login.device),
        (None, _, true) => "Created by you just now".to_owned(),
        (None, Some(creating_key), _) => format!("Created by {creator} with {creating_key}"),
        (None, None, _) => format!("Created by {creator}"),
    };
    let (start, kind) = (key.secret.as_str().to_owned(), key.kind);
    let glyph = view! { <Glyph seed=start.clone() kind off=!status.is_active()/> }.into_any();
    let link = view! { <RowLink href=path_of(key.id) text=key.name.clone()/> }.into_any();
    let name = markup!(
        r#"<div class="flex gap-3">"# { pick(&key, may_manage && status != Status::Revoked, selectable) }
        r#"<span class="mt-0.5">"# { glyph }
        r#"</span><div class="min-w-0"><div class="flex flex-wrap items-center gap-x-2 gap-y-1">"#
        { link } { badge_of(&key, now, limited > 0, is_new) }
        r#"</div><div class="cap mt-0.5 [overflow-wrap:anywhere]" dir="auto">"# { origin } "</div></div></div>"
    );
    let days = trend.unwrap_or_default().map(|calls| SparkDay { calls, limited: 0 }).to_vec();
    let spark = view! { <Spark days/> }.into_any();
    let never = (key.calls == 0).then_some(" text-ink-3");
    let calls = markup!(
        r#"<div class="calls"><span class="num"# { never } r#"">"# { grouped(u64::try_from(key.calls).unwrap_or(0)) }
        "</span>" { spark } "</div>" { note(limited, share, now) }
    );
    let last_used = match key.last_used_at {
        Some(at) => view! { <Time at now/> }.into_any(),
        None if is_new => first_use(&key),
        None => markup!(r#"<span class="text-ink-3">Never used</span>"#).into_any(),
    };
    let expiry = expiry(&key, now).into_any();
    let actions = may_manage.then(|| actions(&key, status, (may_enable, may_rotate), place));
    view! {
        <Row id=key.id.to_string()>
            <Cell class="a-name">{name.into_any()}</Cell>
            <Cell class="a-key"><KeyText kind start/><div class="cap">{kind.label()}</div></Cell>
            <Cell class="a-role"><RolePins role=key.role/></Cell>
            <Cell class="a-calls" label="Calls">{calls.into_any()}</Cell>
            <Cell class="a-last whitespace-nowrap" label="Last used">{last_used}</Cell>
            <Cell class="a-created whitespace-nowrap text-ink-2" label="Created">
                <Time at=key.created_at now wording=Wording::Day/>
            </Cell>
            <Cell class="a-exp whitespace-nowrap" label="Expires">{expiry}</Cell>
            <Cell class="a-menu text-right">{actions}</Cell>
        </Row>
    }
    .into_any()
}

/// The checkbox that selects the row, or an empty cell of the same size.
fn pick(key: &Key, selects: bool, selectable: bool) -> Markup {
    match (selects, selectable) {
        (true, _) => markup!(
            r#"<input class="check pick over mt-px" type="checkbox" form=""# { SELECTION } r#"" name="key" value=""#
            { key.id.to_string() } r#"" aria-label="Select "# { &key.name } r#"">"#
        ),
        (false, true) => {
            markup!(r#"<span class="w-4.5 flex-none pointer-coarse:w-6" aria-hidden="true"></span>"#)
        }
        (false, false) => Markup::default(),
    }
}

/// A note below the number of calls, about anything unusual.
fn note(limited: u64, share: Option<(u64, u64)>, now: Timestamp) -> Option<Markup> {
    let (tone, text) = if limited > 0 {
        let since = time_markup(limited_since(now), now, Wording::Clock);
        ("tone-warn", markup!({ grouped(limited) } " refused since " { since }))
    } else {
        let (all, old) = share.filter(|(all, _)| *all > 0)?;
        let text = match old {
            0 => "Old secret silent for a day".to_owned(),
            old => format!("{}% with the old secret in 24 h", (old * 100).div_ceil(all)),
        };
        ("tone-info", markup!({ text }))
    };
    Some(markup!(r#"<div class="cap num calls-note "# { tone } r#"">"# { text } "</div>"))
}

fn expiry(key: &Key, now: Timestamp) -> Markup {
    let end = match key.expires_at {
        None => markup!(r#"<div class="text-ink-3">Never</div>"#),
        Some(at) => {
            let soon = at > now && at <= now.plus(SOON) && key.status(now).is_active();
            let class = if soon { "tone-warn font-medium" } else { "" };
            markup!("<div>" { view! { <Time at now class/> }.into_any() } "</div>")
        }
    };
    let caption = match (key.rotation(now), key.expires_at) {
        (Some((_, until)), _) => {
            let left = words(until, now, Wording::Relative).replacen("In ", "", 1);
            markup!(r#"<div class="cap tone-info">Old secret: "# { left } " left</div>")
        }
        (None, Some(at)) => {
            markup!(r#"<div class="cap">"# { time_markup(at, now, Wording::LastDay) } "</div>")
        }
        (None, None) => Markup::default(),
    };
    markup!({ end } { caption })
}

/// Changes when the box with the secret says that the first call was received.
fn first_use(key: &Key) -> AnyView {
    let topic = first_call(&key.org, key.secret).page_name;
    view! {
        <span class="live" data-live=topic data-state="waiting">
            <span class="live-waiting text-ink-3">"Never used"</span>
            <span class="live-arrived">"Just now"</span>
        </span>
    }
    .into_any()
}

fn actions(
    key: &Key,
    status: Status,
    (may_enable, may_rotate): (bool, bool),
    place: usize,
) -> Option<AnyView> {
    if status == Status::Revoked {
        return None;
    }
    let path = path_of(key.id);
    let (action, symbol, text) = match key.disabled_at {
        Some(_) => ("enable", Symbol::Check, "Enable"),
        None => ("disable", Symbol::Pause, "Disable"),
    };
    let switch = MenuItem::Action {
        action: format!("{path}/{action}"),
        fields: vec![("back", HOME.to_owned())],
        symbol,
        text,
    };
    let rotate = (may_rotate && status != Status::Expired)
        .then(|| MenuItem::link(format!("{path}/rotate"), Symbol::Rotate, "Rotate…"));
    let edit = MenuItem::link(format!("{path}/edit"), Symbol::Edit, "Edit");
    let switch = (may_enable || key.disabled_at.is_none()).then_some(switch);
    let revoke = MenuItem::danger(format!("{path}/revoke"), Symbol::Ban, "Revoke…");
    let items = rotate.into_iter().chain([edit]).chain(switch).chain([MenuItem::Rule, revoke]).collect();
    let (id, label) = (format!("key-menu-{place}"), format!("Actions for {}", key.name));
    Some(view! { <Menu id label items/> }.into_any())
}
