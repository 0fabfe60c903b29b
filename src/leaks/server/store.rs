//! All SQL about leaked keys.

use sqlx::any::AnyRow;
use sqlx::{AnyExecutor, AnyPool, Row};

use crate::keys::{LeakEffect, LeakOutcome};
use crate::leaks::LeakPolicy;
use crate::platform::db::{Write, sql};
use crate::shared::{KeyId, Kind, LeakReportId, OrgId, SecretId, Timestamp, UserId};

/// A place where a secret was found. The names are those at that time.
#[derive(Clone, Debug)]
pub struct LeakReport {
    pub id: LeakReportId,
    pub org: OrgId,
    pub key: KeyId,
    pub secret: SecretId,
    pub kind: Kind,
    pub key_name: String,
    pub prefix: String,
    /// The person in whose name the key acts.
    pub creator: UserId,
    /// Texts of the reporter; empty: not stated.
    pub url: String,
    pub source: String,
    /// Signed by GitHub.
    pub is_signed: bool,
    pub at: Timestamp,
    /// None if an earlier report already led to the same effect.
    pub outcome: Option<LeakOutcome>,
    /// When letters about it were queued. Set at once for a report without an effect, which is not mailed.
    pub mailed_at: Option<Timestamp>,
}

impl LeakReport {
    /// Whether this report led to the effect or to a stronger one.
    pub fn has_applied(&self, effect: LeakEffect) -> bool {
        let applied = match self.outcome {
            None => return false,
            Some(LeakOutcome::Reported) => LeakEffect::Report,
            Some(LeakOutcome::Disabled) => LeakEffect::Disable,
            Some(LeakOutcome::Revoked | LeakOutcome::RotationFinished) => LeakEffect::Revoke,
        };
        applied >= effect
    }

    /// The name of the reporter for pages and letters.
    pub fn reporter(&self) -> String {
        match (self.is_signed, self.source.as_str()) {
            (true, _) => "GitHub secret scanning, signed by GitHub".to_owned(),
            (false, "") => "Somebody who has the key".to_owned(),
            (false, source) => format!("Somebody who has the key. They call themselves: {source}"),
        }
    }
}

const COLUMNS: &str = "id, org_id, key_id, secret_id, kind, key_name, prefix, maker, url, source, is_signed, at, outcome, mailed_at";

fn report(row: &AnyRow) -> Result<LeakReport, sqlx::Error> {
    let text = |name| row.try_get::<String, _>(name);
    let invalid = |what: &str| sqlx::Error::Decode(format!("invalid {what}").into());
    Ok(LeakReport {
        id: row.try_get("id")?,
        org: row.try_get("org_id")?,
        key: row.try_get("key_id")?,
        secret: SecretId::parse(&text("secret_id")?).ok_or_else(|| invalid("secret"))?,
        kind: Kind::parse(&text("kind")?).ok_or_else(|| invalid("kind"))?,
        key_name: text("key_name")?,
        prefix: text("prefix")?,
        creator: row.try_get("maker")?,
        url: text("url")?,
        source: text("source")?,
        is_signed: row.try_get::<i64, _>("is_signed")? != 0,
        at: Timestamp::from_millis(row.try_get("at")?),
        outcome: LeakOutcome::parse(&text("outcome")?),
        mailed_at: row.try_get::<Option<i64>, _>("mailed_at")?.map(Timestamp::from_millis),
    })
}

/// A report of the same place that has an effect replaces one without it.
pub async fn insert(write: &mut Write, report: &LeakReport) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO leak_reports (id, org_id, key_id, secret_id, kind, key_name, prefix, maker, url, source, is_signed, \
         at, outcome, mailed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) \
         ON CONFLICT (secret_id, url) DO UPDATE SET source = excluded.source, is_signed = excluded.is_signed, \
         at = excluded.at, outcome = excluded.outcome, mailed_at = excluded.mailed_at WHERE excluded.outcome <> ''",
    )
    .bind(report.id)
    .bind(report.org)
    .bind(report.key)
    .bind(report.secret)
    .bind(report.kind.as_str())
    .bind(&report.key_name)
    .bind(&report.prefix)
    .bind(report.creator)
    .bind(&report.url)
    .bind(&report.source)
    .bind(i64::from(report.is_signed))
    .bind(report.at.millis())
    .bind(report.outcome.map_or("", LeakOutcome::as_str))
    .bind(report.mailed_at.map(Timestamp::millis))
    .execute(&mut **write)
    .await
    .map(drop)
}

pub async fn of_secret(db: impl AnyExecutor<'_>, secret: SecretId) -> Result<Vec<LeakReport>, sqlx::Error> {
    let text = sql(format!("SELECT {COLUMNS} FROM leak_reports WHERE secret_id = $1"));
    sqlx::query(text).bind(secret).fetch_all(db).await?.iter().map(report).collect()
}

