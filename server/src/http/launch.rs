//! A launch's page: what it rests on, who signs it, what holds it back.

use super::Page;
use crate::actions::review::{self, Clear, Review, Reviewed};
use crate::actions::{moved, readiness, sign_off};
use crate::auth::Actor;
use crate::clock::from_micros;
use crate::error::Result;
use crate::state::App;
use crate::store::launches::{Launch, SignOffLine};
use crate::store::models::Model;
use crate::store::runs::Run;
use crate::store::versions::Version;
use app::domain::launch::Step;
use app::domain::verdict::Readiness;
use app::domain::{Function, Permission, Scope, TeamId};
use app::form::FieldErrors;
use app::pages::launch::{
    Blocker, CommentView, LaunchPage, LaunchView, RevisionView, SignForm, SignOffView, SinceLaunch,
    Slot,
};
use app::pages::parts::{Crumb, Link, ReadinessView, Section};
use axum::response::Response;
use leptos::prelude::*;

/// The readiness of a version, as the actor may see it.
pub(super) async fn readiness_view(
    app: &App,
    actor: &Actor,
    model: &Model,
    version: &Version,
    lineage: &[TeamId],
) -> Result<ReadinessView> {
    let mut report = readiness::of(app, model, version.id, app.clock.now()).await?;
    report.hide_small_cells(app, actor, lineage);
    let policy = report.policy.as_ref().map(|policy| {
        (format!("{}, version {}", policy.policy.name, policy.number), &policy.slug, policy.number)
    });
    let policy = policy.map(|(name, slug, number)| (name, policy_path(slug, number)));
    Ok(shown(actor, (model, version, lineage), report.readiness, policy))
}

fn policy_path(slug: &str, number: i64) -> String {
    format!("/policies/{slug}/versions/{number}")
}

fn shown(
    actor: &Actor,
    (model, version, lineage): (&Model, &Version, &[TeamId]),
    readiness: Readiness,
    policy: Option<(String, String)>,
) -> ReadinessView {
    let may = |permission| actor.may(permission, Scope::Team(lineage));
    ReadinessView {
        readiness,
        policy,
        model: model.slug.clone(),
        version: version.label.clone(),
        may_ask_waiver: may(Permission::AskWaiver),
        may_mitigate: may(Permission::Mitigate),
    }
}

/// What a form said that was refused.
#[derive(Default)]
pub(super) struct Said {
    pub sign: SignForm,
    pub errors: FieldErrors,
}

pub(super) async fn render(
    app: &App,
    actor: &Actor,
    page: Page,
    number: &str,
    wanted: Option<i64>,
    said: Said,
) -> Result<Response> {
    let review = review::look(app, actor, number, wanted).await?;
    let Review { launch, model, version, lineage, .. } = &review;
    let may = |permission| actor.may(permission, Scope::Team(lineage));
    let is_newest = review.revision.as_ref().is_some_and(|it| it.is_newest);
    let moved = if is_newest {
        moved::since_launch(app, actor, model, version)
            .await?
            .map(|it| SinceLaunch { since: it.before.version_label, moved: it.moved })
    } else {
        None
    };
    let may_clear = (may(Permission::UploadRun), may(Permission::Mitigate));
    let steps = [Step::Launch, Step::Suspend, Step::Resume, Step::RollBack, Step::Withdraw]
        .into_iter()
        .filter(|step| may(Permission::DecideLaunch) && launch.state.after(*step).is_some())
        .collect();
    let can_request = launch.state.after(Step::Request).is_some();
    let asks_password = !sign_off::is_fresh(app, actor);
    let newest = launch.revision;
    let view = LaunchView {
        number: launch.number,
        model: model.name.clone(),
        model_slug: model.slug.clone(),
        version: version.label.clone(),
        state: launch.state,
        summary: launch.summary.clone(),
        planned_for: launch.planned_for.map(from_micros),
        created_by: launch.created_by_name.clone(),
        newest_revision: newest,
        newer: review.now.as_ref().map(|now| now.changes.clone()).unwrap_or_default(),
        blockers: review.blockers.iter().map(|it| blocker_view(launch, it, may_clear)).collect(),
        moved,
        slots: review.revision.iter().flat_map(|it| &it.slots).map(slot_view).collect(),
        sign_offs: review.sign_offs.iter().filter_map(|it| sign_off_view(it, newest)).collect(),
        comments: review
            .comments
            .iter()
            .map(|line| CommentView {
                person: line.person_name.clone(),
                revision: line.revision,
                at: from_micros(line.at),
                text: line.text.clone(),
            })
            .collect(),
        revisions: review
            .revisions
            .iter()
            .map(|it| (it.number, from_micros(it.requested_at), verdict_label(&it.verdict)))
            .collect(),
        steps,
        may_request: can_request && may(Permission::RequestLaunch),
        may_comment: may(Permission::Comment),
        form: SignForm { asks_password, ..said.sign },
        errors: said.errors,
        revision: review.revision.as_ref().map(|it| revision_view(actor, &review, it)),
    };
    let name = format!("L-{}", launch.number);
    let mut crumbs = vec![Crumb::to("Launches", "/launches")];
    let mut title = format!("{name}: {} {}", model.name, version.label);
    match wanted {
        None => crumbs.push(Crumb::here(name)),
        Some(number) => {
            title = format!("{title}, revision {number}");
            crumbs.push(Crumb::to(name, format!("/launches/{}", launch.number)));
            crumbs.push(Crumb::here(format!("Revision {number}")));
        }
    }
    Ok(page
        .title(title)
        .section(Section::Launches)
        .crumbs(crumbs)
        .html(move || view! { <LaunchPage view=view /> }))
}

