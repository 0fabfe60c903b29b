//! `/settings/api-keys/{id}/allow?address=…`: the dialog that adds a refused address to the ranges of a key.

use std::net::IpAddr;

use axum::extract::{Form, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use ipnet::IpNet;
use leptos::prelude::*;
use serde::Deserialize;
use tower_sessions::Session;

use super::key::{self, A_DAY, KeyPageState};
use super::{path_of, redirect_with_message, refused};
use crate::keys::Status;
use crate::keys::server::{self as keys, Edit, Key, Refusal};
use crate::orgs::server::Member;
use crate::platform::http::PathId;
use crate::platform::{App, Error};
use crate::shared::{KeyId, Timestamp};
use crate::ui::form::{ErrorSummary, Form as PageForm, FormErrors, SubmitButton};
use crate::ui::parts::{
    Dialog, DialogBody, DialogFoot, DialogWidth, HiddenFields, Input, LinkButton, Note, Time, Tone, counted,
};
use crate::usage::Outcome;
use crate::usage::server::{self as usage, CallerRefusal, KeyCaller};

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct AllowQuery {
    address: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct AllowForm {
    address: String,
    range: String,
}

const UNREADABLE: &str = "Choose the address in the list of callers.";

pub async fn show(
    State(app): State<App>,
    member: Member,
    session: Session,
    PathId(id): PathId<KeyId>,
    Query(query): Query<AllowQuery>,
) -> Result<Response, Error> {
    let key = keys::find(&app, &member, id).await?;
    keys::require_to_grant(&member, &key)?;
    let Some(address) = read_address(&query.address) else {
        return redirect_with_message(&session, id, UNREADABLE).await;
    };
    if let Some(why) = why_not(&app, &key, address) {
        return redirect_with_message(&session, id, &why).await;
    }
    dialog_page(&app, &member, &key, address, IpNet::from(address).to_string(), FormErrors::default()).await
}

pub async fn submit(
    State(app): State<App>,
    member: Member,
    session: Session,
    PathId(id): PathId<KeyId>,
    Form(form): Form<AllowForm>,
) -> Result<Response, Error> {
    let key = keys::find(&app, &member, id).await?;
    let Some(address) = read_address(&form.address) else {
        return redirect_with_message(&session, id, UNREADABLE).await;
    };
    if let Some(why) = why_not(&app, &key, address) {
        return redirect_with_message(&session, id, &why).await;
    }
    let range = match read_range(&form.range, address) {
        Ok(range) => range,
        Err(why) => {
            keys::require_to_grant(&member, &key)?;
            let errors = FormErrors::default().with("range", why);
            return dialog_page(&app, &member, &key, address, form.range, errors).await;
        }
    };
    // A range that contains present ones takes their place, because the ranges of a key do not overlap.
    let present = key.ranges.iter().filter(|present| !range.contains(*present));
    let ranges = present.map(ToString::to_string).chain([range.to_string()]).collect();
    match keys::edit(&app, &member, id, &Edit { ranges: Some(ranges), ..Edit::default() }).await {
        Ok(_) => redirect_with_message(&session, id, &format!("{range} is allowed now.")).await,
        Err(Refusal::Input(wrong)) => {
            let why = wrong.into_iter().next().map(|(_, why)| why).unwrap_or_default();
            let errors = FormErrors::default().with("range", why);
            dialog_page(&app, &member, &key, address, form.range, errors).await
        }
        Err(refusal) => refused(&session, id, refusal).await,
    }
}

fn read_address(text: &str) -> Option<IpAddr> {
    text.trim().parse().ok().map(|address: IpAddr| address.to_canonical())
}

/// The range to add, which must contain the address.
fn read_range(text: &str, address: IpAddr) -> Result<IpNet, String> {
    let ranges = keys::read_ranges(&[text.to_owned()])?;
    let range = ranges.into_iter().next().filter(|range| range.contains(&address));
    range.ok_or_else(|| format!("This range does not contain {address}."))
}

/// Why there is nothing to allow.
fn why_not(app: &App, key: &Key, address: IpAddr) -> Option<String> {
    if key.status(app.clock.now()) == Status::Revoked {
        Some("A revoked key cannot be changed.".to_owned())
    } else if key.ranges.is_empty() {
        // A first range would lock out everybody else.
        Some("This key allows every address.".to_owned())
    } else if !key.excludes(address) {
        Some(format!("{address} is allowed already."))
    } else {
        None
    }
}

/// The key's page with the dialog above it.
async fn dialog_page(
    app: &App,
    member: &Member,
    key: &Key,
    address: IpAddr,
    typed: String,
    errors: FormErrors,
) -> Result<Response, Error> {
    let now = app.clock.now();
    let text = address.to_string();
    let callers = usage::callers_of(app, key.id, now.minus(A_DAY * 30)).await?;
    let callers: Vec<KeyCaller> = callers.into_iter().filter(|caller| caller.address == text).collect();
    let refusals = callers.iter().map(|caller| caller.refusal);
    let refusals =
        refusals.filter(|refusal| refusal.is_some_and(|last| last.outcome == Outcome::IpNotAllowed));
    let dialog = AllowDialog {
        path: path_of(key.id),
        address,
        typed,
        refusal: refusals.fold(None, CallerRefusal::merge),
        user_agent: callers.first().map(|caller| caller.user_agent.clone()).unwrap_or_default(),
        ranges: key.ranges.iter().map(ToString::to_string).collect(),
        now,
    };
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let draw = move || dialog.draw(errors);
    let state = KeyPageState { dialog: Some(Box::new(draw)), ..KeyPageState::default() };
    key::page(app, member, key.id, state, status).await
}

struct AllowDialog {
    path: String,
    address: IpAddr,
    typed: String,
    refusal: Option<CallerRefusal>,
    user_agent: String,
    /// The ranges that the key allows now.
    ranges: Vec<String>,
    now: Timestamp,
}

impl AllowDialog {
    fn draw(self, errors: FormErrors) -> AnyView {
        let Self { path, address, typed, .. } = &self;
        let (title, typed, address) = (format!("Allow {address}?"), typed.clone(), *address);
        let (close, keep, action) = (path.clone(), path.clone(), format!("{path}/allow"));
        let hint = if address.is_ipv4() { "/32 is this one address." } else { "/128 is this one address." };
        let facts = self.facts();
        view! {
            <Dialog id="allow" title close width=DialogWidth::Narrow described_by="allow-text">
                <PageForm action errors>
                    <HiddenFields fields=vec![("address", address.to_string())]/>
                    <DialogBody>
                        <ErrorSummary failed="The key was not changed." class="mb-4"/>
                        <p class="text-ink-2" id="allow-text">
                            "Requests from this address with the right secret are accepted at once."
                        </p>
                        {facts}
                        {is_private(address).then(|| private_note(address))}
                        <Input
                            name="range" label="Address or range" value=typed hint verbatim=true autocomplete="off"
                            control="mono" class="mt-4" focus=true
                        />
                    </DialogBody>
                    <DialogFoot>
                        <LinkButton href=keep>"Keep refusing"</LinkButton>
                        <SubmitButton text="Allow address"/>
                    </DialogFoot>
                </PageForm>
            </Dialog>
        }
        .into_any()
    }

    fn facts(self) -> AnyView {
        let now = self.now;
        let refused = self.refusal.map(|CallerRefusal { at, requests, .. }| {
            let count = counted(u64::try_from(requests).unwrap_or(0), "request", "requests");
            view! {
                <div>
                    <dt>"Refused so far"</dt>
                    <dd><b class="num font-semi">{count}</b>", last one " <Time at now/></dd>
                </div>
            }
        });
        let agent = (!self.user_agent.is_empty()).then(|| {
            view! { <div><dt>"Sends as"</dt><dd class="[overflow-wrap:anywhere]" dir="auto">{self.user_agent}</dd></div> }
        });
        let ranges = self.ranges.into_iter();
        let ranges = ranges.map(|range| view! { <span class="mono block text-cap leading-5">{range}</span> });
        view! {
            <dl class="facts mt-3 border-y border-line">
                {refused}
                {agent}
                <div><dt>"Allowed now"</dt><dd>{ranges.collect_view()}</dd></div>
            </dl>
        }
        .into_any()
    }
}

/// Whether the address belongs to a network that is not part of the internet.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_private() || address.is_loopback() || address.is_link_local(),
        IpAddr::V6(address) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
    }
}

