//! Runs and their estimates. A run is written once, in one transaction, and then never changed
//! but for being voided.

use super::{Store, Tx, in_tx, read, write_alone};
use crate::audit::{Entry, timestamp};
use crate::auth::Permit;
use crate::auth::permit::{UploadRun, VoidRun};
use crate::clock::{from_micros, micros};
use crate::error::{Error, Result};
use app::domain::{DatasetId, ModelId, PersonId, RunId, TeamId, TokenId, VersionId};
use metrics::{Estimate, Interval, Slice};
use serde_json::json;
use std::collections::HashMap;
use time::OffsetDateTime;
use uuid::Uuid;

/// A run to be stored.
#[derive(Clone, Debug)]
pub struct NewRun<'a> {
    pub model: ModelId,
    pub version: VersionId,
    pub dataset: DatasetId,
    pub source: SourceKey,
    pub format: &'a str,
    pub received_at: OffsetDateTime,
    pub uploader: PersonId,
    pub token: Option<TokenId>,
    pub receipt: &'a serde_json::Value,
    pub document: &'a metrics::RunDocument,
    pub rows: Option<KeptRows<'a>>,
}

/// The pruned rows of a run, as [`metrics::paired::Rows`] writes them.
#[derive(Clone, Copy, Debug)]
pub struct KeptRows<'a> {
    pub bytes: &'a [u8],
    /// Microseconds since 1970.
    pub until: i64,
}

/// What makes the same upload the same run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceKey {
    /// SHA-256 of the bytes.
    pub digest: String,
    /// SHA-256 of format, spec, dataset and time of evaluation as they were given.
    pub key: String,
    pub importer: String,
}

/// A stored run, with the names of what it belongs to.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Run {
    #[sqlx(try_from = "Uuid")]
    pub id: RunId,
    #[sqlx(try_from = "Uuid")]
    pub model_id: ModelId,
    #[sqlx(try_from = "Uuid")]
    pub version_id: VersionId,
    #[sqlx(try_from = "Uuid")]
    pub dataset_id: DatasetId,
    pub digest: String,
    pub source_digest: String,
    pub importer: String,
    pub format: String,
    pub evaluated_at: i64,
    pub received_at: i64,
    #[sqlx(try_from = "Uuid")]
    pub uploader_id: PersonId,
    pub uploader_name: String,
    pub token_id: Option<Uuid>,
    pub instrument_name: String,
    pub instrument_version: String,
    pub instrument_definitions: String,
    pub instrument_judge: Option<String>,
    pub positive_outcome: Option<String>,
    pub custom_metrics: String,
    pub receipt: String,
    pub voided_at: Option<i64>,
    pub voided_by_name: Option<String>,
    pub void_reason: Option<String>,
    pub version_label: String,
    pub dataset_name: String,
    pub dataset_label: String,
    pub dataset_digest: Option<String>,
    pub dataset_rows: Option<i64>,
}

/// A run in a list of all models' runs.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct LatestRun {
    pub id: Uuid,
    pub evaluated_at: i64,
    pub uploader_name: String,
    pub version_label: String,
    pub dataset_name: String,
    pub dataset_label: String,
    pub model_slug: String,
    pub model_name: String,
    #[sqlx(try_from = "Uuid")]
    pub team_id: TeamId,
    pub restricted: bool,
}

#[derive(sqlx::FromRow)]
pub(super) struct EstimateRow {
    pub(super) run_id: Uuid,
    slice: String,
    metric: String,
    value: Option<f64>,
    n: Option<i64>,
    numerator: Option<i64>,
    denominator: Option<i64>,
    positives: Option<i64>,
    n_effective: Option<f64>,
    stderr: Option<f64>,
    threshold: Option<f64>,
    low: Option<f64>,
    high: Option<f64>,
    level: Option<f64>,
    method: Option<String>,
    undefined: Option<String>,
}

fn count(n: Option<i64>) -> Option<u64> {
    n.and_then(|n| u64::try_from(n).ok())
}

/// Slices by their text: each stands in many rows and is read once.
#[derive(Default)]
struct Slices(HashMap<String, Slice>);

impl Slices {
    fn read(&mut self, run: Uuid, text: String) -> Result<Slice> {
        if let Some(slice) = self.0.get(&text) {
            return Ok(slice.clone());
        }
        let slice = Slice::parse(&text).map_err(|error| {
            Error::Internal(format!("run {run} holds an impossible slice: {error}"))
        })?;
        self.0.insert(text, slice.clone());
        Ok(slice)
    }
}

impl EstimateRow {
    /// The estimates of rows, each with its run.
    pub(super) fn estimates(rows: Vec<Self>) -> Result<Vec<(RunId, Estimate)>> {
        let mut slices = Slices::default();
        let read = |row: Self| Ok((RunId(row.run_id), row.estimate(&mut slices)?));
        rows.into_iter().map(read).collect()
    }

