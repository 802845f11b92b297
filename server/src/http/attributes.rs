//! The attribute registry: the list, editing, and what a lead decides about proposed groups.

use super::edits::{changed, conflict, seen};
use super::models::proposals;
use super::page::done;
use super::{Access, Page, Routes};
use crate::actions::edit_registry::{self, find_attribute};
use crate::actions::registry::{upwards, visibility};
use crate::auth::Actor;
use crate::clock::from_micros;
use crate::error::{Error, Result};
use crate::http::login::local;
use crate::state::App;
use crate::store::models::Visibility;
use app::domain::attribute::{KnownAttribute, Registry, Sensitivity, Standing};
use app::domain::register::{AttributeInput, RegroupingInput};
use app::domain::{AttributeId, ModelId, Permission, Scope};
use app::form::FieldErrors;
use app::number::capitalised;
use app::pages::attributes::{
    AliasView, AttributeFormPage, AttributeFormView, AttributeView, AttributesPage, AttributesView,
    GroupView, RegroupingView,
};
use app::pages::models::model_path;
use app::pages::parts::{Crumb, Section};
use app::pages::proposals::ProposalsView;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum_extra::extract::Form;
use leptos::prelude::*;
use serde::Deserialize;
use std::collections::{BTreeSet, HashMap};
use tower_sessions::Session;

pub fn routes(routes: Routes) -> Routes {
    let edit = Access::May(Permission::EditRegistry);
    let confirm = Access::May(Permission::ConfirmGroups);
    routes
        .get("/attributes", Access::May(Permission::Read), list)
        .get("/attributes/new", edit, new)
        .post("/attributes/new", edit, add)
        .get("/attributes/{attribute}", edit, show_edit)
        .post("/attributes/{attribute}", edit, save)
        .post("/attributes/{attribute}/aliases", edit, add_alias)
        .post("/attributes/{attribute}/regroupings", edit, regroup)
        .post("/models/{model}/groups/accept", confirm, accept)
        .post("/models/{model}/groups/alias", confirm, alias)
}

/// Names of models that somebody may see; of the others not even the name is told.
async fn model_names(
    app: &App,
    visible: &Visibility,
    ids: BTreeSet<ModelId>,
) -> Result<HashMap<ModelId, String>> {
    let mut names = HashMap::new();
    for id in ids {
        if let Some(model) = app.store.model(id).await?
            && visible.shows(model.team_id, model.restricted)
        {
            names.insert(id, model.name);
        }
    }
    Ok(names)
}

fn shown(
    registry: &Registry,
    known: &KnownAttribute,
    names: &HashMap<ModelId, String>,
) -> AttributeView {
    let alias = |alias: &str, model: Option<ModelId>, group: Option<&str>| {
        let model = match model {
            Some(id) => Some(names.get(&id)?.clone()),
            None => None,
        };
        Some(AliasView { alias: alias.to_owned(), group: group.map(str::to_owned), model })
    };
    let of_attribute = registry
        .attribute_aliases()
        .into_iter()
        .filter(|(_, _, name)| *name == known.name)
        .filter_map(|(name, model, _)| alias(name, model, None));
    let of_groups = registry
        .group_aliases(&known.name)
        .into_iter()
        .filter_map(|(name, model, group)| alias(name, model, Some(group)));
    AttributeView {
        id: known.id.to_string(),
        name: known.name.clone(),
        description: known.description.clone(),
        is_sensitive: known.sensitivity == Sensitivity::Sensitive,
        is_confirmed: known.standing == Standing::Confirmed,
        groups: known
            .groups
            .iter()
            .map(|group| GroupView {
                name: group.name.clone(),
                is_confirmed: group.standing == Standing::Confirmed,
            })
            .collect(),
        aliases: of_attribute.chain(of_groups).collect(),
        regroupings: registry
            .regroupings(std::slice::from_ref(&known.name))
            .map(|it| RegroupingView {
                kind: it.kind(),
                words: it.words(),
                since: from_micros(it.since),
                reason: it.reason.clone(),
            })
            .collect(),
    }
}

/// The models that some alias holds for.
fn aliasing(registry: &Registry) -> BTreeSet<ModelId> {
    let of_attributes = registry.attribute_aliases().into_iter().filter_map(|(_, model, _)| model);
    let of_groups = registry
        .attributes()
        .flat_map(|known| registry.group_aliases(&known.name))
        .filter_map(|(_, model, _)| model);
    of_attributes.chain(of_groups).collect()
}

