//! Ask for a launch, and move it on. What a signature covers is made here; see
//! [`crate::actions::sign_off`] for who gives one.

use crate::actions::findings::refresh_after;
use crate::actions::readiness::{self, Report};
use crate::actions::register_version;
use crate::actions::registry::{find_model, may_see_model, visibility};
use crate::actions::{TRIES, unsettled};
use crate::audit::{sha256_hex, timestamp};
use crate::auth::Actor;
use crate::auth::permit::{Comment, DecideLaunch, RequestLaunch};
use crate::clock::micros;
use crate::error::{Error, Result};
use crate::state::App;
use crate::store::launches::{Launch, NewRevision, Revision};
use crate::store::models::Model;
use crate::store::runs::Run;
use crate::store::versions::Version;
use app::domain::launch::{
    Content, ENGINE, MakerPart, ModelContent, PolicyContent, RunContent, State, Step,
    WaiverContent, differences,
};
use app::domain::{ModelId, PersonId, Prose, RunId, Scope};
use app::form::FieldErrors;
use app::upload::canonical::canonical;
use time::OffsetDateTime;
use uuid::Uuid;

/// What a new revision would cover now.
pub struct Covered {
    /// The moment at which it was judged.
    pub at: OffsetDateTime,
    pub content: Content,
    pub text: String,
    pub digest: String,
    pub report: Report,
}

/// What a launch of a version would rest on, as things stand.
pub async fn cover(app: &App, model: &Model, version: &Version) -> Result<Covered> {
    let at = app.clock.now();
    let report = readiness::of(app, model, version.id, at).await?;
    let content = Content {
        engine: ENGINE.to_owned(),
        model: ModelContent {
            slug: model.slug.clone(),
            team: model.team_slug.clone(),
            task: model.task.as_str().to_owned(),
            risk_tier: model.risk_tier.as_str().to_owned(),
        },
        version: version.label.clone(),
        version_id: version.id.to_string(),
        artifact_digest: version.artifact_digest.clone(),
        runs: vec![],
        changed_from: vec![],
        policy: None,
        registry_version: report.registry_version,
        waivers: vec![],
        compared_with: report.launched.map(|launched| launched.to_string()),
        depends_on: app.store.launched_dependencies(model.id).await?,
    };
    let content = resting_on(&report, content);
    let (text, digest) = digest_of(&content)?;
    Ok(Covered { at, content, text, digest, report })
}

/// A content with the policy, runs and waivers of a report in place of its own.
pub(super) fn resting_on(report: &Report, content: Content) -> Content {
    let (runs, changed_from) = (covered(&report.runs), covered(&report.changed_from));
    let mut waivers: Vec<WaiverContent> = report
        .waivers
        .iter()
        .map(|waiver| WaiverContent {
            id: waiver.id.to_string(),
            rule: waiver.rule.clone(),
            slice: waiver.slice.to_string(),
            expires_at: timestamp(waiver.expires_at),
        })
        .collect();
    waivers.sort_by(|a, b| a.id.cmp(&b.id));
    let policy = report.policy.as_ref().map(|policy| PolicyContent {
        slug: policy.slug.clone(),
        version: policy.number,
        digest: policy.digest.clone(),
    });
    Content { runs, changed_from, policy, waivers, ..content }
}

fn covered(runs: &[Run]) -> Vec<RunContent> {
    let mut covered: Vec<RunContent> = runs
        .iter()
        .map(|run| RunContent {
            digest: run.digest.clone(),
            dataset: format!("{}@{}", run.dataset_name, run.dataset_label),
        })
        .collect();
    covered.sort_by(|a, b| a.digest.cmp(&b.digest));
    covered
}

/// A content as it is stored, and the digest that a signature covers.
pub(super) fn digest_of(content: &Content) -> Result<(String, String)> {
    let text = canonical(&to_json(content)?);
    let digest = format!("sha256:{}", sha256_hex(&text));
    Ok((text, digest))
}

fn to_json(value: &impl serde::Serialize) -> Result<serde_json::Value> {
    serde_json::to_value(value).map_err(|error| Error::Internal(error.to_string()))
}

