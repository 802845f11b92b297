//! Models: what is registered, who may see it, what depends on what.

use super::statement::{Statement, bound};
use super::{Store, Tx, in_tx, or_conflict, read};
use crate::audit::Entry;
use crate::auth::Permit;
use crate::auth::permit::{DescribeModel, RegisterModel};
use crate::clock::micros;
use crate::error::{Error, Result};
use app::domain::model::{PositiveOutcome, RiskTier, Stage, Task};
use app::domain::register::{ModelInput, NewModel};
use app::domain::{ModelId, PersonId, TeamId};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

/// A registered model, with its team.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Model {
    #[sqlx(try_from = "Uuid")]
    pub id: ModelId,
    pub slug: String,
    pub name: String,
    #[sqlx(try_from = "Uuid")]
    pub team_id: TeamId,
    pub team_slug: String,
    pub team_name: String,
    #[sqlx(try_from = "String")]
    pub task: Task,
    #[sqlx(try_from = "String")]
    pub risk_tier: RiskTier,
    #[sqlx(try_from = "String")]
    pub stage: Stage,
    #[sqlx(try_from = "String")]
    pub positive_outcome: PositiveOutcome,
    pub restricted: bool,
    pub architecture: String,
    pub surface: String,
    pub intended_use: String,
    pub out_of_scope_use: String,
    /// How long the pruned rows of its runs are kept; `None`: they are not.
    pub rows_kept_days: Option<i64>,
    pub created_at: i64,
    pub updated_at: i64,
    pub version: i64,
}

impl Model {
    /// The model as an editor gets it.
    pub fn input(&self, owners: &[Owner], depends_on: &[Relative]) -> ModelInput {
        ModelInput {
            slug: self.slug.clone(),
            name: self.name.clone(),
            team: self.team_slug.clone(),
            task: self.task.as_str().to_owned(),
            risk_tier: self.risk_tier.as_str().to_owned(),
            stage: self.stage.as_str().to_owned(),
            positive_outcome: self.positive_outcome.as_str().to_owned(),
            architecture: self.architecture.clone(),
            surface: self.surface.clone(),
            intended_use: self.intended_use.clone(),
            out_of_scope_use: self.out_of_scope_use.clone(),
            owners: owners.iter().map(|owner| owner.email.clone()).collect(),
            depends_on: depends_on.iter().map(|model| model.slug.clone()).collect(),
            restricted: self.restricted,
            rows_kept_days: self.rows_kept_days.unwrap_or_default().to_string(),
        }
    }
}

/// A line of the list.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct ModelLine {
    pub slug: String,
    pub name: String,
    pub team_slug: String,
    pub team_name: String,
    #[sqlx(try_from = "String")]
    pub task: Task,
    #[sqlx(try_from = "String")]
    pub risk_tier: RiskTier,
    #[sqlx(try_from = "String")]
    pub stage: Stage,
    pub restricted: bool,
    pub updated_at: i64,
    pub newest_version: Option<String>,
    pub newest_run: Option<i64>,
}

/// A person who answers for a model.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Owner {
    #[sqlx(try_from = "Uuid")]
    pub id: PersonId,
    pub name: String,
    pub email: String,
}

/// A model that another depends on, or that depends on it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Relative {
    #[sqlx(try_from = "Uuid")]
    pub id: ModelId,
    pub slug: String,
    pub name: String,
    #[sqlx(try_from = "Uuid")]
    pub team_id: TeamId,
    pub restricted: bool,
}

/// Which models somebody may see: those that are not restricted, and the restricted ones of these
/// teams. Made by [`crate::actions::registry::visibility`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Visibility {
    All,
    Teams(Vec<TeamId>),
}

impl Visibility {
    /// Whether a model of this team can be seen.
    pub fn shows(&self, team: TeamId, restricted: bool) -> bool {
        !restricted
            || match self {
                Self::All => true,
                Self::Teams(teams) => teams.contains(&team),
            }
    }

