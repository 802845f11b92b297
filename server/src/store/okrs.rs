//! Objectives, key results and check-ins.

use super::{Store, Tx, in_tx, read};
use crate::audit::Entry;
use crate::auth::Permit;
use crate::auth::permit::{CheckIn, EditOkr};
use crate::clock::micros;
use crate::error::Result;
use app::domain::okr::{Confidence, Promise, Reading, Source};
use app::domain::{KeyResultId, ModelId, ObjectiveId, PersonId, RunId, TeamId};
use serde_json::json;
use uuid::Uuid;

#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Objective {
    #[sqlx(try_from = "Uuid")]
    pub id: ObjectiveId,
    pub period: String,
    #[sqlx(try_from = "Uuid")]
    pub team_id: TeamId,
    pub team_name: String,
    pub team_slug: String,
    pub parent_id: Option<Uuid>,
    pub title: String,
    pub why: String,
    #[sqlx(try_from = "String")]
    pub kind: Promise,
    pub owner_name: String,
    pub created_at: i64,
}

#[derive(Clone, Debug, sqlx::FromRow)]
pub struct KeyResult {
    #[sqlx(try_from = "Uuid")]
    pub id: KeyResultId,
    #[sqlx(try_from = "Uuid")]
    pub objective_id: ObjectiveId,
    pub title: String,
    #[sqlx(try_from = "Uuid")]
    pub owner_id: PersonId,
    pub owner_name: String,
    #[sqlx(try_from = "String")]
    pub source: Source,
    pub model_id: Option<Uuid>,
    pub measure: String,
    pub unit: String,
    pub baseline: Option<f64>,
    pub baseline_low: Option<f64>,
    pub baseline_high: Option<f64>,
    pub baseline_run_id: Option<Uuid>,
    pub baseline_at: Option<i64>,
    pub target: Option<f64>,
    pub counter: String,
}

impl KeyResult {
    /// Where it began.
    pub fn start(&self) -> Option<Reading> {
        let interval = self.baseline_low.zip(self.baseline_high);
        self.baseline.map(|value| Reading { value, interval })
    }
}

#[derive(Clone, Debug, sqlx::FromRow)]
pub struct CheckInLine {
    #[sqlx(try_from = "Uuid")]
    pub key_result_id: KeyResultId,
    pub person_name: String,
    pub at: i64,
    pub value: Option<f64>,
    #[sqlx(try_from = "String")]
    pub confidence: Confidence,
    pub note: String,
}

/// An objective, checked.
#[derive(Clone, Debug)]
pub struct NewObjective<'a> {
    pub period: &'a str,
    pub team: TeamId,
    pub parent: Option<ObjectiveId>,
    pub title: &'a str,
    pub why: &'a str,
    pub kind: Promise,
    pub owner: PersonId,
}

/// A key result, checked, with its baseline frozen.
#[derive(Clone, Debug)]
pub struct NewKeyResult<'a> {
    pub objective: ObjectiveId,
    pub title: &'a str,
    pub owner: PersonId,
    pub source: Source,
    pub model: Option<ModelId>,
    /// JSON; empty where it is checked in.
    pub measure: &'a str,
    pub unit: &'a str,
    pub baseline: Option<Reading>,
    pub baseline_run: Option<RunId>,
    pub target: f64,
    pub counter: &'a str,
}

macro_rules! select_key_result {
    ($rest:literal) => {
        concat!(
            "select k.id, k.objective_id, k.title, k.owner_id, p.name as owner_name, k.source, \
             k.model_id, k.measure, k.unit, k.baseline, k.baseline_low, k.baseline_high, \
             k.baseline_run_id, k.baseline_at, k.target, k.counter from key_result k \
             join person p on p.id = k.owner_id ",
            $rest
        )
    };
}

macro_rules! select_objective {
    ($rest:literal) => {
        concat!(
            "select o.id, o.period, o.team_id, t.name as team_name, t.slug as team_slug, \
             o.parent_id, o.title, o.why, o.kind, p.name as owner_name, o.created_at \
             from objective o join team t on t.id = o.team_id join person p on p.id = o.owner_id ",
            $rest
        )
    };
}

impl Store {
    /// The objectives of a quarter, in the order in which they were written.
    pub async fn objectives(&self, period: &str) -> Result<Vec<Objective>> {
        const SQL: &str =
            select_objective!("where o.period = $1 order by o.created_at, o.title, o.id");
        Ok(read!(self, db => sqlx::query_as(SQL).bind(period).fetch_all(db).await)?)
    }

    pub async fn objective(&self, id: ObjectiveId) -> Result<Option<Objective>> {
        const SQL: &str = select_objective!("where o.id = $1");
        Ok(read!(self, db => sqlx::query_as(SQL).bind(id.0).fetch_optional(db).await)?)
    }

    /// The key results of a quarter's objectives.
    pub async fn key_results(&self, period: &str) -> Result<Vec<KeyResult>> {
        const SQL: &str = select_key_result!(
            "join objective o on o.id = k.objective_id where o.period = $1 \
             order by k.objective_id, k.position, k.id"
        );
        Ok(read!(self, db => sqlx::query_as(SQL).bind(period).fetch_all(db).await)?)
    }

