//! The income model: a gap in true positive rate by sex, and what it costs to close it.

use super::people::{ENGINEER, HEAD, LEAD, LEGAL, REVIEWER};
use super::{Predicted, Story, Version, promises, self_reported};
use crate::actions::edit_registry::accept_groups;
use crate::actions::register_model;
use crate::actions::waivers::WaiverInput;
use crate::error::Result;
use app::domain::Function;
use app::domain::launch::Decision;
use app::domain::register::{DatasetInput, ModelInput, ObtainedInput};
use time::Duration;

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
    let early = [
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
    ];
    for (days, version, file) in early {
        story.at(story.calendar.before_the_quarter(days));
        story.register_version(&engineer, MODEL, &version).await?;
        story.evaluate(&engineer, &predicted(version.label, file)).await?;
        if version.label == "v1" {
            accept_groups(&story.app, &lead, MODEL).await?;
        }
    }
    launched(story).await?;
    rejected(story).await
}

/// v3, under the policy as it was then.
async fn launched(story: &Story) -> Result<()> {
    story.at(story.calendar.before_the_quarter(145));
    let summary = "Pre-approved offers for new customers, behind a flag for ten per cent.";
    let launch = story.request_launch(LEAD, MODEL, "v3", summary).await?;
    story.at(story.calendar.before_the_quarter(144));
    let reason = "Race and sex are not features. The gap by sex is not shown to be above 0.05, \
                  though it is not shown to be below it either.";
    story.sign(REVIEWER, &launch, Function::ResponsibleAi, Decision::Approve, reason).await?;
    let reason = "No protected attribute is read when it decides.";
    story.sign(LEGAL, &launch, Function::LegalPrivacy, Decision::Approve, reason).await?;
    story.at(story.calendar.before_the_quarter(143));
    story.mark_launched(LEAD, &launch).await
}

/// v4: better for all together, worse for women.
async fn rejected(story: &Story) -> Result<()> {
    let engineer = story.people.at_work(&story.app, ENGINEER).await?;
    let v4 = version("v4", "all features but race and sex", "gradient boosting");
    story.at(story.calendar.before_the_quarter(121));
    story.register_version(&engineer, MODEL, &v4).await?;
    story.evaluate(&engineer, &predicted("v4", "adult_v4_hgb.csv")).await?;
    story.at(story.calendar.before_the_quarter(120));
    promises::better_model(story).await?;
    story.at(story.calendar.before_the_quarter(116));
    let summary = "Gradient boosting in place of logistic regression.";
    let launch = story.request_launch(LEAD, MODEL, "v4", summary).await?;
    story.at(story.calendar.before_the_quarter(115));
    let reason = "The true positive rate of women is shown to be more than 0.05 below that of men.";
    story.sign(REVIEWER, &launch, Function::ResponsibleAi, Decision::Reject, reason).await
}

pub(super) async fn this_quarter(story: &Story) -> Result<()> {
    let engineer = story.people.at_work(&story.app, ENGINEER).await?;
    let v7 = version(
        "v7",
        "as v4",
        "v4 with an equalized-odds threshold optimizer, which reads the protected attribute when \
         it decides",
    );
    story.at(story.calendar.in_the_quarter(0.30));
    story.register_version(&engineer, MODEL, &v7).await?;
    story.evaluate(&engineer, &predicted("v7", "adult_v7_eqodds_thropt.csv")).await?;
    promises::thresholds(story).await?;
    mitigated(story).await?;
    let v8 = version("v8", "as v4", "exponentiated gradient for demographic parity");
    story.at(story.calendar.in_the_quarter(0.60));
    story.register_version(&engineer, MODEL, &v8).await?;
    story.evaluate(&engineer, &predicted("v8", "adult_v8_expgrad_dp.csv")).await
}

/// v7, with a waiver for the group that is too small to judge.
async fn mitigated(story: &Story) -> Result<()> {
    story.at(story.calendar.in_the_quarter(0.34));
    let last_day = story.app.clock.now() + Duration::days(75);
    let waiver = WaiverInput {
        model: MODEL.to_owned(),
        version: "v7".to_owned(),
        rule: "equal-opportunity-race".to_owned(),
        slice: "race=Other".to_owned(),
        reason: "Twelve people with a positive label are too few to judge by; the set holds no \
                 more of them."
            .to_owned(),
        control: "A person reads every refusal in this group each week, and the next set is \
                  sampled to hold at least a hundred of them."
            .to_owned(),
        owner: LEAD.to_owned(),
        expires: last_day.date().to_string(),
    };
    let why = "The control is in place; it ends with the next evaluation set.";
    story.waive(ENGINEER, HEAD, waiver, why).await?;
    story.at(story.calendar.in_the_quarter(0.38));
    let summary = "The threshold is set by group, so that women and men with the same outcome are \
                   found alike. Offers for all new customers.";
    let launch = story.request_launch(LEAD, MODEL, "v7", summary).await?;
    story.at(story.calendar.in_the_quarter(0.40));
    let reason = "The gap in true positive rate by sex is shown to be within 0.05. AUC is that of \
                  v4: the score is the same, only the threshold differs, so nobody is ranked \
                  better than before. False positives rose in every group, and accuracy fell.";
    story.sign(REVIEWER, &launch, Function::ResponsibleAi, Decision::Approve, reason).await?;
    story.at(story.calendar.in_the_quarter(0.42));
    let reason = "The optimizer reads the protected attribute when it decides. That is allowed for \
                  this offer in the markets named, and for no decision to refuse credit; to be \
                  looked at again with the next market.";
    story.sign(LEGAL, &launch, Function::LegalPrivacy, Decision::Approve, reason).await?;
    story.at(story.calendar.in_the_quarter(0.45));
    story.mark_launched(LEAD, &launch).await
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
        // The mitigations of this quarter start from runs of the last one.
        rows_kept_days: "400".to_owned(),
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
