//! What waits for a person: what they, and not somebody else, can clear.

use crate::actions::registry::{teams_where, upwards};
use crate::actions::{findings, launches, mitigations, okrs, waivers};
use crate::auth::Actor;
use crate::clock::micros;
use crate::error::Result;
use crate::state::App;
use app::domain::launch::State;
use app::domain::mitigation::State as Mitigating;
use app::domain::okr::Period;
use app::domain::{Permission, Scope};
use std::collections::BTreeMap;
use time::Duration;

/// Something to do, why, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub what: String,
    pub why: String,
    pub href: String,
}

/// A key result without a word for longer than this wants one.
const CHECK_IN_EVERY: Duration = Duration::days(14);

/// Everything that waits for the actor, the most urgent first.
pub async fn of(app: &App, actor: &Actor) -> Result<Vec<Item>> {
    let mut items = vec![];
    sign_offs(app, actor, &mut items).await?;
    to_decide(app, actor, &mut items).await?;
    missed(app, actor, &mut items).await?;
    groups(app, actor, &mut items).await?;
    own(app, actor, &mut items).await?;
    Ok(items)
}

/// Launches in review with an open slot in a function that the actor holds, and may sign in.
async fn sign_offs(app: &App, actor: &Actor, items: &mut Vec<Item>) -> Result<()> {
    if actor.grants.functions.is_empty() || !actor.may(Permission::SignOff, Scope::Anywhere) {
        return Ok(());
    }
    let all = launches::seen(app, actor).await?;
    for launch in all.iter().filter(|launch| launch.state == State::InReview) {
        let Some(revision) = app.store.revisions(launch.id).await?.into_iter().next() else {
            continue;
        };
        let signed = app.store.sign_offs(launch.id).await?;
        for function in app.store.slots(revision.id).await? {
            let is_held = signed.iter().any(|line| {
                line.holds && line.revision == revision.number && line.slot == function.as_str()
            });
            let may = crate::actions::sign_off::why_not(app, actor, function, &revision).await?;
            if !is_held && may.is_empty() {
                items.push(Item {
                    what: format!("Sign {} {} off", launch.model_name, launch.version_label),
                    why: format!("as {function}; asked for by {}", launch.created_by_name),
                    href: format!("/launches/{}", launch.number),
                });
            }
        }
    }
    Ok(())
}

/// Launches that are approved, or lost their evidence, and waivers that were asked for.
async fn to_decide(app: &App, actor: &Actor, items: &mut Vec<Item>) -> Result<()> {
    let teams = app.store.teams().await?;
    let now = app.clock.now();
    if actor.may(Permission::DecideLaunch, Scope::Anywhere) {
        for launch in launches::seen(app, actor).await? {
            let lineage = upwards(&teams, launch.team_id);
            if !actor.may(Permission::DecideLaunch, Scope::Team(&lineage)) {
                continue;
            }
            let name = format!("{} {}", launch.model_name, launch.version_label);
            let item = match launch.state {
                State::Approved => {
                    (format!("Launch {name}"), "everybody has approved it".to_owned())
                }
                State::EvidenceVoid => (
                    format!("Ask for {name} again, or roll it back"),
                    "a run that it rests on was voided".to_owned(),
                ),
                State::InReview if launch.verdict.as_deref() != Some("pass") => (
                    format!("Clear what blocks {name}"),
                    "its rules fail or lack evidence".to_owned(),
                ),
                _ => continue,
            };
            let href = format!("/launches/{}", launch.number);
            items.push(Item { what: item.0, why: item.1, href });
        }
    }
    if actor.may(Permission::ApproveWaiver, Scope::Anywhere) {
        for waiver in waivers::seen(app, actor).await? {
            let lineage = upwards(&teams, waiver.team_id);
            let is_asked = waiver.approved_at.is_none()
                && waiver.refused_at.is_none()
                && waiver.expires_at > micros(now);
            let may = is_asked && actor.may(Permission::ApproveWaiver, Scope::Team(&lineage));
            if may && waivers::why_not(app, actor, &waiver).await?.is_none() {
                items.push(Item {
                    what: format!(
                        "Decide about a waiver for {} {}",
                        waiver.model_name, waiver.version_label
                    ),
                    why: format!("{}, asked for by {}", waiver.rule, waiver.asked_by_name),
                    href: format!("/waivers/{}", waiver.id),
                });
            }
        }
    }
    Ok(())
}

