//! Findings open and close by themselves, as the evidence does.
//!
//! Whatever changes evidence calls [`refresh`] after it has committed, and the server does so for
//! everything once an hour, because runs go stale and waivers end without anybody's doing. It is
//! idempotent, so that it does not matter how often, or how many at once.

use crate::actions::TRIES;
use crate::actions::readiness;
use crate::actions::registry::visibility;
use crate::audit::By;
use crate::auth::Actor;
use crate::error::Result;
use crate::state::App;
use crate::store::findings::{Finding, Missed, Watched};
use app::domain::ModelId;
use app::domain::policy::Mode;
use app::domain::verdict::Verdict;
use metrics::Slice;
use std::collections::HashSet;

/// Looks again at the versions of a model that are watched, or of every model; how many findings
/// changed. Where the evidence keeps changing, the look after the last change sees all of it.
pub async fn refresh(app: &App, only: Option<ModelId>) -> Result<usize> {
    let mut changed = 0;
    'again: for _ in 0..TRIES {
        let seen = app.store.audit_head().await?.size;
        for watched in app.store.watched_versions().await? {
            if only.is_some_and(|only| only != watched.model) {
                continue;
            }
            match look(app, &watched, seen).await? {
                Some(n) => changed += n,
                None => continue 'again,
            }
        }
        break;
    }
    Ok(changed)
}

/// Brings the findings of a version in line with its evidence; `None` when that has changed since
/// the log had this size: an older look must not undo a newer one.
async fn look(app: &App, watched: &Watched, seen: i64) -> Result<Option<usize>> {
    let Watched { model, version, is_superseded } = *watched;
    let (missed, why_closed) = if is_superseded {
        (vec![], "another version took its place")
    } else {
        let Some(model) = app.store.model(model).await? else { return Ok(Some(0)) };
        let report = readiness::of(app, &model, version, app.clock.now()).await?;
        (missed(&report), "the rule no longer misses it")
    };
    if missed.is_empty() && !app.store.has_open_findings(version).await? {
        return Ok(Some(0));
    }
    let mut tx = app.store.begin(&By::SERVER, &app.clock).await?;
    if !tx.evidence_stands_since(seen).await? {
        return Ok(None);
    }
    let n = tx.reconcile_findings(model, version, &missed, why_closed).await?;
    // Without a change there is no entry, and nothing to commit.
    if n > 0 {
        tx.commit().await?;
    }
    Ok(Some(n))
}

/// The same where a failure must not undo what has been committed: it is logged, and the next look
/// mends it.
pub async fn refresh_after(app: &App, only: Option<ModelId>) {
    if let Err(error) = refresh(app, only).await {
        tracing::error!(%error, "findings are out of date until the next look");
    }
}

/// What rules that block or warn miss, slice by slice; what is waived is not missed.
fn missed(report: &readiness::Report) -> Vec<Missed> {
    let Some(policy) = &report.policy else { return vec![] };
    let mut all: Vec<Missed> = vec![];
    let mut known: HashSet<(&str, &Slice)> = HashSet::new();
    let outcomes = report.readiness.rules.iter();
    for outcome in outcomes.filter(|o| o.applies && o.rule.mode != Mode::Shadow) {
        for part in &outcome.parts {
            let kind = match part.verdict {
                Verdict::Pass => continue,
                Verdict::Fail => "fail",
                Verdict::NotEnoughEvidence => "not_enough_evidence",
            };
            if part.waiver.is_some() || !known.insert((outcome.rule.id.as_str(), &part.slice)) {
                continue;
            }
            // The sentence must not give a small cell away to whoever reads the list.
            let is_small = part.n.is_some_and(|n| n > 0 && n < 10);
            let sentence = if is_small {
                format!("{} has fewer rows than may be shown", part.slice.label())
            } else {
                part.sentence.clone()
            };
            all.push(Missed {
                policy: policy.policy_id,
                rule: outcome.rule.id.clone(),
                slice: part.slice.to_string(),
                kind,
                sentence,
                run: outcome.run,
            });
        }
    }
    all
}

/// The findings that the actor may see.
pub async fn seen(app: &App, actor: &Actor) -> Result<Vec<Finding>> {
    let visible = visibility(app, actor).await?;
    let all = app.store.findings().await?.into_iter();
    Ok(all.filter(|finding| visible.shows(finding.team_id, finding.restricted)).collect())
}
