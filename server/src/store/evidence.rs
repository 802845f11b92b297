//! What a verdict rests on: the runs of a version, what was launched last, waivers.

use super::runs::{EstimateRow, Run, select_estimate, select_run};
use super::statement::{Statement, bound};
use super::{Store, Tx, in_tx, read};
use crate::clock::from_micros;
use crate::error::{Error, Result};
use app::domain::verdict::WaiverInForce;
use app::domain::{LaunchId, ModelId, RevisionId, RunId, VersionId, WaiverId};
use metrics::slice::escape;
use metrics::{Estimate, Slice};
use sqlx::AssertSqlSafe;
use std::collections::BTreeSet;
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

macro_rules! select_waiver {
    ($rest:literal) => {
        concat!(
            "select id, rule, slice, metric, bound, expires_at from waiver \
             where version_id = $1 and approved_at is not null ",
            $rest
        )
    };
}

/// Whether a statement may ask for slices by these names; if not, it asks for more slices. SQLite
/// takes a thousand terms and patterns of 50,000 bytes, PostgreSQL no zeros.
fn can_be_asked_for(names: &BTreeSet<&str>) -> bool {
    names.len() <= 100 && names.iter().all(|name| name.len() <= 1_000 && !name.contains('\0'))
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

    /// The estimates of these metrics in these runs, as they stood in their documents; of all
    /// slices, or at least of overall and those of so many attributes that have one of some names.
    pub async fn evidence_estimates(
        &self,
        runs: &[RunId],
        metrics: impl IntoIterator<Item = &str>,
        of: Option<(&BTreeSet<usize>, &BTreeSet<&str>)>,
    ) -> Result<Vec<(RunId, Estimate)>> {
        let mut statement = Statement::new(select_estimate!("where run_id in "));
        statement.bind_all(runs.iter().map(|run| run.0)).push(" and metric in (''");
        for metric in metrics {
            statement.push(", ").bind(metric);
        }
        statement.push(")");
        if let Some((arities, names)) = of {
            statement.push(" and arity in (0");
            for arity in arities {
                statement.push(", ").bind(i64::try_from(*arity).unwrap_or(i64::MAX));
            }
            statement.push(")");
            if can_be_asked_for(names) {
                statement.push(" and (arity = 0");
                for name in names {
                    statement.push(" or ").may_hold("slice", &escape(name));
                }
                statement.push(")");
            }
        }
        statement.push(" order by run_id, position");
        let rows: Vec<EstimateRow> = read!(self, db =>
            bound!(sqlx::query_as(AssertSqlSafe(statement.sql.clone())), statement)
                .fetch_all(db).await)?;
        EstimateRow::estimates(rows)
    }

    /// The version of a model that was launched last and still is, other than this one; also when
    /// its launch has lost evidence since or is asked for again.
    pub async fn launched_before(
        &self,
        model: ModelId,
        version: VersionId,
    ) -> Result<Option<VersionId>> {
        const SQL: &str = "select version_id from launch where model_id = $1 and version_id <> $2 \
             and launched_at is not null \
             and state not in ('suspended', 'rolled_back', 'withdrawn') \
             order by launched_at desc, id desc limit 1";
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
        const SQL: &str = select_waiver!("and revoked_at is null order by expires_at desc, id");
        self.waivers_by(SQL, version).await
    }

    /// The same with those that were revoked since.
    pub async fn waivers_approved(&self, version: VersionId) -> Result<Vec<WaiverInForce>> {
        const SQL: &str = select_waiver!("order by expires_at desc, id");
        self.waivers_by(SQL, version).await
    }

    async fn waivers_by(
        &self,
        sql: &'static str,
        version: VersionId,
    ) -> Result<Vec<WaiverInForce>> {
        let rows: Vec<WaiverRow> =
            read!(self, db => sqlx::query_as(sql).bind(version.0).fetch_all(db).await)?;
        rows.into_iter()
            .map(|row| {
                let slice = Slice::parse(&row.slice).map_err(|error| {
                    Error::Internal(format!("waiver {} holds an impossible slice: {error}", row.id))
                })?;
                Ok(WaiverInForce {
                    id: WaiverId(row.id),
                    rule: row.rule,
                    slice,
                    metric: row.metric,
                    bound: row.bound,
                    expires_at: from_micros(row.expires_at),
                })
            })
            .collect()
    }

    /// What the log says of runs and waivers before a revision was asked for, in order: what was
    /// accepted, voided, approved and revoked.
    pub async fn evidence_log_before(
        &self,
        launch: LaunchId,
        revision: i64,
    ) -> Result<Vec<(String, String)>> {
        const SQL: &str = "select action, object_id from audit_entry where action in \
             ('run.accepted', 'run.voided', 'waiver.approved', 'waiver.revoked') and position < \
             (select position from audit_entry where object_kind = 'launch' and object_id = $1 \
             and action = 'launch.requested' order by position limit 1 offset $2) \
             order by position";
        Ok(read!(self, db => sqlx::query_as(SQL).bind(launch.to_string()).bind(revision - 1)
            .fetch_all(db).await)?)
    }
}

