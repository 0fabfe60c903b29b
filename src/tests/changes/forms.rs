//! A valid request for every form.

use super::super::device::{CLIENT, GRANT};
use super::super::harness::Server;
use super::super::oauth_server::{challenge, request};
use super::super::people::{EMAIL, OTHER_PASSWORD, SECRET, setup_form, setup_token};
use super::super::personas::{PASSWORD, Persona};
use super::{Change, RECEIVER, change_of_webhook};
use crate::accounts::server::totp_code;
use crate::shared::Role;
use axum::http::Method;
use serde_json::json;

/// Prepares the change of a page's route on a fresh server; none when there is no case for the route.
pub async fn change_by_form(server: &Server, route: &str) -> Option<Change> {
    if route == "/setup" {
        let link = setup_token(server).await;
        let change = Change::new("organization.created", route, "");
        let fill = |change: Change, (name, value): &(&'static str, &str)| change.field(name, *value);
        return Some(setup_form(&link, EMAIL).iter().fold(change, fill));
    }
    let alice = server.alice().await;
    let org = server.organization("Tidewater Freight").await;
    let here = server.session_of(&alice).await;
    let own = |action| Change::new(action, route, &here).field("org", org.to_string());
    Some(match route {
        "/sign-in" => {
            Change::new("session.started", route, "").field("email", EMAIL).field("password", PASSWORD)
        }
        "/sign-in/second-factor" => {
            server.guard(&alice).await;
            let pending = server.sign_in(EMAIL, PASSWORD, "").await.cookies();
            Change::new("session.started", route, pending)
                .field("code", totp_code(SECRET, server.clock.now()))
        }
        "/sign-out" => own("session.ended"),
        "/reset/{token}" => {
            let path = server.reset_path(true).await;
            Change::new("password.reset", path, "").field("password", OTHER_PASSWORD)
        }
        "/reset" => Change::new("password.reset_asked", route, "").field("email", EMAIL),
        "/sign-up" => Change::new("sign_up.asked", route, "").field("email", "bob@x.example"),
        "/sign-up/{token}" => {
            server.confirm("token", "bob@x.example").await;
            Change::new("organization.created", "/sign-up/token", "")
                .field("name", "Bob Reed")
                .field("password", OTHER_PASSWORD)
                .field("organization", "Reed Haulage")
        }
        "/settings/profile/sign-in-methods/{method}" => {
            let path = "/settings/profile/sign-in-methods/github";
            own("sign_in_method.asked").at(path).field("password", PASSWORD)
        }
        "/settings/profile/sign-in-methods/{method}/remove" => {
            server.identify(&alice, "https://github.com", "7").await;
            let path = "/settings/profile/sign-in-methods/github/remove";
            own("sign_in_method.removed").at(path).field("password", PASSWORD)
        }
        "/settings/profile" => own("person.renamed").field("name", "Al"),
        "/settings/profile/sessions" => {
            server.session_of(&alice).await;
            own("sessions.ended")
        }
        "/settings/agents/{id}/remove" => {
            let key = server.key_of(Persona::Owner).await;
            let body = json!({ "identity": { "agent_id": "my-agent" } });
            let agent = server.post("/iap/sdk/register").key(&key).json(&body).send().await.json();
            let id = agent["id"].as_str().expect("an id");
            own("agent.removed").at(&format!("/settings/agents/{id}/remove")).field("confirmed", "yes")
        }
        "/oauth/device_authorization" => Change::new("login.asked", route, "").field("client_id", CLIENT),
        "/oauth/authorize" => {
            let client = server.oauth_client().await;
            let challenge = challenge();
            let change = own("login.approved")
                .field("token", server.consent_token(&here, &client, &[]).await)
                .field("role", "member")
                .field("verdict", "approve");
            let fields = request(&client, &challenge, &[]);
            fields.into_iter().fold(change, |change, (name, value)| change.field(name, value))
        }
        "/oauth/token" => {
            let device = server.device(&[]).await;
            server.approve(&here, &device.user_code).await;
            Change::new("key.created", route, "")
                .field("grant_type", GRANT)
                .field("client_id", CLIENT)
                .field("device_code", device.device_code)
        }
        "/auth/device" => own("login.approved")
            .field("token", server.form_token(&here).await)
            .field("code", server.device(&[]).await.user_code)
            .field("mine", "yes")
            .field("verdict", "approve"),
        "/settings/profile/devices" => {
            let device = server.device(&[]).await;
            server.approve(&here, &device.user_code).await;
            server.poll(&device.device_code).await;
            own("key.revoked").field("key", server.only_key().await).field("confirmed", "yes")
        }
        "/settings/profile/password" => {
            own("password.changed").field("present", PASSWORD).field("new", OTHER_PASSWORD)
        }
        "/settings/profile/second-factor" => own("second_factor.added")
            .field("secret", SECRET)
            .field("code", totp_code(SECRET, server.clock.now()))
            .field("password", PASSWORD),
        "/settings/profile/second-factor/off" => {
            server.guard(&alice).await;
            own("second_factor.removed")
                .field("password", PASSWORD)
                .field("code", totp_code(SECRET, server.clock.now()))
        }
        "/settings/profile/recovery-codes" => {
            server.guard(&alice).await;
            own("recovery_codes.replaced")
                .field("password", PASSWORD)
                .field("code", totp_code(SECRET, server.clock.now()))
        }
        "/switch-organization" => {
            server.clock.advance(std::time::Duration::from_secs(1));
            let other = server.join(&alice, "Nair Consulting", Role::Viewer).await;
            own("organization.switched").field("organization", other.to_string())
        }
        "/organizations/new" => own("organization.created").field("name", "Nair Consulting"),
        "/settings/organization" => own("organization.renamed").field("name", "Tidewater"),
        "/settings/organization/leaked-keys" => {
            own("leak_policy.changed").field("effect", "disable").field("test_effect", "report")
        }
        "/settings/profile/letters" => own("letters.chosen").field("letters", "idle"),
        "/settings/organization/plan" => own("organization.plan_changed")
            .field("plan", "free")
            .field("from", "enterprise")
            .field("confirm", "Tidewater Freight"),
        "/settings/organization/delete" => {
            server.clock.advance(std::time::Duration::from_secs(1));
            server.join(&alice, "Nair Consulting", Role::Owner).await;
            own("organization.deleted").field("name", "Tidewater Freight")
        }
        "/settings/members" => {
            own("member.invited").field("emails", "ingrid@tidewater.example").field("role", "viewer")
        }
        "/settings/members/invitations/{id}/resend" => {
            let (id, _) = server.invited(&here, "ingrid@tidewater.example", "viewer").await;
            at(own("invitation.resent"), &id)
        }
        "/settings/members/invitations/{id}/withdraw" => {
            let (id, _) = server.invited(&here, "ingrid@tidewater.example", "viewer").await;
            at(own("invitation.withdrawn"), &id)
        }
        "/settings/members/{id}/role" => {
            let bob = server.colleague("bob@tidewater.example", Role::Member).await;
            at(own("member.role_changed"), &bob.id.to_string()).field("role", "admin")
        }
        "/settings/members/{id}/remove" => {
            let bob = server.colleague("bob@tidewater.example", Role::Member).await;
            at(own("member.removed"), &bob.id.to_string())
        }
        "/invite/{token}" => {
            let (_, link) = server.invited(&here, "ingrid@tidewater.example", "viewer").await;
            Change::new("member.joined", link, "").field("name", "Ingrid").field("password", PASSWORD)
        }
        "/settings/webhooks/new" => own("webhook.created").field("url", RECEIVER).field("events", "key.*"),
        "/settings/webhooks/deliveries/{id}/resend" => {
            let key = server.key_of(Persona::Owner).await;
            let sent =
                change_of_webhook(server, &Method::POST, "/api/v1/webhooks/deliveries/{id}/resend", &key);
            let path = sent.await?.path.replace("/api/v1", "/settings");
            own("webhook.resent").at(&path)
        }
        _ if route.starts_with("/settings/webhooks/{id}") => {
            let key = server.key_of(Persona::Owner).await;
            let id = server.webhook(&key, RECEIVER, &["key.leaked"]).await.id.to_string();
            let at = |action| at(own(action), &id);
            match route.rsplit('/').next()? {
                "edit" => at("webhook.changed").field("url", RECEIVER).field("events", "*"),
                "rotate-secret" => at("webhook.secret_rotated"),
                "remove" => at("webhook.removed").field("confirm", "on"),
                "turn-off" => at("webhook.turned_off"),
                "turn-on" => {
                    let path = format!("/settings/webhooks/{id}/turn-off");
                    server.submit(&here, &path, &[]).await;
                    at("webhook.turned_on")
                }
                "undo" => {
                    let since = server.clock.now().millis().to_string();
                    let path = format!("/settings/webhooks/{id}/turn-off");
                    server.submit(&here, &path, &[]).await;
                    at("webhook.turned_on").field("turned", "off").field("since", since)
                }
                "test" => at("webhook.tested"),
                _ => return None,
            }
        }
        "/settings/key-policy" => own("key_policy.changed")
            .field("idle", "on")
            .field("idle_days", "90")
            .field("grace_days", "0")
            .field("do", "save"),
        "/approvals/{id}" => {
            let id = server.request_of(Persona::Admin).await;
            // Whoever approves has had the role for a day.
            sqlx::query("UPDATE memberships SET created_at = created_at - 86400000")
                .execute(server.app.db.pool())
                .await
                .expect("earlier");
            at(own("approval.approved"), &id.to_string())
                .field("verdict", "approve")
                .field("hash", server.request_hash(id).await)
        }
        "/agents/requests/{id}" => {
            let id = server.agent_request(&server.actor(Persona::Owner).await, "asked for").await;
            let change = at(own("key.created"), &id.to_string());
            let change = change.field("verdict", "approve").field("hash", server.request_hash(id).await);
            Change { elsewhere: Some("approval.confirmed"), ..change }
        }
        "/approvals/{id}/withdraw" => {
            let id = server.request_of(Persona::Admin).await;
            let admin = server.sign_in_as(Persona::Admin).await;
            Change { cookies: admin, ..at(own("approval.withdrawn"), &id.to_string()) }
        }
        "/settings/api-keys/approved/{id}" => {
            let id = server.request_of(Persona::Admin).await;
            server.approve_request(&server.actor(Persona::Owner).await, id).await;
            let admin = server.sign_in_as(Persona::Admin).await;
            let change = at(own("key.created"), &id.to_string());
            Change { cookies: admin, elsewhere: Some("approval.used"), ..change }
        }
        "/settings/api-keys/new" => own("key.created")
            .field("name", "ci-deploy")
            .field("kind", "live")
            .field("role", "viewer")
            .field("expiry", "never")
            .field("once", "abc"),
        "/settings/api-keys/selected" => own("key.disabled")
            .field("do", "disable")
            .field("key", server.made_key(&here, "ci-deploy").await.0),
        "/settings/api-keys/disable" => {
            own("key.disabled").field("key", server.made_key(&here, "ci-deploy").await.0)
        }
        "/settings/api-keys/undo" => {
            let (id, _) = server.made_key(&here, "ci-deploy").await;
            let since = server.clock.now().millis().to_string();
            server.submit(&here, &format!("/settings/api-keys/{id}/disable"), &[]).await;
            own("key.enabled").field("change", "disabled").field("since", since).field("key", id)
        }
        "/settings/api-keys/revoke" => {
            own("key.revoked").field("key", server.made_key(&here, "ci-deploy").await.0)
        }
        "/settings/permissions" => own("permission.added").field("name", "two.read"),
        "/settings/permissions/{id}/edit" => {
            let id = server.list_permission(&server.key_of(Persona::Owner).await).await;
            at(own("permission.described").field("description", "two"), &id)
        }
        "/settings/permissions/{id}/remove" => {
            let id = server.list_permission(&server.key_of(Persona::Owner).await).await;
            at(own("permission.removed"), &id)
        }
        _ if route.starts_with("/settings/api-keys/{id}") => {
            let (id, _) = server.made_key(&here, "ci-deploy").await;
            let path = route.replace("{id}", &id);
            let at = |action| Change::new(action, &path, &here).field("org", org.to_string());
            let rotate = format!("/settings/api-keys/{id}/rotate");
            match route.rsplit('/').next()? {
                "edit" => at("key.edited").field("name", "ci").field("expiry", "never"),
                "allow" => {
                    let ranged = [("name", "ci-deploy"), ("expiry", "never"), ("ranges", "198.51.100.0/24")];
                    server.submit(&here, &format!("/settings/api-keys/{id}/edit"), &ranged).await;
                    at("key.edited").field("address", "10.0.0.7").field("range", "10.0.0.7/32")
                }
                "refusals" => at("key.edited").field("sample_one_in", "100"),
                "rotate" => at("key.rotated").field("overlap", "24"),
                "finish" => {
                    server.submit(&here, &rotate, &[("overlap", "24")]).await;
                    at("key.rotation_finished").field("old", server.old_secret(&id).await)
                }
                "extend" => {
                    server.submit(&here, &rotate, &[("overlap", "24")]).await;
                    at("key.rotation_extended")
                }
                "revoke" => at("key.revoked"),
                "disable" => at("key.disabled"),
                "enable" => {
                    server.submit(&here, &format!("/settings/api-keys/{id}/disable"), &[]).await;
                    at("key.enabled")
                }
                _ => return None,
            }
        }
        _ => return None,
    })
}

/// At the address of one thing.
fn at(change: Change, id: &str) -> Change {
    Change { path: change.path.replace("{id}", id), ..change }
}
