//! Databases for tests. Most tests get a copy of a template, because running all migrations takes longer than most tests.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tokio::sync::OnceCell;

use super::{PUBLIC_URL, rounds};
use crate::platform::config::Sources;
use crate::platform::db::{Db, Engine, Opener};
use crate::platform::{Config, Random};

/// A temporary folder that is deleted when this is dropped.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("latchkey-test-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a temporary folder");
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The name of the template on PostgreSQL, which copies only databases to which nobody is connected.
static POSTGRES: OnceCell<String> = OnceCell::const_new();

/// A database of one test. On SQLite it is the file `test.db` in its folder.
pub struct TestDatabase {
    pub url: String,
    pub folder: Folder,
}

impl TestDatabase {
    /// A database without tables, for tests of migrations and of opening.
    pub async fn empty(engine: Engine) -> Self {
        let folder = Folder::new();
        let url = match engine {
            Engine::Sqlite => sqlite_url(&folder),
            Engine::Postgres => create_postgres("template1").await,
        };
        Self { url, folder }
    }

    /// A database with the tables of the newest version.
    pub async fn migrated(engine: Engine) -> Self {
        // The file's bytes.
        static SQLITE: OnceCell<Vec<u8>> = OnceCell::const_new();
        let folder = Folder::new();
        let url = match engine {
            Engine::Sqlite => {
                let template = SQLITE.get_or_init(sqlite_template).await;
                std::fs::write(sqlite_file(&folder), template).expect("the copy is written");
                sqlite_url(&folder)
            }
            Engine::Postgres => create_postgres(POSTGRES.get_or_init(postgres_template).await).await,
        };
        Self { url, folder }
    }

    pub fn config(&self, more: &[(&str, &str)]) -> Config {
        let fixed = [("LATCHKEY_DATABASE_URL", self.url.as_str()), ("LATCHKEY_PUBLIC_URL", PUBLIC_URL)];
        let variables =
            fixed.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let sources = Sources::from_parts(Path::new("Leptos.toml"), "", variables).expect("readable sources");
        Config::read(&sources).expect("a valid configuration")
    }

    pub async fn open(&self, opener: Opener) -> Db {
        Db::open(&self.config(&[]).database, opener).await.expect("the database opens")
    }
}

/// Drops a database on PostgreSQL. It would disappear with the server, but in many rounds the databases would fill the disk.
impl Drop for TestDatabase {
    fn drop(&mut self) {
        // Until the template exists, this may be the template.
        if rounds() == 1 || !self.url.starts_with("postgres:") || !POSTGRES.initialized() {
            return;
        }
        let (server, name) = self.url.rsplit_once('/').expect("the address ends with a database");
        let folder = std::env::var("LATCHKEY_TEST_PG_BIN").unwrap_or_default();
        let drop = format!("DROP DATABASE {name} WITH (FORCE)");
        let _ = std::process::Command::new(Path::new(&folder).join("psql"))
            .args(["-X", "-q", "-d", &format!("{server}/postgres"), "-c", &drop])
            .status();
    }
}

fn sqlite_file(folder: &Folder) -> PathBuf {
    folder.path().join("test.db")
}

fn sqlite_url(folder: &Folder) -> String {
    format!("sqlite:{}", sqlite_file(folder).display())
}

async fn sqlite_template() -> Vec<u8> {
    let database = TestDatabase::empty(Engine::Sqlite).await;
    database.open(Opener::Server).await.close().await;
    assert!(!database.folder.path().join("test.db-wal").exists(), "closing copies the log into the file");
    std::fs::read(sqlite_file(&database.folder)).expect("the template")
}

async fn postgres_template() -> String {
    let database = TestDatabase::empty(Engine::Postgres).await;
    database.open(Opener::Server).await.close().await;
    let (_, name) = database.url.rsplit_once('/').expect("the address ends with a database");
    name.to_owned()
}

/// Copies a database on the server that `.tools/with-postgres` started. Returns the copy's address.
async fn create_postgres(template: &str) -> String {
    let server = std::env::var("LATCHKEY_TEST_POSTGRES")
        .expect("LATCHKEY_TEST_POSTGRES names a PostgreSQL server: run the tests with 'make test'");
    let name = format!("test_{}", Random::system().base62(12).to_lowercase());
    let mut connection = PgConnection::connect(&server).await.expect("a connection");
    let create = format!("CREATE DATABASE {name} TEMPLATE {template}");
    connection.execute(AssertSqlSafe(create)).await.expect("a new database");
    let (base, _) = server.rsplit_once('/').expect("the address ends with a database");
    format!("{base}/{name}")
}
