//! The employment model: one version over three years of census data, which finds few of the people
//! with a disability who do work.

use super::people::{LABOUR_ENGINEER, LABOUR_LEAD, REVIEWER};
use super::{Predicted, Story, Version, policies, promises, self_reported};
use crate::actions::edit_registry::accept_group;
use crate::actions::register_model;
use crate::actions::registry::find_model;
use crate::auth::Actor;
use crate::error::Result;
use app::domain::attribute::{KnownGroup, Standing};
use app::domain::register::{DatasetInput, ModelInput};

const MODEL: &str = "acs-employment";

const VERSION: Version = Version {
    label: "v1",
    training: "ACS before 2015",
    notes: "one model, scored on each year's census",
};

const fn predicted(year: &'static str, file: &'static str) -> Predicted {
    Predicted {
        model: MODEL,
        version: VERSION.label,
        file,
        dataset: ("acs-employment-ma", year),
        slices: &["sex", "race", "age_band", "disability"],
    }
}

pub(super) async fn before_the_quarter(story: &Story) -> Result<()> {
    let engineer = story.people.at_work(&story.app, LABOUR_ENGINEER).await?;
    let lead = story.people.at_work(&story.app, LABOUR_LEAD).await?;
    story.at(story.calendar.before_the_quarter(90));
    register_model::register(&story.app, &engineer, &model()).await?;
    story.register_version(&engineer, MODEL, &VERSION).await?;
    story.register_dataset(&lead, &card("2015")).await?;
    story.evaluate(&engineer, &predicted("2015", "acs_employment_ma_2015.parquet")).await?;
    accept_most_groups(story, &lead).await?;
    policies::tighten(story).await?;
    story.at(story.calendar.before_the_quarter(45));
    story.register_dataset(&lead, &card("2016")).await?;
    story.evaluate(&engineer, &predicted("2016", "acs_employment_ma_2016.parquet")).await
}

pub(super) async fn this_quarter(story: &Story) -> Result<()> {
    let engineer = story.people.at_work(&story.app, LABOUR_ENGINEER).await?;
    let lead = story.people.at_work(&story.app, LABOUR_LEAD).await?;
    story.at(story.calendar.in_the_quarter(0.7));
    story.register_dataset(&lead, &card("2017")).await?;
    story.evaluate(&engineer, &predicted("2017", "acs_employment_ma_2017.parquet")).await?;
    story.at(story.calendar.in_the_quarter(0.80));
    let summary = "Ranks job recommendations in Massachusetts.";
    let launch = story.request_launch(LABOUR_LEAD, MODEL, VERSION.label, summary).await?;
    story.at(story.calendar.in_the_quarter(0.85));
    let text = "It finds a third of the people with a disability who do work. Before anybody signs \
                we need another model, not a waiver.";
    story.comment(REVIEWER, &launch, text).await?;
    promises::another_model(story).await
}

/// All but one, which may be another name of American Indian: somebody has to look.
async fn accept_most_groups(story: &Story, lead: &Actor) -> Result<()> {
    let known = find_model(&story.app, lead, MODEL).await?;
    let registry = story.app.store.registry().await?;
    for attribute in registry.attributes() {
        let proposed = |group: &&KnownGroup| group.proposed_by == Some(known.id);
        for group in attribute.groups.iter().filter(proposed) {
            if group.standing == Standing::Proposed && !group.name.contains("n.s.") {
                let pair = (attribute.name.as_str(), group.name.as_str());
                accept_group(&story.app, lead, MODEL, pair).await?;
            }
        }
    }
    Ok(())
}

fn model() -> ModelInput {
    ModelInput {
        slug: MODEL.to_owned(),
        name: "Employment (ACS)".to_owned(),
        team: "labour-market".to_owned(),
        task: "binary_classification".to_owned(),
        risk_tier: "high".to_owned(),
        stage: "production".to_owned(),
        positive_outcome: "favourable".to_owned(),
        architecture: "gradient-boosted trees, trained elsewhere".to_owned(),
        surface: "job recommendations".to_owned(),
        intended_use: "Predicts whether a person is employed, to rank job recommendations."
            .to_owned(),
        out_of_scope_use: "Any decision about benefits.".to_owned(),
        owners: vec![LABOUR_LEAD.to_owned()],
        // Each year's survey asks other people, so no two runs have a row in common.
        rows_kept_days: "0".to_owned(),
        ..ModelInput::default()
    }
}

fn card(year: &str) -> DatasetInput {
    DatasetInput {
        name: "acs-employment-ma".to_owned(),
        label: year.to_owned(),
        origin: "US Census Bureau, American Community Survey public-use microdata; public domain"
            .to_owned(),
        sampling: format!("All persons of Massachusetts in the {year} one-year sample."),
        collected: year.to_owned(),
        notes: "Label: employed. Scores are those of a model that others trained.".to_owned(),
        attributes: vec![
            self_reported("sex", "Asked as male or female; gender identity was not asked."),
            self_reported("race", "Nine recoded answers."),
            self_reported("age_band", "Age in years, banded."),
            self_reported("disability", "Any of six difficulties."),
        ],
        ..DatasetInput::default()
    }
}
