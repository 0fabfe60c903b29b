//! An organization with one of each object, and somebody who calls its routes. Objects are created when a row of the
//! table names them for the first time.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::accounts::server::Person;
use crate::keys::server::{self as keys, Draft};
use crate::orgs::server::Actor;
use crate::platform::Secret;
use crate::shared::{OrgId, Role};
use crate::tests::harness::{Call, OpenResponse, Server};
use crate::tests::keys::{actor_in, draft};

use super::caller::Caller;
use super::row::{Body, Row};
use super::table::rows;

enum Credential {
    None,
    Cookies(String),
    Key(Secret),
}

pub struct World<'a> {
    pub server: &'a Server,
    /// Makes names and addresses differ from those of other worlds.
    pub number: usize,
    /// The person behind the caller: behind the key, or somebody who is not signed in.
    pub person: Person,
    /// The organization of `person`, its name and the role there.
    pub org: OrgId,
    pub org_name: String,
    pub role: Role,
    /// Another owner of the organization that the objects belong to.
    pub owner: Person,
    pub home: OrgId,
    pub home_name: String,
    credential: Credential,
    /// By name: ids, tokens and paths.
    objects: BTreeMap<String, String>,
}

impl<'a> World<'a> {
    pub async fn new(server: &'a Server, caller: Caller) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let home_name = format!("Tidewater Freight {number}");
        let owner = server.person(&format!("owner{number}@tidewater.example"), "Owner", None).await;
        let home = server.join(&owner, &home_name, Role::Owner).await;
        let person = server.person(&format!("caller{number}@tidewater.example"), "Caller", None).await;
        let role = caller.role();
        let org_name = match caller.is_foreign() {
            true => format!("Nair Consulting {number}"),
            false => home_name.clone(),
        };
        let org = server.join(&person, &org_name, role).await;
        let objects = BTreeMap::new();
        let credential = Credential::None;
        let mut world =
            Self { server, number, person, org, org_name, role, owner, home, home_name, credential, objects };
        world.credential = world.credential_of(caller).await;
        world
    }

    async fn credential_of(&self, caller: Caller) -> Credential {
        let (server, actor) = (self.server, self.caller_actor());
        let app = &server.app;
        match caller {
            Caller::Anonymous => Credential::None,
            Caller::Session(_) | Caller::ForeignSession => {
                Credential::Cookies(server.session_of(&self.person).await)
            }
            Caller::Key(_) | Caller::ForeignKey => {
                Credential::Key(server.key(&actor, "caller").await.plaintext)
            }
            Caller::RevokedKey => {
                let created = server.key(&actor, "revoked").await;
                keys::revoke(app, &actor, created.key.id).await.expect("it is revoked");
                Credential::Key(created.plaintext)
            }
            Caller::DisabledKey => {
                let created = server.key(&actor, "disabled").await;
                keys::disable(app, &actor, created.key.id).await.expect("it is disabled");
                Credential::Key(created.plaintext)
            }
            Caller::ExpiredKey => {
                let end = server.clock.now().plus(Duration::from_secs(1));
                let draft = Draft { expires_at: Some(end), ..draft("expired") };
                let created = keys::create(app, &actor, &draft, None).await.expect("a key");
                server.clock.advance(Duration::from_secs(1));
                Credential::Key(created.plaintext)
            }
        }
    }

    pub fn cookies(&self) -> &str {
        match &self.credential {
            Credential::Cookies(cookies) => cookies,
            Credential::None | Credential::Key(_) => "",
        }
    }

    pub fn caller_actor(&self) -> Actor {
        actor_in(&self.person, self.org, &self.org_name, self.role)
    }

    pub fn owner_actor(&self) -> Actor {
        actor_in(&self.owner, self.home, &self.home_name, Role::Owner)
    }

    /// The address that this world's requests come from, because some limits count by address.
    pub fn peer(&self) -> String {
        format!("198.18.{}.{}", self.number / 200, self.number % 200 + 1)
    }

