//! The `oauth2` crate logs in like any program that uses it. The router in the process handles its requests, and its sleeps
//! advance the clock.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use macro_rules_attribute::apply;
use oauth2::basic::BasicClient;
use oauth2::{
    ClientId, DeviceAuthorizationUrl, HttpRequest, HttpResponse, Scope, StandardDeviceAuthorizationResponse,
    TokenResponse, TokenUrl,
};

use super::super::harness::{PUBLIC_URL, Server, on_both_engines};
use super::super::personas::Persona;
use super::CLIENT;
use crate::platform::Secret;
use crate::platform::db::Engine;
use crate::usage::Outcome;

async fn ask(server: &Server, request: HttpRequest) -> Result<HttpResponse, Infallible> {
    let (parts, body) = request.into_parts();
    let mut call = server.call(parts.method, parts.uri.path());
    for (name, value) in &parts.headers {
        call = call.header(name.as_str(), value.to_str().expect("a readable header"));
    }
    let server_response = call.body(body).send().await;
    let mut response = HttpResponse::new(server_response.body.to_vec());
    *response.status_mut() = server_response.status;
    *response.headers_mut() = server_response.headers;
    Ok(response)
}

#[apply(on_both_engines!)]
async fn the_oauth2_crate_logs_in(engine: Engine) {
    let server = Server::on(engine).await;
    let cookies = server.sign_in_as(Persona::Owner).await;
    let http = |request: HttpRequest| ask(&server, request);
    let client = BasicClient::new(ClientId::new(CLIENT.to_owned()))
        .set_device_authorization_url(
            DeviceAuthorizationUrl::new(format!("{PUBLIC_URL}/oauth/device_authorization"))
                .expect("an address"),
        )
        .set_token_uri(TokenUrl::new(format!("{PUBLIC_URL}/oauth/token")).expect("an address"));
    let details: StandardDeviceAuthorizationResponse = client
        .exchange_device_code()
        .add_scope(Scope::new("admin".to_owned()))
        .request_async(&http)
        .await
        .expect("codes");
    assert_eq!(
        (details.expires_in(), details.interval()),
        (Duration::from_secs(600), Duration::from_secs(5))
    );
    let code = details.user_code().secret().clone();

    // The login is approved during the third wait. The second wait does not advance the clock, so one poll is too early.
    let waits = AtomicU32::new(0);
    let (server, cookies, code, waits) = (&server, cookies.as_str(), code.as_str(), &waits);
    let sleep = |span: Duration| async move {
        match waits.fetch_add(1, Ordering::SeqCst) {
            1 => {}
            2 => {
                server.clock.advance(span);
                assert_eq!(server.approve(cookies, code).await.status, 303);
            }
            _ => server.clock.advance(span),
        }
    };
    let token = client
        .exchange_device_access_token(&details)
        .request_async(&http, sleep, None)
        .await
        .expect("a token");
    assert_eq!(waits.load(Ordering::SeqCst), 3);
    let key = Secret::new(token.access_token().secret().as_str());
    assert_eq!(server.check(&key).await, Outcome::Valid);
    assert_eq!(
        token.scopes().map(|scopes| scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>()),
        Some(vec!["admin"])
    );
}
