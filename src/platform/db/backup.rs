//! A consistent copy while the server goes on: SQLite by `VACUUM INTO`, PostgreSQL by its own `pg_dump`.

use std::path::Path;

use tokio::process::Command;
use url::Url;

use super::{Db, DbError};
use crate::platform::config::DatabaseUrl;

/// Writes the copy to `target`, which must not exist: a backup never overwrites one.
pub async fn backup(db: &Db, target: &Path) -> Result<(), DbError> {
    let shown = target.display();
    if target.exists() {
        return Err(DbError::new(format!("{shown} exists; a backup overwrites nothing")));
    }
    // Half a copy under the final name could be taken for a whole one.
    let mut partial = target.as_os_str().to_owned();
    partial.push(".partial");
    let partial = Path::new(&partial);
    let _ = std::fs::remove_file(partial);
    let made = match &db.url {
        DatabaseUrl::Sqlite(_) => vacuum_into(db, partial).await,
        DatabaseUrl::Postgres(address) => dump(address, partial).await,
    };
    let made = made.and_then(|()| {
        durable_rename(partial, target).map_err(|error| DbError::new(format!("{shown}: {error}")))
    });
    if made.is_err() {
        let _ = std::fs::remove_file(partial);
    }
    made
}

fn durable_rename(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::File::open(from)?.sync_all()?;
    std::fs::rename(from, to)?;
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::File::open(folder)?.sync_all()
}

async fn vacuum_into(db: &Db, target: &Path) -> Result<(), DbError> {
    let text = target.to_str().ok_or_else(|| DbError::new("the backup's path is not valid UTF-8"))?;
    // Made first and for the owner alone: a backup holds everything that the database holds.
    private(target).map_err(|error| DbError::new(format!("{}: {error}", target.display())))?;
    sqlx::query("VACUUM INTO $1")
        .bind(text)
        .execute(&db.core.pool)
        .await
        .map(drop)
        .map_err(|error| DbError::new(format!("the backup failed: {error}")))
}

async fn dump(address: &Url, target: &Path) -> Result<(), DbError> {
    private(target).map_err(|error| DbError::new(format!("{}: {error}", target.display())))?;
    // The password goes through the environment: arguments are seen by everyone on the machine.
    let mut without_password = address.clone();
    let _ = without_password.set_password(None);
    let in_query =
        address.query_pairs().find(|(name, _)| name == "password").map(|(_, value)| value.into_owned());
    let others: Vec<_> = address.query_pairs().filter(|(name, _)| name != "password").collect();
    match others.is_empty() {
        true => without_password.set_query(None),
        false => drop(without_password.query_pairs_mut().clear().extend_pairs(others)),
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

fn private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map(drop)
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let code = (byte == b'%').then(|| {
            let digits: Vec<u8> = rest.clone().take(2).collect();
            std::str::from_utf8(&digits).ok().and_then(|digits| u8::from_str_radix(digits, 16).ok())
        });
        match code.flatten() {
            Some(decoded) => {
                bytes.push(decoded);
                rest.nth(1);
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