fn private_note(address: IpAddr) -> AnyView {
    view! {
        <Note tone=Tone::Warn class="mt-3">
            <p>
                <b>{format!("{address} is a private address.")}</b>
                " It may be your own proxy rather than the caller. If so, add the proxy to "
                <span class="mono text-cap">"trusted_proxies"</span> " instead."
            </p>
        </Note>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_contains_the_address() {
        let address = IpAddr::from([10, 0, 0, 7]);
        for text in ["10.0.0.7", "10.0.0.7/32", "10.0.0.0/8", " 0.0.0.0/0 "] {
            assert!(read_range(text, address).is_ok(), "{text}");
        }
        for text in ["", "10.0.0.8", "10.0.0.7/8", "198.51.100.0/24", "::/0", "here"] {
            assert!(read_range(text, address).is_err(), "{text}");
        }
    }

    #[test]
    fn private_addresses_are_known() {
        for text in ["10.0.0.7", "192.168.1.1", "127.0.0.1", "169.254.1.1", "::1", "fd00::1", "fe80::1"] {
            assert!(text.parse().is_ok_and(is_private), "{text}");
        }
        for text in ["203.0.113.7", "2001:db8::1"] {
            assert!(text.parse().is_ok_and(|address| !is_private(address)), "{text}");
        }
    }
}
