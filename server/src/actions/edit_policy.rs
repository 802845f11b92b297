//! Write a policy: each save is a version of its own.

use crate::actions::findings::refresh_after;
use crate::actions::{TRIES, unsettled};
use crate::audit::sha256_hex;
use crate::auth::Actor;
use crate::auth::permit::EditPolicy;
use crate::error::{Error, Result};
use crate::state::App;
use crate::store::policies::{NewPolicyVersion, PolicyVersion};
use app::domain::policy::{Draft, Policy, parse};
use app::domain::{PolicyVersionId, Prose, Scope, Slug, TeamId};
use app::form::FieldErrors;
use app::upload::canonical::canonical;
use metrics::Problem;
use std::collections::HashSet;

/// A policy as its editor typed it.
#[derive(Clone, Debug, Default)]
pub struct PolicyInput {
    /// Only asked for once.
    pub slug: String,
    /// The slug of the team that it is for; empty: the whole organisation.
    pub team: String,
    pub source: String,
    /// Why it is written, or changed.
    pub note: String,
}

/// A new policy.
///
/// # Errors
/// [`Error::Fields`] with everything that is wrong, each problem of the text at its line.
pub async fn add(app: &App, actor: &Actor, input: &PolicyInput) -> Result<PolicyVersionId> {
    let mut errors = FieldErrors::default();
    let slug = errors.check("slug", Slug::new(&input.slug));
    if slug.as_ref().is_some_and(|slug| slug.as_str() == "new") {
        errors.add("slug", "this word has another meaning; use a different one");
    }
    let team = match input.team.as_str() {
        "" => None,
        team => match app.store.team_by_slug(team).await? {
            Some(team) => Some(team.id),
            None => {
                errors.add("team", format!("there is no team `{team}`"));
                None
            }
        },
    };
    let permit = permit(app, actor, team).await?;
    let own = slug.as_ref().map(|slug| slug.as_str().to_owned()).unwrap_or_default();
    for _ in 0..TRIES {
        let seen = app.store.audit_head().await?.size;
        let mut errors = errors.clone();
        let written = write(app, actor, &own, team, input, &mut errors).await?;
        let (Some(slug), Some(written), true) = (&slug, written, errors.is_empty()) else {
            return Err(errors.into());
        };
        let mut tx = app.store.begin(&actor.by(), &app.clock).await?;
        if !tx.policies_stand_since(seen).await? {
            continue;
        }
        let id = tx.add_policy(&permit, slug, team, &written.version(actor, input)?).await;
        let id = id.map_err(|error| match error {
            Error::Conflict(message) => FieldErrors::one("slug", message).into(),
            other => other,
        })?;
        tx.commit().await?;
        refresh_after(app, None).await;
        return Ok(id);
    }
    Err(unsettled())
}

/// The next version of a policy, if `read` is still its newest.
///
/// # Errors
/// [`Error::Fields`] with everything that is wrong; [`Error::PreconditionFailed`] when somebody
/// wrote a version meanwhile.
pub async fn save(
    app: &App,
    actor: &Actor,
    before: &PolicyVersion,
    read: i64,
    input: &PolicyInput,
) -> Result<PolicyVersionId> {
    let permit = permit(app, actor, before.team).await?;
    for _ in 0..TRIES {
        let seen = app.store.audit_head().await?.size;
        let mut errors = FieldErrors::default();
        let written = write(app, actor, &before.slug, before.team, input, &mut errors).await?;
        if read == before.number && input.source == before.source {
            errors.add("source", "nothing was changed");
        }
        let (Some(written), true) = (written, errors.is_empty()) else {
            return Err(errors.into());
        };
        let mut tx = app.store.begin(&actor.by(), &app.clock).await?;
        if !tx.policies_stand_since(seen).await? {
            continue;
        }
        let version = written.version(actor, input)?;
        let id = tx.add_policy_version(&permit, before.policy_id, read, &version).await?;
        tx.commit().await?;
        refresh_after(app, None).await;
        return Ok(id);
    }
    Err(unsettled())
}

/// Whether the actor may write policies of a team, or of the organisation.
///
/// # Errors
/// [`Error::Forbidden`].
pub async fn permit(
    app: &App,
    actor: &Actor,
    team: Option<TeamId>,
) -> Result<crate::auth::Permit<EditPolicy>> {
    match team {
        None => actor.permit(Scope::Organisation),
        Some(team) => actor.permit(Scope::Team(&app.store.lineage(team).await?)),
    }
}

