//! What must be shown before a launch: one policy for the organisation, one that a team adds to it.

use super::Story;
use super::people::{HEAD, LABOUR_LEAD};
use crate::actions::edit_policy::{PolicyInput, add};
use crate::error::Result;

pub(super) async fn write(story: &Story) -> Result<()> {
    let head = story.people.at_work(&story.app, HEAD).await?;
    let policy = PolicyInput {
        slug: "classification-high-risk".to_owned(),
        team: String::new(),
        source: include_str!("policies/classification.toml").to_owned(),
        note: "What we agreed on in the spring review.".to_owned(),
    };
    add(&story.app, &head, &policy).await?;
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
