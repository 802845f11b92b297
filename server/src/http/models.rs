//! Models: the list, a model's page, registering and describing.

use super::edits::{changed, conflict, seen};
use super::page::done;
use super::{Access, Page, Routes};
use crate::actions::register_model;
use crate::actions::registry::{find_model, teams_where, visibility};
use crate::auth::Actor;
use crate::clock::from_micros;
use crate::error::{Error, Result};
use crate::state::App;
use crate::store::attributes::proposals_of;
use crate::store::models::{
    Model, ModelFilter, ModelLine, ModelSort, Relative, Visibility, Window,
};
use app::domain::attribute::{Registry, Standing};
use app::domain::register::{ModelInput, ROWS_KEPT_DAYS, split_list};
use app::domain::{ModelId, Permission, Scope};
use app::form::FieldErrors;
use app::pages::model::{ModelPage, ModelView, VersionRow};
use app::pages::model_form::{ModelFormPage, ModelFormView};
use app::pages::models::{ModelChoices, ModelRow, ModelsPage, ModelsView, PER_PAGE, model_path};
use app::pages::parts::{ConflictView, Crumb, Section};
use app::pages::proposals::{Proposal, ProposalsView};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum_extra::extract::{Form, Query};
use leptos::prelude::*;
use serde::Deserialize;
use tower_sessions::Session;

