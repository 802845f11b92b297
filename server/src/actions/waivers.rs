//! Ask for a waiver, approve, refuse or end it.

use crate::actions::findings::refresh_after;
use crate::actions::readiness;
use crate::actions::register_version;
use crate::actions::registry::{find_model, may_see_model, visibility};
use crate::auth::Actor;
use crate::auth::permit::{ApproveWaiver, AskWaiver};
use crate::clock::{day, micros};
use crate::error::{Error, Result};
use crate::state::App;
use crate::store::models::Model;
use crate::store::versions::Version;
use crate::store::waivers::{NewWaiver, Waiver};
use app::domain::policy::Mode;
use app::domain::verdict::Verdict;
use app::domain::{Email, PersonId, Prose, Scope, WaiverId};
use app::form::FieldErrors;
use metrics::Slice;
use time::Duration;

/// A waiver ends at most this many days after it was asked for.
pub const MOST_DAYS: i64 = 180;

/// A waiver as it was typed.
#[derive(Clone, Debug, Default)]
pub struct WaiverInput {
    pub model: String,
    pub version: String,
    pub rule: String,
    /// Canonical text; empty is overall.
    pub slice: String,
    pub reason: String,
    /// What is done in place of meeting the bound.
    pub control: String,
    /// E-mail address of who answers for it.
    pub owner: String,
    /// The last day, `2026-12-31`.
    pub expires: String,
}

/// The model and version that a waiver is asked for.
pub async fn about(
    app: &App,
    actor: &Actor,
    model: &str,
    version: &str,
) -> Result<(Model, Version)> {
    let model = find_model(app, actor, model).await?;
    register_version::find(app, model, version).await
}

/// Asks for a waiver.
///
/// # Errors
/// [`Error::Fields`] for everything that was typed wrong; a waiver that covers nothing among it.
pub async fn ask(app: &App, actor: &Actor, input: &WaiverInput) -> Result<WaiverId> {
    let person = actor.own()?.person();
    let (model, version) = about(app, actor, &input.model, &input.version).await?;
    let lineage = app.store.lineage(model.team_id).await?;
    let permit = actor.permit::<AskWaiver>(Scope::Team(&lineage))?;
    let mut errors = FieldErrors::default();
    let reason = said(&mut errors, "reason", &input.reason, "say why the bound is not met");
    let control =
        said(&mut errors, "control", &input.control, "say what protects people meanwhile");
    let owner = owner(app, &input.owner, &mut errors).await?;
    let now = app.clock.now();
    let expires_at = match day(&input.expires) {
        None => {
            errors.add("expires", "write the last day as 2026-12-31");
            None
        }
        // The last day counts to its end.
        Some(last) => {
            let ends = last + Duration::days(1);
            if ends <= now {
                errors.add("expires", "this day is over already");
            } else if ends > now + Duration::days(MOST_DAYS + 1) {
                errors.add("expires", format!("at most {MOST_DAYS} days from now"));
            }
            Some(ends)
        }
    };
    let slice = errors.check("slice", Slice::parse(&input.slice));
    let report = readiness::of(app, &model, version.id, now).await?;
    let outcome = report.readiness.rules.iter().find(|outcome| outcome.rule.id == input.rule);
    let Some(policy) = &report.policy else {
        errors.add("rule", "no policy applies to this model");
        return Err(errors.into());
    };
    match (outcome, &slice) {
        (None, _) => {
            let message = format!("{} has no rule `{}`", policy.slug, input.rule);
            errors.add("rule", message);
        }
        (Some(outcome), _) if outcome.rule.mode != Mode::Block => {
            errors.add("rule", "this rule blocks nothing, so there is nothing to waive");
        }
        (Some(outcome), Some(slice)) => {
            let covers = outcome
                .parts
                .iter()
                .any(|part| part.slice == *slice && part.verdict != Verdict::Pass);
            if !covers {
                errors.add(
                    "slice",
                    "the rule does not fail there, so the waiver would cover nothing",
                );
            }
        }
        (Some(_), None) => {}
    }
    let (Some(outcome), Some(slice), Some(reason), Some(control), Some(owner), Some(expires_at)) =
        (outcome, slice, reason, control, owner, expires_at)
    else {
        return Err(errors.into());
    };
    errors.into_result()?;
    let bound = outcome.rule.bound.text();
    let slice = slice.to_string();
    let new = NewWaiver {
        version: version.id,
        policy: policy.policy_id,
        rule: &outcome.rule.id,
        slice: &slice,
        metric: &outcome.rule.metric,
        bound: &bound,
        reason: reason.as_str(),
        control: control.as_str(),
        owner,
        asked_by: person,
        expires_at: micros(expires_at),
    };
    let mut tx = app.store.begin(&actor.by(), &app.clock).await?;
    let id = tx.ask_waiver(&permit, &new).await?;
    tx.commit().await?;
    Ok(id)
}