struct Written {
    policy: Policy,
    resolved: String,
    digest: String,
    extends: Option<PolicyVersionId>,
}

impl Written {
    fn version<'a>(
        &'a self,
        actor: &Actor,
        input: &'a PolicyInput,
    ) -> Result<NewPolicyVersion<'a>> {
        Ok(NewPolicyVersion {
            source: &input.source,
            policy: &self.policy,
            resolved: &self.resolved,
            digest: &self.digest,
            extends: self.extends,
            editor: actor.person()?,
            note: input.note.trim(),
        })
    }
}

async fn write(
    app: &App,
    actor: &Actor,
    slug: &str,
    team: Option<TeamId>,
    input: &PolicyInput,
    errors: &mut FieldErrors,
) -> Result<Option<Written>> {
    actor.person()?;
    match Prose::new(&input.note) {
        Ok(note) if note.as_str().trim().is_empty() => errors.add("note", "say why"),
        Ok(_) => {}
        Err(error) => errors.add("note", error.to_string()),
    }
    let all = app.store.policies().await?;
    let (policy, extends) = match read(app, slug, &input.source, &all).await? {
        Ok(read) => read,
        Err(problems) => {
            for problem in problems {
                errors.add("source", problem.to_string());
            }
            return Ok(None);
        }
    };
    // Two policies for the same models would leave open which one holds.
    for other in all.iter().filter(|other| other.slug != slug && other.team == team) {
        let (ours, theirs) = (&policy.applies_to, &other.policy.applies_to);
        let task = ours.tasks.iter().find(|task| theirs.tasks.contains(task));
        let tier = ours.risk_tiers.iter().find(|tier| theirs.risk_tiers.contains(tier));
        if let (Some(task), Some(tier)) = (task, tier) {
            errors.add(
                "source",
                format!(
                    "[applies_to]: {task} of {tier} risk has the policy `{}` already; take it out \
                     of one of them",
                    other.slug
                ),
            );
        }
    }
    if policy.rules.is_empty() {
        errors.add("source", "neither the policy nor what it extends has a rule");
    }
    let resolved = canonical_text(&policy)?;
    let digest = format!("sha256:{}", sha256_hex(&resolved));
    let stored =
        serde_json::to_string(&policy).map_err(|error| Error::Internal(error.to_string()))?;
    Ok(Some(Written { policy, resolved: stored, digest, extends }))
}

/// Reads the text of a policy and puts the newest version of what it extends in front; or every
/// problem of the text, each at its line.
pub async fn read(
    app: &App,
    slug: &str,
    source: &str,
    all: &[PolicyVersion],
) -> Result<Result<(Policy, Option<PolicyVersionId>), Vec<Problem>>> {
    let draft = match parse(source) {
        Ok(draft) => draft,
        Err(problems) => return Ok(Err(problems)),
    };
    Ok(match base_of(app, slug, &draft, all).await? {
        Ok(base) => {
            let policy = draft.resolve(base.as_ref().map(|base| &base.policy));
            Ok((policy, base.map(|base| base.id)))
        }
        Err(message) => Err(vec![Problem::new("cannot_extend", message)]),
    })
}

fn canonical_text(policy: &Policy) -> Result<String> {
    let value = serde_json::to_value(policy).map_err(|error| Error::Internal(error.to_string()))?;
    Ok(canonical(&value))
}

/// The newest version of what a draft extends, or why it cannot extend it.
async fn base_of(
    app: &App,
    slug: &str,
    draft: &Draft,
    all: &[PolicyVersion],
) -> Result<Result<Option<PolicyVersion>, String>> {
    let Some(extends) = &draft.extends else { return Ok(Ok(None)) };
    let Some(base) = all.iter().find(|other| other.slug == *extends) else {
        let near = app::domain::attribute::nearest(extends, all.iter().map(|p| p.slug.as_str()));
        let hint = near.map(|near| format!("; is it `{near}`?")).unwrap_or_default();
        return Ok(Err(format!("extends: there is no policy `{extends}`{hint}")));
    };
    // Each version pins its base, so that a chain ends; it must not lead through this policy.
    let (mut seen, mut at) = (HashSet::new(), Some(base.clone()));
    while let Some(version) = at {
        if version.slug == slug || !seen.insert(version.id) {
            return Ok(Err(format!(
                "extends: `{extends}` extends `{slug}` in its turn, which would be a circle"
            )));
        }
        at = match version.extends {
            Some(id) => app.store.policy_version(id).await?,
            None => None,
        };
    }
    Ok(Ok(Some(base.clone())))
}
