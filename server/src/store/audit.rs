//! The audit log's tables. Entries are only ever appended, by [`super::Tx::commit`].

use super::{Store, Tx, in_tx, read, write_alone};
use crate::audit::merkle::{Edge, leaf_hash};
use crate::audit::verify::StoredEntry;
pub use crate::audit::{By as Actor, Entry};
use crate::audit::{hex, timestamp};
use crate::clock::{from_micros, micros};
use crate::error::{Error, Result};
use time::OffsetDateTime;
use uuid::Uuid;

/// The head of the log.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Head {
    pub size: i64,
    pub edge: String,
    pub last_hash: String,
}

#[derive(sqlx::FromRow)]
pub(super) struct Row {
    position: i64,
    at: i64,
    actor_id: Option<Uuid>,
    action: String,
    object_kind: String,
    object_id: String,
    leaf: String,
    leaf_hash: String,
    salt: Option<String>,
    detail: Option<String>,
}

impl From<Row> for StoredEntry {
    fn from(row: Row) -> Self {
        Self {
            position: row.position,
            at: timestamp(from_micros(row.at)),
            actor_id: row.actor_id.map(|id| id.to_string()),
            action: row.action,
            object_kind: row.object_kind,
            object_id: row.object_id,
            leaf: row.leaf,
            leaf_hash: row.leaf_hash,
            detail: row.salt.zip(row.detail),
        }
    }
}

/// Which entries a person asked for; empty fields ask for nothing.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub actor: Option<Uuid>,
    pub object_kind: Option<String>,
    pub object_id: Option<String>,
    /// The beginning of the action, such as `model.`.
    pub action: Option<String>,
    pub from: Option<OffsetDateTime>,
    pub to: Option<OffsetDateTime>,
}

/// Entries from position `$1` on, at most `$2`.
pub(super) const ENTRIES_FROM: &str = "select e.position, at, actor_id, action, object_kind, object_id, leaf, leaf_hash, salt, \
     detail from audit_entry e left join audit_detail d on d.position = e.position \
     where e.position >= $1 order by e.position limit $2";

/// The condition of a [`Filter`], its six parameters first.
macro_rules! wanted {
    () => {
        "($1 is null or actor_id = $1) and ($2 is null or object_kind = $2) \
         and ($3 is null or object_id = $3) \
         and ($4 is null or substr(action, 1, length($4)) = $4) \
         and ($5 is null or at >= $5) and ($6 is null or at < $6)"
    };
}

/// Appends the entries of a transaction, which holds the log's lock until it commits.
pub(super) async fn append(tx: &mut Tx, entries: &[Entry]) -> Result<()> {
    // An update that changes nothing takes the row's lock on PostgreSQL; SQLite holds its own.
    const LOCK: &str =
        "update audit_head set size = size where id = 1 returning size, edge, last_hash";
    const INSERT: &str = "insert into audit_entry (position, at, actor_id, action, object_kind, \
         object_id, leaf, leaf_hash) values ($1, $2, $3, $4, $5, $6, $7, $8)";
    const DETAIL: &str = "insert into audit_detail (position, salt, detail) values ($1, $2, $3)";
    const HEAD: &str = "update audit_head set size = $1, edge = $2, last_hash = $3 where id = 1";

    let head: Head = in_tx!(tx, db => sqlx::query_as(LOCK).fetch_one(db).await)?;
    let broken = || Error::Internal("the head of the audit log is damaged".to_owned());
    let size = u64::try_from(head.size).map_err(|_| broken())?;
    let mut edge = Edge::from_text(size, &head.edge).ok_or_else(broken)?;
    let (mut position, mut last_hash) = (head.size, head.last_hash);
    let (at, by) = (tx.at(), tx.actor().clone());
    let person = by.person.map(|id| id.0);
    for entry in entries {
        let salt = hex(&crate::clock::random::<16>());
        let leaf = entry.leaf(position, at, &by, &salt, &last_hash);
        let hash = leaf_hash(leaf.as_bytes());
        last_hash = hex(&hash);
        edge.push(hash);
        let at = micros(at);
        in_tx!(tx, db => sqlx::query(INSERT).bind(position).bind(at).bind(person)
            .bind(entry.action).bind(entry.object_kind).bind(&entry.object_id)
            .bind(&leaf).bind(&last_hash).execute(db).await.map(drop))?;
        // No row where there is nothing to say: a salt that nothing commits to could be changed
        // unseen.
        if entry.before.is_some() || entry.after.is_some() {
            let detail = entry.detail().to_string();
            in_tx!(tx, db => sqlx::query(DETAIL).bind(position).bind(&salt).bind(&detail)
                .execute(db).await.map(drop))?;
        }
        position += 1;
    }
    let text = edge.to_text();
    in_tx!(tx, db => sqlx::query(HEAD).bind(position).bind(&text).bind(&last_hash)
        .execute(db).await.map(drop))?;
    Ok(())
}