    /// The same as a condition on `model m`, to be joined with `and`.
    pub(super) fn push(&self, statement: &mut Statement) {
        match self {
            Self::All => {
                statement.push("true");
            }
            Self::Teams(teams) => {
                statement
                    .push("(not m.restricted or m.team_id in ")
                    .bind_all(teams.iter().map(|team| team.0))
                    .push(")");
            }
        }
    }
}

/// Which models are asked for; what is empty or absent asks for nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelFilter {
    /// Words that slug, name, surface or architecture hold.
    pub search: String,
    /// The team's slug.
    pub team: Option<String>,
    pub task: Option<Task>,
    pub risk_tier: Option<RiskTier>,
    pub stage: Option<Stage>,
}

impl ModelFilter {
    fn push(&self, statement: &mut Statement) {
        if let Some(team) = &self.team {
            statement
                .push(" and m.team_id = (select id from team where slug = ")
                .bind(team.as_str())
                .push(")");
        }
        if let Some(task) = self.task {
            statement.push(" and m.task = ").bind(task.as_str());
        }
        if let Some(risk_tier) = self.risk_tier {
            statement.push(" and m.risk_tier = ").bind(risk_tier.as_str());
        }
        if let Some(stage) = self.stage {
            statement.push(" and m.stage = ").bind(stage.as_str());
        }
        statement.and_holds("m.search_text", &self.search);
    }
}

/// How a list of models is sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ModelSort {
    #[default]
    Name,
    Team,
    Risk,
    Updated,
    NewestRun,
}

impl ModelSort {
    pub const ALL: [Self; 5] = [Self::Name, Self::Team, Self::Risk, Self::Updated, Self::NewestRun];

    /// The word in the URL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Team => "team",
            Self::Risk => "risk",
            Self::Updated => "updated",
            Self::NewestRun => "run",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sort| sort.as_str() == word)
    }

    const fn column(self) -> &'static str {
        match self {
            Self::Name => "m.sort_name",
            Self::Team => "(select t.slug from team t where t.id = m.team_id)",
            Self::Risk => "case m.risk_tier when 'high' then 3 when 'limited' then 2 else 1 end",
            Self::Updated => "m.updated_at",
            Self::NewestRun => {
                "coalesce((select max(r.evaluated_at) from run r \
                 where r.model_id = m.id and r.voided_at is null), 0)"
            }
        }
    }
}

/// One page of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    pub offset: i64,
    pub limit: i64,
}

/// What every read of whole models begins with.
macro_rules! select_model {
    ($rest:literal) => {
        concat!(
            "select m.id, m.slug, m.name, m.team_id, t.slug as team_slug, t.name as team_name, \
             m.task, m.risk_tier, m.stage, m.positive_outcome, m.restricted, m.architecture, \
             m.surface, x.intended_use, x.out_of_scope_use, m.rows_kept_days, m.created_at, \
             m.updated_at, m.version \
             from model m join team t on t.id = m.team_id \
             join model_text x on x.model_id = m.id ",
            $rest
        )
    };
}

impl Store {
    /// A model whoever asks; what is shown to people goes through
    /// [`crate::actions::registry::find_model`].
    pub async fn model_by_slug(&self, slug: &str) -> Result<Option<Model>> {
        const SQL: &str = select_model!("where m.slug = $1");
        Ok(read!(self, db => sqlx::query_as(SQL).bind(slug).fetch_optional(db).await)?)
    }

    pub async fn model(&self, id: ModelId) -> Result<Option<Model>> {
        const SQL: &str = select_model!("where m.id = $1");
        Ok(read!(self, db => sqlx::query_as(SQL).bind(id.0).fetch_optional(db).await)?)
    }

