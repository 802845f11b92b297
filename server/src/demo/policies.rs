//! What must be shown before a launch: one policy for the organisation, one that a team adds to it.

use super::Story;
use super::people::{HEAD, LABOUR_LEAD};
use crate::actions::edit_policy::{PolicyInput, add, save};
use crate::error::{Error, Result};

const POLICY: &str = "classification-high-risk";

/// The organisation's policy as it is now.
const NOW: &str = include_str!("policies/classification.toml");

pub(super) async fn write(story: &Story) -> Result<()> {
    let head = story.people.at_work(&story.app, HEAD).await?;
    let policy = PolicyInput {
        slug: POLICY.to_owned(),
        team: String::new(),
        source: earlier(),
        note: "What we agreed on in the spring review.".to_owned(),
    };
    add(&story.app, &head, &policy).await?;
    Ok(())
}

/// It began more lenient: harm had to be shown, and ten positives were enough.
fn earlier() -> String {
    NOW.replacen("burden = \"safety\"", "burden = \"harm\"", 1).replacen(
        "least_n = 15",
        "least_n = 10",
        1,
    )
}

pub(super) async fn tighten(story: &Story) -> Result<()> {
    let head = story.people.at_work(&story.app, HEAD).await?;
    let versions = story.app.store.policy_versions(POLICY).await?;
    let newest = versions.first().ok_or_else(|| Error::not_found("policy"))?;
    let policy = PolicyInput {
        source: NOW.to_owned(),
        note: "Safety must be shown by sex, and ten positives say too little.".to_owned(),
        ..PolicyInput::default()
    };
    save(&story.app, &head, newest, newest.number, &policy).await?;
    let lead = story.people.at_work(&story.app, LABOUR_LEAD).await?;
    let policy = PolicyInput {
        slug: "employment-high-risk".to_owned(),
        team: "labour-market".to_owned(),
        source: include_str!("policies/employment.toml").to_owned(),
        note: "Disability is measured here, so it counts here.".to_owned(),
    };
    add(&story.app, &lead, &policy).await?;
    Ok(())
}
