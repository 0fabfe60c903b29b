//! Errors of the database, counted for the whole process: they occur where no app is at hand.

use std::sync::atomic::{AtomicU64, Ordering};

const KINDS: [&str; 5] = ["connection", "pool_timeout", "busy", "full", "other"];
static COUNTS: [AtomicU64; KINDS.len()] = [const { AtomicU64::new(0) }; KINDS.len()];

pub fn count_error(error: &sqlx::Error) {
    let kind = kind_of(error);
    if let Some(place) = KINDS.iter().position(|known| *known == kind) {
        COUNTS[place].fetch_add(1, Ordering::Relaxed);
    }
}

/// So far, by kind.
pub fn error_counts() -> impl Iterator<Item = (&'static str, u64)> {
    KINDS.into_iter().zip(COUNTS.iter().map(|count| count.load(Ordering::Relaxed)))
}

fn kind_of(error: &sqlx::Error) -> &'static str {
    use sqlx::Error as Sql;
    match error {
        Sql::PoolTimedOut => "pool_timeout",
        Sql::Io(_) | Sql::Tls(_) | Sql::PoolClosed | Sql::WorkerCrashed => "connection",
        Sql::Database(told) => told.code().map_or("other", |code| kind_of_code(&code)),
        _ => "other",
    }
}

/// PostgreSQL's codes have five characters; SQLite's are numbers with the primary code in the low byte.
fn kind_of_code(code: &str) -> &'static str {
    match code {
        "53100" => return "full",
        "40001" | "40P01" | "55P03" => return "busy",
        code if code.len() == 5 && ["08", "53", "57P"].iter().any(|class| code.starts_with(class)) => {
            return "connection";
        }
        _ => {}
    }
    match code.parse::<u32>().ok().filter(|_| code.len() < 5).map(|number| number & 0xff) {
        Some(5 | 6) => "busy",
        Some(13) => "full",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_code_has_a_kind_too() {
        assert_eq!(kind_of(&sqlx::Error::PoolTimedOut), "pool_timeout");
        assert_eq!(kind_of(&sqlx::Error::PoolClosed), "connection");
        assert_eq!(kind_of(&sqlx::Error::RowNotFound), "other");
    }

    #[test]
    fn codes_of_both_engines_have_a_kind() {
        for (code, kind) in [
            ("53100", "full"),
            ("13", "full"),
            ("5", "busy"),
            ("517", "busy"),
            ("40P01", "busy"),
            ("57P01", "connection"),
            ("08006", "connection"),
            ("53300", "connection"),
            ("23505", "other"),
            ("2067", "other"),
            ("1", "other"),
        ] {
            assert_eq!(kind_of_code(code), kind, "{code}");
        }
    }
}