    /// A page of the models that somebody may see, and how many there are in all.
    pub async fn visible_models(
        &self,
        visibility: &Visibility,
        filter: &ModelFilter,
        (sort, descending): (ModelSort, bool),
        window: Window,
    ) -> Result<(Vec<ModelLine>, u64)> {
        let order = |statement: &mut Statement| {
            let direction = if descending { " desc" } else { "" };
            statement.push(" order by ").push(sort.column()).push(direction);
            // Both columns one way, so that an index can be walked in place of a sort.
            match sort {
                ModelSort::Name | ModelSort::Updated => {
                    statement.push(", m.id").push(direction);
                }
                ModelSort::Team | ModelSort::Risk | ModelSort::NewestRun => {
                    statement.push(", m.sort_name, m.id");
                }
            }
        };
        // The page first and what is looked up per line after it, not for every model there is.
        let mut page = Statement::new("with page as (select m.id from model m where ");
        visibility.push(&mut page);
        filter.push(&mut page);
        order(&mut page);
        page.push(" limit ").bind(window.limit).push(" offset ").bind(window.offset);
        page.push(
            ") select m.slug, m.name, t.slug as team_slug, t.name as team_name, m.task, \
             m.risk_tier, m.stage, m.restricted, m.updated_at, \
             (select v.label from model_version v where v.model_id = m.id \
              order by v.created_at desc, v.id desc limit 1) as newest_version, \
             (select max(r.evaluated_at) from run r \
              where r.model_id = m.id and r.voided_at is null) as newest_run \
             from page join model m on m.id = page.id join team t on t.id = m.team_id",
        );
        order(&mut page);
        let lines = read!(self, db =>
            bound!(sqlx::query_as(AssertSqlSafe(page.sql.clone())), page).fetch_all(db).await)?;
        Ok((lines, self.count_models(visibility, filter).await?))
    }

    /// Models that somebody may see, by slug, after one of them: what the API pages through.
    pub async fn models_after(
        &self,
        visibility: &Visibility,
        filter: &ModelFilter,
        after: &str,
        limit: i64,
    ) -> Result<(Vec<Model>, u64)> {
        let mut page = Statement::new(select_model!("where "));
        visibility.push(&mut page);
        filter.push(&mut page);
        page.push(" and m.slug > ").bind(after).push(" order by m.slug limit ").bind(limit);
        let models = read!(self, db =>
            bound!(sqlx::query_as(AssertSqlSafe(page.sql.clone())), page).fetch_all(db).await)?;
        Ok((models, self.count_models(visibility, filter).await?))
    }

    async fn count_models(&self, visibility: &Visibility, filter: &ModelFilter) -> Result<u64> {
        let mut count = Statement::new("select count(*) from model m where ");
        visibility.push(&mut count);
        filter.push(&mut count);
        let total: i64 = read!(self, db =>
            bound!(sqlx::query_scalar(AssertSqlSafe(count.sql.clone())), count)
                .fetch_one(db).await)?;
        Ok(u64::try_from(total).unwrap_or_default())
    }

    /// The slugs of all models that somebody may see.
    pub async fn visible_slugs(&self, visibility: &Visibility) -> Result<Vec<String>> {
        let mut statement = Statement::new("select m.slug from model m where ");
        visibility.push(&mut statement);
        statement.push(" order by m.slug");
        Ok(read!(self, db =>
            bound!(sqlx::query_scalar(AssertSqlSafe(statement.sql.clone())), statement)
                .fetch_all(db).await)?)
    }

    /// Slug and name of the models of these teams, by name.
    pub async fn models_of_teams(&self, teams: &[TeamId]) -> Result<Vec<(String, String)>> {
        let mut statement = Statement::new("select slug, name from model m where m.team_id in ");
        statement.bind_all(teams.iter().map(|team| team.0)).push(" order by m.sort_name, m.id");
        Ok(read!(self, db =>
            bound!(sqlx::query_as(AssertSqlSafe(statement.sql.clone())), statement)
                .fetch_all(db).await)?)
    }

    pub async fn owners_of(&self, model: ModelId) -> Result<Vec<Owner>> {
        const SQL: &str = "select p.id, p.name, p.email from model_owner o \
             join person p on p.id = o.person_id where o.model_id = $1 order by p.name, p.email";
        Ok(read!(self, db => sqlx::query_as(SQL).bind(model.0).fetch_all(db).await)?)
    }

