//! `/gallery`, in development builds only: every part in every state, with sample data. The visual and accessibility tests open it,
//! and it shows what is available for new pages.
//!
//! `?dialog=1` opens a dialog, `?toast=done|undoable|failed` shows a toast, `?long=1` uses very long names, and posting the form shows its
//! errors. `/gallery/solo` shows the other layout, `/gallery/problem/503` an error page.

mod basics;
mod data;
mod forms;

use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use leptos::prelude::*;
use serde::Deserialize;

use crate::platform::http::{Audience, Routes, Visit};
use crate::platform::{App, Problem};
use crate::shared::{Role, Timestamp};
use crate::ui::form::FormErrors;
use crate::ui::parts::*;
use crate::ui::server::page::Page;
use crate::ui::shell::{
    Chrome, CurrentOrganization, Nav, OtherOrganization, PageHead, Shell, SignedInPerson,
};

/// 20 Nov 2026, 14:32:10 UTC, the current time of the sample data.
const NOW: Timestamp = Timestamp::from_millis(1_795_185_130_000);

pub fn routes() -> Routes {
    Routes::default()
        .get("/gallery", Audience::Anyone, show)
        .post("/gallery", Audience::Anyone, refuse)
        .get("/gallery/solo", Audience::Anyone, forms::solo)
        .get("/gallery/problem/{status}", Audience::Anyone, problem)
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct GalleryQuery {
    dialog: String,
    toast: String,
    long: String,
}

async fn show(
    State(app): State<App>,
    Extension(visit): Extension<Visit>,
    Query(query): Query<GalleryQuery>,
) -> Response {
    draw(app, visit, query, FormErrors::default(), StatusCode::OK).await
}

async fn refuse(State(app): State<App>, Extension(visit): Extension<Visit>) -> Response {
    let errors = FormErrors::default()
        .with("name", "Enter a name, such as invoice-mailer.")
        .with("role", "You are an admin, so your keys can have this role at most.")
        .with("cidr", "Line 2: 203.0.113.300 is not an address. Each part goes up to 255.")
        .with("mine", "Tick this if you started the login yourself.");
    draw(app, visit, GalleryQuery::default(), errors, StatusCode::UNPROCESSABLE_ENTITY).await
}

async fn problem(Path(status): Path<u16>) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::NOT_FOUND);
    match status.as_u16() {
        503 => Problem::of(status).detail("The database cannot be used right now. Nothing was changed."),
        _ => Problem::of(status),
    }
    .into_response()
}

async fn draw(
    app: App,
    visit: Visit,
    query: GalleryQuery,
    errors: FormErrors,
    status: StatusCode,
) -> Response {
    let chrome = chrome(&app, &visit, !query.long.is_empty());
    let wants_dialog = !query.dialog.is_empty();
    let outcome = match query.toast.as_str() {
        "done" => Some(ToastOutcome::Done),
        "undoable" => Some(ToastOutcome::Undoable),
        "failed" => Some(ToastOutcome::Failed),
        _ => None,
    };
    Page::new(&app, &visit, "Gallery")
        .status(status)
        .render(move || {
            let dialog = wants_dialog.then(|| view! { <forms::SampleDialog/> }.into_any());
            let toast = outcome.map(|outcome| view! { <basics::SampleToast outcome/> }.into_any());
            view! {
                <Shell chrome dialog toast>
                    <PageHead
                        title="Gallery"
                        text="Every part of the interface, in every state. The words and figures are samples."
                    >
                        <LinkButton href="/gallery?dialog=1" look=Look::Primary icon=Symbol::Plus>
                            "Open dialog…"
                        </LinkButton>
                    </PageHead>
                    <div class="mt-8">
                        {basics::sections()}
                        {forms::sections(errors)}
                        {data::sections()}
                    </div>
                </Shell>
            }
        })
        .await
}

fn chrome(app: &App, visit: &Visit, long: bool) -> Chrome {
    let name = if long {
        "Überseehandelsgesellschaft für Fracht und Lagerhaltung an der Unterelbe mit beschränkter Haftung"
    } else {
        "Tidewater Freight"
    };
    let person = if long {
        "عبد الرحمن بن محمد بن خلدون الحضرمي الإشبيلي"
    } else {
        "Alice Marsh"
    };
    Chrome {
        person: SignedInPerson { name: person.to_owned(), email: "alice@tidewater.example".to_owned() },
        organization: CurrentOrganization {
            id: "org_tidewater".to_owned(),
            name: name.to_owned(),
            role: if long { Role::Viewer } else { Role::Admin },
        },
        others: vec![OtherOrganization { id: "org_nair".to_owned(), name: "Nair Consulting".to_owned() }],
        places: Nav::ALL.to_vec(),
        current: Some(Nav::Keys),
        waiting: 2,
        theme: visit.theme,
        host: app.public_url.authority().to_owned(),
        back: "/gallery".to_owned(),
    }
}

/// A part's name, what it is for, and its states.
#[component]
fn Section(#[prop(into)] title: String, #[prop(into)] text: String, children: Children) -> AnyView {
    view! {
        <section class="grid gap-x-12 gap-y-4 border-t border-line py-8 lg:grid-cols-[13rem_minmax(0,1fr)]">
            <div>
                <h2 class="h-sect">{title}</h2>
                <p class="mt-1 text-dense text-ink-2">{text}</p>
            </div>
            <div class="min-w-0">{children()}</div>
        </section>
    }
    .into_any()
}

#[component]
fn Line(#[prop(into, optional)] class: String, children: Children) -> AnyView {
    view! {
        <div class=format!("flex flex-wrap items-center gap-3 {class}").trim_end().to_owned()>{children()}</div>
    }
    .into_any()
}
