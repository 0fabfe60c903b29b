//! All SQL of requests.

use sqlx::any::AnyRow;
use sqlx::{AnyExecutor, AnyPool, Row};

use crate::approvals::{ApprovalRequest, ApprovalState};
use crate::platform::db::{Write, sql};
use crate::shared::{ApprovalId, KeyId, OrgId, Role, Timestamp, UserId};

const SELECT: &str = "SELECT id, org_id, kind, requester_id, requester_name, key_id, key_name, key_creator_id, key_receiver_id, title, \
                      details, request, request_hash, least_role, state, created_at, expires_at, decided_at, decided_by, \
                      decided_by_name, reason, ended_at, result FROM approval_requests";

fn request(row: &AnyRow) -> Result<ApprovalRequest, sqlx::Error> {
    let time = |name| -> Result<Option<Timestamp>, sqlx::Error> {
        Ok(row.try_get::<Option<i64>, _>(name)?.map(Timestamp::from_millis))
    };
    let text = |name| row.try_get::<String, _>(name);
    let wrong = |what: &str, text: &str| sqlx::Error::Decode(format!("unknown {what} {text:?}").into());
    let (role, state) = (text("least_role")?, text("state")?);
    Ok(ApprovalRequest {
        id: row.try_get("id")?,
        org: row.try_get("org_id")?,
        kind: text("kind")?,
        requester: row.try_get("requester_id")?,
        requester_name: text("requester_name")?,
        key: row.try_get("key_id")?,
        key_name: text("key_name")?,
        key_creator: row.try_get("key_creator_id")?,
        key_receiver: row.try_get("key_receiver_id")?,
        title: text("title")?,
        details: serde_json::from_str(&text("details")?)
            .map_err(|error| sqlx::Error::Decode(error.into()))?,
        request: text("request")?,
        hash: text("request_hash")?,
        least_role: Role::parse_of_key(&role).ok_or_else(|| wrong("role", &role))?,
        stored_state: ApprovalState::parse(&state).ok_or_else(|| wrong("state", &state))?,
        created_at: Timestamp::from_millis(row.try_get("created_at")?),
        expires_at: Timestamp::from_millis(row.try_get("expires_at")?),
        decided_at: time("decided_at")?,
        decided_by: row.try_get("decided_by")?,
        decided_by_name: text("decided_by_name")?,
        reason: text("reason")?,
        ended_at: time("ended_at")?,
        result: text("result")?,
    })
}

pub async fn insert(
    write: &mut Write,
    new: &ApprovalRequest,
    once_hash: Option<&str>,
) -> Result<(), sqlx::Error> {
    let details = serde_json::to_string(&new.details).map_err(|error| sqlx::Error::Encode(error.into()))?;
    sqlx::query(
        "INSERT INTO approval_requests (id, org_id, kind, requester_id, requester_name, key_id, key_name, key_creator_id, \
         title, details, request, request_hash, least_role, once_hash, state, created_at, expires_at, decided_by_name, \
         reason, result, key_receiver_id) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 'pending', $15, $16, '', '', '', $17)",
    )
    .bind(new.id)
    .bind(new.org)
    .bind(&new.kind)
    .bind(new.requester)
    .bind(&new.requester_name)
    .bind(new.key)
    .bind(&new.key_name)
    .bind(new.key_creator)
    .bind(&new.title)
    .bind(details)
    .bind(&new.request)
    .bind(&new.hash)
    .bind(new.least_role.as_str())
    .bind(once_hash)
    .bind(new.created_at.millis())
    .bind(new.expires_at.millis())
    .bind(new.key_receiver)
    .execute(&mut **write)
    .await
    .map(drop)
}

pub async fn find(
    db: impl AnyExecutor<'_>,
    org: OrgId,
    id: ApprovalId,
) -> Result<Option<ApprovalRequest>, sqlx::Error> {
    let row = sqlx::query(sql(format!("{SELECT} WHERE org_id = $1 AND id = $2")))
        .bind(org)
        .bind(id)
        .fetch_optional(db)
        .await?;
    row.as_ref().map(request).transpose()
}

