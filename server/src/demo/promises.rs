//! What the teams promised for the quarter, and the mitigations that they hope to keep it with.

use super::Story;
use super::people::{ENGINEER, HEAD, LABOUR_ENGINEER, LABOUR_LEAD, LEAD};
use crate::actions::mitigations::{self, MitigationInput};
use crate::actions::okrs::{self, CheckInInput, KeyResultInput, ObjectiveInput};
use crate::actions::registry::find_model;
use crate::error::{Error, Result};
use app::domain::okr::Period;

struct Promised<'a> {
    who: &'a str,
    team: &'a str,
    title: &'a str,
    why: &'a str,
    kind: &'a str,
    key_results: Vec<KeyResultInput>,
}

/// A key result that reads the gap of a group to the best one.
fn gap(title: &str, model: &str, dataset: &str, metric: &str, slice: &str) -> KeyResultInput {
    KeyResultInput {
        title: title.to_owned(),
        source: "live".to_owned(),
        model: model.to_owned(),
        dataset: dataset.to_owned(),
        metric: metric.to_owned(),
        slice: slice.to_owned(),
        disparity: "difference".to_owned(),
        target: "0".to_owned(),
        ..KeyResultInput::default()
    }
}

pub(super) async fn promise(story: &Story) -> Result<()> {
    story.at(story.calendar.in_the_quarter(0.02));
    let women = gap(
        "Women with the outcome are found as often as men",
        "adult-income",
        "adult-half",
        "true_positive_rate",
        "sex=Female",
    );
    let accuracy = KeyResultInput {
        counter_metric: "accuracy".to_owned(),
        counter_min: "0.82".to_owned(),
        ..women
    };
    let selected = gap(
        "Women are selected nearer to as often as men",
        "adult-income",
        "adult-half",
        "selection_rate",
        "sex=Female",
    );
    let half = KeyResultInput { target: "-0.1".to_owned(), ..selected };
    let disabled = gap(
        "People with a disability who work are found",
        "acs-employment",
        "acs-employment-ma",
        "true_positive_rate",
        "disability=with",
    );
    let disabled = KeyResultInput { target: "-0.3".to_owned(), ..disabled };
    let reviews = KeyResultInput {
        title: "Evaluation sets with a card for every attribute".to_owned(),
        source: "manual".to_owned(),
        baseline: "1".to_owned(),
        target: "4".to_owned(),
        ..KeyResultInput::default()
    };
    let all = [
        Promised {
            who: LEAD,
            team: "income-models",
            title: "No group is found less often than another",
            why: "Offers reach men who would repay more often than women who would.",
            kind: "committed",
            key_results: vec![accuracy, half],
        },
        Promised {
            who: LABOUR_LEAD,
            team: "labour-market",
            title: "Whoever works is recommended work",
            why: "The model finds a third of the people with a disability who do work.",
            kind: "aspirational",
            key_results: vec![disabled],
        },
        Promised {
            who: HEAD,
            team: "applied-science",
            title: "We know what we measure",
            why: "A number without its sampling says nothing.",
            kind: "aspirational",
            key_results: vec![reviews],
        },
    ];
    let period = Period::of(story.app.clock.now()).to_string();
    for promised in all {
        let who = story.people.at_work(&story.app, promised.who).await?;
        let objective = ObjectiveInput {
            period: period.clone(),
            team: promised.team.to_owned(),
            title: promised.title.to_owned(),
            why: promised.why.to_owned(),
            kind: promised.kind.to_owned(),
            owner: promised.who.to_owned(),
            ..ObjectiveInput::default()
        };
        let id = okrs::add_objective(&story.app, &who, &objective).await?;
        for key_result in promised.key_results {
            let key_result = KeyResultInput {
                objective: id.to_string(),
                owner: promised.who.to_owned(),
                ..key_result
            };
            okrs::add_key_result(&story.app, &who, &key_result).await?;
        }
    }
    Ok(())
}

