//! Policies and their versions. A version is written once.

use super::{Store, Tx, in_tx, or_conflict, read};
use crate::audit::Entry;
use crate::auth::Permit;
use crate::auth::permit::EditPolicy;
use crate::clock::micros;
use crate::error::{Error, Result};
use app::domain::model::{RiskTier, Task};
use app::domain::policy::Policy;
use app::domain::{PersonId, PolicyId, PolicyVersionId, Slug, TeamId};
use serde_json::json;
use uuid::Uuid;

/// One version of a policy, with what it belongs to.
#[derive(Clone, Debug)]
pub struct PolicyVersion {
    pub id: PolicyVersionId,
    pub policy_id: PolicyId,
    pub slug: String,
    /// `None`: for the whole organisation.
    pub team: Option<TeamId>,
    pub team_name: Option<String>,
    pub number: i64,
    /// The number of the policy's newest version.
    pub newest: i64,
    pub policy: Policy,
    pub source: String,
    pub digest: String,
    pub extends: Option<PolicyVersionId>,
    pub edited_by: PersonId,
    pub edited_by_name: String,
    pub edited_at: i64,
    pub note: String,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    policy_id: Uuid,
    slug: String,
    team_id: Option<Uuid>,
    team_name: Option<String>,
    number: i64,
    newest: i64,
    source: String,
    resolved: String,
    digest: String,
    extends_id: Option<Uuid>,
    edited_by: Uuid,
    edited_by_name: String,
    edited_at: i64,
    note: String,
}

impl Row {
    fn version(self) -> Result<PolicyVersion> {
        let policy = serde_json::from_str(&self.resolved).map_err(|error| {
            Error::Internal(format!("policy {} {}: {error}", self.slug, self.number))
        })?;
        Ok(PolicyVersion {
            id: PolicyVersionId(self.id),
            policy_id: PolicyId(self.policy_id),
            slug: self.slug,
            team: self.team_id.map(TeamId),
            team_name: self.team_name,
            number: self.number,
            newest: self.newest,
            policy,
            source: self.source,
            digest: self.digest,
            extends: self.extends_id.map(PolicyVersionId),
            edited_by: PersonId(self.edited_by),
            edited_by_name: self.edited_by_name,
            edited_at: self.edited_at,
            note: self.note,
        })
    }
}

/// A version to be written.
#[derive(Clone, Debug)]
pub struct NewPolicyVersion<'a> {
    pub source: &'a str,
    pub policy: &'a Policy,
    /// The policy in canonical JSON, and its digest.
    pub resolved: &'a str,
    pub digest: &'a str,
    pub extends: Option<PolicyVersionId>,
    pub editor: PersonId,
    pub note: &'a str,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select v.id, v.policy_id, p.slug, p.team_id, t.name as team_name, v.number, \
             p.version as newest, v.source, v.resolved, v.digest, v.extends_id, v.edited_by, \
             e.name as edited_by_name, v.edited_at, v.note from policy_version v \
             join policy p on p.id = v.policy_id join person e on e.id = v.edited_by \
             left join team t on t.id = p.team_id ",
            $rest
        )
    };
}

impl Store {
    /// The newest version of every policy, by slug.
    pub async fn policies(&self) -> Result<Vec<PolicyVersion>> {
        const SQL: &str = select!("where v.number = p.version order by p.slug");
        let rows: Vec<Row> = read!(self, db => sqlx::query_as(SQL).fetch_all(db).await)?;
        rows.into_iter().map(Row::version).collect()
    }

    pub async fn policy_version(&self, id: PolicyVersionId) -> Result<Option<PolicyVersion>> {
        const SQL: &str = select!("where v.id = $1");
        let row: Option<Row> =
            read!(self, db => sqlx::query_as(SQL).bind(id.0).fetch_optional(db).await)?;
        row.map(Row::version).transpose()
    }

