//! Who asked for which launch, who signed it, and what they said.

use super::Story;
use crate::actions::launches::{self, LaunchInput};
use crate::actions::sign_off::{Signature, sign};
use crate::actions::waivers::{self, Decision as Waive, WaiverInput};
use crate::error::{Error, Result};
use app::domain::Function;
use app::domain::launch::{Decision, Step};

impl Story {
    /// Asks for a launch; gives its number as the pages write it.
    pub(super) async fn request_launch(
        &self,
        lead: &str,
        model: &str,
        version: &str,
        summary: &str,
    ) -> Result<String> {
        let lead = self.people.at_work(&self.app, lead).await?;
        let input = LaunchInput {
            model: model.to_owned(),
            version: version.to_owned(),
            summary: summary.to_owned(),
            ..LaunchInput::default()
        };
        Ok(launches::add(&self.app, &lead, &input).await?.to_string())
    }

    pub(super) async fn sign(
        &self,
        reviewer: &str,
        launch: &str,
        function: Function,
        decision: Decision,
        reason: &str,
    ) -> Result<()> {
        let reviewer = self.people.at_work(&self.app, reviewer).await?;
        let (found, ..) = launches::find(&self.app, &reviewer, launch).await?;
        let revisions = self.app.store.revisions(found.id).await?;
        let newest =
            revisions.first().ok_or_else(|| Error::Internal("demo: nothing to sign".to_owned()))?;
        let signature = Signature {
            function,
            decision,
            reason: reason.to_owned(),
            digest: newest.digest.clone(),
        };
        sign(&self.app, &reviewer, launch, &signature).await?;
        Ok(())
    }

    pub(super) async fn mark_launched(&self, lead: &str, launch: &str) -> Result<()> {
        let lead = self.people.at_work(&self.app, lead).await?;
        launches::decide(&self.app, &lead, launch, Step::Launch, "").await?;
        Ok(())
    }

    pub(super) async fn comment(&self, who: &str, launch: &str, text: &str) -> Result<()> {
        let who = self.people.at_work(&self.app, who).await?;
        launches::comment(&self.app, &who, launch, text).await
    }

    /// Asks for a waiver and has it approved.
    pub(super) async fn waive(
        &self,
        asker: &str,
        approver: &str,
        input: WaiverInput,
        why: &str,
    ) -> Result<()> {
        let asker = self.people.at_work(&self.app, asker).await?;
        let id = waivers::ask(&self.app, &asker, &input).await?;
        let approver = self.people.at_work(&self.app, approver).await?;
        waivers::decide(&self.app, &approver, &id.to_string(), Waive::Approve, why).await
    }
}