/// What a stored revision covers.
pub fn content_of(revision: &Revision) -> Result<Content> {
    serde_json::from_str(&revision.content)
        .map_err(|error| Error::Internal(format!("revision {}: {error}", revision.id)))
}

/// A launch by its number, `L-3` or `3`, or its id, if the actor may see its model.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn find(app: &App, actor: &Actor, name: &str) -> Result<(Launch, Model, Version)> {
    let missing = || Error::not_found("launch");
    let found = match (name.strip_prefix("L-").unwrap_or(name).parse(), name.parse()) {
        (Ok(number), _) => app.store.launch(number).await?,
        (Err(_), Ok(id)) => app.store.launch_by_id(id).await?,
        (Err(_), Err(_)) => None,
    };
    let launch = found.ok_or_else(missing)?;
    let model = app.store.model(launch.model_id).await?.ok_or_else(missing)?;
    if !may_see_model(app, actor, &model).await? {
        return Err(missing());
    }
    let (model, version) = register_version::find(app, model, &launch.version_label).await?;
    Ok((launch, model, version))
}

/// The launches that the actor may see, the newest first.
pub async fn seen(app: &App, actor: &Actor) -> Result<Vec<Launch>> {
    let visible = visibility(app, actor).await?;
    let launches = app.store.launches().await?.into_iter();
    Ok(launches.filter(|launch| visible.shows(launch.team_id, launch.restricted)).collect())
}

/// A launch as it was typed.
#[derive(Clone, Debug, Default)]
pub struct LaunchInput {
    pub model: String,
    pub version: String,
    /// What is shipped, and to whom.
    pub summary: String,
    /// A day, `2026-11-30`, or empty.
    pub planned_for: String,
    /// Kept for oneself: nothing is asked of anybody yet.
    pub is_draft: bool,
}

/// A launch as it was typed, checked.
pub struct Checked {
    model: Model,
    version: Version,
    summary: Prose,
    planned_for: Option<i64>,
}

/// Checks what was typed.
///
/// # Errors
/// [`Error::Fields`] with everything that is wrong.
pub async fn check(app: &App, actor: &Actor, input: &LaunchInput) -> Result<Checked> {
    let mut errors = FieldErrors::default();
    let found = match find_model(app, actor, &input.model).await {
        Ok(model) => match register_version::find(app, model, &input.version).await {
            Ok(found) => Some(found),
            Err(Error::NotFound(message)) => {
                errors.add("version", message);
                None
            }
            Err(error) => return Err(error),
        },
        Err(Error::NotFound(message)) => {
            errors.add("model", message);
            None
        }
        Err(error) => return Err(error),
    };
    let summary = errors.check("summary", Prose::new(&input.summary));
    if summary.as_ref().is_some_and(|text| text.as_str().trim().is_empty()) {
        errors.add("summary", "say what is launched, and to whom");
    }
    let planned_for = match input.planned_for.trim() {
        "" => None,
        day => match crate::clock::day(day) {
            Some(day) => Some(micros(day)),
            None => {
                errors.add("planned_for", "write the day as 2026-11-30");
                None
            }
        },
    };
    match (found, summary) {
        (Some((model, version)), Some(summary)) if errors.is_empty() => {
            Ok(Checked { model, version, summary, planned_for })
        }
        _ => Err(errors.into()),
    }
}

/// Asks for a launch, or drafts it; gives its number.
///
/// # Errors
/// [`Error::Fields`] for what was typed.
pub async fn add(app: &App, actor: &Actor, input: &LaunchInput) -> Result<i64> {
    let person = actor.person()?;
    let Checked { model, version, summary, planned_for } = check(app, actor, input).await?;
    let lineage = app.store.lineage(model.team_id).await?;
    let permit = actor.permit::<RequestLaunch>(Scope::Team(&lineage))?;
    for _ in 0..TRIES {
        let asked = if input.is_draft {
            None
        } else {
            Some(Asked::now(app, model.id, &version.label, person).await?)
        };
        let mut tx = app.store.begin(&actor.by(), &app.clock).await?;
        tx.take_turn(model.id).await?;
        let (id, number) = tx
            .add_launch(&permit, model.id, version.id, person, summary.as_str(), planned_for)
            .await?;
        if let Some(asked) = &asked {
            if !tx.evidence_stands_since(asked.seen).await? {
                continue;
            }
            let texts = Texts::of(&asked.covered, &[])?;
            tx.add_revision(&permit, id, 0, &asked.revision(&texts, person)).await?;
        }
        tx.commit().await?;
        return Ok(number);
    }
    Err(unsettled())
}

