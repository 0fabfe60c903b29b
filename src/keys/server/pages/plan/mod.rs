//! `/settings/organization/plan`: changes the organization's plan after a page that says what changes for its keys. If the public API
//! would refuse every key, the organization's name must be typed. The page belongs to keys, because it shows their use.

mod impact;

use axum::extract::{Form, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use leptos::prelude::*;
use serde::Deserialize;
use tower_sessions::Session;

use crate::orgs::server as orgs;
use crate::orgs::server::Member;
use crate::orgs::server::page_frame::form_page;
use crate::platform::{App, Error};
use crate::shared::{Permission, Plan};
use crate::ui::form::FormErrors;
use crate::ui::parts::{HiddenFields, Input, Look, Select, SelectOption};
use crate::ui::server::form_page::FormLayout;
use crate::ui::server::message::{leave_error, leave_message};
use crate::ui::shell::Nav;
use impact::PlanImpact;

pub const HERE: &str = "/settings/organization/plan";
const ORGANIZATION: &str = "/settings/organization";

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct ChangePlanForm {
    plan: String,
    /// The plan that the page was about; empty if the form was not on the page that says what changes.
    from: String,
    /// The typed name of the organization.
    confirm: String,
}

pub async fn show(
    State(app): State<App>,
    member: Member,
    session: Session,
    Query(form): Query<ChangePlanForm>,
) -> Result<Response, Error> {
    member.require(Permission::ManageOrganization)?;
    let current = current_plan(&app, &member).await?;
    match Plan::parse(&form.plan) {
        None => Ok(choice_page(&app, &member, current, FormErrors::default()).await),
        Some(plan) if plan == current => is_done(&session, plan).await,
        Some(plan) => {
            let change = PlanChange { current, plan };
            change.page(&app, &member, String::new(), FormErrors::default()).await
        }
    }
}

pub async fn submit(
    State(app): State<App>,
    member: Member,
    session: Session,
    Form(form): Form<ChangePlanForm>,
) -> Result<Response, Error> {
    member.require(Permission::ManageOrganization)?;
    let current = current_plan(&app, &member).await?;
    let Some(plan) = Plan::parse(&form.plan) else {
        let errors = FormErrors::default().with("plan", "Choose one of the plans.");
        return Ok(choice_page(&app, &member, current, errors).await);
    };
    if plan == current {
        return is_done(&session, plan).await;
    }
    let change = PlanChange { current, plan };
    if Plan::parse(&form.from) != Some(current) {
        return Ok(Redirect::to(&change.address()).into_response());
    }
    let name = &member.org.org_name;
    if change.stops_api(&app) && form.confirm.trim() != name {
        let why = format!("Type the name as it is written here: {name}");
        return change.page(&app, &member, form.confirm, FormErrors::default().with("confirm", why)).await;
    }
    if orgs::set_plan(&app, &member, current, plan).await? {
        return is_done(&session, plan).await;
    }
    leave_error(&session, "Somebody has changed the plan since then. Nothing was changed.").await?;
    Ok(Redirect::to(ORGANIZATION).into_response())
}

async fn is_done(session: &Session, plan: Plan) -> Result<Response, Error> {
    leave_message(session, &format!("The plan is now {}.", plan.label())).await?;
    Ok(Redirect::to(ORGANIZATION).into_response())
}

async fn current_plan(app: &App, member: &Member) -> Result<Plan, Error> {
    let (_, plan) = orgs::find(app, member.org.org).await?.ok_or(Error::NotFound)?;
    Ok(plan)
}

/// The first step without a valid choice.
async fn choice_page(app: &App, member: &Member, current: Plan, errors: FormErrors) -> Response {
    form_page(app, member, Some(Nav::Organization), "Change plan", HERE)
        .up(ORGANIZATION, "Organization")
        .text("The next page says what changes.")
        .failed("The plan was not changed.")
        .submit("Continue")
        .render(errors, move || {
            let options =
                Plan::ALL.map(|plan| SelectOption::new(plan.as_str(), plan.label(), plan == current));
            view! { <Select name="plan" label="Plan" options=options.to_vec()/> }
        })
        .await
}

/// The change of a plan to another one.
#[derive(Clone, Copy)]
struct PlanChange {
    current: Plan,
    plan: Plan,
}

impl PlanChange {
    fn address(self) -> String {
        format!("{HERE}?plan={}", self.plan)
    }

    /// Whether the public API would refuse keys that it accepts now.
    fn stops_api(self, app: &App) -> bool {
        let plans = &app.config.keys.api_plans;
        plans.contains(&self.current) && !plans.contains(&self.plan)
    }

    fn starts_api(self, app: &App) -> bool {
        let plans = &app.config.keys.api_plans;
        !plans.contains(&self.current) && plans.contains(&self.plan)
    }

    async fn page(
        self,
        app: &App,
        member: &Member,
        typed: String,
        errors: FormErrors,
    ) -> Result<Response, Error> {
        let impact = PlanImpact::load(app, member).await?;
        let Self { current, plan } = self;
        let name = member.org.org_name.clone();
        let (stops, starts) = (self.stops_api(app), self.starts_api(app));
        let (active, to) = (impact.active_keys(), plan.label());
        let (heading, text) = if stops {
            let text =
                format!("On this server, {to} can’t call /api/v1. {active} get 403 as soon as you change.");
            (format!("Change to {to} and stop all keys?"), text)
        } else if starts {
            let text =
                format!("On this server, {to} can call /api/v1. {active} work there as soon as you change.");
            (format!("Change to {to}?"), text)
        } else {
            let can = if app.config.keys.api_plans.contains(&plan) { "can" } else { "can’t" };
            let text = format!(
                "On this server, {} and {to} both {can} call /api/v1. Nothing changes for keys.",
                current.label()
            );
            (format!("Change to {to}?"), text)
        };
        let page = form_page(app, member, Some(Nav::Organization), "Change plan", HERE)
            .up(ORGANIZATION, "Organization")
            .here("Change plan")
            .heading(heading)
            .text(text)
            .layout(FormLayout::Grouped)
            .failed("The plan was not changed.")
            .submit(format!("Change to {to}"))
            .look(if stops { Look::Danger } else { Look::Primary });
        let fields = move || {
            let hidden = vec![("plan", plan.to_string()), ("from", current.to_string())];
            let undo =
                if stops { "Change the plan back. Keys work again at once." } else { "Change the plan back" };
            let still = stops.then(|| {
                view! { <div><dt>"Still works"</dt><dd>"Signing in here, and ArmorIQ command-line logins"</dd></div> }
            });
            let confirm = stops.then(|| {
                view! {
                    <Input
                        name="confirm" label=format!("Type {name} to confirm") value=typed verbatim=true
                        autocomplete="off" class="mt-4"
                    />
                }
            });
            view! {
                <HiddenFields fields=hidden/>
                <dl class="facts border-y border-line">
                    <div><dt>"Plan"</dt><dd>{format!("{} → {to}", current.label())}</dd></div>
                    {impact.rows()}
                    {still}
                    <div><dt>"To undo"</dt><dd>{undo}</dd></div>
                </dl>
                {confirm}
            }
        };
        Ok(page.render(errors, fields).await)
    }
}
