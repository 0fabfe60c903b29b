//! The objects that the table names. Those that begin with `own` belong to the caller, the others to another owner.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;

use super::world::World;
use crate::accounts::server::{Person, print_reset_link};
use crate::approvals::NewApproval;
use crate::approvals::server as approvals;
use crate::keys::server::{self as keys, Draft};
use crate::orgs::server::Actor;
use crate::permissions::server::{self as permissions, NewPermission};
use crate::shared::{Role, WebhookId};
use crate::tests::device::CLIENT;
use crate::tests::harness::PUBLIC_URL;
use crate::tests::keys::draft;
use crate::tests::members::link_in;
use crate::webhooks::server::{self as webhooks, EndpointDraft};

const HASH_OF: &str = "SELECT request_hash FROM approval_requests WHERE id = $1";

impl World<'_> {
    pub async fn create(&self, name: &str) -> String {
        let server = self.server;
        let number = self.number;
        match name {
            "org" => self.org.to_string(),
            "home" => self.home.to_string(),
            "second_org" => {
                // A session works in the oldest membership until it switches.
                server.clock.advance(Duration::from_secs(1));
                server.join(&self.person, &format!("Second {number}"), Role::Viewer).await.to_string()
            }
            "foreign_org" => server.organization(&format!("Third {number}")).await.to_string(),
            "key" | "disabled_key" | "rotating_key" | "ranged_key" => {
                self.create_key(&self.owner_actor(), name).await
            }
            "own_key" | "own_disabled_key" | "own_rotating_key" | "own_ranged_key" => {
                self.create_key(&self.caller_actor(), name.trim_start_matches("own_")).await
            }
            "token" => server.key(&self.owner_actor(), name).await.plaintext.expose().to_owned(),
            "owner" => self.owner.id.to_string(),
            "member" => {
                let person =
                    server.person(&format!("member{number}@tidewater.example"), "Member", None).await;
                server.join(&person, &self.home_name, Role::Viewer).await;
                person.id.to_string()
            }
            "invitation" | "invite_path" => self.invite(name).await,
            "agent" => self.register_agent(&self.owner_actor(), name).await,
            "own_agent" if self.role == Role::Viewer => self.register_agent(&self.owner_actor(), name).await,
            "own_agent" => self.register_agent(&self.caller_actor(), name).await,
            "webhook" | "off_webhook" => self.create_webhook(name).await,
            "delivery" => {
                let id = self.create_webhook("delivery").await;
                let id = WebhookId::parse(&id).expect("an id");
                let sent = webhooks::send_test(&server.app, &self.owner_actor(), id).await;
                sent.expect("a test event").id.to_string()
            }
            "own_session" => self.create_session(&self.person).await,
            "session" => self.create_session(&self.owner).await,
            "own_identity" => {
                server.identify(&self.person, "https://github.com", &number.to_string()).await;
                "github".to_owned()
            }
            "oauth_client" => server.oauth_client_from(&self.peer()).await,
            "consent_token" if self.cookies().is_empty() => String::new(),
            "consent_token" => {
                let client = server.oauth_client_from(&self.peer()).await;
                server.consent_token(self.cookies(), &client, &[]).await
            }
            "form_token" if self.cookies().is_empty() => String::new(),
            "form_token" => server.form_token(self.cookies()).await,
            "device_code" | "user_code" => {
                let fields = [("client_id", CLIENT)];
                let call = server.post("/oauth/device_authorization").from(&self.peer());
                call.form(&fields).send().await.json()[name].as_str().expect("a code").to_owned()
            }
            "login_key" => self.log_in(&self.owner, &self.home.to_string()).await,
            "own_login_key" => self.log_in(&self.person, &self.org.to_string()).await,
            "sign_up_token" => {
                let token = format!("sign-up-{number}");
                server.confirm(&token, &format!("newcomer{number}@tidewater.example")).await;
                token
            }
            "reset_path" => {
                let email = &self.owner.email;
                let link = print_reset_link(&server.app, email, false).await.expect("an answer");
                link.expect("a link").trim_start_matches(PUBLIC_URL).to_owned()
            }
            "email" => format!("new{number}@tidewater.example"),
            "permission" => self.list_permission(&self.owner_actor()).await,
            "approval" => self.file_request(&self.owner_actor(), name).await,
            "own_approval" => self.file_request(&self.caller_actor(), name).await,
            "approval_hash" => self.text(HASH_OF, &self.object("approval")).await,
            "own_approval_hash" => self.text(HASH_OF, &self.object("own_approval")).await,
            "agent_request" => self.ask_as_agent(&self.owner_actor(), name).await,
            // The key of a viewer asks for nothing.
            "own_agent_request" if self.role == Role::Viewer => {
                self.ask_as_agent(&self.owner_actor(), name).await
            }
            "own_agent_request" => self.ask_as_agent(&self.caller_actor(), name).await,
            "agent_request_hash" => self.text(HASH_OF, &self.object("agent_request")).await,
            "own_agent_request_hash" => self.text(HASH_OF, &self.object("own_agent_request")).await,
            "org_name" => self.org_name.clone(),
            _ => panic!("no object has the name {name}"),
        }
    }

    async fn list_permission(&self, actor: &Actor) -> String {
        let name = format!("p{}", self.server.app.random.base62(12).to_lowercase());
        let new = NewPermission { name, description: String::new() };
        permissions::add(&self.server.app, actor, &new).await.expect("a permission").id.to_string()
    }

    /// Files a request that admins decide, without a rule that requires it.
    async fn file_request(&self, actor: &Actor, name: &str) -> String {
        let app = &self.server.app;
        let write = app.db.write().await.expect("a turn");
        let new = NewApproval {
            kind: "key.create",
            title: name.to_owned(),
            details: Vec::new(),
            request: json!({ "name": name }),
            least_role: Role::Admin,
            key_receiver: None,
            once: None,
        };
        approvals::file(app, write, actor, new).await.expect("a request").to_string()
    }

    async fn ask_as_agent(&self, actor: &Actor, name: &str) -> String {
        self.server.agent_request(actor, &format!("{name} of {}", actor.user)).await.to_string()
    }

    async fn create_key(&self, actor: &Actor, state: &str) -> String {
        let app = &self.server.app;
        let name = format!("{state} of {}", actor.user);
        let ranges = if state == "ranged_key" { vec!["198.51.100.0/24".to_owned()] } else { Vec::new() };
        let draft = Draft { role: Some(Role::Viewer), ranges, ..draft(&name) };
        let key = keys::create(app, actor, &draft, None).await.expect("a key").key.id;
        if state == "disabled_key" {
            keys::disable(app, actor, key).await.expect("it is disabled");
        }
        if state == "rotating_key" {
            keys::rotate(app, actor, key, Duration::from_secs(3_600), None).await.expect("it is rotated");
        }
        key.to_string()
    }

    async fn create_webhook(&self, name: &str) -> String {
        let (app, actor) = (&self.server.app, self.owner_actor());
        let url = format!("https://93.184.216.34/{name}");
        let draft = EndpointDraft { url, events: vec!["key.leaked".to_owned()], ..EndpointDraft::default() };
        let id = webhooks::create(app, &actor, &draft).await.expect("a webhook").endpoint.id;
        if name == "off_webhook" {
            webhooks::set_enabled(app, &actor, id, false).await.expect("it is off");
        }
        id.to_string()
    }

    /// Creates an invitation. Returns its id or the path of its link.
    async fn invite(&self, name: &str) -> String {
        let email = format!("{name}{}@tidewater.example", self.number);
        let cookies = self.server.session_of(&self.owner).await;
        let home = self.home.to_string();
        let fields = [("org", home.as_str()), ("emails", &email), ("role", "viewer")];
        let page =
            self.server.post("/settings/members").same_origin().with(&cookies).form(&fields).send().await;
        if name == "invite_path" {
            return link_in(&page);
        }
        self.text("SELECT id FROM invitations WHERE email_key = $1", &email).await
    }

    async fn register_agent(&self, actor: &Actor, name: &str) -> String {
        let key = self.server.key(actor, &format!("registers {name}")).await.plaintext;
        let body = json!({ "identity": { "agent_id": name } });
        let agent = self.server.post("/iap/sdk/register").key(&key).json(&body).send().await.json();
        agent["id"].as_str().expect("an id").to_owned()
    }

    /// Begins a session. Returns its name in the list of sessions.
    async fn create_session(&self, person: &Person) -> String {
        let initial = self.sessions_of(person).await;
        self.server.session_of(person).await;
        let mut new = self.sessions_of(person).await.into_iter().filter(|id| !initial.contains(id));
        new.next().expect("a new session")
    }

    async fn sessions_of(&self, person: &Person) -> BTreeSet<String> {
        let question = "SELECT id_hash FROM sessions WHERE user_id = $1";
        let ids: Vec<String> = sqlx::query_scalar(question)
            .bind(person.id)
            .fetch_all(self.server.app.db.pool())
            .await
            .expect("sessions");
        ids.into_iter().collect()
    }

    /// Logs a command line in. Returns the id of its key.
    async fn log_in(&self, person: &Person, org: &str) -> String {
        let server = self.server;
        let cookies = server.session_of(person).await;
        let call = server.post("/oauth/device_authorization").from(&self.peer());
        let login = call.form(&[("client_id", CLIENT)]).send().await.json();
        let code = login["user_code"].as_str().expect("a code");
        let token = server.form_token(&cookies).await;
        let fields = [
            ("token", token.as_str()),
            ("code", code),
            ("org", org),
            ("mine", "yes"),
            ("verdict", "approve"),
        ];
        let call = server.post("/auth/device").from(&self.peer()).same_origin().with(&cookies);
        assert_eq!(call.form(&fields).send().await.status, 303, "the login is approved");
        server.poll(login["device_code"].as_str().expect("a code")).await;
        let question = "SELECT id FROM keys WHERE created_by = $1 AND login_device IS NOT NULL";
        self.text(question, &person.id.to_string()).await
    }

    async fn text(&self, question: &'static str, argument: &str) -> String {
        sqlx::query_scalar(question).bind(argument).fetch_one(self.server.app.db.pool()).await.expect("a row")
    }
}
