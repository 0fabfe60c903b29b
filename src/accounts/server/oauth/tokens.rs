//! Step 3: exchanges the authorization code for tokens.

use oauth2::basic::{
    BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse, BasicTokenType,
};
use oauth2::{
    AuthType, AuthUrl, AuthorizationCode, Client, ClientId, ClientSecret, CsrfToken, EndpointNotSet,
    EndpointSet, ExtraTokenFields, HttpRequest, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl,
    RequestTokenError, Scope, StandardRevocableToken, StandardTokenResponse, TokenResponse, TokenUrl,
};
use serde::{Deserialize, Serialize};

use super::{OAuthFlow, Provider, ProviderError};
use crate::platform::{App, Secret};

/// The field that OpenID Connect adds to the token response.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct IdTokenField {
    id_token: Option<String>,
}

impl ExtraTokenFields for IdTokenField {}

type OAuthClient = Client<
    BasicErrorResponse,
    StandardTokenResponse<IdTokenField, BasicTokenType>,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

pub struct Tokens {
    pub access: Secret,
    pub id: Option<Secret>,
}

/// The provider's endpoints, and how it expects the client secret.
pub struct Endpoints<'a> {
    pub authorize: &'a str,
    pub token: &'a str,
    pub secret_in_body: bool,
}

fn client(app: &App, provider: Provider, endpoints: &Endpoints<'_>) -> Result<OAuthClient, ProviderError> {
    let invalid_url =
        |error: oauth2::url::ParseError| ProviderError::InvalidResponse(format!("invalid URL: {error}"));
    let (id, secret) = provider.client(app);
    let redirect = RedirectUrl::new(provider.callback(app)).map_err(invalid_url)?;
    Ok(Client::new(ClientId::new(id.to_owned()))
        .set_client_secret(ClientSecret::new(secret.to_owned()))
        .set_auth_type(if endpoints.secret_in_body { AuthType::RequestBody } else { AuthType::BasicAuth })
        .set_auth_uri(AuthUrl::new(endpoints.authorize.to_owned()).map_err(invalid_url)?)
        .set_token_uri(TokenUrl::new(endpoints.token.to_owned()).map_err(invalid_url)?)
        .set_redirect_uri(redirect))
}

/// Builds the authorization URL that the browser is redirected to.
pub fn authorize(
    app: &App,
    flow: &OAuthFlow,
    endpoints: &Endpoints<'_>,
    scopes: &[&str],
    extra_parameters: &[(&str, &str)],
) -> Result<String, ProviderError> {
    let client = client(app, flow.provider, endpoints)?;
    let challenge =
        PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(flow.verifier().to_owned()));
    let state = flow.state();
    let mut request = client
        .authorize_url(|| CsrfToken::new(state.expose().to_owned()))
        .set_pkce_challenge(challenge)
        .add_scopes(scopes.iter().map(|scope| Scope::new((*scope).to_owned())));
    for (name, value) in extra_parameters {
        request = request.add_extra_param(*name, *value);
    }
    let (url, _) = request.url();
    Ok(url.into())
}

pub async fn exchange(
    app: &App,
    flow: &OAuthFlow,
    endpoints: &Endpoints<'_>,
    code: &str,
) -> Result<Tokens, ProviderError> {
    let client = client(app, flow.provider, endpoints)?;
    let outbound = app.outbound.clone();
    let http = |request: HttpRequest| {
        let outbound = outbound.clone();
        async move { outbound.send(request).await }
    };
    let response = client
        .exchange_code(AuthorizationCode::new(code.to_owned()))
        .set_pkce_verifier(PkceCodeVerifier::new(flow.verifier().to_owned()))
        .request_async(&http)
        .await;
    let response = response.map_err(|error| match error {
        RequestTokenError::Request(error) => ProviderError::from(error),
        RequestTokenError::ServerResponse(response) => token_error(&response),
        // GitHub reports errors with status 200.
        RequestTokenError::Parse(error, body) => match serde_json::from_slice::<BasicErrorResponse>(&body) {
            Ok(response) => token_error(&response),
            Err(_) => ProviderError::InvalidResponse(format!(
                "cannot parse the token response: {}",
                error.into_inner()
            )),
        },
        RequestTokenError::Other(why) => ProviderError::InvalidResponse(why),
    })?;
    let access = Secret::new(response.access_token().secret().as_str());
    let id = response.extra_fields().id_token.clone().map(Secret::new);
    Ok(Tokens { access, id })
}

fn token_error(response: &BasicErrorResponse) -> ProviderError {
    let code = response.error().to_string();
    if matches!(code.as_str(), "invalid_grant" | "bad_verification_code") {
        ProviderError::CodeRejected(code)
    } else {
        ProviderError::InvalidResponse(format!("the token endpoint returned the error {code}"))
    }
}
