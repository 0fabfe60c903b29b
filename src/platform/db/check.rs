//! `latchkey admin check`: is the database whole? Prints what it looked at.

use sqlx::Row;

use super::{Db, DbError, Engine};

pub async fn check(db: &Db) -> Result<Vec<String>, DbError> {
    let mut findings = vec![format!("{}: the tables are up to date", db.url)];
    match db.engine() {
        Engine::Sqlite => {
            let rows = sqlx::query("PRAGMA integrity_check").fetch_all(db.pool()).await.map_err(broken)?;
            let answers: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
            if answers != ["ok"] {
                return Err(DbError::new(format!("the file is damaged: {}", answers.join("; "))));
            }
            let orphans =
                sqlx::query("PRAGMA foreign_key_check").fetch_all(db.pool()).await.map_err(broken)?;
            if !orphans.is_empty() {
                return Err(DbError::new(format!("{} rows refer to rows that are not there", orphans.len())));
            }
            findings.push("integrity and references: ok".to_owned());
        }
        // PostgreSQL keeps its references itself and checks its pages when it reads them.
        Engine::Postgres => {
            let loose =
                db.ask("SELECT CAST(count(*) AS TEXT) FROM pg_constraint WHERE NOT convalidated").await?;
            if loose != "0" {
                return Err(DbError::new(format!("{loose} constraints were never validated")));
            }
            findings.push("constraints: ok".to_owned());
        }
    }
    Ok(findings)
}

fn broken(error: sqlx::Error) -> DbError {
    DbError::new(format!("the check failed: {error}"))
}