    fn estimate(self, slices: &mut Slices) -> Result<Estimate> {
        let slice = slices.read(self.run_id, self.slice)?;
        let interval = match (self.low, self.high, self.level, self.method) {
            (Some(low), Some(high), Some(level), Some(method)) => {
                Some(Interval { low, high, level, method })
            }
            _ => None,
        };
        Ok(Estimate {
            slice,
            metric: self.metric,
            value: self.value,
            n: count(self.n),
            numerator: count(self.numerator),
            denominator: count(self.denominator),
            positives: count(self.positives),
            n_effective: self.n_effective,
            stderr: self.stderr,
            threshold: self.threshold,
            interval,
            undefined: self.undefined,
        })
    }
}

/// What every read of runs begins with.
macro_rules! select_run {
    ($rest:literal) => {
        concat!(
            "select r.id, r.model_id, r.version_id, r.dataset_id, r.digest, r.source_digest, \
             r.importer, r.format, r.evaluated_at, r.received_at, r.uploader_id, \
             u.name as uploader_name, r.token_id, r.instrument_name, r.instrument_version, \
             r.instrument_definitions, r.instrument_judge, r.positive_outcome, r.custom_metrics, \
             r.receipt, r.voided_at, b.name as voided_by_name, r.void_reason, \
             v.label as version_label, d.name as dataset_name, d.label as dataset_label, \
             d.digest as dataset_digest, d.row_count as dataset_rows \
             from run r join person u on u.id = r.uploader_id \
             join model_version v on v.id = r.version_id join dataset d on d.id = r.dataset_id \
             left join person b on b.id = r.voided_by ",
            $rest
        )
    };
}

macro_rules! select_estimate {
    ($rest:literal) => {
        concat!(
            "select run_id, slice, metric, value, n, numerator, denominator, positives, \
             n_effective, stderr, threshold, low, high, level, method, undefined from estimate ",
            $rest
        )
    };
}

pub(super) use {select_estimate, select_run};

/// No row is written when the key stands for another request already.
const REMEMBER: &str = "insert into idempotency_key \
     (owner, key, request_digest, run_id, created_at) values ($1, $2, $3, $4, $5) \
     on conflict (owner, key) do update set request_digest = excluded.request_digest, \
     run_id = excluded.run_id, created_at = excluded.created_at \
     where idempotency_key.created_at <= $6 \
     or idempotency_key.request_digest = excluded.request_digest";

/// The answer to a key that stands for another request.
pub fn key_taken() -> Error {
    Error::Conflict("this Idempotency-Key came before, with another request".to_owned())
}

impl Store {
    pub async fn run(&self, id: RunId) -> Result<Option<Run>> {
        const SQL: &str = select_run!("where r.id = $1");
        Ok(read!(self, db => sqlx::query_as(SQL).bind(id.0).fetch_optional(db).await)?)
    }

    pub async fn run_by_digest(&self, digest: &str) -> Result<Option<Run>> {
        const SQL: &str = select_run!("where r.digest = $1");
        Ok(read!(self, db => sqlx::query_as(SQL).bind(digest).fetch_optional(db).await)?)
    }

    /// The run that these bytes, read in this way, have made before.
    pub async fn run_by_source(
        &self,
        version: VersionId,
        source: &SourceKey,
    ) -> Result<Option<Run>> {
        const SQL: &str = select_run!(
            "where r.version_id = $1 and r.source_digest = $2 and r.source_key = $3 \
             and r.importer = $4"
        );
        Ok(read!(self, db => sqlx::query_as(SQL).bind(version.0).bind(&source.digest)
            .bind(&source.key).bind(&source.importer).fetch_optional(db).await)?)
    }

    /// Whether any importer has made a run of these bytes, read in this way.
    pub async fn has_source(&self, version: VersionId, source: &SourceKey) -> Result<bool> {
        const SQL: &str = "select count(*) from run \
             where version_id = $1 and source_digest = $2 and source_key = $3";
        let n: i64 = read!(self, db => sqlx::query_scalar(SQL).bind(version.0)
            .bind(&source.digest).bind(&source.key).fetch_one(db).await)?;
        Ok(n > 0)
    }

    /// All runs of a model, the oldest evaluation first, voided ones among them.
    pub async fn runs_of(&self, model: ModelId) -> Result<Vec<Run>> {
        const SQL: &str =
            select_run!("where r.model_id = $1 order by r.evaluated_at, r.received_at, r.id");
        Ok(read!(self, db => sqlx::query_as(SQL).bind(model.0).fetch_all(db).await)?)
    }

