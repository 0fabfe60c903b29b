//! A key in the list.

use leptos::prelude::*;

use super::super::{HOME, badge, path_of};
use super::load::RowData;
use crate::keys::server::Key;
use crate::keys::{SOON, Status};
use crate::shared::Timestamp;
use crate::ui::parts::{
    Cell, Glyph, KeyText, Menu, MenuAction, MenuLink, MenuRule, RolePins, Row, RowLink, Spark, SparkDay,
    Symbol, Time, Wording, day, grouped, words,
};

/// The form that the selected keys belong to.
pub const SELECTION: &str = "selection";

/// `selectable`: some row of the list can be selected.
pub fn row(data: RowData, place: usize, selectable: bool, now: Timestamp) -> AnyView {
    let RowData { key, trend, limited, share, creator, maker, may_manage, may_renew, is_new } = data;
    let href = path_of(&key.id);
    let status = key.status(now);
    let origin = match (&key.login, maker, is_new) {
        (Some(login), ..) => format!("CLI login on {} by {creator}", login.device),
        (None, _, true) => "Created by you just now".to_owned(),
        (None, Some(maker), _) => format!("Created by {creator} with {maker}"),
        (None, None, _) => format!("Created by {creator}"),
    };
    let selects = may_manage && status != Status::Revoked;
    let pick = selects.then(|| {
        view! {
            <input
                class="check pick over mt-px" type="checkbox" form=SELECTION name="key" value=key.id.to_string()
                aria-label=format!("Select {}", key.name)
            />
        }
    });
    let gap = (selectable && !selects)
        .then(|| view! { <span class="w-4.5 flex-none pointer-coarse:w-6" aria-hidden="true"></span> });
    let days = trend.unwrap_or_default().map(|calls| SparkDay { calls, limited: 0 }).to_vec();
    let calls = grouped(u64::try_from(key.calls).unwrap_or(0));
    let calls_class = if key.calls == 0 { "num text-ink-3" } else { "num" };
    let (note, menu) = (note(limited, share), may_manage.then(|| menu(&key, status, may_renew, place)));
    let (badge, expiry) = (badge(&key, now, limited > 0, is_new), expiry(&key, now));
    let last_used = match key.last_used_at {
        Some(at) => view! { <Time at now/> }.into_any(),
        None => view! { <span class="text-ink-3">"Never used"</span> }.into_any(),
    };
    let Key { name, kind, role, created_at, secret, .. } = key;
    let start = secret.to_string();
    let seed = start.clone();
    view! {
        <Row>
            <Cell class="a-name">
                <div class="flex gap-3">
                    {pick}
                    {gap}
                    <span class="mt-0.5"><Glyph seed kind off=!status.is_active()/></span>
                    <div class="min-w-0">
                        <div class="flex flex-wrap items-center gap-x-2 gap-y-1">
                            <RowLink href=href text=name/>
                            {badge}
                        </div>
                        <div class="cap mt-0.5 [overflow-wrap:anywhere]" dir="auto">{origin}</div>
                    </div>
                </div>
            </Cell>
            <Cell class="a-key">
                <KeyText kind start/>
                <div class="cap">{kind.label()}</div>
            </Cell>
            <Cell class="a-role"><RolePins role/></Cell>
            <Cell class="a-calls" label="Calls">
                <div class="calls"><span class=calls_class>{calls}</span><Spark days/></div>
                {note}
            </Cell>
            <Cell class="a-last whitespace-nowrap" label="Last used">{last_used}</Cell>
            <Cell class="a-created whitespace-nowrap text-ink-2" label="Created">
                <Time at=created_at now wording=Wording::Day/>
            </Cell>
            <Cell class="a-exp whitespace-nowrap" label="Expires">{expiry}</Cell>
            <Cell class="a-menu text-right">{menu}</Cell>
        </Row>
    }
    .into_any()
}

/// Below the calls: what is unusual about them.
fn note(limited: u64, share: Option<(u64, u64)>) -> Option<AnyView> {
    if limited > 0 {
        let text = format!("{} refused in the last hour", grouped(limited));
        return Some(view! { <div class="cap num calls-note tone-warn">{text}</div> }.into_any());
    }
    let (all, old) = share.filter(|(all, _)| *all > 0)?;
    let text = match old {
        0 => "Old secret silent for a day".to_owned(),
        old => format!("{}% still on the old secret", (old * 100).div_ceil(all)),
    };
    Some(view! { <div class="cap num calls-note tone-info">{text}</div> }.into_any())
}

fn expiry(key: &Key, now: Timestamp) -> AnyView {
    let end = match key.expires_at {
        None => view! { <div class="text-ink-3">"Never"</div> }.into_any(),
        Some(at) => {
            let soon = at > now && at <= now.plus(SOON) && key.status(now).is_active();
            let class = if soon { "tone-warn font-medium" } else { "" };
            view! { <div><Time at now class/></div> }.into_any()
        }
    };
    let caption = match (key.rotation(now), key.expires_at) {
        (Some((_, until)), _) => {
            let left = words(until, now, Wording::Relative).replacen("In ", "", 1);
            view! { <div class="cap tone-info">{format!("Old secret: {left} left")}</div> }.into_any()
        }
        (None, Some(at)) => view! { <div class="cap">{day(at)}</div> }.into_any(),
        (None, None) => ().into_any(),
    };
    view! { {end}{caption} }.into_any()
}

fn menu(key: &Key, status: Status, may_renew: bool, place: usize) -> AnyView {
    let path = path_of(&key.id);
    if status == Status::Revoked {
        return ().into_any();
    }
    let back = vec![("back", HOME.to_owned())];
    let switch = if key.disabled_at.is_some() {
        view! { <MenuAction action=format!("{path}/enable") fields=back symbol=Symbol::Check text="Enable"/> }
    } else {
        view! { <MenuAction action=format!("{path}/disable") fields=back symbol=Symbol::Pause text="Disable"/> }
    };
    view! {
        <Menu id=format!("key-menu-{place}") label=format!("Actions for {}", key.name)>
            {(may_renew && status != Status::Expired)
                .then(|| view! { <MenuLink href=format!("{path}/rotate") symbol=Symbol::Rotate text="Rotate…"/> })}
            <MenuLink href=format!("{path}/edit") symbol=Symbol::Edit text="Edit"/>
            {switch}
            <MenuRule/>
            <MenuLink href=format!("{path}/revoke") symbol=Symbol::Ban danger=true text="Revoke…"/>
        </Menu>
    }
    .into_any()
}
