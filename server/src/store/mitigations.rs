//! Mitigations.

use super::{Store, Tx, in_tx, read};
use crate::audit::Entry;
use crate::auth::Permit;
use crate::auth::permit::Mitigate;
use crate::clock::micros;
use crate::error::{Error, Result};
use app::domain::mitigation::{Kind, State};
use app::domain::{FindingId, MitigationId, ModelId, PersonId, RunId, TeamId};
use serde_json::json;
use uuid::Uuid;

#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Mitigation {
    #[sqlx(try_from = "Uuid")]
    pub id: MitigationId,
    pub number: i64,
    #[sqlx(try_from = "Uuid")]
    pub model_id: ModelId,
    #[sqlx(try_from = "String")]
    pub kind: Kind,
    pub title: String,
    pub hypothesis: String,
    pub metric: String,
    pub slice: String,
    pub target_change: String,
    pub finding_id: Option<Uuid>,
    #[sqlx(try_from = "Uuid")]
    pub owner_id: PersonId,
    pub owner_name: String,
    pub owner_email: String,
    #[sqlx(try_from = "String")]
    pub state: State,
    pub before_run_id: Option<Uuid>,
    pub after_run_id: Option<Uuid>,
    pub shipped_at: Option<i64>,
    pub created_by_name: String,
    pub created_at: i64,
    pub updated_at: i64,
    pub version: i64,
    pub model_slug: String,
    pub model_name: String,
    #[sqlx(try_from = "Uuid")]
    pub team_id: TeamId,
    pub team_name: String,
    pub restricted: bool,
}

/// A mitigation, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMitigation {
    pub model: ModelId,
    pub kind: Kind,
    pub title: String,
    pub hypothesis: String,
    pub metric: String,
    pub slice: String,
    pub target_change: String,
    pub finding: Option<FindingId>,
    pub owner: PersonId,
    pub state: State,
    pub before: Option<RunId>,
    pub after: Option<RunId>,
}

impl NewMitigation {
    fn json(&self) -> serde_json::Value {
        json!({
            "model": self.model, "kind": self.kind, "title": self.title,
            "hypothesis": self.hypothesis, "metric": self.metric, "slice": self.slice,
            "target_change": self.target_change,
            "finding": self.finding.map(|id| id.to_string()), "owner": self.owner,
            "state": self.state, "before": self.before.map(|id| id.to_string()),
            "after": self.after.map(|id| id.to_string()),
        })
    }
}

macro_rules! select_mitigation {
    ($rest:literal) => {
        concat!(
            "select x.id, x.number, x.model_id, x.kind, x.title, x.hypothesis, x.metric, x.slice, \
             x.target_change, x.finding_id, x.owner_id, o.name as owner_name, \
             o.email as owner_email, x.state, x.before_run_id, x.after_run_id, x.shipped_at, \
             c.name as created_by_name, x.created_at, x.updated_at, x.version, \
             m.slug as model_slug, m.name as model_name, m.team_id, t.name as team_name, \
             m.restricted from mitigation x join person o on o.id = x.owner_id \
             join person c on c.id = x.created_by join model m on m.id = x.model_id \
             join team t on t.id = m.team_id ",
            $rest
        )
    };
}

impl Store {
    /// All mitigations, the newest first.
    pub async fn mitigations(&self) -> Result<Vec<Mitigation>> {
        const SQL: &str = select_mitigation!("order by x.number desc");
        Ok(read!(self, db => sqlx::query_as(SQL).fetch_all(db).await)?)
    }

    pub async fn mitigation(&self, number: i64) -> Result<Option<Mitigation>> {
        const SQL: &str = select_mitigation!("where x.number = $1");
        Ok(read!(self, db => sqlx::query_as(SQL).bind(number).fetch_optional(db).await)?)
    }

    /// The shipped mitigations of a model, the oldest first.
    pub async fn shipped_mitigations(&self, model: ModelId) -> Result<Vec<Mitigation>> {
        const SQL: &str = select_mitigation!(
            "where x.model_id = $1 and x.shipped_at is not null order by x.shipped_at"
        );
        Ok(read!(self, db => sqlx::query_as(SQL).bind(model.0).fetch_all(db).await)?)
    }

