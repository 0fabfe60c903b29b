//! The session store. tower-sessions handles the cookie; this store keeps sessions in the database under a hash of their
//! id, and ends them by idle time and by age. An ended session never comes back: saving only updates an existing row.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tower_sessions::cookie::SameSite;
use tower_sessions::cookie::time;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error as StoreError, Result as StoreResult};
use tower_sessions::{Expiry, SessionManagerLayer};

use super::service::{ORIGIN, SIGNED_IN, SignedIn};
use super::store::sessions::{self as store, fingerprint};
use crate::platform::db::count_error;
use crate::platform::{App, Problem};
use crate::shared::Timestamp;

/// The shortest time between two writes of a session's `last_seen_at`.
const LAST_SEEN_INTERVAL: Duration = Duration::from_secs(60);

#[derive(Clone)]
pub struct SessionStore {
    app: App,
}

impl fmt::Debug for SessionStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionStore")
    }
}

tokio::task_local! {
    /// Set while a request is handled that an open page sent by itself.
    static REFRESH: ();
}

/// Whether an open page sent the request by itself, because something has changed. Such requests do not count as use of the
/// session.
pub fn is_refresh(headers: &HeaderMap) -> bool {
    headers.contains_key("x-latchkey-refresh")
}

/// Marks the requests that open pages send by themselves.
pub async fn mark_refresh(request: Request, next: Next) -> Response {
    if is_refresh(request.headers()) {
        REFRESH.scope((), next.run(request)).await
    } else {
        next.run(request).await
    }
}

/// The session layer for the whole router. A session is loaded only when a handler asks for it.
pub fn layer(app: &App) -> SessionManagerLayer<SessionStore> {
    let secure = app.public_url.is_secure();
    let life = app.config.accounts.session_life;
    SessionManagerLayer::new(SessionStore::new(app))
        .with_name(if secure { "__Host-latchkey_session" } else { "latchkey_session" })
        .with_secure(secure)
        .with_http_only(true)
        .with_same_site(SameSite::Lax)
        .with_path("/")
        // The cookie expires when the session reaches its maximum age; the server enforces the idle timeout.
        .with_expiry(Expiry::OnInactivity(time::Duration::try_from(life).unwrap_or(time::Duration::DAY)))
}

/// Replaces the empty 500 response of the session layer, which saves the session after the response, by a 503 that
/// explains why saving failed.
pub async fn explain_unsaved(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let is_ours = response.extensions().get::<Problem>().is_some()
        || response.headers().contains_key(header::CONTENT_TYPE);
    if response.status() != StatusCode::INTERNAL_SERVER_ERROR || is_ours {
        return response;
    }
    Problem::of(StatusCode::SERVICE_UNAVAILABLE)
        .detail(
            "Your session could not be saved: the database takes no changes right now. \
             Check whether your change was made before you try again.",
        )
        .retry_after(Duration::from_secs(2))
        .into_response()
}

impl SessionStore {
    pub fn new(app: &App) -> Self {
        Self { app: app.clone() }
    }

    fn silent_since(&self, now: Timestamp) -> Timestamp {
        now.minus(self.app.config.accounts.session_idle)
    }

    async fn update_last_seen(&self, id_hash: &str, now: Timestamp) -> Result<(), sqlx::Error> {
        let mut write = self.app.db.write().await?;
        store::touch(&mut write, id_hash, now).await?;
        write.commit().await
    }
}

#[async_trait]
impl tower_sessions::SessionStore for SessionStore {
    async fn create(&self, record: &mut Record) -> StoreResult<()> {
        let now = self.app.clock.now();
        let ends = now.plus(self.app.config.accounts.session_life);
        loop {
            let row = store::SessionRow {
                id_hash: fingerprint(&record.id),
                user: user(record),
                data: encode(record)?,
            };
            let (address, user_agent) = origin(record);
            let mut write = self.app.db.write().await.map_err(backend)?;
            let new =
                store::insert(&mut write, &row, &address, &user_agent, now, ends).await.map_err(backend)?;
            write.commit().await.map_err(backend)?;
            if new {
                return Ok(());
            }
            record.id = Id::default();
        }
    }

    async fn save(&self, record: &Record) -> StoreResult<()> {
        let row =
            store::SessionRow { id_hash: fingerprint(&record.id), user: user(record), data: encode(record)? };
        let mut write = self.app.db.write().await.map_err(backend)?;
        store::update(&mut write, &row).await.map_err(backend)?;
        write.commit().await.map_err(backend)
    }

    async fn load(&self, id: &Id) -> StoreResult<Option<Record>> {
        let now = self.app.clock.now();
        let id_hash = fingerprint(id);
        let found =
            store::find(self.app.db.pool(), &id_hash, now, self.silent_since(now)).await.map_err(backend)?;
        let Some(found) = found else { return Ok(None) };
        let is_due =
            now.since(found.last_seen_at) >= LAST_SEEN_INTERVAL && REFRESH.try_with(|()| ()).is_err();
        if is_due && let Err(error) = self.update_last_seen(&id_hash, now).await {
            tracing::warn!(%error, "could not update the session's last_seen_at");
        }
        let data =
            serde_json::from_str(&found.data).map_err(|error| StoreError::Decode(error.to_string()))?;
        let expiry_date = time::OffsetDateTime::from_unix_timestamp(found.ends_at.millis() / 1_000)
            .map_err(|error| StoreError::Decode(error.to_string()))?;
        Ok(Some(Record { id: *id, data, expiry_date }))
    }

    async fn delete(&self, id: &Id) -> StoreResult<()> {
        let mut write = self.app.db.write().await.map_err(backend)?;
        store::delete(&mut write, &fingerprint(id)).await.map_err(backend)?;
        write.commit().await.map_err(backend)
    }
}

fn backend(error: sqlx::Error) -> StoreError {
    count_error(&error);
    StoreError::Backend(error.to_string())
}

fn encode(record: &Record) -> StoreResult<String> {
    serde_json::to_string(&record.data).map_err(|error| StoreError::Encode(error.to_string()))
}

fn user(record: &Record) -> Option<String> {
    let signed_in: SignedIn = serde_json::from_value(record.data.get(SIGNED_IN)?.clone()).ok()?;
    Some(signed_in.user.to_string())
}

fn origin(record: &Record) -> (String, String) {
    record.data.get(ORIGIN).and_then(|value| serde_json::from_value(value.clone()).ok()).unwrap_or_default()
}