/// Asks again, on the evidence, policy and waivers of now: a new revision, whose signatures are all
/// asked for anew.
///
/// # Errors
/// [`Error::Conflict`] when nothing has changed since the last request, or the launch is past that.
pub async fn request(app: &App, actor: &Actor, number: &str) -> Result<Vec<String>> {
    let person = actor.person()?;
    for _ in 0..TRIES {
        let (launch, model, version) = find(app, actor, number).await?;
        let lineage = app.store.lineage(model.team_id).await?;
        let permit = actor.permit::<RequestLaunch>(Scope::Team(&lineage))?;
        let asked = Asked::now(app, model.id, &version.label, person).await?;
        let mut tx = app.store.begin(&actor.by(), &app.clock).await?;
        tx.take_turn(model.id).await?;
        let locked = tx.lock_launch(launch.id).await?;
        if locked.state.after(Step::Request).is_none() {
            return Err(Error::Conflict(format!(
                "a launch that is {} is not asked for",
                locked.state
            )));
        }
        if !tx.evidence_stands_since(asked.seen).await? {
            continue;
        }
        let mut changes = vec![];
        if locked.revision > 0 {
            let before = tx.revision(launch.id, locked.revision).await?;
            // A launch that was rejected may be asked for again as it is: people change their
            // minds.
            if before.digest == asked.covered.digest && locked.state != State::Rejected {
                return Err(Error::Conflict(
                    "nothing has changed since the last request; its signatures still count"
                        .to_owned(),
                ));
            }
            changes = differences(&content_of(&before)?, &asked.covered.content);
        }
        let texts = Texts::of(&asked.covered, &changes)?;
        let revision = asked.revision(&texts, person);
        tx.add_revision(&permit, launch.id, locked.revision, &revision).await?;
        tx.commit().await?;
        return Ok(changes);
    }
    Err(unsettled())
}

/// What a request would make, and how far the log of changes reached before it was read. All of it
/// is read before the transaction, which must not wait for a second connection and holds on to
/// nothing but that nothing has changed.
struct Asked {
    seen: i64,
    covered: Covered,
    /// What it loses its evidence with.
    runs: Vec<RunId>,
    makers: Makers,
}

impl Asked {
    async fn now(app: &App, model: ModelId, version: &str, requester: PersonId) -> Result<Self> {
        let seen = app.store.audit_head().await?.size;
        let model = app.store.model(model).await?.ok_or_else(|| Error::not_found("model"))?;
        let (model, version) = register_version::find(app, model, version).await?;
        let covered = cover(app, &model, &version).await?;
        let makers = makers(app, &model, &covered, requester).await?;
        let runs = covered.report.runs_rested_on().map(|run| run.id).collect();
        Ok(Self { seen, covered, runs, makers })
    }

    fn revision<'a>(&'a self, texts: &'a Texts, requester: PersonId) -> NewRevision<'a> {
        let report = &self.covered.report;
        let policy = report.policy.as_ref();
        NewRevision {
            digest: &self.covered.digest,
            content: &self.covered.text,
            policy_version: policy.map(|policy| policy.id.0),
            readiness: &texts.readiness,
            verdict: report.readiness.verdict.as_str(),
            changes: &texts.changes,
            valid_until: report.readiness.valid_until.map(micros),
            requester,
            requested_at: micros(self.covered.at),
            makers: &self.makers.people,
            runs: &self.runs,
            waivers: &self.makers.waivers,
            slots: policy.map_or(&[], |policy| &policy.policy.sign_offs),
        }
    }
}

/// The texts of a revision, which it borrows.
struct Texts {
    readiness: String,
    changes: String,
}

impl Texts {
    fn of(covered: &Covered, changes: &[String]) -> Result<Self> {
        Ok(Self {
            readiness: to_json(&covered.report.readiness)?.to_string(),
            changes: to_json(&changes)?.to_string(),
        })
    }
}