pub fn routes(routes: Routes) -> Routes {
    let read = Access::May(Permission::Read);
    let register = Access::May(Permission::RegisterModel);
    let describe = Access::May(Permission::DescribeModel);
    routes
        .get("/models", read, list)
        .get("/models/new", register, new)
        .post("/models/new", register, add)
        .get("/models/{model}", read, show)
        .get("/models/{model}/edit", describe, edit)
        .post("/models/{model}/edit", describe, save)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ListQuery {
    q: String,
    team: String,
    task: String,
    risk: String,
    stage: String,
    sort: String,
    desc: String,
    page: String,
}

impl ListQuery {
    /// What is asked for. A word that nobody knows finds nothing, rather than everything.
    fn filter(&self) -> Result<ModelFilter> {
        fn word<T: std::str::FromStr<Err = String>>(text: &str) -> Result<Option<T>> {
            if text.is_empty() {
                return Ok(None);
            }
            text.parse().map(Some).map_err(Error::BadRequest)
        }
        Ok(ModelFilter {
            search: self.q.clone(),
            team: (!self.team.is_empty()).then(|| self.team.clone()),
            task: word(&self.task)?,
            risk_tier: word(&self.risk)?,
            stage: word(&self.stage)?,
        })
    }
}

/// The number of a page in the URL, from 1; what is no number is the first.
pub(super) fn page_number(text: &str) -> u64 {
    text.parse().unwrap_or(1).clamp(1, 1_000_000)
}

/// The rows of a page.
pub(super) fn window(page: u64, per_page: u64) -> Window {
    let int = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    Window { offset: int((page - 1) * per_page), limit: int(per_page) }
}

async fn list(
    State(app): State<App>,
    actor: Actor,
    page: Page,
    Query(query): Query<ListQuery>,
) -> Result<Response> {
    let filter = query.filter()?;
    let sort = ModelSort::parse(&query.sort).unwrap_or_default();
    let descending = query.desc == "true";
    let number = page_number(&query.page);
    let visibility = visibility(&app, &actor).await?;
    let (lines, total) = app
        .store
        .visible_models(&visibility, &filter, (sort, descending), window(number, PER_PAGE))
        .await?;
    let teams = app.store.teams().await?;
    let view = ModelsView {
        rows: lines.into_iter().map(row).collect(),
        total,
        page: number,
        choices: ModelChoices {
            search: query.q.trim().to_owned(),
            team: query.team,
            task: query.task,
            risk_tier: query.risk,
            stage: query.stage,
            sort: query.sort,
            descending,
        },
        teams: teams.into_iter().map(|team| (team.slug, team.name)).collect(),
        may_register: actor.may(Permission::RegisterModel, Scope::Anywhere),
        base_url: app.base_url(),
    };
    Ok(page
        .title("Models")
        .section(Section::Models)
        .html(move || view! { <ModelsPage view=view /> }))
}

fn row(line: ModelLine) -> ModelRow {
    ModelRow {
        slug: line.slug,
        name: line.name,
        team_slug: line.team_slug,
        team_name: line.team_name,
        task: line.task,
        risk_tier: line.risk_tier,
        stage: line.stage,
        restricted: line.restricted,
        newest_version: line.newest_version,
        newest_run: line.newest_run.map(from_micros),
        updated_at: from_micros(line.updated_at),
    }
}

async fn show(
    State(app): State<App>,
    actor: Actor,
    page: Page,
    Path(slug): Path<String>,
) -> Result<Response> {
    let model = find_model(&app, &actor, &slug).await?;
    let lineage = app.store.lineage(model.team_id).await?;
    let visible = visibility(&app, &actor).await?;
    let may = |permission| actor.may(permission, Scope::Team(&lineage));
    let registry = app.store.registry().await?;
    let owners = app.store.owners_of(model.id).await?;
    let versions = app.store.versions_of(model.id).await?;
    let named = |relatives: Vec<Relative>| named(&visible, relatives);
    let view = ModelView {
        proposals: ProposalsView {
            names_model: false,
            ..proposals(&registry, &model, may(Permission::ConfirmGroups))
        },
        owners: owners.into_iter().map(|owner| (owner.name, owner.email)).collect(),
        depends_on: named(app.store.dependencies_of(model.id).await?),
        depended_on_by: named(app.store.dependents_of(model.id).await?),
        versions: versions
            .into_iter()
            .map(|version| VersionRow {
                label: version.label,
                commit: version.commit_ref,
                artifact_digest: version.artifact_digest,
                runs: u64::try_from(version.runs).unwrap_or_default(),
                created_by: version.created_by_name,
                created_at: from_micros(version.created_at),
            })
            .collect(),
        may_describe: may(Permission::DescribeModel),
        may_register: may(Permission::RegisterModel),
        slug: model.slug,
        name: model.name.clone(),
        team_slug: model.team_slug,
        team_name: model.team_name,
        task: model.task,
        risk_tier: model.risk_tier,
        stage: model.stage,
        positive_outcome: model.positive_outcome,
        restricted: model.restricted,
        architecture: model.architecture,
        surface: model.surface,
        intended_use: model.intended_use,
        out_of_scope_use: model.out_of_scope_use,
        rows_kept_days: model.rows_kept_days,
        registered_at: from_micros(model.created_at),
        updated_at: from_micros(model.updated_at),
    };
    Ok(page
        .title(model.name.clone())
        .section(Section::Models)
        .crumbs(vec![Crumb::to("Models", "/models"), Crumb::here(model.name)])
        .html(move || view! { <ModelPage view=view /> }))
}

/// Slug and name of those that may be seen.
fn named(visible: &Visibility, relatives: Vec<Relative>) -> Vec<(String, String)> {
    relatives
        .into_iter()
        .filter(|model| visible.shows(model.team_id, model.restricted))
        .map(|model| (model.slug, model.name))
        .collect()
}

/// What a model proposed and nobody has accepted, with what may have been meant.
pub(super) fn proposals(registry: &Registry, model: &Model, may_confirm: bool) -> ProposalsView {
    let mut proposals = vec![];
    for (attribute, groups) in proposals_of(registry, model.id) {
        proposals.extend(proposals_in(registry, model.id, attribute, &groups));
    }
    ProposalsView {
        model_slug: model.slug.clone(),
        model_name: model.name.clone(),
        names_model: true,
        proposals,
        may_confirm,
    }
}

fn proposals_in(
    registry: &Registry,
    model: ModelId,
    attribute: &str,
    groups: &[&str],
) -> Vec<Proposal> {
    let known = registry.attribute(attribute);
    let is_new = known.is_none_or(|known| known.standing == Standing::Proposed);
    let nearest = |group: &str| registry.nearest_to(model, attribute, group).map(str::to_owned);
    let of_attribute = is_new.then(|| Proposal {
        attribute: attribute.to_owned(),
        group: String::new(),
        nearest: nearest(""),
        known: registry
            .attributes()
            .filter(|known| known.standing == Standing::Confirmed)
            .map(|known| known.name.clone())
            .collect(),
    });
    let of_groups = groups.iter().map(|group| Proposal {
        attribute: attribute.to_owned(),
        group: (*group).to_owned(),
        nearest: if is_new { None } else { nearest(group) },
        known: match known {
            Some(known) if !is_new => known.confirmed_groups().map(str::to_owned).collect(),
            _ => vec![],
        },
    });
    of_attribute.into_iter().chain(of_groups).collect()
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ModelFields {
    slug: String,
    name: String,
    team: String,
    task: String,
    risk_tier: String,
    stage: String,
    positive_outcome: String,
    architecture: String,
    surface: String,
    intended_use: String,
    out_of_scope_use: String,
    owners: String,
    depends_on: String,
    restricted: Option<String>,
    rows_kept_days: String,
    version: i64,
    seen: String,
}

impl ModelFields {
    fn input(self, slug: Option<&str>) -> ModelInput {
        ModelInput {
            slug: slug.map_or(self.slug, str::to_owned),
            name: self.name,
            team: self.team,
            task: self.task,
            risk_tier: self.risk_tier,
            stage: self.stage,
            positive_outcome: self.positive_outcome,
            architecture: self.architecture,
            surface: self.surface,
            intended_use: self.intended_use,
            out_of_scope_use: self.out_of_scope_use,
            owners: split_list(&self.owners),
            depends_on: split_list(&self.depends_on),
            restricted: self.restricted.is_some(),
            rows_kept_days: self.rows_kept_days,
        }
    }
}

fn form(page: Page, view: ModelFormView) -> Response {
    let crumbs = match &view.editing {
        None => vec![Crumb::to("Models", "/models"), Crumb::here("Register")],
        Some(_) => vec![
            Crumb::to("Models", "/models"),
            Crumb::to(view.input.slug.clone(), model_path(&view.input.slug)),
            Crumb::here("Edit"),
        ],
    };
    let title = if view.editing.is_some() { "Edit a model" } else { "Register a model" };
    page.title(title)
        .section(Section::Models)
        .crumbs(crumbs)
        .html(move || view! { <ModelFormPage view=view /> })
}

/// Slug and name of the teams in which the actor may do something with models.
async fn team_choices(
    app: &App,
    actor: &Actor,
    permission: Permission,
) -> Result<Vec<(String, String)>> {
    let teams = teams_where(app, actor, permission).await?;
    Ok(teams.into_iter().map(|team| (team.slug, team.name)).collect())
}

async fn new(State(app): State<App>, actor: Actor, page: Page) -> Result<Response> {
    let teams = team_choices(&app, &actor, Permission::RegisterModel).await?;
    let team = match teams.as_slice() {
        [(slug, _)] => slug.clone(),
        _ => String::new(),
    };
    let input = ModelInput {
        team,
        owners: vec![actor.email.clone()],
        positive_outcome: "favourable".to_owned(),
        rows_kept_days: ROWS_KEPT_DAYS.to_string(),
        ..ModelInput::default()
    };
    Ok(form(
        page,
        ModelFormView {
            input,
            errors: FieldErrors::default(),
            teams,
            editing: None,
            conflict: None,
        },
    ))
}

async fn add(
    State(app): State<App>,
    actor: Actor,
    page: Page,
    session: Session,
    Form(fields): Form<ModelFields>,
) -> Result<Response> {
    let input = fields.input(None);
    let errors = match register_model::register(&app, &actor, &input).await {
        Ok(model) => {
            let said = format!("{} is registered. Its first version comes next.", model.name);
            return done(&session, &model_path(&model.slug), said).await;
        }
        Err(Error::Fields(errors)) => errors,
        Err(Error::Conflict(message)) => FieldErrors::one("slug", message),
        Err(error) => return Err(error),
    };
    let teams = team_choices(&app, &actor, Permission::RegisterModel).await?;
    let view = ModelFormView { input, errors, teams, editing: None, conflict: None };
    Ok(form(page.refused(), view))
}

/// The model and what an editor who may see all its dependencies would read.
async fn read_for_edit(app: &App, actor: &Actor, slug: &str) -> Result<(Model, ModelInput)> {
    let model = find_model(app, actor, slug).await?;
    let lineage = app.store.lineage(model.team_id).await?;
    actor.permit::<crate::auth::permit::DescribeModel>(Scope::Team(&lineage))?;
    let visible = visibility(app, actor).await?;
    let owners = app.store.owners_of(model.id).await?;
    let depends_on: Vec<_> = app
        .store
        .dependencies_of(model.id)
        .await?
        .into_iter()
        .filter(|other| visible.shows(other.team_id, other.restricted))
        .collect();
    let input = model.input(&owners, &depends_on);
    Ok((model, input))
}

async fn edit(
    State(app): State<App>,
    actor: Actor,
    page: Page,
    Path(slug): Path<String>,
) -> Result<Response> {
    let (model, input) = read_for_edit(&app, &actor, &slug).await?;
    let teams = team_choices(&app, &actor, Permission::DescribeModel).await?;
    let editing = Some((model.version, seen(&input.fields())));
    let view =
        ModelFormView { input, errors: FieldErrors::default(), teams, editing, conflict: None };
    Ok(form(page, view))
}

async fn save(
    State(app): State<App>,
    actor: Actor,
    page: Page,
    session: Session,
    Path(slug): Path<String>,
    Form(fields): Form<ModelFields>,
) -> Result<Response> {
    let (version, read) = (fields.version, fields.seen.clone());
    let mut input = fields.input(Some(&slug));
    let outcome = register_model::describe(&app, &actor, &slug, version, &input).await;
    let teams = team_choices(&app, &actor, Permission::DescribeModel).await?;
    match outcome {
        Ok(model) => {
            done(&session, &model_path(&model.slug), format!("{} is saved.", model.name)).await
        }
        Err(Error::Fields(errors)) => {
            let editing = Some((version, read));
            let view = ModelFormView { input, errors, teams, editing, conflict: None };
            Ok(form(page.refused(), view))
        }
        Err(Error::PreconditionFailed(_)) => {
            let (model, theirs) = read_for_edit(&app, &actor, &slug).await?;
            let changes = changed(&read, &theirs.fields(), &input.fields());
            for change in changes.iter().filter(|change| !change.is_both) {
                input.take(change.name, &theirs);
            }
            let told: ConflictView = conflict(&app, "model", model.id, changes).await?;
            let view = ModelFormView {
                input,
                errors: FieldErrors::default(),
                teams,
                // Saving again goes over the version that was just shown.
                editing: Some((model.version, seen(&theirs.fields()))),
                conflict: Some(told),
            };
            Ok(form(page.status(StatusCode::CONFLICT), view))
        }
        Err(error) => Err(error),
    }
}
