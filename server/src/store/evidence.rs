//! What a verdict rests on: the runs of a version, what was launched last, waivers.

use super::runs::{EstimateRow, Run, select_estimate, select_run};
use super::statement::{Statement, bound};
use super::{Store, read};
use crate::clock::from_micros;
use crate::error::{Error, Result};
use app::domain::verdict::WaiverInForce;
use app::domain::{ModelId, RunId, VersionId, WaiverId};
use metrics::{Estimate, Slice};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

#[derive(sqlx::FromRow)]
struct WaiverRow {
    id: Uuid,
    rule: String,
    slice: String,
    metric: String,
    bound: String,
    expires_at: i64,
}

impl WaiverRow {
    fn in_force(self) -> Result<WaiverInForce> {
        let slice = Slice::parse(&self.slice).map_err(|error| {
            Error::Internal(format!("waiver {} holds an impossible slice: {error}", self.id))
        })?;
        Ok(WaiverInForce {
            id: WaiverId(self.id),
            rule: self.rule,
            slice,
            metric: self.metric,
            bound: self.bound,
            expires_at: from_micros(self.expires_at),
        })
    }
}

impl Store {
    /// The runs of a version that were not voided, the newest evaluation first.
    pub async fn evidence_runs(&self, version: VersionId) -> Result<Vec<Run>> {
        const SQL: &str = select_run!(
            "where r.version_id = $1 and r.voided_at is null \
             order by r.evaluated_at desc, r.received_at desc, r.id desc"
        );
        Ok(read!(self, db => sqlx::query_as(SQL).bind(version.0).fetch_all(db).await)?)
    }

    /// The same as they stood at a moment: received by then, and not voided by then.
    pub async fn evidence_runs_at(&self, version: VersionId, at: i64) -> Result<Vec<Run>> {
        const SQL: &str = select_run!(
            "where r.version_id = $1 and r.received_at <= $2 \
             and (r.voided_at is null or r.voided_at > $2) \
             order by r.evaluated_at desc, r.received_at desc, r.id desc"
        );
        Ok(read!(self, db => sqlx::query_as(SQL).bind(version.0).bind(at).fetch_all(db).await)?)
    }

    /// The estimates of these metrics in these runs, as they stood in their documents.
    pub async fn evidence_estimates(
        &self,
        runs: &[RunId],
        metrics: &[&str],
    ) -> Result<Vec<(RunId, Estimate)>> {
        let mut statement = Statement::new(select_estimate!("where run_id in "));
        statement.bind_all(runs.iter().map(|run| run.0)).push(" and metric in (''");
        for metric in metrics {
            statement.push(", ").bind(*metric);
        }
        statement.push(") order by run_id, position");
        let rows: Vec<EstimateRow> = read!(self, db =>
            bound!(sqlx::query_as(AssertSqlSafe(statement.sql.clone())), statement)
                .fetch_all(db).await)?;
        rows.into_iter().map(|row| Ok((RunId(row.run_id), row.estimate()?))).collect()
    }

    /// The version of a model that was launched last and still is, other than this one.
    pub async fn launched_before(
        &self,
        model: ModelId,
        version: VersionId,
    ) -> Result<Option<VersionId>> {
        const SQL: &str = "select version_id from launch where model_id = $1 and version_id <> $2 \
             and state = 'launched' order by launched_at desc, id desc limit 1";
        let id: Option<Uuid> = read!(self, db => sqlx::query_scalar(SQL).bind(model.0)
            .bind(version.0).fetch_optional(db).await)?;
        Ok(id.map(VersionId))
    }

    /// The version of a model that was launched last, not before a moment, and still is.
    pub async fn launched_since(&self, model: ModelId, since: i64) -> Result<Option<VersionId>> {
        const SQL: &str = "select version_id from launch where model_id = $1 \
             and launched_at >= $2 and state = 'launched' order by launched_at desc, id desc limit 1";
        let id: Option<Uuid> = read!(self, db => sqlx::query_scalar(SQL).bind(model.0).bind(since)
            .fetch_optional(db).await)?;
        Ok(id.map(VersionId))
    }

    /// Waivers of a version that were approved and not revoked; expired ones are among them, since
    /// whether one has expired depends on when it is judged.
    pub async fn waivers_in_force(&self, version: VersionId) -> Result<Vec<WaiverInForce>> {
        const SQL: &str = "select id, rule, slice, metric, bound, expires_at from waiver \
             where version_id = $1 and approved_at is not null and revoked_at is null \
             order by expires_at desc, id";
        let rows: Vec<WaiverRow> =
            read!(self, db => sqlx::query_as(SQL).bind(version.0).fetch_all(db).await)?;
        rows.into_iter().map(WaiverRow::in_force).collect()
    }

    /// The same as they stood at a moment: approved by then, and not revoked by then.
    pub async fn waivers_in_force_at(
        &self,
        version: VersionId,
        at: i64,
    ) -> Result<Vec<WaiverInForce>> {
        const SQL: &str = "select id, rule, slice, metric, bound, expires_at from waiver \
             where version_id = $1 and approved_at <= $2 \
             and (revoked_at is null or revoked_at > $2) order by expires_at desc, id";
        let rows: Vec<WaiverRow> =
            read!(self, db => sqlx::query_as(SQL).bind(version.0).bind(at).fetch_all(db).await)?;
        rows.into_iter().map(WaiverRow::in_force).collect()
    }
}
