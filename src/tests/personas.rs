//! People to act as: members of one organization in each role, and the owner of another.

use std::sync::Arc;
use std::time::Duration;

use sqlx::Row;
use tower_sessions::Session;

use super::harness::{Server, TestResponse};
use crate::accounts::server::{
    NewPerson, Person, SessionStore, hash_new_password, insert_person, start_session,
};
use crate::platform::Secret;
use crate::platform::http::Visit;
use crate::shared::{OrgId, Role, UserId};

pub const PASSWORD: &str = "tide water marsh lantern";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persona {
    Viewer,
    Member,
    Admin,
    Owner,
    /// The owner of another organization.
    Stranger,
}

impl Persona {
    /// The organization, and the role there.
    pub fn membership(self) -> (&'static str, Role) {
        match self {
            Self::Viewer => ("Tidewater Freight", Role::Viewer),
            Self::Member => ("Tidewater Freight", Role::Member),
            Self::Admin => ("Tidewater Freight", Role::Admin),
            Self::Owner => ("Tidewater Freight", Role::Owner),
            Self::Stranger => ("Nair Consulting", Role::Owner),
        }
    }

    pub fn email(self) -> String {
        format!("{self:?}@tidewater.example").to_lowercase()
    }
}

impl Server {
    /// Creates the persona if it does not exist and signs it in without a password. Returns the cookies of a new browser.
    pub async fn sign_in_as(&self, persona: Persona) -> String {
        let (org, role) = persona.membership();
        let person = self.person(&persona.email(), &format!("{persona:?}"), None).await;
        let org = self.organization(org).await;
        let mut write = self.app.db.write().await.expect("a turn");
        sqlx::query(
            "INSERT INTO memberships (org_id, user_id, role, created_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (org_id, user_id) DO NOTHING",
        )
        .bind(org)
        .bind(person.id)
        .bind(role.as_str())
        // Long enough to approve requests.
        .bind(self.clock.now().minus(Duration::from_secs(2 * 24 * 60 * 60)).millis())
        .execute(&mut *write)
        .await
        .expect("a membership");
        write.commit().await.expect("a commit");
        self.session_of(&person).await
    }

    pub async fn organization_of(&self, persona: Persona) -> OrgId {
        self.organization(persona.membership().0).await
    }

    /// Starts a session of the person and returns its cookie.
    pub async fn session_of(&self, person: &Person) -> String {
        let session = Session::new(None, Arc::new(SessionStore::new(&self.app)), None);
        start_session(&self.app, &session, &visit(), person).await.expect("a session");
        format!("latchkey_session={}", session.id().expect("an id"))
    }

    /// Finds or creates a person with an account. Without a password nothing is hashed.
    pub async fn person(&self, email: &str, name: &str, password: Option<&str>) -> Person {
        let hash = match password {
            Some(password) => {
                let hash =
                    hash_new_password(&self.app, Secret::new(password), email, name).await.expect("a hash");
                Some(hash.expect("an acceptable password"))
            }
            None => None,
        };
        let new = NewPerson { email: email.to_owned(), name: name.to_owned(), password_hash: hash };
        let mut write = self.app.db.write().await.expect("a turn");
        if let Some(person) = insert_person(&self.app, &mut write, &new).await.expect("a result") {
            write.commit().await.expect("a commit");
            return person;
        }
        drop(write);
        let id: String = sqlx::query_scalar("SELECT id FROM users WHERE email_key = $1")
            .bind(email)
            .fetch_one(self.app.db.pool())
            .await
            .expect("somebody with this address");
        let id = UserId::parse(&id).expect("an id");
        crate::accounts::server::find_person(&self.app, id).await.expect("a result").expect("a person")
    }

    pub async fn organization(&self, name: &str) -> OrgId {
        let mut write = self.app.db.write().await.expect("a turn");
        let found = sqlx::query("SELECT id FROM organizations WHERE name = $1")
            .bind(name)
            .fetch_optional(&mut *write)
            .await
            .expect("a result");
        if let Some(row) = found {
            return row.get("id");
        }
        let now = self.clock.now();
        let id = OrgId::new(now, self.app.random_for_id());
        sqlx::query(
            "INSERT INTO organizations (id, name, plan, created_at) VALUES ($1, $2, 'enterprise', $3)",
        )
        .bind(id)
        .bind(name)
        .bind(now.millis())
        .execute(&mut *write)
        .await
        .expect("an organization");
        write.commit().await.expect("a commit");
        id
    }

    pub async fn join(&self, person: &Person, org: &str, role: Role) -> OrgId {
        let org = self.organization(org).await;
        sqlx::query("INSERT INTO memberships (org_id, user_id, role, created_at) VALUES ($1, $2, $3, $4)")
            .bind(org)
            .bind(person.id)
            .bind(role.as_str())
            .bind(self.clock.now().millis())
            .execute(self.app.db.pool())
            .await
            .expect("a membership");
        org
    }

    /// Sends a form of a page that was opened in Tidewater Freight.
    pub fn submit(
        &self,
        cookies: &str,
        path: &str,
        fields: &[(&str, &str)],
    ) -> impl Future<Output = TestResponse> + use<'_> {
        let call = self.post(path).same_origin().with(cookies);
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let fields: Vec<(String, String)> = fields.iter().map(owned).collect();
        async move {
            let org = self.organization("Tidewater Freight").await.to_string();
            let fields = fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            call.form(&std::iter::once(("org", org.as_str())).chain(fields).collect::<Vec<_>>()).send().await
        }
    }

    /// Links an identity to the person.
    pub async fn identify(&self, person: &Person, issuer: &str, subject: &str) {
        sqlx::query(
            "INSERT INTO identities (issuer, subject, user_id, label, created_at, used_at) \
             VALUES ($1, $2, $3, 'alice-at-work', 0, 0)",
        )
        .bind(issuer)
        .bind(subject)
        .bind(person.id)
        .execute(self.app.db.pool())
        .await
        .expect("an identity");
    }

    /// Stores a sign-up link for this address, as if its email had arrived.
    pub async fn confirm(&self, token: &str, email: &str) {
        let now = self.clock.now().millis();
        sqlx::query(
            "INSERT INTO sign_ups (token_hash, email, email_key, made_at, expires_at) VALUES ($1, $2, $2, $3, $4)",
        )
        .bind(Secret::new(token).fingerprint())
        .bind(email)
        .bind(now)
        .bind(now + 86_400_000)
        .execute(self.app.db.pool())
        .await
        .expect("a link");
    }

    /// The audit log's actions, oldest first.
    pub async fn audited(&self) -> Vec<String> {
        sqlx::query_scalar("SELECT action FROM audit ORDER BY at, id")
            .fetch_all(self.app.db.pool())
            .await
            .expect("rows")
    }

    pub async fn count(&self, question: &'static str) -> i64 {
        sqlx::query_scalar(question).fetch_one(self.app.db.pool()).await.expect("a count")
    }
}

pub fn visit() -> Visit {
    let address = std::net::IpAddr::from([203, 0, 113, 7]);
    Visit {
        request_id: "req_test".to_owned(),
        address,
        peer: address,
        is_forwarded: false,
        user_agent: "Firefox/140.0 Linux".to_owned(),
        other_host: None,
        theme: Default::default(),
    }
}
