//! A launch's page: what it rests on, who signs it, what holds it back.

use super::Page;
use crate::actions::launches::{content_of, cover, find};
use crate::actions::readiness::{self, least};
use crate::actions::{moved, sign_off};
use crate::auth::Actor;
use crate::clock::{from_micros, micros};
use crate::error::{Error, Result};
use crate::state::App;
use crate::store::launches::{Launch, Revision, SignOffLine};
use crate::store::models::Model;
use crate::store::versions::Version;
use app::domain::launch::{State as LaunchState, Step, differences};
use app::domain::verdict::{Readiness, words};
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
    let report = readiness::of(app, model, version.id, app.clock.now()).await?;
    let policy = report.policy.as_ref().map(|policy| {
        (format!("{}, version {}", policy.policy.name, policy.number), &policy.slug, policy.number)
    });
    let policy = policy.map(|(name, slug, number)| (name, policy_path(slug, number)));
    Ok(shown(app, actor, (model, version, lineage), report.readiness, policy))
}

fn policy_path(slug: &str, number: i64) -> String {
    format!("/policies/{slug}/versions/{number}")
}

fn shown(
    app: &App,
    actor: &Actor,
    (model, version, lineage): (&Model, &Version, &[TeamId]),
    mut readiness: Readiness,
    policy: Option<(String, String)>,
) -> ReadinessView {
    readiness.hide_small_cells(least(app, actor, lineage));
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
    let (launch, model, version) = find(app, actor, number).await?;
    let lineage = app.store.lineage(model.team_id).await?;
    let revisions = app.store.revisions(launch.id).await?;
    let revision = match wanted {
        None => revisions.first(),
        Some(number) => Some(
            revisions
                .iter()
                .find(|revision| revision.number == number)
                .ok_or_else(|| Error::not_found("revision"))?,
        ),
    };
    let is_newest = wanted.is_none_or(|number| number == launch.revision);
    let sign_offs = app.store.sign_offs(launch.id).await?;
    let may = |permission| actor.may(permission, Scope::Team(&lineage));
    let about = (&model, &version, lineage.as_slice());
    let (mut slots, mut blockers, mut newer, mut shown_revision) = (vec![], vec![], vec![], None);
    if let Some(revision) = revision {
        slots = slots_of(app, actor, revision, &sign_offs).await?;
        let view = revision_view(app, actor, about, revision).await?;
        if is_newest && !matches!(launch.state, LaunchState::Withdrawn | LaunchState::RolledBack) {
            let covered = cover(app, &model, &version).await?;
            if covered.digest != revision.digest {
                newer = differences(&content_of(revision)?, &covered.content);
            }
            blockers = blockers_of(&launch, &view, &slots, may(Permission::UploadRun));
        }
        shown_revision = Some(view);
    }
    let moved = match (revision, is_newest) {
        (Some(_), true) => moved::since_launch(app, actor, &model, &version)
            .await?
            .map(|it| SinceLaunch { since: it.before.version_label, moved: it.moved }),
        _ => None,
    };
    let steps = [Step::Launch, Step::Suspend, Step::Resume, Step::RollBack, Step::Withdraw]
        .into_iter()
        .filter(|step| may(Permission::DecideLaunch) && launch.state.after(*step).is_some())
        .collect();
    let can_request = launch.state.after(Step::Request).is_some();
    let asks_password = !sign_off::is_fresh(app, actor);
    let comments = app.store.comments(launch.id).await?;
    let view = LaunchView {
        number: launch.number,
        model: model.name.clone(),
        model_slug: model.slug.clone(),
        version: version.label.clone(),
        state: launch.state,
        summary: launch.summary.clone(),
        planned_for: launch.planned_for.map(from_micros),
        created_by: launch.created_by_name.clone(),
        newest_revision: launch.revision,
        newer,
        blockers,
        moved,
        slots,
        sign_offs: sign_offs
            .into_iter()
            .filter_map(|line| sign_off_view(line, launch.revision))
            .collect(),
        comments: comments
            .into_iter()
            .map(|line| CommentView {
                person: line.person_name,
                revision: line.revision,
                at: from_micros(line.at),
                text: line.text,
            })
            .collect(),
        revisions: revisions
            .iter()
            .map(|it| (it.number, from_micros(it.requested_at), verdict_label(&it.verdict)))
            .collect(),
        steps,
        may_request: can_request && may(Permission::RequestLaunch),
        may_comment: may(Permission::Comment),
        form: SignForm { asks_password, ..said.sign },
        errors: said.errors,
        revision: shown_revision,
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

fn sign_off_view(line: SignOffLine, newest: i64) -> Option<SignOffView> {
    Some(SignOffView {
        counts: line.holds && line.revision == newest,
        revision: line.revision,
        function: line.slot.parse::<Function>().ok()?.label().to_owned(),
        person: line.person_name,
        decision: line.decision.parse().ok()?,
        reason: line.reason,
        at: from_micros(line.at),
    })
}

async fn revision_view(
    app: &App,
    actor: &Actor,
    about: (&Model, &Version, &[TeamId]),
    revision: &Revision,
) -> Result<RevisionView> {
    let broken = |error: serde_json::Error| Error::Internal(format!("{}: {error}", revision.id));
    let readiness: Readiness = serde_json::from_str(&revision.readiness).map_err(broken)?;
    let content = content_of(revision)?;
    let policy = content.policy.as_ref().map(|policy| {
        let name = format!("{}@{}", policy.slug, policy.version);
        (name, policy_path(&policy.slug, policy.version))
    });
    let runs = readiness
        .runs
        .iter()
        .zip(runs_in_order(app, &readiness).await?)
        .map(|(id, label)| (id.to_string(), label))
        .collect();
    let makers = app.store.makers(revision.id).await?;
    Ok(RevisionView {
        number: revision.number,
        digest: revision.digest.clone(),
        readiness: shown(app, actor, about, readiness, policy),
        changes: serde_json::from_str(&revision.changes).map_err(broken)?,
        valid_until: revision.valid_until.map(from_micros),
        requested_by: revision.requested_by_name.clone(),
        requested_at: from_micros(revision.requested_at),
        runs,
        makers: makers
            .into_iter()
            .map(|maker| (maker.person_name, maker.part.label().to_owned()))
            .collect(),
        is_expired: revision.valid_until.is_some_and(|until| micros(app.clock.now()) >= until),
    })
}

/// What each run of a readiness is called.
async fn runs_in_order(app: &App, readiness: &Readiness) -> Result<Vec<String>> {
    let mut labels = vec![];
    for id in &readiness.runs {
        let label = match app.store.run(*id).await? {
            Some(run) => {
                let voided = if run.voided_at.is_some() { ", voided" } else { "" };
                format!("{}@{}{voided}", run.dataset_name, run.dataset_label)
            }
            None => id.to_string(),
        };
        labels.push(label);
    }
    Ok(labels)
}

async fn slots_of(
    app: &App,
    actor: &Actor,
    revision: &Revision,
    sign_offs: &[SignOffLine],
) -> Result<Vec<Slot>> {
    let makers = app.store.makers(revision.id).await?;
    let reviewers = app.store.reviewers().await?;
    let mut slots = vec![];
    for function in app.store.slots(revision.id).await? {
        let of = |line: &&SignOffLine| line.slot == function.as_str();
        let held =
            sign_offs.iter().filter(of).find(|line| line.holds && line.revision == revision.number);
        let stale = sign_offs.iter().filter(of).find(|line| line.revision < revision.number);
        let could = reviewers
            .iter()
            .filter(|reviewer| {
                reviewer.function == function.as_str()
                    && reviewer.granted_at <= revision.requested_at
                    && makers.iter().all(|maker| maker.person_id != reviewer.id)
            })
            .map(|reviewer| reviewer.name.clone())
            .collect();
        slots.push(Slot {
            function,
            held: held.and_then(|line| {
                Some((line.person_name.clone(), line.decision.parse().ok()?, from_micros(line.at)))
            }),
            stale: stale.map(|line| line.person_name.clone()),
            could,
            why_not: sign_off::why_not(app, actor, function, revision).await?,
        });
    }
    Ok(slots)
}

/// What holds a launch back, and who can clear each.
fn blockers_of(
    launch: &Launch,
    revision: &RevisionView,
    slots: &[Slot],
    may_upload: bool,
) -> Vec<Blocker> {
    if matches!(launch.state, LaunchState::Launched) {
        return vec![];
    }
    let mut blockers = vec![];
    let readiness = &revision.readiness;
    for outcome in readiness.readiness.blockers() {
        let part = outcome.parts.first();
        let is_hole = part.is_none_or(|part| part.value.is_none());
        let plan = part.and_then(|part| part.needed.as_ref());
        let why = match plan {
            Some(plan) => words::needed(&outcome.rule, plan),
            None => words::requirement(&outcome.rule),
        };
        // Nobody is sent where they may not go.
        let link = if is_hole {
            let path = app::pages::models::version_path(&launch.model_slug, &launch.version_label);
            may_upload.then(|| (format!("{path}/upload"), "upload".to_owned()))
        } else {
            let slice = part.map(|part| part.slice.to_string()).unwrap_or_default();
            let link = Link::new("/mitigations/new")
                .with("model", &launch.model_slug)
                .with("metric", &outcome.rule.metric)
                .with("slice", slice);
            readiness.may_mitigate.then(|| (link.to_string(), "mitigate".to_owned()))
        };
        blockers.push(Blocker {
            what: outcome.rule.name.clone(),
            why,
            who: if is_hole {
                format!("engineers of {} can upload, a lead can ask for a waiver", launch.team_name)
            } else {
                format!("{} can mitigate or ask for a waiver", launch.team_name)
            },
            href: link,
        });
    }
    for slot in slots.iter().filter(|slot| slot.held.is_none()) {
        let who = match slot.could.as_slice() {
            [] => "an admin can give the function to somebody; then ask for the launch again"
                .to_owned(),
            could => could.join(" or "),
        };
        blockers.push(Blocker {
            what: format!("Sign-off: {}", slot.function),
            why: if slot.stale.is_some() { "the one there was is stale" } else { "not given yet" }
                .to_owned(),
            who,
            href: None,
        });
    }
    if revision.is_expired {
        blockers.push(Blocker {
            what: "Evidence or a waiver has run out".to_owned(),
            why: "an approval stands only as long as what it rests on".to_owned(),
            who: format!("a lead of {} can ask again on newer evidence", launch.team_name),
            href: None,
        });
    }
    blockers
}