impl Store {
    pub async fn audit_head(&self) -> Result<Head> {
        const SQL: &str = "select size, edge, last_hash from audit_head where id = 1";
        Ok(read!(self, db => sqlx::query_as(SQL).fetch_one(db).await)?)
    }

    /// Entries from a position on, the oldest first.
    pub async fn audit_entries(&self, from: i64, limit: i64) -> Result<Vec<StoredEntry>> {
        const SQL: &str = ENTRIES_FROM;
        let rows: Vec<Row> =
            read!(self, db => sqlx::query_as(SQL).bind(from).bind(limit).fetch_all(db).await)?;
        Ok(rows.into_iter().map(StoredEntry::from).collect())
    }

    /// Entries that a filter lets through, the newest first, below a position; with how many there
    /// are in all.
    pub async fn audit_page(
        &self,
        filter: &Filter,
        below: i64,
        offset: i64,
        limit: i64,
    ) -> Result<(Vec<StoredEntry>, i64)> {
        const PAGE: &str = concat!(
            "select e.position, at, actor_id, action, object_kind, object_id, leaf, leaf_hash, \
             salt, detail from audit_entry e left join audit_detail d on d.position = e.position \
             where ",
            wanted!(),
            " and e.position < $7 order by e.position desc limit $8 offset $9"
        );
        const COUNT: &str =
            concat!("select count(*) from audit_entry where ", wanted!(), " and position < $7");
        let (from, to) = (filter.from.map(micros), filter.to.map(micros));
        let rows: Vec<Row> = read!(self, db => sqlx::query_as(PAGE)
            .bind(filter.actor).bind(&filter.object_kind).bind(&filter.object_id)
            .bind(&filter.action).bind(from).bind(to).bind(below).bind(limit).bind(offset)
            .fetch_all(db).await)?;
        let total: i64 = read!(self, db => sqlx::query_scalar(COUNT)
            .bind(filter.actor).bind(&filter.object_kind).bind(&filter.object_id)
            .bind(&filter.action).bind(from).bind(to).bind(below)
            .fetch_one(db).await)?;
        Ok((rows.into_iter().map(StoredEntry::from).collect(), total))
    }

    pub async fn add_checkpoint(
        &self,
        id: Uuid,
        at: OffsetDateTime,
        edge: &Edge,
        note: &str,
    ) -> Result<()> {
        const SQL: &str =
            "insert into audit_checkpoint (id, size, root, at, note) values ($1, $2, $3, $4, $5)";
        let size = i64::try_from(edge.size()).unwrap_or(i64::MAX);
        let root = hex(&edge.root());
        write_alone!(self, db => sqlx::query(SQL).bind(id).bind(size).bind(&root)
            .bind(micros(at)).bind(note).execute(db).await.map(drop))?;
        Ok(())
    }

    /// When the newest entry was written, in microseconds since 1970.
    pub async fn newest_audit_time(&self) -> Result<Option<i64>> {
        const SQL: &str = "select max(at) from audit_entry";
        Ok(read!(self, db => sqlx::query_scalar(SQL).fetch_one(db).await)?)
    }

    /// The notes of all checkpoints, the oldest first.
    pub async fn checkpoints(&self) -> Result<Vec<String>> {
        const SQL: &str = "select note from audit_checkpoint order by size, at";
        Ok(read!(self, db => sqlx::query_scalar(SQL).fetch_all(db).await)?)
    }

    pub async fn newest_checkpoint(&self) -> Result<Option<String>> {
        const SQL: &str = "select note from audit_checkpoint order by size desc, at desc limit 1";
        Ok(read!(self, db => sqlx::query_scalar(SQL).fetch_optional(db).await)?)
    }
}
