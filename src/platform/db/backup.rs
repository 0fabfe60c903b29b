//! Writes a consistent copy of the database while the server runs: of SQLite with `VACUUM INTO`, of PostgreSQL with `pg_dump`.

use std::path::Path;

use tokio::process::Command;
use url::Url;

use super::{Db, DbError};
use crate::platform::config::DatabaseUrl;

/// Writes the copy to `target`, which must not exist: a backup never overwrites one.
pub async fn backup(db: &Db, target: &Path) -> Result<(), DbError> {
    let target_name = target.display();
    if target.exists() {
        return Err(DbError::new(format!("{target_name} exists; a backup overwrites nothing")));
    }
    // An incomplete copy with the final name could be mistaken for a complete one.
    let mut partial = target.as_os_str().to_owned();
    partial.push(".partial");
    let partial = Path::new(&partial);
    let _ = std::fs::remove_file(partial);
    let copied = match &db.url {
        DatabaseUrl::Sqlite(_) => vacuum_into(db, partial).await,
        DatabaseUrl::Postgres(address) => dump(address, partial).await,
    };
    let finished = copied.and_then(|()| {
        durable_rename(partial, target).map_err(|error| DbError::new(format!("{target_name}: {error}")))
    });
    if finished.is_err() {
        let _ = std::fs::remove_file(partial);
    }
    finished
}

fn durable_rename(partial: &Path, target: &Path) -> std::io::Result<()> {
    std::fs::File::open(partial)?.sync_all()?;
    std::fs::rename(partial, target)?;
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::File::open(folder)?.sync_all()
}

async fn vacuum_into(db: &Db, target: &Path) -> Result<(), DbError> {
    let text = target.to_str().ok_or_else(|| DbError::new("the backup's path is not valid UTF-8"))?;
    // Created first, so that only the owner can read it: a backup contains everything that the database contains.
    create_private(target).map_err(|error| DbError::new(format!("{}: {error}", target.display())))?;
    sqlx::query("VACUUM INTO $1")
        .bind(text)
        .execute(&db.core.pool)
        .await
        .map(drop)
        .map_err(|error| DbError::new(format!("the backup failed: {error}")))
}

async fn dump(address: &Url, target: &Path) -> Result<(), DbError> {
    create_private(target).map_err(|error| DbError::new(format!("{}: {error}", target.display())))?;
    // The password is passed in the environment, because every user of the machine can see arguments.
    let mut without_password = address.clone();
    let _ = without_password.set_password(None);
    let in_query =
        address.query_pairs().find(|(name, _)| name == "password").map(|(_, value)| value.into_owned());
    let other_parameters: Vec<_> = address.query_pairs().filter(|(name, _)| name != "password").collect();
    match other_parameters.is_empty() {
        true => without_password.set_query(None),
        false => drop(without_password.query_pairs_mut().clear().extend_pairs(other_parameters)),
    }
    let mut command = Command::new("pg_dump");
    command.arg("--format=custom").arg("--file").arg(target).arg("--dbname").arg(without_password.as_str());
    if let Some(password) = address.password().map(percent_decoded).or(in_query) {
        command.env("PGPASSWORD", password);
    }
    let output = command.kill_on_drop(true).output().await.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            DbError::new("pg_dump is missing: install PostgreSQL's client programs")
        }
        _ => DbError::new(format!("pg_dump: {error}")),
    })?;
    if output.status.success() {
        return Ok(());
    }
    Err(DbError::new(format!("pg_dump: {}", String::from_utf8_lossy(&output.stderr))))
}

fn create_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map(drop)
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut input = text.bytes();
    while let Some(byte) = input.next() {
        let code = (byte == b'%').then(|| {
            let digits: Vec<u8> = input.clone().take(2).collect();
            std::str::from_utf8(&digits).ok().and_then(|digits| u8::from_str_radix(digits, 16).ok())
        });
        match code.flatten() {
            Some(decoded) => {
                bytes.push(decoded);
                input.nth(1);
            }
            None => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_decoded_as_the_driver_decodes_them() {
        for (text, plain) in [("a%20b", "a b"), ("%C3%BC", "ü"), ("100%", "100%"), ("%zz", "%zz"), ("", "")]
        {
            assert_eq!(percent_decoded(text), plain);
        }
    }
}
