//! A server inside the test process: the real router with a new database of either engine.

mod database;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt;

use crate::platform::db::{Db, Engine, Opener};
use crate::platform::http::Peer;
use crate::platform::http::fast_path::Dispatcher;
use crate::platform::{App, Assets, Clock, Random};
use crate::server;
use crate::shared::Timestamp;

pub use database::{Folder, TestDatabase};

/// 20 November 2026, 10:00 UTC.
pub const START: Timestamp = Timestamp::from_millis(1_795_168_800_000);
pub const PUBLIC_URL: &str = "http://latchkey.test";

pub struct Server {
    pub app: App,
    pub clock: Clock,
    /// Its folder is deleted when this is dropped.
    _database: TestDatabase,
    dispatcher: Dispatcher,
}

impl Server {
    pub async fn on(engine: Engine) -> Self {
        Self::with(engine, &[]).await
    }

    /// A server with these settings in addition to those of every test.
    pub async fn with(engine: Engine, settings: &[(&str, &str)]) -> Self {
        Self::at(TestDatabase::migrated(engine).await, settings).await
    }

    /// A server on a database that the test has prepared.
    pub async fn at(database: TestDatabase, settings: &[(&str, &str)]) -> Self {
        let config = database.config(settings);
        let db = Db::open(&config.database, Opener::Server).await.expect("the database opens");
        let clock = Clock::manual(START);
        let assets = Assets::folder(Path::new(env!("CARGO_MANIFEST_DIR")).join("public"));
        let random = Random::seeded(1);
        let slices = server::slices(&random);
        let app = App::new(config, db, clock.clone(), random, assets, slices);
        server::listen(&app);
        crate::keys::server::read_change_log(&app).await.expect("the change log is read");
        let dispatcher = server::dispatcher(&app);
        Self { app, clock, _database: database, dispatcher }
    }

    /// Another app on the same database, as in another process. Its changes reach this one only through the database.
    pub async fn second_process(&self) -> App {
        let config = self.app.config.clone();
        let db = Db::open(&config.database, Opener::Tool).await.expect("the database opens");
        let random = Random::seeded(2);
        let slices = server::slices(&random);
        let app = App::new(config, db, self.clock.clone(), random, Assets::none(), slices);
        server::listen(&app);
        crate::keys::server::read_change_log(&app).await.expect("the change log is read");
        app
    }

    /// The number of hashes of keys and of look-ups so far.
    pub fn key_work(&self) -> (u64, u64) {
        self.app.slice::<crate::keys::server::KeyMetrics>().work()
    }

    /// The dispatcher of requests, for a listener on a real socket.
    pub fn dispatcher(&self) -> Dispatcher {
        self.dispatcher.clone()
    }

    pub fn get(&self, path: &str) -> Call<'_> {
        self.call(Method::GET, path)
    }

    pub fn post(&self, path: &str) -> Call<'_> {
        self.call(Method::POST, path)
    }

    pub fn call(&self, method: Method, path: &str) -> Call<'_> {
        let mut call = self.call_at(path).header(header::HOST.as_str(), "latchkey.test");
        call.request = call.request.method(method);
        call
    }

    /// A GET request without the default Host header.
    pub fn call_at(&self, address: &str) -> Call<'_> {
        let request = Request::builder().uri(address);
        Call { server: self, request, peer: IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7)), body: Body::empty() }
    }
}

/// Builds a request.
pub struct Call<'a> {
    server: &'a Server,
    request: axum::http::request::Builder,
    peer: IpAddr,
    body: Body,
}

impl Call<'_> {
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    /// Adds the headers of a browser that requests a page.
    pub fn browser(self) -> Self {
        self.header("accept", "text/html,application/xhtml+xml,*/*;q=0.8")
    }

    /// Adds the headers of a browser that sends a form of this server's pages.
    pub fn same_origin(self) -> Self {
        self.browser().header("sec-fetch-site", "same-origin")
    }

    /// Adds cookies.
    pub fn with(self, cookies: &str) -> Self {
        if cookies.is_empty() { self } else { self.header("cookie", cookies) }
    }

    /// Sets the fields of a form as the body.
    pub fn form(self, fields: &[(&str, &str)]) -> Self {
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in fields {
            body.append_pair(name, value);
        }
        self.header("content-type", "application/x-www-form-urlencoded").body(body.finish())
    }

    pub fn from(mut self, address: &str) -> Self {
        self.peer = address.parse().expect("an address");
        self
    }

    pub fn body(mut self, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends the request and returns after the head of the response.
    pub async fn open(self) -> OpenResponse {
        let request = self.request.body(self.body).expect("a request");
        let peer = Peer(SocketAddr::new(self.peer, 50_000));
        let response = self.server.dispatcher.respond(peer, request).await;
        let (parts, body) = response.into_parts();
        OpenResponse { status: parts.status, headers: parts.headers, body }
    }

    pub async fn send(self) -> TestResponse {
        let OpenResponse { status, headers, body } = self.open().await;
        let body = body.collect().await.expect("a whole body").to_bytes();
        TestResponse { status, headers, body }
    }
}

/// A response whose body is read step by step.
pub struct OpenResponse {
    pub status: StatusCode,
    headers: HeaderMap,
    body: Body,
}

impl OpenResponse {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("a readable header"))
    }

    /// The next frame of the body, or None at its end.
    pub async fn frame(&mut self) -> Option<Result<Bytes, axum::Error>> {
        let frame = self.body.frame().await?;
        Some(frame.map(|frame| frame.into_data().unwrap_or_default()))
    }

    /// The remaining body, or the error that it ends with.
    pub async fn whole(self) -> Result<Bytes, axum::Error> {
        self.body.collect().await.map(http_body_util::Collected::to_bytes)
    }

    /// The remaining body as text, up to its end or an error.
    pub async fn rest(self) -> String {
        let body = self.body.collect().await.expect("a whole body").to_bytes();
        String::from_utf8_lossy(&body).into_owned()
    }
}

pub struct TestResponse {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl TestResponse {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("a readable header"))
    }

    /// The redirect of a response that begins a session; empty if it begins none.
    pub fn entered(&self) -> &str {
        self.header("refresh").strip_prefix("0; url=").unwrap_or_default()
    }

    /// The cookies that the response sets, as a browser sends them back, without those that it removes.
    pub fn cookies(&self) -> String {
        let set = self.headers.get_all("set-cookie").iter().filter_map(|value| value.to_str().ok());
        let current =
            set.filter(|line| !line.contains("Max-Age=0")).filter_map(|line| line.split(';').next());
        current.collect::<Vec<_>>().join("; ")
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }
}

/// How often a test on both engines runs, each time on a new database: once, or LATCHKEY_TEST_ROUNDS times.
pub fn rounds() -> usize {
    let Ok(text) = std::env::var("LATCHKEY_TEST_ROUNDS") else { return 1 };
    text.parse().expect("LATCHKEY_TEST_ROUNDS is a number")
}

/// `#[apply(on_both_engines!)]` makes two tests of a function, `name::sqlite` and `name::postgres`, which run on several
/// threads as the server does.
macro_rules! on_both_engines {
    ($(#[$attribute:meta])* async fn $name:ident($engine:ident: $engine_type:ty) $body:block) => {
        $(#[$attribute])*
        async fn $name($engine: $engine_type) $body

        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                for _ in 0..$crate::tests::harness::rounds() {
                    super::$name($crate::platform::db::Engine::Sqlite).await;
                }
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                for _ in 0..$crate::tests::harness::rounds() {
                    super::$name($crate::platform::db::Engine::Postgres).await;
                }
            }
        }
    };
}
pub(crate) use on_both_engines;
