//! The page about a request that is not handed to any app, because the app or its redirect URI is not known.

use axum::http::StatusCode;
use axum::response::Response;
use leptos::prelude::*;

use super::super::client::{ClientOrigin, McpClient};
use crate::orgs::server::Visitor;
use crate::platform::App;
use crate::ui::parts::Note;
use crate::ui::server::page::Page;
use crate::ui::shell::Solo;

pub enum RefusedAuthorization {
    NoClient,
    UnknownClient,
    /// The document at the app's address cannot be used.
    Document {
        host: String,
        why: String,
    },
    NoRedirect(McpClient),
    UnusableRedirect {
        client: McpClient,
        asked: String,
        why: &'static str,
    },
    /// The app has registered other redirect URIs.
    OtherRedirect {
        client: McpClient,
        asked: String,
        /// As they are compared with it.
        registered: Vec<String>,
    },
}

impl RefusedAuthorization {
    pub async fn page(self, app: &App, visitor: &Visitor) -> Response {
        let visit = &visitor.visit;
        let (host, request_id) = (app.public_url.authority().to_owned(), visit.request_id.clone());
        Page::new(app, visit, "This app cannot connect")
            .status(StatusCode::BAD_REQUEST)
            .render(move || {
                let text = self.text();
                view! {
                    <Solo host>
                        <div class="text-center">
                            <h1 class="h-page">"This app cannot connect"</h1>
                            <p class="mx-auto mt-1.5 max-w-[26rem] text-balance text-ink-2">{text}</p>
                        </div>
                        <div class="panel mt-6 px-5 py-2">
                            <dl class="facts">
                                {self.rows()}
                                <div><dt>"Request"</dt><dd><span class=EXACT>{request_id}</span></dd></div>
                            </dl>
                        </div>
                        <Note class="mt-4">
                            <p>
                                "Close this page and start again from the app. If it happens again, send the request number \
                                to the people who make it. If you did not start this, there is nothing to do."
                            </p>
                        </Note>
                    </Solo>
                }
            })
            .await
    }

    const fn text(&self) -> &'static str {
        match self {
            Self::NoClient => "It did not say who it is, or it said so twice. We sent nothing.",
            Self::UnknownClient => {
                "It is not registered here. Registrations that nobody approved end after a day. We sent nothing."
            }
            Self::Document { .. } => "We could not read what it says about itself. We sent nothing.",
            Self::NoRedirect(_) => {
                "It did not say where to send your approval, or it said so twice. We sent nothing."
            }
            Self::UnusableRedirect { .. } | Self::OtherRedirect { .. } => {
                "It wants your approval sent to an address that it did not register. We sent nothing."
            }
        }
    }

    fn rows(&self) -> AnyView {
        match self {
            Self::NoClient | Self::UnknownClient => ().into_any(),
            Self::Document { host, why } => view! { {fact("App", host)}{fact("Reason", why)} }.into_any(),
            Self::NoRedirect(client) => app_fact(client),
            Self::UnusableRedirect { client, asked, why } => view! {
                {app_fact(client)}
                <div>
                    <dt>"Asked for"</dt>
                    <dd><span class=EXACT>{asked.clone()}</span><span class="cap block">{*why}</span></dd>
                </div>
            }
            .into_any(),
            Self::OtherRedirect { client, asked, registered } => {
                let others = registered.len().saturating_sub(1);
                let registered = closest(asked, registered).unwrap_or_default();
                let (same, differs, rest) = difference(asked, registered);
                let others = (others > 0).then(|| {
                    view! { <span class="cap block">{format!("and {others} more, which differ more")}</span> }
                });
                let missing = differs
                    .is_empty()
                    .then(|| view! { <span class="cap block">"Something is missing in it"</span> });
                view! {
                    {app_fact(client)}
                    <div>
                        <dt>"Registered"</dt>
                        <dd><span class=EXACT>{registered.to_owned()}</span>{others}</dd>
                    </div>
                    <div>
                        <dt>"Asked for"</dt>
                        <dd>
                            <span class=EXACT>{same}<span class="differs">{differs}</span>{rest}</span>
                            {missing}
                        </dd>
                    </div>
                }
                .into_any()
            }
        }
    }
}

/// The class of a text that is compared letter by letter.
const EXACT: &str = "mono text-cap leading-5 [overflow-wrap:anywhere]";

fn fact(label: &'static str, text: &str) -> AnyView {
    view! { <div><dt>{label}</dt><dd dir="auto">{text.to_owned()}</dd></div> }.into_any()
}

fn app_fact(client: &McpClient) -> AnyView {
    let origin = match &client.origin {
        ClientOrigin::Site { host } => host.clone(),
        ClientOrigin::Registered { .. } => "Unverified name".to_owned(),
    };
    let name = client.name.clone();
    view! { <div><dt>"App"</dt><dd dir="auto">{name}<span class="cap block">{origin}</span></dd></div> }
        .into_any()
}

/// The registered text that has the longest beginning in common with the one that was asked for.
fn closest<'a>(asked: &str, registered: &'a [String]) -> Option<&'a str> {
    registered.iter().map(String::as_str).max_by_key(|uri| common(asked.bytes(), uri.bytes()))
}

fn common(one: impl Iterator<Item = u8>, other: impl Iterator<Item = u8>) -> usize {
    one.zip(other).take_while(|(one, other)| one == other).count()
}

/// Splits what was asked for into a beginning that is the same, the part that differs, and an end that is the same.
fn difference(asked: &str, registered: &str) -> (String, String, String) {
    let start = common(asked.bytes(), registered.bytes());
    let (same, asked, registered) = (&asked[..start], &asked[start..], &registered[start..]);
    let end = common(asked.bytes().rev(), registered.bytes().rev());
    let (differs, rest) = asked.split_at(asked.len() - end);
    (same.to_owned(), differs.to_owned(), rest.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_part_that_differs_is_marked() {
        for (asked, registered, parts) in [
            ("http://x/cb/", "http://x/cb", ["http://x/cb", "/", ""]),
            ("http://x/CB", "http://x/cb", ["http://x/", "CB", ""]),
            ("http://x:1/cb", "http://x/cb", ["http://x", ":1", "/cb"]),
            ("http://x/c", "http://x/cb", ["http://x/c", "", ""]),
        ] {
            let (same, differs, rest) = difference(asked, registered);
            assert_eq!([same.as_str(), &differs, &rest], parts);
        }
    }

    #[test]
    fn the_closest_registered_text_is_shown() {
        let registered = ["http://x/a".to_owned(), "https://y/cb".to_owned()];
        assert_eq!(closest("https://y/cb/", &registered), Some("https://y/cb"));
        assert_eq!(closest("https://y/cb/", &[]), None);
    }
}