    /// All versions of a policy, the newest first.
    pub async fn policy_versions(&self, slug: &str) -> Result<Vec<PolicyVersion>> {
        const SQL: &str = select!("where p.slug = $1 order by v.number desc");
        let rows: Vec<Row> = read!(self, db => sqlx::query_as(SQL).bind(slug).fetch_all(db).await)?;
        rows.into_iter().map(Row::version).collect()
    }

    /// The policy that holds for a model: that of its team or the nearest team above, else the
    /// organisation's.
    pub async fn policy_for(
        &self,
        task: Task,
        risk_tier: RiskTier,
        lineage: &[TeamId],
    ) -> Result<Option<PolicyVersion>> {
        let applies = |version: &PolicyVersion| {
            let to = &version.policy.applies_to;
            to.tasks.contains(&task) && to.risk_tiers.contains(&risk_tier)
        };
        // How far up it stands; the organisation stands above every team.
        let distance = |version: &PolicyVersion| match version.team {
            None => Some(lineage.len()),
            Some(team) => lineage.iter().position(|above| *above == team),
        };
        let candidates = self.policies().await?.into_iter().filter(applies);
        Ok(candidates
            .filter_map(|version| Some((distance(&version)?, version)))
            .min_by_key(|(distance, _)| *distance)
            .map(|(_, version)| version))
    }
}

impl Tx {
    /// A new policy with its first version.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the slug is taken.
    pub async fn add_policy(
        &mut self,
        permit: &Permit<EditPolicy>,
        slug: &Slug,
        team: Option<TeamId>,
        version: &NewPolicyVersion<'_>,
    ) -> Result<PolicyVersionId> {
        const SQL: &str = "insert into policy (id, slug, team_id, created_by, created_at, version) \
             values ($1, $2, $3, $4, $5, 0)";
        let (id, at) = (PolicyId(self.id()), micros(self.at()));
        in_tx!(self, db => sqlx::query(SQL).bind(id.0).bind(slug.as_str())
            .bind(team.map(|team| team.0)).bind(version.editor.0).bind(at)
            .execute(db).await.map(drop))
        .map_err(or_conflict("there is a policy with this slug already"))?;
        self.add_policy_version(permit, id, 0, version).await
    }

    /// The next version of a policy, if `read` is still its newest.
    ///
    /// # Errors
    /// [`Error::PreconditionFailed`] when somebody wrote a version meanwhile.
    pub async fn add_policy_version(
        &mut self,
        _: &Permit<EditPolicy>,
        policy: PolicyId,
        read: i64,
        version: &NewPolicyVersion<'_>,
    ) -> Result<PolicyVersionId> {
        const NEXT: &str = "update policy set version = version + 1 where id = $1 and version = $2";
        const SQL: &str = "insert into policy_version (id, policy_id, number, name, source, \
             resolved, digest, extends_id, edited_by, edited_at, note) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
        let rows = in_tx!(self, db => sqlx::query(NEXT).bind(policy.0).bind(read)
            .execute(db).await.map(|done| done.rows_affected()))?;
        if rows == 0 {
            return Err(Error::PreconditionFailed("somebody else wrote a version".to_owned()));
        }
        let (id, at, number) = (PolicyVersionId(self.id()), micros(self.at()), read + 1);
        in_tx!(self, db => sqlx::query(SQL).bind(id.0).bind(policy.0).bind(number)
            .bind(&version.policy.name).bind(version.source).bind(version.resolved)
            .bind(version.digest).bind(version.extends.map(|base| base.0))
            .bind(version.editor.0).bind(at).bind(version.note).execute(db).await.map(drop))?;
        self.note(Entry::new("policy.saved", "policy", policy).digest(version.digest).after(
            json!({
                "version": number, "name": version.policy.name, "note": version.note,
                "extends": version.extends.map(|base| base.to_string()),
                "rules": version.policy.rules.iter().map(|rule| &rule.id).collect::<Vec<_>>(),
            }),
        ));
        Ok(id)
    }
}
