//! Changes a member's role.

use axum::extract::{Form, State};
use axum::response::{IntoResponse, Redirect, Response};
use leptos::prelude::*;
use serde::Deserialize;
use tower_sessions::Session;

use super::HOME;
use crate::orgs::server::Member;
use crate::orgs::server::page_frame::form_page;
use crate::orgs::server::service::{self, MemberChange, MemberSummary};
use crate::platform::http::PathId;
use crate::platform::{App, Error};
use crate::shared::{Role, UserId};
use crate::ui::form::FormErrors;
use crate::ui::parts::{Choice, ChoiceList, Pins};
use crate::ui::server::form_page::FormLayout;
use crate::ui::server::message::leave_message;
use crate::ui::shell::Nav;

#[derive(Deserialize)]
pub struct ChangeRoleForm {
    #[serde(default)]
    role: String,
}

pub async fn show(
    State(app): State<App>,
    member: Member,
    PathId(id): PathId<UserId>,
) -> Result<Response, Error> {
    let listed = service::find_member(&app, &member, id).await?;
    refuse_others(&member, &listed)?;
    Ok(page(&app, &member, listed, FormErrors::default()).await)
}

pub async fn submit(
    State(app): State<App>,
    member: Member,
    session: Session,
    PathId(id): PathId<UserId>,
    Form(form): Form<ChangeRoleForm>,
) -> Result<Response, Error> {
    let user = id;
    let listed = service::find_member(&app, &member, user).await?;
    let Some(role) = Role::parse(&form.role) else {
        refuse_others(&member, &listed)?;
        let errors = FormErrors::default().with("role", "Choose a role.");
        return Ok(page(&app, &member, listed, errors).await);
    };
    match service::set_role(&app, &member, user, role).await? {
        MemberChange::Done => {
            leave_message(&session, &format!("{} is now {}.", listed.name, role.with_article())).await?;
            Ok(Redirect::to(HOME).into_response())
        }
        MemberChange::LastOwner => {
            let errors = FormErrors::default().with("role", last_owner(&member));
            Ok(page(&app, &member, listed, errors).await)
        }
    }
}

/// The roles that a person with the role `own` may assign.
pub fn assignable_roles(own: Role) -> impl Iterator<Item = Role> {
    Role::ALL.into_iter().filter(move |role| *role <= own)
}

/// The error when the last owner would lose the role.
pub fn last_owner(member: &Member) -> String {
    format!("{} would have no owner who can sign in. Make somebody else an owner first.", member.org.org_name)
}

/// Fails with 403 when the member may not change the listed one.
pub fn refuse_others(member: &Member, listed: &MemberSummary) -> Result<(), Error> {
    if service::may_change(member.org.role, listed.role, listed.user == member.user) {
        return Ok(());
    }
    let (name, role) = (&listed.name, listed.role.with_article());
    Err(Error::Forbidden(format!(
        "{name} is {role}; only admins and owners with the same role or a higher one may do this."
    )))
}

const fn caption(role: Role) -> &'static str {
    match role {
        Role::None => "Nothing.",
        Role::Viewer => "Sees keys, usage and members. Creates keys of their own.",
        Role::Member => "The same. Their keys can create further keys over the API.",
        Role::Admin => "Also manages all keys and members, and reads the audit log.",
        Role::Owner => "Also renames and deletes the organization, changes its plan, and appoints owners.",
    }
}

async fn page(app: &App, member: &Member, listed: MemberSummary, errors: FormErrors) -> Response {
    let own = member.org.role;
    form_page(app, member, Some(Nav::Members), "Change role", format!("{HOME}/{}/role", listed.user))
        .up(HOME, "Members")
        .text(format!("{}, {}", listed.name, listed.email))
        .layout(FormLayout::Wide)
        .failed("The role was not changed.")
        .submit("Change role")
        .render(errors, move || {
            let choices = assignable_roles(own).map(|role| {
                Choice::new(role.as_str(), role.label(), caption(role))
                    .mark(view! { <Pins role/> })
                    .checked(role == listed.role)
            });
            view! {
                <ChoiceList
                    name="role" label="Role" choices=choices.collect()
                    hint="Existing keys keep their role. A lower role takes effect at once."
                />
            }
        })
        .await
}