fn said(errors: &mut FieldErrors, field: &str, text: &str, empty: &str) -> Option<Prose> {
    let text = errors.check(field, Prose::new(text))?;
    if text.as_str().trim().is_empty() {
        errors.add(field, empty);
        return None;
    }
    Some(text)
}

async fn owner(app: &App, email: &str, errors: &mut FieldErrors) -> Result<Option<PersonId>> {
    let Some(email) = errors.check("owner", Email::new(email)) else { return Ok(None) };
    let known = app.store.credentials(&email).await?.filter(|known| known.disabled_at.is_none());
    if known.is_none() {
        errors.add("owner", "nobody here has this address");
    }
    Ok(known.map(|known| known.id))
}

/// A waiver, if the actor may see its model.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn find(app: &App, actor: &Actor, id: &str) -> Result<(Waiver, Model)> {
    let missing = || Error::not_found("waiver");
    let id: WaiverId = id.parse().map_err(|_| missing())?;
    let waiver = app.store.waiver(id).await?.ok_or_else(missing)?;
    let model = app.store.model(waiver.model_id).await?.ok_or_else(missing)?;
    if may_see_model(app, actor, &model).await? { Ok((waiver, model)) } else { Err(missing()) }
}

/// The waivers that the actor may see.
pub async fn seen(app: &App, actor: &Actor) -> Result<Vec<Waiver>> {
    let visible = visibility(app, actor).await?;
    let all = app.store.waivers().await?.into_iter();
    Ok(all.filter(|waiver| visible.shows(waiver.team_id, waiver.restricted)).collect())
}

/// What somebody decides about a waiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    Approve,
    Refuse,
    Revoke,
}

/// Why this actor may not approve a waiver; `None`: they may.
pub async fn why_not(app: &App, actor: &Actor, waiver: &Waiver) -> Result<Option<String>> {
    let Some(person) = actor.person else { return Ok(Some("a person decides this".to_owned())) };
    if waiver.asked_by == person {
        return Ok(Some("whoever asked for a waiver does not approve it".to_owned()));
    }
    let owners = app.store.owners_of(waiver.model_id).await?;
    if owners.iter().any(|owner| owner.id == person) {
        return Ok(Some("whoever owns the model does not approve its waivers".to_owned()));
    }
    Ok(None)
}

/// Approves, refuses or ends a waiver.
///
/// # Errors
/// [`Error::Forbidden`] for whoever asked for it or owns the model, [`Error::Conflict`] when it was
/// decided or has expired meanwhile.
pub async fn decide(
    app: &App,
    actor: &Actor,
    id: &str,
    decision: Decision,
    reason: &str,
) -> Result<()> {
    let person = actor.own()?.person();
    let (waiver, model) = find(app, actor, id).await?;
    let lineage = app.store.lineage(model.team_id).await?;
    let permit = actor.permit::<ApproveWaiver>(Scope::Team(&lineage))?;
    let mut errors = FieldErrors::default();
    let reason = said(&mut errors, "reason", reason, "say why");
    let Some(reason) = reason else { return Err(errors.into()) };
    if decision != Decision::Revoke {
        if let Some(why) = why_not(app, actor, &waiver).await? {
            return Err(Error::forbidden(why));
        }
        if decision == Decision::Approve && waiver.expires_at <= micros(app.clock.now()) {
            return Err(Error::Conflict("its last day is over; ask for it anew".to_owned()));
        }
    }
    let mut tx = app.store.begin(&actor.by(), &app.clock).await?;
    match decision {
        Decision::Approve => {
            tx.decide_waiver(&permit, waiver.id, person, true, reason.as_str()).await?;
        }
        Decision::Refuse => {
            tx.decide_waiver(&permit, waiver.id, person, false, reason.as_str()).await?;
        }
        Decision::Revoke => tx.revoke_waiver(&permit, waiver.id, person, reason.as_str()).await?,
    }
    tx.commit().await?;
    refresh_after(app, Some(model.id)).await;
    Ok(())
}
