//! Counts database errors. The counts are global, because errors occur where the app is not available.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Fault;

const KINDS: [&str; 5] = ["connection", "pool_timeout", "busy", "full", "other"];
static COUNTS: [AtomicU64; KINDS.len()] = [const { AtomicU64::new(0) }; KINDS.len()];

pub fn count_error(error: &sqlx::Error) {
    let kind = kind_of(error);
    if let Some(index) = KINDS.iter().position(|candidate| *candidate == kind) {
        COUNTS[index].fetch_add(1, Ordering::Relaxed);
    }
}

/// The number of errors so far, by kind.
pub fn error_counts() -> impl Iterator<Item = (&'static str, u64)> {
    KINDS.into_iter().zip(COUNTS.iter().map(|count| count.load(Ordering::Relaxed)))
}

fn kind_of(error: &sqlx::Error) -> &'static str {
    match (error, Fault::of(error)) {
        (sqlx::Error::PoolTimedOut, _) => "pool_timeout",
        (_, Fault::Away | Fault::Silent | Fault::Denied) => "connection",
        (_, Fault::Locked) => "busy",
        (_, Fault::Full) => "full",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_has_a_kind() {
        assert_eq!(kind_of(&sqlx::Error::PoolTimedOut), "pool_timeout");
        assert_eq!(kind_of(&sqlx::Error::PoolClosed), "connection");
        assert_eq!(kind_of(&sqlx::Error::RowNotFound), "other");
        for (fault, kind) in [
            (Fault::Silent, "connection"),
            (Fault::Locked, "busy"),
            (Fault::Full, "full"),
            (Fault::Damaged, "other"),
        ] {
            assert_eq!(kind_of(&fault.into()), kind);
        }
    }
}
