//! The outcome of a login, for the person who decided it. For other people, the page says that the code has expired.

use axum::http::StatusCode;
use axum::response::Response;
use leptos::prelude::*;

use super::address::HERE;
use super::guard::Guard;
use crate::device::LoginStatus;
use crate::device::server::store::{LoginProtocol, LoginRequest};
use crate::device::server::{clients, service};
use crate::keys::server::{Key, find};
use crate::platform::{Error, minutes};
use crate::shared::Permission;
use crate::ui::parts::{ExactTime, Glyph, GlyphSize, KeyText, LinkButton, LivePart, Look, Note};
use crate::ui::server::page::Page;
use crate::ui::shell::Solo;

pub async fn page(guard: &Guard<'_>, login: LoginRequest) -> Result<Response, Error> {
    let is_collectable = login.redeem_until.is_some_and(|until| until > guard.app.clock.now());
    match login.status {
        LoginStatus::Denied => Ok(denied(guard, &login).await),
        LoginStatus::Consumed => approved(guard, &login).await,
        LoginStatus::Approved if is_collectable => approved(guard, &login).await,
        LoginStatus::Approved | LoginStatus::Pending => Ok(expired(guard, &login).await),
    }
}

/// The display name of the device that was logged in.
fn subject(guard: &Guard<'_>, login: &LoginRequest) -> String {
    if !login.device_name.is_empty() {
        return login.device_name.clone();
    }
    clients::name_of(guard.app, &login.client_id).unwrap_or(&login.client_id).to_owned()
}

async fn approved(guard: &Guard<'_>, login: &LoginRequest) -> Result<Response, Error> {
    let visitor = guard.visitor;
    let actor = login.org.as_ref().and_then(|org| visitor.actor_in(*org));
    let org_name = actor.as_ref().map(|actor| actor.org.org_name.clone());
    let role = login.role.map_or("", |role| role.with_article());
    let subject = subject(guard, login);
    let is_waiting = login.status == LoginStatus::Approved;
    let verb = if is_waiting { "may log in" } else { "is logged in" };
    let text = match &org_name {
        Some(org_name) => format!("{subject} {verb} to {org_name} as {role}. You can close this page."),
        None => format!("{subject} was logged in to an organization that you have left since."),
    };
    let key = match (&actor, &login.key) {
        (Some(actor), Some(id)) => match find(guard.app, actor, *id).await {
            Ok(key) => Some(key),
            Err(Error::NotFound) => None,
            Err(error) => return Err(error),
        },
        _ => None,
    };
    // The key's page exists only in the key's organization.
    let is_current = visitor.current.as_ref().map(|current| &current.org) == login.org.as_ref();
    let (host, visit) = (guard.app.public_url.authority().to_owned(), &visitor.visit);
    let key_collected =
        is_waiting.then(|| guard.app.live.expect(service::key_collected(visitor.person.id, login.id)));
    let page = Page::new(guard.app, visit, "Login approved").render(move || {
        let below = match key {
            Some(key) => facts(&key, is_current),
            None => key_collected.map(|topic| view! {
                <div class="panel mt-6 px-5 py-4 text-dense">
                    <LivePart
                        topic waiting="The terminal is about to fetch its key."
                        done="The terminal has its key."
                    />
                    <p class="hint mt-2">
                        "Its key will be listed under " <a class="link" href="/settings/api-keys">"API keys"</a>
                        " and on " <a class="link" href="/settings/profile#devices">"your profile"</a>"."
                    </p>
                </div>
            })
            .into_any(),
        };
        view! {
            <Solo host>
                <div class="text-center">
                    <h1 class="h-page">"Return to your terminal"</h1>
                    <p class="mx-auto mt-1.5 max-w-[23rem] text-balance text-ink-2 [overflow-wrap:anywhere]" dir="auto">{text}</p>
                </div>
                {below}
            </Solo>
        }
    });
    Ok(page.await)
}

