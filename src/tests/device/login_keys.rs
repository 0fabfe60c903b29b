//! Where keys of logins appear: the list, the key's page, the profile, the removal of a member, the email.

use macro_rules_attribute::apply;

use super::super::harness::{Server, on_both_engines};
use super::super::mail::Sink;
use super::super::personas::Persona;
use crate::platform::Secret;
use crate::platform::db::Engine;
use crate::shared::KeyId;
use crate::usage::Outcome;

impl Server {
    pub async fn login(&self, cookies: &str, device: &str) -> (KeyId, Secret) {
        let asked = self.device(&[("device_name", device), ("device_id", device)]).await;
        assert_eq!(self.approve(cookies, &asked.user_code).await.status, 303);
        let body = self.poll(&asked.device_code).await.json();
        let id: String = sqlx::query_scalar("SELECT id FROM keys ORDER BY id DESC LIMIT 1")
            .fetch_one(self.app.db.pool())
            .await
            .expect("a key");
        (KeyId::parse(&id).expect("an id"), Secret::new(body["access_token"].as_str().expect("a key")))
    }
}

#[apply(on_both_engines!)]
async fn a_key_of_a_login_is_marked_on_every_page(engine: Engine) {
    let server = Server::on(engine).await;
    let cookies = server.sign_in_as(Persona::Admin).await;
    let (id, _) = server.login(&cookies, "thinkpad-alice").await;
    let see = async |path: &str| server.get(path).browser().with(&cookies).send().await.text();
    let list = see("/settings/api-keys").await;
    assert!(list.contains("CLI login on thinkpad-alice by you"), "{list}");
    let page = see(&format!("/settings/api-keys/{id}")).await;
    assert!(
        page.contains("CLI login on thinkpad-alice") && page.contains("logged thinkpad-alice in"),
        "{page}"
    );
    let profile = see("/settings/profile").await;
    assert!(
        profile.contains("Devices that logged in")
            && profile.contains("admin@thinkpad-alice in Tidewater Freight"),
        "{profile}"
    );
    let log = see("/settings/audit-log").await;
    assert!(log.contains("approved a login of") || log.contains("login.approved"), "{log}");
}

#[apply(on_both_engines!)]
async fn a_device_is_logged_out_on_the_profile(engine: Engine) {
    let server = Server::on(engine).await;
    let cookies = server.sign_in_as(Persona::Viewer).await;
    let (id, key) = server.login(&cookies, "thinkpad").await;
    let other = server.sign_in_as(Persona::Owner).await;
    for (cookies, key) in [(&other, id.to_string().as_str()), (&cookies, "none"), (&cookies, "")] {
        assert_eq!(
            server
                .submit(cookies, "/settings/profile/devices", &[("key", key), ("confirmed", "yes")])
                .await
                .status,
            404
        );
    }
    assert_eq!(server.check(&key).await, Outcome::Valid);
    let id = id.to_string();
    let form = [("key", id.as_str()), ("confirmed", "yes")];
    let response = server.submit(&cookies, "/settings/profile/devices", &form).await;
    assert_eq!((response.status.as_u16(), response.header("location")), (303, "/settings/profile#devices"));
    assert_eq!(server.check(&key).await, Outcome::Revoked);
    let profile = server.profile(&cookies).await.text();
    assert!(
        profile.contains("The key viewer@thinkpad was revoked.") && profile.contains("None. A login"),
        "{profile}"
    );
}

#[apply(on_both_engines!)]
async fn keys_of_logins_are_revoked_with_their_member(engine: Engine) {
    let server = Server::on(engine).await;
    let owner = server.sign_in_as(Persona::Owner).await;
    let cookies = server.sign_in_as(Persona::Member).await;
    let (_, login) = server.login(&cookies, "thinkpad").await;
    let made = server.key(&server.actor(Persona::Member).await, "CI").await.plaintext;
    let member = server.person(&Persona::Member.email(), "Member", None).await;
    let path = format!("/settings/members/{}/remove", member.id);
    let page = server.get(&path).browser().with(&owner).send().await.text();
    assert!(page.contains("Revoked: it belongs to a login of a command line or an MCP client."), "{page}");
    assert_eq!(server.submit(&owner, &path, &[]).await.status, 303);
    assert_eq!((server.check(&login).await, server.check(&made).await), (Outcome::Revoked, Outcome::Valid));
}

#[apply(on_both_engines!)]
async fn a_login_sends_an_email(engine: Engine) {
    let mut mail = Sink::start().await;
    let server = Server::with(engine, &mail.settings()).await;
    let cookies = server.sign_in_as(Persona::Member).await;
    server.login(&cookies, "thinkpad").await;
    let letter = mail.letter().await;
    assert!(letter.header("Subject").starts_with("New command-line login"));
    let text = letter.text();
    assert!(
        text.contains("Latchkey CLI") && text.contains("Tidewater Freight") && text.contains("203.0.113.7"),
        "{text}"
    );
    assert!(!text.contains("ak_live_"));
}
