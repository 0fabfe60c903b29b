//! Pages that say what a change stops before it happens, and changes that can be undone. The tests send what the forms of the pages
//! contain, as browsers without scripts do.

mod keys;
mod others;
mod plan;
mod undo;

use super::harness::{Server, TestResponse};

impl Server {
    /// Presses the button of the form with this action on a page.
    async fn press(&self, cookies: &str, page: &str, action: &str, typed: &[(&str, &str)]) -> TestResponse {
        let start = format!(" action=\"{action}\"");
        // An open dialog covers the page behind it.
        let reachable = page.split_once("<dialog open").map_or(page, |(_, dialog)| dialog);
        let form = reachable.split("<form method=\"post\"").skip(1).find(|form| form.starts_with(&start));
        let form = form.unwrap_or_else(|| panic!("no form for {action} in {page}"));
        let form = form.split("</form>").next().unwrap_or_default();
        let hidden = form.split("<input type=\"hidden\" name=\"").skip(1).filter_map(|input| {
            let (name, rest) = input.split_once("\" value=\"")?;
            Some((name, rest.split('"').next()?))
        });
        let fields: Vec<(&str, &str)> = hidden.chain(typed.iter().copied()).collect();
        self.post(action).same_origin().with(cookies).form(&fields).send().await
    }

    /// Opens the page that a response redirects to.
    async fn follow(&self, cookies: &str, response: &TestResponse) -> String {
        assert_eq!(response.status, 303, "{}", response.text());
        self.page(cookies, response.header("location")).await
    }

    /// The secret of a rotating key that is being replaced.
    pub async fn old_secret(&self, key: &str) -> String {
        sqlx::query_scalar("SELECT previous_secret_id FROM keys WHERE id = $1")
            .bind(key)
            .fetch_one(self.app.db.pool())
            .await
            .expect("an old secret")
    }
}
