//! Model versions: what is evaluated.

use super::{Store, Tx, in_tx, read};
use crate::audit::Entry;
use crate::auth::Permit;
use crate::auth::permit::{DescribeModel, RegisterModel};
use crate::clock::micros;
use crate::error::{Error, Result};
use app::domain::register::{NewVersion, VersionInput};
use app::domain::{Label, ModelId, VersionId};
use serde_json::json;
use uuid::Uuid;

#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Version {
    #[sqlx(try_from = "Uuid")]
    pub id: VersionId,
    #[sqlx(try_from = "Uuid")]
    pub model_id: ModelId,
    pub label: String,
    pub commit_ref: String,
    pub artifact_digest: String,
    pub training_data: String,
    pub notes: String,
    pub created_by_name: Option<String>,
    pub created_at: i64,
    pub version: i64,
    /// Runs that are not voided.
    pub runs: i64,
}

impl Version {
    /// The version as an editor gets it.
    pub fn input(&self) -> VersionInput {
        VersionInput {
            label: self.label.clone(),
            commit: self.commit_ref.clone(),
            artifact_digest: self.artifact_digest.clone(),
            training_data: self.training_data.clone(),
            notes: self.notes.clone(),
        }
    }
}

/// A run as a version or a dataset lists it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct RunLine {
    pub id: Uuid,
    pub evaluated_at: i64,
    pub received_at: i64,
    pub uploader_name: String,
    pub instrument_name: String,
    pub instrument_version: String,
    pub voided_at: Option<i64>,
    pub estimates: i64,
    pub dataset_name: String,
    pub dataset_label: String,
    pub version_label: String,
    pub model_slug: String,
    pub model_name: String,
    #[sqlx(try_from = "Uuid")]
    pub team_id: app::domain::TeamId,
    pub restricted: bool,
}

macro_rules! select_version {
    ($rest:literal) => {
        concat!(
            "select v.id, v.model_id, v.label, v.commit_ref, v.artifact_digest, v.training_data, \
             v.notes, p.name as created_by_name, v.created_at, v.version, \
             (select count(*) from run r where r.version_id = v.id and r.voided_at is null) \
             as runs from model_version v left join person p on p.id = v.created_by ",
            $rest
        )
    };
}

macro_rules! select_run_line {
    ($rest:literal) => {
        concat!(
            "select r.id, r.evaluated_at, r.received_at, p.name as uploader_name, \
             r.instrument_name, r.instrument_version, r.voided_at, \
             (select count(*) from estimate e where e.run_id = r.id) as estimates, \
             d.name as dataset_name, d.label as dataset_label, v.label as version_label, \
             m.slug as model_slug, m.name as model_name, m.team_id, m.restricted \
             from run r join person p on p.id = r.uploader_id \
             join dataset d on d.id = r.dataset_id join model_version v on v.id = r.version_id \
             join model m on m.id = r.model_id ",
            $rest
        )
    };
}

impl Store {
    pub async fn version_by_label(&self, model: ModelId, label: &str) -> Result<Option<Version>> {
        const SQL: &str = select_version!("where v.model_id = $1 and v.label = $2");
        Ok(read!(self, db => sqlx::query_as(SQL).bind(model.0).bind(label)
            .fetch_optional(db).await)?)
    }

    /// The versions of a model, the newest first.
    pub async fn versions_of(&self, model: ModelId) -> Result<Vec<Version>> {
        const SQL: &str =
            select_version!("where v.model_id = $1 order by v.created_at desc, v.id desc");
        Ok(read!(self, db => sqlx::query_as(SQL).bind(model.0).fetch_all(db).await)?)
    }

    /// The runs of a version, the newest first.
    pub async fn runs_of_version(&self, version: VersionId) -> Result<Vec<RunLine>> {
        const SQL: &str =
            select_run_line!("where r.version_id = $1 order by r.evaluated_at desc, r.id desc");
        Ok(read!(self, db => sqlx::query_as(SQL).bind(version.0).fetch_all(db).await)?)
    }

