//! `/settings/api-keys/{id}/revoke`: the dialog that revokes a key. It says which callers would fail, asks for the name of a key
//! that is in use, and offers to revoke the keys that this one created.

use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::Response;
use leptos::prelude::*;
use tower_sessions::Session;

use super::key::{self, A_DAY, KeyPageState};
use super::recent_use::RecentUse;
use super::{path_of, redirect_with_message, refused};
use crate::keys::Status;
use crate::keys::server::{self as keys, Key, Refusal};
use crate::orgs::server::Member;
use crate::platform::http::PathId;
use crate::platform::{App, Error};
use crate::shared::{KeyId, Timestamp};
use crate::ui::form::{ErrorSummary, Form as PageForm, FormErrors, SubmitButton};
use crate::ui::parts::{
    Checkbox, Dialog, DialogBody, DialogFoot, DialogWidth, Input, LinkButton, Look, counted,
};

pub async fn show(
    State(app): State<App>,
    member: Member,
    session: Session,
    PathId(id): PathId<KeyId>,
) -> Result<Response, Error> {
    let key = keys::find(&app, &member, id).await?;
    keys::require_to_manage(&member, &key)?;
    if key.status(app.clock.now()) == Status::Revoked {
        return redirect_with_message(&session, key.id, "This key is revoked already.").await;
    }
    dialog_page(&app, &member, &key, String::new(), FormErrors::default(), StatusCode::OK).await
}

pub async fn submit(
    State(app): State<App>,
    member: Member,
    session: Session,
    PathId(id): PathId<KeyId>,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Result<Response, Error> {
    let key = keys::find(&app, &member, id).await?;
    keys::require_to_revoke(&app, &member, &key).await?;
    let typed =
        pairs.iter().find(|(name, _)| name == "confirm").map(|(_, typed)| typed.trim()).unwrap_or_default();
    if in_use(&key, app.clock.now()) && typed != key.name {
        let errors = FormErrors::default().with("confirm", "This is not the key's name.");
        let typed = typed.to_owned();
        return dialog_page(&app, &member, &key, typed, errors, StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    if let Err(refusal) = keys::revoke(&app, &member, key.id).await {
        return refused(&session, key.id, refusal).await;
    }
    let mut more = 0;
    let children = keys::children(&app, &member, key.id).await?;
    for child in children.iter().filter(|child| pairs.contains(&("also".to_owned(), child.id.to_string()))) {
        match keys::revoke(&app, &member, child.id).await {
            Ok(_) => more += 1,
            // Another request was faster.
            Err(Refusal::State(_)) => {}
            Err(refusal) => return refused(&session, key.id, refusal).await,
        }
    }
    let more = if more == 0 {
        String::new()
    } else {
        format!(" So are {} that it created.", counted(more, "key", "keys"))
    };
    redirect_with_message(&session, key.id, &format!("{} is revoked.{more}", key.name)).await
}

/// Returns true if the key was used in the last seven days.
pub fn in_use(key: &Key, now: Timestamp) -> bool {
    key.last_used_at.is_some_and(|at| at >= now.minus(A_DAY * 7))
}

/// The key's page with the dialog above it.
async fn dialog_page(
    app: &App,
    member: &Member,
    key: &Key,
    typed: String,
    errors: FormErrors,
    status: StatusCode,
) -> Result<Response, Error> {
    let now = app.clock.now();
    let path = path_of(key.id);
    let children = keys::children(app, member, key.id).await?;
    let manageable = children.into_iter().filter(|child| keys::may_manage(member, child)).take(MAX_OFFERED);
    let question = RevokeDialog {
        name: key.name.clone(),
        path,
        typed,
        needs_confirmation: in_use(key, now),
        recent: RecentUse::of_key(app, key).await?,
        is_rotating: key.rotation(now).is_some(),
        may_disable: key.disabled_at.is_none(),
        children: manageable.collect(),
        now,
    };
    let dialog = move || question.draw(errors);
    let state = KeyPageState { dialog: Some(Box::new(dialog)), ..KeyPageState::default() };
    key::page(app, member, key.id, state, status).await
}

/// Keys that this key created and that can be revoked with it.
const MAX_OFFERED: usize = 50;

/// The dialog that confirms revoking a key.
struct RevokeDialog {
    name: String,
    path: String,
    typed: String,
    /// Whether the person must type the key's name.
    needs_confirmation: bool,
    recent: RecentUse,
    is_rotating: bool,
    may_disable: bool,
    children: Vec<Key>,
    now: Timestamp,
}

impl RevokeDialog {
    fn draw(self, errors: FormErrors) -> AnyView {
        let (close, keep, revoke) = (self.path.clone(), self.path.clone(), format!("{}/revoke", self.path));
        let title = format!("Revoke {}?", self.name);
        view! {
            <Dialog id="revoke" title close width=DialogWidth::Narrow described_by="revoke-text">
                <PageForm action=revoke errors>
                    <DialogBody>
                        <ErrorSummary failed="The key was not revoked." class="mb-4"/>
                        <p class="text-ink-2" id="revoke-text">
                            "Every request with this key fails from the moment you revoke it. You cannot undo this."
                        </p>
                        {self.facts()}
                        {self.inputs()}
                    </DialogBody>
                    <DialogFoot>
                        <LinkButton href=keep>"Keep key"</LinkButton>
                        <SubmitButton text="Revoke key" saving="Revoking…" look=Look::Danger/>
                    </DialogFoot>
                </PageForm>
            </Dialog>
        }
        .into_any()
    }

    fn facts(&self) -> AnyView {
        let both = self
            .is_rotating
            .then(|| view! { <div><dt>"Secrets"</dt><dd>"Both the new and the old one stop"</dd></div> });
        view! {
            <dl class="facts mt-3 border-y border-line">
                {self.recent.rows(self.now)}
                {both}
            </dl>
        }
        .into_any()
    }

    /// The inputs. They must be rendered inside the form, because they read its errors.
    fn inputs(self) -> AnyView {
        let Self { name, path, typed, needs_confirmation, may_disable, children, .. } = self;
        let confirm = needs_confirmation.then(|| {
            view! {
                <Input
                    name="confirm" label=format!("Type {name} to confirm") value=typed verbatim=true autocomplete="off"
                    hint="We ask because the key was used in the last 7 days." class="mt-4" focus=true
                />
            }
        });
        let children = (!children.is_empty()).then(|| {
            let boxes = children.into_iter().map(|child| {
                let calls = counted(u64::try_from(child.calls).unwrap_or(0), "call", "calls");
                let label = format!("{} ({calls})", child.name);
                view! { <Checkbox name="also" value=child.id.to_string() label/> }
            });
            view! {
                <fieldset class="mt-4">
                    <legend class="label mb-1.5">"Revoke the keys that it created, too"</legend>
                    <div class="grid max-h-40 gap-1.5 overflow-y-auto">{boxes.collect_view()}</div>
                </fieldset>
            }
        });
        let disable = may_disable.then(|| {
            let action = format!("{path}/disable");
            view! {
                <p class="mt-4 text-dense text-ink-2">
                    "Not sure? "
                    <button type="submit" class="link" name="confirmed" value="yes" formaction=action formnovalidate>
                        "Disable it instead"
                    </button>
                    ". You can turn it back on."
                </p>
            }
        });
        view! { {confirm}{children}{disable} }.into_any()
    }
}