    /// What a model depends on.
    pub async fn dependencies_of(&self, model: ModelId) -> Result<Vec<Relative>> {
        const SQL: &str = "select m.id, m.slug, m.name, m.team_id, m.restricted \
             from model_dependency d join model m on m.id = d.depends_on_id \
             where d.model_id = $1 order by m.slug";
        Ok(read!(self, db => sqlx::query_as(SQL).bind(model.0).fetch_all(db).await)?)
    }

    /// What depends on a model.
    pub async fn dependents_of(&self, model: ModelId) -> Result<Vec<Relative>> {
        const SQL: &str = "select m.id, m.slug, m.name, m.team_id, m.restricted \
             from model_dependency d join model m on m.id = d.model_id \
             where d.depends_on_id = $1 order by m.slug";
        Ok(read!(self, db => sqlx::query_as(SQL).bind(model.0).fetch_all(db).await)?)
    }
}

/// What of a checked model is known by id.
#[derive(Clone, Debug)]
pub struct ModelLinks {
    pub team: TeamId,
    pub owners: Vec<PersonId>,
    pub depends_on: Vec<ModelId>,
}

/// The model in the audit log.
fn account(model: &NewModel) -> Value {
    json!({
        "slug": model.slug,
        "name": model.name,
        "team": model.team,
        "task": model.task,
        "risk_tier": model.risk_tier,
        "stage": model.stage,
        "positive_outcome": model.positive_outcome,
        "architecture": model.architecture,
        "surface": model.surface,
        "intended_use": model.intended_use,
        "out_of_scope_use": model.out_of_scope_use,
        "owners": model.owners,
        "depends_on": model.depends_on,
        "restricted": model.restricted,
        "rows_kept_days": model.rows_kept_days,
    })
}

fn search_text(model: &NewModel) -> String {
    format!("{} {} {} {}", model.slug, model.name, model.surface, model.architecture).to_lowercase()
}

impl Tx {
    pub async fn add_model(
        &mut self,
        _: &Permit<RegisterModel>,
        model: &NewModel,
        links: &ModelLinks,
    ) -> Result<ModelId> {
        const SQL: &str = "insert into model (id, slug, name, team_id, task, risk_tier, stage, \
             positive_outcome, restricted, sort_name, search_text, created_by, created_at, \
             updated_at, version, architecture, surface, rows_kept_days) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13, 1, $14, $15, $16)";
        const TEXT: &str = "insert into model_text (model_id, intended_use, out_of_scope_use) \
             values ($1, $2, $3)";
        let id = ModelId(self.id());
        let (at, by) = (micros(self.at()), self.actor().person.map(|person| person.0));
        let taken = format!("there is already a model `{}`", model.slug);
        in_tx!(self, db => sqlx::query(SQL).bind(id.0).bind(model.slug.as_str())
            .bind(model.name.as_str()).bind(links.team.0).bind(model.task.as_str())
            .bind(model.risk_tier.as_str()).bind(model.stage.as_str())
            .bind(model.positive_outcome.as_str()).bind(model.restricted)
            .bind(model.name.as_str().to_lowercase()).bind(search_text(model)).bind(by).bind(at)
            .bind(&model.architecture).bind(&model.surface).bind(model.rows_kept_days)
            .execute(db).await.map(drop))
        .map_err(or_conflict(&taken))?;
        in_tx!(self, db => sqlx::query(TEXT).bind(id.0).bind(model.intended_use.as_str())
            .bind(model.out_of_scope_use.as_str()).execute(db).await.map(drop))?;
        self.link_model(id, links).await?;
        self.note(Entry::new("model.registered", "model", id).after(account(model)));
        Ok(id)
    }

