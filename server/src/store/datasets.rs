//! Datasets: the evaluation sets and their cards.

use super::models::Window;
use super::statement::{Statement, bound};
use super::{Store, Tx, in_tx, read};
use crate::audit::Entry;
use crate::auth::Permit;
use crate::auth::permit::{DescribeDataset, UploadRun};
use crate::clock::micros;
use crate::error::{Error, Result};
use app::domain::DatasetId;
use app::domain::dataset::Obtained;
use app::domain::register::{AttributeLabels, DatasetInput, NewDataset, ObtainedInput};
use metrics::DatasetRef;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Dataset {
    #[sqlx(try_from = "Uuid")]
    pub id: DatasetId,
    pub name: String,
    pub label: String,
    pub digest: Option<String>,
    pub row_count: Option<i64>,
    pub origin: String,
    pub sampling: String,
    pub collected: String,
    pub notes: String,
    pub created_by_name: Option<String>,
    pub created_at: i64,
    pub updated_at: i64,
    pub version: i64,
    /// Runs that are not voided.
    pub runs: i64,
}

#[derive(sqlx::FromRow)]
struct LabelsRow {
    attribute: String,
    #[sqlx(try_from = "String")]
    obtained: Obtained,
    note: String,
}

impl Dataset {
    /// The card as an editor gets it.
    pub fn input(&self, attributes: &[AttributeLabels]) -> DatasetInput {
        DatasetInput {
            name: self.name.clone(),
            label: self.label.clone(),
            digest: self.digest.clone().unwrap_or_default(),
            rows: self.row_count.map(|n| n.to_string()).unwrap_or_default(),
            origin: self.origin.clone(),
            sampling: self.sampling.clone(),
            collected: self.collected.clone(),
            notes: self.notes.clone(),
            attributes: attributes
                .iter()
                .map(|labels| ObtainedInput {
                    attribute: labels.attribute.clone(),
                    obtained: labels.obtained.as_str().to_owned(),
                    note: labels.note.clone(),
                })
                .collect(),
        }
    }
}

macro_rules! select_dataset {
    ($rest:literal) => {
        concat!(
            "select d.id, d.name, d.label, d.digest, d.row_count, d.origin, d.sampling, \
             d.collected, d.notes, p.name as created_by_name, d.created_at, d.updated_at, \
             d.version, (select count(*) from run r \
              where r.dataset_id = d.id and r.voided_at is null) as runs \
             from dataset d left join person p on p.id = d.created_by ",
            $rest
        )
    };
}

/// That a name and version stand for other data than was sent.
pub fn other_data(name: &str, label: &str, known: &str, sent: &str) -> Error {
    Error::Conflict(format!(
        "{name}@{label} is already known with digest {known}, and this one has {sent}; \
         give other data another version"
    ))
}

impl Store {
    pub async fn dataset(&self, name: &str, label: &str) -> Result<Option<Dataset>> {
        const SQL: &str = select_dataset!("where d.name = $1 and d.label = $2");
        Ok(read!(self, db => sqlx::query_as(SQL).bind(name).bind(label).fetch_optional(db).await)?)
    }

    /// A page of the datasets whose name holds every word of a search, and how many there are.
    pub async fn datasets(&self, search: &str, window: Window) -> Result<(Vec<Dataset>, u64)> {
        let mut page = Statement::new(select_dataset!("where true"));
        page.and_holds("d.name", search)
            .push(" order by d.name, d.label limit ")
            .bind(window.limit)
            .push(" offset ")
            .bind(window.offset);
        let mut count = Statement::new("select count(*) from dataset d where true");
        count.and_holds("d.name", search);
        let rows = read!(self, db =>
            bound!(sqlx::query_as(AssertSqlSafe(page.sql.clone())), page).fetch_all(db).await)?;
        let total: i64 = read!(self, db =>
            bound!(sqlx::query_scalar(AssertSqlSafe(count.sql.clone())), count)
                .fetch_one(db).await)?;
        Ok((rows, u64::try_from(total).unwrap_or_default()))
    }

    /// How the group labels of a dataset were obtained, by attribute.
    pub async fn labels_of(&self, dataset: DatasetId) -> Result<Vec<AttributeLabels>> {
        const SQL: &str = "select attribute, obtained, note from dataset_attribute \
             where dataset_id = $1 order by attribute";
        let rows: Vec<LabelsRow> =
            read!(self, db => sqlx::query_as(SQL).bind(dataset.0).fetch_all(db).await)?;
        Ok(rows
            .into_iter()
            .map(|row| AttributeLabels {
                attribute: row.attribute,
                obtained: row.obtained,
                note: row.note,
            })
            .collect())
    }
}

/// The card in the audit log.
fn account(dataset: &NewDataset) -> Value {
    let attributes: Vec<Value> = dataset
        .attributes
        .iter()
        .map(|labels| {
            json!({
                "attribute": labels.attribute,
                "obtained": labels.obtained,
                "note": labels.note,
            })
        })
        .collect();
    json!({
        "name": dataset.name,
        "label": dataset.label,
        "digest": dataset.digest,
        "rows": dataset.rows,
        "origin": dataset.origin,
        "sampling": dataset.sampling,
        "collected": dataset.collected,
        "notes": dataset.notes,
        "attributes": attributes,
    })
}

impl Tx {
    pub async fn add_dataset(
        &mut self,
        _: &Permit<DescribeDataset>,
        dataset: &NewDataset,
    ) -> Result<DatasetId> {
        let Some(id) = self.insert_dataset(dataset).await? else {
            return Err(Error::Conflict(format!(
                "there is already a dataset {}@{}",
                dataset.name, dataset.label
            )));
        };
        self.set_labels(id, &dataset.attributes).await?;
        self.note(Entry::new("dataset.registered", "dataset", id).after(account(dataset)));
        Ok(id)
    }

