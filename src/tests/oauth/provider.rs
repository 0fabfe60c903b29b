//! An identity provider in the process. It supports OpenID Connect and GitHub's API, and can be told to misbehave.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use http_body_util::BodyExt;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use url::Url;

use crate::platform::Clock;

pub const CLIENT: &str = "latchkey";
pub const SECRET: &str = "open sesame";

/// How the provider behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behavior {
    Normal,
    /// Accepts the request and never responds.
    Hangs,
    HangsMidBody,
    AbortsBody,
    ReturnsHtml,
    ReturnsEmptyBody,
    ReturnsTooMuch,
    ReturnsDeepJson,
    Redirects,
    Fails,
    RejectsCode,
    RejectsClient,
    NoIdToken,
    NoJwt,
    Unsigned,
    ForeignSignature,
    UnknownKey,
    OtherIssuer,
    OtherAudience,
    OtherNonce,
    NoNonce,
    Expired,
    NotYetValid,
    NoSubject,
}

/// What a person consented to.
#[derive(Clone, Debug)]
struct Consent {
    subject: String,
    nonce: String,
    challenge: String,
    redirect: String,
}

struct Inner {
    behavior: Behavior,
    consents: HashMap<String, Consent>,
    email: Value,
    name: Value,
    /// A field of the metadata and its replacement.
    discovery_override: Option<(&'static str, Value)>,
}

#[derive(Clone)]
pub struct Provider {
    address: SocketAddr,
    inner: Arc<Mutex<Inner>>,
    requests: Arc<AtomicUsize>,
    keys: Arc<[EcdsaKeyPair; 2]>,
    clock: Arc<Mutex<Option<Clock>>>,
}

fn new_key() -> EcdsaKeyPair {
    let (random, alg) = (SystemRandom::new(), &ECDSA_P256_SHA256_FIXED_SIGNING);
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(alg, &random).expect("a key");
    EcdsaKeyPair::from_pkcs8(alg, pkcs8.as_ref(), &random).expect("a key")
}

impl Provider {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let inner = Inner {
            behavior: Behavior::Normal,
            consents: HashMap::new(),
            email: json!("alice@id.example"),
            name: json!("Alice Marsh"),
            discovery_override: None,
        };
        let provider = Self {
            address: listener.local_addr().expect("an address"),
            inner: Arc::new(Mutex::new(inner)),
            requests: Arc::default(),
            keys: Arc::new([new_key(), new_key()]),
            clock: Arc::default(),
        };
        let router = Router::new().fallback(respond).with_state(provider.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        provider
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The base URL of its GitHub API.
    pub fn github_url(&self) -> String {
        format!("{}/hub", self.url())
    }

    /// Sets the clock for the times in tokens.
    pub fn use_clock(&self, clock: &Clock) {
        *self.clock.lock().expect("a lock") = Some(clock.clone());
    }

    pub fn set_behavior(&self, behavior: Behavior) {
        self.inner.lock().expect("a lock").behavior = behavior;
    }

    pub fn override_discovery(&self, about: &'static str, value: Value) {
        self.inner.lock().expect("a lock").discovery_override = Some((about, value));
    }

    pub fn set_profile(&self, email: Value, name: Value) {
        let mut inner = self.inner.lock().expect("a lock");
        (inner.email, inner.name) = (email, name);
    }

    /// The number of requests so far.
    pub fn request_count(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    /// Consents as this subject to the request of the link, and returns the query of the callback.
    pub fn consent(&self, link: &str, subject: &str) -> String {
        let url = Url::parse(link).expect("an address");
        let asked: HashMap<_, _> = url.query_pairs().into_owned().collect();
        let of = |name: &str| asked.get(name).cloned().unwrap_or_default();
        assert_eq!(
            (of("response_type"), of("client_id"), of("code_challenge_method")),
            ("code".to_owned(), CLIENT.to_owned(), "S256".to_owned())
        );
        let consent = Consent {
            subject: subject.to_owned(),
            nonce: of("nonce"),
            challenge: of("code_challenge"),
            redirect: of("redirect_uri"),
        };
        let mut inner = self.inner.lock().expect("a lock");
        let code = format!("code-{}", inner.consents.len());
        inner.consents.insert(code.clone(), consent);
        format!("code={code}&state={}", of("state"))
    }

    fn token(&self, consent: &Consent, behavior: Behavior) -> String {
        let now = self.clock.lock().expect("a lock").as_ref().expect("a clock").now().millis() / 1_000;
        let mut claims = json!({
            "iss": self.url(), "sub": consent.subject, "aud": CLIENT, "nonce": consent.nonce,
            "iat": now, "exp": now + 300,
        });
        let mut header = json!({ "alg": "ES256", "kid": "one" });
        match behavior {
            Behavior::Unsigned => header = json!({ "alg": "none" }),
            Behavior::UnknownKey => header["kid"] = json!("another"),
            Behavior::OtherIssuer => claims["iss"] = json!("https://id.example"),
            Behavior::OtherAudience => claims["aud"] = json!("another"),
            Behavior::OtherNonce => claims["nonce"] = json!("another"),
            Behavior::NoNonce => claims["nonce"] = json!(null),
            Behavior::Expired => claims["exp"] = json!(now - 300),
            Behavior::NotYetValid => claims["iat"] = json!(now + 300),
            Behavior::NoSubject => claims["sub"] = json!(""),
            _ => {}
        }
        let part = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
        let signed = format!("{}.{}", part(&header), part(&claims));
        let key = &self.keys[usize::from(behavior == Behavior::ForeignSignature)];
        let signature = key.sign(&SystemRandom::new(), signed.as_bytes()).expect("a signature");
        let signature = if behavior == Behavior::Unsigned {
            String::new()
        } else {
            BASE64URL_NOPAD.encode(signature.as_ref())
        };
        format!("{signed}.{signature}")
    }

    /// Exchanges a code for tokens, once, and only with the right secret, verifier and redirect URI.
    fn exchange(&self, headers: &HeaderMap, form: &HashMap<String, String>, behavior: Behavior) -> Response {
        let of = |name: &str| form.get(name).cloned().unwrap_or_default();
        let in_header =
            format!("Basic {}", BASE64.encode(format!("{CLIENT}:{}", SECRET.replace(' ', "+")).as_bytes()));
        let in_header = headers.get(header::AUTHORIZATION).is_some_and(|value| *value == *in_header);
        let in_body = of("client_id") == CLIENT && of("client_secret") == SECRET;
        let refused = |code: &str| (StatusCode::BAD_REQUEST, Json(json!({ "error": code }))).into_response();
        if !(in_header || in_body) || behavior == Behavior::RejectsClient {
            return refused("invalid_client");
        }
        let Some(consent) = self.inner.lock().expect("a lock").consents.remove(&of("code")) else {
            return refused("invalid_grant");
        };
        let challenge = BASE64URL_NOPAD.encode(&Sha256::digest(of("code_verifier").as_bytes()));
        if challenge != consent.challenge
            || of("redirect_uri") != consent.redirect
            || behavior == Behavior::RejectsCode
        {
            return refused("invalid_grant");
        }
        let mut tokens =
            json!({ "access_token": format!("access-{}", consent.subject), "token_type": "Bearer" });
        match behavior {
            Behavior::NoIdToken => {}
            Behavior::NoJwt => tokens["id_token"] = json!("three.little.words"),
            behavior => tokens["id_token"] = json!(self.token(&consent, behavior)),
        }
        Json(tokens).into_response()
    }

    fn discovery(&self) -> Value {
        let url = self.url();
        let mut found = json!({
            "issuer": url,
            "authorization_endpoint": format!("{url}/authorize?tenant=one"),
            "token_endpoint": format!("{url}/token"),
            "jwks_uri": format!("{url}/keys"),
            "userinfo_endpoint": format!("{url}/userinfo"),
            "authorization_response_iss_parameter_supported": true,
        });
        if let Some((about, value)) = &self.inner.lock().expect("a lock").discovery_override {
            found[*about] = value.clone();
        }
        found
    }

    fn keys(&self) -> Value {
        let point = self.keys[0].public_key().as_ref();
        let encode = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
        json!({ "keys": [
            { "kty": "something new", "kid": 7 },
            { "kty": "EC", "crv": "P-256", "kid": "one", "use": "sig", "x": encode(&point[1..33]), "y": encode(&point[33..]) },
        ] })
    }
}

async fn respond(State(provider): State<Provider>, request: Request) -> Response {
    provider.requests.fetch_add(1, Ordering::SeqCst);
    let (parts, body) = request.into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    let form: HashMap<String, String> = url::form_urlencoded::parse(&body).into_owned().collect();
    let behavior = provider.inner.lock().expect("a lock").behavior;
    let html = |text: String| ([(header::CONTENT_TYPE, "text/html")], text).into_response();
    match behavior {
        Behavior::Hangs => std::future::pending().await,
        Behavior::HangsMidBody => {
            let first = Ok::<_, std::io::Error>(Bytes::from_static(b"{"));
            let rest = crate::platform::stream::steps(Some(first), |first| async move {
                match first {
                    Some(first) => Some((first, None)),
                    None => std::future::pending().await,
                }
            });
            return Body::from_stream(rest).into_response();
        }
        Behavior::AbortsBody => {
            let broken = [Ok(Bytes::from_static(b"{")), Err(std::io::Error::other("gone"))];
            return Body::from_stream(futures_util::stream::iter(broken)).into_response();
        }
        Behavior::ReturnsHtml => return html("<h1>It works!</h1>".to_owned()),
        Behavior::ReturnsEmptyBody => return StatusCode::OK.into_response(),
        Behavior::ReturnsTooMuch => return html(format!("{{\"a\":\"{}\"}}", "x".repeat(2_000_000))),
        Behavior::ReturnsDeepJson => return html("[".repeat(100_000)),
        Behavior::Redirects => {
            return (StatusCode::FOUND, [(header::LOCATION, "http://127.0.0.1:1/")]).into_response();
        }
        Behavior::Fails => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        _ => {}
    }
    let bearer =
        parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let subject = bearer.strip_prefix("Bearer access-").map(str::to_owned);
    let (email, name) = {
        let inner = provider.inner.lock().expect("a lock");
        (inner.email.clone(), inner.name.clone())
    };
    match (parts.uri.path().trim_start_matches("/hub"), subject) {
        ("/.well-known/openid-configuration", _) => Json(provider.discovery()).into_response(),
        ("/keys", _) => Json(provider.keys()).into_response(),
        ("/token" | "/login/oauth/access_token", _) => provider.exchange(&parts.headers, &form, behavior),
        ("/userinfo", Some(sub)) => {
            Json(json!({ "sub": sub, "email": email, "email_verified": true, "name": name })).into_response()
        }
        ("/api/v3/user", Some(sub)) => {
            let id = sub.parse::<u64>().unwrap_or(0);
            Json(json!({ "id": id, "login": "alice-at-work", "name": name })).into_response()
        }
        ("/api/v3/user/emails", Some(_)) => Json(json!([
            { "email": "old@id.example", "primary": false, "verified": true },
            { "email": email, "primary": true, "verified": true },
        ]))
        .into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}