async fn list(State(app): State<App>, actor: Actor, page: Page) -> Result<Response> {
    let registry = app.store.registry().await?;
    let visible = visibility(&app, &actor).await?;
    let names = model_names(&app, &visible, aliasing(&registry)).await?;
    let view = AttributesView {
        version: registry.version,
        proposals: all_proposals(&app, &actor, &registry, &visible).await?,
        attributes: registry.attributes().map(|known| shown(&registry, known, &names)).collect(),
        may_edit: actor.may(Permission::EditRegistry, Scope::Organisation),
    };
    Ok(page
        .title("Attributes")
        .section(Section::Attributes)
        .html(move || view! { <AttributesPage view=view /> }))
}

async fn all_proposals(
    app: &App,
    actor: &Actor,
    registry: &Registry,
    visible: &Visibility,
) -> Result<Vec<ProposalsView>> {
    let proposing: BTreeSet<ModelId> = registry
        .attributes()
        .flat_map(|known| &known.groups)
        .filter(|group| group.standing == Standing::Proposed)
        .filter_map(|group| group.proposed_by)
        .collect();
    let teams = app.store.teams().await?;
    let mut all = vec![];
    for id in proposing {
        let Some(model) = app.store.model(id).await? else { continue };
        if visible.shows(model.team_id, model.restricted) {
            let lineage = upwards(&teams, model.team_id);
            let may = actor.may(Permission::ConfirmGroups, Scope::Team(&lineage));
            all.push(proposals(registry, &model, may));
        }
    }
    Ok(all)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct AttributeFields {
    name: String,
    description: String,
    sensitivity: String,
    groups: String,
    version: i64,
    seen: String,
}

impl AttributeFields {
    fn input(&self) -> AttributeInput {
        AttributeInput {
            name: self.name.clone(),
            description: self.description.clone(),
            sensitivity: self.sensitivity.clone(),
            groups: self.groups.clone(),
        }
    }
}

fn form(page: Page, view: AttributeFormView) -> Response {
    let here = view.attribute.as_ref().map_or("Add".to_owned(), |known| known.name.clone());
    page.title(here.clone())
        .section(Section::Attributes)
        .crumbs(vec![Crumb::to("Attributes", "/attributes"), Crumb::here(here)])
        .html(move || view! { <AttributeFormPage view=view /> })
}

fn blank(input: AttributeInput, errors: FieldErrors) -> AttributeFormView {
    AttributeFormView {
        input,
        errors,
        editing: None,
        conflict: None,
        attribute: None,
        regrouping: RegroupingInput::default(),
        regrouping_errors: FieldErrors::default(),
        alias_errors: FieldErrors::default(),
        alias_typed: (String::new(), String::new()),
    }
}

async fn new(page: Page) -> Response {
    form(page, blank(AttributeInput::default(), FieldErrors::default()))
}

async fn add(
    State(app): State<App>,
    actor: Actor,
    page: Page,
    session: Session,
    Form(fields): Form<AttributeFields>,
) -> Result<Response> {
    let input = fields.input();
    match edit_registry::add_attribute(&app, &actor, &input).await {
        Ok(()) => done(&session, "/attributes", format!("{} is added.", input.name.trim())).await,
        Err(Error::Fields(errors)) => Ok(form(page.refused(), blank(input, errors))),
        Err(Error::Conflict(message)) => {
            Ok(form(page.refused(), blank(input, FieldErrors::one("name", message))))
        }
        Err(error) => Err(error),
    }
}

fn input_of(known: &KnownAttribute) -> AttributeInput {
    AttributeInput {
        name: known.name.clone(),
        description: known.description.clone(),
        sensitivity: known.sensitivity.as_str().to_owned(),
        groups: known.confirmed_groups().collect::<Vec<_>>().join("\n"),
    }
}

/// The form of an attribute as it stands now.
async fn editing(app: &App, actor: &Actor, known: &KnownAttribute) -> Result<AttributeFormView> {
    let registry = app.store.registry().await?;
    let visible = visibility(app, actor).await?;
    let names = model_names(app, &visible, aliasing(&registry)).await?;
    let input = input_of(known);
    Ok(AttributeFormView {
        editing: Some((known.version, seen(&input.fields()))),
        attribute: Some(shown(&registry, known, &names)),
        ..blank(input, FieldErrors::default())
    })
}

async fn show_edit(
    State(app): State<App>,
    actor: Actor,
    page: Page,
    Path(id): Path<AttributeId>,
) -> Result<Response> {
    let known = find_attribute(&app, id).await?;
    Ok(form(page, editing(&app, &actor, &known).await?))
}

async fn save(
    State(app): State<App>,
    actor: Actor,
    page: Page,
    session: Session,
    Path(id): Path<AttributeId>,
    Form(fields): Form<AttributeFields>,
) -> Result<Response> {
    let known = find_attribute(&app, id).await?;
    let mut input = AttributeInput { name: known.name.clone(), ..fields.input() };
    let outcome = edit_registry::edit_attribute(&app, &actor, &known, fields.version, &input).await;
    let view = editing(&app, &actor, &known).await?;
    match outcome {
        Ok(()) => done(&session, "/attributes", format!("{} is saved.", known.name)).await,
        Err(Error::Fields(errors)) => {
            let editing = Some((fields.version, fields.seen));
            Ok(form(page.refused(), AttributeFormView { input, errors, editing, ..view }))
        }
        Err(Error::PreconditionFailed(_)) => {
            let theirs = input_of(&known);
            let changes = changed(&fields.seen, &theirs.fields(), &input.fields());
            for change in changes.iter().filter(|change| !change.is_both) {
                match change.name {
                    "description" => input.description.clone_from(&theirs.description),
                    _ => input.sensitivity.clone_from(&theirs.sensitivity),
                }
            }
            let told = conflict(&app, "attribute", known.id, changes).await?;
            let view = AttributeFormView { input, conflict: Some(told), ..view };
            Ok(form(page.status(StatusCode::CONFLICT), view))
        }
        Err(error) => Err(error),
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct AliasFields {
    alias: String,
    group: String,
}

async fn add_alias(
    State(app): State<App>,
    actor: Actor,
    page: Page,
    session: Session,
    Path(id): Path<AttributeId>,
    Form(fields): Form<AliasFields>,
) -> Result<Response> {
    let known = find_attribute(&app, id).await?;
    let (alias, group) = (fields.alias, fields.group);
    let errors = match edit_registry::add_alias(&app, &actor, &known.name, &alias, &group).await {
        Ok(()) => {
            let said = format!("{} is another name now.", alias.trim());
            return done(&session, &format!("/attributes/{id}"), said).await;
        }
        Err(Error::Fields(errors)) => errors,
        Err(Error::Conflict(message)) => FieldErrors::one("alias", message),
        Err(error) => return Err(error),
    };
    let view = AttributeFormView {
        alias_errors: errors,
        alias_typed: (alias, group),
        ..editing(&app, &actor, &known).await?
    };
    Ok(form(page.refused(), view))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RegroupingFields {
    before: String,
    after: String,
    since: String,
    reason: String,
}

async fn regroup(
    State(app): State<App>,
    actor: Actor,
    page: Page,
    session: Session,
    Path(id): Path<AttributeId>,
    Form(fields): Form<RegroupingFields>,
) -> Result<Response> {
    let known = find_attribute(&app, id).await?;
    let RegroupingFields { before, after, since, reason } = fields;
    let input = RegroupingInput { before, after, since, reason };
    match edit_registry::regroup(&app, &actor, &known, &input).await {
        Ok(regrouping) => {
            let said = format!("{}: {}.", regrouping.kind(), regrouping.words());
            done(&session, &format!("/attributes/{id}"), capitalised(&said)).await
        }
        Err(Error::Fields(errors)) => {
            let view = AttributeFormView {
                regrouping: input,
                regrouping_errors: errors,
                ..editing(&app, &actor, &known).await?
            };
            Ok(form(page.refused(), view))
        }
        Err(error) => Err(error),
    }
}

/// What a lead says about groups that a model proposed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct GroupFields {
    attribute: String,
    /// Empty: all groups, or the attribute itself.
    group: String,
    target: String,
    /// The page to go back to; the model's where none is named.
    next: String,
}

impl GroupFields {
    fn back(&self, slug: &str) -> String {
        if self.next.is_empty() { model_path(slug) } else { local(&self.next).to_owned() }
    }
}

async fn accept(
    State(app): State<App>,
    actor: Actor,
    session: Session,
    Path(slug): Path<String>,
    Form(fields): Form<GroupFields>,
) -> Result<Response> {
    let back = fields.back(&slug);
    let GroupFields { attribute, group, .. } = fields;
    if !group.is_empty() {
        edit_registry::accept_group(&app, &actor, &slug, (&attribute, &group)).await?;
        return done(&session, &back, format!("{group} is confirmed.")).await;
    }
    let accepted = edit_registry::accept_groups(&app, &actor, &slug).await?;
    let said = match accepted {
        0 => "Nothing was left to accept.".to_owned(),
        1 => "One group is confirmed.".to_owned(),
        n => format!("{n} groups are confirmed."),
    };
    done(&session, &back, said).await
}

async fn alias(
    State(app): State<App>,
    actor: Actor,
    session: Session,
    Path(slug): Path<String>,
    Form(fields): Form<GroupFields>,
) -> Result<Response> {
    let back = fields.back(&slug);
    let GroupFields { attribute, group, target, .. } = fields;
    edit_registry::alias(&app, &actor, &slug, (&attribute, &group), &target).await?;
    let what = if group.is_empty() { attribute } else { group };
    done(&session, &back, format!("{what} stands for {target} in this model now.")).await
}
