//! `latchkey admin check`: checks that the database is not damaged, and returns what was checked.

use sqlx::Row;

use super::{Db, DbError, Engine};

pub async fn check(db: &Db) -> Result<Vec<String>, DbError> {
    let mut findings = vec![format!("{}: the tables are up to date", db.url)];
    match db.engine() {
        Engine::Sqlite => {
            let rows = sqlx::query("PRAGMA integrity_check").fetch_all(db.pool()).await.map_err(failed)?;
            let results: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
            if results != ["ok"] {
                return Err(DbError::new(format!("the file is damaged: {}", results.join("; "))));
            }
            let orphans =
                sqlx::query("PRAGMA foreign_key_check").fetch_all(db.pool()).await.map_err(failed)?;
            if !orphans.is_empty() {
                return Err(DbError::new(format!("{} rows refer to rows that are not there", orphans.len())));
            }
            findings.push("integrity and references: ok".to_owned());
        }
        // PostgreSQL always enforces references, and checks pages when it reads them.
        Engine::Postgres => {
            let unvalidated = db
                .query_text("SELECT CAST(count(*) AS TEXT) FROM pg_constraint WHERE NOT convalidated")
                .await?;
            if unvalidated != "0" {
                return Err(DbError::new(format!("{unvalidated} constraints were never validated")));
            }
            findings.push("constraints: ok".to_owned());
        }
    }
    Ok(findings)
}

fn failed(error: sqlx::Error) -> DbError {
    DbError::new(format!("the check failed: {error}"))
}