/// The request that was filed with the same idempotency key or form.
pub async fn find_by_idempotency_hash(
    db: impl AnyExecutor<'_>,
    org: OrgId,
    requester: UserId,
    once_hash: &str,
) -> Result<Option<ApprovalId>, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT id FROM approval_requests WHERE org_id = $1 AND requester_id = $2 AND once_hash = $3",
    )
    .bind(org)
    .bind(requester)
    .bind(once_hash)
    .fetch_optional(db)
    .await
}

/// The pending and approved requests of a person.
pub async fn open_of(
    write: &mut Write,
    org: OrgId,
    requester: UserId,
    now: Timestamp,
) -> Result<Vec<ApprovalRequest>, sqlx::Error> {
    let text = format!(
        "{SELECT} WHERE org_id = $1 AND requester_id = $2 AND state IN ('pending', 'approved') AND expires_at > $3"
    );
    let rows =
        sqlx::query(sql(text)).bind(org).bind(requester).bind(now.millis()).fetch_all(&mut **write).await?;
    rows.iter().map(request).collect()
}

pub async fn count_pending(
    write: &mut Write,
    org: OrgId,
    requester: UserId,
    now: Timestamp,
) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT COUNT(*) FROM approval_requests WHERE org_id = $1 AND requester_id = $2 AND state = 'pending' \
         AND expires_at > $3",
    )
    .bind(org)
    .bind(requester)
    .bind(now.millis())
    .fetch_one(&mut **write)
    .await
}

/// Counts the pending requests that this person can decide. Stops at `most`.
pub async fn count_waiting(
    pool: &AnyPool,
    org: OrgId,
    user: UserId,
    role: Role,
    now: Timestamp,
    most: i64,
) -> Result<i64, sqlx::Error> {
    let roles = if role >= Role::Owner { "'admin', 'owner'" } else { "'admin'" };
    let text = format!(
        "SELECT COUNT(*) FROM (SELECT id FROM approval_requests WHERE org_id = $1 AND state = 'pending' \
         AND expires_at > $2 AND requester_id <> $3 AND COALESCE(key_creator_id, '') <> $3 \
         AND COALESCE(key_receiver_id, '') <> $3 AND least_role IN ({roles}) AND kind NOT LIKE 'agent.%' \
         LIMIT $4) AS few"
    );
    sqlx::query_scalar(sql(text)).bind(org).bind(now.millis()).bind(user).bind(most).fetch_one(pool).await
}

/// Selects the requests of a list.
#[derive(Clone, Copy, Debug)]
pub struct ApprovalQuery {
    pub org: OrgId,
    pub requester: Option<UserId>,
    /// Some(true): pending ones; Some(false): all others.
    pub is_waiting: Option<bool>,
    /// Only requests older than this one.
    pub before: Option<ApprovalId>,
    pub now: Timestamp,
    pub limit: usize,
}

/// The newest first.
pub async fn list(pool: &AnyPool, query: &ApprovalQuery) -> Result<Vec<ApprovalRequest>, sqlx::Error> {
    let waiting = match query.is_waiting {
        None => "$4 = $4",
        Some(true) => "state = 'pending' AND expires_at > $4",
        Some(false) => "(state <> 'pending' OR expires_at <= $4)",
    };
    let text = format!(
        "{SELECT} WHERE org_id = $1 AND ($2 IS NULL OR requester_id = $2) AND ($3 IS NULL OR id < $3) AND {waiting} \
         ORDER BY id DESC LIMIT $5"
    );
    let rows = sqlx::query(sql(text))
        .bind(query.org)
        .bind(query.requester)
        .bind(query.before)
        .bind(query.now.millis())
        .bind(i64::try_from(query.limit).unwrap_or(i64::MAX))
        .fetch_all(pool)
        .await?;
    rows.iter().map(request).collect()
}

/// The decision about a pending request.
pub struct ApprovalDecision<'a> {
    pub state: ApprovalState,
    pub by: UserId,
    pub by_name: &'a str,
    pub reason: &'a str,
    /// The hash of the request that the person saw.
    pub hash: &'a str,
    pub expires_at: Timestamp,
}