impl Tx {
    /// Holds back whoever else is about to rest something on a model's runs, or to void one, until
    /// this transaction ends. Taken before the lock of any launch.
    pub async fn take_turn(&mut self, model: ModelId) -> Result<()> {
        const SQL: &str = "update model set version = version where id = $1";
        in_tx!(self, db => sqlx::query(SQL).bind(model.0).execute(db).await.map(drop))?;
        Ok(())
    }

    /// Whether nothing that a verdict can rest on has changed since the audit log had this size:
    /// if so, what was read after that holds until this transaction ends. It takes the log's lock,
    /// without which nobody commits a change; launches are locked before.
    pub async fn evidence_stands_since(&mut self, size: i64) -> Result<bool> {
        const CHANGES: &str = "select count(*) from audit_entry where position >= $1 and (\
             object_kind in ('run', 'policy', 'attribute', 'model', 'version', 'team') \
             or action in ('waiver.approved', 'waiver.revoked', 'launch.moved'))";
        self.stands(CHANGES, size).await
    }

    /// The same of policies alone.
    pub async fn policies_stand_since(&mut self, size: i64) -> Result<bool> {
        const CHANGES: &str = "select count(*) from audit_entry where position >= $1 \
             and object_kind in ('policy', 'team')";
        self.stands(CHANGES, size).await
    }

    /// Whether no launch, key result or mitigation has come to rest on other evidence since the
    /// audit log had this size, and none does until this transaction ends.
    pub async fn nothing_came_to_rest_since(&mut self, size: i64) -> Result<bool> {
        const CHANGES: &str = "select count(*) from audit_entry where position >= $1 \
             and object_kind in \
             ('run', 'launch', 'sign_off', 'key_result', 'objective', 'mitigation')";
        self.stands(CHANGES, size).await
    }

    async fn lock_log(&mut self) -> Result<()> {
        const LOCK: &str = "update audit_head set size = size where id = 1";
        in_tx!(self, db => sqlx::query(LOCK).execute(db).await.map(drop))?;
        Ok(())
    }

    async fn stands(&mut self, changes: &'static str, size: i64) -> Result<bool> {
        self.lock_log().await?;
        let changes: i64 =
            in_tx!(self, db => sqlx::query_scalar(changes).bind(size).fetch_one(db).await)?;
        Ok(changes == 0)
    }

    /// Refuses to build on a revision that has lost a run or a waiver that it rests on; it loses
    /// none until this transaction ends, for it takes the log's lock.
    ///
    /// # Errors
    /// [`Error::Conflict`] with what was lost.
    pub async fn refuse_lost_ground(&mut self, revision: RevisionId) -> Result<()> {
        const RUNS: &str = "select count(*) from launch_run x join run r on r.id = x.run_id \
             where x.revision_id = $1 and r.voided_at is not null";
        const WAIVERS: &str = "select w.rule from launch_waiver x \
             join waiver w on w.id = x.waiver_id \
             where x.revision_id = $1 and w.revoked_at is not null order by w.rule limit 1";
        self.lock_log().await?;
        let voided: i64 =
            in_tx!(self, db => sqlx::query_scalar(RUNS).bind(revision.0).fetch_one(db).await)?;
        if voided > 0 {
            return Err(Error::Conflict(
                "a run that it rests on was voided; ask for it again".to_owned(),
            ));
        }
        let ended: Option<String> = in_tx!(self, db => sqlx::query_scalar(WAIVERS)
            .bind(revision.0).fetch_optional(db).await)?;
        match ended {
            Some(rule) => Err(Error::Conflict(format!(
                "the waiver for {rule} that it rests on was ended; ask for it again"
            ))),
            None => Ok(()),
        }
    }
}