    /// Describes a model anew.
    ///
    /// # Errors
    /// [`Error::PreconditionFailed`] when it is no longer the version that the editor read.
    pub async fn describe_model(
        &mut self,
        _: &Permit<DescribeModel>,
        id: ModelId,
        version: i64,
        before: &ModelInput,
        model: &NewModel,
        links: &ModelLinks,
    ) -> Result<()> {
        const SQL: &str = "update model set name = $3, team_id = $4, task = $5, risk_tier = $6, \
             stage = $7, positive_outcome = $8, restricted = $9, sort_name = $10, \
             search_text = $11, updated_at = $12, version = version + 1, architecture = $13, \
             surface = $14, rows_kept_days = $15 where id = $1 and version = $2";
        const TEXT: &str = "update model_text set intended_use = $2, out_of_scope_use = $3 \
             where model_id = $1";
        let at = micros(self.at());
        let rows = in_tx!(self, db => sqlx::query(SQL).bind(id.0).bind(version)
            .bind(model.name.as_str()).bind(links.team.0).bind(model.task.as_str())
            .bind(model.risk_tier.as_str()).bind(model.stage.as_str())
            .bind(model.positive_outcome.as_str()).bind(model.restricted)
            .bind(model.name.as_str().to_lowercase()).bind(search_text(model)).bind(at)
            .bind(&model.architecture).bind(&model.surface).bind(model.rows_kept_days)
            .execute(db).await.map(|done| done.rows_affected()))?;
        if rows == 0 {
            return Err(Error::PreconditionFailed(format!("model `{}`", model.slug)));
        }
        in_tx!(self, db => sqlx::query(TEXT).bind(id.0).bind(model.intended_use.as_str())
            .bind(model.out_of_scope_use.as_str()).execute(db).await.map(drop))?;
        self.link_model(id, links).await?;
        if before.rows_kept_days != model.rows_kept_days.unwrap_or_default().to_string() {
            self.keep_rows_for(id, model.rows_kept_days).await?;
        }
        let before = json!(
            before
                .fields()
                .into_iter()
                .map(|field| (field.name, field.text))
                .collect::<std::collections::BTreeMap<_, _>>()
        );
        self.note(Entry::new("model.described", "model", id).before(before).after(account(model)));
        Ok(())
    }

    /// Sets a model's owners and what it depends on.
    async fn link_model(&mut self, id: ModelId, links: &ModelLinks) -> Result<()> {
        const NO_OWNERS: &str = "delete from model_owner where model_id = $1";
        const OWNER: &str = "insert into model_owner (model_id, person_id) values ($1, $2)";
        const NO_DEPENDENCIES: &str = "delete from model_dependency where model_id = $1";
        const DEPENDENCY: &str =
            "insert into model_dependency (model_id, depends_on_id) values ($1, $2)";
        in_tx!(self, db => sqlx::query(NO_OWNERS).bind(id.0).execute(db).await.map(drop))?;
        for owner in &links.owners {
            in_tx!(self, db => sqlx::query(OWNER).bind(id.0).bind(owner.0).execute(db).await
                .map(drop))?;
        }
        in_tx!(self, db => sqlx::query(NO_DEPENDENCIES).bind(id.0).execute(db).await.map(drop))?;
        if links.depends_on.is_empty() {
            return Ok(());
        }
        // Two edits at once could close a circle that neither sees: one waits for the other.
        self.lock_registry().await?;
        for other in &links.depends_on {
            if let Some(slug) = self.reaches(*other, id).await? {
                return Err(Error::Fields(app::form::FieldErrors::one(
                    "depends_on",
                    format!("`{slug}` depends on this model already, so this would be a circle"),
                )));
            }
            in_tx!(self, db => sqlx::query(DEPENDENCY).bind(id.0).bind(other.0).execute(db).await
                .map(drop))?;
        }
        Ok(())
    }

    /// The slug of a model that depends on another, by any number of steps; `None` if it does not.
    async fn reaches(&mut self, from: ModelId, to: ModelId) -> Result<Option<String>> {
        // `union` and not `union all`: what was reached once is not followed again.
        const SQL: &str = "with recursive reached (id) as ( \
                 select d.depends_on_id from model_dependency d where d.model_id = $1 \
                 union \
                 select d.depends_on_id from model_dependency d join reached r on r.id = d.model_id) \
             select m.slug from model m where m.id = $1 \
             and exists (select 1 from reached where id = $2)";
        let slug = in_tx!(self, db => sqlx::query_scalar(SQL).bind(from.0).bind(to.0)
            .fetch_optional(db).await)?;
        Ok(slug)
    }
}
