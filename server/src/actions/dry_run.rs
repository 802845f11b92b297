//! What a policy would have said of the launches that were asked for before. Nothing is stored.

use crate::actions::edit_policy::read;
use crate::actions::launches::{content_of, seen};
use crate::actions::readiness::judged;
use crate::actions::replay::evidence_of;
use crate::auth::Actor;
use crate::clock::from_micros;
use crate::error::{Error, Result};
use crate::state::App;
use crate::store::launches::{Launch, Revision};
use crate::store::models::Model;
use app::domain::launch::PolicyContent;
use app::domain::policy::Policy;
use app::domain::verdict::Readiness;
use app::domain::{ModelId, TeamId};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// The rules that are tried.
#[derive(Clone, Debug)]
pub enum Tried {
    /// The newest version of the policy.
    Newest,
    Version(i64),
    /// A text that nobody has saved.
    Text(String),
}

/// A policy, and the launches that it would have judged.
pub struct DryRun {
    pub policy: Policy,
    /// `None`: a text that nobody has saved.
    pub version: Option<i64>,
    /// The newest first; those that the actor may see.
    pub launches: Vec<Launch>,
    /// How many launches that were asked for fall under another policy or none.
    pub not_applicable: usize,
    /// The models of launches; `None` where the policy does not hold.
    models: HashMap<ModelId, Option<(Model, Vec<TeamId>)>>,
}

/// A revision of a launch, judged again.
pub struct Replayed {
    pub revision: Revision,
    /// The policy that judged it then.
    pub policy_then: Option<PolicyContent>,
    /// What the policy that is tried says, as the actor may see it.
    pub readiness: Readiness,
}

/// Finds the launches that a policy is for, as their models are described now.
///
/// # Errors
/// [`Error::Input`] with every problem of the text, [`Error::NotFound`] for a policy or version that
/// is not there.
pub async fn prepare(app: &App, actor: &Actor, slug: &str, tried: Tried) -> Result<DryRun> {
    let versions = app.store.policy_versions(slug).await?;
    let newest = versions.first().ok_or_else(|| Error::not_found("policy"))?;
    let number = match tried {
        Tried::Newest => Some(newest.number),
        Tried::Version(number) => Some(number),
        Tried::Text(_) => None,
    };
    let policy = match tried {
        Tried::Text(source) => {
            let all = app.store.policies().await?;
            read(app, slug, &source, &all).await?.map_err(Error::input)?.0
        }
        Tried::Newest | Tried::Version(_) => {
            let found = versions.iter().find(|version| Some(version.number) == number);
            found.ok_or_else(|| Error::not_found("version of a policy"))?.policy.clone()
        }
    };
    let (mut models, mut launches, mut not_applicable) = (HashMap::new(), vec![], 0);
    for launch in seen(app, actor).await?.into_iter().filter(|launch| launch.revision > 0) {
        let governed = match models.entry(launch.model_id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => {
                let found = governed(app, slug, &policy, newest.team, launch.model_id).await?;
                unknown.insert(found)
            }
        };
        if governed.is_some() {
            launches.push(launch);
        } else {
            not_applicable += 1;
        }
    }
    Ok(DryRun { policy, version: number, launches, not_applicable, models })
}

/// A model with its lineage, if the policy, which belongs to a team or to the organisation, would
/// hold for it.
async fn governed(
    app: &App,
    slug: &str,
    policy: &Policy,
    team: Option<TeamId>,
    id: ModelId,
) -> Result<Option<(Model, Vec<TeamId>)>> {
    let Some(model) = app.store.model(id).await? else { return Ok(None) };
    let lineage = app.store.lineage(model.team_id).await?;
    // How far up a team stands; the organisation stands above every team.
    let distance = |team: Option<TeamId>| match team {
        None => Some(lineage.len()),
        Some(team) => lineage.iter().position(|above| *above == team),
    };
    let to = &policy.applies_to;
    let applies = to.tasks.contains(&model.task) && to.risk_tiers.contains(&model.risk_tier);
    let holds = app.store.policy_for(model.task, model.risk_tier, &lineage).await?;
    let other = holds.filter(|other| other.slug != slug).and_then(|other| distance(other.team));
    let is_nearest = distance(team).is_some_and(|own| other.is_none_or(|other| own <= other));
    Ok((applies && is_nearest).then_some((model, lineage)))
}

impl DryRun {
    /// Judges every revision of one of the launches again, on the evidence and the waivers of when
    /// it was asked for; the newest first.
    pub async fn replay(&self, app: &App, actor: &Actor, launch: &Launch) -> Result<Vec<Replayed>> {
        let known = self.models.get(&launch.model_id).and_then(Option::as_ref);
        let (model, lineage) = known.ok_or_else(|| Error::not_found("model"))?;
        let mut replayed = vec![];
        for revision in app.store.revisions(launch.id).await? {
            let content = content_of(&revision)?;
            let evidence = evidence_of(&app.store, launch, &revision, &content).await?;
            let at = from_micros(revision.requested_at);
            let mut report = judged(&app.store, model, Some(&self.policy), evidence, at).await?;
            report.hide_small_cells(app, actor, lineage);
            replayed.push(Replayed {
                policy_then: content.policy,
                readiness: report.readiness,
                revision,
            });
        }
        Ok(replayed)
    }
}
