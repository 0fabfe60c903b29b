//! `/settings/api-keys/new`, and the same form in a dialog above the list. The answer to the form is the list with the box
//! that shows the secret, once: it is never redirected to, so no address leads to it again.

use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use leptos::prelude::*;
use serde::Deserialize;
use tower_sessions::Session;

use super::fields::{ExpiryField, FoldedLimits, NameField, Typed};
use super::list::{self, Query, Shown};
use super::reveal::{Occasion, reveal};
use super::{Drawing, HOME, path_of};
use crate::keys::server::{self as keys, Draft, Refusal, Revealed, name_key};
use crate::orgs::server::{Member, leave_refusal};
use crate::platform::{App, Error, Secret};
use crate::shared::{Kind, Role, Timestamp};
use crate::ui::form::{Form as PageForm, FormErrors, SubmitButton};
use crate::ui::parts::{
    Choice, ChoiceCells, ChoiceList, Dialog, DialogBody, DialogFoot, Glyph, HiddenFields, LinkButton, Look,
    Pins,
};
use crate::ui::server::chrome::{chrome, page_for};
use crate::ui::shell::{Breadcrumb, Nav, PageHead, Shell};

const HERE: &str = "/settings/api-keys/new";
const FAILED: &str = "The key was not created.";

#[derive(Clone, Debug, Deserialize)]
pub struct Given {
    #[serde(flatten)]
    typed: Typed,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    role: String,
    /// Made with the form: the same form sent twice makes one key.
    #[serde(default)]
    once: String,
}

impl Given {
    fn empty(app: &App, member: &Member) -> Self {
        let typed = Typed { expiry: "90".to_owned(), ..Typed::default() };
        let role = member.org.role.as_str().to_owned();
        Self { typed, kind: Kind::Live.as_str().to_owned(), role, once: app.random.base62(22) }
    }
}

pub async fn show(State(app): State<App>, member: Member) -> Response {
    let given = Given::empty(&app, &member);
    page(&app, &member, given, FormErrors::default(), StatusCode::OK).await
}

pub async fn submit(
    State(app): State<App>,
    member: Member,
    session: Session,
    Form(given): Form<Given>,
) -> Result<Response, Error> {
    let end = given.typed.end(app.clock.now(), None);
    let mut errors = FormErrors::default();
    let kind = Kind::parse(&given.kind).unwrap_or_else(|| {
        errors.add("kind", "Choose a kind.");
        Kind::Live
    });
    let role = Role::parse(&given.role).unwrap_or_else(|| {
        errors.add("role", "Choose a role.");
        Role::Viewer
    });
    if !errors.is_empty() {
        return Ok(page(&app, &member, given, errors, StatusCode::UNPROCESSABLE_ENTITY).await);
    }
    let draft = Draft {
        name: given.typed.name.clone(),
        kind,
        role: Some(role),
        note: given.typed.note.clone(),
        // What is no day is refused where days that are over are.
        expires_at: end.clone().unwrap_or(Some(Timestamp::from_millis(0))),
        rate_limit: given.typed.limit(),
        ranges: given.typed.lines(),
    };
    match create_once(&app, &member, &draft, &given.once).await {
        Ok(Made::Now(revealed)) => shown(&app, &member, *revealed).await,
        Ok(Made::Before(path)) => {
            let word = "This form was sent before and made this key. Its secret was shown then; if nobody has kept \
                        it, rotate the key.";
            leave_refusal(&session, word).await?;
            Ok(Redirect::to(&path).into_response())
        }
        Err(Refusal::Input(wrong)) => {
            let errors = given.typed.explain(wrong, &end);
            Ok(page(&app, &member, given, errors, StatusCode::UNPROCESSABLE_ENTITY).await)
        }
        Err(Refusal::Error(error)) => Err(error),
        Err(Refusal::State(_) | Refusal::Repeated(_)) => Err(Error::OutOfStep),
    }
}

enum Made {
    Now(Box<Revealed>),
    /// By an earlier copy of the same form, too long ago to show a secret again: the key's page.
    Before(String),
}

/// One form makes one key: sent again at once, it shows a new secret of the same key in place of the one that may have
/// been lost on the way.
async fn create_once(app: &App, member: &Member, draft: &Draft, once: &str) -> Result<Made, Refusal> {
    let repeat = (!once.is_empty()).then(|| Secret::new(once));
    let made = match keys::create(app, member, draft, repeat.as_ref()).await {
        Err(Refusal::Repeated(id)) => {
            let key = keys::find(app, member, &id).await?;
            // The browser's Back brought the form, and another key was asked for with it.
            if name_key(draft.name.trim()) != name_key(&key.name) {
                keys::create(app, member, draft, None).await?
            } else if let Some(revealed) = keys::replace(app, member, &id).await? {
                revealed
            } else {
                return Ok(Made::Before(path_of(&id)));
            }
        }
        made => made?,
    };
    Ok(Made::Now(Box::new(made)))
}

