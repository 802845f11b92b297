//! Judge again what a stored revision covers, by the evidence as it stood when it was asked for.
//!
//! The audit log's order is the order in which everything happened, so that what was accepted,
//! voided, approved and ended before the request is known exactly. The attribute registry is the
//! one thing that keeps no past: names that were changed since can change what is said of them.

use crate::actions::launches::{content_of, digest_of, resting_on};
use crate::actions::readiness::{Evidence, Report, judged};
use crate::error::{Error, Result};
use crate::store::Store;
use crate::store::launches::{Launch, Revision};
use crate::store::runs::Run;
use app::domain::launch::{Content, ENGINE};
use app::domain::verdict::{Readiness, WaiverInForce};
use app::domain::{RunId, VersionId};
use std::collections::BTreeSet;

/// What a revision would be if it were made again.
#[derive(Clone, Debug)]
pub struct Replayed {
    pub digest: String,
    pub readiness: Readiness,
    /// Whether the registry is still the one that it was judged by.
    pub same_registry: bool,
}

impl Replayed {
    /// Whether it is what was stored, to the last digit.
    pub fn is(&self, revision: &Revision) -> Result<bool> {
        let readiness = serde_json::to_value(&self.readiness)
            .map_err(|error| Error::Internal(error.to_string()))?
            .to_string();
        Ok(self.digest == revision.digest && readiness == revision.readiness)
    }
}

/// What there was to judge by when a revision was asked for.
pub(super) async fn evidence_of(
    store: &Store,
    launch: &Launch,
    revision: &Revision,
    content: &Content,
) -> Result<Evidence> {
    let launched = match &content.compared_with {
        None => None,
        Some(id) => Some(id.parse::<VersionId>().map_err(|_| gone(launch, "compared version"))?),
    };
    let (mut runs, mut waivers) = (BTreeSet::new(), BTreeSet::new());
    for (action, id) in store.evidence_log_before(launch.id, revision.number).await? {
        match action.as_str() {
            "run.accepted" => runs.insert(id),
            "run.voided" => runs.remove(&id),
            "waiver.approved" => waivers.insert(id),
            _ => waivers.remove(&id),
        };
    }
    let counted = |id: RunId| runs.contains(&id.to_string());
    let all = store.runs_of(launch.model_id).await?;
    // As readiness takes them: the newest evaluation first.
    let of = |version: VersionId| {
        let is = |run: &&Run| run.version_id == version && counted(run.id);
        all.iter().rev().filter(is).cloned().collect::<Vec<_>>()
    };
    let approved = store.waivers_approved(launch.version_id).await?;
    let in_force = |waiver: &WaiverInForce| waivers.contains(&waiver.id.to_string());
    Ok(Evidence {
        runs: of(launch.version_id),
        before: launched.map(of).unwrap_or_default(),
        launched,
        waivers: approved.into_iter().filter(in_force).collect(),
    })
}

fn gone(launch: &Launch, what: &str) -> Error {
    Error::Internal(format!("L-{}: its {what} is gone", launch.number))
}

/// # Errors
/// When something that it covers is not in the database any more.
pub async fn replay(store: &Store, launch: &Launch, revision: &Revision) -> Result<Replayed> {
    let content = content_of(revision)?;
    let model = store.model(launch.model_id).await?.ok_or_else(|| gone(launch, "model"))?;
    let policy = match &content.policy {
        None => None,
        Some(covered) => {
            let versions = store.policy_versions(&covered.slug).await?;
            let version = versions.into_iter().find(|it| it.number == covered.version);
            Some(version.ok_or_else(|| gone(launch, "policy"))?)
        }
    };
    let evidence = evidence_of(store, launch, revision, &content).await?;
    let at = crate::clock::from_micros(revision.requested_at);
    let rules = policy.as_ref().map(|version| &version.policy);
    let report = judged(store, &model, rules, evidence, at).await?;
    let report = Report { policy, ..report };
    let same_registry = report.registry_version == content.registry_version;
    let again = resting_on(&report, content);
    Ok(Replayed { digest: digest_of(&again)?.1, readiness: report.readiness, same_registry })
}

/// How the decisions that a database holds came out when they were replayed.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub same: usize,
    /// Differ, as they may: the registry has been changed since.
    pub other_names: usize,
    /// Were judged by earlier definitions, which are no longer at hand.
    pub other_engine: usize,
    /// Differ by the same registry: what they rest on, or what was stored of them, was changed.
    pub differ: Vec<String>,
}

/// Replays every revision of every launch.
pub async fn replay_all(store: &Store) -> Result<Tally> {
    let mut tally = Tally::default();
    for launch in store.launches().await? {
        for revision in store.revisions(launch.id).await? {
            if content_of(&revision)?.engine != ENGINE {
                tally.other_engine += 1;
                continue;
            }
            let again = replay(store, &launch, &revision).await?;
            if again.is(&revision)? {
                tally.same += 1;
            } else if again.same_registry {
                tally.differ.push(format!("L-{} revision {}", launch.number, revision.number));
            } else {
                tally.other_names += 1;
            }
        }
    }
    Ok(tally)
}
