//! An identity provider in the process. It speaks OpenID Connect and GitHub's dialect, honestly or as it is told.

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

/// What it does instead of what it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    Fine,
    /// Takes the request and says nothing.
    Hangs,
    HangsInTheMiddle,
    BreaksOff,
    SaysHtml,
    SaysNothing,
    SaysTooMuch,
    SaysDeepJson,
    Redirects,
    Fails,
    RefusesTheCode,
    RefusesTheClient,
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
    FromTheFuture,
    NoSubject,
}

/// Who agreed to what.
#[derive(Clone, Debug)]
struct Consent {
    subject: String,
    nonce: String,
    challenge: String,
    redirect: String,
}

struct Inner {
    mood: Mood,
    consents: HashMap<String, Consent>,
    email: Value,
    name: Value,
    /// What discovery says instead.
    lies: Option<(&'static str, Value)>,
}

#[derive(Clone)]
pub struct Provider {
    address: SocketAddr,
    inner: Arc<Mutex<Inner>>,
    asked: Arc<AtomicUsize>,
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
            mood: Mood::Fine,
            consents: HashMap::new(),
            email: json!("alice@id.example"),
            name: json!("Alice Marsh"),
            lies: None,
        };
        let provider = Self {
            address: listener.local_addr().expect("an address"),
            inner: Arc::new(Mutex::new(inner)),
            asked: Arc::default(),
            keys: Arc::new([new_key(), new_key()]),
            clock: Arc::default(),
        };
        let router = Router::new().fallback(answer).with_state(provider.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        provider
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it plays GitHub.
    pub fn hub(&self) -> String {
        format!("{}/hub", self.url())
    }

    /// Its tokens are made by this clock.
    pub fn follow(&self, clock: &Clock) {
        *self.clock.lock().expect("a lock") = Some(clock.clone());
    }

    pub fn be(&self, mood: Mood) {
        self.inner.lock().expect("a lock").mood = mood;
    }

    pub fn lie(&self, about: &'static str, value: Value) {
        self.inner.lock().expect("a lock").lies = Some((about, value));
    }

    pub fn knows(&self, email: Value, name: Value) {
        let mut inner = self.inner.lock().expect("a lock");
        (inner.email, inner.name) = (email, name);
    }

    /// How many requests came.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// Somebody followed the link, said who they are, and agreed: the query that they come back with.
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

    fn token(&self, consent: &Consent, mood: Mood) -> String {
        let now = self.clock.lock().expect("a lock").as_ref().expect("a clock").now().millis() / 1_000;
        let mut claims = json!({
            "iss": self.url(), "sub": consent.subject, "aud": CLIENT, "nonce": consent.nonce,
            "iat": now, "exp": now + 300,
        });
        let mut header = json!({ "alg": "ES256", "kid": "one" });
        match mood {
            Mood::Unsigned => header = json!({ "alg": "none" }),
            Mood::UnknownKey => header["kid"] = json!("another"),
            Mood::OtherIssuer => claims["iss"] = json!("https://id.example"),
            Mood::OtherAudience => claims["aud"] = json!("another"),
            Mood::OtherNonce => claims["nonce"] = json!("another"),
            Mood::NoNonce => claims["nonce"] = json!(null),
            Mood::Expired => claims["exp"] = json!(now - 300),
            Mood::FromTheFuture => claims["iat"] = json!(now + 300),
            Mood::NoSubject => claims["sub"] = json!(""),
            _ => {}
        }
        let part = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
        let signed = format!("{}.{}", part(&header), part(&claims));
        let key = &self.keys[usize::from(mood == Mood::ForeignSignature)];
        let signature = key.sign(&SystemRandom::new(), signed.as_bytes()).expect("a signature");
        let signature =
            if mood == Mood::Unsigned { String::new() } else { BASE64URL_NOPAD.encode(signature.as_ref()) };
        format!("{signed}.{signature}")
    }

    /// The code for tokens: only with our secret, the verifier and the address of the consent, and only once.
    fn exchange(&self, headers: &HeaderMap, form: &HashMap<String, String>, mood: Mood) -> Response {
        let of = |name: &str| form.get(name).cloned().unwrap_or_default();
        let in_header =
            format!("Basic {}", BASE64.encode(format!("{CLIENT}:{}", SECRET.replace(' ', "+")).as_bytes()));
        let in_header = headers.get(header::AUTHORIZATION).is_some_and(|value| *value == *in_header);
        let in_body = of("client_id") == CLIENT && of("client_secret") == SECRET;
        let refused = |code: &str| (StatusCode::BAD_REQUEST, Json(json!({ "error": code }))).into_response();
        if !(in_header || in_body) || mood == Mood::RefusesTheClient {
            return refused("invalid_client");
        }
        let Some(consent) = self.inner.lock().expect("a lock").consents.remove(&of("code")) else {
            return refused("invalid_grant");
        };
        let challenge = BASE64URL_NOPAD.encode(&Sha256::digest(of("code_verifier").as_bytes()));
        if challenge != consent.challenge
            || of("redirect_uri") != consent.redirect
            || mood == Mood::RefusesTheCode
        {
            return refused("invalid_grant");
        }
        let mut tokens =
            json!({ "access_token": format!("access-{}", consent.subject), "token_type": "Bearer" });
        match mood {
            Mood::NoIdToken => {}
            Mood::NoJwt => tokens["id_token"] = json!("three.little.words"),
            mood => tokens["id_token"] = json!(self.token(&consent, mood)),
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
        if let Some((about, value)) = &self.inner.lock().expect("a lock").lies {
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

async fn answer(State(provider): State<Provider>, request: Request) -> Response {
    provider.asked.fetch_add(1, Ordering::SeqCst);
    let (parts, body) = request.into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    let form: HashMap<String, String> = url::form_urlencoded::parse(&body).into_owned().collect();
    let mood = provider.inner.lock().expect("a lock").mood;
    let html = |text: String| ([(header::CONTENT_TYPE, "text/html")], text).into_response();
    match mood {
        Mood::Hangs => std::future::pending().await,
        Mood::HangsInTheMiddle => {
            let first = Ok::<_, std::io::Error>(Bytes::from_static(b"{"));
            let rest = crate::platform::stream::steps(Some(first), |first| async move {
                match first {
                    Some(first) => Some((first, None)),
                    None => std::future::pending().await,
                }
            });
            return Body::from_stream(rest).into_response();
        }
        Mood::BreaksOff => {
            let broken = [Ok(Bytes::from_static(b"{")), Err(std::io::Error::other("gone"))];
            return Body::from_stream(futures_util::stream::iter(broken)).into_response();
        }
        Mood::SaysHtml => return html("<h1>It works!</h1>".to_owned()),
        Mood::SaysNothing => return StatusCode::OK.into_response(),
        Mood::SaysTooMuch => return html(format!("{{\"a\":\"{}\"}}", "x".repeat(2_000_000))),
        Mood::SaysDeepJson => return html("[".repeat(100_000)),
        Mood::Redirects => {
            return (StatusCode::FOUND, [(header::LOCATION, "http://127.0.0.1:1/")]).into_response();
        }
        Mood::Fails => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
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
        ("/token" | "/login/oauth/access_token", _) => provider.exchange(&parts.headers, &form, mood),
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