    pub async fn key_result(&self, id: KeyResultId) -> Result<Option<KeyResult>> {
        const SQL: &str = select_key_result!("where k.id = $1");
        Ok(read!(self, db => sqlx::query_as(SQL).bind(id.0).fetch_optional(db).await)?)
    }

    /// The key results whose baseline came from a run, or that read a model that it belongs to.
    pub async fn key_results_on(&self, run: RunId, model: ModelId) -> Result<Vec<KeyResult>> {
        const SQL: &str = select_key_result!(
            "where k.baseline_run_id = $1 or k.model_id = $2 order by k.created_at, k.id"
        );
        Ok(read!(self, db => sqlx::query_as(SQL).bind(run.0).bind(model.0).fetch_all(db).await)?)
    }

    /// The check-ins on a quarter's key results, the newest first.
    pub async fn check_ins(&self, period: &str) -> Result<Vec<CheckInLine>> {
        const SQL: &str = "select c.key_result_id, p.name as person_name, c.at, c.value, \
             c.confidence, c.note from check_in c join person p on p.id = c.person_id \
             join key_result k on k.id = c.key_result_id \
             join objective o on o.id = k.objective_id where o.period = $1 \
             order by c.at desc, c.id desc";
        Ok(read!(self, db => sqlx::query_as(SQL).bind(period).fetch_all(db).await)?)
    }
}

impl Tx {
    pub async fn add_objective(
        &mut self,
        _: &Permit<EditOkr>,
        new: &NewObjective<'_>,
        by: PersonId,
    ) -> Result<ObjectiveId> {
        const SQL: &str = "insert into objective (id, period, team_id, parent_id, title, why, \
             kind, owner_id, created_by, created_at, updated_at, version) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, 1)";
        let (id, at) = (ObjectiveId(self.id()), micros(self.at()));
        in_tx!(self, db => sqlx::query(SQL).bind(id.0).bind(new.period).bind(new.team.0)
            .bind(new.parent.map(|id| id.0)).bind(new.title).bind(new.why)
            .bind(new.kind.as_str()).bind(new.owner.0).bind(by.0).bind(at)
            .execute(db).await.map(drop))?;
        self.note(Entry::new("objective.added", "objective", id).after(json!({
            "period": new.period, "team": new.team, "title": new.title, "kind": new.kind,
        })));
        Ok(id)
    }

    pub async fn add_key_result(
        &mut self,
        _: &Permit<EditOkr>,
        new: &NewKeyResult<'_>,
        by: PersonId,
    ) -> Result<KeyResultId> {
        const SQL: &str = "insert into key_result (id, objective_id, position, title, owner_id, \
             source, model_id, measure, unit, baseline, baseline_low, baseline_high, \
             baseline_run_id, baseline_at, target, counter, created_by, created_at, updated_at, \
             version) values ($1, $2, (select count(*) from key_result where objective_id = $2), \
             $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $17, 1)";
        let (id, at) = (KeyResultId(self.id()), micros(self.at()));
        let interval = new.baseline.and_then(|baseline| baseline.interval);
        in_tx!(self, db => sqlx::query(SQL).bind(id.0).bind(new.objective.0).bind(new.title)
            .bind(new.owner.0).bind(new.source.as_str()).bind(new.model.map(|id| id.0))
            .bind(new.measure).bind(new.unit).bind(new.baseline.map(|baseline| baseline.value))
            .bind(interval.map(|(low, _)| low)).bind(interval.map(|(_, high)| high))
            .bind(new.baseline_run.map(|id| id.0)).bind(new.baseline.map(|_| at))
            .bind(new.target).bind(new.counter).bind(by.0).bind(at)
            .execute(db).await.map(drop))?;
        self.note(Entry::new("key_result.added", "key_result", id).after(json!({
            "objective": new.objective, "title": new.title, "source": new.source,
            "measure": new.measure, "target": new.target.to_string(),
            "baseline": new.baseline.map(|baseline| baseline.value.to_string()),
        })));
        Ok(id)
    }

    pub async fn add_check_in(
        &mut self,
        _: &Permit<CheckIn>,
        key_result: KeyResultId,
        by: PersonId,
        value: Option<f64>,
        confidence: Confidence,
        note: &str,
    ) -> Result<()> {
        const SQL: &str = "insert into check_in (id, key_result_id, person_id, at, value, \
             confidence, note) values ($1, $2, $3, $4, $5, $6, $7)";
        let (id, at) = (self.id(), micros(self.at()));
        in_tx!(self, db => sqlx::query(SQL).bind(id).bind(key_result.0).bind(by.0).bind(at)
            .bind(value).bind(confidence.as_str()).bind(note).execute(db).await.map(drop))?;
        self.note(Entry::new("key_result.checked_in", "key_result", key_result).after(json!({
            "value": value.map(|value| value.to_string()), "confidence": confidence, "note": note,
        })));
        Ok(())
    }
}