/// The key's details. Links to the key's page only if its organization is the current one.
fn facts(key: &Key, is_current: bool) -> AnyView {
    let Key { id, name, kind, secret, expires_at, revoked_at, .. } = key.clone();
    let start = secret.to_string();
    let seed = start.clone();
    let path = format!("/settings/api-keys/{id}");
    let title = match is_current {
        true => view! { <a class="link" href=path.clone()>{name}</a> }.into_any(),
        false => name.into_any(),
    };
    let revoke = if is_current { format!("{path}/revoke") } else { "/settings/profile#devices".to_owned() };
    let (label, validity) = match (revoked_at, expires_at) {
        (Some(_), _) => ("Works", "No longer: it was revoked".into_any()),
        (None, Some(end)) => ("Works until", view! { <ExactTime at=end/> }.into_any()),
        (None, None) => ("Works", "Until it is revoked".into_any()),
    };
    view! {
        <div class="panel mt-6 overflow-hidden">
            <div class="flex justify-center border-b border-brass-line bg-brass-tint py-5">
                <Glyph seed kind size=GlyphSize::Huge off=revoked_at.is_some() title="Your new key"/>
            </div>
            <dl class="facts px-5 py-2">
                <div><dt>"Key"</dt><dd dir="auto">{title}<span class="block"><KeyText kind start/></span></dd></div>
                <div><dt>{label}</dt><dd>{validity}</dd></div>
                {revoked_at.is_none().then(|| view! {
                    <div><dt>"Not you?"</dt><dd><a class="link" href=revoke>"Revoke this key now"</a></dd></div>
                })}
            </dl>
        </div>
    }
    .into_any()
}

async fn denied(guard: &Guard<'_>, login: &LoginRequest) -> Response {
    let text =
        format!("{} got no access and no key was created. You can close this page.", subject(guard, login));
    let current = guard.visitor.current.as_ref();
    let actor = current.and_then(|current| guard.visitor.actor_in(current.org));
    let may_read_log = actor.is_some_and(|actor| actor.may(Permission::ReadAudit));
    let log = if may_read_log {
        view! { <a class="link" href="/settings/audit-log">"audit log"</a> }.into_any()
    } else {
        "audit log".into_any()
    };
    let address = login.address.clone();
    let host = guard.app.public_url.authority().to_owned();
    Page::new(guard.app, &guard.visitor.visit, "Login denied")
        .render(move || {
            view! {
                <Solo host>
                    <div class="text-center">
                        <h1 class="h-page">"Login denied"</h1>
                        <p class="mx-auto mt-1.5 max-w-[23rem] text-balance text-ink-2 [overflow-wrap:anywhere]" dir="auto">{text}</p>
                    </div>
                    <Note class="mt-6">
                        <p>
                            "If you did not start this login, someone may have tried to get your approval. It is in the "
                            {log} {format!(" with its address, {address}.")}
                        </p>
                    </Note>
                </Solo>
            }
        })
        .await
}

async fn expired(guard: &Guard<'_>, login: &LoginRequest) -> Response {
    let life = minutes(guard.app.config.device.device_code_life);
    let text = format!("Codes work for {life}. Start the login again in your terminal; it shows a new code.");
    // Only for ArmorIQ's client is the command that starts a login known.
    let command = (login.wire == LoginProtocol::ArmorIq).then_some("armoriq login");
    let command =
        command.map(|line| view! { <pre class="code mt-6 text-center" tabindex="0">{line}</pre> }.into_any());
    let host = guard.app.public_url.authority().to_owned();
    Page::new(guard.app, &guard.visitor.visit, "Code expired")
        .status(StatusCode::OK)
        .render(move || {
            view! {
                <Solo host>
                    <div class="text-center">
                        <h1 class="h-page">"This code has expired"</h1>
                        <p class="mx-auto mt-1.5 max-w-[23rem] text-balance text-ink-2">{text}</p>
                    </div>
                    {command}
                    <div class="mt-6 flex justify-center gap-2">
                        <LinkButton href=HERE look=Look::Primary>"Enter a new code"</LinkButton>
                    </div>
                </Solo>
            }
        })
        .await
}
