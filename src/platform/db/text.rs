//! Texts of SQL that are put together.

use sqlx::AssertSqlSafe;

/// `($1, $2), ($3, $4)`: the places of `count` rows of `columns` values.
pub fn places(count: usize, columns: usize) -> String {
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

/// Rows written by one statement. SQLite looks each parameter up by its name among all of them, so that many rows cost
/// more than many statements.
pub const ROWS: usize = 25;

/// Marks a text that this code put together from its own constants and `$n` as fit to be run.
pub fn sql(text: String) -> AssertSqlSafe<String> {
    AssertSqlSafe(text)
}