fn verdict_label(word: &str) -> String {
    word.parse::<app::domain::verdict::Verdict>()
        .map_or_else(|_| word.to_owned(), |verdict| verdict.label().to_owned())
}

fn sign_off_view(line: &SignOffLine, newest: i64) -> Option<SignOffView> {
    Some(SignOffView {
        counts: line.holds && line.revision == newest,
        revision: line.revision,
        function: line.slot.parse::<Function>().ok()?.label().to_owned(),
        person: line.person_name.clone(),
        decision: line.decision.parse().ok()?,
        reason: line.reason.clone(),
        at: from_micros(line.at),
    })
}

fn revision_view(actor: &Actor, review: &Review, reviewed: &Reviewed) -> RevisionView {
    let policy = reviewed.content.policy.as_ref().map(|policy| {
        let name = format!("{}@{}", policy.slug, policy.version);
        (name, policy_path(&policy.slug, policy.version))
    });
    let about = (&review.model, &review.version, review.lineage.as_slice());
    let run = |run: &Run| {
        let mut label = format!("{}@{}", run.dataset_name, run.dataset_label);
        if run.version_id != review.version.id {
            label += &format!(" of {}, which changes are measured from", run.version_label);
        }
        if run.voided_at.is_some() {
            label += ", voided";
        }
        (run.id.to_string(), label)
    };
    let revision = &reviewed.revision;
    RevisionView {
        number: revision.number,
        digest: revision.digest.clone(),
        readiness: shown(actor, about, reviewed.readiness.clone(), policy),
        changes: reviewed.changes.clone(),
        valid_until: revision.valid_until.map(from_micros),
        requested_by: revision.requested_by_name.clone(),
        requested_at: from_micros(revision.requested_at),
        runs: reviewed.runs.iter().map(run).collect(),
        makers: reviewed
            .makers
            .iter()
            .map(|maker| (maker.person_name.clone(), maker.part.label().to_owned()))
            .collect(),
        is_expired: reviewed.is_expired,
    }
}

fn slot_view(slot: &review::Slot) -> Slot {
    Slot {
        function: slot.function,
        held: slot.held.as_ref().and_then(|line| {
            Some((line.person_name.clone(), line.decision.parse().ok()?, from_micros(line.at)))
        }),
        stale: slot.stale.as_ref().map(|line| line.person_name.clone()),
        could: slot.could.clone(),
        why_not: slot.why_not.clone(),
    }
}

/// A blocker with a link to where it is cleared; nobody is sent where they may not go.
fn blocker_view(
    launch: &Launch,
    blocker: &review::Blocker,
    (may_upload, may_mitigate): (bool, bool),
) -> Blocker {
    let href = match &blocker.clear {
        Some(Clear::Upload) if may_upload => {
            let path = app::pages::models::version_path(&launch.model_slug, &launch.version_label);
            Some((format!("{path}/upload"), "upload".to_owned()))
        }
        Some(Clear::Mitigate { metric, slice }) if may_mitigate => {
            let link = Link::new("/mitigations/new")
                .with("model", &launch.model_slug)
                .with("metric", metric)
                .with("slice", slice.to_string());
            Some((link.to_string(), "mitigate".to_owned()))
        }
        Some(Clear::Upload | Clear::Mitigate { .. }) | None => None,
    };
    Blocker { what: blocker.what.clone(), why: blocker.why.clone(), who: blocker.who.clone(), href }
}
