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

type Relation = Client<
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

fn relation(app: &App, provider: Provider, endpoints: &Endpoints<'_>) -> Result<Relation, ProviderError> {
    let no_address = |error: oauth2::url::ParseError| ProviderError::Nonsense(format!("no address: {error}"));
    let (id, secret) = provider.client(app);
    let redirect = RedirectUrl::new(provider.callback(app)).map_err(no_address)?;
    Ok(Client::new(ClientId::new(id.to_owned()))
        .set_client_secret(ClientSecret::new(secret.to_owned()))
        .set_auth_type(if endpoints.secret_in_body { AuthType::RequestBody } else { AuthType::BasicAuth })
        .set_auth_uri(AuthUrl::new(endpoints.authorize.to_owned()).map_err(no_address)?)
        .set_token_uri(TokenUrl::new(endpoints.token.to_owned()).map_err(no_address)?)
        .set_redirect_uri(redirect))
}

/// Builds the authorization URL that the browser is redirected to.
pub fn authorize(
    app: &App,
    flow: &OAuthFlow,
    endpoints: &Endpoints<'_>,
    scopes: &[&str],
    more: &[(&str, &str)],
) -> Result<String, ProviderError> {
    let relation = relation(app, flow.provider, endpoints)?;
    let challenge =
        PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(flow.verifier().to_owned()));
    let state = flow.state();
    let mut request = relation
        .authorize_url(|| CsrfToken::new(state.expose().to_owned()))
        .set_pkce_challenge(challenge)
        .add_scopes(scopes.iter().map(|scope| Scope::new((*scope).to_owned())));
    for (name, value) in more {
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
    let relation = relation(app, flow.provider, endpoints)?;
    let outbound = app.outbound.clone();
    let http = |request: HttpRequest| {
        let outbound = outbound.clone();
        async move { outbound.send(request).await }
    };
    let answer = relation
        .exchange_code(AuthorizationCode::new(code.to_owned()))
        .set_pkce_verifier(PkceCodeVerifier::new(flow.verifier().to_owned()))
        .request_async(&http)
        .await;
    let answer = answer.map_err(|error| match error {
        RequestTokenError::Request(error) => ProviderError::from(error),
        RequestTokenError::ServerResponse(told) => refused(&told),
        // GitHub reports errors with status 200.
        RequestTokenError::Parse(error, body) => match serde_json::from_slice::<BasicErrorResponse>(&body) {
            Ok(told) => refused(&told),
            Err(_) => {
                ProviderError::Nonsense(format!("the token answer cannot be read: {}", error.into_inner()))
            }
        },
        RequestTokenError::Other(why) => ProviderError::Nonsense(why),
    })?;
    let access = Secret::new(answer.access_token().secret().as_str());
    let id = answer.extra_fields().id_token.clone().map(Secret::new);
    Ok(Tokens { access, id })
}

fn refused(told: &BasicErrorResponse) -> ProviderError {
    let code = told.error().to_string();
    if matches!(code.as_str(), "invalid_grant" | "bad_verification_code") {
        ProviderError::Stale(code)
    } else {
        ProviderError::Nonsense(format!("the provider refuses the code: {code}"))
    }
}
