//! Groups of an attribute that took the place of others.

use super::{Tx, in_tx};
use crate::audit::{Entry, timestamp};
use crate::auth::Permit;
use crate::auth::permit::EditRegistry;
use crate::clock::{from_micros, micros};
use crate::error::Result;
use app::domain::attribute::{Regrouping, Standing};
use app::domain::{AttributeId, PersonId};
use serde_json::json;

#[derive(sqlx::FromRow)]
pub(super) struct RegroupingRow {
    attribute: String,
    before: String,
    after: String,
    reason: String,
    since: i64,
}

pub(super) const REGROUPINGS: &str = "select a.name as attribute, r.before, r.after, r.reason, r.since \
     from regrouping r join attribute a on a.id = r.attribute_id order by r.since, r.id";

impl From<RegroupingRow> for Regrouping {
    fn from(row: RegroupingRow) -> Self {
        let names = |text: &str| serde_json::from_str(text).unwrap_or_default();
        Self {
            before: names(&row.before),
            after: names(&row.after),
            attribute: row.attribute,
            reason: row.reason,
            since: row.since,
        }
    }
}

impl Tx {
    /// Notes that groups take the place of others; the new ones are confirmed, with their attribute.
    pub async fn regroup(
        &mut self,
        _: &Permit<EditRegistry>,
        attribute: AttributeId,
        regrouping: &Regrouping,
        by: Option<PersonId>,
    ) -> Result<()> {
        const SQL: &str = "insert into regrouping \
             (id, attribute_id, before, after, reason, since, created_by, created_at) \
             values ($1, $2, $3, $4, $5, $6, $7, $8)";
        const CONFIRM: &str = "update attribute_group set standing = 'confirmed' \
             where attribute_id = $1 and name = $2";
        const KNOWN: &str = "update attribute set standing = 'confirmed' where id = $1";
        self.raise_registry().await?;
        in_tx!(self, db => sqlx::query(KNOWN).bind(attribute.0).execute(db).await.map(drop))?;
        for group in &regrouping.after {
            if !self.insert_group(attribute, group, Standing::Confirmed, None).await? {
                in_tx!(self, db => sqlx::query(CONFIRM).bind(attribute.0).bind(group).execute(db)
                    .await.map(drop))?;
            }
        }
        let (id, at) = (self.id(), micros(self.at()));
        let (before, after) =
            (json!(regrouping.before).to_string(), json!(regrouping.after).to_string());
        in_tx!(self, db => sqlx::query(SQL).bind(id).bind(attribute.0).bind(&before).bind(&after)
            .bind(&regrouping.reason).bind(regrouping.since).bind(by.map(|by| by.0)).bind(at)
            .execute(db).await.map(drop))?;
        self.note(Entry::new("attribute.regrouped", "attribute", attribute).after(json!({
            "attribute": regrouping.attribute, "before": regrouping.before,
            "after": regrouping.after, "reason": regrouping.reason,
            "since": timestamp(from_micros(regrouping.since)),
        })));
        Ok(())
    }
}
