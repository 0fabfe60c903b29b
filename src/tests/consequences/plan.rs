//! The plan of an organization: a page says what changes, and a plan without the API takes the organization's name.

use macro_rules_attribute::apply;

use super::super::harness::{Server, on_both_engines};
use super::super::personas::Persona;
use crate::orgs::server::set_plan;
use crate::platform::db::Engine;
use crate::shared::Plan;

const PLAN: &str = "/settings/organization/plan";
const ORGANIZATION: &str = "/settings/organization";

impl Server {
    /// Chooses a plan on the page of the organization. Returns the page that says what changes.
    async fn choose_plan(&self, cookies: &str, plan: &str) -> String {
        let page = self.page(cookies, ORGANIZATION).await;
        let response = self.press(cookies, &page, PLAN, &[("plan", plan)]).await;
        assert_eq!(response.header("location"), format!("{PLAN}?plan={plan}"));
        self.follow(cookies, &response).await
    }

    async fn current_plan(&self) -> String {
        sqlx::query_scalar("SELECT plan FROM organizations WHERE name = 'Tidewater Freight'")
            .fetch_one(self.app.db.pool())
            .await
            .expect("a plan")
    }
}

#[apply(on_both_engines!)]
async fn a_plan_without_the_api_takes_the_name_of_the_organization(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    let (_, used) = server.made_key(&owner, "production-billing").await;
    server.made_key(&owner, "unused").await;
    server.check(&used).await;
    server.check(&used).await;
    for _ in 0..2 {
        let page = server.choose_plan(&owner, "free").await;
        for text in [
            "Change to Free and stop all keys?",
            "All 2 active keys get 403 as soon as you change.",
            "2 calls</b> with 1 key from 1 address",
            "production-billing",
            "ArmorIQ command-line logins",
            "Type Tidewater Freight to confirm",
            "Enterprise → Free",
        ] {
            assert!(page.contains(text), "{text}: {page}");
        }
        crate::keys::server::flush(&server.app).await.expect("a flush");
    }
    let page = server.choose_plan(&owner, "free").await;
    for typed in ["", "tidewater freight", "Free"] {
        let refused = server.press(&owner, &page, PLAN, &[("confirm", typed)]).await;
        assert_eq!(refused.status, 422, "{typed}");
        assert!(refused.text().contains("Type the name as it is written here: Tidewater Freight"));
        assert_eq!(server.current_plan().await, "enterprise");
    }
    let call = || async { server.get("/api/v1/me").key(&used).send().await.status };
    assert_eq!(call().await, 200);
    let done = server.press(&owner, &page, PLAN, &[("confirm", " Tidewater Freight ")]).await;
    assert_eq!(done.header("location"), ORGANIZATION);
    assert_eq!(call().await, 403);
    // Back again. Nothing stops, so nothing is typed.
    let page = server.choose_plan(&owner, "agency").await;
    assert!(page.contains("work there as soon as you change.") && !page.contains("to confirm"), "{page}");
    let done = server.press(&owner, &page, PLAN, &[]).await;
    assert!(server.follow(&owner, &done).await.contains("The plan is now Agency."));
    assert_eq!(call().await, 200);
}

#[apply(on_both_engines!)]
async fn every_change_of_plan_says_what_changes_first(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    let page = server.choose_plan(&owner, "agency").await;
    assert!(page.contains("Nothing changes for keys.") && page.contains("No calls</b>"), "{page}");
    assert_eq!(server.current_plan().await, "enterprise");
    assert!(server.audited().await.is_empty());
    // What was shown is a change from Enterprise. Somebody else was faster.
    let other = server.choose_plan(&owner, "business").await;
    server.press(&owner, &other, PLAN, &[]).await;
    let late = server.press(&owner, &page, PLAN, &[]).await;
    let again = server.follow(&owner, &late).await;
    assert!(again.contains("Master / Business → Agency"), "{again}");
    assert_eq!(server.current_plan().await, "business");
    // The present plan and unknown ones.
    let same = server.submit(&owner, PLAN, &[("plan", "business")]).await;
    assert_eq!(same.header("location"), ORGANIZATION);
    let unknown = server.submit(&owner, PLAN, &[("plan", "platinum")]).await;
    assert_eq!(unknown.status, 422);
    assert!(unknown.text().contains("Choose one of the plans."));
    assert!(server.page(&owner, PLAN).await.contains("Change plan"));
    assert_eq!(server.audited().await, ["organization.plan_changed"]);
}

/// The change that was confirmed is the one between two plans, even when somebody else changes the plan at the same time.
#[apply(on_both_engines!)]
async fn only_the_confirmed_change_is_made(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.actor(Persona::Owner).await;
    assert!(!set_plan(&server.app, &owner, Plan::Agency, Plan::Free).await.expect("an answer"));
    assert_eq!(server.current_plan().await, "enterprise");
    assert!(server.audited().await.is_empty());
    assert!(set_plan(&server.app, &owner, Plan::Enterprise, Plan::Agency).await.expect("an answer"));
    let admin = server.actor(Persona::Admin).await;
    assert!(set_plan(&server.app, &admin, Plan::Agency, Plan::Free).await.is_err());
    assert_eq!(server.current_plan().await, "agency");
}

/// Which plans have the API is configured.
#[apply(on_both_engines!)]
async fn the_configuration_decides_which_change_stops_keys(engine: Engine) {
    let server = Server::with(engine, &[("LATCHKEY_API_PLANS", "free,enterprise")]).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    assert!(!server.choose_plan(&owner, "free").await.contains("to confirm"));
    assert!(server.choose_plan(&owner, "agency").await.contains("Type Tidewater Freight to confirm"));
    // A page for a plan that another owner has left meanwhile does not skip the name.
    let skipped = [("plan", "agency"), ("from", "enterprise")];
    assert_eq!(server.submit(&owner, PLAN, &skipped).await.status, 422);
    assert_eq!(server.current_plan().await, "enterprise");
}