/// The reports about a key, the latest first.
pub async fn of_key(pool: &AnyPool, key: KeyId) -> Result<Vec<LeakReport>, sqlx::Error> {
    let text = sql(format!(
        "SELECT {COLUMNS} FROM leak_reports WHERE key_id = $1 ORDER BY at DESC, id DESC LIMIT 100"
    ));
    sqlx::query(text).bind(key).fetch_all(pool).await?.iter().map(report).collect()
}

/// The reports with an effect about keys of an organization since a time, the latest first.
pub async fn recent(
    pool: &AnyPool,
    org: OrgId,
    since: Timestamp,
    limit: i64,
) -> Result<Vec<LeakReport>, sqlx::Error> {
    let text = sql(format!(
        "SELECT {COLUMNS} FROM leak_reports WHERE org_id = $1 AND at >= $2 AND outcome <> '' ORDER BY at DESC, id DESC LIMIT $3"
    ));
    sqlx::query(text)
        .bind(org)
        .bind(since.millis())
        .bind(limit)
        .fetch_all(pool)
        .await?
        .iter()
        .map(report)
        .collect()
}

/// Organizations with reports since a time about which no letter was sent, unless letters were sent to the organization after
/// `mailed_before`.
pub async fn orgs_to_mail(
    pool: &AnyPool,
    since: Timestamp,
    mailed_before: Timestamp,
    limit: i64,
) -> Result<Vec<OrgId>, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT DISTINCT org_id FROM leak_reports WHERE mailed_at IS NULL AND at >= $1 AND NOT EXISTS (SELECT 1 FROM \
         leak_reports AS others WHERE others.org_id = leak_reports.org_id AND others.outcome <> '' AND others.mailed_at > $3) \
         LIMIT $2",
    )
    .bind(since.millis())
    .bind(limit)
    .bind(mailed_before.millis())
    .fetch_all(pool)
    .await
}

/// Marks all reports of an organization since a time as mailed. Returns their number, which is 0 if another process has already
/// marked them.
pub async fn set_mailed(
    write: &mut Write,
    org: OrgId,
    since: Timestamp,
    now: Timestamp,
) -> Result<u64, sqlx::Error> {
    let text = "UPDATE leak_reports SET mailed_at = $3 WHERE org_id = $1 AND mailed_at IS NULL AND at >= $2";
    let marked =
        sqlx::query(text).bind(org).bind(since.millis()).bind(now.millis()).execute(&mut **write).await?;
    Ok(marked.rows_affected())
}

/// The reports that were marked at this time, those of the strongest keys first.
pub async fn mailed_at(
    write: &mut Write,
    org: OrgId,
    at: Timestamp,
    limit: i64,
) -> Result<Vec<LeakReport>, sqlx::Error> {
    let text = sql(format!(
        "SELECT {COLUMNS} FROM leak_reports WHERE org_id = $1 AND mailed_at = $2 AND outcome <> '' ORDER BY \
         (SELECT CASE role WHEN 'owner' THEN 0 WHEN 'admin' THEN 1 WHEN 'member' THEN 2 ELSE 3 END FROM keys \
         WHERE keys.id = leak_reports.key_id), at, id LIMIT $3"
    ));
    let rows = sqlx::query(text).bind(org).bind(at.millis()).bind(limit).fetch_all(&mut **write).await?;
    rows.iter().map(report).collect()
}

/// Lets the next round send the letters about reports that were marked at this time.
pub async fn set_not_mailed(write: &mut Write, org: OrgId, at: Timestamp) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE leak_reports SET mailed_at = NULL WHERE org_id = $1 AND mailed_at = $2 AND outcome <> ''",
    )
    .bind(org)
    .bind(at.millis())
    .execute(&mut **write)
    .await
    .map(drop)
}

/// Returns None when the organization has chosen nothing.
pub async fn policy(db: impl AnyExecutor<'_>, org: OrgId) -> Result<Option<LeakPolicy>, sqlx::Error> {
    let row = sqlx::query("SELECT effect, test_effect FROM leak_policies WHERE org_id = $1")
        .bind(org)
        .fetch_optional(db)
        .await?;
    let effect = |row: &AnyRow, name| {
        let text: String = row.try_get(name)?;
        LeakEffect::parse(&text).ok_or_else(|| sqlx::Error::Decode(format!("no effect {text}").into()))
    };
    row.map(|row| {
        Ok(LeakPolicy { effect: effect(&row, "effect")?, test_effect: effect(&row, "test_effect")? })
    })
    .transpose()
}

pub async fn set_policy(write: &mut Write, org: OrgId, policy: LeakPolicy) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO leak_policies (org_id, effect, test_effect) VALUES ($1, $2, $3) \
         ON CONFLICT (org_id) DO UPDATE SET effect = excluded.effect, test_effect = excluded.test_effect",
    )
    .bind(org)
    .bind(policy.effect.as_str())
    .bind(policy.test_effect.as_str())
    .execute(&mut **write)
    .await
    .map(drop)
}
