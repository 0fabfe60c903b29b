//! Links an identity provider to one's account, or unlinks it. Both require a confirmation first, so that a stranger at an
//! unlocked screen cannot do it.

use axum::extract::{Form, Path, State};
use axum::response::{IntoResponse, Response};
use leptos::prelude::*;
use serde::Deserialize;
use tower_sessions::Session;

use super::confirm::{Confirm, ConfirmField};
use super::{HOME, redirect_home};
use crate::accounts::server::Provider;
use crate::accounts::server::{self as accounts, UnlinkOutcome};
use crate::orgs::server::Member;
use crate::orgs::server::page_frame::{chrome, page_for};
use crate::platform::{App, Error, Secret};
use crate::ui::form::FormErrors;
use crate::ui::parts::{LinkButton, Look};
use crate::ui::server::form_page::FormPage;
use crate::ui::shell::{Breadcrumb, PageHead, Shell};

#[derive(Deserialize)]
pub struct MethodForm {
    password: Secret,
}

pub async fn show(
    State(app): State<App>,
    member: Member,
    Path(slug): Path<String>,
) -> Result<Response, Error> {
    let provider = Provider::find(&app, &slug).ok_or(Error::NotFound)?;
    Ok(page(&app, &member, MethodChange::Link(provider), FormErrors::default()).await)
}

/// After a successful confirmation, permits linking for a few minutes.
pub async fn submit(
    State(app): State<App>,
    member: Member,
    Path(slug): Path<String>,
    session: Session,
    Form(form): Form<MethodForm>,
) -> Result<Response, Error> {
    let provider = Provider::find(&app, &slug).ok_or(Error::NotFound)?;
    let visitor = &member.visitor;
    if let Err(errors) = Confirm::of(&app, &member).check(&app, form.password).await? {
        return Ok(page(&app, &member, MethodChange::Link(provider), errors).await);
    }
    accounts::permit_link(&app, &session, &visitor.by(), &visitor.person, provider).await?;
    Ok(continue_page(&app, &member, provider).await)
}

pub async fn show_removal(
    State(app): State<App>,
    member: Member,
    Path(slug): Path<String>,
) -> Result<Response, Error> {
    let change = MethodChange::unlink(&app, &member, &slug).await?;
    Ok(page(&app, &member, change, FormErrors::default()).await)
}

pub async fn remove(
    State(app): State<App>,
    member: Member,
    Path(slug): Path<String>,
    session: Session,
    Form(form): Form<MethodForm>,
) -> Result<Response, Error> {
    let change = MethodChange::unlink(&app, &member, &slug).await?;
    let MethodChange::Unlink { issuer, name, .. } = change.clone() else { return Err(Error::NotFound) };
    let refused = |errors| page(&app, &member, change, errors);
    if let Err(errors) = Confirm::of(&app, &member).check(&app, form.password).await? {
        return Ok(refused(errors).await);
    }
    let visitor = &member.visitor;
    match accounts::unlink(&app, &visitor.by(), &visitor.person, &issuer).await? {
        UnlinkOutcome::LastMethod => {
            let why = "This is your only sign-in method. Set a password or link another provider first.";
            Ok(refused(FormErrors::default().with("", why)).await)
        }
        UnlinkOutcome::NotLinked => Err(Error::NotFound),
        UnlinkOutcome::Done => {
            let message = format!("{name} was unlinked from your account.");
            Ok(redirect_home(&session, &message).await?.into_response())
        }
    }
}

/// The change that a page of this module makes.
#[derive(Clone)]
enum MethodChange {
    Link(Provider),
    Unlink { slug: String, issuer: String, name: String, label: String },
}

impl MethodChange {
    /// Finds the linked identity with this slug.
    async fn unlink(app: &App, member: &Member, slug: &str) -> Result<Self, Error> {
        let identities = accounts::identities_of(app, &member.visitor.person).await?;
        let mut identities = identities.into_iter().enumerate();
        let found = identities.find(|(index, identity)| method_slug(app, *index, &identity.issuer) == slug);
        let (_, identity) = found.ok_or(Error::NotFound)?;
        let name = accounts::provider_of(app, &identity.issuer).map(|provider| provider.name(app));
        let name = name.unwrap_or_else(|| identity.issuer.clone());
        Ok(Self::Unlink { slug: slug.to_owned(), issuer: identity.issuer, name, label: identity.label })
    }
}

/// The name of a linked identity in URLs. An identity of a provider that is no longer configured is named by its index in
/// the list.
pub fn method_slug(app: &App, index: usize, issuer: &str) -> String {
    match accounts::provider_of(app, issuer) {
        Some(provider) => provider.slug().to_owned(),
        None => format!("former-{index}"),
    }
}

async fn page(app: &App, member: &Member, change: MethodChange, errors: FormErrors) -> Response {
    let (title, text, action, failed, button, look) = match change {
        MethodChange::Link(provider) => {
            let name = provider.name(app);
            (
                format!("Link {name}"),
                format!(
                    "You can then sign in with {name} too. This server reads only your name and email address there."
                ),
                format!("/settings/profile/sign-in-methods/{}", provider.slug()),
                format!("{name} was not linked."),
                format!("Continue to {name}"),
                Look::Primary,
            )
        }
        MethodChange::Unlink { slug, name, label, .. } => (
            format!("Unlink {name}"),
            format!("You can then no longer sign in as {label} at {name}."),
            format!("/settings/profile/sign-in-methods/{slug}/remove"),
            format!("{name} was not unlinked."),
            "Unlink".to_owned(),
            Look::Danger,
        ),
    };
    let chrome = chrome(app, member, None, HOME);
    let confirm = Confirm::of(app, member);
    FormPage::shell(page_for(app, member, &title), chrome, action)
        .up(HOME, "Profile")
        .text(text)
        .failed(failed)
        .submit(button)
        .look(look)
        .possible(confirm.is_possible())
        .render(errors, move || view! { <ConfirmField confirm/> })
        .await
}

/// The page with the link to the provider. The form cannot redirect there, because the Content-Security-Policy forbids
/// forms that leave this server.
async fn continue_page(app: &App, member: &Member, provider: Provider) -> Response {
    let name = provider.name(app);
    let href = format!("/auth/{}?link=1", provider.slug());
    let chrome = chrome(app, member, None, "/settings/profile");
    let title = format!("Link {name}");
    page_for(app, member, &title)
        .render(move || {
            view! {
                <Shell chrome>
                    <Breadcrumb up=vec![("/settings/profile".to_owned(), "Profile".to_owned())] here=title.clone()/>
                    <PageHead
                        title=title
                        text=format!("{name} asks you to confirm, and then brings you back here.")
                    />
                    <div class="mt-6 flex flex-wrap gap-2">
                        <LinkButton href look=Look::Primary>{format!("Continue to {name}")}</LinkButton>
                        <LinkButton href="/settings/profile" look=Look::Ghost>"Cancel"</LinkButton>
                    </div>
                </Shell>
            }
        })
        .await
}