    /// The runs that came in after a moment, the newest first, voided ones left out.
    pub async fn runs_received_since(&self, moment: i64) -> Result<Vec<Run>> {
        const SQL: &str = select_run!(
            "where r.received_at > $1 and r.voided_at is null \
             order by r.received_at desc, r.id desc limit 100"
        );
        Ok(read!(self, db => sqlx::query_as(SQL).bind(moment).fetch_all(db).await)?)
    }

    /// The runs of all models that came in last, voided ones left out.
    pub async fn latest_runs(&self, limit: i64) -> Result<Vec<LatestRun>> {
        const SQL: &str = "select r.id, r.evaluated_at, u.name as uploader_name, \
             v.label as version_label, d.name as dataset_name, d.label as dataset_label, \
             m.slug as model_slug, m.name as model_name, m.team_id, m.restricted from run r \
             join person u on u.id = r.uploader_id join model_version v on v.id = r.version_id \
             join dataset d on d.id = r.dataset_id join model m on m.id = r.model_id \
             where r.voided_at is null order by r.received_at desc, r.id desc limit $1";
        Ok(read!(self, db => sqlx::query_as(SQL).bind(limit).fetch_all(db).await)?)
    }

    /// How many groups each model has proposed that nobody has confirmed.
    pub async fn proposed_groups(&self) -> Result<Vec<(ModelId, i64)>> {
        const SQL: &str = "select proposed_by, count(*) from attribute_group \
             where standing = 'proposed' and proposed_by is not null \
             group by proposed_by order by proposed_by";
        let rows: Vec<(Uuid, i64)> = read!(self, db => sqlx::query_as(SQL).fetch_all(db).await)?;
        Ok(rows.into_iter().map(|(model, groups)| (ModelId(model), groups)).collect())
    }

    /// The estimates of a run, as they stood in its document.
    pub async fn estimates_of(&self, run: RunId) -> Result<Vec<Estimate>> {
        const SQL: &str = select_estimate!("where run_id = $1 order by position");
        let rows: Vec<EstimateRow> =
            read!(self, db => sqlx::query_as(SQL).bind(run.0).fetch_all(db).await)?;
        let estimates = EstimateRow::estimates(rows)?;
        Ok(estimates.into_iter().map(|(_, estimate)| estimate).collect())
    }

    /// The slices that a run has estimates of, each once.
    pub async fn slices_of(&self, run: RunId) -> Result<Vec<Slice>> {
        const SQL: &str = "select distinct slice from estimate where run_id = $1 order by slice";
        let texts: Vec<String> =
            read!(self, db => sqlx::query_scalar(SQL).bind(run.0).fetch_all(db).await)?;
        let mut slices = Slices::default();
        texts.into_iter().map(|text| slices.read(run.0, text)).collect()
    }

    /// The estimates of one metric in all runs of a model that were not voided.
    pub async fn estimates_of_metric(
        &self,
        model: ModelId,
        metric: &str,
    ) -> Result<Vec<(RunId, Estimate)>> {
        const SQL: &str = select_estimate!(
            "where metric = $2 and run_id in \
             (select id from run where model_id = $1 and voided_at is null) \
             order by run_id, position"
        );
        let rows: Vec<EstimateRow> =
            read!(self, db => sqlx::query_as(SQL).bind(model.0).bind(metric).fetch_all(db).await)?;
        EstimateRow::estimates(rows)
    }

    /// The metrics that the runs of a model have, each once.
    pub async fn metrics_of(&self, model: ModelId) -> Result<Vec<String>> {
        const SQL: &str = "select distinct metric from estimate where run_id in \
             (select id from run where model_id = $1 and voided_at is null) order by metric";
        Ok(read!(self, db => sqlx::query_scalar(SQL).bind(model.0).fetch_all(db).await)?)
    }

    /// The run that an Idempotency-Key stands for, and the digest of the request that it came with.
    pub async fn idempotent(
        &self,
        owner: &str,
        key: &str,
        since: i64,
    ) -> Result<Option<(String, Option<Uuid>)>> {
        const SQL: &str = "select request_digest, run_id from idempotency_key \
             where owner = $1 and key = $2 and created_at > $3";
        Ok(read!(self, db => sqlx::query_as(SQL).bind(owner).bind(key).bind(since)
            .fetch_optional(db).await)?)
    }

    /// Remembers that an Idempotency-Key came with what had made a run before: no change of state,
    /// so no entry in the audit log.
    ///
    /// # Errors
    /// [`Error::Conflict`] when another request came with the key meanwhile.
    pub async fn remember_known(
        &self,
        owner: &str,
        key: &str,
        request_digest: &str,
        run: RunId,
        (since, now): (i64, i64),
    ) -> Result<()> {
        let rows = write_alone!(self, db => sqlx::query(REMEMBER).bind(owner).bind(key)
            .bind(request_digest).bind(run.0).bind(now).bind(since)
            .execute(db).await.map(|done| done.rows_affected()))?;
        if rows == 0 { Err(key_taken()) } else { Ok(()) }
    }