    /// What requests could change in the organization that the objects belong to. Creates the row's objects first.
    pub async fn home_state(&mut self, row: &Row) -> Vec<String> {
        self.address(row).await;
        self.body(row).await;
        let rows = sqlx::query_scalar(
            "SELECT 'key ' || id || ' ' || name || ' ' || secret_id || coalesce(previous_secret_id, '') || \
             coalesce(previous_until, 0) || ' ' || coalesce(disabled_at, 0) || ' ' || coalesce(revoked_at, 0) \
             FROM keys WHERE org_id = $1 \
             UNION ALL SELECT 'permission ' || id || ' ' || name || ' ' || description FROM permissions WHERE org_id = $1 \
             UNION ALL SELECT 'member ' || user_id || ' ' || role FROM memberships WHERE org_id = $1 \
             UNION ALL SELECT 'invitation ' || id || ' ' || token_hash || ' ' || expires_at \
             FROM invitations WHERE org_id = $1 \
             UNION ALL SELECT 'agent ' || id || ' ' || agent_id FROM agents WHERE org_id = $1 \
             UNION ALL SELECT 'webhook ' || id || ' ' || url || ' ' || events || ' ' || secret || \
             coalesce(disabled_at, 0) || ' ' || coalesce(removed_at, 0) \
             FROM webhook_endpoints WHERE org_id = $1 \
             UNION ALL SELECT 'delivery ' || id || ' ' || coalesce(due_at, 0) \
             FROM webhook_deliveries WHERE org_id = $1 \
             UNION ALL SELECT 'approval ' || id || ' ' || state FROM approval_requests WHERE org_id = $1 \
             UNION ALL SELECT 'policy ' || policy FROM key_policies WHERE org_id = $1 \
             UNION ALL SELECT 'organization ' || name || ' ' || plan || ' ' || coalesce(deleted_at, 0) \
             FROM organizations WHERE id = $1 \
             UNION ALL SELECT 'session ' || id_hash FROM sessions WHERE user_id = $2 ORDER BY 1",
        );
        rows.bind(self.home).bind(self.owner.id).fetch_all(self.server.app.db.pool()).await.expect("rows")
    }

    /// Creates the objects that addresses name, so that tests can compare the database before and after their requests.
    pub async fn create_all(&mut self) {
        for row in rows() {
            self.address(row).await;
        }
    }

    pub async fn address(&mut self, row: &Row) -> String {
        self.fill(row.address()).await
    }

    /// A request to a row's address, without a body and without the caller's credential.
    pub async fn call(&mut self, row: &Row) -> Call<'a> {
        let address = self.address(row).await;
        self.server.call(row.method(), &address).from(&self.peer())
    }

    /// Sends the row's request as the caller. The body of the response is not read: that of `/live` does not end.
    pub async fn send(&mut self, row: &Row) -> OpenResponse {
        let call = self.call(row).await.same_origin();
        let call = match self.body(row).await {
            None => call,
            Some(body) => call.header("content-type", row.content_type()).body(body),
        };
        match &self.credential {
            Credential::None => call,
            Credential::Cookies(cookies) => call.with(cookies),
            Credential::Key(key) => call.key(key),
        }
        .open()
        .await
    }

    /// An object that was created before.
    pub fn object(&self, name: &str) -> String {
        self.objects.get(name).cloned().unwrap_or_default()
    }

    async fn body(&mut self, row: &Row) -> Option<String> {
        match row.body {
            Body::Empty => None,
            Body::Json(text) => Some(self.fill(text).await),
            Body::Form(fields) => {
                let mut body = url::form_urlencoded::Serializer::new(String::new());
                body.append_pair("org", &self.org.to_string());
                for (name, value) in fields {
                    body.append_pair(name, &self.fill(value).await);
                }
                Some(body.finish())
            }
        }
    }

    /// Replaces each `<name>` by the object of that name.
    async fn fill(&mut self, text: &str) -> String {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('<') {
            let (name, after) = after.split_once('>').expect("a name ends with >");
            if !self.objects.contains_key(name) {
                let object = self.create(name).await;
                self.objects.insert(name.to_owned(), object);
            }
            filled.push_str(before);
            filled.push_str(&self.objects[name]);
            rest = after;
        }
        filled + rest
    }
}
