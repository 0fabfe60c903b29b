//! The page shown when signing in with an identity provider fails.

use axum::http::StatusCode;
use axum::response::Response;
use leptos::prelude::*;

use super::providers::start_link;
use crate::accounts::server::oauth::Provider;
use crate::platform::App;
use crate::platform::http::Visit;
use crate::shared::ReturnPath;
use crate::ui::parts::{LinkButton, Look, Size};
use crate::ui::server::page::Page;
use crate::ui::shell::Solo;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OAuthFailure {
    /// The callback belongs to no sign-in of this browser, or is expired, or was already used.
    UnknownFlow,
    Denied,
    Unavailable,
    InvalidResponse,
    Disabled,
    NoAccount,
    /// A person is signed in, and the identity is not linked to them.
    NotLinked,
    AddressTaken,
    LinkedElsewhere,
    HasAnother,
}

impl OAuthFailure {
    const fn status(self) -> StatusCode {
        match self {
            Self::UnknownFlow => StatusCode::BAD_REQUEST,
            Self::Denied | Self::Disabled | Self::NoAccount | Self::NotLinked => StatusCode::FORBIDDEN,
            Self::LinkedElsewhere | Self::HasAnother | Self::AddressTaken => StatusCode::CONFLICT,
            Self::InvalidResponse => StatusCode::BAD_GATEWAY,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The title and the text of the page; `name` is the provider's.
    fn message(self, name: &str) -> (String, String) {
        let message = |title: String, text: &str| (title, text.replace("{name}", name));
        match self {
            Self::UnknownFlow => message(
                "This sign-in has ended".to_owned(),
                "It was started in another browser, took longer than ten minutes, or was completed already. Start again.",
            ),
            Self::Denied => message(
                format!("{name} did not let you in"),
                "You canceled the sign-in, or {name} refused it. Nothing was changed here.",
            ),
            Self::Unavailable => message(
                format!("{name} does not answer"),
                "{name} cannot be reached right now. Try again in a moment, or sign in another way.",
            ),
            Self::InvalidResponse => message(
                format!("Invalid response from {name}"),
                "The response of {name} failed a check, so you are not signed in. The server's log has the reason.",
            ),
            Self::Disabled => {
                message("This account is disabled".to_owned(), "Ask whoever runs this server to enable it.")
            }
            Self::NoAccount => message(
                "No account yet".to_owned(),
                "No account here is linked to this sign-in at {name}. If you have an account, sign in to it and link \
                 {name} on your profile. If you have none, ask an admin of your organization to invite you.",
            ),
            Self::NotLinked => message(
                format!("{name} is not linked"),
                "No account here is linked to this sign-in at {name}. You can link it to yours on your profile.",
            ),
            Self::AddressTaken => message(
                "You have an account already".to_owned(),
                "An account here has the same email address as yours at {name}. Sign in to it and link {name} on your \
                 profile.",
            ),
            Self::LinkedElsewhere => message(
                "Linked to another account".to_owned(),
                "This sign-in at {name} is linked to another account on this server. Unlink it there first.",
            ),
            Self::HasAnother => message(
                format!("{name} is linked already"),
                "Another sign-in at {name} is linked to your account. Unlink it on your profile first.",
            ),
        }
    }

    /// Whether to offer another try, and the alternative link with its text.
    const fn actions(self) -> (bool, &'static str, &'static str) {
        match self {
            Self::UnknownFlow | Self::Denied | Self::Unavailable | Self::InvalidResponse => {
                (true, "/sign-in", "Sign in another way")
            }
            Self::Disabled | Self::NoAccount | Self::AddressTaken => {
                (false, "/sign-in", "Sign in another way")
            }
            Self::NotLinked | Self::LinkedElsewhere | Self::HasAnother => {
                (false, "/settings/profile", "Go to your profile")
            }
        }
    }
}

pub async fn page(
    app: &App,
    visit: &Visit,
    provider: Provider,
    next: &ReturnPath,
    failure: OAuthFailure,
) -> Response {
    let name = provider.name(app);
    let host = app.public_url.authority().to_owned();
    let (title, text) = failure.message(&name);
    let (can_retry, link, link_text) = failure.actions();
    let (retry_link, id) = (start_link(provider, next), visit.request_id.clone());
    let mut response = Page::new(app, visit, title.clone())
        .status(failure.status())
        .render(move || {
            view! {
                <Solo host>
                    <h1 class="h-page text-center [overflow-wrap:anywhere]">{title}</h1>
                    <p class="mt-1 mb-6 text-center text-ink-2 text-balance [overflow-wrap:anywhere]">{text}</p>
                    <div class="flex flex-wrap justify-center gap-2">
                        {can_retry.then(|| view! {
                            <LinkButton href=retry_link size=Size::Large>{format!("Try {name} again")}</LinkButton>
                        })}
                        <LinkButton href=link size=Size::Large look=if can_retry { Look::Ghost } else { Look::Secondary }>
                            {link_text}
                        </LinkButton>
                    </div>
                    <p class="cap mt-8 text-center">"Request " <code class="select-all">{id}</code></p>
                </Solo>
            }
        })
        .await;
    if failure == OAuthFailure::Unavailable {
        response.headers_mut().insert(axum::http::header::RETRY_AFTER, 5.into());
    }
    response
}
