//! What rests on a run: its blast radius, should it turn out to be wrong.

use crate::actions::okrs;
use crate::auth::Actor;
use crate::error::Result;
use crate::state::App;
use crate::store::models::Model;
use crate::store::runs::Run;
use app::domain::PersonId;
use app::domain::okr::Period;

/// A launch, key result or mitigation that rests on a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resting {
    /// What it is, as a sentence begins: `Launch L-3 of Adult income v7`.
    pub what: String,
    /// How it rests on the run, and what becomes of it.
    pub how: String,
    pub href: String,
    /// Who answers for it.
    pub people: Vec<PersonId>,
}

/// Everything that rests on a run: launches whose newest revision took it, key results that began
/// with it or read it now, mitigations that it proves.
pub async fn on(app: &App, actor: &Actor, run: &Run, model: &Model) -> Result<Vec<Resting>> {
    let mut resting = vec![];
    for launch in app.store.launches_on(run.id).await? {
        let revision = app.store.revisions(launch.id).await?.into_iter().next();
        let mut people = vec![launch.created_by];
        if let Some(revision) = &revision {
            people.extend(app.store.makers(revision.id).await?.iter().map(|it| it.person_id));
            let signed = app.store.sign_offs(launch.id).await?.into_iter();
            let here = signed.filter(|line| line.holds && line.revision == revision.number);
            people.extend(here.map(|line| PersonId(line.person_id)));
        }
        let becomes = match launch.state.after(app::domain::launch::Step::VoidEvidence) {
            Some(after) => format!("it is {} and becomes {after}", launch.state),
            None => format!("it is {}", launch.state),
        };
        resting.push(Resting {
            what: format!(
                "Launch L-{} of {} {}",
                launch.number, launch.model_name, launch.version_label
            ),
            how: format!("its newest revision rests on this run; {becomes}"),
            href: format!("/launches/{}", launch.number),
            people,
        });
    }
    let period = Period::of(app.clock.now());
    let graded = okrs::of_period(app, actor, period, None).await?;
    let reading = graded.iter().flat_map(|it| &it.key_results);
    let reads: Vec<_> =
        reading.filter(|it| it.run == Some(run.id)).map(|it| it.key_result.id).collect();
    for key_result in app.store.key_results_on(run.id, model.id).await? {
        let begins = key_result.baseline_run_id == Some(run.id.0);
        let how = match (begins, reads.contains(&key_result.id)) {
            (true, _) => "its baseline is from this run; it can no longer be graded",
            (false, true) => "it reads this run now; it goes back to the newest that counts",
            (false, false) => continue,
        };
        resting.push(Resting {
            what: format!("Key result: {}", key_result.title),
            how: how.to_owned(),
            href: format!("/key-results/{}", key_result.id),
            people: vec![key_result.owner_id],
        });
    }
    for mitigation in app.store.mitigations_on(run.id).await? {
        let end = if mitigation.before_run_id == Some(run.id.0) { "before" } else { "after" };
        resting.push(Resting {
            what: format!("Mitigation M-{}: {}", mitigation.number, mitigation.title),
            how: format!("this is its run {end}; its proof no longer stands"),
            href: format!("/mitigations/{}", mitigation.number),
            people: vec![mitigation.owner_id],
        });
    }
    Ok(resting)
}