    /// The runs on a dataset, the newest first.
    pub async fn runs_on_dataset(&self, dataset: app::domain::DatasetId) -> Result<Vec<RunLine>> {
        const SQL: &str =
            select_run_line!("where r.dataset_id = $1 order by r.evaluated_at desc, r.id desc");
        Ok(read!(self, db => sqlx::query_as(SQL).bind(dataset.0).fetch_all(db).await)?)
    }
}

impl Tx {
    pub async fn add_version(
        &mut self,
        _: &Permit<RegisterModel>,
        model: ModelId,
        version: &NewVersion,
    ) -> Result<VersionId> {
        let taken = format!("this model already has a version `{}`", version.label);
        if let Some(id) = self.insert_version(model, version).await? {
            Ok(id)
        } else {
            Err(Error::Conflict(taken))
        }
    }

    /// The version of this label, which is registered now if it is not there.
    pub async fn ensure_version(
        &mut self,
        _: &Permit<RegisterModel>,
        model: ModelId,
        label: &Label,
    ) -> Result<VersionId> {
        const SQL: &str = "select id from model_version where model_id = $1 and label = $2";
        let version = VersionInput { label: label.to_string(), ..VersionInput::default() };
        let version = version.check()?;
        if let Some(id) = self.insert_version(model, &version).await? {
            return Ok(id);
        }
        let id: Uuid = in_tx!(self, db => sqlx::query_scalar(SQL).bind(model.0)
            .bind(label.as_str()).fetch_one(db).await)?;
        Ok(VersionId(id))
    }

    /// `None` when the label is taken.
    async fn insert_version(
        &mut self,
        model: ModelId,
        version: &NewVersion,
    ) -> Result<Option<VersionId>> {
        const SQL: &str = "insert into model_version (id, model_id, label, commit_ref, \
             artifact_digest, training_data, notes, created_by, created_at, version) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1) \
             on conflict (model_id, label) do nothing";
        let id = VersionId(self.id());
        let (at, by) = (micros(self.at()), self.actor().person.map(|person| person.0));
        let rows = in_tx!(self, db => sqlx::query(SQL).bind(id.0).bind(model.0)
            .bind(version.label.as_str()).bind(&version.commit).bind(&version.artifact_digest)
            .bind(version.training_data.as_str()).bind(version.notes.as_str()).bind(by).bind(at)
            .execute(db).await.map(|done| done.rows_affected()))?;
        if rows == 0 {
            return Ok(None);
        }
        let after = json!({
            "model": model,
            "label": version.label,
            "commit": version.commit,
            "artifact_digest": version.artifact_digest,
            "training_data": version.training_data,
            "notes": version.notes,
        });
        self.note(Entry::new("version.registered", "version", id).after(after));
        Ok(Some(id))
    }

    /// Changes what is said about a version; label, commit and artifact stay.
    ///
    /// # Errors
    /// [`Error::PreconditionFailed`] when it is no longer what the editor read.
    pub async fn describe_version(
        &mut self,
        _: &Permit<DescribeModel>,
        before: &Version,
        read: i64,
        version: &NewVersion,
    ) -> Result<()> {
        const SQL: &str = "update model_version set training_data = $3, notes = $4, \
             version = version + 1 where id = $1 and version = $2";
        let rows = in_tx!(self, db => sqlx::query(SQL).bind(before.id.0).bind(read)
            .bind(version.training_data.as_str()).bind(version.notes.as_str())
            .execute(db).await.map(|done| done.rows_affected()))?;
        if rows == 0 {
            return Err(Error::PreconditionFailed(format!("version `{}`", before.label)));
        }
        let entry = Entry::new("version.described", "version", before.id)
            .before(json!({ "training_data": before.training_data, "notes": before.notes }))
            .after(json!({ "training_data": version.training_data, "notes": version.notes }));
        self.note(entry);
        Ok(())
    }
}
