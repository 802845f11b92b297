//! The quarter on one page, for whoever reads and decides.

use super::okrs::{headline, objective_view};
use super::{Access, Page, Routes};
use crate::actions::registry::upwards;
use crate::actions::{launches, okrs, waivers};
use crate::auth::Actor;
use crate::clock::{from_micros, micros};
use crate::error::Result;
use crate::state::App;
use crate::store::launches::Launch;
use app::domain::Permission;
use app::domain::launch::State as Standing;
use app::domain::okr::Period;
use app::domain::verdict::{Readiness, RuleOutcome, Verdict, words};
use app::pages::overview::{
    Ending, LaunchCounts, OverviewPage, OverviewView, WaitingLaunch, Worst,
};
use app::pages::parts::Section;
use axum::extract::State;
use axum::response::Response;
use axum_extra::extract::Query;
use leptos::prelude::*;
use serde::Deserialize;
use std::collections::BTreeMap;
use time::Duration;

pub fn routes(routes: Routes) -> Routes {
    routes.get("/overview", Access::May(Permission::Read), show)
}

/// A waiver that ends within this time is about to expire.
const SOON: Duration = Duration::days(30);

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    team: String,
}

async fn show(
    State(app): State<App>,
    actor: Actor,
    page: Page,
    Query(asked): Query<Asked>,
) -> Result<Response> {
    let now = app.clock.now();
    let period = Period::of(now);
    let teams = app.store.teams().await?;
    let team = teams.iter().find(|team| team.slug == asked.team).map(|team| team.id);
    let in_team = |id| team.is_none_or(|team| upwards(&teams, id).contains(&team));
    let mut graded = okrs::of_period(&app, &actor, period, team).await?;
    // What is not on track is what the reader came for.
    graded.sort_by_key(|it| it.grade.standing);
    let all = launches::seen(&app, &actor).await?;
    let mine: Vec<&Launch> = all.iter().filter(|launch| in_team(launch.team_id)).collect();
    let ending = waivers::seen(&app, &actor).await?.into_iter().filter(|waiver| {
        in_team(waiver.team_id)
            && waiver.approved_at.is_some()
            && waiver.revoked_at.is_none()
            && (micros(now)..micros(now + SOON)).contains(&waiver.expires_at)
    });
    let ending: Vec<Ending> = ending
        .map(|waiver| Ending {
            what: format!("{}, {} {}", waiver.rule, waiver.model_name, waiver.version_label),
            href: format!("/waivers/{}", waiver.id),
            at: from_micros(waiver.expires_at),
        })
        .collect();
    let view = OverviewView {
        period: period.to_string(),
        days_left: (period.next().start() - now).whole_days(),
        headline: format!("{} {}", headline(&graded), launches_in_words(&mine)),
        objectives: graded.iter().map(|it| objective_view(it, false)).collect(),
        worst: worst_of(&app, &actor, &mine).await?,
        counts: counts(&mine, period),
        waiting: mine.iter().filter(|it| it.state.is_open()).map(|it| waiting(it)).collect(),
        ending,
        team: asked.team,
        teams: super::teams::choices(&teams),
    };
    Ok(page
        .title(format!("Overview, {period}"))
        .section(Section::Overview)
        .html(move || view! { <OverviewPage view=view /> }))
}

fn is_blocked(launch: &Launch) -> bool {
    matches!(launch.state, Standing::InReview | Standing::EvidenceVoid)
        && launch.verdict.as_deref() != Some("pass")
}

fn launches_in_words(launches: &[&Launch]) -> String {
    let blocked: Vec<String> = launches
        .iter()
        .filter(|launch| is_blocked(launch))
        .map(|launch| format!("{} {}", launch.model_name, launch.version_label))
        .collect();
    match blocked.as_slice() {
        [] => "No launch is blocked.".to_owned(),
        [one] => format!("The launch of {one} is blocked."),
        many => format!("{} launches are blocked: {}.", many.len(), many.join(", ")),
    }
}

fn counts(launches: &[&Launch], period: Period) -> LaunchCounts {
    let start = micros(period.start());
    let count = |wanted: &dyn Fn(&Launch) -> bool| {
        launches.iter().filter(|launch| wanted(launch)).count() as u64
    };
    LaunchCounts {
        launched: count(&|it| it.launched_at.is_some_and(|at| at >= start)),
        blocked: count(&is_blocked),
        waiting: count(&|it| {
            it.state == Standing::InReview && it.approved_slots < it.slots && !is_blocked(it)
        }),
        stopped: count(&|it| {
            matches!(it.state, Standing::Rejected | Standing::RolledBack | Standing::Suspended)
                && it.updated_at >= start
        }),
    }
}

fn waiting(launch: &Launch) -> WaitingLaunch {
    WaitingLaunch {
        number: launch.number,
        what: format!("{} {}", launch.model_name, launch.version_label),
        state: launch.state,
        verdict: launch.verdict.as_ref().and_then(|verdict| verdict.parse().ok()),
        signed: (launch.approved_slots, launch.slots),
    }
}

/// The worst part of the required rules, for the newest launch of each model, as it was asked for.
async fn worst_of(app: &App, actor: &Actor, launches: &[&Launch]) -> Result<Vec<Worst>> {
    let mut newest: BTreeMap<&str, &Launch> = BTreeMap::new();
    for launch in launches.iter().filter(|launch| launch.revision > 0) {
        let known = newest.entry(&launch.model_slug).or_insert(launch);
        if known.number < launch.number {
            *known = launch;
        }
    }
    let mut worst = vec![];
    for launch in newest.into_values() {
        let Some(revision) = app.store.revisions(launch.id).await?.into_iter().next() else {
            continue;
        };
        let Ok(mut readiness) = serde_json::from_str::<Readiness>(&revision.readiness) else {
            continue;
        };
        let lineage = app.store.lineage(launch.team_id).await?;
        readiness.hide_small_cells(crate::actions::readiness::least(app, actor, &lineage));
        let blocking = readiness.rules.iter().filter(|outcome| {
            outcome.applies && outcome.rule.mode == app::domain::policy::Mode::Block
        });
        let rank = |outcome: &&RuleOutcome| (outcome.verdict, outcome.waived);
        let Some(outcome) = blocking.min_by_key(rank) else { continue };
        let Some(part) = outcome.parts.first() else { continue };
        worst.push(Worst {
            model: format!("{} {}", launch.model_name, launch.version_label),
            href: format!("/launches/{}", launch.number),
            what: format!("{}, {}", part.slice.label(), outcome.rule.name),
            measured: words::measured(&outcome.rule, part),
            n: part.n,
            why: part.sentence.clone(),
            verdict: if outcome.waived { Verdict::NotEnoughEvidence } else { outcome.verdict },
            is_waived: outcome.waived,
            as_of: from_micros(revision.requested_at),
        });
    }
    worst.sort_by_key(|it| it.verdict);
    Ok(worst)
}