/// Open findings in the actor's teams, one line a version.
async fn missed(app: &App, actor: &Actor, items: &mut Vec<Item>) -> Result<()> {
    if !actor.may(Permission::Mitigate, Scope::Anywhere) {
        return Ok(());
    }
    let teams = app.store.teams().await?;
    let mut versions: BTreeMap<(String, String, String), (usize, usize)> = BTreeMap::new();
    for finding in findings::seen(app, actor).await? {
        let lineage = upwards(&teams, finding.team_id);
        if finding.closed_at.is_some()
            || finding.mitigations > 0
            || !actor.may(Permission::Mitigate, Scope::Team(&lineage))
        {
            continue;
        }
        let key = (finding.model_name, finding.version_label, finding.model_slug);
        let counts = versions.entry(key).or_default();
        if finding.kind == "fail" {
            counts.0 += 1;
        } else {
            counts.1 += 1;
        }
    }
    for ((model, version, slug), (fails, holes)) in versions {
        items.push(Item {
            what: format!("{fails} failing and {holes} unshown in {model} {version}"),
            why: "findings without a mitigation: mitigate, measure more, or ask for a waiver"
                .to_owned(),
            href: app::pages::models::version_path(&slug, &version),
        });
    }
    Ok(())
}

/// Groups that nobody has confirmed, by the model that proposed them.
async fn groups(app: &App, actor: &Actor, items: &mut Vec<Item>) -> Result<()> {
    if !actor.may(Permission::ConfirmGroups, Scope::Anywhere) {
        return Ok(());
    }
    let teams = app.store.teams().await?;
    for (model, groups) in app.store.proposed_groups().await? {
        let Some(model) = app.store.model(model).await? else { continue };
        let lineage = upwards(&teams, model.team_id);
        if actor.may(Permission::ConfirmGroups, Scope::Team(&lineage)) {
            let s = if groups == 1 { "group is" } else { "groups are" };
            items.push(Item {
                what: format!("{groups} {s} unconfirmed in {}", model.name),
                why: "accept them or make them aliases; until then no rule is satisfied by them"
                    .to_owned(),
                href: format!("/models/{}", model.slug),
            });
        }
    }
    Ok(())
}

/// Check-ins that are due, and mitigations of one's own that nobody has measured.
async fn own(app: &App, actor: &Actor, items: &mut Vec<Item>) -> Result<()> {
    let Some(person) = actor.person else { return Ok(()) };
    let now = app.clock.now();
    if !teams_where(app, actor, Permission::CheckIn).await?.is_empty() {
        let graded = okrs::of_period(app, actor, Period::of(now), None).await?;
        let mine = graded
            .iter()
            .flat_map(|it| &it.key_results)
            .filter(|it| it.key_result.owner_id == person);
        for stands in mine {
            let is_due = okrs::last_check_in(stands).is_none_or(|at| now - at > CHECK_IN_EVERY);
            if is_due {
                items.push(Item {
                    what: format!("Check in: {}", stands.key_result.title),
                    why: format!("{}; no word for two weeks", stands.grade.standing.label()),
                    href: format!("/key-results/{}", stands.key_result.id),
                });
            }
        }
    }
    for it in mitigations::seen(app, actor).await? {
        if it.owner_id == person && it.state == Mitigating::InWork && it.after_run_id.is_none() {
            items.push(Item {
                what: format!("Measure M-{} {}", it.number, it.title),
                why: "it is in work, and has no run after it yet".to_owned(),
                href: format!("/mitigations/{}", it.number),
            });
        }
    }
    Ok(())
}