    /// Forgets keys that are too old to count.
    pub async fn sweep_idempotency(&self, before: i64) -> Result<()> {
        const SQL: &str = "delete from idempotency_key where created_at <= $1";
        write_alone!(self, db => sqlx::query(SQL).bind(before).execute(db).await.map(drop))?;
        Ok(())
    }
}

impl Tx {
    /// Stores a run with its estimates. Its digest may still be under way: it is waited for last, and
    /// two runs that are the same meet at its index then.
    ///
    /// # Errors
    /// A duplicate in [`Error::Database`] when the same run is there already.
    pub async fn add_run(
        &mut self,
        _: &Permit<UploadRun>,
        run: &NewRun<'_>,
        digest: impl Future<Output = Result<String>>,
    ) -> Result<RunId> {
        const SQL: &str = "insert into run (id, model_id, version_id, dataset_id, digest, \
             source_digest, source_key, importer, format, evaluated_at, received_at, uploader_id, \
             token_id, instrument_name, instrument_version, instrument_definitions, \
             instrument_judge, positive_outcome, custom_metrics, receipt) values ($1, $2, $3, $4, \
             $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)";
        const SEAL: &str = "update run set digest = $2 where id = $1";
        let id = RunId(self.id());
        let document = run.document;
        let outcome = document
            .positive_outcome
            .map(|outcome| app::domain::model::PositiveOutcome::from(outcome).as_str());
        let internal = |error: serde_json::Error| Error::Internal(error.to_string());
        let custom = serde_json::to_string(&document.metrics).map_err(internal)?;
        let receipt = run.receipt.to_string();
        let (evaluated_at, received_at) = (micros(document.evaluated_at), micros(run.received_at));
        // Until it has its digest, it has its id for that.
        in_tx!(self, db => sqlx::query(SQL).bind(id.0).bind(run.model.0).bind(run.version.0)
            .bind(run.dataset.0).bind(id.to_string()).bind(&run.source.digest).bind(&run.source.key)
            .bind(&run.source.importer).bind(run.format).bind(evaluated_at).bind(received_at)
            .bind(run.uploader.0).bind(run.token.map(|token| token.0))
            .bind(&document.instrument.name).bind(&document.instrument.version)
            .bind(&document.instrument.definitions).bind(&document.instrument.judge)
            .bind(outcome).bind(&custom).bind(&receipt).execute(db).await.map(drop))?;
        self.add_estimates(id, &document.estimates).await?;
        if let Some(rows) = run.rows {
            self.keep_rows(id, rows.bytes, rows.until).await?;
        }
        let digest = digest.await?;
        in_tx!(self, db => sqlx::query(SEAL).bind(id.0).bind(&digest).execute(db).await
            .map(drop))?;
        self.note(Entry::new("run.accepted", "run", id).digest(&digest).after(json!({
            "model": run.model, "version": run.version, "dataset": run.dataset,
            "source": run.source.digest, "format": run.format,
            "uploader": run.uploader, "estimates": document.estimates.len().to_string(),
            "rows_kept_until": run.rows.map(|rows| timestamp(from_micros(rows.until))),
        })));
        Ok(id)
    }

    /// Remembers which run an Idempotency-Key made; a key from before `since` is taken over.
    ///
    /// # Errors
    /// [`Error::Conflict`] when another request came with the key meanwhile.
    pub async fn remember_key(
        &mut self,
        owner: &str,
        key: &str,
        request_digest: &str,
        run: RunId,
        since: i64,
    ) -> Result<()> {
        let now = micros(self.at());
        let rows = in_tx!(self, db => sqlx::query(REMEMBER).bind(owner).bind(key)
            .bind(request_digest).bind(run.0).bind(now).bind(since)
            .execute(db).await.map(|done| done.rows_affected()))?;
        if rows == 0 { Err(key_taken()) } else { Ok(()) }
    }

    /// Voids a run; it stays readable, without its rows: nothing may rest on them.
    pub async fn void_run(
        &mut self,
        _: &Permit<VoidRun>,
        run: &Run,
        by: PersonId,
        reason: &str,
    ) -> Result<()> {
        const SQL: &str = "update run set voided_at = $2, voided_by = $3, void_reason = $4 \
             where id = $1 and voided_at is null";
        let now = micros(self.at());
        let rows = in_tx!(self, db => sqlx::query(SQL).bind(run.id.0).bind(now).bind(by.0)
            .bind(reason).execute(db).await.map(|done| done.rows_affected()))?;
        if rows == 0 {
            return Err(Error::Conflict("this run was voided already".to_owned()));
        }
        self.drop_rows(run.id).await?;
        self.note(
            Entry::new("run.voided", "run", run.id)
                .digest(&run.digest)
                .after(json!({ "reason": reason })),
        );
        Ok(())
    }
}
