//! Waivers: time-limited exceptions from one rule on one slice of one version.

use super::{Store, Tx, in_tx, read};
use crate::audit::Entry;
use crate::auth::Permit;
use crate::auth::permit::{ApproveWaiver, AskWaiver};
use crate::clock::micros;
use crate::error::{Error, Result};
use app::domain::{PersonId, PolicyId, TeamId, VersionId, WaiverId};
use serde_json::json;
use uuid::Uuid;

#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Waiver {
    #[sqlx(try_from = "Uuid")]
    pub id: WaiverId,
    #[sqlx(try_from = "Uuid")]
    pub version_id: VersionId,
    pub rule: String,
    pub slice: String,
    pub metric: String,
    pub bound: String,
    pub reason: String,
    pub control: String,
    pub owner_name: String,
    #[sqlx(try_from = "Uuid")]
    pub asked_by: PersonId,
    pub asked_by_name: String,
    pub asked_at: i64,
    pub approved_by: Option<Uuid>,
    pub approved_by_name: Option<String>,
    pub approved_at: Option<i64>,
    pub refused_by_name: Option<String>,
    pub refused_at: Option<i64>,
    pub decision_reason: String,
    pub expires_at: i64,
    pub revoked_at: Option<i64>,
    pub revoked_by_name: Option<String>,
    pub policy_slug: String,
    pub version_label: String,
    #[sqlx(try_from = "Uuid")]
    pub model_id: app::domain::ModelId,
    pub model_slug: String,
    pub model_name: String,
    #[sqlx(try_from = "Uuid")]
    pub team_id: TeamId,
    pub restricted: bool,
}

/// A waiver to be asked for, checked.
#[derive(Clone, Debug)]
pub struct NewWaiver<'a> {
    pub version: VersionId,
    pub policy: PolicyId,
    pub rule: &'a str,
    pub slice: &'a str,
    pub metric: &'a str,
    pub bound: &'a str,
    pub reason: &'a str,
    pub control: &'a str,
    pub owner: PersonId,
    pub asked_by: PersonId,
    pub expires_at: i64,
}

macro_rules! select_waiver {
    ($rest:literal) => {
        concat!(
            "select w.id, w.version_id, w.rule, w.slice, w.metric, w.bound, w.reason, w.control, \
             o.name as owner_name, w.asked_by, a.name as asked_by_name, w.asked_at, \
             w.approved_by, b.name as approved_by_name, w.approved_at, \
             c.name as refused_by_name, w.refused_at, w.decision_reason, w.expires_at, \
             w.revoked_at, d.name as revoked_by_name, p.slug as policy_slug, \
             v.label as version_label, m.id as model_id, m.slug as model_slug, \
             m.name as model_name, m.team_id, m.restricted from waiver w \
             join person o on o.id = w.owner_id join person a on a.id = w.asked_by \
             left join person b on b.id = w.approved_by left join person c on c.id = w.refused_by \
             left join person d on d.id = w.revoked_by join policy p on p.id = w.policy_id \
             join model_version v on v.id = w.version_id join model m on m.id = v.model_id ",
            $rest
        )
    };
}

impl Store {
    /// All waivers, those that end last first.
    pub async fn waivers(&self) -> Result<Vec<Waiver>> {
        const SQL: &str = select_waiver!("order by w.expires_at desc, w.id");
        Ok(read!(self, db => sqlx::query_as(SQL).fetch_all(db).await)?)
    }

    pub async fn waiver(&self, id: WaiverId) -> Result<Option<Waiver>> {
        const SQL: &str = select_waiver!("where w.id = $1");
        Ok(read!(self, db => sqlx::query_as(SQL).bind(id.0).fetch_optional(db).await)?)
    }
}

impl Tx {
    pub async fn ask_waiver(
        &mut self,
        _: &Permit<AskWaiver>,
        new: &NewWaiver<'_>,
    ) -> Result<WaiverId> {
        const SQL: &str = "insert into waiver (id, version_id, policy_id, rule, slice, metric, \
             bound, reason, control, owner_id, asked_by, asked_at, decision_reason, expires_at) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, '', $13)";
        let (id, at) = (WaiverId(self.id()), micros(self.at()));
        in_tx!(self, db => sqlx::query(SQL).bind(id.0).bind(new.version.0).bind(new.policy.0)
            .bind(new.rule).bind(new.slice).bind(new.metric).bind(new.bound).bind(new.reason)
            .bind(new.control).bind(new.owner.0).bind(new.asked_by.0).bind(at)
            .bind(new.expires_at).execute(db).await.map(drop))?;
        self.note(Entry::new("waiver.asked", "waiver", id).after(json!({
            "version": new.version, "rule": new.rule, "slice": new.slice, "metric": new.metric,
            "bound": new.bound, "reason": new.reason, "control": new.control,
            "expires_at": new.expires_at.to_string(),
        })));
        Ok(id)
    }

    /// Approves or refuses a waiver that nobody has decided about.
    ///
    /// # Errors
    /// [`Error::Conflict`] when somebody has.
    pub async fn decide_waiver(
        &mut self,
        _: &Permit<ApproveWaiver>,
        id: WaiverId,
        by: PersonId,
        approve: bool,
        reason: &str,
    ) -> Result<()> {
        const APPROVE: &str = "update waiver set approved_by = $2, approved_at = $3, \
             decision_reason = $4 where id = $1 and approved_at is null and refused_at is null";
        const REFUSE: &str = "update waiver set refused_by = $2, refused_at = $3, \
             decision_reason = $4 where id = $1 and approved_at is null and refused_at is null";
        let (sql, action) =
            if approve { (APPROVE, "waiver.approved") } else { (REFUSE, "waiver.refused") };
        let at = micros(self.at());
        let rows = in_tx!(self, db => sqlx::query(sql).bind(id.0).bind(by.0).bind(at).bind(reason)
            .execute(db).await.map(|done| done.rows_affected()))?;
        if rows == 0 {
            return Err(Error::Conflict("this waiver was decided meanwhile".to_owned()));
        }
        self.note(Entry::new(action, "waiver", id).after(json!({ "reason": reason })));
        Ok(())
    }

    /// Ends an approved waiver before its time.
    ///
    /// # Errors
    /// [`Error::Conflict`] when it is not in force.
    pub async fn revoke_waiver(
        &mut self,
        _: &Permit<ApproveWaiver>,
        id: WaiverId,
        by: PersonId,
        reason: &str,
    ) -> Result<()> {
        const SQL: &str = "update waiver set revoked_by = $2, revoked_at = $3 \
             where id = $1 and approved_at is not null and revoked_at is null";
        let at = micros(self.at());
        let rows = in_tx!(self, db => sqlx::query(SQL).bind(id.0).bind(by.0).bind(at)
            .execute(db).await.map(|done| done.rows_affected()))?;
        if rows == 0 {
            return Err(Error::Conflict("this waiver is not in force".to_owned()));
        }
        self.note(Entry::new("waiver.revoked", "waiver", id).after(json!({ "reason": reason })));
        Ok(())
    }
}