/// Decides a pending request. Returns false if it is no longer pending, has expired or was changed.
pub async fn decide(
    write: &mut Write,
    id: ApprovalId,
    now: Timestamp,
    decision: &ApprovalDecision<'_>,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "UPDATE approval_requests SET state = $3, decided_at = $2, decided_by = $4, decided_by_name = $5, reason = $6, \
         expires_at = $7 WHERE id = $1 AND state = 'pending' AND expires_at > $2 AND request_hash = $8",
    )
    .bind(id)
    .bind(now.millis())
    .bind(decision.state.as_str())
    .bind(decision.by)
    .bind(decision.by_name)
    .bind(decision.reason)
    .bind(decision.expires_at.millis())
    .bind(decision.hash)
    .execute(&mut **write)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Uses an approved request. Returns false if it is no longer approved or has expired.
pub async fn set_used(
    write: &mut Write,
    id: ApprovalId,
    now: Timestamp,
    result: &str,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "UPDATE approval_requests SET state = 'used', ended_at = $2, result = $3 \
         WHERE id = $1 AND state = 'approved' AND expires_at > $2",
    )
    .bind(id)
    .bind(now.millis())
    .bind(result)
    .execute(&mut **write)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Marks a pending request as confirmed and used at once. Returns false if it is no longer pending, has expired or was changed.
pub async fn confirm(
    write: &mut Write,
    id: ApprovalId,
    now: Timestamp,
    (by, by_name): (UserId, &str),
    hash: &str,
    result: &str,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "UPDATE approval_requests SET state = 'used', decided_at = $2, decided_by = $3, decided_by_name = $4, \
         ended_at = $2, result = $6 WHERE id = $1 AND state = 'pending' AND expires_at > $2 AND request_hash = $5",
    )
    .bind(id)
    .bind(now.millis())
    .bind(by)
    .bind(by_name)
    .bind(hash)
    .bind(result)
    .execute(&mut **write)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The newest request of a key for exactly the same, filed after a time.
pub async fn find_same_since(
    db: impl AnyExecutor<'_>,
    (org, requester, key): (OrgId, UserId, KeyId),
    (kind, text): (&str, &str),
    since: Timestamp,
) -> Result<Option<ApprovalRequest>, sqlx::Error> {
    let sql_text = format!(
        "{SELECT} WHERE org_id = $1 AND requester_id = $2 AND key_id = $3 AND kind = $4 AND request = $5 \
         AND created_at > $6 ORDER BY id DESC LIMIT 1"
    );
    let row = sqlx::query(sql(sql_text))
        .bind(org)
        .bind(requester)
        .bind(key)
        .bind(kind)
        .bind(text)
        .bind(since.millis())
        .fetch_optional(db)
        .await?;
    row.as_ref().map(request).transpose()
}

/// Withdraws a request. Returns false if it is no longer open.
pub async fn set_withdrawn(write: &mut Write, id: ApprovalId, now: Timestamp) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "UPDATE approval_requests SET state = 'withdrawn', ended_at = $2 \
         WHERE id = $1 AND state IN ('pending', 'approved') AND expires_at > $2",
    )
    .bind(id)
    .bind(now.millis())
    .execute(&mut **write)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Marks a request as expired. Returns false if it is no longer open, for example because another process marked it.
pub async fn set_expired(write: &mut Write, id: ApprovalId, now: Timestamp) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "UPDATE approval_requests SET state = 'expired', ended_at = $2 \
         WHERE id = $1 AND state IN ('pending', 'approved') AND expires_at <= $2",
    )
    .bind(id)
    .bind(now.millis())
    .execute(&mut **write)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Open requests whose expiry has passed.
pub async fn find_expired(
    pool: &AnyPool,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<ApprovalRequest>, sqlx::Error> {
    let text = format!(
        "{SELECT} WHERE state IN ('pending', 'approved') AND expires_at <= $1 ORDER BY expires_at LIMIT $2"
    );
    let rows = sqlx::query(sql(text)).bind(now.millis()).bind(limit).fetch_all(pool).await?;
    rows.iter().map(request).collect()
}