    /// The mitigations whose proof rests on a run.
    pub async fn mitigations_on(&self, run: RunId) -> Result<Vec<Mitigation>> {
        const SQL: &str = select_mitigation!(
            "where x.before_run_id = $1 or x.after_run_id = $1 order by x.number"
        );
        Ok(read!(self, db => sqlx::query_as(SQL).bind(run.0).fetch_all(db).await)?)
    }
}

impl Tx {
    /// A new mitigation; its number.
    pub async fn add_mitigation(
        &mut self,
        _: &Permit<Mitigate>,
        new: &NewMitigation,
        by: PersonId,
    ) -> Result<i64> {
        // Two that are made at once would take the same number: they take turns.
        const TURN: &str = "update registry_head set version = version where id = 1";
        const NEXT: &str = "select coalesce(max(number), 0) + 1 from mitigation";
        const SQL: &str = "insert into mitigation (id, number, model_id, kind, title, hypothesis, \
             metric, slice, target_change, finding_id, owner_id, state, before_run_id, \
             after_run_id, shipped_at, created_by, created_at, updated_at, version) values ($1, \
             $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $17, 1)";
        in_tx!(self, db => sqlx::query(TURN).execute(db).await.map(drop))?;
        let number: i64 = in_tx!(self, db => sqlx::query_scalar(NEXT).fetch_one(db).await)?;
        let (id, at) = (MitigationId(self.id()), micros(self.at()));
        let shipped = (new.state == State::Shipped).then_some(at);
        in_tx!(self, db => sqlx::query(SQL).bind(id.0).bind(number).bind(new.model.0)
            .bind(new.kind.as_str()).bind(&new.title).bind(&new.hypothesis).bind(&new.metric)
            .bind(&new.slice).bind(&new.target_change).bind(new.finding.map(|id| id.0))
            .bind(new.owner.0).bind(new.state.as_str()).bind(new.before.map(|id| id.0))
            .bind(new.after.map(|id| id.0)).bind(shipped).bind(by.0).bind(at)
            .execute(db).await.map(drop))?;
        self.note(Entry::new("mitigation.added", "mitigation", id).after(new.json()));
        Ok(number)
    }

    /// Changes a mitigation, if it is still what was read.
    ///
    /// # Errors
    /// [`Error::PreconditionFailed`] when somebody changed it meanwhile.
    pub async fn edit_mitigation(
        &mut self,
        _: &Permit<Mitigate>,
        before: &Mitigation,
        read: i64,
        new: &NewMitigation,
    ) -> Result<()> {
        const SQL: &str = "update mitigation set kind = $3, title = $4, hypothesis = $5, \
             metric = $6, slice = $7, target_change = $8, owner_id = $9, state = $10, \
             before_run_id = $11, after_run_id = $12, shipped_at = $13, updated_at = $14, \
             version = version + 1 where id = $1 and version = $2";
        let at = micros(self.at());
        let shipped =
            if new.state == State::Shipped { Some(before.shipped_at.unwrap_or(at)) } else { None };
        let rows = in_tx!(self, db => sqlx::query(SQL).bind(before.id.0).bind(read)
            .bind(new.kind.as_str()).bind(&new.title).bind(&new.hypothesis).bind(&new.metric)
            .bind(&new.slice).bind(&new.target_change).bind(new.owner.0)
            .bind(new.state.as_str()).bind(new.before.map(|id| id.0))
            .bind(new.after.map(|id| id.0)).bind(shipped).bind(at)
            .execute(db).await.map(|done| done.rows_affected()))?;
        if rows == 0 {
            return Err(Error::PreconditionFailed("somebody else changed it".to_owned()));
        }
        self.note(
            Entry::new("mitigation.changed", "mitigation", before.id)
                .before(json!({ "state": before.state, "title": before.title }))
                .after(new.json()),
        );
        Ok(())
    }
}
