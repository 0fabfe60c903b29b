//! The page that shows new recovery codes once, and the same codes as a file.

use axum::extract::{Form, State};
use axum::http::header;
use axum::response::{IntoResponse, Redirect, Response};
use leptos::prelude::*;
use serde::Deserialize;

use super::HOME;
use crate::accounts::server::{Recovery, is_recovery_code};
use crate::orgs::server::Member;
use crate::orgs::server::page_frame::{chrome, page_for};
use crate::platform::{App, Secret};
use crate::ui::form::Form as PageForm;
use crate::ui::islands::CopyButton;
use crate::ui::parts::{
    Button, HiddenFields, Icon, LinkButton, Look, Note, Size, Symbol, Tone, button_class,
};
use crate::ui::shell::{Breadcrumb, PageHead, Shell};

pub const FILE: &str = "/settings/profile/recovery-codes/file";
/// More codes than this are not in one list.
const MAX_CODES: usize = 20;

/// The codes that the page has just shown. They are stored only as hashes, so the page sends them back.
#[derive(Deserialize)]
pub struct RecoveryFileForm {
    #[serde(default = "no_codes")]
    codes: Secret,
}

fn no_codes() -> Secret {
    Secret::new("")
}

pub async fn page(app: &App, member: &Member, recovery: Recovery, title: &'static str) -> Response {
    let chrome = chrome(app, member, None, HOME);
    page_for(app, member, title)
        .render(move || {
            // The line break puts each code on its own line when the list is pasted.
            let line = |code: &Secret| view! { <li class="mono">{format!("{}\n", code.expose())}</li> };
            let list = recovery.0.iter().map(line).collect_view();
            let codes = recovery.0.iter().map(Secret::expose).collect::<Vec<_>>().join(" ");
            view! {
                <Shell chrome>
                    <Breadcrumb up=vec![(HOME.to_owned(), "Profile".to_owned())] here="Recovery codes"/>
                    <PageHead title=title/>
                    <Note tone=Tone::Warn class="mt-6 max-w-[40rem]">
                        <p>"Save these recovery codes, but not on your phone. Each works once, instead of a code from \
                        the app. You see them only now."</p>
                    </Note>
                    <ul class="mt-6 grid max-w-[32rem] gap-x-6 gap-y-2 select-all sm:grid-cols-2" id="recovery-codes">{list}</ul>
                    <div class="mt-4 flex flex-wrap items-center gap-2">
                        <CopyButton
                            target="recovery-codes".to_owned()
                            class=button_class(Look::Secondary, Size::Small, "")
                            name="Copy the recovery codes".to_owned()
                        >
                            <Icon symbol=Symbol::Copy/>
                            "Copy"
                        </CopyButton>
                        <PageForm action=FILE>
                            <HiddenFields fields=vec![("codes", codes)]/>
                            <Button size=Size::Small icon=Symbol::Download>"Download"</Button>
                        </PageForm>
                    </div>
                    <p class="mt-8"><LinkButton href=HOME>"I've saved them"</LinkButton></p>
                </Shell>
            }
        })
        .await
}

/// Returns the codes of the form as a text file. Anything that is not a list of codes leads back to the profile.
pub async fn download(
    State(app): State<App>,
    member: Member,
    Form(form): Form<RecoveryFileForm>,
) -> Response {
    let codes: Vec<&str> = form.codes.expose().split_whitespace().take(MAX_CODES + 1).collect();
    let is_list = (1..=MAX_CODES).contains(&codes.len()) && codes.iter().all(|code| is_recovery_code(code));
    if !is_list {
        return Redirect::to(HOME).into_response();
    }
    let text = format!(
        "Recovery codes for {} on Latchkey ({})\n\n{}\n\nEach code works once, instead of a code from your authenticator app.\n",
        member.visitor.person.email,
        app.public_url.authority(),
        codes.join("\n"),
    );
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"latchkey-recovery-codes.txt\""),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, text).into_response()
}