    /// The dataset that an upload names, which is registered now if it is not there. A digest or
    /// row count that was not known before is filled in.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the same name and version had another digest: then it is another
    /// dataset and needs another version.
    pub async fn ensure_dataset(
        &mut self,
        _: &Permit<UploadRun>,
        dataset: &DatasetRef,
    ) -> Result<DatasetId> {
        const SQL: &str =
            "select id, digest, row_count from dataset where name = $1 and label = $2";
        const FILL: &str = "update dataset set digest = coalesce(digest, $2), \
             row_count = coalesce(row_count, $3), updated_at = $4, version = version + 1 \
             where id = $1";
        let new = DatasetInput {
            name: dataset.name.clone(),
            label: dataset.version.clone(),
            digest: dataset.digest.clone().unwrap_or_default(),
            rows: dataset.rows.map(|rows| rows.to_string()).unwrap_or_default(),
            ..DatasetInput::default()
        }
        .check()?;
        if let Some(id) = self.insert_dataset(&new).await? {
            self.note(Entry::new("dataset.registered", "dataset", id).after(account(&new)));
            return Ok(id);
        }
        let (id, digest, rows): (Uuid, Option<String>, Option<i64>) = in_tx!(self, db =>
            sqlx::query_as(SQL).bind(new.name.as_str()).bind(new.label.as_str())
                .fetch_one(db).await)?;
        if let (Some(known), Some(sent)) = (&digest, &new.digest)
            && known != sent
        {
            return Err(other_data(new.name.as_str(), new.label.as_str(), known, sent));
        }
        let fills_digest = digest.is_none() && new.digest.is_some();
        let fills_rows = rows.is_none() && new.rows.is_some();
        if fills_digest || fills_rows {
            let at = micros(self.at());
            in_tx!(self, db => sqlx::query(FILL).bind(id).bind(&new.digest).bind(new.rows)
                .bind(at).execute(db).await.map(drop))?;
            let entry = Entry::new("dataset.identified", "dataset", id)
                .before(json!({ "digest": digest, "rows": rows }))
                .after(json!({ "digest": new.digest, "rows": new.rows }));
            self.note(entry);
        }
        Ok(DatasetId(id))
    }

    /// `None` when name and label are taken.
    async fn insert_dataset(&mut self, dataset: &NewDataset) -> Result<Option<DatasetId>> {
        const SQL: &str = "insert into dataset (id, name, label, digest, row_count, origin, \
             sampling, collected, notes, created_by, created_at, updated_at, version) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, 1) \
             on conflict (name, label) do nothing";
        let id = DatasetId(self.id());
        let (at, by) = (micros(self.at()), self.actor().person.map(|person| person.0));
        let rows = in_tx!(self, db => sqlx::query(SQL).bind(id.0).bind(dataset.name.as_str())
            .bind(dataset.label.as_str()).bind(&dataset.digest).bind(dataset.rows)
            .bind(dataset.origin.as_str()).bind(dataset.sampling.as_str())
            .bind(&dataset.collected).bind(dataset.notes.as_str()).bind(by).bind(at)
            .execute(db).await.map(|done| done.rows_affected()))?;
        Ok((rows > 0).then_some(id))
    }

    /// Changes a card; name, version, digest and row count stay.
    ///
    /// # Errors
    /// [`Error::PreconditionFailed`] when it is no longer what the editor read.
    pub async fn describe_dataset(
        &mut self,
        _: &Permit<DescribeDataset>,
        before: &Dataset,
        labels: &[AttributeLabels],
        read: i64,
        dataset: &NewDataset,
    ) -> Result<()> {
        const SQL: &str = "update dataset set origin = $3, sampling = $4, collected = $5, \
             notes = $6, updated_at = $7, version = version + 1 where id = $1 and version = $2";
        let at = micros(self.at());
        let rows = in_tx!(self, db => sqlx::query(SQL).bind(before.id.0).bind(read)
            .bind(dataset.origin.as_str()).bind(dataset.sampling.as_str())
            .bind(&dataset.collected).bind(dataset.notes.as_str()).bind(at)
            .execute(db).await.map(|done| done.rows_affected()))?;
        if rows == 0 {
            return Err(Error::PreconditionFailed(format!(
                "dataset {}@{}",
                before.name, before.label
            )));
        }
        self.set_labels(before.id, &dataset.attributes).await?;
        let was = before.input(labels).check().map_or(Value::Null, |was| account(&was));
        let entry = Entry::new("dataset.described", "dataset", before.id)
            .before(was)
            .after(account(dataset));
        self.note(entry);
        Ok(())
    }

    async fn set_labels(&mut self, id: DatasetId, labels: &[AttributeLabels]) -> Result<()> {
        const CLEAR: &str = "delete from dataset_attribute where dataset_id = $1";
        const ADD: &str = "insert into dataset_attribute (dataset_id, attribute, obtained, note) \
             values ($1, $2, $3, $4)";
        in_tx!(self, db => sqlx::query(CLEAR).bind(id.0).execute(db).await.map(drop))?;
        for labels in labels {
            in_tx!(self, db => sqlx::query(ADD).bind(id.0).bind(&labels.attribute)
                .bind(labels.obtained.as_str()).bind(&labels.note).execute(db).await.map(drop))?;
        }
        Ok(())
    }
}
