//! The search for a text anywhere in a name. A text inside of a name is the beginning of one of the name's endings, and the table
//! `key_name_endings` has those: a search reads one range of its primary key.

use std::collections::BTreeSet;

use sqlx::AnyConnection;

use super::condition::{FEW, Lead, SqlValue, TEXT};
use crate::platform::db::{ROWS_PER_STATEMENT, Write, row_placeholders, sql};
use crate::shared::{KeyId, OrgId};

/// A shorter text is only looked for at the beginning of names.
const MIN_LENGTH: usize = 3;
/// Endings are cut to this many letters; migration 26 does the same.
const CUT: usize = 16;

fn endings(name_key: &str) -> BTreeSet<String> {
    let letters: Vec<char> = name_key.chars().collect();
    let starts = 0..(letters.len() + 1).saturating_sub(MIN_LENGTH);
    starts.map(|start| letters[start..].iter().take(CUT).collect()).collect()
}

/// Adds the name of a new key.
pub async fn add(write: &mut Write, org: OrgId, key: KeyId, name_key: &str) -> Result<(), sqlx::Error> {
    insert(write, org, key, &endings(name_key)).await
}

/// Call it after the name of a key has changed.
pub async fn rename(
    write: &mut Write,
    org: OrgId,
    key: KeyId,
    old_name_key: &str,
    name_key: &str,
) -> Result<(), sqlx::Error> {
    let (old, new) = (endings(old_name_key), endings(name_key));
    let removed: Vec<_> = old.difference(&new).collect();
    for removed in removed.chunks(ROWS_PER_STATEMENT) {
        let places: Vec<String> = (3..removed.len() + 3).map(|place| format!("${place}")).collect();
        let text = format!(
            "DELETE FROM key_name_endings WHERE org_id = $1 AND key_id = $2 AND ending IN ({})",
            places.join(", ")
        );
        let query = sqlx::query(sql(text)).bind(org).bind(key);
        removed.iter().fold(query, |query, ending| query.bind(ending.as_str())).execute(&mut **write).await?;
    }
    insert(write, org, key, &new.difference(&old).cloned().collect()).await
}

async fn insert(
    write: &mut Write,
    org: OrgId,
    key: KeyId,
    endings: &BTreeSet<String>,
) -> Result<(), sqlx::Error> {
    let endings: Vec<&String> = endings.iter().collect();
    for endings in endings.chunks(ROWS_PER_STATEMENT) {
        let text = format!(
            "INSERT INTO key_name_endings (org_id, ending, key_id) VALUES {}",
            row_placeholders(endings.len(), 3)
        );
        let query = sqlx::query(sql(text)).persistent(endings.len() == ROWS_PER_STATEMENT);
        endings
            .iter()
            .fold(query, |query, ending| query.bind(org).bind(ending.as_str()).bind(key))
            .execute(&mut **write)
            .await?;
    }
    Ok(())
}

/// Whether the text is looked for anywhere in names.
pub fn is_anywhere(text: &str) -> bool {
    text.chars().nth(MIN_LENGTH - 1).is_some()
}

/// The first and the last value of a range of texts that begin with this one. Both engines use an index for such a range, and `%`
/// and `_` have no meaning in it.
pub fn beginning(text: &str) -> (SqlValue, SqlValue) {
    (text.into(), SqlValue::Text(format!("{text}\u{10FFFF}")))
}

fn cut(text: &str) -> String {
    text.chars().take(CUT).collect()
}

/// Whether few names contain the text, so that finding them first is quick.
pub async fn name_lead(db: &mut AnyConnection, org: OrgId, text: &str) -> Result<Lead, sqlx::Error> {
    let cut = cut(text);
    let found: i64 = sqlx::query_scalar(
        "SELECT COUNT(*) FROM (SELECT 1 FROM key_name_endings WHERE org_id = $1 AND ending >= $2 AND ending < $3 LIMIT $4) \
         AS found",
    )
    .bind(org)
    .bind(cut.as_str())
    .bind(format!("{cut}\u{10FFFF}"))
    .bind(FEW + 1)
    .fetch_one(db)
    .await?;
    Ok(if found <= FEW { Lead::Condition } else { Lead::Order })
}

/// The condition that the name contains the text, which is in lower case. `$1` is the organization.
pub fn contains(text: &str, lead: Lead, bind: &mut dyn FnMut(SqlValue) -> String) -> String {
    if !is_anywhere(text) {
        let (from, to) = beginning(text);
        let column = lead.column("name_key", TEXT);
        return format!("{column} >= {} AND {column} < {}", bind(from), bind(to));
    }
    // Unlike LIKE, replace gives no character a meaning.
    let compared = format!("replace(name_key, {}, '') <> name_key", bind(text.into()));
    if lead == Lead::Order {
        return compared;
    }
    let cut = cut(text);
    let (from, to) = beginning(&cut);
    // The limit, which is never reached, tells PostgreSQL without statistics that these are few.
    format!(
        "id IN (SELECT key_id FROM key_name_endings WHERE org_id = $1 AND ending >= {} AND ending < {} LIMIT {}) AND {compared}",
        bind(from),
        bind(to),
        FEW + 1
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_an_ending_for_each_letter_but_the_last_two() {
        let of = |name: &str| endings(name).into_iter().collect::<Vec<_>>();
        assert_eq!(of("wörk"), ["wörk", "örk"]);
        assert_eq!(of("aaaa"), ["aaa", "aaaa"]);
        assert_eq!((of("ab"), of(""), of("abc").len()), (Vec::new(), Vec::new(), 1));
        assert!(endings(&"ab".repeat(40)).iter().all(|ending| ending.len() <= CUT));
    }
}
