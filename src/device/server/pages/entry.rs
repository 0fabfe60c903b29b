//! The form to enter a code, when the code is missing or unknown.

use axum::http::StatusCode;
use axum::response::Response;
use leptos::prelude::*;

use super::address::{HERE, LoginQuery};
use super::guard::Guard;
use crate::platform::minutes;
use crate::ui::form::{Form as PageForm, FormErrors, SubmitButton};
use crate::ui::parts::{HiddenFields, Input, Size};
use crate::ui::server::page::Page;
use crate::ui::shell::Solo;

/// The longest input for a code, including separators.
const LONGEST: usize = 40;

pub async fn page(
    guard: &Guard<'_>,
    query: &LoginQuery,
    error: Option<String>,
    status: StatusCode,
) -> Response {
    let host = guard.app.public_url.authority().to_owned();
    let errors = error.map_or_else(FormErrors::default, |why| FormErrors::default().with("code", why));
    let life = minutes(guard.app.config.device.device_code_life);
    let hint = format!("Eight letters, with or without the dash. Codes work for {life}.");
    let fields = vec![("token", guard.token()), ("org", query.org.clone())];
    // Never truncate the text: it could become the valid code of a login.
    let code = query.code.trim();
    let fits = code.chars().count() <= LONGEST && !code.chars().any(char::is_control);
    let code = if fits { code.to_owned() } else { String::new() };
    Page::new(guard.app, &guard.visitor.visit, "Connect a device")
        .status(status)
        .render(move || {
            view! {
                <Solo host>
                    <h1 class="h-page text-center">"Connect a device"</h1>
                    <p class="mt-1 text-center text-ink-2">"Enter the code that your terminal shows."</p>
                    <PageForm action=HERE errors class="panel mt-6 p-5">
                        <HiddenFields fields/>
                        <Input
                            name="code" label="Code" value=code hint placeholder="XXXX-XXXX" max_length=LONGEST
                            autocomplete="one-time-code" verbatim=true focus=true
                            control="mono !h-16 text-center !text-code font-medium uppercase tracking-[0.1em]"
                        />
                        <SubmitButton text="Continue" saving="Looking…" size=Size::Large class="mt-4 w-full"/>
                    </PageForm>
                    <p class="mt-5 text-center text-dense text-ink-3">
                        "No code? Start the login in your terminal first. It shows one."
                    </p>
                </Solo>
            }
        })
        .await
}
