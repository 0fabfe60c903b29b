//! People: the first account, sign-in, sessions, second factor and profile, through forms and cookies on both engines.

mod device_change;
mod factor_change;
mod password;
mod profile;
mod second_factor;
mod sessions;
mod setup;
mod sign_in;
mod stored_data;

pub use setup::{setup_form, setup_token};

use super::harness::{PUBLIC_URL, Server, TestResponse, on_both_engines};
use super::personas::{PASSWORD, Persona};
use crate::accounts::server::{Person, print_reset_link};
use crate::shared::Role;

pub const EMAIL: &str = "alice@tidewater.example";
pub const OTHER_PASSWORD: &str = "several unrelated words here";
pub const SECRET: &str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";

impl Server {
    pub async fn alice(&self) -> Person {
        let alice = self.person(EMAIL, "Alice Marsh", Some(PASSWORD)).await;
        self.join(&alice, "Tidewater Freight", Role::Owner).await;
        alice
    }

    pub async fn sign_in(&self, email: &str, password: &str, cookies: &str) -> TestResponse {
        let fields = [("email", email), ("password", password), ("next", "/settings/profile")];
        self.post("/sign-in").same_origin().with(cookies).form(&fields).send().await
    }

    pub async fn profile(&self, cookies: &str) -> TestResponse {
        self.get("/settings/profile").browser().with(cookies).send().await
    }

    pub async fn is_signed_in(&self, cookies: &str) -> bool {
        self.profile(cookies).await.status == 200
    }

    /// Gives the person a second factor whose codes come from `SECRET`.
    pub async fn guard(&self, person: &Person) {
        sqlx::query(
            "INSERT INTO second_factors (user_id, secret, last_step, created_at) VALUES ($1, $2, 0, 0)",
        )
        .bind(person.id)
        .bind(SECRET)
        .execute(self.app.db.pool())
        .await
        .expect("a factor");
    }

    /// The path of a new reset link for Alice.
    pub async fn reset_path(&self, remove_factor: bool) -> String {
        let link =
            print_reset_link(&self.app, EMAIL, remove_factor).await.expect("a result").expect("a link");
        link.strip_prefix(PUBLIC_URL).expect("our address").to_owned()
    }
}
