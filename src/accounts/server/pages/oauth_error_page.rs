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
    NotOurs,
    SaidNo,
    Away,
    Nonsense,
    Disabled,
    NoAccount,
    /// A person is signed in, and the identity is not linked to them.
    NotLinked,
    AddressTaken,
    Taken,
    HasAnother,
}

impl OAuthFailure {
    const fn status(self) -> StatusCode {
        match self {
            Self::NotOurs => StatusCode::BAD_REQUEST,
            Self::SaidNo | Self::Disabled | Self::NoAccount | Self::NotLinked => StatusCode::FORBIDDEN,
            Self::Taken | Self::HasAnother | Self::AddressTaken => StatusCode::CONFLICT,
            Self::Nonsense => StatusCode::BAD_GATEWAY,
            Self::Away => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn words(self, name: &str) -> (String, String) {
        let message = |title: String, text: &str| (title, text.replace("{name}", name));
        match self {
            Self::NotOurs => message(
                "This sign-in has ended".to_owned(),
                "It was begun in another browser, took longer than ten minutes, or its answer came twice. Start again.",
            ),
            Self::SaidNo => message(
                format!("{name} did not let you in"),
                "You, or {name}, said no. Nothing was changed here.",
            ),
            Self::Away => message(
                format!("{name} does not answer"),
                "{name} cannot be reached right now. Try again in a moment, or sign in another way.",
            ),
            Self::Nonsense => message(
                format!("{name} gave no proper answer"),
                "What {name} said could not be believed, so nobody was signed in. Whoever runs this server finds the \
                 reason in the log.",
            ),
            Self::Disabled => message(
                "This account is disabled".to_owned(),
                "Ask whoever runs this server to let you in again.",
            ),
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
                "An account here has the address that {name} knows you by. Sign in to it and link {name} on your \
                 profile; an address alone opens nothing.",
            ),
            Self::Taken => message(
                "Linked to another account".to_owned(),
                "This sign-in at {name} opens another account on this server. Unlink it there first.",
            ),
            Self::HasAnother => message(
                format!("{name} is linked already"),
                "Another sign-in at {name} opens your account. Unlink it on your profile first.",
            ),
        }
    }

    /// Whether to offer another try, and the alternative link with its text.
    const fn ways(self) -> (bool, &'static str, &'static str) {
        match self {
            Self::NotOurs | Self::SaidNo | Self::Away | Self::Nonsense => {
                (true, "/sign-in", "Sign in another way")
            }
            Self::Disabled | Self::NoAccount | Self::AddressTaken => {
                (false, "/sign-in", "Sign in another way")
            }
            Self::NotLinked | Self::Taken | Self::HasAnother => {
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
    let (title, text) = failure.words(&name);
    let (again, way, way_text) = failure.ways();
    let (again_at, id) = (start_link(provider, next), visit.request_id.clone());
    let mut response = Page::new(app, visit, title.clone())
        .status(failure.status())
        .render(move || {
            view! {
                <Solo host>
                    <h1 class="h-page text-center [overflow-wrap:anywhere]">{title}</h1>
                    <p class="mt-1 mb-6 text-center text-ink-2 text-balance [overflow-wrap:anywhere]">{text}</p>
                    <div class="flex flex-wrap justify-center gap-2">
                        {again.then(|| view! {
                            <LinkButton href=again_at size=Size::Large>{format!("Try {name} again")}</LinkButton>
                        })}
                        <LinkButton href=way size=Size::Large look=if again { Look::Ghost } else { Look::Secondary }>
                            {way_text}
                        </LinkButton>
                    </div>
                    <p class="cap mt-8 text-center">"Request " <code class="select-all">{id}</code></p>
                </Solo>
            }
        })
        .await;
    if failure == OAuthFailure::Away {
        response.headers_mut().insert(axum::http::header::RETRY_AFTER, 5.into());
    }
    response
}