async fn shown(app: &App, member: &Member, revealed: Revealed) -> Result<Response, Error> {
    let key = revealed.key.clone();
    let reveal = reveal(app, revealed, Occasion::Created);
    list::page(app, member, Shown { fresh: Some((key, reveal)), ..Shown::default() }, StatusCode::OK).await
}

/// Above the list, in a dialog. The form posts to its page.
pub fn dialog(app: &App, member: &Member, close: &Query) -> Drawing {
    let (given, now) = (Given::empty(app, member), app.clock.now());
    let role = member.org.role;
    let (close, cancel) = (close.address(), close.address());
    let draw = move || {
        view! {
            <Dialog id="create" title="Create key" close>
                <PageForm action=HERE>
                    <DialogBody>{fields(given, role, now, false)}</DialogBody>
                    <DialogFoot caption="You see the key once, right after this.">
                        <LinkButton href=cancel>"Cancel"</LinkButton>
                        <SubmitButton text="Create key" saving="Creating…"/>
                    </DialogFoot>
                </PageForm>
            </Dialog>
        }
        .into_any()
    };
    Box::new(draw)
}

async fn page(app: &App, member: &Member, given: Given, errors: FormErrors, status: StatusCode) -> Response {
    let chrome = chrome(app, member, Some(Nav::Keys), HERE);
    let (role, now) = (member.org.role, app.clock.now());
    let open = ["rate_limit", "ranges", "note"].iter().any(|field| errors.of(field).is_some());
    page_for(app, member, "Create key")
        .status(status)
        .render(move || {
            view! {
                <Shell chrome>
                    <Breadcrumb up=vec![(HOME.to_owned(), "API keys".to_owned())] here="Create key"/>
                    <PageHead title="Create key" text="You see the full key once, on the next page."/>
                    <div class="mt-5 max-w-[36rem]">
                        <PageForm action=HERE errors failed=FAILED>
                            {fields(given, role, now, open)}
                            <div class="mt-6 flex gap-2 border-t border-line pt-4">
                                <SubmitButton text="Create key" saving="Creating…"/>
                                <LinkButton href=HOME look=Look::Ghost>"Cancel"</LinkButton>
                            </div>
                        </PageForm>
                    </div>
                </Shell>
            }
        })
        .await
}

fn fields(given: Given, most: Role, now: Timestamp, open: bool) -> AnyView {
    let Given { typed, kind, role, once } = given;
    let kinds = Kind::ALL.map(|choice| {
        let sample = view! { <Glyph seed=format!("sample-{choice}") kind=choice/> };
        Choice::new(choice.as_str(), choice.label(), kind_caption(choice))
            .mark(sample)
            .code(format!("{}_", choice.prefix()))
            .checked(choice.as_str() == kind)
    });
    let roles = Role::ALL.map(|choice| {
        Choice::new(choice.as_str(), choice.label(), role_caption(choice))
            .mark(view! { <Pins role=choice/> })
            .checked(choice.as_str() == role)
            .disabled(choice > most)
    });
    let article = most.with_article();
    let hint = if most == Role::Owner {
        "The lowest role that works is the best one.".to_owned()
    } else {
        format!("You are {article}, so a key of yours can be {article} at most.")
    };
    let open = open || typed.has_limits();
    view! {
        <HiddenFields fields=vec![("once", once)]/>
        <NameField value=typed.name.clone() focus=true/>
        <ChoiceList name="kind" label="Kind" choices=kinds.into_iter().collect() class="mt-4"/>
        <ChoiceCells
            name="role" label="Role" remark="frozen at creation" hint choices=roles.into_iter().collect() class="mt-4"
        />
        <ExpiryField typed=typed.clone() now kept=None/>
        <FoldedLimits typed open/>
    }
    .into_any()
}

const fn kind_caption(kind: Kind) -> &'static str {
    match kind {
        Kind::Live => "Production traffic",
        Kind::Test => "Staging and local work",
        Kind::Claw => "Claw agents",
        Kind::Secret => "Server to server only",
        Kind::Mcp => "MCP clients",
    }
}

const fn role_caption(role: Role) -> &'static str {
    match role {
        Role::Viewer => "Read only",
        Role::Member => "Manage own keys",
        Role::Admin => "All keys, people",
        Role::Owner => "Everything",
    }
}