pub(super) async fn check_in(story: &Story) -> Result<()> {
    let head = story.people.at_work(&story.app, HEAD).await?;
    let period = Period::of(story.app.clock.now());
    let graded = okrs::of_period(&story.app, &head, period, None).await?;
    let manual = graded.iter().flat_map(|it| &it.key_results).find(|it| it.model.is_none());
    let id = manual.ok_or_else(|| Error::not_found("key result"))?.key_result.id.to_string();
    let note = "Adult and three years of ACS have theirs; the fourth waits for a legal answer.";
    let said = CheckInInput {
        value: "2".to_owned(),
        confidence: "medium".to_owned(),
        note: note.to_owned(),
    };
    okrs::check_in(&story.app, &head, &id, &said).await
}

/// The newest run of a version of a model.
async fn run_of(story: &Story, model: &str, version: &str) -> Result<String> {
    let head = story.people.at_work(&story.app, HEAD).await?;
    let model = find_model(&story.app, &head, model).await?;
    let runs = story.app.store.runs_of(model.id).await?;
    let newest = runs.iter().rev().find(|run| run.version_label == version);
    Ok(newest.ok_or_else(|| Error::not_found("run"))?.id.to_string())
}

/// Gradient boosting in place of logistic regression: it worked, and harmed nobody that can be told.
pub(super) async fn better_model(story: &Story) -> Result<()> {
    let engineer = story.people.at_work(&story.app, ENGINEER).await?;
    let input = MitigationInput {
        model: "adult-income".to_owned(),
        kind: "in_processing".to_owned(),
        title: "Gradient boosting in place of logistic regression".to_owned(),
        hypothesis: "A model that fits interactions finds more of the people with the outcome."
            .to_owned(),
        metric: "true_positive_rate".to_owned(),
        change: "0.05".to_owned(),
        owner: ENGINEER.to_owned(),
        state: "shipped".to_owned(),
        before: run_of(story, "adult-income", "v3").await?,
        after: run_of(story, "adult-income", "v4").await?,
        ..MitigationInput::default()
    };
    mitigations::add(&story.app, &engineer, &input).await?;
    Ok(())
}

/// Thresholds by group: the gap is closed, and false positives rise for everybody.
pub(super) async fn thresholds(story: &Story) -> Result<()> {
    let engineer = story.people.at_work(&story.app, ENGINEER).await?;
    let head = story.people.at_work(&story.app, HEAD).await?;
    let findings = crate::actions::findings::seen(&story.app, &head).await?;
    let finding = findings.iter().find(|it| {
        it.version_label == "v4" && it.rule == "equal-opportunity-sex" && it.slice == "sex=Female"
    });
    let input = MitigationInput {
        model: "adult-income".to_owned(),
        kind: "post_processing".to_owned(),
        title: "Thresholds by group (equalized odds)".to_owned(),
        hypothesis: "With a threshold of its own for each group, women and men with the same \
                     outcome are found alike."
            .to_owned(),
        metric: "true_positive_rate".to_owned(),
        slice: "sex=Female".to_owned(),
        change: "0.09".to_owned(),
        finding: finding.map(|it| it.id.to_string()).unwrap_or_default(),
        owner: ENGINEER.to_owned(),
        state: "shipped".to_owned(),
        before: run_of(story, "adult-income", "v4").await?,
        after: run_of(story, "adult-income", "v7").await?,
    };
    mitigations::add(&story.app, &engineer, &input).await?;
    Ok(())
}

pub(super) async fn another_model(story: &Story) -> Result<()> {
    let engineer = story.people.at_work(&story.app, LABOUR_ENGINEER).await?;
    let input = MitigationInput {
        model: "acs-employment".to_owned(),
        kind: "data".to_owned(),
        title: "Train with disability status and hours worked".to_owned(),
        hypothesis: "The model has never seen part-time work, which is how many people with a \
                     disability work."
            .to_owned(),
        metric: "true_positive_rate".to_owned(),
        slice: "disability=with".to_owned(),
        change: "0.3".to_owned(),
        owner: LABOUR_ENGINEER.to_owned(),
        state: "in_work".to_owned(),
        before: run_of(story, "acs-employment", "v1").await?,
        ..MitigationInput::default()
    };
    mitigations::add(&story.app, &engineer, &input).await?;
    Ok(())
}
