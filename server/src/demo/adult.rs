//! The income model: a gap in true positive rate by sex, and what it costs to close it.

use super::people::{ENGINEER, LEAD};
use super::{Predicted, Story, Version, self_reported};
use crate::actions::edit_registry::accept_groups;
use crate::actions::register_model;
use crate::error::Result;
use app::domain::register::{DatasetInput, ModelInput, ObtainedInput};

const MODEL: &str = "adult-income";

const fn version(label: &'static str, training: &'static str, notes: &'static str) -> Version {
    Version { label, training, notes }
}

const fn predicted(version: &'static str, file: &'static str) -> Predicted {
    let dataset = ("adult-half", "1994");
    Predicted { model: MODEL, version, file, dataset, slices: &["sex", "race", "age_band"] }
}

pub(super) async fn before_the_quarter(story: &Story) -> Result<()> {
    story.at(story.calendar.before_the_quarter(215));
    let engineer = story.people.at_work(&story.app, ENGINEER).await?;
    let lead = story.people.at_work(&story.app, LEAD).await?;
    register_model::register(&story.app, &engineer, &model()).await?;
    story.register_dataset(&lead, &card()).await?;
    let versions = [
        (
            212,
            version("v1", "numeric features only", "logistic regression"),
            "adult_v1_lr_numeric.csv",
        ),
        (
            177,
            version("v2", "all features, race and sex among them", "logistic regression"),
            "adult_v2_lr_all.csv",
        ),
        (
            149,
            version("v3", "all features but race and sex", "logistic regression"),
            "adult_v3_lr_unaware.csv",
        ),
        (
            121,
            version("v4", "all features but race and sex", "gradient boosting"),
            "adult_v4_hgb.csv",
        ),
    ];
    for (days, version, file) in versions {
        story.at(story.calendar.before_the_quarter(days));
        story.register_version(&engineer, MODEL, &version).await?;
        story.evaluate(&engineer, &predicted(version.label, file)).await?;
        if version.label == "v1" {
            accept_groups(&story.app, &lead, MODEL).await?;
        }
    }
    Ok(())
}

pub(super) async fn this_quarter(story: &Story) -> Result<()> {
    let engineer = story.people.at_work(&story.app, ENGINEER).await?;
    let versions = [
        (
            0.3,
            version(
                "v7",
                "as v4",
                "v4 with an equalized-odds threshold optimizer, which reads the protected \
                 attribute when it decides",
            ),
            "adult_v7_eqodds_thropt.csv",
        ),
        (
            0.6,
            version("v8", "as v4", "exponentiated gradient for demographic parity"),
            "adult_v8_expgrad_dp.csv",
        ),
    ];
    for (share, version, file) in versions {
        story.at(story.calendar.in_the_quarter(share));
        story.register_version(&engineer, MODEL, &version).await?;
        story.evaluate(&engineer, &predicted(version.label, file)).await?;
    }
    Ok(())
}

fn model() -> ModelInput {
    ModelInput {
        slug: MODEL.to_owned(),
        name: "Adult income".to_owned(),
        team: "income-models".to_owned(),
        task: "binary_classification".to_owned(),
        risk_tier: "high".to_owned(),
        stage: "staging".to_owned(),
        positive_outcome: "favourable".to_owned(),
        architecture: "gradient-boosted trees".to_owned(),
        surface: "credit pre-approval".to_owned(),
        intended_use: "Estimates whether a person's yearly income is above 50,000 dollars, to \
                       decide who is shown a pre-approved offer."
            .to_owned(),
        out_of_scope_use: "Refusing credit; employment decisions.".to_owned(),
        owners: vec![LEAD.to_owned()],
        ..ModelInput::default()
    }
}

fn card() -> DatasetInput {
    DatasetInput {
        name: "adult-half".to_owned(),
        label: "1994".to_owned(),
        origin: "UCI Adult (Becker and Kohavi), from the 1994 US census; CC BY 4.0".to_owned(),
        sampling: "Half of the training file, held out at random; no re-weighting.".to_owned(),
        collected: "1994".to_owned(),
        notes: "Label: income above 50,000 dollars. The census' sampling weight is in the file \
                and is not used here."
            .to_owned(),
        attributes: vec![
            self_reported("sex", "Asked as male or female; gender identity was not asked."),
            self_reported("race", "Five answers, one each."),
            self_reported("age_band", "Age in years, banded here."),
            ObtainedInput {
                attribute: "disability".to_owned(),
                obtained: "not_measured".to_owned(),
                note: "the census extract does not carry it".to_owned(),
            },
        ],
        ..DatasetInput::default()
    }
}
