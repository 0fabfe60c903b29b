//! Renders the document around every page as a response.

use axum::body::Body;
use axum::http::{HeaderValue, Request, StatusCode, header};
use axum::response::Response;
use leptos::config::LeptosOptions;
use leptos::hydration::{AutoReload, HydrationScripts};
use leptos::nonce::Nonce;
use leptos::prelude::*;

use crate::platform::config::OUTPUT_NAME;
use crate::platform::http::{Visit, page_policy};
use crate::platform::{App, Assets};
use crate::shared::{OrgId, Theme, Timestamp};
use crate::ui::form::MadeFor;
use crate::ui::islands::{ChartTips, LiveParts, LocalTimes, Saving};
use crate::ui::keyboard::Keyboard;
use crate::ui::parts::markup;

/// The properties of a page besides its content.
pub struct Page {
    pub app: App,
    pub visit: Visit,
    pub title: String,
    pub status: StatusCode,
    made_for: Option<MadeFor>,
    form_target: Option<String>,
}

impl Page {
    pub fn new(app: &App, visit: &Visit, title: impl Into<String>) -> Self {
        let (app, visit, title) = (app.clone(), visit.clone(), title.into());
        Self { app, visit, title, status: StatusCode::OK, made_for: None, form_target: None }
    }

    /// Restricts the forms of the page to this organization.
    #[must_use]
    pub fn made_for(mut self, org: OrgId) -> Self {
        self.made_for = Some(MadeFor(org.to_string()));
        self
    }

    /// Lets the response to a form of the page redirect there, an origin or a scheme.
    #[must_use]
    pub fn form_target(mut self, source: impl Into<String>) -> Self {
        self.form_target = Some(source.into());
        self
    }

    #[must_use]
    pub fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// Renders the complete document around `content`.
    pub async fn render<V>(self, content: impl FnOnce() -> V + Send + 'static) -> Response
    where
        V: IntoView + 'static,
    {
        let Self { app, visit, title, status, made_for, form_target } = self;
        let nonce = Nonce::new();
        let now = app.clock.now();
        let options = options(&app);
        let reload = std::env::var_os("LEPTOS_WATCH").map(|_| options.reload_port);
        let policy = page_policy(&nonce, reload, form_target.as_deref());
        let assets = app.assets.clone();
        let public_url = app.public_url.origin().to_owned();
        let document = move || {
            let content = content().into_any();
            let notice = visit.other_host.map(|host| view! { <OtherAddress host public_url/> });
            view! { <Document title options assets theme=visit.theme now>{notice}{content}</Document> }
        };
        let context = move || {
            provide_context(nonce.clone());
            if let Some(org) = made_for.clone() {
                provide_context(org);
            }
        };
        let request = Request::new(Body::empty());
        let mut response =
            leptos_axum::handle_response_inner(context, document, request, |view, scripts, _| {
                Box::pin(async move {
                    let html = leptos::prelude::RenderHtml::to_html(view);
                    drop(scripts);
                    Box::pin(futures_util::stream::once(async move { html })) as _
                })
            })
            .await;
        *response.status_mut() = status;
        if let Ok(policy) = HeaderValue::from_str(&policy) {
            response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        response
    }
}

fn options(app: &App) -> LeptosOptions {
    LeptosOptions::builder()
        .output_name(OUTPUT_NAME)
        .site_pkg_dir(format!("{}/pkg", app.assets.base()))
        .reload_port(u32::from(app.config.site.reload_port))
        .build()
}

#[component]
fn Document(
    title: String,
    options: LeptosOptions,
    assets: Assets,
    theme: Theme,
    now: Timestamp,
    children: Children,
) -> impl IntoView {
    let font = assets.url("fonts/instrument-sans-latin-wght-normal.woff2");
    view! {
        <!DOCTYPE html>
        <html lang="en" data-theme=theme.pinned()>
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content="light dark"/>
                <meta name="description" content="Latchkey: the dashboard for this team's API keys"/>
                // As plain text, because browsers would show the marker comments of Leptos in a title.
                {markup!("<title>" { title } " · Latchkey</title>").into_any()}
                <link rel="icon" href="/favicon.svg" type="image/svg+xml"/>
                <link rel="preload" href=font r#as="font" r#type="font/woff2" crossorigin="anonymous"/>
                <link rel="stylesheet" href=assets.url("pkg/latchkey.css")/>
                <AutoReload options=options.clone()/>
                <HydrationScripts options islands=true/>
            </head>
            <body>
                {children()}
                <Keyboard/>
                <Saving/>
                <LocalTimes now=now.millis()/>
                <ChartTips/>
                <LiveParts/>
            </body>
        </html>
    }
}

/// A note on pages with another host than `public_url`. Cookies and links belong to `public_url`, so signing in would fail without an
/// explanation.
#[component]
fn OtherAddress(host: String, public_url: String) -> impl IntoView {
    view! {
        <div class="note note-warn" role="status">
            <p>
                "You opened this page as " <b>{host}</b> ", but this server's address is "
                <a class="link" href=public_url.clone()>{public_url.clone()}</a>
                ". Signing in and forms work only there. If that address is wrong, set public_url."
            </p>
        </div>
    }
}
