//! Uploads that are read after they were acknowledged.

use super::{Store, Tx, in_tx, read};
use crate::audit::Entry;
use crate::auth::Permit;
use crate::auth::permit::UploadRun;
use crate::clock::micros;
use crate::error::Result;
use app::domain::{ModelId, PersonId, RunId, TokenId, UploadId, UploadState};
use serde_json::json;
use uuid::Uuid;

/// An upload that was taken, as it stands.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Taken {
    #[sqlx(try_from = "Uuid")]
    pub id: UploadId,
    #[sqlx(try_from = "Uuid")]
    pub model_id: ModelId,
    pub version: String,
    #[sqlx(try_from = "Uuid")]
    pub person_id: PersonId,
    pub token_id: Option<Uuid>,
    pub file_digest: String,
    pub bytes: i64,
    pub asked: String,
    pub request_digest: String,
    pub received_at: i64,
    #[sqlx(try_from = "String")]
    pub state: UploadState,
    pub run_id: Option<Uuid>,
    pub is_new: bool,
    pub problems: Option<String>,
    pub settled_at: Option<i64>,
}

/// An upload to be taken.
pub struct NewTaken {
    pub id: UploadId,
    pub model: ModelId,
    pub version: String,
    pub person: PersonId,
    pub token: Option<TokenId>,
    pub file_digest: String,
    pub bytes: u64,
    pub asked: String,
    pub request_digest: String,
    pub owner: String,
    pub idempotency_key: Option<String>,
}

/// What became of an upload.
pub struct Outcome {
    pub state: UploadState,
    pub run: Option<RunId>,
    pub is_new: bool,
    pub problems: Option<String>,
}

macro_rules! columns {
    ($rest:literal) => {
        concat!(
            "select id, model_id, version, person_id, token_id, file_digest, bytes, asked, \
             request_digest, received_at, state, run_id, is_new, problems, settled_at from upload ",
            $rest
        )
    };
}

impl Store {
    pub async fn upload(&self, id: UploadId) -> Result<Option<Taken>> {
        const SQL: &str = columns!("where id = $1");
        Ok(read!(self, db => sqlx::query_as(SQL).bind(id.0).fetch_optional(db).await)?)
    }

    /// The same upload, while it is under way.
    pub async fn upload_under_way(&self, request_digest: &str) -> Result<Option<Taken>> {
        const SQL: &str = columns!(
            "where state = 'waiting' and request_digest = $1 order by received_at, id limit 1"
        );
        Ok(read!(self, db => sqlx::query_as(SQL).bind(request_digest).fetch_optional(db).await)?)
    }

    /// What an Idempotency-Key stands for, of uploads that are under way.
    pub async fn upload_with_key(&self, owner: &str, key: &str) -> Result<Option<Taken>> {
        const SQL: &str = columns!(
            "where state = 'waiting' and owner = $1 and idempotency_key = $2 \
             order by received_at, id limit 1"
        );
        Ok(read!(self, db => sqlx::query_as(SQL).bind(owner).bind(key).fetch_optional(db).await)?)
    }

    /// The uploads to a version, the newest first, at most a hundred.
    pub async fn uploads_of(&self, model: ModelId, version: &str) -> Result<Vec<Taken>> {
        const SQL: &str = columns!(
            "where model_id = $1 and version = $2 order by received_at desc, id desc limit 100"
        );
        Ok(read!(self, db => sqlx::query_as(SQL).bind(model.0).bind(version).fetch_all(db).await)?)
    }

    /// How many uploads of all servers are under way.
    pub async fn uploads_under_way(&self) -> Result<i64> {
        const SQL: &str = "select count(*) from upload where state = 'waiting'";
        Ok(read!(self, db => sqlx::query_scalar(SQL).fetch_one(db).await)?)
    }

    /// Uploads that came in before a moment and are still not settled.
    pub async fn uploads_waiting_since(&self, moment: i64) -> Result<Vec<Taken>> {
        const SQL: &str =
            columns!("where state = 'waiting' and received_at < $1 order by received_at limit 100");
        Ok(read!(self, db => sqlx::query_as(SQL).bind(moment).fetch_all(db).await)?)
    }
}

impl Tx {
    /// Takes an upload. Its file has to be safe before.
    pub async fn take_upload(&mut self, _: &Permit<UploadRun>, new: &NewTaken) -> Result<()> {
        const SQL: &str = "insert into upload (id, model_id, version, person_id, token_id, \
             file_digest, bytes, asked, request_digest, owner, idempotency_key, received_at, \
             state, is_new) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'waiting', $13)";
        let (at, bytes) = (micros(self.at()), i64::try_from(new.bytes).unwrap_or(i64::MAX));
        in_tx!(self, db => sqlx::query(SQL).bind(new.id.0).bind(new.model.0).bind(&new.version)
            .bind(new.person.0).bind(new.token.map(|token| token.0)).bind(&new.file_digest)
            .bind(bytes).bind(&new.asked).bind(&new.request_digest).bind(&new.owner)
            .bind(&new.idempotency_key).bind(at).bind(false).execute(db).await.map(drop))?;
        self.note(Entry::new("upload.taken", "upload", new.id).after(json!({
            "model": new.model, "version": new.version, "source": new.file_digest,
            "bytes": new.bytes.to_string(),
        })));
        Ok(())
    }

    /// Says what became of an upload; false when that was said before.
    pub async fn settle_upload(&mut self, id: UploadId, outcome: &Outcome) -> Result<bool> {
        const SQL: &str = "update upload set state = $2, run_id = $3, is_new = $4, problems = $5, \
             settled_at = $6 where id = $1 and state = 'waiting'";
        let at = micros(self.at());
        let rows = in_tx!(self, db => sqlx::query(SQL).bind(id.0).bind(outcome.state.as_str())
            .bind(outcome.run.map(|run| run.0)).bind(outcome.is_new).bind(&outcome.problems)
            .bind(at).execute(db).await.map(|done| done.rows_affected()))?;
        if rows > 0 {
            self.note(
                Entry::new("upload.settled", "upload", id)
                    .after(json!({ "state": outcome.state, "run": outcome.run })),
            );
        }
        Ok(rows > 0)
    }
}
