//! Launches: a request to ship, with everything that it rests on. Who signs, waives or decides does
//! so on a page.

use super::body::{Body, refuse};
use super::moment::Moment;
use super::operation::{Area, Operation};
use super::page::{Cursor, List, cut};
use super::query::Query;
use super::readiness::{PolicyRef, ReadinessAnswer};
use super::runs::RunAnswer;
use super::teams::team_of;
use crate::actions::launches::{self, LaunchInput};
use crate::actions::review::{self, Blocker, Review, Reviewed, Slot};
use crate::auth::Actor;
use crate::error::{Error, Result};
use crate::http::{Access, Routes};
use crate::state::App;
use crate::store::launches::{Launch, SignOffLine};
use crate::store::waivers::Waiver;
use app::domain::launch::{Decision, MakerPart, State as Standing};
use app::domain::verdict::Verdict;
use app::domain::{Function, LaunchId, Permission, WaiverId};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use metrics::Slice;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub fn routes(routes: Routes) -> Routes {
    let read = Access::May(Permission::Read);
    routes
        .get("/api/v1/launches", read, list)
        .describe(
            Operation::new(Area::Launches, "listLaunches", "List launches, newest first")
                .query::<ListQuery>()
                .gives::<List<LaunchSummary>>(200, "A page of launches")
                .refuses(422),
        )
        .post("/api/v1/launches", Access::May(Permission::RequestLaunch), add)
        .describe(
            Operation::new(Area::Launches, "addLaunch", "Ask for a launch")
                .about(
                    "Takes the newest accepted evidence of the version and asks the functions that \
                     its policy names to sign. A draft asks nobody yet.",
                )
                .takes::<NewLaunch>()
                .gives::<LaunchAnswer>(201, "The launch")
                .located()
                .refuses(404)
                .refuses(409),
        )
        .get("/api/v1/launches/{launch}", read, show)
        .describe(
            Operation::new(Area::Launches, "getLaunch", "Read a launch")
                .about("With what its newest revision rests on, who signed it, and what blocks it.")
                .gives::<LaunchAnswer>(200, "The launch"),
        )
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct ListQuery {
    #[schemars(with = "Option<Standing>")]
    state: Option<String>,
    /// Only those of models of the team with this slug.
    team: Option<String>,
    /// Only those of the model with this slug.
    model: Option<String>,
    /// How many items to give: 100 unless it says otherwise.
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<usize>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A launch to be asked for.
#[derive(JsonSchema)]
pub struct NewLaunch {
    /// The model's slug.
    pub model: String,
    /// The label of the version to ship.
    pub version: String,
    /// What is shipped, and to whom.
    #[schemars(length(max = 10000))]
    pub summary: Option<String>,
    /// The day that it is planned for, such as 2026-11-30.
    pub planned_for: Option<String>,
    /// Keep it for yourself: nothing is asked of anybody yet.
    pub draft: Option<bool>,
}

/// What every view of a launch says.
#[derive(Serialize, JsonSchema)]
struct LaunchHead {
    id: LaunchId,
    /// What people call it, such as L-3.
    number: String,
    /// Its page.
    url: String,
    /// The model's slug.
    model: String,
    /// The label of the version.
    version: String,
    /// The name of the team that owns the model.
    team: String,
    state: Standing,
    /// What is shipped, and to whom.
    summary: String,
    planned_for: Option<Moment>,
    /// Of the newest revision; null while nothing was asked for.
    #[schemars(with = "Option<Verdict>")]
    verdict: Option<String>,
    /// When its evidence or a waiver runs out.
    valid_until: Option<Moment>,
    created_by: String,
    created_at: Moment,
    updated_at: Moment,
    launched_at: Option<Moment>,
}

/// A launch as lists give it.
#[derive(Serialize, JsonSchema)]
struct LaunchSummary {
    #[serde(flatten)]
    head: LaunchHead,
    /// The number of its newest revision; null while nothing was asked for.
    revision: Option<i64>,
    sign_offs: SignOffCount,
}

/// How many sign-offs there are of how many.
#[derive(Serialize, JsonSchema)]
struct SignOffCount {
    required: i64,
    approved: i64,
}

/// A launch with its newest revision.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Launch")]
struct LaunchAnswer {
    #[serde(flatten)]
    head: LaunchHead,
    /// The newest; null while nothing was asked for.
    revision: Option<RevisionAnswer>,
    /// Whether a request made now would make another revision; null where nobody asks.
    stale: Option<bool>,
    /// What has changed since the newest revision; null where nobody asks.
    changed_since: Option<Vec<String>>,
    /// The functions in which somebody must sign.
    required_sign_offs: Vec<SlotAnswer>,
    /// All that were given, the newest first.
    sign_offs: Vec<SignOff>,
    waivers: Vec<WaiverAnswer>,
    /// What holds it back.
    blockers: Vec<BlockerAnswer>,
    /// The oldest first.
    comments: Vec<Comment>,
    /// The newest first.
    revisions: Vec<RevisionSummary>,
}

/// What a signature covers.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Revision")]
struct RevisionAnswer {
    /// From 1.
    revision: i64,
    digest: String,
    requested_by: String,
    requested_at: Moment,
    valid_until: Option<Moment>,
    /// Whether its evidence or a waiver has run out.
    expired: bool,
    /// What was different from the revision before.
    changes: Vec<String>,
    /// The policy that is pinned to it.
    policy: Option<PolicyRef>,
    /// The version of the attribute registry that is pinned to it.
    registry_version: i64,
    /// The evidence.
    runs: Vec<RunAnswer>,
    /// Those who made what is judged, and so may not sign.
    makers: Vec<Maker>,
    readiness: ReadinessAnswer,
}

#[derive(Serialize, JsonSchema)]
struct Maker {
    person: String,
    part: MakerPart,
}

/// A function in which somebody must sign.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RequiredSignOff")]
struct SlotAnswer {
    function: Function,
    /// The sign-off that counts.
    held: Option<GivenSignOff>,
    /// The newest sign-off of an earlier revision.
    stale: Option<GivenSignOff>,
    /// The names of those who could sign.
    could_sign: Vec<String>,
}

#[derive(Serialize, JsonSchema)]
struct GivenSignOff {
    person: String,
    #[schemars(with = "Decision")]
    decision: String,
    reason: String,
    at: Moment,
    /// The revision that was signed.
    revision: i64,
}

/// A sign-off as it was given.
#[derive(Serialize, JsonSchema)]
struct SignOff {
    #[schemars(with = "Function")]
    function: String,
    #[serde(flatten)]
    given: GivenSignOff,
    /// Whether it holds its place on the newest revision.
    counts: bool,
}

/// A time-limited exception from a rule on a slice.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Waiver")]
struct WaiverAnswer {
    id: WaiverId,
    /// Its page.
    url: String,
    /// The rule's id.
    rule: String,
    /// The metric's key.
    metric: String,
    /// The bound that it lifts, in words.
    bound: String,
    slice: Option<Slice>,
    reason: String,
    /// What is done instead.
    control: String,
    owner_name: String,
    asked_by: String,
    approved_by: Option<String>,
    expires_at: Moment,
    revoked_at: Option<Moment>,
}

/// Something that holds a launch back.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Blocker")]
struct BlockerAnswer {
    what: String,
    why: String,
    /// Who can clear it.
    who: String,
}

#[derive(Serialize, JsonSchema)]
struct Comment {
    person: String,
    revision: i64,
    at: Moment,
    text: String,
}

/// One of the revisions of a launch.
#[derive(Serialize, JsonSchema)]
struct RevisionSummary {
    revision: i64,
    digest: String,
    #[schemars(with = "Verdict")]
    verdict: String,
    requested_by: String,
    requested_at: Moment,
}

async fn list(
    State(app): State<App>,
    actor: Actor,
    Query(query): Query<ListQuery>,
) -> Result<Json<List<LaunchSummary>>> {
    let state: Option<Standing> =
        query.state.map(|word| word.parse()).transpose().map_err(Error::BadRequest)?;
    let team = team_of(&app, query.team.as_deref()).await?;
    let cursor = Cursor { limit: query.limit, cursor: query.cursor };
    let launches = launches::seen(&app, &actor).await?;
    let wanted = |launch: &Launch| {
        state.is_none_or(|state| launch.state == state)
            && team.is_none_or(|team| launch.team_id == team)
            && query.model.as_ref().is_none_or(|model| launch.model_slug == *model)
    };
    Ok(Json(cut(&launches, wanted, &cursor, name)?.map(summary)))
}

/// What people call it.
fn name(launch: &Launch) -> String {
    format!("L-{}", launch.number)
}

impl LaunchHead {
    fn of(launch: &Launch) -> Self {
        Self {
            id: launch.id,
            number: name(launch),
            url: format!("/launches/{}", launch.number),
            model: launch.model_slug.clone(),
            version: launch.version_label.clone(),
            team: launch.team_name.clone(),
            state: launch.state,
            summary: launch.summary.clone(),
            planned_for: launch.planned_for.map(Moment::of),
            verdict: launch.verdict.clone(),
            valid_until: launch.valid_until.map(Moment::of),
            created_by: launch.created_by_name.clone(),
            created_at: Moment::of(launch.created_at),
            updated_at: Moment::of(launch.updated_at),
            launched_at: launch.launched_at.map(Moment::of),
        }
    }
}

fn summary(launch: &Launch) -> LaunchSummary {
    LaunchSummary {
        head: LaunchHead::of(launch),
        revision: (launch.revision > 0).then_some(launch.revision),
        sign_offs: SignOffCount { required: launch.slots, approved: launch.approved_slots },
    }
}

async fn show(
    State(app): State<App>,
    actor: Actor,
    Path(launch): Path<String>,
) -> Result<Json<LaunchAnswer>> {
    Ok(Json(LaunchAnswer::of(&review::look(&app, &actor, &launch, None).await?)))
}

async fn add(State(app): State<App>, actor: Actor, bytes: Bytes) -> Result<Response> {
    let mut input = LaunchInput::default();
    let mut body = Body::parse(&bytes)?;
    body.text("model", &mut input.model);
    body.text("version", &mut input.version);
    body.text("summary", &mut input.summary);
    body.text("planned_for", &mut input.planned_for);
    body.flag("draft", &mut input.is_draft);
    refuse(body.finish(), launches::check(&app, &actor, &input)).await?;
    let number = launches::add(&app, &actor, &input).await?;
    let review = review::look(&app, &actor, &number.to_string(), None).await?;
    let place = format!("/api/v1/launches/{}", name(&review.launch));
    Ok((StatusCode::CREATED, [(header::LOCATION, place)], Json(LaunchAnswer::of(&review)))
        .into_response())
}

impl LaunchAnswer {
    fn of(review: &Review) -> Self {
        let slots = review.revision.iter().flat_map(|it| &it.slots);
        let waivers = review.revision.iter().flat_map(|it| &it.waivers);
        let comments = review.comments.iter().map(|it| Comment {
            person: it.person_name.clone(),
            revision: it.revision,
            at: Moment::of(it.at),
            text: it.text.clone(),
        });
        let revisions = review.revisions.iter().map(|it| RevisionSummary {
            revision: it.number,
            digest: it.digest.clone(),
            verdict: it.verdict.clone(),
            requested_by: it.requested_by_name.clone(),
            requested_at: Moment::of(it.requested_at),
        });
        Self {
            head: LaunchHead::of(&review.launch),
            revision: review.revision.as_ref().map(|it| revision(review, it)),
            stale: review.now.as_ref().map(|now| now.is_stale),
            changed_since: review.now.as_ref().map(|now| now.changes.clone()),
            required_sign_offs: slots.map(slot).collect(),
            sign_offs: review.sign_offs.iter().map(|it| signed(it, review)).collect(),
            waivers: waivers.map(waiver).collect(),
            blockers: review.blockers.iter().map(blocker).collect(),
            comments: comments.collect(),
            revisions: revisions.collect(),
        }
    }
}

fn revision(review: &Review, reviewed: &Reviewed) -> RevisionAnswer {
    let it = &reviewed.revision;
    let makers = reviewed
        .makers
        .iter()
        .map(|maker| Maker { person: maker.person_name.clone(), part: maker.part });
    let runs = reviewed.runs.iter().map(|run| RunAnswer::of(&review.model.slug, run));
    RevisionAnswer {
        revision: it.number,
        digest: it.digest.clone(),
        requested_by: it.requested_by_name.clone(),
        requested_at: Moment::of(it.requested_at),
        valid_until: it.valid_until.map(Moment::of),
        expired: reviewed.is_expired,
        changes: reviewed.changes.clone(),
        policy: reviewed.content.policy.as_ref().map(PolicyRef::from),
        registry_version: reviewed.content.registry_version,
        runs: runs.collect(),
        makers: makers.collect(),
        readiness: ReadinessAnswer::of(&reviewed.readiness),
    }
}

fn given(line: &SignOffLine) -> GivenSignOff {
    GivenSignOff {
        person: line.person_name.clone(),
        decision: line.decision.clone(),
        reason: line.reason.clone(),
        at: Moment::of(line.at),
        revision: line.revision,
    }
}

fn slot(slot: &Slot) -> SlotAnswer {
    SlotAnswer {
        function: slot.function,
        held: slot.held.as_ref().map(given),
        stale: slot.stale.as_ref().map(given),
        could_sign: slot.could.clone(),
    }
}

fn signed(line: &SignOffLine, review: &Review) -> SignOff {
    SignOff {
        function: line.slot.clone(),
        given: given(line),
        counts: line.holds && line.revision == review.launch.revision,
    }
}

fn waiver(waiver: &Waiver) -> WaiverAnswer {
    WaiverAnswer {
        id: waiver.id,
        url: format!("/waivers/{}", waiver.id),
        rule: waiver.rule.clone(),
        metric: waiver.metric.clone(),
        bound: waiver.bound.clone(),
        slice: Slice::parse(&waiver.slice).ok(),
        reason: waiver.reason.clone(),
        control: waiver.control.clone(),
        owner_name: waiver.owner_name.clone(),
        asked_by: waiver.asked_by_name.clone(),
        approved_by: waiver.approved_by_name.clone(),
        expires_at: Moment::of(waiver.expires_at),
        revoked_at: waiver.revoked_at.map(Moment::of),
    }
}

fn blocker(blocker: &Blocker) -> BlockerAnswer {
    BlockerAnswer { what: blocker.what.clone(), why: blocker.why.clone(), who: blocker.who.clone() }
}