struct Makers {
    people: Vec<(PersonId, MakerPart, Uuid)>,
    waivers: Vec<Uuid>,
}

/// Everybody who made what a revision rests on.
async fn makers(
    app: &App,
    model: &Model,
    covered: &Covered,
    requester: PersonId,
) -> Result<Makers> {
    let mut people = vec![(requester, MakerPart::Requester, model.id.0)];
    for run in covered.report.runs_rested_on() {
        people.push((run.uploader_id, MakerPart::Uploader, run.id.0));
    }
    if let Some(policy) = &covered.report.policy {
        people.push((policy.edited_by, MakerPart::PolicyEditor, policy.id.0));
    }
    for owner in app.store.owners_of(model.id).await? {
        people.push((owner.id, MakerPart::ModelOwner, model.id.0));
    }
    let mut waivers = vec![];
    for waiver in &covered.report.waivers {
        waivers.push(waiver.id.0);
        if let Some(waiver) = app.store.waiver(waiver.id).await? {
            people.push((waiver.asked_by, MakerPart::WaiverAsker, waiver.id.0));
            if let Some(approver) = waiver.approved_by {
                people.push((PersonId(approver), MakerPart::WaiverApprover, waiver.id.0));
            }
        }
    }
    Ok(Makers { people, waivers })
}

/// Whether what a revision said still holds at a moment.
pub fn stands(revision: &Revision, at: OffsetDateTime) -> bool {
    revision.verdict == "pass" && revision.valid_until.is_none_or(|until| micros(at) < until)
}

/// Launches, suspends, resumes, rolls back or withdraws.
///
/// # Errors
/// [`Error::Conflict`] when the step cannot be taken, or the approval no longer stands.
pub async fn decide(
    app: &App,
    actor: &Actor,
    number: &str,
    step: Step,
    reason: &str,
) -> Result<State> {
    let (launch, model, _) = find(app, actor, number).await?;
    let lineage = app.store.lineage(model.team_id).await?;
    let permit = actor.permit::<DecideLaunch>(Scope::Team(&lineage))?;
    let reason = Prose::new(reason)
        .map_err(|error| Error::Fields(FieldErrors::one("reason", error.to_string())))?;
    let needs_reason = matches!(step, Step::Suspend | Step::RollBack | Step::Withdraw);
    if needs_reason && reason.as_str().trim().is_empty() {
        return Err(FieldErrors::one("reason", "say why").into());
    }
    if !needs_reason && !matches!(step, Step::Launch | Step::Resume) {
        return Err(Error::BadRequest(format!("nobody decides to {step}")));
    }
    let mut tx = app.store.begin(&actor.by(), &app.clock).await?;
    let locked = tx.lock_launch(launch.id).await?;
    let after = locked.state.after(step).ok_or_else(|| {
        Error::Conflict(format!("a launch that is {} cannot be taken to: {step}", locked.state))
    })?;
    if matches!(step, Step::Launch | Step::Resume) {
        let revision = tx.revision(launch.id, locked.revision).await?;
        if !stands(&revision, app.clock.now()) {
            return Err(Error::Conflict(
                "its evidence or a waiver has run out since; ask for it again".to_owned(),
            ));
        }
        tx.refuse_lost_ground(revision.id).await?;
    }
    tx.decide_launch(&permit, launch.id, locked.state, after, reason.as_str()).await?;
    tx.commit().await?;
    refresh_after(app, Some(model.id)).await;
    Ok(after)
}

/// Says something about a launch.
pub async fn comment(app: &App, actor: &Actor, number: &str, text: &str) -> Result<()> {
    let (launch, model, _) = find(app, actor, number).await?;
    let lineage = app.store.lineage(model.team_id).await?;
    let permit = actor.permit::<Comment>(Scope::Team(&lineage))?;
    let text = Prose::new(text)
        .map_err(|error| Error::Fields(FieldErrors::one("text", error.to_string())))?;
    if text.as_str().trim().is_empty() {
        return Err(FieldErrors::one("text", "write something").into());
    }
    let mut tx = app.store.begin(&actor.by(), &app.clock).await?;
    tx.add_comment(&permit, &launch, actor.person()?, text.as_str()).await?;
    tx.commit().await
}
