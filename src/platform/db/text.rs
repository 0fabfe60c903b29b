//! Helpers for SQL that is assembled at run time.

use sqlx::AssertSqlSafe;

/// The placeholders of `count` rows with `columns` values each: `($1, $2), ($3, $4)`.
pub fn row_placeholders(count: usize, columns: usize) -> String {
    let mut text = String::new();
    for row in 0..count {
        text.push_str(if row == 0 { "(" } else { ", (" });
        for column in 1..=columns {
            let comma = if column == 1 { "" } else { ", " };
            text.push_str(&format!("{comma}${}", row * columns + column));
        }
        text.push(')');
    }
    text
}

/// How many rows one statement inserts. With more rows it would be slower, because SQLite searches all parameters of a statement
/// for the name of each one.
pub const ROWS_PER_STATEMENT: usize = 25;

/// Marks SQL as safe. Call it only with text that consists of constants and `$n`.
pub fn sql(text: String) -> AssertSqlSafe<String> {
    AssertSqlSafe(text)
}
